//! A running service and the simulated node that it serves.

use std::{cell::Cell, rc::Rc, time::Duration};

use actors::{
    messages::{
        connection::{GetStatus, Status},
        events::{Event, Subscribe},
        online::Clocks,
    },
    model::node::Mode,
};
use mailserver_sidecar::{
    clock, control,
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
    control: control::Ports,
    /// What the clocks of the system are ahead of real time.
    pub(crate) ahead: Rc<Cell<Duration>>,
    events: mpsc::Receiver<actors::messages::events::Numbered>,
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

/// The clocks of the system, so much ahead.
fn clock_ahead_by(ahead: Rc<Cell<Duration>>) -> clock::Source {
    let system = clock::system();
    Rc::new(move || {
        let now = system();
        Clocks {
            boot: now.boot + ahead.get(),
            wall: now.wall + ahead.get(),
        }
    })
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
        let ahead = Rc::<Cell<Duration>>::default();
        let clock = clock_ahead_by(ahead.clone());
        let running = Running::start_with(&settings, Some(1), clock)
            .await
            .unwrap();
        let control = running.control.clone();
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
            control,
            ahead,
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
                panic!("not within {LONG:?}: {what}; told: {}", self.story());
            };
            self.told.push(numbered.event.clone());
            if wanted(&numbered.event) {
                return numbered.event;
            }
        }
    }

    /// Everything that was told, in a word each.
    pub(crate) fn story(&self) -> String {
        let word = |event: &Event| {
            let id = match event {
                Event::MailserverChanged { mailserver, .. } => mailserver.as_ref(),
                Event::MailserverAvailable { mailserver }
                | Event::PeerConnected { mailserver }
                | Event::PeerDisconnected { mailserver } => Some(mailserver),
                _ => None,
            };
            let id = id.map_or("", |it| it.id.as_str());
            format!("\n  {} {id}", event.name())
        };
        self.told.iter().map(word).collect()
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

    pub(crate) async fn status(&self) -> Status {
        self.control.connector.send(GetStatus).await.unwrap()
    }

    /// Waits until the next mailserver is known; its index.
    pub(crate) async fn standby(&self) -> usize {
        let drawn = async {
            loop {
                if let Some(standby) = self.status().await.standby {
                    return standby;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let standby = tokio::time::timeout(LONG, drawn).await.expect("a standby");
        let all = self.sim.mailservers();
        all.iter().position(|it| it.id == standby.id).unwrap()
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
