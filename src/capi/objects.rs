//! wsrs_objects: messages as objects of another language, for its binding.
//!
//! A binding pays for each crossing between its language and C more than for all that the library does with a message.
//! With the language's own constructors the library makes the object, and one call hands it over.

use super::callbacks::OnObject;
use super::result::*;
use super::state::thread::{conn_id, recall, visit, visit_conn};
use super::state::{Caller, Ctx, Fault, export, poison};
use super::types::{wsrs_conn, wsrs_context};
use crate::boundary::guard::{Here, guard};
use crate::boundary::handle::Kind as Of;
use crate::boundary::pointer::{Sized0, bytes, read_sized};
use crate::proto::message::Kind;
use std::ffi::{c_char, c_int, c_void};

/// For bindings of languages whose values are counted objects: how the library makes an object of a message, and finds
/// the bytes of one. Start from WSRS_OBJECTS_INIT. For CPython these are functions of its own: PyUnicode_FromStringAndSize,
/// PyBytes_FromStringAndSize, Py_DecRef, PyUnicode_AsUTF8AndSize, PyBytes_AsStringAndSize.
///
/// All are called on the loop's thread, under whatever lock the language wants: poll without waiting then, and wait
/// for wsrs_context_fd without the lock. They must not call the library.
///
/// Used in: wsrs_context_set_objects.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct wsrs_objects {
    /// sizeof(wsrs_objects), as WSRS_OBJECTS_INIT sets it.
    pub size: usize,
    /// Makes an object of a text, which is valid UTF-8. NULL: out of memory.
    pub make_text: Option<unsafe extern "C" fn(data: *const c_char, len: isize) -> *mut c_void>,
    /// Makes an object of bytes. NULL: out of memory.
    pub make_binary: Option<unsafe extern "C" fn(data: *const c_char, len: isize) -> *mut c_void>,
    /// The library needs an object that it made no longer.
    pub release: Option<unsafe extern "C" fn(object: *mut c_void)>,
    /// The UTF-8 of a text object, and its length to len; it stays valid as long as the object. NULL: it is none.
    pub text_of: Option<unsafe extern "C" fn(object: *mut c_void, len: *mut isize) -> *const c_char>,
    /// The bytes of an object to data, their length to len; they stay valid as long as the object. Not 0: it is none.
    pub bytes_of: Option<unsafe extern "C" fn(object: *mut c_void, data: *mut *mut c_char, len: *mut isize) -> c_int>,
}

// SAFETY: repr(C), begins with its size; zero is None for each function.
unsafe impl Sized0 for wsrs_objects {
    const FIRST: usize = size_of::<[usize; 6]>();
}

/// The same, all there.
#[derive(Clone, Copy)]
pub(super) struct Objects {
    make_text: unsafe extern "C" fn(*const c_char, isize) -> *mut c_void,
    make_binary: unsafe extern "C" fn(*const c_char, isize) -> *mut c_void,
    release: unsafe extern "C" fn(*mut c_void),
    text_of: unsafe extern "C" fn(*mut c_void, *mut isize) -> *const c_char,
    bytes_of: unsafe extern "C" fn(*mut c_void, *mut *mut c_char, *mut isize) -> c_int,
}

/// From now on whole messages come to on_object, where it is set, and wsrs_conn_send_text_object and
/// wsrs_conn_send_binary_object work. objects is copied; its functions must stay until the context is freed.
///
/// Loop thread. Returns WSRS_OK; WSRS_ERR_ARGUMENT, also when one of the functions is NULL; WSRS_ERR_CLOSED;
/// WSRS_ERR_THREAD; WSRS_ERR_FORKED.
///
/// # Safety
/// - objects is initialised by WSRS_OBJECTS_INIT, and its functions do what their comments say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_context_set_objects(context: wsrs_context, objects: *const wsrs_objects) -> wsrs_result {
    export("wsrs_context_set_objects", context.id, |here| {
        // SAFETY: promised by the caller.
        let objects = unsafe { read_sized(objects) }?.ok_or(Fault::argument("NULL instead of objects"))?;
        let objects = Objects::new(&objects).ok_or(Fault::argument("a function of wsrs_objects is missing"))?;
        visit(here, Of::Context, context.id)?.set_objects(objects);
        Ok(())
    })
}

/// Sends a text object as a whole message, as wsrs_conn_send does. object is borrowed for the call.
///
/// Loop thread. Returns as wsrs_conn_send; WSRS_ERR_ARGUMENT also when text_of gives NULL; WSRS_ERR_NOT_FOUND without
/// wsrs_context_set_objects; WSRS_ERR_THREAD.
///
/// # Safety
/// - object is what text_of takes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_send_text_object(conn: wsrs_conn, object: *mut c_void) -> wsrs_result {
    // SAFETY: promised by the caller.
    unsafe { send("wsrs_conn_send_text_object", conn, Kind::Text, object) }
}

/// Sends the bytes of an object as a whole message, as wsrs_conn_send does. object is borrowed for the call.
///
/// Loop thread. Returns as wsrs_conn_send_text_object, with bytes_of.
///
/// # Safety
/// - object is what bytes_of takes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsrs_conn_send_binary_object(conn: wsrs_conn, object: *mut c_void) -> wsrs_result {
    // SAFETY: promised by the caller.
    unsafe { send("wsrs_conn_send_binary_object", conn, Kind::Binary, object) }
}

/// Sends in the common case, as wsrs_conn_send, or else the long way.
///
/// # Safety
/// `object` is what the context's function for this kind takes.
#[inline(always)]
unsafe fn send(function: &'static str, conn: wsrs_conn, kind: Kind, object: *mut c_void) -> wsrs_result {
    let plain = guard(|here| {
        let Some(ctx) = recall(here, conn.id) else { return false };
        let Some(objects) = ctx.objects.get() else { return false };
        // SAFETY: promised by the caller.
        let Some(data) = (unsafe { objects.data_of(here, kind, object) }) else { return false };
        ctx.net.try_borrow_mut().is_ok_and(|mut net| net.send_plain(conn_id(conn), kind, data))
    });
    match plain {
        Ok(true) => WSRS_OK,
        // SAFETY: as above.
        Ok(false) => unsafe { send_otherwise(function, conn, kind, object) },
        Err(panic) => poison(function, conn.id, Caller::LoopThread, &panic),
    }
}

/// # Safety
/// As `send`.
#[inline(never)]
unsafe fn send_otherwise(function: &'static str, conn: wsrs_conn, kind: Kind, object: *mut c_void) -> wsrs_result {
    export(function, conn.id, |here| {
        let (ctx, id) = visit_conn(here, conn)?;
        // What is gone is told before what is wrong.
        ctx.net.borrow().user_data(id)?;
        let objects = ctx.objects.get().ok_or(Fault::Call(WSRS_ERR_NOT_FOUND, "the context has no wsrs_objects"))?;
        // SAFETY: promised by the caller.
        let data =
            unsafe { objects.data_of(here, kind, object) }.ok_or(Fault::argument("not an object of this kind"))?;
        Ok(ctx.net.borrow_mut().send(id, kind, data)?)
    })
}

impl Objects {
    fn new(given: &wsrs_objects) -> Option<Objects> {
        Some(Objects {
            make_text: given.make_text?,
            make_binary: given.make_binary?,
            release: given.release?,
            text_of: given.text_of?,
            bytes_of: given.bytes_of?,
        })
    }

    /// Hands a message over as an object; false when none could be made.
    #[inline(always)]
    pub(super) fn hand_over(
        &self,
        here: &Here,
        function: OnObject,
        conn: wsrs_conn,
        (kind, data): (Kind, &[u8]),
        user_data: *mut c_void,
    ) -> bool {
        let make = match kind {
            Kind::Text => self.make_text,
            Kind::Binary => self.make_binary,
        };
        // SAFETY: promised when the functions were set; the data outlives the call, the object is released once.
        here.outside(|| unsafe {
            let object = make(data.as_ptr().cast(), data.len() as isize);
            if object.is_null() {
                return false;
            }
            function(conn, object, user_data);
            (self.release)(object);
            true
        })
    }

    /// The bytes of an object, unless it is of another kind.
    ///
    /// # Safety
    /// `object` is what the function for this kind takes, and stays during `'a`.
    #[inline(always)]
    unsafe fn data_of<'a>(&self, here: &Here, kind: Kind, object: *mut c_void) -> Option<&'a [u8]> {
        let (mut data, mut len) = (std::ptr::null_mut(), 0);
        if object.is_null() {
            return None;
        }
        // SAFETY: promised by the caller and when the functions were set; both places are ours.
        here.outside(|| unsafe {
            match kind {
                Kind::Text => data = (self.text_of)(object, &mut len).cast_mut(),
                Kind::Binary if (self.bytes_of)(object, &mut data, &mut len) != 0 => data = std::ptr::null_mut(),
                Kind::Binary => {}
            }
        });
        if data.is_null() {
            return None;
        }
        // SAFETY: what the functions found is valid as long as the object, as promised when they were set.
        unsafe { bytes(data.cast_const().cast(), usize::try_from(len).ok()?) }.ok()
    }
}

impl Ctx {
    fn set_objects(&self, objects: Objects) {
        self.objects.set(Some(objects));
        self.forget_receiver();
    }
}
