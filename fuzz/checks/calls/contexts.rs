//! Calls about contexts and listeners.

use super::callbacks::{ASKING, EMPTY, SILENT, on_log};
use super::deflating::DEFLATE;
use super::limits::limits;
use super::raw;
use super::world::{Context, Life, World, world};
use std::collections::HashMap;
use std::ffi::{CString, c_void};
use std::ptr::{null, null_mut};
use wsrs::boundary::handle::Kind;
use wsrs::capi::callbacks::wsrs_callbacks;
use wsrs::capi::context::*;
use wsrs::capi::listener::*;
use wsrs::capi::log::wsrs_context_set_log;
use wsrs::capi::message::wsrs_header;
use wsrs::capi::options::*;
use wsrs::capi::result::*;
use wsrs::capi::stats::*;
use wsrs::capi::types::*;

const MOST_CONTEXTS: usize = 3;
const WAITS: usize = 1;
const LISTENS: usize = 2;
const CONNECTS: usize = 3;
const RUNS: usize = 4;
/// What an output has before a call, and after one that fails.
pub(super) const UNTOUCHED: u64 = 0x5ca1_ab1e_5ca1_ab1e;

pub(super) fn pointer(number: usize) -> *mut c_void {
    std::ptr::without_provenance_mut(number)
}

pub(super) fn new() {
    let mut here = world();
    let alive = |(id, context): &(&u64, &Context)| !context.freed || here.running.contains(id);
    if here.contexts.iter().filter(alive).count() == MOST_CONTEXTS {
        return;
    }
    let (set, limits, user_data) = (set(&mut here), limits(&mut here), here.number());
    drop(here);
    let options = wsrs_context_options { size: size_of::<wsrs_context_options>(), limits: &limits };
    let mut made = wsrs_context { id: UNTOUCHED };
    // SAFETY: everything is valid, and the callbacks are made for it.
    let result = unsafe { wsrs_context_new(&options, &set.unwrap_or(SILENT), pointer(user_data), &mut made) };
    let mut here = world();
    here.check("new", result, false, &[WSRS_ERR_LIMIT]);
    assert_eq!(result == WSRS_OK, made.id != UNTOUCHED);
    if result == WSRS_OK {
        let hasty = limits.stop_grace_ms == 1;
        let before = here.contexts.insert(made.id, Context { user_data, hasty, freed: false });
        assert!(before.is_none(), "an id was used again");
        here.know(Kind::Context, made.id, made.id);
    }
}

/// None: whichever is the default.
fn set(here: &mut World) -> Option<wsrs_callbacks> {
    here.read(|input| input.pick(&[None, Some(ASKING), Some(SILENT), Some(ASKING)]))
}

pub(super) fn free_any() {
    let id = world().handle(Kind::Context);
    free(id);
}

pub(super) fn free(id: u64) {
    let mut here = world();
    let running = here.running.contains(&id);
    let before = here.contexts.get_mut(&id).map(|context| std::mem::replace(&mut context.freed, true));
    if !running {
        here.running.push(id);
    }
    let timers = std::mem::take(&mut here.timers);
    let (ended, others): (HashMap<_, _>, _) = timers.into_iter().partition(|(_, timer)| timer.context == id);
    here.timers = others;
    drop(here);
    let result = wsrs_context_free(wsrs_context { id });
    let mut here = world();
    if !running {
        here.running.pop();
    }
    here.check("free", result, false, &[]);
    if let Some(before) = before {
        assert!(result == WSRS_OK || here.elsewhere > 0, "free: {result}");
        if result != WSRS_OK {
            here.contexts.entry(id).and_modify(|context| context.freed = before);
            here.timers.extend(ended);
        }
    }
}

pub(super) fn poll() {
    let mut here = world();
    let id = here.handle(Kind::Context);
    let wait = here.read(|input| input.byte());
    let timeout = match wait {
        0..4 if here.afford(WAITS, 3) => 1,
        4 => -2,
        _ => 0,
    };
    drop(here);
    turn("poll", id, || wsrs_context_poll(wsrs_context { id }, timeout));
}

/// A stop, and all turns until everything is closed: only where that is soon.
pub(super) fn run() {
    let mut here = world();
    let id = here.handle(Kind::Context);
    let hasty = here.contexts.get(&id).is_none_or(|context| context.hasty) && here.afford(RUNS, 2);
    drop(here);
    if hasty && [WSRS_OK, WSRS_ERR_ARGUMENT, WSRS_ERR_CLOSED].contains(&wsrs_context_stop(wsrs_context { id })) {
        turn("run", id, || wsrs_context_run(wsrs_context { id }));
    }
}

fn turn(name: &str, id: u64, call: impl FnOnce() -> i32) {
    let mut here = world();
    let (nested, freed) = (here.running.contains(&id), here.is_freed(id));
    here.running.push(id);
    drop(here);
    let result = call();
    let mut here = world();
    here.running.pop();
    if nested {
        let thread = result == WSRS_ERR_THREAD && here.elsewhere > 0;
        assert!(thread || [WSRS_ERR_REENTRY, WSRS_ERR_ARGUMENT].contains(&result), "nested {name}: {result}");
    } else {
        here.check(name, result, freed, &[]);
    }
}

pub(super) fn stop() {
    let mut here = world();
    let id = here.handle(Kind::Context);
    let freed = here.is_freed(id);
    drop(here);
    let result = wsrs_context_stop(wsrs_context { id });
    // Inside its last turn a freed context may still be stopped, which changes nothing.
    let here = world();
    here.check("stop", result, freed && !here.running.contains(&id), &[]);
}

fn address(here: &mut World) -> String {
    let (which, odd) = here.read(|input| (input.byte(), input.byte()));
    match which {
        0..24 => ["127.0.0.1:0", "", "unix:", "unix:/nowhere/x", "127.0.0.1:99999", "[::1]:0", "x"]
            [usize::from(odd % 7)]
        .into(),
        _ => format!("unix:{}", here.folder.join((which % 3).to_string()).display()),
    }
}

pub(super) fn listen() {
    let mut here = world();
    if !here.afford(LISTENS, 8) {
        return;
    }
    let (id, address) = (here.handle(Kind::Context), address(&mut here));
    let (set, limits, flags) = (set(&mut here), limits(&mut here), here.read(|input| input.byte()));
    let user_data = if flags & 1 == 0 { 0 } else { here.number() };
    let freed = here.is_freed(id);
    drop(here);
    let address = CString::new(address).expect("no NUL");
    let options = wsrs_listen_options {
        size: size_of::<wsrs_listen_options>(),
        callbacks: set.as_ref().map_or(null(), std::ptr::from_ref),
        user_data: pointer(user_data),
        limits: if flags & 2 == 0 { null() } else { &limits },
        subprotocols: if flags & 4 == 0 { null() } else { c"chat, other".as_ptr() },
        streaming: i32::from(flags & 8 != 0),
        keep_request: i32::from(flags & 16 != 0),
        deflate: if flags & 16 == 0 { null() } else { &DEFLATE },
        backlog: i32::from(flags & 32 != 0) * 20,
        reuse_port: i32::from(flags & 64 != 0),
        ipv6_only: 0,
        unix_mode: u32::from(flags & 128 != 0) * 0o600,
        // SAFETY: 0 is NULL or a number in each member.
        ..unsafe { std::mem::zeroed() }
    };
    let mut made = wsrs_listener { id: UNTOUCHED };
    // SAFETY: everything is valid.
    let result = unsafe { wsrs_context_listen(wsrs_context { id }, address.as_ptr(), &options, &mut made) };
    let mut here = world();
    let more = [WSRS_ERR_ADDRESS, WSRS_ERR_IN_USE, WSRS_ERR_SYSTEM, WSRS_ERR_STATE, WSRS_ERR_LIMIT];
    here.check("listen", result, freed, &more);
    assert_eq!(result == WSRS_OK, made.id != UNTOUCHED);
    if result == WSRS_OK {
        here.know(Kind::Listener, made.id, id);
    }
}

fn url(here: &mut World) -> String {
    let (which, odd) = here.read(|input| (input.byte(), input.byte()));
    let odd_urls =
        ["ws://127.0.0.1:1/", "", "http://x/", "ws://", "ws+unix:/nowhere:/x", "wss://127.0.0.1:1/", "ws+unix:"];
    match which {
        0..20 => odd_urls[usize::from(odd % 7)].into(),
        20..50 => format!("ws+unix:{}:/r", here.folder.join(raw::SOCKET).display()),
        _ => format!("ws+unix:{}:/path?q={odd}", here.folder.join((which % 3).to_string()).display()),
    }
}

pub(super) fn connect() {
    let mut here = world();
    if !here.afford(CONNECTS, 12) {
        return;
    }
    let (id, url) = (here.handle(Kind::Context), url(&mut here));
    let (own, limits, flags) = (set(&mut here), limits(&mut here), here.read(|input| input.byte()));
    let own = if flags & 64 == 0 { own } else { Some(EMPTY) };
    let user_data = if flags & 1 == 0 { 0 } else { here.number() };
    let freed = here.is_freed(id);
    drop(here);
    let url = CString::new(url).expect("no NUL");
    let header = wsrs_header { name: c"x-a".as_ptr(), name_len: 3, value: c"1".as_ptr(), value_len: usize::MAX };
    // SAFETY: zero is a value of each member.
    let mut reconnect: wsrs_reconnect = unsafe { std::mem::zeroed() };
    reconnect.size = size_of::<wsrs_reconnect>();
    (reconnect.min_delay_ms, reconnect.max_delay_ms, reconnect.max_tries) = (1, 5, 3);
    let options = wsrs_connect_options {
        size: size_of::<wsrs_connect_options>(),
        callbacks: own.as_ref().map_or(null(), std::ptr::from_ref),
        user_data: pointer(user_data),
        limits: if flags & 2 == 0 { null() } else { &limits },
        subprotocols: if flags & 4 == 0 { null() } else { c"other".as_ptr() },
        headers: &header,
        header_count: usize::from(flags & 32 != 0),
        streaming: i32::from(flags & 8 != 0),
        keep_response: i32::from(flags & 16 != 0),
        deflate: if flags & 16 == 0 { null() } else { &DEFLATE },
        reconnect: if flags & 128 == 0 { null() } else { &reconnect },
        max_redirects: i32::from(flags & 128 != 0) * 2,
        // SAFETY: 0 is NULL or a number in each member.
        ..unsafe { std::mem::zeroed() }
    };
    let mut made = wsrs_conn { id: UNTOUCHED };
    // SAFETY: everything is valid.
    let result = unsafe { wsrs_context_connect(wsrs_context { id }, url.as_ptr(), &options, &mut made) };
    let mut here = world();
    here.check("connect", result, freed, &[WSRS_ERR_URL, WSRS_ERR_HEADER, WSRS_ERR_LIMIT, WSRS_ERR_STATE]);
    assert_eq!(result == WSRS_OK, made.id != UNTOUCHED);
    if result == WSRS_OK {
        here.know(Kind::Conn, made.id, id);
        let first = if own.is_some() || user_data != 0 { user_data } else { here.contexts[&id].user_data };
        let life = Life { attempted: true, watched: flags & 64 == 0, user_data: Some(first), ..Life::default() };
        assert!(here.lives.insert(made.id, life).is_none(), "an id was used again");
    }
}

pub(super) fn next_conn() {
    let mut here = world();
    let (id, mut previous) = (here.handle(Kind::Context), wsrs_conn { id: 0 });
    if here.read(|input| input.flag()) {
        previous.id = here.handle(Kind::Conn);
    }
    let freed = here.is_freed(id);
    drop(here);
    for _ in 0..40 {
        let mut next = wsrs_conn { id: UNTOUCHED };
        // SAFETY: everything is valid.
        let result = unsafe { wsrs_context_next_conn(wsrs_context { id }, previous, &mut next) };
        world().check("next_conn", result, freed, &[]);
        assert_eq!(result == WSRS_OK, next.id != UNTOUCHED);
        if result != WSRS_OK || next.id == 0 {
            return;
        }
        world().know(Kind::Conn, next.id, id);
        previous = next;
    }
    panic!("next_conn does not end");
}

pub(super) fn send_many() {
    let mut here = world();
    let id = here.handle(Kind::Context);
    let conns: Vec<_> = (0..3).map(|_| wsrs_conn { id: here.handle(Kind::Conn) }).collect();
    let (flags, kind, size) = here.read(|input| (input.byte(), i32::from(input.byte() % 4), input.size()));
    let freed = here.is_freed(id);
    drop(here);
    let (data, mut sent) = (vec![b'x'; size], usize::MAX);
    let (context, data) = (wsrs_context { id }, data.as_ptr().cast());
    let count = usize::from(flags % 4);
    // SAFETY: everything is valid.
    let result = unsafe {
        match count {
            3 => wsrs_context_broadcast(context, kind, data, size, &mut sent),
            _ => wsrs_context_send_many(context, conns.as_ptr(), count, kind, data, size, &mut sent),
        }
    };
    world().check("send_many", result, freed, &[]);
    assert_eq!(result == WSRS_OK, sent != usize::MAX);
    assert!(result != WSRS_OK || count == 3 || sent <= count);
}

pub(super) fn ask() {
    let mut here = world();
    let id = here.handle(Kind::Context);
    let freed = here.is_freed(id);
    drop(here);
    let (mut descriptor, mut timeout) = (-7, -7);
    // SAFETY: everything is valid.
    let results = unsafe {
        [
            wsrs_context_fd(wsrs_context { id }, &mut descriptor),
            wsrs_context_timeout_ms(wsrs_context { id }, &mut timeout),
        ]
    };
    results.iter().for_each(|result| world().check("fd, timeout_ms", *result, freed, &[]));
    assert_eq!(results[0], results[1]);
    assert!(if results[0] == WSRS_OK { descriptor >= 0 && timeout >= -1 } else { descriptor == -7 && timeout == -7 });
}

pub(super) fn totals() {
    let mut here = world();
    let id = here.handle(Kind::Context);
    let freed = here.is_freed(id);
    drop(here);
    // SAFETY: zero is a value of each member.
    let mut totals: wsrs_totals = unsafe { std::mem::zeroed() };
    totals.size = size_of::<wsrs_totals>();
    // SAFETY: everything is valid.
    let result = unsafe { wsrs_context_totals(wsrs_context { id }, &mut totals) };
    world().check("totals", result, freed, &[]);
    assert_eq!(totals.size, size_of::<wsrs_totals>());
    assert!(totals.closed <= totals.opened && (result == WSRS_OK || totals.opened == 0));
}

pub(super) fn set_log() {
    let mut here = world();
    let (id, level) = (here.handle(Kind::Context), here.read(|input| i32::from(input.byte() % 6)));
    let freed = here.is_freed(id);
    drop(here);
    // SAFETY: a function that is made for it.
    let result = unsafe { wsrs_context_set_log(wsrs_context { id }, level, Some(on_log), null_mut()) };
    world().check("set_log", result, freed, &[]);
}

pub(super) fn ask_listener() {
    let mut here = world();
    let (id, capacity) = (here.handle(Kind::Listener), here.read(|input| input.pick(&[WSRS_ADDRESS_MAX, 0, 10])));
    let freed = here.is_freed(id);
    drop(here);
    let (mut buffer, mut len, mut port) = ([1; WSRS_ADDRESS_MAX], usize::MAX, 0);
    // SAFETY: everything is valid.
    let results = unsafe {
        let listener = wsrs_listener { id };
        [
            wsrs_listener_address(listener, buffer.as_mut_ptr(), capacity, &mut len),
            wsrs_listener_port(listener, &mut port),
        ]
    };
    results.iter().for_each(|result| world().check("listener", *result, freed, &[WSRS_ERR_NOT_FOUND]));
    assert!(if results[0] == WSRS_OK {
        buffer[len] == 0
    } else {
        len == usize::MAX && buffer == [1; WSRS_ADDRESS_MAX]
    });
    assert_eq!(results[1] == WSRS_OK, port != 0);
}

pub(super) fn close_listener() {
    let mut here = world();
    let id = here.handle(Kind::Listener);
    let freed = here.is_freed(id);
    drop(here);
    let result = wsrs_listener_close(wsrs_listener { id });
    world().check("listener_close", result, freed, &[]);
}
