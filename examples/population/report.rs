//! What the stories came to: tables on stdout, and whether our rule holds what it promises.

use crate::{
    arrivals::{ALL, Arrival, JUDGED, Quantiles},
    rules::Rule,
    stories::{Outcome, Story},
    world::World,
};

/// The window of the promise, in ms.
const SECOND: f64 = 1_000.0;

/// The window in which a herd shows that a second hides, in ms.
const MOMENT: f64 = 100.0;

/// How much of the peak under the plain rule ours may reach.
const PEAK_RATIO: f64 = 0.5;

/// How much more than under the plain rule the most loaded survivor may have: what chance does to a million draws.
const LOAD_RATIO: f64 = 1.005;

/// How much more than its fair share the most loaded may have ten minutes after the last one is back. Its fair share is
/// what it gets when everybody chooses with all alive.
const FAIR_RATIO: f64 = 1.25;

/// When half of all must be connected after the first one is back, in ms.
const SOON: f64 = 10_000.0;

/// The part of all that may be without a mailserver then.
const LATE_PART: f64 = 0.5;

/// Prints one story under all rules.
pub(crate) fn print(world: &World, story: Story, outcomes: &[Outcome]) {
    println!("\n{}", story.title());
    print_load(world, outcomes);
    print_peaks(world, outcomes);
    print_recovery(outcomes);
}

fn print_load(world: &World, outcomes: &[Outcome]) {
    print!("\n  {:<26}", "users before > after");
    outcomes
        .iter()
        .for_each(|it| print!(" {:>33}", it.rule.name()));
    println!();
    for mailserver in 0..world.mailservers.len() {
        print!("  {:<26}", world.name(mailserver));
        for it in outcomes {
            let (before, after) = (it.before[mailserver], it.after[mailserver]);
            print!("  {} > {}", share(before, world), share(after, world));
        }
        println!();
    }
}

fn share(users: u64, world: &World) -> String {
    let percent = users as f64 * 100.0 / world.sidecars().len().max(1) as f64;
    format!("{:>9} {percent:>3.0} %", thousands(users))
}

fn print_peaks(world: &World, outcomes: &[Outcome]) {
    println!(
        "\n  {:<16} {:>12} {:>9} {:>9} {:>9} {:>11} {:>12}   at",
        "peak at one", "dials+asks/s", "dials/s", "asks/s", "probes/s", "all/s", "in 100 ms"
    );
    for it in outcomes {
        let peak = |kinds: &[Arrival], window| it.arrivals.peak(kinds, window);
        let judged = peak(&JUDGED, SECOND);
        println!(
            "  {:<16} {:>12} {:>9} {:>9} {:>9} {:>11} {:>12}   {}",
            it.rule.name(),
            thousands(judged.count),
            thousands(peak(&[Arrival::Dial], SECOND).count),
            thousands(peak(&[Arrival::Request], SECOND).count),
            thousands(peak(&[Arrival::Probe], SECOND).count),
            thousands(peak(&ALL, SECOND).count),
            thousands(peak(&JUDGED, MOMENT).count),
            world.name(judged.mailserver),
        );
    }
}

fn print_recovery(outcomes: &[Outcome]) {
    println!(
        "\n  {:<16} {:>9} {:>26}   {:>26}",
        "recovery in s", "sidecars", "available 50 % / 95 % / max", "asked 50 % / 95 % / max"
    );
    for it in outcomes {
        let seconds = |times: &Quantiles| {
            let at = |part| times.at(part) / 1000.0;
            format!("{:>7.3} / {:>6.3} / {:>6.3}", at(0.5), at(0.95), at(1.0))
        };
        println!(
            "  {:<16} {:>9} {:>27}   {:>26}",
            it.rule.name(),
            thousands(it.available.count() as u64),
            seconds(&it.available),
            seconds(&it.asked),
        );
    }
}

/// Prints whether ours holds what it promises in each story.
pub(crate) fn judge(outcomes: &[Outcome]) -> bool {
    println!();
    let mut holds = true;
    for story in outcomes.chunk_by(|a, b| a.story == b.story) {
        let of = |rule| {
            let mut found = story.iter().filter(|it| it.rule == rule);
            found.next().expect("each story has each rule")
        };
        let (plain, ours) = (of(Rule::Quarter), of(Rule::Ours));
        println!("{}:", ours.story.title());
        let peak = |it: &Outcome| it.arrivals.peak(&JUDGED, SECOND).count;
        let what = "dials and requests in a second at one";
        holds &= line(what, peak(ours), peak(plain), PEAK_RATIO);
        holds &= match ours.story {
            Story::LossAmongPeers | Story::LossWithoutPeers => judge_loss(ours, plain),
            Story::Return => judge_return(ours),
        };
    }
    holds
}

fn judge_loss(ours: &Outcome, plain: &Outcome) -> bool {
    let most = |it: &Outcome| it.after.iter().copied().max().unwrap_or(0);
    let what = "users of the most loaded survivor";
    line(what, most(ours), most(plain), LOAD_RATIO)
}

fn judge_return(ours: &Outcome) -> bool {
    let pairs = ours.after.iter().copied().zip(ours.before.iter().copied());
    let ratio = |(after, fair): &(u64, u64)| *after as f64 / *fair as f64;
    let fullest = pairs.max_by(|a, b| ratio(a).total_cmp(&ratio(b)));
    let (after, fair) = fullest.unwrap_or_default();
    let spread = line("users 10 min later / fair share", after, fair, FAIR_RATIO);
    let all: u64 = ours.before.iter().sum();
    let late = all.saturating_sub(ours.available.within(SOON) as u64);
    line("not connected 10 s after the first", late, all, LATE_PART) && spread
}

/// One promise: ours against the plain rule.
fn line(what: &str, ours: u64, plain: u64, bound: f64) -> bool {
    let ratio = ours as f64 / plain as f64;
    let holds = ratio <= bound;
    let verdict = if holds { "PASS" } else { "FAIL" };
    let (ours, plain) = (thousands(ours), thousands(plain));
    println!("  {verdict}  {what:<38} {ours:>9} / {plain:>9} = {ratio:.3}, at most {bound}");
    holds
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stories::most_used;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            [7, 1_000, 1_234_567].map(thousands),
            ["7", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn a_promise_fails_above_its_bound_and_when_there_is_nothing_to_compare() {
        assert!(line("x", 50, 100, 0.5));
        assert!(!line("x", 51, 100, 0.5));
        assert!(!line("x", 0, 0, 0.5));
    }

    #[test]
    fn a_small_world_holds_all_promises_in_all_stories() {
        let world = World::new(20_000, 1);
        let dead = most_used(&world, 1);
        let all = Story::ALL
            .iter()
            .flat_map(|story| Rule::ALL.map(|rule| (story, rule)));
        let outcomes: Vec<Outcome> = all
            .map(|(story, rule)| story.play(&world, rule, dead, 1))
            .collect();
        assert!(judge(&outcomes));
    }
}
