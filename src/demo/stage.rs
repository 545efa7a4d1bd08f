//! A service and the simulated node that it serves, for one act of the story.

use std::{path::Path, time::Duration};

use actors::{
    messages::events::Subscribe,
    model::{node::Mode, window::NODE_OVERLAP},
};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::{narrator::Narrator, repeats::Margins, story::Story};
use crate::{
    cli::DemoOptions,
    exit::{Exit, Failure},
    service::Running,
    settings::{Settings, Sources},
    sim::{self, Simulation},
    simulated,
};

/// What the act is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Mailservers, networks and nodes are lost.
    Losses,
    /// Mailservers lack messages.
    Holes,
}

/// The simulated mailservers pass messages on at once, and no others have the same outage: their messages are compared
/// sooner than those of the published ones.
const COMPARED_AFTER: Duration = Duration::from_secs(1);

/// The service, the node, and the story so far.
pub(super) struct Stage {
    pub(super) story: Story,
    /// How much is asked for beside what is wanted.
    pub(super) margins: Margins,
    running: Running,
    _directory: TempDir,
}

impl Stage {
    /// Starts the node, then the service.
    pub(super) async fn set(
        options: &DemoOptions,
        seed: u64,
        act: Act,
        assignments: &[String],
        narrator: Narrator,
    ) -> Result<Self, Failure> {
        let directory = simulated::directory()?;
        let simulation = simulation(options, seed, act)?;
        let settings = settings(options, &simulation, directory.path(), act, assignments)?;
        let margins = Margins {
            window: settings.history.overlap,
            node: overlap(options, act),
        };
        let running = Running::start(&settings, Some(seed)).await?;
        let (sink, events) = mpsc::channel(1024);
        running.control.subscribe.do_send(Subscribe {
            after: Some(0),
            sink,
        });
        let report = running.control.report.clone();
        let request = running.control.request_history.clone();
        let story = Story::new(
            narrator,
            simulation,
            events,
            (report, request),
            options.speed,
        );
        Ok(Self {
            story,
            margins,
            running,
            _directory: directory,
        })
    }

    /// Ends both, whatever became of the act: the narrator goes on with how many messages were sent.
    pub(super) async fn strike(
        self,
        told: Result<(), Failure>,
    ) -> Result<(Narrator, usize), Failure> {
        self.running.until(std::future::ready(())).await?;
        told.map(|()| (self.story.narrator, self.story.sent))
    }
}

fn simulation(options: &DemoOptions, seed: u64, act: Act) -> Result<Simulation, Failure> {
    let latencies = match act {
        Act::Losses => 20..200,
        // All of them are asked, one after the other.
        Act::Holes => 5..40,
    };
    let settings = sim::Settings {
        mailservers: options.mailservers.into(),
        latencies: simulated::latencies(seed, options.mailservers, latencies),
        seed,
        speed: options.speed,
        login_lost_at_restart: simulated::logs_in(options.mode),
        overlap: overlap(options, act),
        ..sim::Settings::new(options.mode.into())
    };
    simulated::start(settings)
}

/// By how much requests of the node overlap: where it can be made to go back by nothing, as after an outage that lasted
/// longer than any overlap.
fn overlap(options: &DemoOptions, act: Act) -> Duration {
    match (act, options.mode.into()) {
        (Act::Holes, Mode::Observe) => NODE_OVERLAP,
        _ => Duration::ZERO,
    }
}

fn settings(
    options: &DemoOptions,
    simulation: &Simulation,
    directory: &Path,
    act: Act,
    assignments: &[String],
) -> Result<Settings, Failure> {
    let tick = Duration::from_secs(10).div_f64(options.speed);
    let mut assignments = assignments.to_vec();
    assignments.extend(simulated::settings(simulation, directory)?);
    assignments.extend([
        format!("cycle.tick={}ms", tick.as_millis().max(100)),
        "control.listen=off".into(),
    ]);
    if simulated::logs_in(options.mode) {
        assignments.extend(simulated::login(directory)?);
    }
    let sources = Sources {
        assignments,
        ..Sources::default()
    };
    let loaded = Settings::load(&sources).map_err(|error| Exit::Usage.because(error))?;
    let mut settings = loaded.settings;
    if act == Act::Holes {
        settings.audit.in_flight = COMPARED_AFTER;
        settings.audit.jitter = COMPARED_AFTER;
    }
    Ok(settings)
}
