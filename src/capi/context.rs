//! wsrs_context_*: making, running and ending a context; listening, connecting, and sending to many.

use super::callbacks::wsrs_callbacks;
use super::options::{self, wsrs_connect_options, wsrs_context_options, wsrs_listen_options};
use super::result::*;
use super::state::thread::{self, Visit, visit};
use super::state::{Ctx, Fault, export, export_any, registry, stop, turn};
use super::types::{outgoing, wsrs_conn, wsrs_context, wsrs_listener};
use super::{dispatch, message};
use crate::boundary::guard::{Here, guard_in_signal, silence_panics};
use crate::boundary::handle::Kind as Of;
use crate::boundary::pointer::{bytes, items, optional_out, out, read_sized};
use crate::net::event::Timeout;
use crate::net::{ConnId, Prepared, State};
use std::ffi::{c_char, c_void};
use std::time::Duration;

/// Makes a context.
///
/// options and callbacks may be NULL and are copied. user_data is the first user data of connections whose listener or
/// connect brings none; the library never reads what it points to.
///
/// Any thread. The thread that first polls or runs the context becomes the loop's thread; until then, functions for
/// the loop's thread may be called from any thread, one at a time. When the loop's thread ends, the same holds again.
///
/// Returns WSRS_OK; WSRS_ERR_ARGUMENT; WSRS_ERR_LIMIT with 1,024 contexts in the process; WSRS_ERR_DESCRIPTORS,
/// WSRS_ERR_MEMORY or WSRS_ERR_SYSTEM from the system.
///
/// # Safety
/// - options and callbacks are NULL, or initialised by their macros.
/// - out points to a wsrs_context.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_context_new(
    options: *const wsrs_context_options,
    callbacks: *const wsrs_callbacks,
    user_data: *mut c_void,
    out: *mut wsrs_context,
) -> wsrs_result {
    silence_panics();
    export("wsrs_context_new", 0, |_| {
        let place = self::out(out)?;
        // SAFETY: promised by the caller.
        let (limits, callbacks) = unsafe { (options::read_context(options)?, read_sized(callbacks)?) };
        let callbacks = (callbacks.unwrap_or(wsrs_callbacks::NONE), user_data as usize);
        let id = registry::create(limits, |slot, generation, net, window, shared| {
            Ctx::new((slot, generation), (net, window), callbacks, shared)
        })?;
        // SAFETY: promised by the caller.
        unsafe { place.write(wsrs_context { id }) };
        Ok(())
    })
}

/// Ends a context: closes what is open, calls on_close (or on_error) for each connection, then frees
/// all.
///
/// Inside a callback it marks the context and returns; the end comes when that callback has returned, before the poll
/// or run around it returns. From the call on, every function refuses the context's handles with WSRS_ERR_CLOSED, also
/// inside the on_close callbacks that follow. Timers are not called any more; functions posted before are, so that
/// their arguments can be freed. After an internal error (WSRS_ERR_PANIC) it frees without callbacks.
///
/// Loop thread. Returns WSRS_OK, also when the context was freed before; WSRS_ERR_ARGUMENT for another kind of handle;
/// WSRS_ERR_THREAD while another thread runs the context; WSRS_ERR_FORKED in the child of a fork, where it does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_context_free(context: wsrs_context) -> wsrs_result {
    export("wsrs_context_free", context.id, |here| turn::free(here, context.id))
}

/// Runs the context until wsrs_context_stop was called and everything is closed, or a callback frees it. A stop that
/// came before makes it close everything and return. It may be called again after.
///
/// Loop thread; makes this thread the loop's thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT; WSRS_ERR_CLOSED;
/// WSRS_ERR_THREAD; WSRS_ERR_REENTRY inside a callback of the same context; WSRS_ERR_FORKED; WSRS_ERR_SYSTEM when waiting
/// fails.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_context_run(context: wsrs_context) -> wsrs_result {
    export("wsrs_context_run", context.id, |here| turn::run(here, context.id))
}

/// Waits until something happens, at most timeout_ms milliseconds, and calls the callbacks for what happened. 0 does
/// not wait, -1 waits for ever. May return early with nothing done, for instance after a signal.
///
/// Loop thread; makes this thread the loop's thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT for a timeout below -1;
/// WSRS_ERR_CLOSED also when a callback freed the context; and else as wsrs_context_run.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_context_poll(context: wsrs_context, timeout_ms: i32) -> wsrs_result {
    export("wsrs_context_poll", context.id, |here| {
        let timeout = match timeout_ms {
            -1 => None,
            _ => Some(u64::try_from(timeout_ms).map_err(|_| Fault::argument("a timeout below -1"))?),
        };
        turn::poll(here, context.id, timeout.map(Duration::from_millis))
    })
}

/// Asks the context to stop: listeners close, connections are closed with 1001, wsrs_context_run returns when all are
/// gone or their time (stop_grace_ms) is over. Until then connects and listens are refused (WSRS_ERR_STATE). In a loop of
/// your own go on polling until wsrs_context_next_conn finds none. A stop that comes before a run is not lost.
///
/// Any thread, and from signal handlers. Returns WSRS_OK; WSRS_ERR_ARGUMENT for another kind of handle;
/// WSRS_ERR_CLOSED; WSRS_ERR_FORKED.
#[unsafe(no_mangle)]
pub extern "C" fn wsrs_context_stop(context: wsrs_context) -> wsrs_result {
    // Not `export`: that touches a thread-local, which a signal handler must not be the first to do.
    match guard_in_signal(|| stop::stop(context.id)) {
        Some(Ok(())) => WSRS_OK,
        Some(Err(result)) => result,
        None => WSRS_ERR_PANIC,
    }
}

/// The one descriptor that tells when wsrs_context_poll has something to do, for a loop of your own: readable means
/// call wsrs_context_poll(context, 0). It covers timers, and stays the same. Owned by the context, until it is freed:
/// don't read, write or close it.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT; WSRS_ERR_CLOSED; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - out points to an int32_t.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_context_fd(context: wsrs_context, out: *mut i32) -> wsrs_result {
    export("wsrs_context_fd", context.id, |here| {
        let place = self::out(out)?;
        let descriptor = of(here, context)?.net.borrow().descriptor();
        // SAFETY: promised by the caller.
        unsafe { place.write(descriptor) };
        Ok(())
    })
}

/// How many milliseconds a loop of your own may wait on wsrs_context_fd before it calls wsrs_context_poll anyway; -1:
/// for ever. Ask before each wait.
///
/// Loop thread. Returns as wsrs_context_fd.
///
/// # Safety
/// - out points to an int32_t.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_context_timeout_ms(context: wsrs_context, out: *mut i32) -> wsrs_result {
    export("wsrs_context_timeout_ms", context.id, |here| {
        let place = self::out(out)?;
        let timeout = milliseconds(of(here, context)?.net.borrow().timeout());
        // SAFETY: promised by the caller.
        unsafe { place.write(timeout) };
        Ok(())
    })
}

/// Rounded up: a wait that ends early would be repeated.
fn milliseconds(timeout: Timeout) -> i32 {
    let rounded = |timeout: Duration| timeout.as_nanos().div_ceil(1_000_000);
    timeout.map_or(-1, |timeout| i32::try_from(rounded(timeout)).unwrap_or(i32::MAX))
}

/// Listens on an address: "127.0.0.1:8080", "[::1]:0" (0: any free port), "*:8080" (IPv6 and IPv4),
/// "unix:/run/x.sock" (a socket file that nobody listens on any more is replaced). The address and the options are copied.
/// options may be NULL, and so may out.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT; WSRS_ERR_ADDRESS; WSRS_ERR_IN_USE; WSRS_ERR_PERMISSION;
/// WSRS_ERR_DESCRIPTORS; WSRS_ERR_MEMORY; WSRS_ERR_LIMIT; WSRS_ERR_SYSTEM, as for an address that is not this
/// machine's; WSRS_ERR_HEADER for a subprotocol that can't be; WSRS_ERR_PEM for a tls without a certificate;
/// WSRS_ERR_STATE while the context stops; WSRS_ERR_CLOSED; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - address is NUL-terminated.
/// - options is NULL, or initialised by WSRS_LISTEN_OPTIONS_INIT, and what it points to is valid.
/// - out is NULL or points to a wsrs_listener.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_context_listen(
    context: wsrs_context,
    address: *const c_char,
    options: *const wsrs_listen_options,
    out: *mut wsrs_listener,
) -> wsrs_result {
    export("wsrs_context_listen", context.id, |here| {
        let place = optional_out(out)?;
        // SAFETY: promised by the caller.
        let (address, (bring, mut options)) =
            unsafe { (message::utf8(address, WSRS_ERR_ADDRESS)?, options::read_listen(options)?) };
        let ctx = of(here, context)?;
        (options.tag, options.user_data, options.ask) = bring.settle(&ctx);
        let id = ctx.net.borrow_mut().listen(address, options)?;
        // SAFETY: promised by the caller.
        unsafe { place.write(wsrs_listener { id: ctx.listener(id) }) };
        Ok(())
    })
}

/// Starts to connect to a "ws://host:port/path?query" (port 80 without one), with TLS to a "wss://host:port/path?query"
/// (port 443), or to a Unix socket as "ws+unix:/run/x.sock:/path?query", and returns at once; on_open or on_error
/// follows, never before this function has returned. wsrs_conn_close or wsrs_conn_abort cancels. url and options are
/// copied. options may be NULL, and so may out.
///
/// The addresses of a name are tried IPv6 and IPv4 by turns, a quarter of a second apart or as soon as one fails; the first
/// that connects is taken (RFC 8305). All of it has to be done within connect_timeout_ms. A "user:password@" before the
/// host, percent-encoded where needed, becomes an Authorization header (Basic), unless the options' headers have one.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT; WSRS_ERR_URL; WSRS_ERR_HEADER; WSRS_ERR_ADDRESS, WSRS_ERR_IN_USE or
/// WSRS_ERR_PERMISSION for source or interface; WSRS_ERR_PEM for a trust store of the system that can't be used;
/// WSRS_ERR_UNSUPPORTED for TLS in a build without it; WSRS_ERR_LIMIT; WSRS_ERR_SYSTEM, also without random numbers;
/// WSRS_ERR_STATE while the context stops; WSRS_ERR_CLOSED; WSRS_ERR_THREAD; WSRS_ERR_FORKED. After an error no callback
/// comes.
///
/// # Safety
/// - url is NUL-terminated.
/// - options is NULL, or initialised by WSRS_CONNECT_OPTIONS_INIT, and what it points to is valid.
/// - out is NULL or points to a wsrs_conn.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_context_connect(
    context: wsrs_context,
    url: *const c_char,
    options: *const wsrs_connect_options,
    out: *mut wsrs_conn,
) -> wsrs_result {
    export("wsrs_context_connect", context.id, |here| {
        let place = optional_out(out)?;
        // SAFETY: promised by the caller.
        let (url, (bring, mut options)) =
            unsafe { (message::utf8(url, WSRS_ERR_URL)?, options::read_connect(options)?) };
        let ctx = of(here, context)?;
        (options.tag, options.user_data, _) = bring.settle(&ctx);
        let id = ctx.net.borrow_mut().connect(url, options)?;
        // SAFETY: promised by the caller.
        unsafe { place.write(wsrs_conn { id: ctx.conn(id) }) };
        Ok(())
    })
}

/// Calls a function on the loop's thread, in one of its next polls, once, in the order of the posts. When
/// the context is freed before, it is called while the context ends, so that argument can be freed.
///
/// Any thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT; WSRS_ERR_CLOSED; WSRS_ERR_FORKED.
///
/// # Safety
/// - function may be called on the loop's thread with argument.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_context_post(
    context: wsrs_context,
    function: Option<unsafe extern "C" fn(context: wsrs_context, argument: *mut c_void)>,
    argument: *mut c_void,
) -> wsrs_result {
    export_any("wsrs_context_post", context.id, |here| {
        let function = function.ok_or(Fault::argument("NULL instead of a function"))?;
        let shared = thread::shared(here, Of::Context, context.id)?;
        Ok(shared.door.post(dispatch::posted_words(function, argument))?)
    })
}

/// The connections of a context, one by one: those that connect, are open or close. Start with a previous whose id is 0
/// (WSRS_CONN_NONE); out gets id 0 at the end. Connections may come and go meanwhile.
///
/// Loop thread. Returns WSRS_OK, also at the end; WSRS_ERR_ARGUMENT, also for a connection of another context;
/// WSRS_ERR_CLOSED for the context; WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - out points to a wsrs_conn.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_context_next_conn(
    context: wsrs_context,
    previous: wsrs_conn,
    out: *mut wsrs_conn,
) -> wsrs_result {
    export("wsrs_context_next_conn", context.id, |here| {
        let place = self::out(out)?;
        let ctx = of(here, context)?;
        let previous = if previous.id == 0 { None } else { Some(member(&ctx, previous)?) };
        let next = ctx.net.borrow().next_conn(previous);
        // SAFETY: promised by the caller.
        unsafe { place.write(wsrs_conn { id: next.map_or(0, |id| ctx.conn(id)) }) };
        Ok(())
    })
}

/// Sends a message to every open connection of the context; it is framed once, and compressed once as with
/// wsrs_prepared_new. sent, if not NULL, gets the number of connections that took it. Those whose queue is full don't,
/// and get on_drain later; nor do those inside a fragmented message. type and data are as for wsrs_conn_send; data is
/// borrowed for the call.
///
/// Loop thread. Returns WSRS_OK, however many took it; WSRS_ERR_ARGUMENT; WSRS_ERR_UTF8; WSRS_ERR_CLOSED;
/// WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - data is readable for len bytes, or NULL with len 0.
/// - sent is NULL or points to a size_t.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_context_broadcast(
    context: wsrs_context,
    r#type: i32,
    data: *const c_void,
    len: usize,
    sent: *mut usize,
) -> wsrs_result {
    export("wsrs_context_broadcast", context.id, |here| {
        let place = optional_out(sent)?;
        // SAFETY: promised by the caller.
        let (how, data) = (outgoing(r#type)?, unsafe { bytes(data.cast(), len) }?);
        let ctx = of(here, context)?;
        let mut net = ctx.net.borrow_mut();
        let prepared = Prepared::new(how, data)?;
        let (mut count, mut next) = (0, net.next_conn(None));
        while let Some(id) = next {
            count += usize::from(net.state(id) == State::Open && net.send_prepared(id, &prepared).is_ok());
            next = net.next_conn(Some(id));
        }
        // SAFETY: promised by the caller.
        unsafe { place.write(count) };
        Ok(())
    })
}

/// As wsrs_context_broadcast, to the given connections of the context. Those that are not open are passed over. conns
/// and data are borrowed for the call.
///
/// Loop thread. Returns as wsrs_context_broadcast; WSRS_ERR_ARGUMENT when one is a connection of another context or no
/// connection at all, and then nothing was sent.
///
/// # Safety
/// - conns points to count handles, or is NULL with count 0.
/// - data is readable for len bytes, or NULL with len 0.
/// - sent is NULL or points to a size_t.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_context_send_many(
    context: wsrs_context,
    conns: *const wsrs_conn,
    count: usize,
    r#type: i32,
    data: *const c_void,
    len: usize,
    sent: *mut usize,
) -> wsrs_result {
    export("wsrs_context_send_many", context.id, |here| {
        let place = optional_out(sent)?;
        // SAFETY: promised by the caller.
        let (how, data, conns) = unsafe { (outgoing(r#type)?, bytes(data.cast(), len)?, items(conns, count)?) };
        let ctx = of(here, context)?;
        for &conn in conns {
            member(&ctx, conn)?;
        }
        let mut net = ctx.net.borrow_mut();
        let prepared = Prepared::new(how, data)?;
        let sent = conns.iter().filter(|&&conn| net.send_prepared(thread::conn_id(conn), &prepared).is_ok()).count();
        // SAFETY: promised by the caller.
        unsafe { place.write(sent) };
        Ok(())
    })
}

fn of(here: &Here, context: wsrs_context) -> Result<Visit, Fault> {
    visit(here, Of::Context, context.id)
}

fn member(ctx: &Ctx, conn: wsrs_conn) -> Result<ConnId, Fault> {
    let id = thread::conn_id(conn);
    if ctx.conn(id) == conn.id { Ok(id) } else { Err(Fault::argument("not a connection of this context")) }
}
