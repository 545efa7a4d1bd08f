//! A million sidecars all over the world, and what becomes of the mailservers of a fleet when all act at the same moment.
//!
//! A discrete-event simulation with the rule of the service itself ([`actors::selector::choose`] and
//! [`actors::connector::jitter`]) against two others, over a real fleet:
//!
//! 1. the most used mailserver dies; the nodes have the others as peers (waku2), or have not (waku1);
//! 2. all mailservers were gone for 30 s, and one after the other is back.
//!
//! What is counted at a mailserver, each kind for itself:
//!
//! | kind | what |
//! |---|---|
//! | probe | a ping of a round: cheap where a connection is open, a connection for nothing where none is |
//! | dial | a new connection that is to stay; none where the node has the mailserver as a peer |
//! | request | the first history request after a switch: everybody sends one, whether it had to dial or not |
//!
//! Judged are **dials and requests together**, in the fullest second at one mailserver: what costs it most. Nobody
//! dials a peer, so without a pause the switch to a standby would only change the herd of dials into one of requests:
//! the switch itself is immediate (`mailserverAvailable`), the request follows after a random pause.
//!
//! After an outage of all two more things are judged. Half of all sidecars are connected 10 s after the first mailserver is
//! back: the pause that keeps them apart must not be longer than that. And ten minutes after the last one is back no
//! mailserver has more than 1.25 times its fair share, which is what it gets when everybody chooses with all alive: whoever
//! came early had no choice, and chooses once more some minutes later. The sidecars here belong to a large crowd, as those
//! of a published fleet do ([`actors::connector::crowd`]); in a small one everybody is back within 3 s.
//!
//! Probes are told, not judged. They are a herd of their own, because everybody probes all candidates: so the round that
//! finds the next standby is spread over 10 s where nothing waits for it.
//!
//! All rules notice a loss alike: most by a signal of their node within 15 ms, the others within 2.6 s. That is kind
//! to the node of 2024, which notices no loss while it is idle (no switch in 120 s, measured).
//!
//! ```text
//! cargo run --release --example population -- [--sidecars N] [--seed N]
//! ```
//! Tables go to stdout; exit code 1 if a promise is broken.

#[path = "population/arrivals.rs"]
mod arrivals;
#[path = "population/outage.rs"]
mod outage;
#[path = "population/report.rs"]
mod report;
#[path = "population/rules.rs"]
mod rules;
#[path = "population/stories.rs"]
mod stories;
#[path = "population/world.rs"]
mod world;

use std::process::ExitCode;

use clap::Parser;

use rules::Rule;
use stories::{Outcome, Story, most_used};
use world::World;

/// Simulates a population of sidecars.
#[derive(Parser)]
struct Arguments {
    /// How many.
    #[arg(long, default_value = "1000000", value_parser = clap::value_parser!(u32).range(1_000..))]
    sidecars: u32,
    /// What all chance is drawn from.
    #[arg(long, default_value = "1")]
    seed: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let world = World::new(arguments.sidecars as usize, arguments.seed);
    let dead = most_used(&world, arguments.seed);
    let count = report::thousands(arguments.sidecars.into());
    println!(
        "{count} sidecars, {} mailservers; {} dies",
        world.mailservers.len(),
        world.name(dead)
    );
    println!("{}", World::regions());
    let mut outcomes: Vec<Outcome> = Vec::new();
    for story in Story::ALL {
        let told = Rule::ALL.map(|rule| story.play(&world, rule, dead, arguments.seed));
        report::print(&world, story, &told);
        outcomes.extend(told);
    }
    if report::judge(&outcomes) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
