//! Messages prepared for many connections: framed once, compressed once for each strength that a connection has.
//!
//! Made by the C surface on any thread, sent by `commands` and `delivery`. Invariant: what is shared never changes; a
//! compressed form refers to nothing before it, so that every connection may send it.

use super::commands::Outgoing;
use super::context::Context;
use super::core::Core;
use super::error::Result;
use super::event::ConnId;
use super::peer::Peer;
use super::send::{check_text, find};
use crate::proto::connection::Role;
use crate::proto::deflate::codecs::Codecs;
use crate::proto::deflate::compressor::Strength;
use crate::proto::frame::{FIN, RSV1, Written};
use crate::sync::Mutex;
use std::fmt;
use std::sync::Arc;

/// A message for many connections; a clone shares it.
#[derive(Clone)]
pub struct Prepared(Arc<Forms>);

struct Forms {
    outgoing: Outgoing,
    plain: Framed,
    /// Made when first needed; None: compressed it is no smaller.
    compressed: Mutex<Vec<(Strength, Option<Framed>)>>,
}

/// A whole frame for servers; its payload for clients, which mask each frame.
#[derive(Clone)]
struct Framed {
    header: usize,
    bytes: Arc<[u8]>,
}

impl Prepared {
    /// Text must be UTF-8.
    pub fn new(outgoing: impl Into<Outgoing>, data: &[u8]) -> Result<Prepared> {
        let outgoing = outgoing.into();
        check_text(outgoing.kind, &[data])?;
        let plain = Framed::new(FIN | outgoing.kind.opcode(), data);
        Ok(Prepared(Arc::new(Forms { outgoing, plain, compressed: Mutex::new(Vec::new()) })))
    }

    /// Bytes of the message.
    pub(super) fn len(&self) -> usize {
        self.0.plain.payload().len()
    }

    /// None: it is no smaller.
    fn compressed(&self, strength: Strength, codecs: &mut Codecs) -> Option<Framed> {
        // Another loop makes a form at this moment, or did when the process was forked: nobody waits for it.
        let Ok(mut forms) = self.0.compressed.try_lock() else { return self.compress(strength, codecs) };
        if let Some((_, form)) = forms.iter().find(|(of, _)| *of == strength) {
            return form.clone();
        }
        let form = self.compress(strength, codecs);
        forms.push((strength, form.clone()));
        form
    }

    fn compress(&self, strength: Strength, codecs: &mut Codecs) -> Option<Framed> {
        let small = codecs.compress(strength, self.0.plain.payload());
        let first = FIN | RSV1 | self.0.outgoing.kind.opcode();
        (small.len() < self.len()).then(|| Framed::new(first, &small))
    }
}

impl Framed {
    fn new(first: u8, payload: &[u8]) -> Framed {
        let header = Written::new(first, payload.len(), None);
        let header = header.as_bytes();
        Framed { header: header.len(), bytes: [header, payload].concat().into() }
    }

    fn payload(&self) -> &[u8] {
        &self.bytes[self.header..]
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("outgoing", &self.0.outgoing).field("len", &self.len()).finish()
    }
}

impl Context {
    /// Sends it as [`Context::send`] would: compressed where that was agreed on.
    pub fn send_prepared(&mut self, id: ConnId, prepared: &Prepared) -> Result<()> {
        let peer = find(&mut self.peers, id)?;
        self.core.admit(id, peer)?;
        self.core.put_prepared(id, peer, prepared)?;
        self.act();
        Ok(())
    }
}

impl Core {
    /// Queues it on an open connection.
    pub(super) fn put_prepared(&mut self, id: ConnId, peer: &mut Peer, prepared: &Prepared) -> Result<()> {
        let first = peer.proto.begin_message(prepared.0.outgoing.kind)?;
        peer.used = true;
        match self.compressed_for(peer, prepared) {
            None => self.put_form(id, peer, first, &prepared.0.plain)?,
            Some(form) => {
                peer.proto.forget_sent();
                self.count_deflated(id, prepared.len(), form.payload().len());
                self.put_form(id, peer, first | RSV1, &form)?;
            }
        }
        self.count_sent(id, peer, prepared.len(), true);
        Ok(())
    }

    /// None: it is to be sent as it is.
    fn compressed_for(&mut self, peer: &Peer, prepared: &Prepared) -> Option<Framed> {
        let (agreed, settings) = (peer.proto.agreed()?, peer.profile.deflate.as_ref()?);
        if prepared.0.outgoing.uncompressed || prepared.len() < settings.min_size {
            return None;
        }
        let strength = Strength::new(settings, agreed, peer.proto.role());
        prepared.compressed(strength, &mut self.shared.codecs)
    }

    fn put_form(&mut self, id: ConnId, peer: &mut Peer, first: u8, form: &Framed) -> Result<()> {
        match peer.proto.role() {
            Role::Client => self.put(id, peer, first, form.payload())?,
            Role::Server => self.outbox(id, peer).push_shared(form.bytes.clone()),
        }
        Ok(())
    }
}
