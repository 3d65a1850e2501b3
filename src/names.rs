//! Addresses of a name, one family at a time: the system's getaddrinfo, for which the standard library takes no family.
//!
//! Called by `net::resolve` on threads of its own. Beside `boundary` and `simd` the only unsafe code below the C
//! surfaces.

use std::ffi::{CStr, CString};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::ptr::NonNull;

/// Which addresses are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// AAAA records.
    V6,
    /// A records.
    V4,
}

/// Addresses of one family with this port, in the system's order (RFC 6724). May take as long as the system's resolver
/// likes. A name that has none of this family gives none, or an error.
pub fn look_up(name: &str, port: u16, family: Family) -> io::Result<Vec<SocketAddr>> {
    // A name with an IPv4 address in that file has no other: asked for IPv6 alone, the system would go on to DNS and
    // might come back with the address that the file is there to replace.
    let is_local = std::fs::read("/etc/hosts").is_ok_and(|hosts| has_name(&String::from_utf8_lossy(&hosts), name));
    let of_system = match family {
        _ if is_local => libc::AF_UNSPEC,
        Family::V6 => libc::AF_INET6,
        Family::V4 => libc::AF_INET,
    };
    let mut found = ask(name, port, of_system)?;
    found.retain(|address| address.is_ipv6() == (family == Family::V6));
    Ok(found)
}

/// Whether a file like /etc/hosts has the name.
fn has_name(hosts: &str, name: &str) -> bool {
    let names = |line: &str| {
        line.split('#')
            .next()
            .unwrap_or_default()
            .split_ascii_whitespace()
            .skip(1)
            .any(|n| n.eq_ignore_ascii_case(name))
    };
    hosts.lines().any(names)
}

fn ask(name: &str, port: u16, family: libc::c_int) -> io::Result<Vec<SocketAddr>> {
    let name = CString::new(name)?;
    // SAFETY: all zero is a valid addrinfo without any wish.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_family = family;
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut first = std::ptr::null_mut();
    // SAFETY: a C string, no service, hints as they have to be, and a place for the list.
    match unsafe { libc::getaddrinfo(name.as_ptr(), std::ptr::null(), &raw const hints, &raw mut first) } {
        0 => Ok(List(first).addresses(port)),
        libc::EAI_SYSTEM => Err(io::Error::last_os_error()),
        code => Err(io::Error::other(words(code))),
    }
}

/// In the program's language, and perhaps not in UTF-8.
fn words(code: i32) -> String {
    // SAFETY: it returns a C string that stays, for every code.
    let text = unsafe { CStr::from_ptr(libc::gai_strerror(code)) };
    text.to_string_lossy().into_owned()
}

/// What getaddrinfo returned.
struct List(*mut libc::addrinfo);

impl List {
    fn addresses(&self, port: u16) -> Vec<SocketAddr> {
        let (mut found, mut next) = (Vec::new(), NonNull::new(self.0));
        while let Some(entry) = next {
            // SAFETY: an entry of a list that is freed when `self` is dropped.
            let entry = unsafe { entry.as_ref() };
            // SAFETY: the entry's address is of the family that it says.
            found.extend(unsafe { address(entry, port) });
            next = NonNull::new(entry.ai_next);
        }
        found
    }
}

impl Drop for List {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: from getaddrinfo, and freed once.
            unsafe { libc::freeaddrinfo(self.0) };
        }
    }
}

/// # Safety
/// `ai_addr` points to an address of the family `ai_family`.
unsafe fn address(entry: &libc::addrinfo, port: u16) -> Option<SocketAddr> {
    match entry.ai_family {
        libc::AF_INET => {
            // SAFETY: the caller's promise.
            let v4 = unsafe { entry.ai_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            Some((Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr)), port).into())
        }
        libc::AF_INET6 => {
            // SAFETY: the caller's promise.
            let v6 = unsafe { entry.ai_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
            Some(SocketAddrV6::new(Ipv6Addr::from(v6.sin6_addr.s6_addr), port, 0, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_its_own_addresses() {
        assert_eq!(look_up("192.0.2.1", 80, Family::V4).ok(), Some(vec![([192, 0, 2, 1], 80).into()]));
        let v6: Ipv6Addr = "2001:db8::1".parse().expect("an address");
        assert_eq!(look_up("2001:db8::1", 81, Family::V6).ok(), Some(vec![(v6, 81).into()]));
        assert!(look_up("192.0.2.1", 80, Family::V6).is_err());
        let error = look_up("no-such-name.invalid", 80, Family::V4).expect_err("there is none");
        assert!(!error.to_string().is_empty());
        assert!(look_up("a\0b", 80, Family::V4).is_err());
    }

    #[test]
    fn hosts_are_read_as_the_system_does() {
        let hosts =
            "127.0.0.1\tlocalhost loopback\n# 192.0.2.1 comment\n192.0.2.2 a.test b.test # c.test\n\n192.0.2.3\n";
        for name in ["localhost", "loopback", "a.test", "B.TEST"] {
            assert!(has_name(hosts, name), "{name}");
        }
        for name in ["comment", "c.test", "192.0.2.3", "127.0.0.1", "test", "a.test.", ""] {
            assert!(!has_name(hosts, name), "{name}");
        }
    }
}
