//! What it costs to keep the journal: each change is written before the next one is handled, on the one thread that all
//! actors share, and a year of bad days must not fill the disk.

mod figures;

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use actors::{
    messages::journal::{Entry, Marks},
    model::{
        moment::Moment,
        window::{Attempt, MOST_ATTEMPTS, Reason, State, Window, WindowId},
    },
};
use figures::{Figure, Table};
use mailserver_sidecar::{journal_store::JournalStore, state::StateDir};

const EVENT: Figure = Figure {
    name: "an event of the journal",
    how: "a window and the marks kept, the file full as after a year, mean of 1,000 events",
    unit: "ms",
    bound: 1.0,
};

const SLOW: Figure = Figure {
    name: "an event of the journal: p99",
    how: "one in a hundred takes longer: the log is folded in, and the disk waited for",
    unit: "ms",
    bound: 20.0,
};

const SIZE: Figure = Figure {
    name: "the file after a year",
    how: "50 windows a day, 8 requests each, the newest 4,096 windows kept; with its log",
    unit: "MiB",
    bound: 5.0,
};

const DAYS: u64 = 365;
const WINDOWS_A_DAY: u64 = 50;
const WINDOWS_KEPT: u64 = 4_096;

fn main() -> ExitCode {
    let directory = tempfile::tempdir().expect("a directory");
    let setting = directory.path().to_str().expect("a name");
    let state = StateDir::open(setting, |_| None).expect("a state directory");
    let (mut store, _) = JournalStore::open(&state);
    let took = year(&mut store);
    let last: Vec<&[f64]> = took.rchunks(1_000).take(25).collect();
    let of = |figure: fn(&[f64]) -> f64| -> Vec<f64> { last.iter().map(|it| figure(it)).collect() };
    let mut table = Table::begin();
    table.judge(&EVENT, || of(mean));
    table.judge(&SLOW, || of(p99));
    table.hold(&SIZE, vec![size(directory.path())]);
    table.end()
}

/// All events of a year; the milliseconds that each took.
fn year(store: &mut JournalStore) -> Vec<f64> {
    let mut took = Vec::new();
    let mut keep = |entries: &[Entry]| {
        let begun = Instant::now();
        store.keep(entries).expect("it is kept");
        took.push(begun.elapsed().as_secs_f64() * 1_000.0);
    };
    for number in 1..=DAYS * WINDOWS_A_DAY {
        let mut window = opened(number);
        let marks = Entry::Marks(marks(number));
        keep(&[Entry::Window(window.clone()), marks.clone()]);
        window.until = Some(window.from + Duration::from_secs(300));
        for request in 1..=MOST_ATTEMPTS {
            window.attempts.push(attempt(&window, request));
            window.requests += 1;
            if request == MOST_ATTEMPTS {
                let at = window.from + Duration::from_secs(600);
                window.state = State::Covered { at };
            }
            keep(&[Entry::Window(window.clone()), marks.clone()]);
        }
        if let Some(oldest) = number.checked_sub(WINDOWS_KEPT).filter(|it| *it > 0) {
            keep(&[Entry::Forget(WindowId(oldest)), marks.clone()]);
        }
    }
    took
}

fn opened(number: u64) -> Window {
    let pause = 86_400_000 / WINDOWS_A_DAY;
    Window {
        id: WindowId(number),
        from: Moment::from_millis(1_795_341_561_017 + number * pause),
        until: None,
        reasons: BTreeSet::from([Reason::NodeOffline, Reason::MailserverChanged]),
        state: State::OPEN,
        attempts: Vec::new(),
        requests: 0,
        fetched_from: vec![],
        audit: None,
        shortage: None,
    }
}

fn attempt(window: &Window, request: usize) -> Attempt {
    let failed = request < MOST_ATTEMPTS;
    Attempt {
        at: window.from + Duration::from_secs(60 * request as u64),
        mailserver: Some("store-01.do-ams3.status.prod".into()),
        rewound: false,
        failure: failed.then(|| "history: no answer within 60s".into()),
        messages: u64::from(!failed) * 40,
    }
}

fn marks(last_window: u64) -> Marks {
    let alive = Some(opened(last_window).from);
    Marks {
        alive,
        reached: alive,
        since: alive,
        swept: alive,
        last_window,
    }
}

fn mean(samples: &[f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len() as f64
}

fn p99(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() - 1) * 99 / 100]
}

/// All files of the journal, in MiB.
fn size(directory: &Path) -> f64 {
    let names = ["journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"];
    let bytes = names.map(|it| fs::metadata(directory.join(it)).map_or(0, |it| it.len()));
    bytes.iter().sum::<u64>() as f64 / (1024.0 * 1024.0)
}
