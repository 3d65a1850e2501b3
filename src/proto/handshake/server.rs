//! Opening handshake, server side (RFC 6455 §4.2).
