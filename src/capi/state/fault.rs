//! Why a call failed, and the result that C gets for it.

use crate::boundary::pointer::Refused;
use crate::capi::result::*;
use crate::net::tls::Broken;
use crate::net::{self, Error};
use std::fmt;
use std::io::{self, ErrorKind};

/// What goes wrong behind an export.
#[derive(Debug)]
pub(in crate::capi) enum Fault {
    /// In the loop.
    Net(Error),
    /// At the boundary: a result and its reason.
    Call(wsrs_result, &'static str),
}

impl Fault {
    pub(in crate::capi) const fn argument(why: &'static str) -> Fault {
        Fault::Call(WSRS_ERR_ARGUMENT, why)
    }

    pub(in crate::capi) fn code(&self) -> wsrs_result {
        match self {
            Fault::Net(error) => code(error),
            Fault::Call(code, _) => *code,
        }
    }
}

/// The result for an error of the loop.
pub(in crate::capi) fn code(error: &Error) -> wsrs_result {
    match error {
        Error::Closed => WSRS_ERR_CLOSED,
        Error::NotOpen => WSRS_ERR_NOT_OPEN,
        Error::State(_) => WSRS_ERR_STATE,
        Error::Again => WSRS_ERR_AGAIN,
        Error::Argument(_) => WSRS_ERR_ARGUMENT,
        Error::TooLarge(_) => WSRS_ERR_TOO_LARGE,
        Error::Utf8 => WSRS_ERR_UTF8,
        Error::CloseCode(_) => WSRS_ERR_CLOSE_CODE,
        Error::Url(_) => WSRS_ERR_URL,
        Error::Address(_) => WSRS_ERR_ADDRESS,
        Error::Local(_, error) => local_code(error),
        Error::Header(_) => WSRS_ERR_HEADER,
        Error::Limit(_) => WSRS_ERR_LIMIT,
        Error::NotFound => WSRS_ERR_NOT_FOUND,
        Error::Resolve(_) => WSRS_ERR_RESOLVE,
        Error::Timeout(_) => WSRS_ERR_TIMEOUT,
        Error::Unsupported(_) => WSRS_ERR_UNSUPPORTED,
        Error::Pem(_) => WSRS_ERR_PEM,
        Error::Tls(Broken { certificate: true, .. }) => WSRS_ERR_CERTIFICATE,
        Error::Tls(_) => WSRS_ERR_TLS,
        Error::Proxy(_) => WSRS_ERR_PROXY,
        Error::Handshake(_) => WSRS_ERR_HANDSHAKE,
        Error::Rejected(_) => WSRS_ERR_REJECTED,
        Error::Io(error) => io_code(error),
    }
}

fn io_code(error: &io::Error) -> wsrs_result {
    if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) {
        return WSRS_ERR_DESCRIPTORS;
    }
    match error.kind() {
        ErrorKind::AddrInUse => WSRS_ERR_IN_USE,
        ErrorKind::PermissionDenied => WSRS_ERR_PERMISSION,
        ErrorKind::ConnectionRefused => WSRS_ERR_REFUSED,
        ErrorKind::TimedOut => WSRS_ERR_TIMEOUT,
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => WSRS_ERR_RESET,
        ErrorKind::UnexpectedEof => WSRS_ERR_RESET,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => WSRS_ERR_UNREACHABLE,
        ErrorKind::OutOfMemory => WSRS_ERR_MEMORY,
        _ => WSRS_ERR_SYSTEM,
    }
}

/// What this end has not is a wrong address of the program.
fn local_code(error: &io::Error) -> wsrs_result {
    match error.raw_os_error() {
        Some(libc::EADDRNOTAVAIL | libc::ENODEV) => WSRS_ERR_ADDRESS,
        Some(libc::EINVAL) => WSRS_ERR_ARGUMENT,
        _ => io_code(error),
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Net(error) => error.fmt(f),
            Fault::Call(_, why) => f.write_str(why),
        }
    }
}

impl From<Error> for Fault {
    #[inline]
    fn from(error: net::Error) -> Self {
        Fault::Net(error)
    }
}

impl From<Refused> for Fault {
    #[inline]
    fn from(refused: Refused) -> Self {
        Fault::argument(refused.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_have_codes() {
        let of = |errno| code(&Error::Io(io::Error::from_raw_os_error(errno)));
        assert_eq!(of(libc::EADDRINUSE), WSRS_ERR_IN_USE);
        assert_eq!(of(libc::EACCES), WSRS_ERR_PERMISSION);
        assert_eq!(of(libc::ECONNREFUSED), WSRS_ERR_REFUSED);
        assert_eq!(of(libc::ETIMEDOUT), WSRS_ERR_TIMEOUT);
        assert_eq!(of(libc::ECONNRESET), WSRS_ERR_RESET);
        assert_eq!(of(libc::EPIPE), WSRS_ERR_RESET);
        assert_eq!(of(libc::EMFILE), WSRS_ERR_DESCRIPTORS);
        assert_eq!(of(libc::EHOSTUNREACH), WSRS_ERR_UNREACHABLE);
        assert_eq!(of(libc::ENETUNREACH), WSRS_ERR_UNREACHABLE);
        assert_eq!(of(libc::ENOMEM), WSRS_ERR_MEMORY);
        assert_eq!(of(libc::EIO), WSRS_ERR_SYSTEM);
    }
}
