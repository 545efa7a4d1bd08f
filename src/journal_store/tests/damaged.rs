//! What cannot be read is told: a window may be lost with it.

use super::*;

/// Opens it with exactly one warning, and something lost.
fn opens_with_a_loss(directory: &TempDir) -> Kept {
    let state = state(directory);
    let mut kept = None;
    let warned = warnings(|| kept = Some(JournalStore::open(&state).1));
    assert_eq!(warned.len(), 1, "{warned:?}");
    assert!(warned[0].contains(FILE), "{warned:?}");
    let kept = kept.unwrap();
    assert!(kept.lost);
    kept
}

#[test]
fn a_damaged_journal_is_set_aside_and_the_loss_is_told_until_something_is_kept() {
    let directory = with(200);
    let path = directory.path().join(FILE);
    let whole = fs::read(&path).unwrap();
    let mut scratched = whole.clone();
    for byte in &mut scratched[8_192..20_000] {
        *byte ^= 0x5a;
    }
    for damaged in [scratched, whole[..5_000].to_vec(), b"{}".to_vec()] {
        fs::write(&path, &damaged).unwrap();
        let kept = opens_with_a_loss(&directory);
        assert_eq!(kept.journal, Default::default());
        let aside = fs::read(directory.path().join("journal.sqlite.corrupt")).unwrap();
        assert!(aside == damaged, "{} bytes", damaged.len());
        // It was killed before the journal could act upon it: it is told again.
        let (mut store, kept) = JournalStore::open(&state(&directory));
        assert!(kept.lost);
        store.keep_communities(vec![community(1)]).unwrap();
        assert!(copied(&directory).lost, "the journal has kept nothing yet");
        store.keep(&windows([window(1)])).unwrap();
        drop(store);
        let kept = reopened(&directory);
        assert_eq!(kept.journal.windows, [window(1)]);
        assert!(!kept.lost);
    }
}

#[test]
fn rows_that_cannot_be_read_are_skipped_and_told_until_something_is_kept() {
    let directory = with(6);
    execute(
        &directory,
        "UPDATE window SET record = '{}' WHERE id = 1;
         UPDATE window SET record = replace(record, 'node_away', 'of_a_later_version') WHERE id = 3;
         UPDATE window SET record = (SELECT record FROM window WHERE id = 5) WHERE id = 4;
         INSERT INTO window VALUES (-7, 1, 'x');",
    );
    let expected = [covered(2), covered(5), window(6)];
    for _ in 0..2 {
        let kept = opens_with_a_loss(&directory);
        assert_eq!(kept.journal.windows, expected);
        assert_eq!(kept.journal.marks, marks(6));
    }
    let (mut store, _) = JournalStore::open(&state(&directory));
    store.keep(&windows([window(7)])).unwrap();
    drop(store);
    let kept = reopened(&directory);
    assert_eq!(kept.journal.windows[3], window(7));
    assert!(!kept.lost);
}

#[test]
fn marks_that_cannot_be_read_are_a_loss_and_none_at_all_are_not() {
    let directory = with(2);
    execute(&directory, "UPDATE mark SET value = '[]x'");
    let kept = opens_with_a_loss(&directory);
    assert_eq!(kept.journal.marks, Marks::default());
    assert_eq!(kept.journal.windows.len(), 2);
    execute(&directory, "DELETE FROM mark");
    assert!(!reopened(&directory).lost);
}

#[test]
fn one_that_somebody_holds_is_left_where_it_is() {
    let directory = with(2);
    let other = Connection::open(directory.path().join(FILE)).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let state_dir = state(&directory);
    let warned = warnings(|| {
        let (mut store, kept) = JournalStore::open(&state_dir);
        assert!(kept.lost);
        store.keep(&windows([window(9)])).unwrap();
        store.keep_communities(vec![]).unwrap();
    });
    assert_eq!(warned.len(), 1, "{warned:?}");
    drop(state_dir);
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    let found = reopened(&directory);
    assert_eq!(found.journal.windows, [covered(1), window(2)]);
    assert!(!found.lost);
}

#[test]
fn the_journal_of_a_later_version_is_set_aside() {
    let directory = with(2);
    execute(&directory, "PRAGMA user_version = 2");
    opens_with_a_loss(&directory);
}
