//! Many schedules at once, and what is shown of them.

use std::{
    ops::Range,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
};

use mailserver_sidecar::settings::Settings;

use crate::{
    play::{Outcome, play},
    schedule::Schedule,
    sidecar::Variant,
};

/// What became of many schedules.
#[derive(Clone, Debug, Default)]
pub(crate) struct Total {
    pub(crate) seeds: u64,
    pub(crate) sent: u64,
    pub(crate) lost: u64,
    /// Those of them of which nobody could know.
    pub(crate) in_vain: u64,
    /// The seeds of those in which something was lost.
    pub(crate) losing: u64,
    /// The seeds of those in which a promise was broken, in order.
    pub(crate) failed: Vec<u64>,
}

impl Total {
    fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.seeds += 1;
        self.sent += outcome.sent;
        self.lost += outcome.lost;
        self.in_vain += outcome.in_vain;
        self.losing += u64::from(outcome.lost > 0);
        if !outcome.violations.is_empty() {
            self.failed.push(seed);
        }
    }

    fn join(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.sent += other.sent;
        self.lost += other.lost;
        self.in_vain += other.in_vain;
        self.losing += other.losing;
        self.failed.extend(other.failed);
        self.failed.sort_unstable();
    }
}

/// Plays the schedules of these seeds, on all cores.
pub(crate) fn play_all(seeds: Range<u64>, variant: Variant) -> Total {
    let next = AtomicU64::new(seeds.start);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let settings = Rc::new(Settings::default());
        let mut total = Total::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return total;
            }
            let schedule = Schedule::new(seed);
            total.add(seed, &play(&schedule, variant, &settings));
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let mut total = Total::default();
        for worker in workers {
            total.join(
                worker
                    .join()
                    .expect("a schedule that cannot be played is a bug"),
            );
        }
        total
    })
}

/// The heads of the columns.
pub(crate) fn head() {
    println!(
        "{:<12} {:>9} {:>12} {:>9} {:>10} {:>8} {:>16} {:>7}",
        "", "schedules", "messages", "lost", "share", "in vain", "schedules losing", "failed"
    );
}

/// One line of the table.
pub(crate) fn row(variant: Variant, total: &Total) {
    let share = 100.0 * total.lost as f64 / total.sent.max(1) as f64;
    println!(
        "{:<12} {:>9} {:>12} {:>9} {share:>8.3} % {:>8} {:>16} {:>7}",
        variant.name(),
        total.seeds,
        total.sent,
        total.lost,
        total.in_vain,
        total.losing,
        total.failed.len()
    );
}

/// What is going to happen.
pub(crate) fn describe(schedule: &Schedule) {
    let setup = &schedule.setup;
    println!(
        "seed {}: {:?}, {} mailservers, {} topics, {} messages",
        setup.seed,
        setup.mode,
        setup.stores.len(),
        setup.topics,
        schedule.messages.len()
    );
    for (index, store) in setup.stores.iter().enumerate() {
        let silent = if store.answers_queries {
            ""
        } else {
            ", tells no hashes"
        };
        println!(
            "  mailserver {index}: messages after {:?}{silent}",
            store.ingest
        );
    }
    for trouble in &schedule.troubles {
        println!("  {trouble}");
    }
}

/// What became of it.
pub(crate) fn tell(schedule: &Schedule, variant: Variant, outcome: &Outcome) {
    println!(
        "{}: {} of {} lost",
        variant.name(),
        outcome.lost,
        outcome.sent
    );
    for line in &outcome.told {
        println!("  {line}");
    }
    for violation in &outcome.violations {
        println!("  BROKEN: {violation}");
        if let Some(sending) = violation.message().and_then(|it| schedule.messages.get(it)) {
            let at = sending.at.as_secs_f64();
            let holders: Vec<usize> = (0..schedule.setup.stores.len())
                .filter(|it| sending.holders & (1 << it) != 0)
                .collect();
            println!("    it was sent after {at:.3} s to the mailservers {holders:?}");
        }
    }
}
