//! A service and the simulated node that it serves, for one act of the story.

use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, time::Duration};

use actors::{
    messages::events::Subscribe,
    model::{node::Mode, window::NODE_OVERLAP},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::sync::mpsc;

use super::{narrator::Narrator, repeats::Margins, story::Story};
use crate::{
    cli::DemoOptions,
    exit::{Exit, Failure},
    service::Running,
    settings::{Settings, Sources},
    sim::{self, Simulation},
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
    _directory: Scratch,
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
        let directory = Scratch::new(act)?;
        let simulation = simulation(options, seed, act)?;
        let settings = settings(options, &simulation, &directory, act, assignments)?;
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
    let mut random = StdRng::seed_from_u64(seed);
    let latencies = match act {
        Act::Losses => 20..200,
        // All of them are asked, one after the other.
        Act::Holes => 5..40,
    };
    let latency = |_| Duration::from_millis(random.random_range(latencies.clone()));
    let settings = sim::Settings {
        mailservers: options.mailservers.into(),
        latencies: (0..options.mailservers).map(latency).collect(),
        seed,
        speed: options.speed,
        login_lost_at_restart: logs_in(options),
        overlap: overlap(options, act),
        ..sim::Settings::new(options.mode.into())
    };
    Simulation::start(settings)
        .map_err(|error| Exit::Unusable.because(format!("simulated node: {error}")))
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
    directory: &Scratch,
    act: Act,
    assignments: &[String],
) -> Result<Settings, Failure> {
    let fleets = directory.0.join("fleets.json");
    std::fs::write(&fleets, simulation.fleet_file_json())
        .map_err(|error| Exit::Unusable.because(format!("{}: {error}", fleets.display())))?;
    let tick = Duration::from_secs(10).div_f64(options.speed);
    let mut assignments = assignments.to_vec();
    assignments.extend([
        format!("node.rpc_url={}", simulation.rpc_url()),
        format!("node.signals={}", simulation.signals_url()),
        format!("fleet.file={}", fleets.display()),
        format!("state.dir={}", directory.0.join("state").display()),
        format!("cycle.tick={}ms", tick.as_millis().max(100)),
        "control.listen=off".into(),
    ]);
    if logs_in(options) {
        assignments.extend(login(directory)?);
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

/// Whether the node comes back logged out, and the sidecar logs it in.
fn logs_in(options: &DemoOptions) -> bool {
    Mode::from(options.mode) == Mode::Observe
}

/// How the sidecar logs the simulated node in.
fn login(directory: &Scratch) -> Result<[String; 2], Failure> {
    let node = sim::Settings::new(Mode::Observe);
    let path = directory.0.join("password");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options
        .open(&path)
        .and_then(|mut file| file.write_all(node.accounts[0].password.as_bytes()));
    written.map_err(|error| Exit::Unusable.because(format!("{}: {error}", path.display())))?;
    Ok([
        format!("login.password_file={}", path.display()),
        format!("login.data_dir={}", node.data_dir),
    ])
}

/// A directory of its own, gone when the act is over.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(act: Act) -> Result<Self, Failure> {
        let name = format!("mailserver-sidecar-demo-{}-{act:?}", std::process::id());
        let path = std::env::temp_dir().join(name.to_lowercase());
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
