mod damaged;

use std::{fs, os::unix::fs::PermissionsExt};

use actix::Actor as _;
use actors::{messages::connection::Remember, model::record::Cause};
use tempfile::TempDir;

use super::*;
use crate::{
    database::warnings::{Lines, warnings},
    state_store::StateStore,
};

fn state(directory: &TempDir) -> StateDir {
    StateDir::open(directory.path().to_str().unwrap(), |_| None).unwrap()
}

/// In another order than that of age.
fn identity(number: u64) -> Identity {
    Identity::new(format!("peer-{:04}", 9_999 - number))
}

fn record(number: u64) -> Record {
    Record {
        rtt_ms: (number > 0).then_some(number as f64 / 4.0),
        successes: number,
        failures: BTreeMap::from([(Cause::ShortHistory, number), (Cause::Dial, 1)]),
        level: 3,
        avoided_until_ms: 1_700_000_000_000,
        changed_ms: number,
    }
}

fn records(numbers: impl IntoIterator<Item = u64>) -> BTreeMap<Identity, Record> {
    let numbers = numbers.into_iter();
    numbers.map(|it| (identity(it), record(it))).collect()
}

/// What is there after a restart.
fn reopened(directory: &TempDir) -> BTreeMap<Identity, Record> {
    MemoryStore::open(&state(directory)).1
}

/// The files as a kill would leave them now: neither closed nor folded.
fn copied(directory: &TempDir) -> TempDir {
    let left = TempDir::new().unwrap();
    for name in [FILE, "memory.sqlite-wal"] {
        fs::copy(directory.path().join(name), left.path().join(name)).unwrap();
    }
    left
}

/// A directory with a store of these.
fn with(numbers: impl IntoIterator<Item = u64>) -> TempDir {
    let directory = TempDir::new().unwrap();
    let (mut store, before) = MemoryStore::open(&state(&directory));
    assert_eq!(before, BTreeMap::new());
    store.keep(&records(numbers)).unwrap();
    directory
}

fn execute(directory: &TempDir, statement: &str) {
    let other = Connection::open(directory.path().join(FILE)).unwrap();
    other.execute_batch(statement).unwrap();
}

/// Opens it with exactly one warning and nothing remembered; then it remembers, or does not.
fn opens_with_a_warning(directory: &TempDir, remembers: bool) {
    let state = state(directory);
    let warnings = warnings(|| {
        let (mut store, before) = MemoryStore::open(&state);
        assert_eq!(before, BTreeMap::new());
        store.keep(&records([7])).unwrap();
    });
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains(FILE), "{warnings:?}");
    drop(state);
    if remembers {
        assert_eq!(reopened(directory), records([7]));
        assert!(directory.path().join("memory.sqlite.corrupt").exists());
    }
}

#[test]
fn what_is_kept_is_there_after_a_restart() {
    let directory = with([0, 1]);
    assert_eq!(reopened(&directory), records([0, 1]));
    // Those that are not named stay; what is named is replaced whole.
    let (mut store, _) = MemoryStore::open(&state(&directory));
    let changed = BTreeMap::from([(identity(1), Record::default()), (identity(2), record(2))]);
    store.keep(&changed).unwrap();
    store.keep(&BTreeMap::new()).unwrap();
    drop(store);
    let mut expected = changed;
    expected.extend(records([0]));
    assert_eq!(reopened(&directory), expected);
}

#[test]
fn only_this_user_may_look_inside() {
    let directory = TempDir::new().unwrap();
    let (mut store, _) = MemoryStore::open(&state(&directory));
    store.keep(&records([1])).unwrap();
    for name in [FILE, "memory.sqlite-wal", "memory.sqlite-shm"] {
        let mode = fs::metadata(directory.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn only_what_changed_is_written() {
    let directory = with(0..500);
    let (mut store, mut known) = MemoryStore::open(&state(&directory));
    let written = |store: &MemoryStore| store.connection.as_ref().unwrap().total_changes();
    store.keep(&known).unwrap();
    assert_eq!(written(&store), 0);
    known.insert(identity(3), record(4));
    store.keep(&known).unwrap();
    // One row, its two failures away, and two new ones.
    assert!((1..=6).contains(&written(&store)), "{}", written(&store));
}

#[test]
fn the_longest_unchanged_are_forgotten() {
    let directory = with(0..2_000);
    assert_eq!(reopened(&directory), records(976..2_000));
    let (mut store, _) = MemoryStore::open(&state(&directory));
    store.keep(&records([5_000])).unwrap();
    drop(store);
    let mut expected = records(977..2_000);
    expected.extend(records([5_000]));
    assert_eq!(reopened(&directory), expected);
    let store = Connection::open(directory.path().join(FILE)).unwrap();
    let count = "SELECT count(DISTINCT identity) FROM failure";
    let count: i64 = store.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(count, MOST_RECORDS as i64);
    let bytes = fs::metadata(directory.path().join(FILE)).unwrap().len();
    assert!(bytes < 1024 * 1024, "{bytes}");
}

#[test]
fn where_nothing_can_be_written_nothing_is_remembered() {
    // What is damaged cannot be moved: something is in the way.
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join(FILE), "damaged").unwrap();
    fs::create_dir_all(directory.path().join("memory.sqlite.corrupt/deep")).unwrap();
    opens_with_a_warning(&directory, false);
    // The directory went away after it was locked.
    let directory = TempDir::new().unwrap();
    let state = state(&directory);
    fs::remove_dir_all(directory.path()).unwrap();
    let warned = warnings(|| {
        let (mut store, before) = MemoryStore::open(&state);
        assert_eq!(before, BTreeMap::new());
        store.keep(&records([1])).unwrap();
    });
    assert_eq!(warned.len(), 1, "{warned:?}");
}

#[test]
fn a_read_only_directory_is_not_fatal() {
    // The superuser may write all the same: then it simply remembers.
    let directory = TempDir::new().unwrap();
    let state = state(&directory);
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let (mut store, before) = MemoryStore::open(&state);
    assert_eq!(before, BTreeMap::new());
    store.keep(&records([1])).unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn one_that_somebody_holds_is_left_where_it_is() {
    let directory = with([1]);
    let other = Connection::open(directory.path().join(FILE)).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    opens_with_a_warning(&directory, false);
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    assert_eq!(reopened(&directory), records([1]));
}

#[test]
fn values_that_cannot_be_true_are_dropped_alone() {
    let directory = with([1, 2, 3]);
    execute(
        &directory,
        "UPDATE mailserver SET rtt_ms = -1.0, successes = -5 WHERE identity = 'peer-9998';
         UPDATE mailserver SET rtt_ms = 9e999, level = 9000000000 WHERE identity = 'peer-9997';
         UPDATE failure SET count = -1 WHERE cause = 'dial' AND identity = 'peer-9996';
         INSERT INTO failure VALUES ('peer-9996', 'of_a_later_version', 1), ('nobody', 'dial', 1);",
    );
    let found = reopened(&directory);
    let none = |rtt_ms, successes, level, number| Record {
        rtt_ms,
        successes,
        level,
        ..record(number)
    };
    assert_eq!(found[&identity(1)], none(None, 0, 3, 1));
    assert_eq!(found[&identity(2)], none(None, 2, 0, 2));
    let mut third = record(3);
    third.failures.insert(Cause::Dial, 0);
    assert_eq!(found[&identity(3)], third);
    assert_eq!(found.len(), 3);
    // The same for what the memory itself got wrong.
    let directory = TempDir::new().unwrap();
    let (mut store, _) = MemoryStore::open(&state(&directory));
    let wrong = Record {
        rtt_ms: Some(f64::NAN),
        successes: u64::MAX,
        ..record(1)
    };
    store.keep(&BTreeMap::from([(identity(1), wrong)])).unwrap();
    drop(store);
    let found = reopened(&directory);
    assert_eq!(found[&identity(1)].rtt_ms, None);
    assert_eq!(found[&identity(1)].successes, i64::MAX as u64);
}

#[test]
fn a_sidecar_that_is_killed_loses_nothing_that_was_kept() {
    let directory = TempDir::new().unwrap();
    let state = state(&directory);
    let (mut store, _) = MemoryStore::open(&state);
    for number in 0..400 {
        store.keep(&records([number])).unwrap();
        if number % 50 != 49 {
            continue;
        }
        assert_eq!(reopened(&copied(&directory)), records(0..=number));
        // In the middle of a write: the end of the log is missing.
        let left = copied(&directory);
        let log = left.path().join("memory.sqlite-wal");
        let whole = fs::read(&log).unwrap();
        fs::write(&log, &whole[..whole.len() - 2_000]).unwrap();
        let found = reopened(&left);
        let least = (number as usize).saturating_sub(50);
        assert!(found.len() > least, "{} of {number}", found.len());
        assert!(!left.path().join("memory.sqlite.corrupt").exists());
    }
    let log = fs::metadata(directory.path().join("memory.sqlite-wal"))
        .unwrap()
        .len();
    assert!(log < 1024 * 1024, "{log}");
}

#[test]
fn what_a_full_disk_refused_is_made_up_for_later() {
    let directory = with([1, 2]);
    let (mut store, _) = MemoryStore::open(&state(&directory));
    let limit = |store: &MemoryStore, pages: u32| {
        let connection = store.connection.as_ref().unwrap();
        let set = connection.pragma_update(None, "max_page_count", pages);
        set.unwrap();
    };
    limit(&store, 4);
    let refused = store.keep(&records(3..200)).unwrap_err();
    assert!(refused.to_string().contains("full"), "{refused}");
    assert_eq!(reopened(&copied(&directory)), records([1, 2]));
    limit(&store, 4_000);
    store.keep(&records([500])).unwrap();
    drop(store);
    let mut expected = records(1..200);
    expected.extend(records([500]));
    assert_eq!(reopened(&directory), expected);
}

#[actix::test]
async fn what_cannot_be_kept_is_one_warning_until_it_works_again() {
    let directory = TempDir::new().unwrap();
    let state = std::rc::Rc::new(state(&directory));
    let (store, _) = MemoryStore::open(&state);
    let state_store = StateStore::new(state, store).start();
    let other = Connection::open(directory.path().join(FILE)).unwrap();
    let (lines, _guard) = Lines::listen();
    for round in 0..2 {
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        for number in 0..3 {
            let remember = Remember(records([round * 10 + number]));
            state_store.send(remember).await.unwrap();
        }
        let warned = lines.take();
        assert_eq!(warned.len(), 1, "{warned:?}");
        other.execute_batch("ROLLBACK").unwrap();
        state_store.send(Remember(records([]))).await.unwrap();
        assert_eq!(lines.take(), Vec::<String>::new());
    }
    let kept = reopened(&copied(&directory));
    assert_eq!(kept, records([0, 1, 2, 10, 11, 12]));
}
