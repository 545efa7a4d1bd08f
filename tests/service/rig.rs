//! A running service and the simulated node that it serves.

use std::time::Duration;

use actors::{
    events::{Event, Subscribe},
    node::Mode,
};
use mailserver_sidecar::{
    service::Running,
    settings::{Settings, Sources},
    sim::{self, Simulation},
};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};

/// Longer than anything here takes, however busy the machine is.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// The modes in which a node is driven.
pub(crate) const MODES: [Mode; 3] = [Mode::Waku1, Mode::Waku2, Mode::Pin];

/// A service and its node; both end when it is dropped.
pub(crate) struct Rig {
    pub(crate) sim: Simulation,
    events: mpsc::Receiver<actors::events::Numbered>,
    /// Everything that was received so far.
    pub(crate) told: Vec<Event>,
    _stop: oneshot::Sender<()>,
    _directory: TempDir,
}

/// The usual node of a mode, with clocks that run faster than recorded.
pub(crate) fn node(mode: Mode) -> sim::Settings {
    sim::Settings {
        mailservers: 5,
        speed: 10.0,
        ..sim::Settings::new(mode)
    }
}

impl Rig {
    /// Serves a node with these settings beside those that it needs.
    pub(crate) async fn serve(node: sim::Settings, settings: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let sim = Simulation::start(node).unwrap();
        let fleets = directory.path().join("fleets.json");
        std::fs::write(&fleets, sim.fleet_file_json()).unwrap();
        let mut assignments = vec![
            format!("node.rpc_url={}", sim.rpc_url()),
            format!("node.signals={}", sim.signals_url()),
            format!("fleet.file={}", fleets.display()),
            format!("state.dir={}", directory.path().join("state").display()),
            "control.listen=off".into(),
            "cycle.tick=300ms".into(),
            "cycle.connect_timeout=1s".into(),
            "history.retry_initial=50ms".into(),
            "history.timeout=2s".into(),
        ];
        assignments.extend(settings.iter().map(|it| (*it).to_owned()));
        let sources = Sources {
            assignments,
            ..Sources::default()
        };
        let settings = Settings::load(&sources).unwrap().settings;
        let running = Running::start(&settings, Some(1)).await.unwrap();
        let (sink, events) = mpsc::channel(4096);
        let subscribe = Subscribe {
            after: Some(0),
            sink,
        };
        running.control.subscribe.send(subscribe).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        actix::spawn(running.until(async { drop(stopped.await) }));
        Self {
            sim,
            events,
            told: Vec::new(),
            _stop: stop,
            _directory: directory,
        }
    }

    /// Waits for an event, the next one that is wanted.
    pub(crate) async fn event(&mut self, what: &str, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            let next = tokio::time::timeout(LONG, self.events.recv()).await;
            let Ok(Some(numbered)) = next else {
                panic!("not within {LONG:?}: {what}; told: {:#?}", self.told);
            };
            self.told.push(numbered.event.clone());
            if wanted(&numbered.event) {
                return numbered.event;
            }
        }
    }

    /// Waits until a mailserver is available; its index.
    pub(crate) async fn available(&mut self) -> usize {
        let available = |it: &Event| matches!(it, Event::MailserverAvailable { .. });
        let event = self.event("a mailserver is available", available).await;
        let Event::MailserverAvailable { mailserver } = event else {
            unreachable!("waited for it");
        };
        let all = self.sim.mailservers();
        let found = all.iter().position(|it| it.id == mailserver.id);
        found.unwrap()
    }

    /// Waits until the node has every message.
    pub(crate) async fn nothing_missing(&self) {
        let complete = self
            .sim
            .wait_for(LONG, |sim| sim.missing().is_empty())
            .await;
        assert!(complete, "{:?}; told: {:#?}", self.sim.missing(), self.told);
    }

    /// How often the active mailserver changed so far.
    pub(crate) fn changes(&mut self) -> usize {
        while let Ok(numbered) = self.events.try_recv() {
            self.told.push(numbered.event);
        }
        let changed = |it: &&Event| matches!(it, Event::MailserverChanged { .. });
        self.told.iter().filter(changed).count()
    }
}
