//! `demo`: the whole service against a simulated node in the same process.
//!
//! The node's mailserver is killed, hung and cut off in turn, then the node itself goes away. Each time
//! messages are sent meanwhile, and the story goes on only when the node has them all.

mod narrator;

use std::time::{Duration, SystemTime};

use actors::{
    messages::{
        events::{Event, Numbered, Subscribe},
        selection::Decision,
    },
    model::mailserver::MailserverRef,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{sync::mpsc, time::Instant};

use self::narrator::{Narrator, Recovery};
use crate::{
    cli::DemoOptions,
    exit::{Exit, Failure},
    service::Running,
    settings::{Settings, Sources},
    sim::{self, Fault, Simulation},
};

/// What happens, in this order.
const CHAPTERS: [Chapter; 4] = [
    Chapter {
        title: "killed",
        event: "its process is killed",
        blow: Blow::Fault(Fault::Killed),
    },
    Chapter {
        title: "hung",
        event: "it is stopped, and answers nothing",
        blow: Blow::Fault(Fault::Hung),
    },
    Chapter {
        title: "isolated",
        event: "its network is cut: packets vanish",
        blow: Blow::Fault(Fault::Isolated),
    },
    Chapter {
        title: "restart",
        event: "the node itself is restarted",
        blow: Blow::NodeRestart,
    },
];

/// How long a recovery may take, at the recorded speed: a stopped mailserver leaves the peer list of
/// a real node after up to 32 s.
const LIMIT: Duration = Duration::from_secs(45);

/// Messages sent in each chapter.
const MESSAGES: usize = 3;

struct Chapter {
    title: &'static str,
    event: &'static str,
    blow: Blow,
}

enum Blow {
    Fault(Fault),
    NodeRestart,
}

/// Tells the story on stdout.
///
/// # Errors
///
/// 70 if anything was not recovered, 71 if the system gives no ports or files.
pub async fn run(options: &DemoOptions) -> Result<(), Failure> {
    let seed = options.seed.unwrap_or_else(|| rand::rng().random());
    let directory = Scratch::new()?;
    let simulation = simulation(options, seed)?;
    let settings = settings(options, &simulation, &directory)?;
    let running = Running::start(&settings, Some(seed)).await?;
    let (sink, events) = mpsc::channel(1024);
    running.control.subscribe.do_send(Subscribe {
        after: Some(0),
        sink,
    });
    let mut story = Story {
        narrator: Narrator::new(),
        simulation,
        events,
        decision: None,
        limit: LIMIT.div_f64(options.speed.min(1.0)),
        sent: 0,
    };
    story.narrator.begin(options, seed)?;
    let told = story.tell().await;
    running.until(std::future::ready(())).await?;
    told
}

fn simulation(options: &DemoOptions, seed: u64) -> Result<Simulation, Failure> {
    let mut random = StdRng::seed_from_u64(seed);
    let latency = |_| Duration::from_millis(random.random_range(20..200));
    let settings = sim::Settings {
        mailservers: options.mailservers.into(),
        latencies: (0..options.mailservers).map(latency).collect(),
        seed,
        speed: options.speed,
        ..sim::Settings::new(options.mode.into())
    };
    Simulation::start(settings)
        .map_err(|error| Exit::Unusable.because(format!("simulated node: {error}")))
}

fn settings(
    options: &DemoOptions,
    simulation: &Simulation,
    directory: &Scratch,
) -> Result<Settings, Failure> {
    let fleets = directory.0.join("fleets.json");
    std::fs::write(&fleets, simulation.fleet_file_json())
        .map_err(|error| Exit::Unusable.because(format!("{}: {error}", fleets.display())))?;
    let tick = Duration::from_secs(10).div_f64(options.speed);
    let sources = Sources {
        assignments: vec![
            format!("node.rpc_url={}", simulation.rpc_url()),
            format!("node.signals={}", simulation.signals_url()),
            format!("fleet.file={}", fleets.display()),
            format!("state.dir={}", directory.0.join("state").display()),
            format!("cycle.tick={}ms", tick.as_millis().max(100)),
            "control.listen=off".into(),
        ],
        ..Sources::default()
    };
    let loaded = Settings::load(&sources).map_err(|error| Exit::Internal.because(error))?;
    Ok(loaded.settings)
}

/// The story so far.
struct Story {
    narrator: Narrator,
    simulation: Simulation,
    events: mpsc::Receiver<Numbered>,
    decision: Option<Decision>,
    limit: Duration,
    sent: usize,
}

impl Story {
    async fn tell(&mut self) -> Result<(), Failure> {
        self.publish();
        let first = self.recovery("start", SystemTime::now()).await?;
        let mut active = first.mailserver.clone();
        self.narrator
            .started(&first, self.decision.take().as_ref())?;
        for chapter in &CHAPTERS {
            active = self.chapter(chapter, &active).await?;
        }
        self.narrator.end(self.sent, CHAPTERS.len())
    }

    async fn chapter(
        &mut self,
        chapter: &Chapter,
        active: &MailserverRef,
    ) -> Result<MailserverRef, Failure> {
        self.narrator
            .blow(chapter.title, &active.id, chapter.event)?;
        let position = |it: &sim::MailserverInfo| it.id == active.id;
        let index = self.simulation.mailservers().iter().position(position);
        let index = index.ok_or_else(|| Exit::Internal.because("a mailserver of nobody"))?;
        let since = SystemTime::now();
        match chapter.blow {
            Blow::Fault(fault) => self.fault(index, fault)?,
            Blow::NodeRestart => self.simulation.stop_node().await,
        }
        self.publish();
        if matches!(chapter.blow, Blow::NodeRestart) {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let started = self.simulation.start_node();
            started.map_err(|error| Exit::Unusable.because(format!("simulated node: {error}")))?;
        }
        let recovery = self.recovery(chapter.title, since).await?;
        self.fault(index, Fault::None)?;
        let decision = self.decision.take();
        self.narrator
            .recovered(active, &recovery, decision.as_ref(), MESSAGES)?;
        Ok(recovery.mailserver)
    }

    fn fault(&self, index: usize, fault: Fault) -> Result<(), Failure> {
        let set = self.simulation.set_fault(index, fault);
        set.map_err(|error| {
            Exit::Unusable.because(format!("simulated mailserver {index}: {error}"))
        })
    }

    fn publish(&mut self) {
        for _ in 0..MESSAGES {
            self.sent += 1;
            self.simulation.publish(&format!("message {}", self.sent));
        }
    }

    /// Waits until another mailserver is used and the node has everything.
    async fn recovery(&mut self, title: &str, since: SystemTime) -> Result<Recovery, Failure> {
        let mut noticed = None;
        let mut why = String::new();
        let mut found: Option<(MailserverRef, Duration)> = None;
        loop {
            let left = self
                .limit
                .saturating_sub(since.elapsed().unwrap_or_default());
            let Some(event) = self.next_event(left).await else {
                let missing = self.simulation.missing().len();
                return Err(Exit::Internal.because(format!(
                    "{title}: not recovered within {:?}, {missing} messages missing",
                    self.limit
                )));
            };
            let after = event.at.duration_since(since).unwrap_or_default();
            match event.event {
                Event::MailserverChanged {
                    mailserver: None, ..
                } => noticed = noticed.or(Some(after)),
                Event::MailserverChanged { reason, .. } => why = reason,
                Event::Decision(decision) => self.decision = Some(decision),
                Event::MailserverAvailable { mailserver } => {
                    found = Some((mailserver, after));
                }
                Event::HistoryCompleted { .. } if self.simulation.missing().is_empty() => {
                    if let Some((mailserver, available)) = found.take() {
                        return Ok(Recovery {
                            mailserver,
                            why,
                            noticed,
                            available,
                            fetched: after,
                        });
                    }
                }
                event => self.narrator.aside(&event)?,
            }
        }
    }

    /// The next event, while a clock runs on a terminal.
    async fn next_event(&mut self, limit: Duration) -> Option<Numbered> {
        let end = Instant::now() + limit;
        loop {
            let step =
                Duration::from_millis(200).min(end.saturating_duration_since(Instant::now()));
            if step.is_zero() {
                return None;
            }
            match tokio::time::timeout(step, self.events.recv()).await {
                Ok(event) => {
                    self.narrator.clear();
                    return event;
                }
                Err(_) => self.narrator.wait(),
            }
        }
    }
}

/// A directory of its own, gone when the demo is.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new() -> Result<Self, Failure> {
        let name = format!("mailserver-sidecar-demo-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path)
            .map_err(|error| Exit::Unusable.because(format!("{}: {error}", path.display())))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind in the temporary directory does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
