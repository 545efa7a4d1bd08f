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
//! cargo run --release --example schedules -- --seed SEED [--variant VARIANT [--shrink]]     one of them, told in full
//! ```
//! Tables go to stdout; exit code 1 if a promise is broken.

mod adapters;
mod check;
mod listener;
mod node;
mod play;
mod report;
mod schedule;
mod shrink;
mod sidecar;
mod store;
mod wiring;
mod world;

use std::{ops::Range, process::ExitCode, rc::Rc};

use clap::Parser;
use mailserver_sidecar::settings::Settings;

use play::play;
use schedule::Schedule;
use shrink::shrink;
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
    /// Of that one the fewest troubles and messages with which it still loses something, or breaks a promise.
    #[arg(long, requires = "seed", requires = "variant")]
    shrink: bool,
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
    let broken = match arguments.seed {
        Some(seed) => one(seed, &variants, arguments.shrink),
        None => many(arguments.from..arguments.from + arguments.seeds, &variants),
    };
    match broken {
        false => ExitCode::SUCCESS,
        true => ExitCode::FAILURE,
    }
}

/// One schedule, told in full; whether a promise was broken.
fn one(seed: u64, variants: &[Variant], shorten: bool) -> bool {
    let settings = Rc::new(Settings::default());
    let mut broken = false;
    for variant in variants {
        let mut schedule = Schedule::new(seed);
        if shorten {
            schedule = shrink(&schedule, |it| {
                play(it, *variant, &settings).is_bad(*variant)
            });
        }
        let outcome = play(&schedule, *variant, &settings);
        report::describe(&schedule);
        report::tell(&schedule, *variant, &outcome);
        broken |= !outcome.violations.is_empty();
    }
    broken
}

/// Many schedules, as a table, and those that failed, shortened; whether a promise was broken.
fn many(seeds: Range<u64>, variants: &[Variant]) -> bool {
    let mut broken = false;
    report::head();
    for variant in variants {
        let total = report::play_all(seeds.clone(), *variant);
        report::row(*variant, &total);
        if let Some(seed) = total.failed.first() {
            broken = true;
            println!("failed: {:?}; the first of them, shortened:", total.failed);
            one(*seed, &[*variant], true);
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEDS: u64 = 1000;

    #[test]
    fn nothing_is_lost_and_nothing_is_claimed_too_early() {
        let total = report::play_all(0..SEEDS, Variant::Whole);
        assert_eq!(total.failed, [0; 0], "their seeds");
        assert_eq!(total.lost, total.in_vain, "nobody could know of them");
        assert!(total.in_vain * 500 < total.sent, "{}", total.in_vain);
    }

    /// Also that a plain loop is not enough: else there would be nothing to be shown here.
    #[test]
    fn the_loop_loses_less_than_the_node_alone() {
        let lost = |variant| report::play_all(0..32, variant).lost;
        let (alone, plain) = (lost(Variant::NodeAlone), lost(Variant::PlainLoop));
        assert!(0 < plain && 2 * plain < alone, "{plain} and {alone}");
    }

    #[test]
    fn a_schedule_that_fails_is_shortened_and_still_fails() {
        let settings = Rc::new(Settings::default());
        let bad =
            |it: &Schedule| play(it, Variant::PlainLoop, &settings).is_bad(Variant::PlainLoop);
        let mut schedules = (0..).map(Schedule::new);
        let schedule = schedules
            .find(|it| it.troubles.len() > 3 && bad(it))
            .unwrap();
        let shortest = shrink(&schedule, bad);
        assert!(bad(&shortest));
        assert!(shortest.troubles.len() <= 2, "{:?}", shortest.troubles);
        assert_eq!(shortest.messages.len(), 1);
    }
}
