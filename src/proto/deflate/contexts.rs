//! The contexts of one connection: compressor and inflater that outlive a message, or serve one that is unfinished.
//!
//! Owned by `connection`, from the first message that needs one until none is needed. Invariant: the inflater's window,
//! squeezed or not, is what the peer's compressor may refer to.

use super::codecs::Codecs;
use super::compressor::{Compressor, Strength};
use super::inflating;
use crate::proto::buffer::Buffer;
use crate::proto::message::MessageLimits;
use crate::zlib::{Inflater, WINDOW};

/// Windows below this are kept as they are.
const SQUEEZED: usize = 256;
/// How a window is squeezed: fast, and nobody else's concern.
const SQUEEZE: Strength = Strength::FAST;

/// What a connection has of its own.
#[derive(Debug, Default)]
pub(in crate::proto) struct Contexts {
    pub(in crate::proto) compressor: Option<Compressor>,
    pub(in crate::proto) window: Window,
    /// A compressed message is being sent in fragments.
    pub(in crate::proto) sending: bool,
}

/// What the peer's compressor may refer to: in an inflater, or its bytes alone.
#[derive(Debug, Default)]
pub(in crate::proto) struct Window {
    live: Option<Inflater>,
    kept: Kept,
}

#[derive(Debug, Default)]
enum Kept {
    #[default]
    Nothing,
    Plain(Box<[u8]>),
    Squeezed(Box<[u8]>),
}

impl Window {
    /// The inflater that has it.
    pub(in crate::proto) fn inflater(&mut self, codecs: &mut Codecs) -> &mut Inflater {
        let kept = std::mem::take(&mut self.kept);
        self.live.get_or_insert_with(|| {
            let mut inflater = codecs.take_inflater();
            match kept {
                Kept::Nothing => {}
                Kept::Plain(bytes) => inflater.set_window(&bytes),
                Kept::Squeezed(bytes) => inflater.set_window(&expand(&bytes, codecs)),
            }
            inflater
        })
    }

    /// Nothing of it is needed any more.
    pub(in crate::proto) fn forget(&mut self, codecs: &mut Codecs) {
        if let Some(inflater) = self.live.take() {
            codecs.give_inflater(inflater);
        }
    }

    /// Gives the inflater up, but not its window.
    fn squeeze(&mut self, codecs: &mut Codecs) {
        let Some(inflater) = self.live.take() else { return };
        let bytes = inflater.window();
        self.kept = match bytes.len() {
            0 => Kept::Nothing,
            1..SQUEEZED => Kept::Plain(bytes.into()),
            _ => Kept::Squeezed(codecs.compress(SQUEEZE, &bytes)),
        };
    }

    fn is_empty(&self) -> bool {
        self.live.is_none() && matches!(self.kept, Kept::Nothing)
    }
}

impl Contexts {
    /// Gives up what an idle connection can do without between two messages.
    pub(in crate::proto) fn release(&mut self, codecs: &mut Codecs) {
        self.compressor = None;
        self.window.squeeze(codecs);
    }

    /// Nothing is needed any more.
    pub(in crate::proto) fn is_empty(&self) -> bool {
        self.compressor.is_none() && self.window.is_empty()
    }
}

fn expand(squeezed: &[u8], codecs: &mut Codecs) -> Vec<u8> {
    let (mut inflater, mut out) = (codecs.take_inflater(), Buffer::default());
    let limits = MessageLimits { max_message: WINDOW as u64, ..MessageLimits::default() };
    let result = inflating::whole(&mut inflater, squeezed, &limits, &mut out);
    debug_assert_eq!(result, Ok(()), "we compressed it");
    codecs.give_inflater(inflater);
    out.filled().to_vec()
}
