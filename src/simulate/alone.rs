//! The node alone: the sidecar is for others to start, by what is printed.

use std::path::Path;

use super::node::{fleet_file, seed, start};
use crate::{
    cli::{self, SimulateOptions},
    exit::Failure,
    shutdown,
    sim::{self, Simulation},
};

pub(super) async fn run(options: &SimulateOptions) -> Result<(), Failure> {
    let simulation = start(sim::Settings {
        mailservers: options.mailservers.into(),
        seed: seed(options),
        ..sim::Settings::new(options.mode.into())
    })?;
    let (_directory, fleets) = fleet_file(&simulation)?;
    cli::print(&introduction(&simulation, &fleets))?;
    shutdown::requested().await;
    Ok(())
}

fn introduction(simulation: &Simulation, fleets: &Path) -> String {
    let mailservers = simulation.mailservers();
    let first = &mailservers[0];
    format!(
        "A simulated node with {} mailservers ({} …). Beside it, run:\n\n\
         mailserver-sidecar --set node.rpc_url={} \\\n  --set node.signals={} \\\n  --set fleet.file={}\n\n\
         Ctrl-C ends it.\n",
        mailservers.len(),
        first.id,
        simulation.rpc_url(),
        simulation.signals_url(),
        fleets.display(),
    )
}
