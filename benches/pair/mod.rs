//! The service beside a simulated node, on one thread: the time that the simulation needs for itself counts
//! against the service.

use std::{
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
};

use actors::{
    messages::{
        connection::{GetStatus, Status},
        events::{Event, Numbered, Subscribe},
    },
    model::mailserver::MailserverRef,
};
use mailserver_sidecar::{
    clock,
    node::RpcClient,
    service::Running,
    settings::{Settings, Sources},
    sim::{self, Fault, Simulation},
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
    pub(crate) simulation: Rc<Simulation>,
    pub(crate) service: Running,
    /// Another client of the node.
    #[allow(dead_code, reason = "some benches call nothing themselves")]
    pub(crate) rpc: RpcClient,
    events: Receiver<Numbered>,
    _scratch: TempDir,
}

impl Pair {
    /// Starts both, the service with these settings (`key=value`) in place of its defaults; the seed of the simulation
    /// is also that of the service.
    pub(crate) async fn start(
        node: sim::Settings,
        settings: &[&str],
        clock: clock::Source,
    ) -> Self {
        let seed = node.seed;
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let simulation = Simulation::start(node).expect("there are free ports");
        let settings = beside(&simulation, scratch.path(), settings);
        let rpc = RpcClient::new(&settings.node).expect("the simulation's URL is one");
        let service = Running::start_with(&settings, Some(seed), clock).await;
        let service = service.expect("the service starts");
        let (sink, events) = mpsc::channel(1024);
        let after = Some(0);
        service.control.subscribe.do_send(Subscribe { after, sink });
        Self {
            simulation: Rc::new(simulation),
            service,
            rpc,
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

    /// The next thing that the service says.
    pub(crate) async fn next(&mut self) -> Event {
        let event = timeout(LIMIT, self.events.recv()).await;
        let event = event.expect("something happens in time");
        event.expect("the events go on").event
    }

    /// Kills the active mailserver; how long it takes until another one is available.
    #[allow(dead_code, reason = "some benches break other things")]
    pub(crate) async fn kill(&mut self, active: &MailserverRef) -> Duration {
        let begun = Instant::now();
        let mailservers = self.simulation.mailservers();
        let index = mailservers.iter().position(|it| it.id == active.id);
        let index = index.expect("it is one of the simulation's");
        let killed = self.simulation.set_fault(index, Fault::Killed);
        killed.expect("its port can be closed");
        let next = self.available().await;
        let took = begun.elapsed();
        assert_ne!(next.id, active.id, "another one is used");
        took
    }

    /// What the service has said and nobody has asked for.
    #[allow(dead_code, reason = "some benches wait for what they want to know")]
    pub(crate) fn said(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.events.try_recv().ok().map(|it| it.event)).collect()
    }

    /// The state of the loop.
    #[allow(dead_code, reason = "some benches need no more than the events")]
    pub(crate) async fn status(&self) -> Status {
        let status = self.service.control.connector.send(GetStatus).await;
        status.expect("the connector runs")
    }

    /// Ends both.
    pub(crate) async fn stop(self) {
        let stopped = self.service.until(std::future::ready(())).await;
        stopped.expect("no actor failed");
    }
}

/// The settings of a service beside a simulation.
fn beside(simulation: &Simulation, scratch: &Path, settings: &[&str]) -> Settings {
    let fleets = scratch.join("fleets.json");
    std::fs::write(&fleets, simulation.fleet_file_json()).expect("the directory is writable");
    let mut assignments = vec![
        format!("node.rpc_url={}", simulation.rpc_url()),
        format!("node.signals={}", simulation.signals_url()),
        format!("fleet.file={}", fleets.display()),
        format!("state.dir={}", scratch.join("state").display()),
        "control.listen=127.0.0.1:0".into(),
    ];
    assignments.extend(settings.iter().map(|it| (*it).to_owned()));
    let sources = Sources {
        assignments,
        ..Sources::default()
    };
    let loaded = Settings::load(&sources).expect("these settings are good");
    loaded.settings
}
