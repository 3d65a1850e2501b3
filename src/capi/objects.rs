//! wsrs_objects: messages as objects of another language, for its binding.
//!
//! A binding pays for each crossing between its language and C more than for all that the library does with a message.
//! With the language's own constructors the library makes the object, and one call hands it over.

use super::callbacks::OnObject;
use super::result::*;
use super::state::thread::visit;
use super::state::{Ctx, Fault, export};
use super::types::wsrs_context;
use crate::boundary::guard::Here;
use crate::boundary::handle::Kind as Of;
use crate::boundary::pointer::{Sized0, read_sized};
use crate::proto::message::Kind;
use std::ffi::{c_char, c_void};

/// For bindings of languages whose values are counted objects: how the library makes an object of a message. Start from
/// WSRS_OBJECTS_INIT. For CPython these are functions of its own: PyUnicode_FromStringAndSize, PyBytes_FromStringAndSize,
/// Py_DecRef.
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
}

// SAFETY: repr(C), begins with its size; zero is None for each function.
unsafe impl Sized0 for wsrs_objects {
    const FIRST: usize = size_of::<[usize; 4]>();
}

/// The same, all there.
#[derive(Clone, Copy)]
pub(super) struct Objects {
    make_text: unsafe extern "C" fn(*const c_char, isize) -> *mut c_void,
    make_binary: unsafe extern "C" fn(*const c_char, isize) -> *mut c_void,
    release: unsafe extern "C" fn(*mut c_void),
}

/// From now on whole messages come to on_object, where it is set. objects is copied; its functions must stay until the
/// context is freed.
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

impl Objects {
    fn new(given: &wsrs_objects) -> Option<Objects> {
        Some(Objects { make_text: given.make_text?, make_binary: given.make_binary?, release: given.release? })
    }

    /// Hands a message over as an object; false when none could be made.
    #[inline(always)]
    pub(super) fn hand_over(
        &self,
        here: &Here,
        function: OnObject,
        user_data: *mut c_void,
        kind: Kind,
        data: &[u8],
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
            function(user_data, object);
            (self.release)(object);
            true
        })
    }
}

impl Ctx {
    fn set_objects(&self, objects: Objects) {
        self.objects.set(Some(objects));
        self.forget_receiver();
    }
}
