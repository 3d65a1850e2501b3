//! All connections, and the epoll set that they are in. The modes pull: `wait`, then `next` for each that is ready.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Result;
use crate::connection::{Connection, Received, State};
use crate::options::Options;
use crate::ring::Ring;
use crate::tls::{Client, Session};
use crate::transport::Memory;

/// Connections that wait for their upgrade at a time: the backlog of some servers is 100.
const OPENING: usize = 64;
/// With --sleep, for as long as nothing comes; then the time is looked at.
const SLEEP: Duration = Duration::from_millis(10);
const STALL: Duration = Duration::from_secs(10);

pub struct Fleet {
    pub ring: Ring,
    pub connections: Vec<Connection>,
    port: u16,
    client: Option<Client>,
    wanted: usize,
    /// How long `wait` waits unless told.
    patience: Duration,
    /// Connections that were opened up to now, and those among them that wait for their upgrade.
    dialled: usize,
    opening: usize,
    poller: OwnedFd,
    events: Vec<epoll::Event>,
    memory: Memory,
    begin: Instant,
    last_progress: Instant,
}

impl Fleet {
    pub fn new(options: &Options) -> Result<Self> {
        allow_descriptors(options.connections as u64 + 64)?;
        let poller = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|error| format!("epoll: {error}"))?;
        let ring = match options.deflate {
            Some(takeover) => Ring::compressed(options.size, options.in_flight, takeover)?,
            None => Ring::new(options.size, options.in_flight, options.text),
        };
        Ok(Fleet {
            ring,
            connections: Vec::with_capacity(options.connections),
            port: options.port,
            client: options.ca.as_ref().map(|ca| Client::new(ca, options.resume)).transpose()?,
            wanted: options.connections,
            patience: if options.sleep { SLEEP } else { Duration::ZERO },
            dialled: 0,
            opening: 0,
            poller,
            events: Vec::with_capacity(512),
            memory: Memory::new(),
            begin: Instant::now(),
            last_progress: Instant::now(),
        })
    }

    /// Nanoseconds since the start.
    pub fn now(&self) -> u64 {
        self.begin.elapsed().as_nanos() as u64
    }

    /// Opens the connections that are missing and waits until all are open.
    pub fn open_all(&mut self) -> Result<()> {
        while self.connections.len() < self.wanted || self.opening > 0 {
            while self.connections.len() < self.wanted && self.opening < OPENING {
                let connection = self.dial()?;
                self.watch(self.connections.len(), &connection)?;
                self.connections.push(connection);
            }
            for at in 0..self.wait(Some(Duration::from_millis(100)))? {
                self.next(at)?;
            }
        }
        Ok(())
    }

    /// A new connection in the place of one that ended, whose socket is closed by this.
    pub fn replace(&mut self, index: usize) -> Result<()> {
        let connection = self.dial()?;
        self.watch(index, &connection)?;
        self.connections[index] = connection;
        Ok(())
    }

    fn dial(&mut self) -> Result<Connection> {
        self.dialled += 1;
        self.opening += 1;
        Connection::open(self.port, self.dialled - 1, self.client.as_ref(), self.ring.deflate)
    }

    fn watch(&self, index: usize, connection: &Connection) -> Result<()> {
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&self.poller, &connection.transport.socket, data, epoll::EventFlags::IN)
            .map_err(|e| format!("epoll: {e}"))
    }

    /// How many connections are ready. Without a patience it returns at once, or sleeps for a little if told to.
    pub fn wait(&mut self, patience: Option<Duration>) -> Result<usize> {
        let patience = Timespec::try_from(patience.unwrap_or(self.patience)).map_err(|error| error.to_string())?;
        self.events.clear();
        match epoll::wait(&self.poller, rustix::buffer::spare_capacity(&mut self.events), Some(&patience)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(format!("epoll: {error}")),
        }
        if self.events.is_empty() && self.last_progress.elapsed() > STALL {
            return Err(format!("nothing came for {} s", STALL.as_secs()));
        }
        Ok(self.events.len())
    }

    /// Serves the connection that the last `wait` found as number `at`. Returns which it is, and what came.
    pub fn next(&mut self, at: usize) -> Result<(usize, Received)> {
        let (index, flags) = (self.events[at].data.u64() as usize, self.events[at].flags);
        let connection = &mut self.connections[index];
        if flags.contains(epoll::EventFlags::OUT) {
            connection.flush(&self.ring)?;
            self.rearm(index, true)?;
        }
        if flags == epoll::EventFlags::OUT {
            return Ok((index, Received::Nothing));
        }
        let received = self.connections[index].receive(&self.ring, &mut self.memory)?;
        if !matches!(received, Received::Nothing) {
            self.last_progress = Instant::now();
        }
        if matches!(received, Received::Opened) {
            self.opening -= 1;
        }
        Ok((index, received))
    }

    /// Sends `count` more messages, due at `at`.
    pub fn send(&mut self, index: usize, count: usize, at: u64) -> Result<()> {
        let connection = &mut self.connections[index];
        let was_blocked = connection.blocked();
        connection.send(&self.ring, count, at)?;
        self.rearm(index, was_blocked)
    }

    /// Watches for room in the socket while something waits for it.
    fn rearm(&mut self, index: usize, was_blocked: bool) -> Result<()> {
        let connection = &self.connections[index];
        if connection.blocked() == was_blocked {
            return Ok(());
        }
        let mut flags = epoll::EventFlags::IN;
        flags.set(epoll::EventFlags::OUT, connection.blocked());
        let data = epoll::EventData::new_u64(index as u64);
        epoll::modify(&self.poller, &connection.transport.socket, data, flags)
            .map_err(|error| format!("epoll: {error}"))
    }

    /// TLS records with content that all connections have received.
    pub fn records(&self) -> u64 {
        self.connections.iter().filter_map(|connection| connection.transport.session()).map(Session::records).sum()
    }

    /// Bytes of payload of all replies, as they came.
    pub fn wire(&self) -> u64 {
        self.connections.iter().map(|connection| connection.replies.wire).sum()
    }

    /// Connections without one reply since their count was set to zero.
    pub fn silent(&self) -> usize {
        self.connections.iter().filter(|connection| connection.state == State::Open && connection.replied == 0).count()
    }
}

fn allow_descriptors(needed: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let maximum = limit.maximum.map(|maximum| maximum.max(needed));
    setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum })
        .map_err(|error| format!("{needed} descriptors are not to be had: {error}"))
}
