//! Opening handshake, server side (RFC 6455 §4.2). PLACEHOLDER until the real one is merged.
/// A request.
#[derive(Debug)]
pub struct Request;
