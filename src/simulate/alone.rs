//! The node alone: the sidecar is for others to start, by what is printed.

use std::path::Path;

use crate::{
    cli::{self, SimulateOptions},
    exit::Failure,
    shutdown,
    sim::{self, Simulation},
    simulated,
};

pub(super) async fn run(options: &SimulateOptions) -> Result<(), Failure> {
    let simulation = simulated::start(sim::Settings {
        mailservers: options.mailservers.into(),
        seed: simulated::seed(options.seed),
        ..sim::Settings::new(options.mode.into())
    })?;
    let directory = simulated::directory()?;
    let fleets = simulated::fleet_file(&simulation, directory.path())?;
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
