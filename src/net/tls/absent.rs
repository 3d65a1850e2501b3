//! TLS in a build without it: an endpoint can't be made, so a session never exists.

use super::super::error::{Error, Result};
use super::super::outbox::Outbox;
use super::super::transport::Socket;
use super::{Broken, Identity, Info, TlsOptions};
use std::convert::Infallible;
use std::io;

/// An endpoint: there are none.
#[derive(Clone, Debug)]
pub struct Tls(Infallible);

impl Tls {
    /// Always fails.
    pub fn new(_options: TlsOptions) -> Result<Tls> {
        Err(Error::Unsupported("this build has no TLS"))
    }

    /// Always fails.
    pub fn default_client() -> Result<Tls> {
        Tls::new(TlsOptions::default())
    }

    pub(in crate::net) fn ready_for_clients(&self) -> Result<Tls> {
        match self.0 {}
    }

    /// There is nothing to change.
    pub fn set_cert(&self, _name: Option<&str>, _identity: &Identity) -> Result<()> {
        match self.0 {}
    }

    /// There is nothing to remove.
    pub fn remove_cert(&self, _name: Option<&str>) -> Result<()> {
        match self.0 {}
    }
}

/// What connections of a context share: nothing.
#[derive(Debug, Default)]
pub(in crate::net) struct Shared {}

/// A session: there are none.
#[derive(Debug)]
pub(in crate::net) struct Session(Infallible);

/// What a receive brought.
pub(in crate::net) struct Received {
    pub(in crate::net) count: usize,
    pub(in crate::net) more: bool,
    pub(in crate::net) sealed: usize,
}

/// What came of opening it.
#[expect(dead_code)]
pub(in crate::net) enum Opened {
    /// As with TLS.
    Plain(usize),
    /// As with TLS.
    NotTls(usize),
}

impl Session {
    pub(in crate::net) fn server(tls: &Tls, _or_plain: bool) -> Result<Session> {
        match tls.0 {}
    }

    pub(in crate::net) fn client(tls: &Tls, _host: &str) -> Result<Session> {
        match tls.0 {}
    }

    pub(in crate::net) fn is_established(&self) -> bool {
        match self.0 {}
    }

    pub(in crate::net) fn has_ended(&self) -> bool {
        match self.0 {}
    }

    pub(in crate::net) fn has_more_to_say(&self) -> bool {
        match self.0 {}
    }

    pub(in crate::net) fn take_failure(&mut self) -> Option<Broken> {
        match self.0 {}
    }

    pub(in crate::net) fn queued(&self) -> usize {
        match self.0 {}
    }

    pub(in crate::net) fn is_of_proxy(&mut self) {
        match self.0 {}
    }

    pub(in crate::net) fn through(&mut self, _: Session) {
        match self.0 {}
    }

    pub(in crate::net) fn receive(&mut self, _: &Socket, _: &mut Shared, _: usize) -> io::Result<Received> {
        match self.0 {}
    }

    pub(in crate::net) fn open(&mut self, _: usize, _: &mut Shared, _: &mut [u8]) -> Opened {
        match self.0 {}
    }

    pub(in crate::net) fn begin(&mut self) {
        match self.0 {}
    }

    pub(in crate::net) fn flush(&mut self, _: &Socket, _: Option<&mut Outbox>, _: &mut Shared) -> io::Result<bool> {
        match self.0 {}
    }

    pub(in crate::net) fn flush_with(
        &mut self,
        _: &Socket,
        _: &mut Outbox,
        _: [&[u8]; 2],
        _: &mut Shared,
    ) -> io::Result<bool> {
        match self.0 {}
    }

    pub(in crate::net) fn close(&mut self, _: &Socket) {
        match self.0 {}
    }

    pub(in crate::net) fn info(&self) -> Result<Info> {
        match self.0 {}
    }
}
