//! A sidecar as a process of its own beside a simulated node of this one.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use mailserver_sidecar::sim::{self, Fault, Simulation};
use tempfile::TempDir;
use tokio::{sync::mpsc, time::timeout};

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(30);

/// The two.
pub(crate) struct Subject {
    process: Child,
    log: mpsc::UnboundedReceiver<String>,
    simulation: Simulation,
    /// The control API of the sidecar.
    pub(crate) address: SocketAddr,
    /// The mailserver in use.
    active: String,
    _scratch: TempDir,
}

impl Subject {
    /// Starts both; returns when what was missed is fetched.
    pub(crate) async fn start(node: sim::Settings) -> Self {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let simulation = Simulation::start(node).expect("there are free ports");
        let mut process = spawn(&simulation, &scratch);
        let told = BufReader::new(process.stderr.take().expect("it is piped"));
        let (tell, log) = mpsc::unbounded_channel();
        thread::spawn(move || {
            for line in told.lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        let mut subject = Self {
            process,
            log,
            simulation,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            active: String::new(),
            _scratch: scratch,
        };
        let address = subject.told("control API open", "address=").await;
        subject.address = address.parse().expect("an address");
        subject.served().await;
        subject
    }

    /// Kills the mailserver in use, waits until another one has served, and revives it.
    pub(crate) async fn lose_one(&mut self) {
        let all = self.simulation.mailservers();
        let index = all.iter().position(|it| it.id == self.active);
        let index = index.expect("it is one of the simulation's");
        let lost = self.active.clone();
        let killed = self.simulation.set_fault(index, Fault::Killed);
        killed.expect("its port can be closed");
        self.served().await;
        assert_ne!(self.active, lost, "another one is used");
        let revived = self.simulation.set_fault(index, Fault::None);
        revived.expect("its port can be opened");
    }

    async fn served(&mut self) {
        self.active = self.told("mailserverAvailable", "mailserver=").await;
        self.told("history:completed", "sequence=").await;
    }

    /// Waits for a line of the log with this text; the value of this field in it.
    async fn told(&mut self, text: &str, field: &str) -> String {
        loop {
            let line = timeout(LIMIT, self.log.recv()).await.expect("in time");
            let line = line.expect("the sidecar runs");
            let value = line.split_once(field).map(|(_, value)| value);
            if let Some(value) = value.filter(|_| line.contains(text)) {
                let value = value.split_whitespace().next().unwrap_or_default();
                return value.trim_matches('"').to_owned();
            }
        }
    }

    /// The resident memory of the sidecar.
    pub(crate) fn resident_kib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.expect("the process is alive");
        let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
        let number = line.and_then(|it| it.split_whitespace().next()?.parse().ok());
        number.expect("it is told in KiB")
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(simulation: &Simulation, scratch: &TempDir) -> Child {
    let fleets = scratch.path().join("fleets.json");
    fs::write(&fleets, simulation.fleet_file_json()).expect("the directory is writable");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailserver-sidecar"));
    command.arg("run");
    for setting in [
        format!("node.rpc_url={}", simulation.rpc_url()),
        format!("node.signals={}", simulation.signals_url()),
        format!("fleet.file={}", fleets.display()),
        format!("state.dir={}", scratch.path().join("state").display()),
        "control.listen=127.0.0.1:0".to_owned(),
    ] {
        command.args(["--set", &setting]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let spawned = command.stderr(Stdio::piped()).spawn();
    spawned.expect("the binary can be run")
}
