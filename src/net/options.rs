//! What `listen` and `connect` are told.

use super::backoff::Reconnect;
use super::limits::Limits;
use super::tcp::{Origin, SocketOptions};
use super::tls::Tls;
use crate::proto::deflate;
use crate::proto::proxy::address::ProxyUrl;

/// How a listener treats its connections.
#[derive(Clone, Debug, Default)]
pub struct ListenOptions {
    /// Comes back with every event of its connections.
    pub tag: u32,
    /// First user data of its connections.
    pub user_data: usize,
    /// Instead of the context's limits.
    pub limits: Option<Limits>,
    /// Subprotocols spoken, preferred first: the first that the client offers too is chosen.
    pub subprotocols: Vec<String>,
    /// Deliver `What::Request` and wait for the answer.
    pub ask: bool,
    /// Deliver messages in pieces as they come.
    pub streaming: bool,
    /// Keep the request for the life of the connection.
    pub keep_request: bool,
    /// Pending TCP connections; 0: 4,096, cut by the system.
    pub backlog: u32,
    /// Several listeners on one port share its connections (SO_REUSEPORT).
    pub reuse_port: bool,
    /// An IPv6 wildcard address takes IPv4 connections too, unless this is set.
    pub ipv6_only: bool,
    /// Permissions of a Unix socket; 0: as the umask says.
    pub unix_mode: u32,
    /// Compresses for clients that offer it.
    pub deflate: Option<deflate::Settings>,
    /// Of TCP sockets.
    pub socket: SocketOptions,
    /// Speaks TLS with these certificates.
    pub tls: Option<Tls>,
    /// With `tls`: clients may speak TLS or not.
    pub tls_or_plain: bool,
}

/// How a client connects.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// Comes back with every event of the connection.
    pub tag: u32,
    /// First user data.
    pub user_data: usize,
    /// Instead of the context's limits.
    pub limits: Option<Limits>,
    /// Subprotocols offered, preferred first.
    pub subprotocols: Vec<String>,
    /// Headers added to the request.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Deliver messages in pieces as they come.
    pub streaming: bool,
    /// Keep the response for the life of the connection.
    pub keep_response: bool,
    /// Offers compression.
    pub deflate: Option<deflate::Settings>,
    /// Where TCP connects from, and how.
    pub origin: Origin,
    /// Of wss addresses; None: verification by the system's trust store.
    pub tls: Option<Tls>,
    /// Redirects followed in one attempt, at most.
    pub max_redirects: u32,
    /// A redirect may leave TLS.
    pub redirect_to_ws: bool,
    /// Connect again when the connection is lost or can't be made.
    pub reconnect: Option<Reconnect>,
    /// The proxy on the way.
    pub proxy: ProxyChoice,
    /// Of https proxies; None: verification by the system's trust store.
    pub proxy_tls: Option<Tls>,
}

/// Which proxy is on a client's way.
#[derive(Clone, Debug, Default)]
pub enum ProxyChoice {
    /// None.
    #[default]
    None,
    /// That of the environment, if there is one for the address.
    Environment,
    /// This one.
    Url(ProxyUrl),
}
