//! The opening handshake of server connections: request, decision, answer (RFC 6455 §4.2).
//!
//! Called by `reading` with what was received, and by the C surface with the program's decision. A request is kept
//! until `Open` was handled (or for life, by option), so that the program can read it in both callbacks.

use super::context::Context;
use super::core::Core;
use super::error::{Error, Result};
use super::event::{By, ConnId, Level, Stage, State};
use super::peer::{Asked, Peer, Phase};
use super::send::find;
use crate::proto::deflate::negotiation;
use crate::proto::handshake::client::Response;
use crate::proto::handshake::server::{self, Incoming, Refusal, Request, ResponseError};
use std::ops::Range;

impl Core {
    /// Takes the bytes `at` of the window. What is left of them after the request is in the window again. Whether the
    /// program has to be asked.
    pub(super) fn hear_request(
        &mut self,
        id: ConnId,
        peer: &mut Peer,
        window: &mut [u8],
        at: &mut Range<usize>,
    ) -> bool {
        let Phase::Asked(asked) = &mut peer.phase else { return false };
        let limits = &peer.profile.limits.head;
        let incoming = match asked {
            None => {
                let mut first = Asked::default();
                let incoming = server::parse(&window[at.clone()], &mut first.scanned, limits);
                if let Incoming::Partial = incoming {
                    first.bytes.extend_from_slice(&window[at.clone()]);
                    *asked = Some(Box::new(first));
                }
                incoming
            }
            Some(asked) => {
                asked.bytes.extend_from_slice(&window[at.clone()]);
                server::parse(&asked.bytes, &mut asked.scanned, limits)
            }
        };
        match incoming {
            Incoming::Partial => {
                at.start = at.end;
                false
            }
            Incoming::Refused(refusal) => {
                at.start = at.end;
                self.refuse(id, peer, &refusal);
                false
            }
            Incoming::Request { request, consumed } => {
                match asked.take() {
                    None => at.start += consumed,
                    Some(asked) => {
                        let rest = &asked.bytes[consumed..];
                        window[..rest.len()].copy_from_slice(rest);
                        *at = 0..rest.len();
                    }
                }
                self.heard_request(id, peer, request)
            }
        }
    }

    fn heard_request(&mut self, id: ConnId, peer: &mut Peer, request: Request) -> bool {
        let ask = peer.profile.ask;
        peer.rare().request = Some(Box::new(request));
        peer.phase = Phase::Deciding { deferred: false };
        if ask {
            peer.announced = true;
            self.door.tell(id, State::Connecting);
        } else {
            self.decide(id, peer);
        }
        ask
    }

    /// What happens to a request that the program leaves alone.
    pub(super) fn decide(&mut self, id: ConnId, peer: &mut Peer) {
        let request = peer.rare().request.as_ref();
        let upgrade = request.is_some_and(|request| request.is_upgrade());
        let head_only = request.is_some_and(|request| request.method() == "HEAD");
        if upgrade {
            // Without headers of the program nothing can be wrong with it.
            let _ = self.accept(id, peer, None, &[]);
        } else {
            // RFC 7231 §6.5.15: 426 says which protocol the resource wants.
            let refusal = Refusal { status: 426, why: "this resource speaks WebSocket only\n", head_only };
            self.refuse(id, peer, &refusal);
        }
    }

    /// Sends the 101. `subprotocol` None: the listener's choice.
    fn accept(
        &mut self,
        id: ConnId,
        peer: &mut Peer,
        subprotocol: Option<&str>,
        headers: &[(&str, &[u8])],
    ) -> Result<()> {
        let Some(request) = peer.rare.as_mut().and_then(|rare| rare.request.take()) else {
            return Err(Error::State("there is no request to accept"));
        };
        // §4.2.2: the first of ours that the client offers too; none in common is no error.
        let profile = &peer.profile;
        let ours =
            || profile.subprotocols.iter().map(String::as_str).find(|name| request.subprotocols().any(|n| n == *name));
        let chosen = subprotocol.or_else(ours).map(Box::<str>::from);
        let settings = profile.deflate.as_ref();
        let (agreed, extension) =
            settings.and_then(|settings| negotiation::accept(settings, request.extensions())).unzip();
        let written = self
            .outbox(id, peer)
            .push_with(|out| server::write_accept(out, &request, chosen.as_deref(), extension.as_deref(), headers));
        let rare = peer.rare();
        rare.request = Some(request);
        written?;
        rare.subprotocol = chosen;
        if let Some(agreed) = agreed {
            peer.proto.deflate_with(agreed);
        }
        self.pending -= 1;
        peer.announced = true;
        self.opened(id, peer);
        Ok(())
    }

    /// The handshake is done, in either role.
    pub(super) fn opened(&mut self, id: ConnId, peer: &mut Peer) {
        peer.phase = Phase::Open;
        peer.lap(Stage::Handshake);
        peer.opening = true;
        self.counts.sums.opened.add(1);
        self.note_opened(peer);
        self.door.tell(id, State::Open);
        self.watch_silence(id, peer);
    }

    /// Answers what is no valid request, and closes.
    fn refuse(&mut self, id: ConnId, peer: &mut Peer, refusal: &Refusal) {
        self.log(Level::Info, || format!("request refused with {}: {}", refusal.status, refusal.why.trim_end()));
        self.outbox(id, peer).push_with(|out| server::write_refusal(out, refusal));
        self.counts.sums.handshakes_failed.add(1);
        peer.rare().responded = true;
        peer.end_as(0, "", By::Local);
        self.door.tell(id, State::Closing);
        self.linger(id, peer);
    }

    fn respond(
        &mut self,
        id: ConnId,
        peer: &mut Peer,
        status: u16,
        headers: &[(&str, &[u8])],
        body: &[u8],
    ) -> Result<()> {
        let head_only = peer.rare().request.as_ref().is_some_and(|request| request.method() == "HEAD");
        self.outbox(id, peer).push_with(|out| server::write_response(out, status, headers, body, head_only))?;
        self.counts.sums.handshakes_rejected.add(1);
        peer.rare().responded = true;
        peer.end_as(0, "", By::Local);
        self.door.tell(id, State::Closing);
        self.linger(id, peer);
        Ok(())
    }
}

impl Context {
    /// Accepts a request. `subprotocol` None: the listener's choice.
    pub fn accept(&mut self, id: ConnId, subprotocol: Option<&str>, headers: &[(&str, &[u8])]) -> Result<()> {
        let peer = find_deciding(&mut self.peers, id)?;
        let deferred = matches!(peer.phase, Phase::Deciding { deferred: true });
        self.core.accept(id, peer, subprotocol, headers)?;
        if deferred {
            self.core.read_again(id, peer);
        }
        self.act();
        Ok(())
    }

    /// Answers it with another status; the connection closes after.
    pub fn respond(&mut self, id: ConnId, status: u16, headers: &[(&str, &[u8])], body: &[u8]) -> Result<()> {
        let peer = find_deciding(&mut self.peers, id)?;
        self.core.respond(id, peer, status, headers, body)?;
        self.core.read_again(id, peer);
        self.act();
        Ok(())
    }

    /// Decides later.
    pub fn defer(&mut self, id: ConnId) -> Result<()> {
        find_deciding(&mut self.peers, id)?.phase = Phase::Deciding { deferred: true };
        Ok(())
    }

    /// The request of a server connection, while kept (until `Open` is handled, or for life with `keep_request`).
    /// For a client connection: `NotFound`.
    pub fn request(&self, id: ConnId) -> Result<&Request> {
        let rare = self.peer(id)?.rare.as_ref();
        rare.and_then(|rare| rare.request.as_deref()).ok_or(Error::NotFound)
    }

    /// The answer to a client connection, while kept; also when `Failed` with a status.
    pub fn response(&self, id: ConnId) -> Result<&Response> {
        let rare = self.peer(id)?.rare.as_ref();
        rare.and_then(|rare| rare.response.as_deref()).ok_or(Error::NotFound)
    }

    /// The negotiated subprotocol, None without one.
    pub fn subprotocol(&self, id: ConnId) -> Result<Option<&str>> {
        Ok(self.peer(id)?.rare.as_ref().and_then(|rare| rare.subprotocol.as_deref()))
    }
}

impl From<ResponseError> for Error {
    fn from(error: ResponseError) -> Self {
        match error {
            ResponseError::NotAnUpgrade => Error::State("the request does not ask for a WebSocket"),
            ResponseError::Status => Error::Argument("the status is not between 200 and 599"),
            ResponseError::Body => Error::Argument("a response with this status has no body"),
            ResponseError::SubprotocolNotOffered | ResponseError::Header(_) => Error::Header(error.to_string()),
        }
    }
}

fn find_deciding(peers: &mut super::table::Table<Peer>, id: ConnId) -> Result<&mut Peer> {
    let peer = find(peers, id)?;
    match peer.phase {
        Phase::Deciding { .. } => Ok(peer),
        Phase::Ended => Err(Error::Closed),
        _ => Err(Error::State("the request was answered already, or there is none")),
    }
}
