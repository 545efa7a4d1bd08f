//! The service beside a simulated node, on one thread: the time that the simulation needs for itself counts
//! against the service.

use std::{path::Path, time::Duration};

use actors::{
    events::{Event, Numbered, Subscribe},
    mailserver::MailserverRef,
};
use mailserver_sidecar::{
    service::Running,
    settings::{Settings, Sources},
    sim::{self, Simulation},
};
use tempfile::TempDir;
use tokio::{
    sync::mpsc::{self, Receiver},
    time::timeout,
};

/// Longer than anything here takes.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// The two, and what the service says.
pub(crate) struct Pair {
    pub(crate) simulation: Simulation,
    pub(crate) service: Running,
    events: Receiver<Numbered>,
    _scratch: TempDir,
}

impl Pair {
    /// Starts both; the seed of the simulation is also that of the service.
    pub(crate) async fn start(settings: sim::Settings) -> Self {
        let seed = settings.seed;
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let simulation = Simulation::start(settings).expect("there are free ports");
        let settings = beside(&simulation, scratch.path());
        let service = Running::start(&settings, Some(seed)).await;
        let service = service.expect("the service starts");
        let (sink, events) = mpsc::channel(1024);
        let after = Some(0);
        service.control.subscribe.do_send(Subscribe { after, sink });
        Self {
            simulation,
            service,
            events,
            _scratch: scratch,
        }
    }

    /// Waits until a mailserver is available.
    pub(crate) async fn available(&mut self) -> MailserverRef {
        loop {
            if let Event::MailserverAvailable { mailserver } = self.next().await {
                return mailserver;
            }
        }
    }

    /// Waits until missed history was fetched.
    pub(crate) async fn served(&mut self) {
        while !matches!(self.next().await, Event::HistoryCompleted { .. }) {}
    }

    /// Ends both.
    pub(crate) async fn stop(self) {
        let stopped = self.service.until(std::future::ready(())).await;
        stopped.expect("no actor failed");
    }

    async fn next(&mut self) -> Event {
        let event = timeout(LIMIT, self.events.recv()).await;
        let event = event.expect("something happens in time");
        event.expect("the events go on").event
    }
}

/// The settings of a service beside a simulation.
fn beside(simulation: &Simulation, scratch: &Path) -> Settings {
    let fleets = scratch.join("fleets.json");
    std::fs::write(&fleets, simulation.fleet_file_json()).expect("the directory is writable");
    let sources = Sources {
        assignments: vec![
            format!("node.rpc_url={}", simulation.rpc_url()),
            format!("node.signals={}", simulation.signals_url()),
            format!("fleet.file={}", fleets.display()),
            format!("state.dir={}", scratch.join("state").display()),
            "control.listen=127.0.0.1:0".into(),
        ],
        ..Sources::default()
    };
    let loaded = Settings::load(&sources).expect("these settings are good");
    loaded.settings
}
