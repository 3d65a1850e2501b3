//! A server and a client of this library in one loop, and what they told.

use super::check_text;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use wsrs::net::event::Level;
use wsrs::net::tls::Tls;
use wsrs::net::{Closing, ConnEvent, ConnId, ConnectOptions, Context, Door, Error, Event, Failure};
use wsrs::net::{Limits, ListenOptions, What, Window};
use wsrs::proto::message::Kind;

/// Nothing here takes that long unless it is broken.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct World {
    pub(super) context: Context,
    window: Window,
    /// The client, then the server.
    pub(super) sides: [Side; 2],
    client: Option<ConnId>,
    /// Warnings of the loop.
    pub(super) warnings: Vec<String>,
    /// Names in the certificates of peers.
    pub(super) names: Vec<String>,
    path: PathBuf,
}

/// One end, and what it has seen.
#[derive(Default)]
pub(super) struct Side {
    /// To be sent when it is open: that many bytes each.
    pub(super) plan: Vec<usize>,
    /// Lengths of messages that came.
    pub(super) received: Vec<usize>,
    pub(super) opened: bool,
    pub(super) end: Option<Ending>,
}

pub(super) type Ending = Result<Closing, Box<Failure>>;

impl World {
    pub(super) fn new() -> World {
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        let name = format!("wsrs-tls-{}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
        let flags = rustix::event::EventfdFlags::NONBLOCK | rustix::event::EventfdFlags::CLOEXEC;
        let door = Door::new(Arc::new(rustix::event::eventfd(0, flags).expect("eventfd")));
        let (mut context, window) =
            Context::new(Limits { max_connections: 4, ..Limits::default() }, door, 1).expect("a context");
        context.set_log_level(Some(Level::Warning));
        let path = std::env::temp_dir().join(name);
        World {
            context,
            window,
            sides: Default::default(),
            client: None,
            warnings: Vec::new(),
            names: Vec::new(),
            path,
        }
    }

    /// A server, and the socket that a client of it has.
    pub(super) fn serve(&mut self, tls: Tls, tls_or_plain: bool) -> Result<UnixStream, Error> {
        let options = ListenOptions { tls: Some(tls), tls_or_plain, ..ListenOptions::default() };
        self.context.listen(&format!("unix:{}", self.path.display()), options)?;
        Ok(UnixStream::connect(&self.path).expect("a connection"))
    }

    /// A client, and the socket that its server has. None: it failed at once.
    pub(super) fn connect(&mut self, tls: Tls) -> Option<TcpStream> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        listener.set_nonblocking(true).expect("a flag");
        let url = format!("wss://{}/", listener.local_addr().expect("a port"));
        let options = ConnectOptions { tls: Some(tls), ..ConnectOptions::default() };
        self.client = Some(self.context.connect(&url, options).expect("a connect"));
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE && self.sides[0].end.is_none() {
            match listener.accept() {
                Ok((stream, _)) => return Some(stream),
                Err(_) => drop(self.turn(Duration::from_millis(1))),
            }
        }
        assert!(self.sides[0].end.is_some(), "the client never came");
        None
    }

    /// One turn; whether there was anything.
    pub(super) fn turn(&mut self, wait: Duration) -> bool {
        self.context.wait(Some(wait)).expect("wait");
        let mut any = false;
        while let Some(event) = self.context.next_event(&mut self.window) {
            any = true;
            match event {
                Event::Log { text, .. } => {
                    check_text(&text);
                    self.warnings.push(text);
                }
                // Somebody without TLS may say anything.
                Event::Conn(event) if self.client.is_none() => note(&mut self.sides[1], event.what),
                Event::Conn(event) => {
                    let who = usize::from(self.client != Some(event.id));
                    if let (What::Open, Ok(info)) = (&event.what, self.context.tls_info(event.id)) {
                        assert!(!info.subject.contains(char::is_control), "{:?}", info.subject);
                        self.names.push(info.names.clone());
                    }
                    hear(&mut self.context, &mut self.sides, who, event);
                }
                event => panic!("{event:?}"),
            }
        }
        any
    }

    /// Turns until nothing is open.
    pub(super) fn finish(&mut self) {
        let begin = Instant::now();
        while self.context.next_conn(None).is_some() {
            assert!(begin.elapsed() < PATIENCE, "it never ended");
            self.turn(Duration::from_millis(1));
        }
        for side in &self.sides {
            assert_eq!(side.opened, matches!(side.end, Some(Ok(_))), "{:?}", side.end);
        }
        assert_eq!(self.sides[0].end.is_some(), self.client.is_some());
    }
}

/// How it goes with one end.
fn note(side: &mut Side, what: What) {
    assert!(side.end.is_none(), "{what:?} after the end");
    match what {
        What::Open => assert!(!std::mem::replace(&mut side.opened, true)),
        What::Closed(closing) => side.end = Some(Ok(closing)),
        What::Failed(failure) => {
            check_text(&failure.text);
            side.end = Some(Err(failure));
        }
        _ => {}
    }
}

fn hear(context: &mut Context, sides: &mut [Side; 2], who: usize, ConnEvent { id, what, .. }: ConnEvent<'_>) {
    let expected = sides[1 - who].plan.clone();
    let side = &mut sides[who];
    match what {
        What::Open => {
            note(side, what);
            for &size in &side.plan {
                context.send(id, Kind::Binary, &vec![size as u8; size]).expect("room for it");
            }
        }
        What::Message { kind: Kind::Binary, data, first: true, last: true } => {
            // What comes is what was sent, whatever happens in between, or it does not come.
            let size = expected.get(side.received.len()).copied();
            assert!(side.opened && size == Some(data.len()) && data.iter().all(|&byte| byte == data.len() as u8));
            side.received.push(data.len());
        }
        What::Closed(_) | What::Failed(_) => note(side, what),
        what => panic!("{what:?}"),
    }
    if who == 0 && side.opened && side.end.is_none() && side.received == expected {
        // Again after that: it is closed already.
        let _ = context.close(id, 1000, b"");
    }
}
