//! The 64 bits of a handle: kind (3 bits), context slot (10), object slot (20), generation (31).
//!
//! Used by the C surface only. TLS endpoints and prepared messages have object slots of
//! their own. A context's own handle has object slot 0 and the generation of its context slot.
//! Id 0 is no handle, as no kind is 0. Generations are never repeated within a slot, so ids are unique in the process; other
//! copies of the library in it begin with other slots and generations.

/// Bits of the generation.
pub const GENERATION_BITS: u32 = 31;
/// Bits of the object's slot.
pub const OBJECT_BITS: u32 = 20;
/// Bits of the context's slot.
pub const CONTEXT_BITS: u32 = 10;
/// Contexts that a process can have at a time.
pub const CONTEXTS: usize = 1 << CONTEXT_BITS;
/// Above this stand the kind and the context's slot.
pub const PREFIX_SHIFT: u32 = GENERATION_BITS + OBJECT_BITS;

const GENERATION_MASK: u64 = (1 << GENERATION_BITS) - 1;
const OBJECT_MASK: u64 = (1 << OBJECT_BITS) - 1;
const CONTEXT_MASK: u64 = (1 << CONTEXT_BITS) - 1;

/// What a handle names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A context.
    Context = 1,
    /// A connection.
    Conn = 2,
    /// A listener.
    Listener = 3,
    /// A timer.
    Timer = 4,
    /// A TLS endpoint: of no context.
    Tls = 5,
    /// A prepared message: of no context.
    Prepared = 6,
}

/// Kind and context slot: equal for all handles of one kind and one context.
#[inline(always)]
pub const fn prefix(kind: Kind, context: u32) -> u64 {
    (kind as u64) << CONTEXT_BITS | context as u64
}

/// The id of an object.
#[inline(always)]
pub const fn pack(prefix: u64, slot: u32, generation: u32) -> u64 {
    prefix << PREFIX_SHIFT | (slot as u64 & OBJECT_MASK) << GENERATION_BITS | generation as u64 & GENERATION_MASK
}

/// Whether `id` is of this kind.
#[inline(always)]
pub const fn is(kind: Kind, id: u64) -> bool {
    id >> (PREFIX_SHIFT + CONTEXT_BITS) == kind as u64
}

/// Whether `id` is of a context or of something in one.
pub const fn is_any(id: u64) -> bool {
    matches!(id >> (PREFIX_SHIFT + CONTEXT_BITS), 1..=4)
}

/// The slot of the context it belongs to.
#[inline(always)]
pub const fn context(id: u64) -> u32 {
    (id >> PREFIX_SHIFT & CONTEXT_MASK) as u32
}

/// The slot within its context.
#[inline(always)]
pub const fn object(id: u64) -> u32 {
    (id >> GENERATION_BITS & OBJECT_MASK) as u32
}

/// The generation of its slot.
#[inline(always)]
pub const fn generation(id: u64) -> u32 {
    (id & GENERATION_MASK) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back() {
        let id = pack(prefix(Kind::Timer, 1023), (1 << 20) - 1, (1 << 31) - 1);
        assert!(is(Kind::Timer, id));
        assert!(!is(Kind::Conn, id));
        assert_eq!((context(id), object(id), generation(id)), (1023, (1 << 20) - 1, (1 << 31) - 1));
        assert_eq!(id >> PREFIX_SHIFT, prefix(Kind::Timer, 1023));
    }

    #[test]
    fn zero_is_of_no_kind() {
        for kind in [Kind::Context, Kind::Conn, Kind::Listener, Kind::Timer] {
            assert!(!is(kind, 0));
            assert!(is_any(pack(prefix(kind, 0), 0, 1)));
        }
        for kind in [Kind::Tls, Kind::Prepared] {
            assert!(!is(kind, 0) && !is_any(pack(prefix(kind, 0), 0, 1)));
        }
        assert!(!is_any(0) && !is_any(u64::MAX));
    }
}
