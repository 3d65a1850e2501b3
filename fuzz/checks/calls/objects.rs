//! Objects of messages, as a binding has them: each is a key of the world's table.

use super::world::world;
use std::ffi::{c_char, c_void};
use std::ptr::{null_mut, without_provenance_mut};
use wsrs::boundary::handle::Kind;
use wsrs::capi::objects::{wsrs_context_set_objects, wsrs_objects};
use wsrs::capi::types::wsrs_context;

pub(super) fn set() {
    let mut here = world();
    let (id, missing) = (here.handle(Kind::Context), here.read(|input| input.byte().is_multiple_of(8)));
    let freed = here.is_freed(id);
    drop(here);
    let objects = wsrs_objects {
        size: size_of::<wsrs_objects>(),
        make_text: Some(make_text),
        make_binary: Some(make),
        release: if missing { None } else { Some(release) },
    };
    // SAFETY: functions that are made for it.
    let result = unsafe { wsrs_context_set_objects(wsrs_context { id }, &objects) };
    world().check("set_objects", result, freed || missing, &[]);
}

pub(super) fn look(object: *mut c_void) {
    assert!(world().objects.contains_key(&(object as usize)), "an object that is gone");
}

unsafe extern "C" fn make_text(data: *const c_char, len: isize) -> *mut c_void {
    // SAFETY: the library says so, and that is what is to be found out.
    let object = unsafe { make(data, len) };
    let here = world();
    let text = here.objects.get(&(object as usize));
    assert!(text.is_none_or(|text| std::str::from_utf8(text).is_ok()));
    object
}

/// Every ninth can't be made.
unsafe extern "C" fn make(data: *const c_char, len: isize) -> *mut c_void {
    // SAFETY: as above.
    let data = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len as usize) }.to_vec();
    let mut here = world();
    let number = here.number();
    if number.is_multiple_of(9) {
        return null_mut();
    }
    here.objects.insert(number, data);
    without_provenance_mut(number)
}

unsafe extern "C" fn release(object: *mut c_void) {
    assert!(world().objects.remove(&(object as usize)).is_some(), "an object was released twice");
}
