//! `demo`: the whole service against a simulated node in the same process.
//!
//! | module | what happens |
//! |---|---|
//! | `active` | the node's mailserver is killed, hung and cut off in turn, then the node itself goes away |
//! | `observed` | a node that picks a mailserver for each query loses its network, has a poor mesh, answers null |
//! | `story` | each time messages are sent meanwhile, and it goes on only when the node has them all |
//! | `narrator` | the words for it |

mod active;
mod narrator;
mod observed;
mod story;

use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, time::Duration};

use actors::{messages::events::Subscribe, model::node::Mode};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::sync::mpsc;

use self::{narrator::Narrator, story::Story};
use crate::{
    cli::DemoOptions,
    exit::{Exit, Failure},
    service::Running,
    settings::{Settings, Sources},
    sim::{self, Simulation},
};

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
    let narrator = Narrator::new();
    narrator.begin(options, seed)?;
    let mut story = Story::new(narrator, simulation, events, options.speed);
    let told = match options.mode.into() {
        Mode::Observe => observed::tell(&mut story).await,
        Mode::Waku1 | Mode::Waku2 | Mode::Pin => active::tell(&mut story).await,
    };
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
        login_lost_at_restart: logs_in(options),
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
    let mut assignments = vec![
        format!("node.rpc_url={}", simulation.rpc_url()),
        format!("node.signals={}", simulation.signals_url()),
        format!("fleet.file={}", fleets.display()),
        format!("state.dir={}", directory.0.join("state").display()),
        format!("cycle.tick={}ms", tick.as_millis().max(100)),
        "control.listen=off".into(),
    ];
    if logs_in(options) {
        assignments.extend(login(directory)?);
    }
    let sources = Sources {
        assignments,
        ..Sources::default()
    };
    let loaded = Settings::load(&sources).map_err(|error| Exit::Internal.because(error))?;
    Ok(loaded.settings)
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
