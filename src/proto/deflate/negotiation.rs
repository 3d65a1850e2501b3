//! The negotiation of permessage-deflate in the opening handshake (RFC 7692 §5 and §7.1), both roles.
//!
//! A server calls [`accept`] with what a request offers and its own [`Settings`]; a client sends [`Parameters::offer`] and
//! has the answer looked at by [`check`]. `handshake` carries the text of both.
//!
//! Invariants: what is agreed on lies within what both sides said; what [`accept`] answers passes [`check`] for the offer
//! that it answers. Each byte is looked at a fixed number of times, however many offers there are.

use super::{Agreed, MAX_WINDOW_BITS, MIN_WINDOW_BITS, Settings, Side};
use crate::proto::handshake::extensions::{Extension, Parameter, is_well_formed, unquoted};
use std::fmt;

/// §7: "The registered extension name for this extension is "permessage-deflate"."
const NAME: &[u8] = b"permessage-deflate";

/// What an offer or an answer says; its text is that of `Sec-WebSocket-Extensions`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    client_max_window_bits: ClientWindow,
}

/// What is said of the client's window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ClientWindow {
    #[default]
    Unsaid,
    /// In an offer: the server may choose.
    Any,
    Bits(u8),
}

impl ClientWindow {
    fn bits(self) -> u8 {
        match self {
            ClientWindow::Unsaid | ClientWindow::Any => MAX_WINDOW_BITS,
            ClientWindow::Bits(bits) => bits,
        }
    }
}

impl Parameters {
    /// What a client with these settings offers.
    pub fn offer(settings: &Settings) -> Parameters {
        let small = |bits| (bits < MAX_WINDOW_BITS).then_some(bits);
        Parameters {
            server_no_context_takeover: !settings.peer_takeover,
            // §7.1.1.2: "a client informs the peer server of a hint that even if the server doesn't include the
            // "client_no_context_takeover" extension parameter in the corresponding extension negotiation response to the
            // offer, the client is not going to use context takeover."
            client_no_context_takeover: !settings.takeover,
            server_max_window_bits: small(settings.peer_window_bits),
            // §7.1.2.2: "a client informs the peer server that the client supports the "client_max_window_bits" extension
            // parameter in an extension negotiation response".
            client_max_window_bits: small(settings.window_bits).map_or(ClientWindow::Any, ClientWindow::Bits),
        }
    }

    /// What a server with these settings answers to this offer.
    fn answer(&self, settings: &Settings) -> Parameters {
        // §7.1.2.1: "A server MAY include the "server_max_window_bits" extension parameter in an extension negotiation
        // response even if the extension negotiation offer being accepted by the response didn't include the
        // "server_max_window_bits" extension parameter." Where it was offered, "with the same or smaller value".
        let server_bits = self.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS).min(settings.window_bits);
        let says_server = self.server_max_window_bits.is_some() || server_bits < MAX_WINDOW_BITS;
        // §7.1.2.2: "If a received extension negotiation offer doesn't have the "client_max_window_bits" extension
        // parameter, the corresponding extension negotiation response to the offer MUST NOT include the
        // "client_max_window_bits" extension parameter."
        let client_bits = match self.client_max_window_bits {
            ClientWindow::Unsaid => MAX_WINDOW_BITS,
            offered => offered.bits().min(settings.peer_window_bits),
        };
        Parameters {
            // §7.1.1.1: "A server MAY include the "server_no_context_takeover" extension parameter in an extension
            // negotiation response even if the extension negotiation offer being accepted by the extension negotiation
            // response didn't include" it; where it was offered, this is how that is accepted.
            server_no_context_takeover: self.server_no_context_takeover || !settings.takeover,
            // §7.1.1.2: "A server MAY include the "client_no_context_takeover" extension parameter in an extension
            // negotiation response." Asked or not: with it, "a server prevents the peer client from using context
            // takeover."
            client_no_context_takeover: self.client_no_context_takeover || !settings.peer_takeover,
            server_max_window_bits: says_server.then_some(server_bits),
            client_max_window_bits: match client_bits {
                MAX_WINDOW_BITS => ClientWindow::Unsaid,
                bits => ClientWindow::Bits(bits),
            },
        }
    }

    /// What an answer means.
    fn agreed(&self) -> Agreed {
        let server_bits = self.server_max_window_bits.unwrap_or(MAX_WINDOW_BITS);
        Agreed {
            server: Side::new(server_bits, !self.server_no_context_takeover),
            client: Side::new(self.client_max_window_bits.bits(), !self.client_no_context_takeover),
        }
    }

    /// §7: an offer is declined, and an answer fails the connection, with "an extension parameter not defined for use"
    /// there, "an extension parameter with an invalid value" or "multiple extension parameters with the same name".
    fn read(extension: Extension<'_>) -> Result<Parameters, Fault> {
        let mut read = Parameters::default();
        for Parameter { name, value } in extension.parameters() {
            let repeated = match name {
                b"server_no_context_takeover" => read_flag(&mut read.server_no_context_takeover, value)?,
                b"client_no_context_takeover" => read_flag(&mut read.client_no_context_takeover, value)?,
                b"server_max_window_bits" => {
                    let bits = value.and_then(window_bits).ok_or(Fault::Value)?;
                    read.server_max_window_bits.replace(bits).is_some()
                }
                b"client_max_window_bits" => {
                    let window = match value {
                        None => ClientWindow::Any,
                        Some(value) => ClientWindow::Bits(window_bits(value).ok_or(Fault::Value)?),
                    };
                    std::mem::replace(&mut read.client_max_window_bits, window) != ClientWindow::Unsaid
                }
                _ => return Err(Fault::Unknown),
            };
            if repeated {
                return Err(Fault::Repeated);
            }
        }
        Ok(read)
    }
}

/// §7.1.1.1: "This extension parameter has no value." Whether it was there already.
fn read_flag(flag: &mut bool, value: Option<&[u8]>) -> Result<bool, Fault> {
    match value {
        None => Ok(std::mem::replace(flag, true)),
        Some(_) => Err(Fault::Value),
    }
}

/// §7.1.2.1: "a decimal integer value without leading zeroes between 8 to 15, inclusive".
fn window_bits(value: &[u8]) -> Option<u8> {
    let mut digits = unquoted(value);
    let bits = match (digits.next(), digits.next(), digits.next()) {
        (Some(one @ b'1'..=b'9'), None, None) => one - b'0',
        (Some(b'1'), Some(one @ b'0'..=b'9'), None) => 10 + one - b'0',
        _ => return None,
    };
    (MIN_WINDOW_BITS..=MAX_WINDOW_BITS).contains(&bits).then_some(bits)
}

impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("permessage-deflate")?;
        if self.server_no_context_takeover {
            f.write_str("; server_no_context_takeover")?;
        }
        if self.client_no_context_takeover {
            f.write_str("; client_no_context_takeover")?;
        }
        if let Some(bits) = self.server_max_window_bits {
            write!(f, "; server_max_window_bits={bits}")?;
        }
        match self.client_max_window_bits {
            ClientWindow::Unsaid => Ok(()),
            ClientWindow::Any => f.write_str("; client_max_window_bits"),
            ClientWindow::Bits(bits) => write!(f, "; client_max_window_bits={bits}"),
        }
    }
}

/// Takes up the first offer that can be, and gives the text of the answer. `values` are those of all
/// `Sec-WebSocket-Extensions` of a request, whose grammar was checked.
pub fn accept<'v>(settings: &Settings, values: impl Iterator<Item = &'v [u8]>) -> Option<(Agreed, String)> {
    // §5.1: "A client may also offer multiple PMCE choices to the server by including multiple elements in the
    // "Sec-WebSocket-Extensions" header, one for each PMCE offered. […] The order of elements is important as it
    // specifies the client's preference."
    let mut offers = values.flat_map(Extension::all).filter(|extension| extension.name() == NAME);
    let offer = offers.find_map(|extension| Parameters::read(extension).ok())?;
    let answer = offer.answer(settings);
    Some((answer.agreed(), answer.to_string()))
}

/// Why a client does not take an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not of the form of a list of extensions.
    Malformed,
    /// There are several extensions.
    Several,
    /// It has an extension that was not offered.
    NotOffered,
    /// It has a parameter that does not exist.
    Unknown,
    /// It has a parameter twice.
    Repeated,
    /// A parameter lacks its value, has one that it can't have, or has one and takes none.
    Value,
    /// The client's window is larger than offered.
    ClientWindow,
    /// The server's window was to be limited, and is not, or less.
    ServerWindow,
    /// The server was not to use its context again, and is going to.
    ServerTakeover,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the answer's Sec-WebSocket-Extensions header is malformed",
            Self::Several => "the server chose several extensions",
            Self::NotOffered => "the server chose an extension that was not offered",
            Self::Unknown => "the server's permessage-deflate has an unknown parameter",
            Self::Repeated => "the server's permessage-deflate has a parameter twice",
            Self::Value => "a parameter of the server's permessage-deflate has an invalid value",
            Self::ClientWindow => "the server's client_max_window_bits is larger than what was offered",
            Self::ServerWindow => "the server's server_max_window_bits is missing or larger than what was asked for",
            Self::ServerTakeover => "the server's server_no_context_takeover is missing, which was asked for",
        })
    }
}

/// What an answer agrees on, if anything. `offered` None: nothing was. `values` are those of all
/// `Sec-WebSocket-Extensions` of the answer, as they came.
pub fn check<'v>(
    offered: Option<&Parameters>,
    mut values: impl Iterator<Item = &'v [u8]>,
) -> Result<Option<Agreed>, Fault> {
    let Some(value) = values.next() else { return Ok(None) };
    // RFC 6455 §4.1: "If the response includes a |Sec-WebSocket-Extensions| header field and this header field
    // indicates the use of an extension that was not present in the client's handshake […], the client MUST _Fail …_."
    let offered = offered.ok_or(Fault::NotOffered)?;
    if !is_well_formed(value) {
        return Err(Fault::Malformed);
    }
    let mut extensions = Extension::all(value);
    let extension = extensions.next().filter(|extension| extension.name() == NAME).ok_or(Fault::NotOffered)?;
    // RFC 6455 §11.3.2: "the |Sec-WebSocket-Extensions| header field MUST NOT appear more than once in an HTTP response."
    if extensions.next().is_some() || values.next().is_some() {
        return Err(Fault::Several);
    }
    let answer = Parameters::read(extension)?;
    limit(offered, answer).map(|answer| Some(answer.agreed()))
}

/// What of the answer holds with the offer.
fn limit(offered: &Parameters, answer: Parameters) -> Result<Parameters, Fault> {
    // §7.1.1.1: "A server accepts an extension negotiation offer that includes the "server_no_context_takeover" extension
    // parameter by including the "server_no_context_takeover" extension parameter".
    if offered.server_no_context_takeover && !answer.server_no_context_takeover {
        return Err(Fault::ServerTakeover);
    }
    // §7.1.2.1: "by including the "server_max_window_bits" extension parameter in the extension negotiation response […]
    // with the same or smaller value as the offer".
    let most = offered.server_max_window_bits;
    if most.is_some_and(|most| answer.server_max_window_bits.is_none_or(|bits| bits > most)) {
        return Err(Fault::ServerWindow);
    }
    let own_bits = offered.client_max_window_bits.bits();
    let client_bits = match answer.client_max_window_bits {
        // §7.1.2.2 lets only the parameter of an offer go without a value.
        ClientWindow::Any => return Err(Fault::Value),
        // §7.1.2.2: "with a value equal to or smaller than the received value".
        ClientWindow::Bits(bits) if bits > own_bits => return Err(Fault::ClientWindow),
        ClientWindow::Bits(bits) => bits,
        // §7.1.2.2: "if the server doesn't include the extension parameter at all, the client is not going to use an LZ77
        // sliding window size greater than the size specified by the value in the extension negotiation offer".
        ClientWindow::Unsaid => own_bits,
    };
    Ok(Parameters {
        client_max_window_bits: ClientWindow::Bits(client_bits),
        client_no_context_takeover: answer.client_no_context_takeover || offered.client_no_context_takeover,
        ..answer
    })
}
