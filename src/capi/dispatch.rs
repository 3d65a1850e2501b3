//! From an event of the loop to a callback of the program.
//!
//! Called by a turn for each event. When C runs, no cell of the context is borrowed. What C gets pointers to lives
//! until the callback returns: message data lies in the window, which the turn holds; heads lie in the loop, which
//! stores them apart from its tables and frees them only when it is asked for the next event; the rest lies here.

use super::callbacks::{OnMessage, OnObject, wsrs_callbacks};
use super::message::{wsrs_close, wsrs_error, wsrs_header, wsrs_message, wsrs_request, wsrs_retry};
use super::state::Ctx;
use super::state::fault::code;
use super::types::{WSRS_BINARY, WSRS_TEXT, wsrs_conn, wsrs_context, wsrs_timer};
use crate::boundary::guard::Here;
use crate::net::reading::Whole;
use crate::net::{Closing, ConnEvent, ConnId, Error, Event, Failure, Retry, What};
use crate::proto::handshake::server::Request;
use crate::proto::message::Kind;
use std::ffi::{c_char, c_void};
use std::mem::transmute;

type PostFunction = unsafe extern "C" fn(context: wsrs_context, argument: *mut c_void);
type TimerFunction = unsafe extern "C" fn(timer: wsrs_timer, argument: *mut c_void);

/// A posted function as the words that the loop keeps.
pub(super) fn posted_words(function: PostFunction, argument: *mut c_void) -> [usize; 2] {
    [function as usize, argument as usize]
}

/// A timer's function as the words that the loop keeps.
pub(super) fn timer_words(function: TimerFunction, argument: *mut c_void) -> [usize; 2] {
    [function as usize, argument as usize]
}

/// What a callback of a connection is called with, beside its own.
#[derive(Clone, Copy)]
struct To {
    conn: wsrs_conn,
    user_data: *mut c_void,
}

/// Who gets the messages of a connection.
#[derive(Clone, Copy, Default)]
pub(super) struct Receiver {
    function: Option<OnMessage>,
    /// Only where objects can be made.
    object: Option<OnObject>,
}

impl Receiver {
    /// The tag of no set of callbacks.
    pub(super) const UNKNOWN: u32 = u32::MAX;
}

impl Ctx {
    /// Calls the program back for one event.
    #[inline]
    pub(super) fn dispatch(&self, here: &Here, event: Event<'_>) {
        match event {
            Event::Conn(event) => self.conn_event(here, event),
            Event::Timer { id, words: [function, argument] } => {
                // SAFETY: the words of a timer come from `timer_words` only.
                let function = unsafe { transmute::<*const (), TimerFunction>(function as *const ()) };
                let timer = wsrs_timer { id: self.timer(id) };
                // SAFETY: promised to wsrs_context_timer.
                here.outside(|| unsafe { function(timer, argument as *mut c_void) });
            }
            Event::Posted { words: [function, argument] } => {
                // SAFETY: posted words come from `posted_words` only.
                let function = unsafe { transmute::<*const (), PostFunction>(function as *const ()) };
                let context = self.handle();
                // SAFETY: promised to wsrs_context_post.
                here.outside(|| unsafe { function(context, argument as *mut c_void) });
            }
            Event::Log { level, text } => self.log_line(here, level as i32, text),
        }
    }

    /// Calls the program back for a message that lies whole in the window.
    #[inline(always)]
    pub(super) fn whole_message(&self, here: &Here, whole: &Whole, data: &[u8]) {
        let receiver = self.receiver_of(whole.tag);
        let to = To { conn: wsrs_conn { id: self.conn(whole.id) }, user_data: whole.user_data as *mut c_void };
        match receiver {
            Receiver { function: Some(function), object: None } => {
                pieces(here, function, to, message(whole.kind, data, true, true))
            }
            _ => self.whole_object(here, receiver, to, whole.kind, data),
        }
    }

    /// A whole message as an object, if it is wanted so.
    #[inline(never)]
    fn whole_object(&self, here: &Here, receiver: Receiver, to: To, kind: Kind, data: &[u8]) {
        if let Some(function) = receiver.object
            && !to.user_data.is_null()
            && let Some(objects) = self.objects.get()
            && objects.hand_over(here, function, to.user_data, kind, data)
        {
            return;
        }
        if let Some(function) = receiver.function {
            pieces(here, function, to, message(kind, data, true, true));
        }
    }

    /// Who gets the messages of a tag.
    #[inline(always)]
    fn receiver_of(&self, tag: u32) -> Receiver {
        match self.receiver.get() {
            (known, receiver) if known == tag => receiver,
            _ => self.find_receiver(tag),
        }
    }

    #[cold]
    fn find_receiver(&self, tag: u32) -> Receiver {
        let receiver = Receiver {
            function: self.callback(tag, |set| set.on_message),
            object: self.objects.get().and_then(|_| self.callback(tag, |set| set.on_object)),
        };
        self.receiver.set((tag, receiver));
        receiver
    }

    /// It is looked up again for the next message.
    pub(super) fn forget_receiver(&self) {
        self.receiver.set((Receiver::UNKNOWN, Receiver::default()));
    }

    #[inline]
    fn conn_event(&self, here: &Here, event: ConnEvent<'_>) {
        let to = To { conn: wsrs_conn { id: self.conn(event.id) }, user_data: event.user_data as *mut c_void };
        let tag = event.tag;
        match event.what {
            What::Message { kind, data, first, last } => {
                let receiver = self.receiver_of(tag);
                if first && last {
                    self.whole_object(here, receiver, to, kind, data);
                } else if let Some(function) = receiver.function {
                    pieces(here, function, to, message(kind, data, first, last));
                }
            }
            What::Request => self.request(here, tag, event.id, to),
            What::Open => self.plain(here, self.callback(tag, |set| set.on_open), to),
            What::Drain => self.plain(here, self.callback(tag, |set| set.on_drain), to),
            What::Ping(data) => self.control(here, self.callback(tag, |set| set.on_ping), to, data),
            What::Pong(data) => self.control(here, self.callback(tag, |set| set.on_pong), to, data),
            What::Retry(retry) => self.retry(here, tag, event.id, to, *retry),
            What::Closed(closing) => self.closed(here, tag, event.id, to, closing),
            What::Failed(failure) => self.failed(here, tag, event.id, to, *failure),
        }
    }

    /// One function of the set of a tag.
    #[inline(always)]
    fn callback<F>(&self, tag: u32, which: impl FnOnce(&wsrs_callbacks) -> Option<F>) -> Option<F> {
        self.sets.borrow().get(tag as usize).and_then(which)
    }

    fn plain(&self, here: &Here, function: Option<unsafe extern "C" fn(wsrs_conn, *mut c_void)>, to: To) {
        let Some(function) = function else { return };
        // SAFETY: promised when it was set.
        here.outside(|| unsafe { function(to.conn, to.user_data) });
    }

    fn control(
        &self,
        here: &Here,
        function: Option<unsafe extern "C" fn(wsrs_conn, *const u8, usize, *mut c_void)>,
        to: To,
        data: &[u8],
    ) {
        let Some(function) = function else { return };
        // SAFETY: promised when it was set; the data outlives the call.
        here.outside(|| unsafe { function(to.conn, data.as_ptr(), data.len(), to.user_data) });
    }

    fn request(&self, here: &Here, tag: u32, id: ConnId, to: To) {
        let Some(function) = self.callback(tag, |set| set.on_request) else { return };
        let peer = self.net.borrow().peer_address(id).map_or_else(|_| String::new(), |name| name.to_string());
        let peer = TextZ::new(peer);
        let known = self.net.borrow().request(id).ok().map(request);
        let Some((mut request, offered)) = known else {
            // The program asked to decide: what it can't be shown is not let in.
            let _ = self.net.borrow_mut().abort(id);
            return;
        };
        (request.subprotocols, request.subprotocols_len) = offered.parts();
        (request.peer, request.peer_len) = peer.parts();
        // SAFETY: promised when it was set; the head outlives the call, see above, and the texts live here.
        here.outside(|| unsafe { function(to.conn, &request, to.user_data) });
    }

    fn closed(&self, here: &Here, tag: u32, id: ConnId, to: To, mut closing: Closing) {
        let Some(function) = self.callback(tag, |set| set.on_close) else { return };
        let failure = closing.failure.take().map(|failure| self.explain(id, *failure));
        let failure = failure.as_ref().map(Failed::error);
        let close = close(&closing, failure.as_ref());
        // SAFETY: promised when it was set; the reason and the error outlive the call.
        here.outside(|| unsafe { function(to.conn, &close, to.user_data) });
    }

    fn failed(&self, here: &Here, tag: u32, id: ConnId, to: To, failure: Failure) {
        let Some(function) = self.callback(tag, |set| set.on_error) else { return };
        let failed = self.explain(id, failure);
        // SAFETY: promised when it was set; the head outlives the call, see above, and the rest lives here.
        here.outside(|| unsafe { function(to.conn, &failed.error(), to.user_data) });
    }

    fn retry(&self, here: &Here, tag: u32, id: ConnId, to: To, retry: Retry) {
        let Some(function) = self.callback(tag, |set| set.on_retry) else { return };
        let (closing, failed) = match retry.outcome {
            Ok(closing) => (Some(closing), None),
            Err(failure) => (None, Some(self.explain(id, *failure))),
        };
        let closed = closing.as_ref().map(|closing| close(closing, None));
        let error = failed.as_ref().map(Failed::error);
        let retry = wsrs_retry {
            size: size_of::<wsrs_retry>(),
            number: retry.number,
            delay_ms: u32::try_from(retry.delay.as_millis()).unwrap_or(u32::MAX),
            close: pointer_to(closed.as_ref()),
            error: pointer_to(error.as_ref()),
        };
        // SAFETY: promised when it was set; what it points to lives here, or as above.
        here.outside(|| unsafe { function(to.conn, &retry, to.user_data) });
    }

    /// What the struct of a failure points to.
    fn explain(&self, id: ConnId, mut failure: Failure) -> Failed {
        Failed {
            headers: if failure.status == 0 { Vec::new() } else { self.answer_headers(id) },
            text: TextZ::new(std::mem::take(&mut failure.text)),
            failure,
        }
    }

    fn answer_headers(&self, id: ConnId) -> Vec<wsrs_header> {
        let net = self.net.borrow();
        let Ok(response) = net.response(id) else { return Vec::new() };
        let head = response.head();
        (0..head.len())
            .filter_map(|index| head.header_at(index))
            .map(|(name, value)| wsrs_header::new(name, value))
            .collect()
    }
}

/// A failure and what its struct points to.
struct Failed {
    failure: Failure,
    text: TextZ,
    headers: Vec<wsrs_header>,
}

impl Failed {
    /// Points into it.
    fn error(&self) -> wsrs_error {
        let (text, text_len) = self.text.parts();
        let Failed { failure, headers, .. } = self;
        wsrs_error {
            size: size_of::<wsrs_error>(),
            result: code(&failure.error),
            stage: failure.stage as i32,
            system_errno: errno(&failure.error),
            status: i32::from(failure.status),
            text,
            text_len,
            headers: if headers.is_empty() { std::ptr::null() } else { headers.as_ptr() },
            header_count: headers.len(),
            body: if failure.body.is_empty() { std::ptr::null() } else { failure.body.as_ptr() },
            body_len: failure.body.len(),
            tls_alert: alert(&failure.error),
        }
    }
}

/// Points into both.
fn close(closing: &Closing, error: Option<&wsrs_error>) -> wsrs_close {
    wsrs_close {
        size: size_of::<wsrs_close>(),
        code: i32::from(closing.code),
        clean: i32::from(closing.clean),
        by: closing.by as i32,
        reason: closing.reason.as_ptr().cast(),
        reason_len: closing.reason.len(),
        truncated: i32::from(closing.truncated),
        error: pointer_to(error),
    }
}

/// NULL for none.
fn pointer_to<T>(value: Option<&T>) -> *const T {
    value.map_or(std::ptr::null(), std::ptr::from_ref)
}

/// Calls `on_message`.
#[inline(always)]
fn pieces(here: &Here, function: OnMessage, to: To, message: wsrs_message) {
    // SAFETY: as all callbacks: promised when it was set; the struct and its data outlive the call.
    here.outside(|| unsafe { function(to.conn, &message, to.user_data) });
}

#[inline(always)]
fn message(kind: Kind, data: &[u8], first: bool, last: bool) -> wsrs_message {
    wsrs_message {
        size: size_of::<wsrs_message>(),
        r#type: match kind {
            Kind::Text => WSRS_TEXT,
            Kind::Binary => WSRS_BINARY,
        },
        first: i32::from(first),
        last: i32::from(last),
        data: data.as_ptr(),
        len: data.len(),
    }
}

/// The struct without its own texts, and the subprotocols offered.
fn request(request: &Request) -> (wsrs_request, TextZ) {
    let (method, path, query) = (request.method(), request.path(), request.query());
    let offered: Vec<&str> = request.subprotocols().collect();
    let made = wsrs_request {
        size: size_of::<wsrs_request>(),
        upgrade: i32::from(request.is_upgrade()),
        method: method.as_ptr().cast(),
        method_len: method.len(),
        path: path.as_ptr().cast(),
        path_len: path.len(),
        query: query.map_or(std::ptr::null(), |query| query.as_ptr().cast()),
        query_len: query.map_or(0, str::len),
        header_count: request.head().len(),
        subprotocols: std::ptr::null(),
        subprotocols_len: 0,
        peer: std::ptr::null(),
        peer_len: 0,
    };
    (made, TextZ::new(offered.join(", ")))
}

fn alert(error: &Error) -> i32 {
    match error {
        Error::Tls(broken) => i32::from(broken.alert),
        _ => 0,
    }
}

fn errno(error: &Error) -> i32 {
    match error {
        Error::Io(error) => error.raw_os_error().unwrap_or(0),
        _ => 0,
    }
}

/// A text with a NUL at its end and none within.
struct TextZ(String);

impl TextZ {
    fn new(mut text: String) -> TextZ {
        if text.contains('\0') {
            text = text.replace('\0', "?");
        }
        text.push('\0');
        TextZ(text)
    }

    /// Its address, and its length without the NUL.
    fn parts(&self) -> (*const c_char, usize) {
        (self.0.as_ptr().cast(), self.0.len() - 1)
    }
}
