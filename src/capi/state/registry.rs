//! All contexts of the process, its TLS endpoints and prepared messages: a table of slots behind one lock, for threads
//! that do not run the context.
//!
//! The lock is held for table work only, never while C code or the loop runs; on the loop's own thread nothing comes
//! here but the first call and the last, and sends of prepared messages. A fork holds it too (`pthread_atfork`), so
//! that the child finds the table whole; contexts made before are then of an older epoch and refuse every call.
//!
//! A slot's eventfd is made once in a process and never closed: a late wake-up can't reach a stranger's descriptor. After
//! a fork the child makes its own: those it inherits would wake its parent too.
//!
//! A process may have several copies of the library, each with a table of its own. Each has a random salt: it decides
//! which number its slots begin with and which generation, so that a handle of one copy names nothing in another. Places
//! in the table are counted from 0; everybody else knows a slot by its number.

use super::ctx::{Ctx, FORKED, Shared};
use super::fault::Fault;
use super::places::Places;
use super::stop;
use crate::boundary::handle::{self, CONTEXT_BITS, CONTEXTS, Kind as Of};
use crate::capi::result::*;
use crate::net::tls::Tls;
use crate::net::{self, Door, Limits, Prepared};
use crate::sync::{Mutex, MutexGuard};
use rustix::event::{EventfdFlags, eventfd};
use std::cell::UnsafeCell;
use std::hash::{BuildHasher, RandomState};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, LazyLock, Once, PoisonError};

/// The table.
pub(in crate::capi) struct Registry {
    slots: Vec<Slot>,
    endpoints: Places<Tls>,
    prepared: Places<Prepared>,
}

struct Slot {
    generation: u32,
    /// First generation of the objects of the next context here.
    next_object: u32,
    wake: Arc<OwnedFd>,
    /// The process that made it.
    wake_epoch: u32,
    live: Option<Live>,
}

struct Live {
    shared: Arc<Shared>,
    /// The context object while no thread runs it and no call has it.
    unbound: Option<Box<Ctx>>,
    epoch: u32,
}

/// Beyond this a slot is retired: the rest of the 31 bits is left to its last context.
const LAST_GENERATION: u32 = 1 << 30;

#[cfg(not(all(test, loom)))]
static REGISTRY: Mutex<Registry> = Mutex::new(Registry::new());
#[cfg(all(test, loom))]
loom::lazy_static! {
    static ref REGISTRY: Mutex<Registry> = Mutex::new(Registry::new());
}
static EPOCH: AtomicU32 = AtomicU32::new(0);

/// How many forks lie between the first process and this one.
pub(super) fn epoch() -> u32 {
    EPOCH.load(SeqCst)
}

fn lock() -> MutexGuard<'static, Registry> {
    // A panic under the lock leaves single fields behind, each valid in itself.
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a context in a free slot. `finish` puts the C surface's object around the loop.
pub(in crate::capi) fn create(
    limits: Limits,
    finish: impl FnOnce(u32, u32, net::Context, net::Window, Arc<Shared>) -> Ctx,
) -> Result<u64, Fault> {
    install_fork_handlers();
    let mut registry = lock();
    let place = registry.free_slot()?;
    let number = number(place);
    let slot = &mut registry.slots[place];
    let door = Door::new(slot.wake.clone());
    let (net, window) = net::Context::new(limits, door.clone(), slot.next_object)?;
    slot.generation += 1;
    let generation = slot.generation;
    let shared = Arc::new(Shared::new(door));
    let ctx = finish(number, generation, net, window, shared.clone());
    stop::open(number, generation, &shared.door);
    slot.live = Some(Live { shared, unbound: Some(Box::new(ctx)), epoch: epoch() });
    Ok(handle::pack(handle::prefix(Of::Context, number), 0, generation))
}

/// A random number of this copy of the library, by the standard library's means. Not its address: programs show handles to
/// their peers. First asked for under the lock, so that no fork finds it half made.
static SALT: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(()));

/// The number of the first place.
fn first_number() -> usize {
    (*SALT >> (u64::BITS - CONTEXT_BITS)) as usize
}

/// The generation that all slots begin with: below half of the last one.
fn first_generation() -> u32 {
    *SALT as u32 % (LAST_GENERATION / 2)
}

/// The number by which handles know a place of the table.
fn number(place: usize) -> u32 {
    ((first_number() + place) % CONTEXTS) as u32
}

/// The place of a number.
fn place(number: u32) -> usize {
    (number as usize + CONTEXTS - first_number()) % CONTEXTS
}

impl Registry {
    const fn new() -> Registry {
        Registry { slots: Vec::new(), endpoints: Places::new(), prepared: Places::new() }
    }

    fn free_slot(&mut self) -> Result<usize, Fault> {
        let free = |slot: &Slot| slot.live.is_none() && slot.next_object.max(slot.generation) < LAST_GENERATION;
        if let Some(place) = self.slots.iter().position(free) {
            let slot = &mut self.slots[place];
            if slot.wake_epoch != epoch() {
                slot.wake = new_wake()?;
                slot.wake_epoch = epoch();
            }
            return Ok(place);
        }
        if self.slots.len() == CONTEXTS {
            return Err(Fault::Call(WSRS_ERR_LIMIT, "1024 contexts exist already"));
        }
        let wake = new_wake()?;
        let generation = first_generation();
        self.slots.push(Slot { generation, next_object: generation + 1, wake, wake_epoch: epoch(), live: None });
        Ok(self.slots.len() - 1)
    }

    fn live(&mut self, id: u64) -> Result<&mut Live, Fault> {
        if !handle::is_any(id) {
            return Err(Fault::argument("not a handle"));
        }
        let slot = self.slots.get_mut(place(handle::context(id)));
        let generation = slot.as_ref().map_or(0, |slot| slot.generation);
        let live = slot.and_then(|slot| slot.live.as_mut());
        let live = live.ok_or(Fault::Call(WSRS_ERR_CLOSED, "its context was freed"))?;
        if handle::is(Of::Context, id) && handle::generation(id) != generation {
            return Err(Fault::Call(WSRS_ERR_CLOSED, "the context was freed"));
        }
        if live.epoch != epoch() {
            return Err(FORKED);
        }
        Ok(live)
    }
}

/// What belongs to no context and is found by a handle: TLS endpoints, prepared messages.
pub(in crate::capi) trait Loose: Clone {
    const KIND: Of;
    const NO_HANDLE: &str;
    const FREED: &str;
    const TOO_MANY: &str;
    fn places(registry: &mut Registry) -> &mut Places<Self>;
}

impl Loose for Tls {
    const KIND: Of = Of::Tls;
    const NO_HANDLE: &str = "not the handle of a TLS endpoint";
    const FREED: &str = "the TLS endpoint was freed";
    const TOO_MANY: &str = "too many TLS endpoints exist already";
    fn places(registry: &mut Registry) -> &mut Places<Self> {
        &mut registry.endpoints
    }
}

impl Loose for Prepared {
    const KIND: Of = Of::Prepared;
    const NO_HANDLE: &str = "not the handle of a prepared message";
    const FREED: &str = "the prepared message was freed";
    const TOO_MANY: &str = "too many prepared messages exist already";
    fn places(registry: &mut Registry) -> &mut Places<Self> {
        &mut registry.prepared
    }
}

/// Puts it in a free place.
pub(in crate::capi) fn add<T: Loose>(thing: T) -> Result<u64, Fault> {
    install_fork_handlers();
    let added = T::places(&mut lock()).add(thing, first_generation(), LAST_GENERATION);
    let (place, generation) = added.ok_or(Fault::Call(WSRS_ERR_LIMIT, T::TOO_MANY))?;
    Ok(handle::pack(handle::prefix(T::KIND, number(0)), place, generation))
}

/// What a handle names.
pub(in crate::capi) fn get<T: Loose>(id: u64) -> Result<T, Fault> {
    let known = is_ours::<T>(id)?;
    let found = T::places(&mut lock()).get(handle::object(id), handle::generation(id)).cloned();
    found.filter(|_| known).ok_or(Fault::Call(WSRS_ERR_CLOSED, T::FREED))
}

/// Frees the place, if it is not free already.
pub(in crate::capi) fn remove<T: Loose>(id: u64) -> Result<(), Fault> {
    if is_ours::<T>(id)? {
        let removed = T::places(&mut lock()).take(handle::object(id), handle::generation(id));
        // The lock is free again: it may be the last owner.
        drop(removed);
    }
    Ok(())
}

/// Of the right kind, and of this copy of the library.
fn is_ours<T: Loose>(id: u64) -> Result<bool, Fault> {
    if handle::is(T::KIND, id) { Ok(handle::context(id) == number(0)) } else { Err(Fault::argument(T::NO_HANDLE)) }
}

fn new_wake() -> Result<Arc<OwnedFd>, Fault> {
    let made = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC);
    made.map(Arc::new).map_err(|errno| Fault::Net(net::Error::Io(errno.into())))
}

/// What every thread may use of the context that `id` belongs to.
pub(super) fn shared(id: u64) -> Result<Arc<Shared>, Fault> {
    Ok(lock().live(id)?.shared.clone())
}

/// Takes the context object while no thread runs it.
pub(super) fn take(id: u64) -> Result<Box<Ctx>, Fault> {
    let taken = lock().live(id)?.unbound.take();
    taken.ok_or(Fault::Call(WSRS_ERR_THREAD, "another thread runs the context"))
}

/// Gives it back. In the child of a fork it rests there for ever: its descriptors are shared with the parent, whose
/// registrations a drop would remove.
pub(super) fn put_back(ctx: Box<Ctx>) {
    let mut registry = lock();
    if let Some(live) = registry.slots[place(ctx.slot)].live.as_mut() {
        live.unbound = Some(ctx);
    }
}

/// The context is over; its slot is free for another one.
pub(super) fn release(ctx: &Ctx) {
    let next_object = ctx.net.borrow().last_generation().saturating_add(1);
    let mut registry = lock();
    let slot = &mut registry.slots[place(ctx.slot)];
    slot.next_object = next_object;
    let live = slot.live.take();
    drop(registry);
    drop(live);
}

/// Holds the guard of the registry's lock over a fork.
struct OverFork(UnsafeCell<Option<MutexGuard<'static, Registry>>>);
// SAFETY: touched only by the thread that holds the registry's lock: after locking in `before_fork`, and before
// unlocking in the handlers after the fork, which run on the same thread (in the child: its copy).
unsafe impl Sync for OverFork {}
static OVER_FORK: OverFork = OverFork(UnsafeCell::new(None));

extern "C" fn before_fork() {
    let guard = lock();
    // SAFETY: the lock is held, see `OverFork`.
    unsafe { *OVER_FORK.0.get() = Some(guard) };
    net::note_fork();
}

extern "C" fn after_fork_in_parent() {
    // SAFETY: the lock is still held, see `OverFork`. The guard is moved out before it unlocks.
    let guard = unsafe { (*OVER_FORK.0.get()).take() };
    drop(guard);
}

extern "C" fn after_fork_in_child() {
    EPOCH.fetch_add(1, SeqCst);
    super::thread::forget_after_fork();
    stop::forget_after_fork();
    after_fork_in_parent();
}

fn install_fork_handlers() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: plain functions that live as long as the library. A failure (no memory) leaves forks unnoticed,
        // which harms only programs that break the rule.
        unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork_in_parent), Some(after_fork_in_child)) };
    });
}
