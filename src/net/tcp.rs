//! TCP sockets and what a program may ask of them: options of either role, and where a client connects from.
//!
//! Used by `listener` and by `dial`. Accepted sockets inherit the options of the listening one: no system call for each.

use super::error::{Error, Result};
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Options of TCP sockets; what is zero is left to the system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// Small pieces wait for those before them to be acknowledged.
    pub nagle: bool,
    /// Silence after which the system probes the peer.
    pub keepalive: Duration,
    /// SO_SNDBUF.
    pub send_buffer: u32,
    /// SO_RCVBUF.
    pub receive_buffer: u32,
    /// TCP_USER_TIMEOUT.
    pub user_timeout: Duration,
    /// Of outgoing packets; at most 63.
    pub dscp: u32,
}

/// Where a client connects from, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// This address; port 0: the system's choice.
    pub source: Option<SocketAddr>,
    /// This network interface (SO_BINDTODEVICE).
    pub interface: Option<String>,
    /// Options of the socket.
    pub socket: SocketOptions,
}

/// An address to connect from: "192.0.2.1", "192.0.2.1:5000", "2001:db8::1" or "[2001:db8::1]:5000".
pub fn parse_source(text: &str) -> Result<SocketAddr> {
    let whole = text.parse().ok();
    let alone = || text.parse::<IpAddr>().ok().map(|address| (address, 0).into());
    whole
        .or_else(alone)
        .ok_or_else(|| Error::Address(format!("source \"{text}\": not an IP address, with or without a port")))
}

impl SocketOptions {
    /// Of a socket that is neither bound nor connected.
    pub(super) fn apply(&self, socket: &Socket, domain: Domain) -> Result<()> {
        let checked =
            |what: &'static str, result: io::Result<()>| result.map_err(|error| Error::Local(what.into(), error));
        checked("TCP_NODELAY", socket.set_tcp_nodelay(!self.nagle))?;
        if !self.keepalive.is_zero() {
            // The system counts in seconds.
            let silence = Duration::from_secs(self.keepalive.as_millis().div_ceil(1000) as u64);
            checked("keepalive", socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(silence)))?;
        }
        if self.send_buffer > 0 {
            checked("send_buffer", socket.set_send_buffer_size(self.send_buffer as usize))?;
        }
        if self.receive_buffer > 0 {
            checked("receive_buffer", socket.set_recv_buffer_size(self.receive_buffer as usize))?;
        }
        if !self.user_timeout.is_zero() {
            checked("user_timeout", socket.set_tcp_user_timeout(Some(self.user_timeout)))?;
        }
        match self.dscp {
            0 => Ok(()),
            64.. => Err(Error::Argument("the DSCP is more than 63")),
            // The two bits below are ECN's. IPv6 sockets may carry IPv4.
            dscp if domain == Domain::IPV6 => {
                checked("dscp", socket.set_tclass_v6(dscp << 2).and_then(|()| socket.set_tos_v4(dscp << 2)))
            }
            dscp => checked("dscp", socket.set_tos_v4(dscp << 2)),
        }
    }
}

impl Origin {
    /// A socket to connect to an address of that family.
    pub(super) fn open(&self, domain: Domain) -> Result<Socket> {
        let kind = Type::STREAM.nonblocking().cloexec();
        let socket = Socket::new(domain, kind, Some(Protocol::TCP))?;
        self.socket.apply(&socket, domain)?;
        if let Some(interface) = &self.interface {
            let bound = socket.bind_device(Some(interface.as_bytes()));
            bound.map_err(|error| Error::Local(format!("interface \"{interface}\""), error))?;
        }
        if let Some(source) = self.source {
            // A port that was given is wanted again while an earlier connection from it lingers in TIME_WAIT.
            let bound = socket.set_reuse_address(source.port() != 0).and_then(|()| socket.bind(&source.into()));
            bound.map_err(|error| Error::Local(format!("source {source}"), error))?;
        }
        Ok(socket)
    }

    /// Whether the system takes all this, as far as that shows without connecting.
    pub(super) fn check(&self) -> Result<()> {
        if self.interface.as_ref().is_some_and(|name| name.is_empty() || name.len() > 15 || name.contains('\0')) {
            return Err(Error::Argument("the interface's name is not of 1 to 15 bytes"));
        }
        let domain = match self.source {
            Some(SocketAddr::V6(_)) => Domain::IPV6,
            _ => Domain::IPV4,
        };
        if *self == Origin::default() { Ok(()) } else { self.open(domain).map(drop) }
    }

    /// Whether the address is of the source's family.
    pub(super) fn suits(&self, is_v6: bool) -> bool {
        self.source.is_none_or(|source| source.is_ipv6() == is_v6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_addresses_with_or_without_a_port() {
        let read = |text: &str| parse_source(text).map(|source| source.to_string()).map_err(|error| error.to_string());
        assert_eq!(read("192.0.2.1"), Ok("192.0.2.1:0".into()));
        assert_eq!(read("192.0.2.1:5000"), Ok("192.0.2.1:5000".into()));
        assert_eq!(read("2001:db8::1"), Ok("[2001:db8::1]:0".into()));
        assert_eq!(read("[2001:db8::1]:5000"), Ok("[2001:db8::1]:5000".into()));
        for wrong in ["", "localhost", "192.0.2.1:", "192.0.2.1:70000", "192.0.2", "[2001:db8::1", "eth0"] {
            assert_eq!(read(wrong), Err(format!("source \"{wrong}\": not an IP address, with or without a port")));
        }
    }
}
