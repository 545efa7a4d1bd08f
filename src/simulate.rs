//! `simulate`: a simulated node to try things on by hand, with a sidecar beside it or alone.

mod alone;
mod playground;

use crate::{cli::SimulateOptions, exit::Failure, settings::Sources};

/// Serves a simulated node until the process is asked to end. `sources` are the settings of the sidecar beside it.
///
/// # Errors
///
/// 64 for settings that cannot be right, 70 if the sidecar failed, 71 if the system gives no port or no file.
pub async fn run(options: &SimulateOptions, sources: &Sources) -> Result<(), Failure> {
    match options.alone {
        true => alone::run(options).await,
        false => playground::run(options, sources).await,
    }
}
