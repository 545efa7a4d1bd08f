//! `simulate`: a simulated node to try things on by hand.

use std::path::Path;

use crate::{
    cli::{self, SimulateOptions},
    exit::{Exit, Failure},
    shutdown,
    sim::{self, Simulation},
};

/// Serves a simulated node until the process is asked to end.
///
/// # Errors
///
/// 71 if the system gives no port or no file.
pub async fn run(options: &SimulateOptions) -> Result<(), Failure> {
    let simulation = Simulation::start(sim::Settings {
        mailservers: options.mailservers.into(),
        seed: options.seed.unwrap_or(1),
        ..sim::Settings::new(options.mode.into())
    })
    .map_err(|error| Exit::Unusable.because(format!("simulated node: {error}")))?;
    let directory = std::env::temp_dir().join(format!("mailserver-sidecar-{}", std::process::id()));
    let fleets = directory.join("fleets.json");
    std::fs::create_dir_all(&directory)
        .and_then(|()| std::fs::write(&fleets, simulation.fleet_file_json()))
        .map_err(|error| Exit::Unusable.because(format!("{}: {error}", fleets.display())))?;
    cli::print(&introduction(&simulation, &fleets))?;
    shutdown::requested().await;
    // A file that stays behind in the temporary directory does no harm.
    let _ = std::fs::remove_dir_all(&directory);
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
