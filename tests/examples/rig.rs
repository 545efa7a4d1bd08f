//! A service beside a simulated node, what it tells, and a client that follows.

use std::process::Command;

use actors::{
    messages::events::{Event, Numbered, Subscribe},
    model::node::Mode,
};
use libtest_mimic::Failed;
use mailserver_sidecar::{
    service::Running,
    settings::{Settings, Sources},
    sim::{self, Fault, Simulation},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{sync::mpsc, time::timeout};

use crate::{
    client::{Client, LONG},
    proxy::Proxy,
};

/// So many events at least come after the cut.
const AFTER: usize = 12;

/// Runs the test of a client.
pub(crate) fn run(client: fn() -> Command) -> Result<(), Failed> {
    actix_rt::System::new().block_on(misses_nothing(client()));
    Ok(())
}

/// It is told what was before it came, what happens while its connection is cut, and what comes then: once each.
async fn misses_nothing(command: Command) {
    let mut service = Service::start().await;
    service.until("history:completed").await;
    let before = service.told.len();
    let count = before + AFTER;
    let proxy = Proxy::start(service.running.address.unwrap()).await;
    let mut client = Client::start(command, proxy.address, count);
    let mut lines = Vec::new();
    for _ in 0..before {
        lines.push(client.line().await.expect("an event from before"));
    }
    proxy.cut();
    while service.told.len() < count {
        service.kill_active();
        service.until("mailserverAvailable").await;
    }
    while let Some(line) = client.line().await {
        lines.push(line);
    }
    assert!(client.succeeded());
    assert_eq!(proxy.connections(), 2, "it was cut once, and came back");
    assert_eq!(lines.len(), count);
    for (line, told) in lines.iter().zip(&service.told) {
        let (id, rest) = line.split_once(' ').unwrap();
        let (name, data) = rest.split_once(' ').unwrap();
        assert_eq!(id, told.sequence.to_string());
        assert_eq!(name, told.event.name());
        let mut data: Value = serde_json::from_str(data).unwrap();
        assert!(data["at"].is_string(), "{line}");
        data.as_object_mut().unwrap().remove("at");
        assert_eq!(data, serde_json::to_value(&told.event).unwrap());
    }
}

struct Service {
    running: Running,
    simulation: Simulation,
    events: mpsc::Receiver<Numbered>,
    told: Vec<Numbered>,
    _directory: TempDir,
}

impl Service {
    async fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let node = sim::Settings {
            mailservers: 8,
            speed: 10.0,
            ..sim::Settings::new(Mode::Waku2)
        };
        let simulation = Simulation::start(node).unwrap();
        let settings = beside(&simulation, &directory);
        let running = Running::start(&settings, Some(1)).await.unwrap();
        let (sink, events) = mpsc::channel(1024);
        let after = Some(0);
        let subscribe = Subscribe { after, sink };
        running.control.subscribe.send(subscribe).await.unwrap();
        Self {
            running,
            simulation,
            events,
            told: Vec::new(),
            _directory: directory,
        }
    }

    /// Waits for the next event of this name.
    async fn until(&mut self, name: &str) {
        loop {
            let next = timeout(LONG, self.events.recv()).await;
            self.told.push(next.expect("in time").expect("it runs"));
            if self.told.last().is_some_and(|it| it.event.name() == name) {
                return;
            }
        }
    }

    /// Kills the mailserver that was last available.
    fn kill_active(&self) {
        let mut latest = self.told.iter().rev();
        let active = latest.find_map(|it| match &it.event {
            Event::MailserverAvailable { mailserver } => Some(&mailserver.id),
            _ => None,
        });
        let all = self.simulation.mailservers();
        let index = all.iter().position(|it| Some(&it.id) == active).unwrap();
        self.simulation.set_fault(index, Fault::Killed).unwrap();
    }
}

fn beside(simulation: &Simulation, directory: &TempDir) -> Settings {
    let fleets = directory.path().join("fleets.json");
    std::fs::write(&fleets, simulation.fleet_file_json()).unwrap();
    let assignments = vec![
        format!("node.rpc_url={}", simulation.rpc_url()),
        format!("node.signals={}", simulation.signals_url()),
        format!("fleet.file={}", fleets.display()),
        format!("state.dir={}", directory.path().join("state").display()),
        "control.listen=127.0.0.1:0".into(),
    ];
    let sources = Sources {
        assignments,
        ..Sources::default()
    };
    Settings::load(&sources).unwrap().settings
}
