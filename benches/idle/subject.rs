//! The processes that are measured, and the simulated nodes beside them.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(20);

/// A process that ends with its owner.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("the binary can be run"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A simulated node.
pub(crate) struct Node {
    /// The settings of a sidecar beside it, as `simulate` tells them.
    settings: Vec<String>,
    _process: Process,
    /// Its temporary files: a process that is killed leaves them.
    _scratch: TempDir,
}

impl Node {
    /// Starts one with eight mailservers.
    pub(crate) fn start(binary: &Path, mode: &str) -> Self {
        let scratch = scratch();
        let mut command = Command::new(binary);
        command.args(["simulate", "--mode", mode, "--log", "off"]);
        command.env("TMPDIR", scratch.path());
        let mut process = Process::start(command.stdout(Stdio::piped()));
        let told = process.0.stdout.take().expect("it is piped");
        let mut settings = Vec::new();
        for line in BufReader::new(told).lines() {
            let line = line.expect("it speaks UTF-8");
            let named = line.split_whitespace().filter(|word| word.contains('='));
            settings.extend(named.map(str::to_owned));
            if line.contains("fleet.file=") {
                break;
            }
        }
        assert_eq!(settings.len(), 3, "what to run beside it: {settings:?}");
        Self {
            settings,
            _process: process,
            _scratch: scratch,
        }
    }
}

/// A sidecar with its control API on.
pub(crate) struct Sidecar {
    process: Process,
    available: Receiver<()>,
    _state: TempDir,
}

impl Sidecar {
    /// Starts one that serves a node.
    pub(crate) fn start(binary: &Path, node: &Node) -> Self {
        let state = scratch();
        let mut command = command(binary, &node.settings, &state);
        let mut process = Process::start(command.stderr(Stdio::piped()));
        let log = process.0.stderr.take().expect("it is piped");
        let (tell, available) = mpsc::channel();
        thread::spawn(move || {
            // To the end: a pipe that nobody reads would stop the process.
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                if line.contains("mailserverAvailable") {
                    let _ = tell.send(());
                }
            }
        });
        Self {
            process,
            available,
            _state: state,
        }
    }

    /// Waits until its mailserver is available.
    pub(crate) fn until_available(&self) {
        let told = self.available.recv_timeout(LIMIT);
        told.expect("a mailserver is available in time");
    }

    /// The number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.0.id()
    }
}

/// The milliseconds from the start of a sidecar to the first bytes of its first call.
pub(crate) fn first_call(binary: &Path) -> f64 {
    let node = TcpListener::bind("127.0.0.1:0").expect("there are free ports");
    let address = node.local_addr().expect("it is bound");
    let settings = [
        format!("node.rpc_url=http://{address}/"),
        format!("node.signals=ws://{address}/signals"),
    ];
    let state = scratch();
    let mut command = command(binary, &settings, &state);
    let begun = Instant::now();
    let process = Process::start(command.stderr(Stdio::null()));
    let mut others = Vec::new();
    let took = loop {
        let (mut connection, _) = node.accept().expect("the node is called");
        let mut head = [0; 4];
        connection.read_exact(&mut head).expect("a request");
        if &head == b"POST" {
            break begun.elapsed();
        }
        // The socket of the signals, which is opened beside.
        others.push(connection);
    };
    drop(process);
    took.as_secs_f64() * 1000.0
}

fn command(binary: &Path, settings: &[String], state: &TempDir) -> Command {
    let mut command = Command::new(binary);
    command.arg("run");
    for setting in settings {
        command.args(["--set", setting]);
    }
    let state = format!("state.dir={}", state.path().display());
    command.args(["--set", &state, "--set", "control.listen=127.0.0.1:0"]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn scratch() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}
