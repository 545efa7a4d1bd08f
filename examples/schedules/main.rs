//! Generated schedules of the whole sidecar, with a simulated node and its mailservers, in virtual time.
//!
//! A seed is a setup (which node, which mailservers, who of them lacks what) and a list of what goes wrong in eight
//! minutes: mailservers are killed, hang, are cut off, are deaf, hold less than they should or break off; the network
//! goes, the machine sleeps; the node dies, hangs, hears nothing, loses its signals or does nothing; the sidecar is killed,
//! also in the middle of what it writes. Meanwhile a message is sent every few seconds. Then all is mended, except that each
//! mailserver keeps its holes, and the node must come to have **every** message that any mailserver holds.
//!
//! ```text
//! cargo run --release --example schedules -- [--seeds N] [--from SEED] [--variant VARIANT]
//! cargo run --release --example schedules -- --seed SEED [--variant VARIANT]     one of them, told in full
//! ```
//! Tables go to stdout; exit code 1 if a promise is broken.

mod adapters;
mod check;
mod node;
mod play;
mod report;
mod schedule;
mod sidecar;
mod store;
mod world;

use std::{process::ExitCode, rc::Rc};

use clap::Parser;
use mailserver_sidecar::settings::Settings;

use play::play;
use schedule::Schedule;
use sidecar::Variant;

/// Plays generated schedules.
#[derive(Parser)]
struct Arguments {
    /// How many.
    #[arg(long, default_value = "1000")]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value = "0")]
    from: u64,
    /// This one alone, told in full.
    #[arg(long)]
    seed: Option<u64>,
    /// One sidecar alone, in the place of all.
    #[arg(long)]
    variant: Option<Variant>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let variants = match arguments.variant {
        Some(variant) => vec![variant],
        None => Variant::ALL.to_vec(),
    };
    match arguments.seed {
        Some(seed) => {
            let schedule = Schedule::new(seed);
            report::describe(&schedule);
            let settings = Rc::new(Settings::default());
            for variant in variants {
                report::tell(variant, &play(&schedule, variant, &settings));
            }
        }
        None => {
            let seeds = arguments.from..arguments.from + arguments.seeds;
            for variant in variants {
                report::row(variant, &report::play_all(seeds.clone(), variant));
            }
        }
    }
    ExitCode::SUCCESS
}
