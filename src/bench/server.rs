//! The process under measurement: started, asked, watched through `/proc`, ended or killed.

use super::Failed;
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A running server of our own binary.
pub(super) struct Server {
    child: Child,
    pub url: String,
    agent: ureq::Agent,
    /// From the start of the process to its line "listening".
    pub ready_after: Duration,
    /// What it says besides: guards who reads the next line.
    said: Mutex<Lines<BufReader<ChildStdout>>>,
    syslog: OnceLock<SocketAddr>,
}

/// Memory of a process, in bytes, as the kernel counts it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    pub resident: u64,
    pub resident_max: u64,
    /// What is the process's own; the rest of `resident` are pages of mapped files, which the kernel may take back.
    pub anonymous: u64,
}

impl Server {
    /// Starts on `data` and waits until it listens.
    pub fn start(data: &Path) -> Result<Self, Failed> {
        Self::start_with(data, &[])
    }

    /// The same, with variables of its environment.
    pub fn start_with(data: &Path, settings: &[(&str, &str)]) -> Result<Self, Failed> {
        let binary = std::env::current_exe()?;
        let begun = Instant::now();
        let mut child = Command::new(binary)
            .args([
                "serve",
                "--access",
                "open",
                "--listen",
                "127.0.0.1:0",
                "--data",
            ])
            .arg(data)
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
        for line in lines.by_ref() {
            let line = line?;
            if let Some(at) = line.find("http://") {
                let url = line[at..].split_whitespace().next().unwrap_or_default();
                return Ok(Self {
                    child,
                    url: url.trim_end_matches('/').to_owned(),
                    agent: agent(),
                    ready_after: begun.elapsed(),
                    said: Mutex::new(lines),
                    syslog: OnceLock::new(),
                });
            }
        }
        let status = child.wait()?;
        Err(Failed::Server(format!(
            "ended with {status} before it listened"
        )))
    }

    /// The body of a 200 to `GET path`.
    pub fn get(&self, path: &str) -> Result<Vec<u8>, Failed> {
        get(&self.agent, &format!("{}{path}", self.url))
    }

    pub fn get_json(&self, path: &str) -> Result<serde_json::Value, Failed> {
        let body = self.get(path)?;
        serde_json::from_slice(&body)
            .map_err(|error| Failed::Server(format!("answered no JSON to {path}: {error}")))
    }

    /// Where it listens for syslog: it says so after its own address.
    pub fn syslog(&self) -> Result<SocketAddr, Failed> {
        let mut said = self.said.lock();
        if let Some(known) = self.syslog.get() {
            return Ok(*known);
        }
        let line = said.next().transpose()?.unwrap_or_default();
        let address = line.rsplit("://").next().and_then(|text| text.parse().ok());
        let address = address.ok_or_else(|| Failed::Server(format!("says no address: {line}")))?;
        Ok(*self.syslog.get_or_init(|| address))
    }

    /// A client of its own connections.
    pub fn client(&self) -> Client {
        self.client_of("/v1/entries")
    }

    /// One that posts to another path.
    pub fn client_of(&self, path: &str) -> Client {
        Client {
            agent: agent(),
            url: format!("{}{path}", self.url),
        }
    }

    /// Seconds of CPU it has used so far.
    pub fn cpu_seconds(&self) -> Result<f64, Failed> {
        cpu_seconds(&self.child.id().to_string())
    }

    pub fn memory(&self) -> Result<Memory, Failed> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        let bytes = |name| field(name).unwrap_or_default() * 1024;
        Ok(Memory {
            resident: bytes("VmRSS:"),
            resident_max: bytes("VmHWM:"),
            anonymous: bytes("RssAnon:"),
        })
    }

    /// Ends it as an operator does, and waits.
    pub fn stop(mut self) -> Result<(), Failed> {
        self.signal(Signal::TERM)?;
        let status = self.child.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(Failed::Server(format!("ended with {status}")))
    }

    /// Ends it as a power cut does, but for the disk.
    pub fn kill(mut self) -> Result<(), Failed> {
        self.signal(Signal::KILL)?;
        self.child.wait()?;
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Result<(), Failed> {
        let pid = Pid::from_child(&self.child);
        Ok(kill_process(pid, signal).map_err(std::io::Error::from)?)
    }
}

/// Ends the process where a measurement failed half way.
impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Nothing depends on how it ends here, and nothing is left to tell.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// One sender.
pub(super) struct Client {
    agent: ureq::Agent,
    url: String,
}

impl Client {
    /// Posts a body and gives the answer to a 200.
    pub fn post(&self, kind: &str, body: &[u8]) -> Result<Vec<u8>, Failed> {
        let sent = self.agent.post(&self.url).content_type(kind).send(body);
        read(&self.url, sent)
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_idle_connections_per_host(1)
        .build()
        .into()
}

fn get(agent: &ureq::Agent, url: &str) -> Result<Vec<u8>, Failed> {
    read(url, agent.get(url).call())
}

fn read(
    url: &str,
    sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Vec<u8>, Failed> {
    let failed = |source| Failed::Call {
        url: url.to_owned(),
        source: Box::new(source),
    };
    let mut answer = sent.map_err(failed)?;
    let body = answer
        .body_mut()
        .with_config()
        .limit(u64::MAX)
        .read_to_vec()
        .map_err(failed)?;
    match answer.status().as_u16() {
        200 => Ok(body),
        status => Err(Failed::Answer {
            url: url.to_owned(),
            status,
            body: String::from_utf8_lossy(&body[..body.len().min(500)]).into_owned(),
        }),
    }
}

/// Seconds of CPU this process, the client, has used so far.
pub(super) fn own_cpu_seconds() -> Result<f64, Failed> {
    cpu_seconds("self")
}

fn cpu_seconds(process: &str) -> Result<f64, Failed> {
    let path = format!("/proc/{process}/stat");
    let stat = std::fs::read_to_string(&path).map_err(Failed::file(Path::new(&path)))?;
    // The name in parentheses may hold anything; what follows it is separated by spaces.
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    // User and system time, in the hundredths of a second that Linux shows to programs on every architecture.
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Ok(ticks as f64 / 100.0)
}
