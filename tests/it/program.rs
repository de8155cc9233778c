//! The real binary: a server as a process of its own, and commands that call it.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_mar-audit");

/// A directory for a test's data.
pub fn directory() -> TempDir {
    tempfile::Builder::new()
        .prefix("it-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .expect("a directory on disk")
}

/// The binary, with nothing of the tester's environment that it reads.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MAR_AUDIT_") {
            command.env_remove(name);
        }
    }
    command
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .env_remove("CLICOLOR");
    command.stdin(Stdio::null());
    command
}

/// What a command came to.
#[derive(Clone, Debug)]
pub struct Done {
    pub exit: i32,
    pub out: String,
    pub err: String,
}

impl Done {
    pub fn of(output: &Output) -> Self {
        Self {
            exit: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.exit, 0, "{self:?}");
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// A command that needs no server.
pub fn run(arguments: &[&str]) -> Done {
    Done::of(&command(arguments).output().expect("the binary runs"))
}

/// A running server; killed when dropped.
pub struct Program {
    child: Child,
    /// Held open: a server whose stdout is closed is another test.
    out: BufReader<ChildStdout>,
    pub url: String,
    pub data: PathBuf,
}

impl Program {
    /// On a free port.
    pub fn serve(data: &Path) -> Self {
        Self::serve_with(data, "127.0.0.1:0", command)
    }

    /// On a given address, started by a command of the test's making.
    pub fn serve_with(data: &Path, listen: &str, command: impl FnOnce(&[&str]) -> Command) -> Self {
        let text = data.to_str().expect("a test's path is text");
        let mut command = command(&[
            "serve",
            "--data",
            text,
            "--listen",
            listen,
            "--allow-volatile",
        ]);
        // Who may do what is told by tests of that; a flag goes before.
        let mut child = command
            .env("MAR_AUDIT_ACCESS", "open")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut out = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let mut line = String::new();
        out.read_line(&mut line).expect("the server speaks");
        let url = line.trim_end().strip_prefix("mar-audit listening on ");
        let url = url
            .unwrap_or_else(|| panic!("not ready but: {line:?}"))
            .to_owned();
        Self {
            child,
            out,
            url,
            data: data.to_owned(),
        }
    }

    /// The next line that it prints, without its end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("the server speaks");
        line.trim_end().to_owned()
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a process id")
    }

    /// The address without the scheme.
    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").expect("an address")
    }

    /// As a power cut would: no chance to do anything.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// As an operator would; the exit code.
    pub fn stop(mut self) -> i32 {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
        self.child.wait().expect("it ends").code().unwrap_or(-1)
    }

    /// True while the process lives.
    pub fn lives(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_none()
    }

    /// A client command, not run yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        command.env("MAR_AUDIT_SERVER", &self.url);
        command
    }

    /// A client command.
    pub fn run(&self, arguments: &[&str]) -> Done {
        Done::of(&self.command(arguments).output().expect("the binary runs"))
    }

    /// A client command that reads stdin.
    pub fn run_with_stdin(&self, arguments: &[&str], stdin: &[u8]) -> Done {
        let mut command = self.command(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut input = child.stdin.take().expect("stdin is a pipe");
        let bytes = stdin.to_vec();
        let writer = std::thread::spawn(move || input.write_all(&bytes));
        let output = child.wait_with_output().expect("it ends");
        // A command may have what it needs before its input ends.
        let _ = writer.join().expect("no panic");
        Done::of(&output)
    }

    /// `GET`, as JSON.
    pub fn get(&self, path: &str) -> Value {
        let mut answer = agent()
            .get(format!("{}{path}", self.url))
            .call()
            .expect("an answer");
        let text = answer
            .body_mut()
            .with_config()
            .limit(u64::MAX)
            .read_to_string()
            .expect("the whole answer");
        assert!(answer.status().is_success(), "{path}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// How many entries match.
    pub fn count(&self, parameters: &str) -> u64 {
        self.get(&format!("/v1/facets?fields=result&{parameters}"))["total"]
            .as_u64()
            .expect("a total")
    }

    /// The counts of one field's values.
    pub fn counts(&self, field: &str, parameters: &str) -> std::collections::BTreeMap<String, u64> {
        let facets = self.get(&format!("/v1/facets?fields={field}&top=1000&{parameters}"));
        let values = facets["facets"][field]["values"]
            .as_array()
            .expect("values")
            .clone();
        let text = |value: &Value| value.as_str().unwrap_or("(none)").to_owned();
        values
            .iter()
            .map(|v| (text(&v["value"]), v["count"].as_u64().expect("a count")))
            .collect()
    }

    /// Every entry that matches, in the order of arrival.
    pub fn all(&self, parameters: &str) -> Vec<Value> {
        let url = format!(
            "{}/v1/export?format=ndjson&order=received&direction=asc&{parameters}",
            self.url
        );
        let mut answer = agent().get(url).call().expect("an answer");
        let mut text = String::new();
        answer
            .body_mut()
            .as_reader()
            .read_to_string(&mut text)
            .expect("the whole export");
        let mut lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert_eq!(lines.pop().expect("a last line")["complete"], true);
        lines
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself: that is for the test to see, not for the cleaning up.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An HTTP client that keeps connections and treats no status as an error.
pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .new_agent()
}
