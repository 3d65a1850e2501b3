//! Opening handshake, client side (RFC 6455 §4.1, §4.2.2).
