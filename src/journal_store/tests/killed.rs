//! A process that is killed between two transactions, or in the middle of one.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use super::*;

/// Where the process that will be killed writes; without it there is nothing to be done.
const DIRECTORY: &str = "JOURNAL_STORE_TEST_DIRECTORY";

/// What it writes in each call: one window opens, the one before is covered, and the marks say so.
fn step(number: u64) -> Vec<Entry> {
    let mut entries = vec![Entry::Window(window(number))];
    if number > 1 {
        entries.push(Entry::Window(covered(number - 1)));
    }
    let marks = Marks {
        last_window: number,
        ..Marks::default()
    };
    entries.push(Entry::Marks(marks));
    entries
}

/// Run by the next test in a process of its own.
#[test]
#[ignore = "writes until it is killed"]
fn writes_until_it_is_killed() {
    let Ok(directory) = std::env::var(DIRECTORY) else {
        return;
    };
    let state = StateDir::open(&directory, |_| None).unwrap();
    let (mut store, _) = JournalStore::open(&state);
    for number in 1.. {
        store.keep(&step(number)).unwrap();
        println!("\nkept {number}");
    }
}

fn spawn(directory: &TempDir) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "--ignored", "--nocapture"])
        .arg("journal_store::tests::killed::writes_until_it_is_killed")
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn what_a_killed_process_leaves_is_whole_up_to_one_moment() {
    // At other places in a transaction each time.
    for until in [1, 70, 333, 1_000] {
        let directory = TempDir::new().unwrap();
        let mut child = spawn(&directory);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let kept = |line: String| line.strip_prefix("kept ")?.parse::<u64>().ok();
        let mut told = lines.by_ref().filter_map(|it| kept(it.unwrap()));
        assert!(told.any(|number| number == until), "it ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
        let last_told = told.last().unwrap_or(until);
        let found = reopened(&directory);
        let last = found.journal.marks.last_window;
        assert!(last >= last_told, "{last} of {last_told}");
        let mut expected: Vec<Window> = (1..last).map(covered).collect();
        expected.push(window(last));
        assert_eq!(found.journal.windows, expected);
        assert!(!found.lost);
    }
}
