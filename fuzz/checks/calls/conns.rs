//! Calls about connections.

use super::world::{World, world};
use std::ffi::{c_char, c_void};
use std::ptr::null;
use wsrs::boundary::handle::Kind;
use wsrs::capi::conn::*;
use wsrs::capi::conn_info::*;
use wsrs::capi::listener::WSRS_ADDRESS_MAX;
use wsrs::capi::message::{wsrs_header, wsrs_slice};
use wsrs::capi::request::*;
use wsrs::capi::result::*;
use wsrs::capi::stats::*;
use wsrs::capi::timings::*;
use wsrs::capi::types::*;

const SENDING: [i32; 4] = [WSRS_ERR_AGAIN, WSRS_ERR_NOT_OPEN, WSRS_ERR_UTF8, WSRS_ERR_STATE];

/// Makes a call about one connection and checks its result.
fn about(name: &str, more: &[i32], choose: impl FnOnce(&mut World) -> Call) -> (u64, i32) {
    let mut here = world();
    let id = here.handle(Kind::Conn);
    let freed = here.is_freed(id);
    let call = choose(&mut here);
    drop(here);
    let result = call(wsrs_conn { id });
    world().check(name, result, freed, more);
    (id, result)
}

type Call = Box<dyn FnOnce(wsrs_conn) -> i32>;

pub(super) fn send() {
    about("send", &SENDING, |here| {
        let (how, kind, size) = here.read(|input| (input.byte(), i32::from(input.byte() % 4), input.size()));
        // Every eighth is no UTF-8.
        let data = vec![if how & 7 == 7 { 0xff } else { b'x' }; size];
        Box::new(move |conn| {
            let at = data.as_ptr().cast::<c_void>();
            let parts = [
                wsrs_slice { data: at, len: size / 2 },
                wsrs_slice { data: null(), len: 0 },
                wsrs_slice { data: at, len: size - size / 2 },
            ];
            // SAFETY: everything is valid.
            unsafe {
                match how / 8 % 6 {
                    0 => wsrs_conn_send_binary(conn, at, size),
                    1 => wsrs_conn_send(conn, kind, at, size),
                    2 => wsrs_conn_send_text(conn, c"κόσμε".as_ptr()),
                    3 => wsrs_conn_send_gathered(conn, kind, parts.as_ptr(), 3),
                    last => wsrs_conn_send_fragment(conn, kind, at, size, i32::from(last == 4)),
                }
            }
        })
    });
}

pub(super) fn control() {
    about("ping, pong", &[WSRS_ERR_TOO_LARGE, WSRS_ERR_AGAIN, WSRS_ERR_NOT_OPEN], |here| {
        let (ping, size) = here.read(|input| (input.flag(), usize::from(input.byte() % 128)));
        Box::new(move |conn| {
            let data = [b'p'; 128];
            let call = if ping { wsrs_conn_ping } else { wsrs_conn_pong };
            // SAFETY: everything is valid.
            let result = unsafe { call(conn, data.as_ptr().cast(), size) };
            assert!(size <= 125 || result != WSRS_OK);
            result
        })
    });
}

pub(super) fn close() {
    about("close", &[WSRS_ERR_CLOSE_CODE, WSRS_ERR_TOO_LARGE, WSRS_ERR_UTF8], |here| {
        let code = here.read(|input| input.pick(&[1000, 0, 1001, 4999, 999, 1005, 1006, 5000, -1, 70_000]));
        let reason = here.read(|input| input.bytes(130).to_vec());
        // SAFETY: everything is valid.
        Box::new(move |conn| unsafe { wsrs_conn_close(conn, code, reason.as_ptr().cast(), reason.len()) })
    });
}

pub(super) fn end_or_flow() {
    about("abort, pause, resume, request_drain", &[WSRS_ERR_NOT_OPEN], |here| {
        let which = here.read(|input| {
            input.pick(&[wsrs_conn_abort, wsrs_conn_pause, wsrs_conn_resume, wsrs_conn_request_drain, wsrs_conn_resume])
        });
        Box::new(move |conn| which(conn))
    });
}

pub(super) fn retarget() {
    about("retarget", &[WSRS_ERR_STATE, WSRS_ERR_URL], |here| {
        let url = here.read(|input| input.pick(&[Some(c"ws+unix:/nowhere"), Some(c"http://x/"), None]));
        // SAFETY: everything is valid.
        Box::new(move |conn| unsafe { wsrs_conn_retarget(conn, url.map_or(null(), |url| url.as_ptr()), null(), 0) })
    });
}

pub(super) fn ask_numbers() {
    about("buffered, context", &[], |here| {
        let contexts: Vec<u64> = here.contexts.keys().copied().collect();
        Box::new(move |conn| {
            let state = wsrs_conn_state(conn);
            assert!((WSRS_STATE_CONNECTING..=WSRS_STATE_CLOSED).contains(&state));
            let (mut buffered, mut context) = (usize::MAX, wsrs_context { id: 7 });
            // SAFETY: everything is valid.
            let results = unsafe { [wsrs_conn_buffered(conn, &mut buffered), wsrs_conn_context(conn, &mut context)] };
            assert_eq!(results[0] == WSRS_OK, buffered != usize::MAX);
            assert_eq!(results[1] == WSRS_OK, contexts.contains(&context.id));
            results[1]
        })
    });
}

pub(super) fn stats() {
    about("stats", &[], |_| {
        Box::new(|conn| {
            // SAFETY: zero is a value of each member.
            let mut stats: wsrs_stats = unsafe { std::mem::zeroed() };
            stats.size = size_of::<wsrs_stats>();
            // SAFETY: everything is valid.
            let result = unsafe { wsrs_conn_stats(conn, &mut stats) };
            assert!(result == WSRS_OK || (stats.messages_sent, stats.queued) == (0, 0));
            assert!(stats.rtt_least_us <= stats.rtt_us);
            // SAFETY: as above.
            let mut timings: wsrs_timings = unsafe { std::mem::zeroed() };
            timings.size = size_of::<wsrs_timings>();
            // SAFETY: everything is valid.
            let timed = unsafe { wsrs_conn_timings(conn, &mut timings) };
            assert!(timed == WSRS_OK || timings.total == 0);
            result
        })
    });
}

pub(super) fn user_data() {
    let number = world().number();
    let (id, result) = about("user_data", &[], |here| {
        let set = here.read(|input| input.flag());
        let known = |id: u64| world().lives.get(&id).and_then(|life| life.user_data);
        Box::new(move |conn| {
            let mut read = std::ptr::without_provenance_mut(1);
            // SAFETY: everything is valid.
            let result = unsafe { wsrs_conn_user_data(conn, &mut read) };
            if let (WSRS_OK, Some(known)) = (result, known(conn.id)) {
                assert_eq!(read as usize, known, "user data");
            }
            match set {
                true => wsrs_conn_set_user_data(conn, std::ptr::without_provenance_mut(number)),
                false => WSRS_ERR_CLOSED,
            }
        })
    });
    if result == WSRS_OK {
        world().lives.entry(id).or_default().user_data = Some(number);
    }
}

pub(super) fn addresses() {
    about("address", &[WSRS_ERR_NOT_OPEN, WSRS_ERR_SYSTEM], |here| {
        let which = here.read(|input| input.pick(&[true, false]));
        Box::new(move |conn| {
            let call = if which { wsrs_conn_local_address } else { wsrs_conn_peer_address };
            let (mut buffer, mut len) = ([1; WSRS_ADDRESS_MAX], usize::MAX);
            // SAFETY: everything is valid.
            let result = unsafe { call(conn, buffer.as_mut_ptr(), buffer.len(), &mut len) };
            assert!(if result == WSRS_OK { buffer[len] == 0 } else { len == usize::MAX });
            result
        })
    });
}

pub(super) fn texts() {
    about("path, query, subprotocol, header", &[WSRS_ERR_NOT_FOUND], |here| {
        let (which, index) = here.read(|input| (input.byte(), usize::from(input.byte() % 12)));
        Box::new(move |conn| {
            let (mut data, mut len) = (null::<c_char>(), usize::MAX);
            let mut header = wsrs_header { name: null(), name_len: 0, value: null(), value_len: 0 };
            // SAFETY: everything is valid; what comes back may be read now.
            unsafe {
                let result = match which % 5 {
                    0 => wsrs_conn_path(conn, &mut data, &mut len),
                    1 => wsrs_conn_query(conn, &mut data, &mut len),
                    2 => wsrs_conn_subprotocol(conn, &mut data, &mut len),
                    3 => wsrs_conn_header(conn, c"Host".as_ptr(), &mut data, &mut len),
                    _ => wsrs_conn_header_at(conn, index, &mut header),
                };
                if which % 5 == 4 {
                    (data, len) = (header.value, if header.name.is_null() { usize::MAX } else { header.value_len });
                }
                assert_eq!(result == WSRS_OK, len != usize::MAX);
                if result == WSRS_OK {
                    std::hint::black_box(std::slice::from_raw_parts(data.cast::<u8>(), len).to_vec());
                }
                result
            }
        })
    });
}

pub(super) fn accept() {
    about("accept", &[WSRS_ERR_STATE, WSRS_ERR_HEADER], |here| {
        let (chosen, count) = here.read(|input| (input.byte() % 6, usize::from(input.flag())));
        Box::new(move |conn| {
            let chosen =
                [null(), null(), null(), c"chat".as_ptr(), c"other".as_ptr(), c"a,b".as_ptr()][usize::from(chosen)];
            // SAFETY: everything is valid.
            unsafe { wsrs_conn_accept(conn, chosen, &header(), count) }
        })
    });
}

pub(super) fn respond() {
    about("respond", &[WSRS_ERR_STATE, WSRS_ERR_HEADER], |here| {
        let (status, body) = here.read(|input| (input.pick(&[404, 200, 204, 101, 600, -1]), input.bytes(60).to_vec()));
        // SAFETY: everything is valid.
        Box::new(move |conn| unsafe { wsrs_conn_respond(conn, status, &header(), 1, body.as_ptr().cast(), body.len()) })
    });
}

fn header() -> wsrs_header {
    wsrs_header { name: c"x-b".as_ptr(), name_len: usize::MAX, value: c"2".as_ptr(), value_len: 1 }
}

pub(super) fn defer() {
    about("defer", &[WSRS_ERR_STATE], |_| Box::new(|conn| wsrs_conn_defer(conn)));
}
