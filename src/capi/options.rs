//! Options of a context, a listener and a connect: sized structs in which 0 is the default.

use super::callbacks::wsrs_callbacks;
use super::deflate::{self, wsrs_deflate_options};
use super::limits::{self, wsrs_limits};
use super::message::{self, wsrs_header};
use super::result::{WSRS_ERR_ADDRESS, WSRS_ERR_ARGUMENT, WSRS_ERR_HEADER, WSRS_ERR_URL, wsrs_result};
use super::state::{Ctx, Fault};
use super::tls;
use super::types::wsrs_tls;
use crate::boundary::pointer::{Sized0, read_sized};
use crate::net::tcp::parse_source;
use crate::net::{ConnectOptions, Error, Limits, ListenOptions, Origin, ProxyChoice, Reconnect, SocketOptions};
use crate::proto::proxy::address::ProxyUrl;
use std::ffi::{c_char, c_void};
use std::time::Duration;

/// Options of wsrs_context_new. Start from WSRS_CONTEXT_OPTIONS_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsrs_context_options {
    /// sizeof(wsrs_context_options), as WSRS_CONTEXT_OPTIONS_INIT sets it.
    pub size: usize,
    /// Of the context and of all its connections. Copied. NULL: the defaults.
    pub limits: *const wsrs_limits,
}

/// Options of TCP sockets. Start from WSRS_SOCKET_OPTIONS_INIT; members that are 0 leave the default.
///
/// Used in: wsrs_listen_options, wsrs_connect_options.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsrs_socket_options {
    /// sizeof(wsrs_socket_options), as WSRS_SOCKET_OPTIONS_INIT sets it.
    pub size: usize,
    /// Not 0: small pieces wait for those before them to be acknowledged (Nagle). Default: they don't (TCP_NODELAY).
    pub nagle: i32,
    /// Silence in milliseconds after which the system probes the peer; rounded up to seconds. Default: never.
    pub keepalive_ms: u32,
    /// Bytes of the system's send buffer, as SO_SNDBUF. Default: the system's choice.
    pub send_buffer: u32,
    /// Bytes of the system's receive buffer, as SO_RCVBUF. Default: the system's choice.
    pub receive_buffer: u32,
    /// Milliseconds that sent data may stay unacknowledged before the system gives up (TCP_USER_TIMEOUT). Default: the
    /// system's choice.
    pub user_timeout_ms: u32,
    /// The DSCP of outgoing packets, 0 to 63.
    pub dscp: u32,
}

/// How a client connects again. Start from WSRS_RECONNECT_INIT; members that are 0 have their default.
///
/// Used in: wsrs_connect_options.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsrs_reconnect {
    /// sizeof(wsrs_reconnect), as WSRS_RECONNECT_INIT sets it.
    pub size: usize,
    /// The delay before the first attempt, in milliseconds. Default 500.
    pub min_delay_ms: u32,
    /// The longest delay, in milliseconds. Default 30,000.
    pub max_delay_ms: u32,
    /// Each delay is the one before times this, in percent; at least 100. Default 200.
    pub factor_percent: u32,
    /// Each delay is shortened at random by up to this, in percent; at most 100. Default 50; WSRS_NO_JITTER: none.
    pub jitter_percent: u32,
    /// Attempts in a row that may fail. Default: no limit.
    pub max_tries: u32,
    /// After this long open, in milliseconds, delays and tries begin anew. Default 10,000.
    pub stable_ms: u32,
}

/// In jitter_percent of wsrs_reconnect: delays are exact.
pub const WSRS_NO_JITTER: u32 = u32::MAX;

/// Options of wsrs_context_listen. Start from WSRS_LISTEN_OPTIONS_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsrs_listen_options {
    /// sizeof(wsrs_listen_options), as WSRS_LISTEN_OPTIONS_INIT sets it.
    pub size: usize,
    /// Of its connections, instead of all of the context's. Copied. NULL: the context's.
    pub callbacks: *const wsrs_callbacks,
    /// First user data of its connections. The context's where both this and callbacks are NULL.
    pub user_data: *mut c_void,
    /// Of its connections, instead of all of the context's. Copied. NULL: the context's.
    pub limits: *const wsrs_limits,
    /// The subprotocols spoken, preferred first, as "chat, superchat": the first that the client offers too is chosen.
    /// Copied. NULL: none.
    pub subprotocols: *const c_char,
    /// Not 0: messages come in pieces, as they arrive.
    pub streaming: i32,
    /// Not 0: wsrs_conn_path, wsrs_conn_header and the like work as long as the connection lives.
    pub keep_request: i32,
    /// Connections that the system may hold ready; not negative. 0: 4,096, cut by the system.
    pub backlog: i32,
    /// Not 0: several listeners, also of other processes, share the port and its connections.
    pub reuse_port: i32,
    /// Not 0: an IPv6 wildcard address does not take IPv4 connections too.
    pub ipv6_only: i32,
    /// Permissions of a Unix socket, like 0660; at most 0777. 0: as the umask says.
    pub unix_mode: u32,
    /// Speaks TLS (wss://) with the certificate in it. WSRS_TLS_NONE: does not.
    pub tls: wsrs_tls,
    /// Options of its connections' sockets. Copied. NULL: the defaults.
    pub socket: *const wsrs_socket_options,
    /// Not 0, with tls: clients may speak TLS or not; the first byte that they send tells.
    pub tls_or_plain: i32,
    /// Compresses for clients that offer it. Copied. NULL: no compression.
    pub deflate: *const wsrs_deflate_options,
}

/// Options of wsrs_context_connect. Start from WSRS_CONNECT_OPTIONS_INIT.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct wsrs_connect_options {
    /// sizeof(wsrs_connect_options), as WSRS_CONNECT_OPTIONS_INIT sets it.
    pub size: usize,
    /// Of this connection, instead of all of the context's. Copied. NULL: the context's.
    pub callbacks: *const wsrs_callbacks,
    /// First user data of the connection. The context's where both this and callbacks are NULL.
    pub user_data: *mut c_void,
    /// Of this connection, instead of all of the context's. Copied. NULL: the context's.
    pub limits: *const wsrs_limits,
    /// The subprotocols offered, preferred first, as "chat, superchat". Copied. NULL: none.
    pub subprotocols: *const c_char,
    /// Headers added to the request. Copied.
    pub headers: *const wsrs_header,
    /// How many.
    pub header_count: usize,
    /// Not 0: messages come in pieces, as they arrive.
    pub streaming: i32,
    /// Not 0: wsrs_conn_header and the like work as long as the connection lives.
    pub keep_response: i32,
    /// Of wss:// addresses, also where redirects lead: its certificate is shown there too. WSRS_TLS_NONE: the server is
    /// verified by the system's trust store, which is read once in a process.
    pub tls: wsrs_tls,
    /// Options of the connection's socket. Copied. NULL: the defaults.
    pub socket: *const wsrs_socket_options,
    /// The proxy on the way, as "http://user:password@host:port"; also https, socks5 and socks4 (names
    /// are looked up here), socks5h and socks4a (by the proxy). User name and password are percent-encoded; an http or https
    /// proxy gets them by Basic authentication, and again by Digest if it asks for that. Copied. NULL: none, or that of the
    /// environment; "": none.
    pub proxy: *const c_char,
    /// Of https:// proxies. WSRS_TLS_NONE: as for tls.
    pub proxy_tls: wsrs_tls,
    /// Connects again whenever the connection is lost or can't be made. Copied. NULL: never.
    pub reconnect: *const wsrs_reconnect,
    /// The address to connect from, as "192.0.2.1", "192.0.2.1:5000" or "[2001:db8::1]:0". Copied. NULL: the system's
    /// choice.
    pub source: *const c_char,
    /// The network interface to use, as "eth0". Copied. NULL: the system's choice.
    pub r#interface: *const c_char,
    /// Not 0, where proxy is NULL: the proxy comes from the environment, in lower or upper case: wss_proxy, https_proxy
    /// or ws_proxy, http_proxy, else all_proxy, unless no_proxy has the host: "example.org,192.0.2.0/24,[::1]:8080" or
    /// "*". With REQUEST_METHOD set, as in a CGI program, HTTP_PROXY does not count: a client may have set it.
    pub proxy_from_env: i32,
    /// Redirects (301, 302, 303, 307, 308) to follow, at most. 0: none.
    pub max_redirects: i32,
    /// Not 0: a redirect may lead from wss:// to ws://.
    pub redirect_to_ws: i32,
    /// Offers compression. Copied. NULL: none.
    pub deflate: *const wsrs_deflate_options,
}

// SAFETY: repr(C), begins with its size; zero is NULL or 0 for each member.
unsafe impl Sized0 for wsrs_context_options {
    const FIRST: usize = size_of::<[usize; 2]>();
}
// SAFETY: as above.
unsafe impl Sized0 for wsrs_listen_options {
    const FIRST: usize = size_of::<[usize; 5]>() + size_of::<[i32; 6]>();
}
// SAFETY: as above.
unsafe impl Sized0 for wsrs_connect_options {
    const FIRST: usize = size_of::<[usize; 7]>() + size_of::<[i32; 2]>();
}
// SAFETY: as above.
unsafe impl Sized0 for wsrs_socket_options {
    const FIRST: usize = size_of::<usize>() + size_of::<[u32; 6]>();
}
// SAFETY: as above.
unsafe impl Sized0 for wsrs_reconnect {
    const FIRST: usize = size_of::<usize>() + size_of::<[u32; 6]>();
}

/// A callback set with the user data that goes with it; None: the context's.
pub(super) struct Bring {
    callbacks: Option<wsrs_callbacks>,
    user_data: usize,
}

impl Bring {
    /// # Safety
    /// `callbacks` is NULL or points to a struct readable for the size in its first member.
    unsafe fn read(callbacks: *const wsrs_callbacks, user_data: *mut c_void) -> Result<Bring, Fault> {
        // SAFETY: the caller's promise.
        Ok(Bring { callbacks: unsafe { read_sized(callbacks) }?, user_data: user_data as usize })
    }

    /// The tag, the first user data, and whether requests are asked about.
    pub(super) fn settle(&self, ctx: &Ctx) -> (u32, usize, bool) {
        let tag = self.callbacks.as_ref().map_or(0, |set| ctx.tag(set));
        let own = self.callbacks.is_some() || self.user_data != 0;
        let user_data = if own { self.user_data } else { ctx.user_data };
        let ask = ctx.sets.borrow()[tag as usize].on_request.is_some();
        (tag, user_data, ask)
    }
}

/// # Safety
/// `options` is NULL or points to valid options.
pub(super) unsafe fn read_context(options: *const wsrs_context_options) -> Result<Limits, Fault> {
    // SAFETY: the caller's promise.
    let Some(options) = (unsafe { read_sized(options) })? else { return Ok(Limits::default()) };
    // SAFETY: as above, for what it points to.
    Ok(unsafe { limits::read(options.limits) }?.unwrap_or_default())
}

/// # Safety
/// `options` is NULL or points to valid options.
pub(super) unsafe fn read_listen(options: *const wsrs_listen_options) -> Result<(Bring, ListenOptions), Fault> {
    // SAFETY: the caller's promise.
    let Some(from) = (unsafe { read_sized(options) })? else {
        return Ok((Bring { callbacks: None, user_data: 0 }, ListenOptions::default()));
    };
    let backlog = u32::try_from(from.backlog).map_err(|_| Fault::argument("a negative backlog"))?;
    if from.unix_mode > 0o777 {
        return Err(Fault::argument("unix_mode is more than 0777"));
    }
    // SAFETY: the caller's promise, for what the options point to.
    let (bring, limits, subprotocols, socket, deflate) = unsafe {
        (
            Bring::read(from.callbacks, from.user_data)?,
            limits::read(from.limits)?,
            list(from.subprotocols, WSRS_ERR_HEADER)?,
            socket(from.socket)?,
            deflate::read(from.deflate)?,
        )
    };
    let options = ListenOptions {
        limits,
        subprotocols,
        streaming: from.streaming != 0,
        keep_request: from.keep_request != 0,
        backlog,
        reuse_port: from.reuse_port != 0,
        ipv6_only: from.ipv6_only != 0,
        unix_mode: from.unix_mode,
        tls: tls::endpoint(from.tls)?,
        tls_or_plain: from.tls_or_plain != 0,
        socket,
        deflate,
        ..ListenOptions::default()
    };
    Ok((bring, options))
}

/// # Safety
/// `options` is NULL or points to valid options.
pub(super) unsafe fn read_connect(options: *const wsrs_connect_options) -> Result<(Bring, ConnectOptions), Fault> {
    // SAFETY: the caller's promise.
    let Some(from) = (unsafe { read_sized(options) })? else {
        return Ok((Bring { callbacks: None, user_data: 0 }, ConnectOptions::default()));
    };
    // SAFETY: the caller's promise, for what the options point to.
    let (bring, limits, subprotocols, headers, origin, proxy) = unsafe {
        (
            Bring::read(from.callbacks, from.user_data)?,
            limits::read(from.limits)?,
            list(from.subprotocols, WSRS_ERR_HEADER)?,
            message::headers(from.headers, from.header_count)?,
            origin(&from)?,
            proxy(from.proxy, from.proxy_from_env != 0)?,
        )
    };
    // SAFETY: as above.
    let (reconnect, deflate) = unsafe { (read_reconnect(from.reconnect)?, deflate::read(from.deflate)?) };
    let max_redirects = u32::try_from(from.max_redirects).map_err(|_| Fault::argument("a negative max_redirects"))?;
    let options = ConnectOptions {
        limits,
        subprotocols,
        headers: message::owned(&headers),
        streaming: from.streaming != 0,
        keep_response: from.keep_response != 0,
        tls: tls::endpoint(from.tls)?,
        max_redirects,
        redirect_to_ws: from.redirect_to_ws != 0,
        reconnect,
        deflate,
        origin,
        proxy,
        proxy_tls: tls::endpoint(from.proxy_tls)?,
        ..ConnectOptions::default()
    };
    Ok((bring, options))
}

/// # Safety
/// `options` is NULL or points to a struct readable for the size in its first member.
unsafe fn read_reconnect(options: *const wsrs_reconnect) -> Result<Option<Reconnect>, Fault> {
    // SAFETY: the caller's promise.
    let Some(from) = (unsafe { read_sized(options) })? else { return Ok(None) };
    let or = |value: u32, default: u32| if value == 0 { default } else { value };
    let delay = |value: u32, default: Duration| if value == 0 { default } else { Duration::from_millis(value.into()) };
    let how = Reconnect::default();
    let jitter_percent = match or(from.jitter_percent, how.jitter_percent) {
        WSRS_NO_JITTER => 0,
        percent => percent,
    };
    if jitter_percent > 100 {
        return Err(Fault::argument("jitter_percent is more than 100"));
    }
    let factor_percent = or(from.factor_percent, how.factor_percent);
    if factor_percent < 100 {
        return Err(Fault::argument("factor_percent is less than 100"));
    }
    if from.max_delay_ms != 0 && from.min_delay_ms > from.max_delay_ms {
        return Err(Fault::argument("min_delay_ms is more than max_delay_ms"));
    }
    Ok(Some(Reconnect {
        min_delay: delay(from.min_delay_ms, how.min_delay),
        max_delay: delay(from.max_delay_ms, how.max_delay),
        factor_percent,
        jitter_percent,
        max_tries: from.max_tries,
        stable: delay(from.stable_ms, how.stable),
    }))
}

/// # Safety
/// `address` is NULL or points to a NUL-terminated string.
unsafe fn proxy(address: *const c_char, from_env: bool) -> Result<ProxyChoice, Fault> {
    if address.is_null() {
        return Ok(if from_env { ProxyChoice::Environment } else { ProxyChoice::None });
    }
    // SAFETY: the caller's promise.
    match unsafe { message::utf8(address, WSRS_ERR_URL) }? {
        "" => Ok(ProxyChoice::None),
        address => match ProxyUrl::parse(address) {
            Ok(proxy) => Ok(ProxyChoice::Url(proxy)),
            Err(error) => Err(Fault::Net(Error::Url(error.to_string()))),
        },
    }
}

/// # Safety
/// `options` is NULL or points to valid options.
unsafe fn socket(options: *const wsrs_socket_options) -> Result<SocketOptions, Fault> {
    // SAFETY: the caller's promise.
    let Some(from) = (unsafe { read_sized(options) })? else { return Ok(SocketOptions::default()) };
    if from.send_buffer > i32::MAX as u32 || from.receive_buffer > i32::MAX as u32 {
        return Err(Fault::argument("send_buffer or receive_buffer is more than 2,147,483,647"));
    }
    Ok(SocketOptions {
        nagle: from.nagle != 0,
        keepalive: Duration::from_millis(from.keepalive_ms.into()),
        send_buffer: from.send_buffer,
        receive_buffer: from.receive_buffer,
        user_timeout: Duration::from_millis(from.user_timeout_ms.into()),
        dscp: from.dscp,
    })
}

/// # Safety
/// What `from` points to is valid.
unsafe fn origin(from: &wsrs_connect_options) -> Result<Origin, Fault> {
    let (mut source, mut interface) = (None, None);
    if !from.source.is_null() {
        // SAFETY: the caller's promise.
        source = Some(parse_source(unsafe { message::utf8(from.source, WSRS_ERR_ADDRESS) }?)?);
    }
    if !from.r#interface.is_null() {
        // SAFETY: the caller's promise.
        interface = Some(unsafe { message::utf8(from.r#interface, WSRS_ERR_ARGUMENT) }?.to_string());
    }
    // SAFETY: the caller's promise.
    Ok(Origin { source, interface, socket: unsafe { socket(from.socket) }? })
}

/// Texts between commas; `code` if they are not UTF-8.
///
/// # Safety
/// `text` is NULL or points to a NUL-terminated string.
pub(super) unsafe fn list(text: *const c_char, code: wsrs_result) -> Result<Vec<String>, Fault> {
    if text.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: the caller's promise.
    let text = unsafe { message::utf8(text, code) }?;
    Ok(text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_string).collect())
}
