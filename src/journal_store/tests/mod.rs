mod damaged;
mod killed;

use std::{collections::BTreeSet, fs, rc::Rc};

use actix::Actor as _;
use actors::{
    messages::{history::KeepCommunities, journal::KeepJournal},
    model::{
        moment::Moment,
        window::{Attempt, Reason, State},
    },
};
use tempfile::TempDir;

use super::*;
use crate::{
    database::warnings::{Lines, warnings},
    memory::MemoryStore,
    state_store::StateStore,
};

fn state(directory: &TempDir) -> StateDir {
    StateDir::open(directory.path().to_str().unwrap(), |_| None).unwrap()
}

/// One that is open.
fn window(number: u64) -> Window {
    Window {
        id: WindowId(number),
        from: Moment::from_millis(1_700_000_000_000 + number),
        until: None,
        reasons: BTreeSet::from([Reason::NodeAway, Reason::Asleep]),
        state: State::OPEN,
        attempts: vec![attempt(number); 8],
        requests: 9,
        fetched_from: vec![],
        audit: None,
        shortage: None,
    }
}

fn attempt(number: u64) -> Attempt {
    Attempt {
        at: Moment::from_millis(1_700_000_000_000 + number),
        mailserver: Some("store-01.do-ams3.status.prod".into()),
        rewound: true,
        failure: Some("no answer within 60s".into()),
        messages: number,
    }
}

fn covered(number: u64) -> Window {
    let at = Moment::from_millis(1_800_000_000_000);
    Window {
        until: Some(at),
        state: State::Covered { at },
        ..window(number)
    }
}

fn marks(last_window: u64) -> Marks {
    Marks {
        alive: Some(Moment::from_millis(1_800_000_000_000)),
        reached: None,
        since: Some(Moment::from_millis(1)),
        swept: None,
        last_window,
    }
}

fn community(number: u64) -> KeptCommunity {
    KeptCommunity {
        id: format!("0x02{:064}", 999 - number),
        queued: Moment::from_millis(1_800_000_000_000 + number),
        tries: number as u32,
    }
}

fn windows(windows: impl IntoIterator<Item = Window>) -> Vec<Entry> {
    windows.into_iter().map(Entry::Window).collect()
}

/// What is there after a restart.
fn reopened(directory: &TempDir) -> Kept {
    JournalStore::open(&state(directory)).1
}

/// What is there now, while the store still runs.
fn copied(directory: &TempDir) -> Kept {
    let left = TempDir::new().unwrap();
    for name in [FILE, "journal.sqlite-wal"] {
        fs::copy(directory.path().join(name), left.path().join(name)).unwrap();
    }
    reopened(&left)
}

/// A directory with a journal of so many windows, the last one open.
fn with(number: u64) -> TempDir {
    let directory = TempDir::new().unwrap();
    let (mut store, kept) = JournalStore::open(&state(&directory));
    assert_eq!(kept, Kept::default());
    let mut entries = windows((1..number).map(covered).chain([window(number)]));
    entries.push(Entry::Marks(marks(number)));
    store.keep(&entries).unwrap();
    store.keep_communities(vec![community(1)]).unwrap();
    directory
}

fn execute(directory: &TempDir, statement: &str) {
    let other = Connection::open(directory.path().join(FILE)).unwrap();
    other.execute_batch(statement).unwrap();
}

fn limit(store: &JournalStore, pages: u32) {
    let connection = store.connection.as_ref().unwrap();
    let set = connection.pragma_update(None, "max_page_count", pages);
    set.unwrap();
}

#[test]
fn what_is_kept_is_there_after_a_restart() {
    let directory = with(3);
    let found = reopened(&directory);
    let expected = [covered(1), covered(2), window(3)];
    assert_eq!(found.journal.windows, expected);
    assert_eq!(found.journal.marks, marks(3));
    assert_eq!(found.communities, [community(1)]);
    assert!(!found.lost);
    // The newest state of each counts, whatever the order of their numbers.
    let (mut store, _) = JournalStore::open(&state(&directory));
    let mut entries = windows([window(4), covered(3)]);
    entries.extend([Entry::Forget(WindowId(1)), Entry::Marks(marks(4))]);
    store.keep(&entries).unwrap();
    store.keep(&[]).unwrap();
    drop(store);
    let found = reopened(&directory);
    let expected = [covered(2), covered(3), window(4)];
    assert_eq!(found.journal.windows, expected);
    assert_eq!(found.journal.marks, marks(4));
    assert_eq!(found.communities, [community(1)]);
}

#[test]
fn communities_that_do_not_wait_any_more_are_gone() {
    let directory = with(1);
    let (mut store, _) = JournalStore::open(&state(&directory));
    let all = || (0..256).map(community).collect::<Vec<_>>();
    store.keep_communities(all()).unwrap();
    let written = |store: &JournalStore| store.connection.as_ref().unwrap().total_changes();
    let before = written(&store);
    let mut some = all();
    some.remove(7);
    some[0].tries = 5;
    store.keep_communities(some.clone()).unwrap();
    assert_eq!(written(&store) - before, 2, "only what changed is written");
    drop(store);
    assert_eq!(reopened(&directory).communities, some);
}

#[test]
fn what_a_full_disk_refused_is_made_up_for_in_order() {
    let directory = with(2);
    let (mut store, _) = JournalStore::open(&state(&directory));
    limit(&store, 6);
    let mut many = windows((3..200).map(window));
    many.push(Entry::Marks(marks(199)));
    let refused = store.keep(&many).unwrap_err();
    assert!(refused.to_string().contains("full"), "{refused}");
    let mut later = windows((2..190).map(covered));
    later.extend((150..180).map(|it| Entry::Forget(WindowId(it))));
    store.keep(&later).unwrap_err();
    let found = copied(&directory);
    assert_eq!(found.journal.windows, [covered(1), window(2)]);
    assert_eq!(found.journal.marks, marks(2), "all or nothing");
    limit(&store, 4_000);
    store.keep_communities(vec![]).unwrap();
    drop(store);
    let found = reopened(&directory);
    let mut expected: Vec<Window> = (1..150).map(covered).collect();
    expected.extend((180..190).map(covered));
    expected.extend((190..200).map(window));
    assert_eq!(found.journal.windows, expected);
    assert_eq!(found.journal.marks, marks(199));
}

#[test]
fn what_waits_to_be_written_is_bounded() {
    let directory = with(1);
    let (mut store, _) = JournalStore::open(&state(&directory));
    limit(&store, 1);
    for number in 2..60_000 {
        let entries = [
            Entry::Window(Window {
                attempts: vec![],
                ..covered(number)
            }),
            Entry::Forget(WindowId(number - 1)),
        ];
        for entry in &entries {
            store.pending.add(entry, store.last_written);
        }
    }
    assert_eq!(store.pending.windows.len(), 2);
    for number in 60_000..60_000 + MOST_PENDING as u64 {
        let entry = Entry::Window(window(number));
        store.pending.add(&entry, store.last_written);
    }
    assert_eq!(store.pending.windows.len(), MOST_PENDING);
}

#[test]
fn the_oldest_closed_windows_go_before_the_file_grows_too_large() {
    let directory = TempDir::new().unwrap();
    let (mut store, _) = JournalStore::open(&state(&directory));
    store.keep(&windows([window(1)])).unwrap();
    for number in (2..5_000).step_by(8) {
        let some = (number..number + 8).map(covered);
        store.keep(&windows(some)).unwrap();
    }
    let bytes = fs::metadata(directory.path().join(FILE)).unwrap().len();
    assert!(bytes <= MOST_BYTES + 64 * 1024, "{bytes}");
    drop(store);
    let found = reopened(&directory).journal.windows;
    assert_eq!(found[0], window(1), "it is open");
    assert_eq!(found.last(), Some(&covered(5_001)));
    let first = found[1].id.0;
    assert_eq!(found.len() as u64, 1 + 5_002 - first, "no holes");
    assert!(found.len() > 2_000, "{}", found.len());
}

#[actix::test]
async fn the_state_store_keeps_it_and_says_once_that_it_cannot() {
    let directory = TempDir::new().unwrap();
    let state = Rc::new(state(&directory));
    let (journal, _) = JournalStore::open(&state);
    let memory = MemoryStore::open(&state).0;
    let store = StateStore::new(state, memory).with_journal(journal).start();
    let other = Connection::open(directory.path().join(FILE)).unwrap();
    let (lines, _guard) = Lines::listen();
    for round in 0..2 {
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        for number in 1..4 {
            let keep = KeepJournal(windows([covered(round * 10 + number)]));
            store.send(keep).await.unwrap();
        }
        let warned = lines.take();
        assert_eq!(warned.len(), 1, "{warned:?}");
        assert!(warned[0].contains(FILE), "{warned:?}");
        other.execute_batch("ROLLBACK").unwrap();
        let keep = KeepCommunities(vec![community(round)]);
        store.send(keep).await.unwrap();
        assert_eq!(lines.take(), Vec::<String>::new());
    }
    let found = copied(&directory);
    let expected = [1, 2, 3, 11, 12, 13].map(covered);
    assert_eq!(found.journal.windows, expected);
    assert_eq!(found.communities, [community(1)]);
}
