//! Opening handshake, client side. PLACEHOLDER until the real one is merged.
/// An answer.
#[derive(Debug)]
pub struct Response;
