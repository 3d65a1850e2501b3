//! Calls about compression, and prepared messages: what belongs to no context is any run's own.

use super::contexts::UNTOUCHED;
use super::world::world;
use wsrs::boundary::handle::Kind;
use wsrs::capi::conn_info::wsrs_conn_deflate;
use wsrs::capi::deflate::{wsrs_deflate_info, wsrs_deflate_options};
use wsrs::capi::prepared::*;
use wsrs::capi::result::*;
use wsrs::capi::types::*;

/// Compresses everything, and forgets soon.
pub(super) static DEFLATE: wsrs_deflate_options = wsrs_deflate_options {
    size: size_of::<wsrs_deflate_options>(),
    level: 1,
    memory_level: 1,
    window_bits: 9,
    no_takeover: 0,
    peer_window_bits: 0,
    peer_no_takeover: 0,
    min_size: 1,
    release_after_ms: 1,
};

pub(super) fn ask() {
    let mut here = world();
    let id = here.handle(Kind::Conn);
    let freed = here.is_freed(id);
    drop(here);
    let mut info = wsrs_deflate_info {
        size: size_of::<wsrs_deflate_info>(),
        server_no_context_takeover: -1,
        client_no_context_takeover: -1,
        server_max_window_bits: -1,
        client_max_window_bits: -1,
    };
    // SAFETY: everything is valid.
    let result = unsafe { wsrs_conn_deflate(wsrs_conn { id }, &mut info) };
    world().check("deflate", result, freed, &[WSRS_ERR_NOT_FOUND, WSRS_ERR_NOT_OPEN]);
    let bits = [info.server_max_window_bits, info.client_max_window_bits];
    assert!(bits.iter().all(|bits| if result == WSRS_OK { (8..=15).contains(bits) } else { *bits == -1 }));
}

pub(super) fn prepared() {
    let mut here = world();
    let (what, which) = here.read(|input| (input.byte() % 4, usize::from(input.byte())));
    let known = here.prepared.get(which % here.prepared.len().max(1)).copied();
    drop(here);
    match (what, known) {
        (0, _) | (_, None) => make(),
        (1, Some((id, _))) => free(id),
        (_, Some((id, alive))) => send(id, alive),
    }
}

fn make() {
    let (kind, bad, size) = world().read(|input| (i32::from(input.byte() % 4), input.byte() & 7 == 7, input.size()));
    let kind = if size % 3 == 0 { kind | WSRS_UNCOMPRESSED } else { kind };
    let data = vec![if bad { 0xff } else { b'x' }; size];
    let mut made = wsrs_prepared { id: UNTOUCHED };
    // SAFETY: everything is valid.
    let result = unsafe { wsrs_prepared_new(kind, data.as_ptr().cast(), size, &mut made) };
    let expected = match kind & !WSRS_UNCOMPRESSED {
        WSRS_TEXT if bad && size > 0 => WSRS_ERR_UTF8,
        WSRS_TEXT | WSRS_BINARY => WSRS_OK,
        _ => WSRS_ERR_ARGUMENT,
    };
    assert_eq!(result, expected, "prepared_new");
    assert_eq!(result == WSRS_OK, made.id != UNTOUCHED);
    if result == WSRS_OK {
        world().prepared.push((made.id, true));
    }
}

fn free(id: u64) {
    assert_eq!(wsrs_prepared_free(wsrs_prepared { id }), WSRS_OK, "prepared_free");
    world().prepared.iter_mut().filter(|known| known.0 == id).for_each(|known| known.1 = false);
}

fn send(id: u64, alive: bool) {
    let mut here = world();
    let conn = here.handle(Kind::Conn);
    let freed = here.is_freed(conn);
    drop(here);
    let result = wsrs_conn_send_prepared(wsrs_conn { id: conn }, wsrs_prepared { id });
    assert!(alive || result == WSRS_ERR_CLOSED, "prepared after free: {result}");
    world().check("send_prepared", result, freed, &[WSRS_ERR_AGAIN, WSRS_ERR_NOT_OPEN, WSRS_ERR_STATE]);
}

/// At the end of a run.
pub(super) fn free_all() {
    let all = std::mem::take(&mut world().prepared);
    for (id, _) in all {
        assert_eq!(wsrs_prepared_free(wsrs_prepared { id }), WSRS_OK);
    }
}
