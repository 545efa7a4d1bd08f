//! A simulated node, and what a sidecar beside it is told: of the demo and of the playground.

use std::{
    io::Write as _,
    ops::Range,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use actors::model::node::Mode;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use crate::{
    cli::SimulatedMode,
    exit::{Exit, Failure},
    sim::{self, Simulation},
};

/// Starts the node and its mailservers.
pub(crate) fn start(settings: sim::Settings) -> Result<Simulation, Failure> {
    Simulation::start(settings)
        .map_err(|error| Exit::Unusable.because(format!("simulated node: {error}")))
}

/// What is drawn in a playground follows from it; the same each time, unless another one is chosen.
pub(crate) fn seed(chosen: Option<u64>) -> u64 {
    chosen.unwrap_or(1)
}

/// How long each mailserver takes to answer, in milliseconds of this range: drawn, the same for the same seed.
pub(crate) fn latencies(seed: u64, mailservers: u16, range: Range<u64>) -> Vec<Duration> {
    let mut random = StdRng::seed_from_u64(seed);
    let latency = |_| Duration::from_millis(random.random_range(range.clone()));
    (0..mailservers).map(latency).collect()
}

/// Where all that is written goes; gone when it is dropped.
pub(crate) fn directory() -> Result<TempDir, Failure> {
    let directory = tempfile::Builder::new()
        .prefix("mailserver-sidecar-")
        .tempdir();
    directory.map_err(|error| Exit::Unusable.because(format!("a temporary directory: {error}")))
}

/// Writes the fleets of the simulation.
pub(crate) fn fleet_file(simulation: &Simulation, directory: &Path) -> Result<PathBuf, Failure> {
    let path = directory.join("fleets.json");
    std::fs::write(&path, simulation.fleet_file_json()).map_err(unusable(&path))?;
    Ok(path)
}

/// The settings that say which node it is, and where all that is written goes.
pub(crate) fn settings(simulation: &Simulation, directory: &Path) -> Result<[String; 4], Failure> {
    let fleets = fleet_file(simulation, directory)?;
    Ok([
        format!("node.rpc_url={}", simulation.rpc_url()),
        format!("node.signals={}", simulation.signals_url()),
        format!("fleet.file={}", fleets.display()),
        format!("state.dir={}", directory.join("state").display()),
    ])
}

/// Whether a node of this generation comes back logged out, and the sidecar logs it in.
pub(crate) fn logs_in(mode: SimulatedMode) -> bool {
    Mode::from(mode) == Mode::Observe
}

/// The settings by which the sidecar logs the simulated node in.
pub(crate) fn login(directory: &Path) -> Result<[String; 3], Failure> {
    let node = sim::Settings::new(Mode::Observe);
    let path = directory.join("password");
    let mut create = std::fs::OpenOptions::new();
    let file = create.write(true).create_new(true).mode(0o600).open(&path);
    file.and_then(|mut file| file.write_all(node.accounts[0].password.as_bytes()))
        .map_err(unusable(&path))?;
    Ok([
        format!("login.password_file={}", path.display()),
        format!("login.data_dir={}", node.data_dir),
        "login.key_uid=".into(),
    ])
}

fn unusable(path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    move |error| Exit::Unusable.because(format!("{}: {error}", path.display()))
}
