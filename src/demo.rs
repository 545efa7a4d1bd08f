//! `demo`: the whole service against a simulated node in the same process.
//!
//! | module | what happens |
//! |---|---|
//! | `active` | the node's mailserver is killed, hung and cut off in turn, then the node itself goes away |
//! | `observed` | a node that picks a mailserver for each query loses its network, has a poor mesh, answers null |
//! | `missed` | messages are sent during an outage to mailservers of which each lacks some |
//! | `repeats` | what was asked for twice then, and whether it had to be |
//! | `stage` | the service and the node of one act |
//! | `story` | each time messages are sent meanwhile, and it goes on only when the node has them all |
//! | `narrator` | the words for it |

mod active;
mod missed;
mod narrator;
mod observed;
mod repeats;
mod stage;
mod story;

use actors::model::node::Mode;
use rand::RngExt;

use self::{
    narrator::Narrator,
    stage::{Act, Stage},
};
use crate::{cli::DemoOptions, exit::Failure};

/// Tells the story on stdout. `assignments` are settings of the service (`audit.enabled=false`).
///
/// # Errors
///
/// 64 for settings that cannot be right, 70 if anything was not recovered or was asked for twice without need, 71 if the
/// system gives no ports or files.
pub async fn run(options: &DemoOptions, assignments: &[String]) -> Result<(), Failure> {
    let seed = options.seed.unwrap_or_else(|| rand::rng().random());
    let narrator = Narrator::new();
    narrator.begin(options, seed)?;
    let mut stage = Stage::set(options, seed, Act::Losses, assignments, narrator).await?;
    let told = match options.mode.into() {
        Mode::Observe => observed::tell(&mut stage.story).await,
        Mode::Waku1 | Mode::Waku2 | Mode::Pin => active::tell(&mut stage.story).await,
    };
    let (narrator, sent) = stage.strike(told).await?;
    let mut stage = Stage::set(options, seed, Act::Holes, assignments, narrator).await?;
    let told = missed::tell(&mut stage, options.mode.into()).await;
    let (narrator, more) = stage.strike(told).await?;
    narrator.end(sent + more)
}
