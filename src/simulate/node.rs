//! The node of both ways, and what is written of it.

use std::{path::PathBuf, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tempfile::TempDir;

use crate::{
    cli::SimulateOptions,
    exit::{Exit, Failure},
    sim::{self, Simulation},
};

/// What is drawn and made follows from it.
pub(super) fn seed(options: &SimulateOptions) -> u64 {
    options.seed.unwrap_or(1)
}

/// Starts the node and its mailservers.
pub(super) fn start(settings: sim::Settings) -> Result<Simulation, Failure> {
    Simulation::start(settings)
        .map_err(|error| Exit::Unusable.because(format!("simulated node: {error}")))
}

/// The fleets of the simulation, in a directory of its own that is gone when it is dropped.
pub(super) fn fleet_file(simulation: &Simulation) -> Result<(TempDir, PathBuf), Failure> {
    let unusable = |error| Exit::Unusable.because(format!("a temporary directory: {error}"));
    let directory = tempfile::Builder::new()
        .prefix("mailserver-sidecar-")
        .tempdir()
        .map_err(unusable)?;
    let path = directory.path().join("fleets.json");
    std::fs::write(&path, simulation.fleet_file_json())
        .map_err(|error| Exit::Unusable.because(format!("{}: {error}", path.display())))?;
    Ok((directory, path))
}

/// How long each mailserver takes to answer: as different as those of the world are.
pub(super) fn latencies(options: &SimulateOptions) -> Vec<Duration> {
    let mut random = StdRng::seed_from_u64(seed(options));
    let latency = |_| Duration::from_millis(random.random_range(20..200));
    (0..options.mailservers).map(latency).collect()
}
