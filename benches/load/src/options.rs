//! The command line.

use std::str::FromStr;
use std::time::Duration;

use crate::deflate::Takeover;
use crate::{Result, json};

const USAGE: &str =
    "usage: wsrs-load echo|handshake|idle --port PORT [--pid SERVER_PID] [--connections N] [--size BYTES]
       [--in-flight N] [--rate MESSAGES_PER_SECOND] [--text] [--sleep] [--seconds S]
       [--warm-up S] [--ca CERTIFICATE_FILE [--resume]] [--deflate [--no-takeover]] [--settle S]";

/// What to measure.
#[derive(Clone, Copy, PartialEq)]
pub enum Mode {
    /// Messages there and back, on connections that stay open.
    Echo,
    /// Connections that open, upgrade and close.
    Handshake,
    /// Memory of the server per open connection.
    Idle,
}

/// The command line, with defaults for what it leaves out.
pub struct Options {
    pub mode: Mode,
    pub port: u16,
    pub pid: Option<u32>,
    pub connections: usize,
    pub size: usize,
    pub in_flight: usize,
    /// Messages per second over all connections; as fast as replies come when absent.
    pub rate: Option<f64>,
    pub text: bool,
    /// Sleeps until something comes, for where it shares a CPU with the server.
    pub sleep: bool,
    /// TLS, with this file's certificate as the only one that is trusted.
    pub ca: Option<String>,
    /// TLS sessions are resumed.
    pub resume: bool,
    /// JSON texts, compressed, and replies that are.
    pub deflate: Option<Takeover>,
    /// How long connections are idle after their message before memory is looked at once more.
    pub settle: Option<Duration>,
    pub seconds: Duration,
    pub warm_up: Duration,
}

impl Options {
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mode = match words.next().as_deref() {
            Some("echo") => Mode::Echo,
            Some("handshake") => Mode::Handshake,
            Some("idle") => Mode::Idle,
            _ => return Err(USAGE.into()),
        };
        let mut options = Options {
            mode,
            port: 0,
            pid: None,
            connections: 1,
            size: 125,
            in_flight: 1,
            rate: None,
            text: false,
            sleep: false,
            ca: None,
            resume: false,
            deflate: None,
            settle: None,
            seconds: Duration::from_secs(1),
            warm_up: Duration::from_millis(500),
        };
        while let Some(name) = words.next() {
            match name.as_str() {
                "--text" => options.text = true,
                "--resume" => options.resume = true,
                "--sleep" => options.sleep = true,
                "--deflate" => options.deflate = options.deflate.or(Some(Takeover::Kept)),
                "--no-takeover" => options.deflate = Some(Takeover::Declined),
                _ => options.set(&name, &words.next().ok_or(USAGE)?)?,
            }
        }
        options.checked()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "--port" => self.port = number(name, value)?,
            "--pid" => self.pid = Some(number(name, value)?),
            "--connections" => self.connections = number(name, value)?,
            "--size" => self.size = number(name, value)?,
            "--in-flight" => self.in_flight = number(name, value)?,
            "--rate" => self.rate = Some(number(name, value)?),
            "--ca" => self.ca = Some(value.into()),
            "--settle" => self.settle = Some(seconds(name, value)?),
            "--seconds" => self.seconds = seconds(name, value)?,
            "--warm-up" => self.warm_up = seconds(name, value)?,
            _ => return Err(format!("there is no {name}\n{USAGE}")),
        }
        Ok(())
    }

    fn checked(self) -> Result<Self> {
        if self.port == 0 || self.connections == 0 || self.in_flight == 0 {
            return Err(format!("--port, --connections and --in-flight are numbers above 0\n{USAGE}"));
        }
        if self.mode == Mode::Idle && self.pid.is_none() {
            return Err("idle needs --pid: it reads the memory of that process".into());
        }
        if self.rate.is_some_and(|rate| !(1.0..=1e7).contains(&rate)) {
            return Err("--rate is a number from 1 to 10000000".into());
        }
        if self.rate.is_some() && self.sleep {
            return Err("--rate needs to be awake: it goes without --sleep".into());
        }
        if self.resume && (self.ca.is_none() || self.mode != Mode::Handshake) {
            return Err("--resume goes with handshake and --ca".into());
        }
        if self.deflate.is_some() && (self.text || self.size < json::LEAST) {
            return Err(format!("--deflate goes without --text, and with messages of {} bytes or more", json::LEAST));
        }
        Ok(self)
    }
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T> {
    value.parse().map_err(|_| format!("{name} takes a number, not '{value}'"))
}

fn seconds(name: &str, value: &str) -> Result<Duration> {
    Duration::try_from_secs_f64(number(name, value)?).map_err(|_| format!("{name} takes seconds, not '{value}'"))
}
