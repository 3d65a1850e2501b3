//! Addresses of the ws scheme (RFC 6455 §3).
