//! The contexts of one connection: compressor and inflater that outlive a message, or serve one that is unfinished.
//!
//! Owned by `connection`, from the first message that needs one until none is needed. Invariant: the inflater's window,
//! squeezed or not, is what the peer's compressor may refer to.

use super::codecs::{Codecs, Own};
use super::compressor::{Compressor, Strength};
use super::inflating;
use crate::proto::buffer::Buffer;
use crate::proto::message::MessageLimits;
use crate::zlib::{Inflater, WINDOW};

/// Windows below this are kept as they are.
const SQUEEZE_FROM: usize = 256;
/// How a window is squeezed: fast, and nobody else's concern.
const SQUEEZE: Strength = Strength::FAST;

/// What a connection has of its own.
#[derive(Debug, Default)]
pub(in crate::proto) struct Contexts {
    pub(in crate::proto) compressor: Option<Own>,
    pub(in crate::proto) window: Window,
    /// A compressed message is being sent in fragments: there is a compressor then.
    pub(in crate::proto) sending: bool,
}

/// What the peer's compressor may refer to: in an inflater, or its bytes alone.
#[derive(Debug, Default)]
pub(in crate::proto) struct Window {
    live: Option<Inflater>,
    bytes: Bytes,
}

#[derive(Debug, Default)]
enum Bytes {
    #[default]
    Nothing,
    Plain(Box<[u8]>),
    Squeezed(Box<[u8]>),
}

impl Window {
    /// The inflater that has it.
    pub(in crate::proto) fn inflater(&mut self, codecs: &mut Codecs) -> &mut Inflater {
        let kept = std::mem::take(&mut self.bytes);
        self.live.get_or_insert_with(|| {
            let mut inflater = codecs.take_inflater();
            match kept {
                Bytes::Nothing => {}
                Bytes::Plain(bytes) => inflater.set_window(&bytes),
                Bytes::Squeezed(bytes) => inflater.set_window(&expand(&bytes, codecs)),
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
        codecs.give_inflater(inflater);
        self.bytes = match bytes.len() {
            0 => Bytes::Nothing,
            1..SQUEEZE_FROM => Bytes::Plain(bytes.into()),
            length => {
                let squeezed = codecs.compress(SQUEEZE, &bytes);
                if squeezed.len() < length { Bytes::Squeezed(squeezed) } else { Bytes::Plain(bytes.into()) }
            }
        };
    }

    fn is_empty(&self) -> bool {
        self.live.is_none() && matches!(self.bytes, Bytes::Nothing)
    }
}

impl Contexts {
    /// The compressor, made when there is none.
    pub(in crate::proto) fn compressor(&mut self, strength: Strength, codecs: &mut Codecs) -> &mut Compressor {
        self.compressor.get_or_insert_with(|| codecs.take_own(strength))
    }

    /// It is needed no more.
    pub(in crate::proto) fn give_compressor(&mut self, codecs: &mut Codecs) {
        if let Some(compressor) = self.compressor.take() {
            codecs.give_own(compressor);
        }
    }

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
    let result = inflating::whole(&mut inflater, squeezed, false, &limits, &mut out);
    debug_assert_eq!(result, Ok(()), "we compressed it");
    codecs.give_inflater(inflater);
    out.filled().to_vec()
}
