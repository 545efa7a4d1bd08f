//! Files that cannot be used are set aside.

use super::*;

#[test]
fn a_damaged_store_is_set_aside_with_one_warning() {
    let directory = with(0..300);
    let path = directory.path().join(FILE);
    let whole = fs::read(&path).unwrap();
    assert!(whole.len() > 40_000);
    let noise: Vec<u8> = (0..50_000_u32)
        .map(|it| (it.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let mut scratched = whole.clone();
    for byte in &mut scratched[8_192..20_000] {
        *byte ^= 0x5a;
    }
    let half = whole[..whole.len() / 2].to_vec();
    let short = whole[..1_000].to_vec();
    for damaged in [noise, scratched, half, short, b"{}".to_vec()] {
        fs::write(&path, &damaged).unwrap();
        opens_with_a_warning(&directory, true);
        let aside = fs::read(directory.path().join("memory.sqlite.corrupt")).unwrap();
        assert!(aside == damaged, "{} bytes", damaged.len());
    }
}

#[test]
fn an_empty_file_is_a_new_store() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join(FILE), "").unwrap();
    let state = state(&directory);
    assert_eq!(
        warnings(|| drop(MemoryStore::open(&state))),
        Vec::<String>::new()
    );
    assert!(!directory.path().join("memory.sqlite.corrupt").exists());
}

#[test]
fn a_store_of_a_later_version_or_of_something_else_is_set_aside() {
    for statement in [
        "PRAGMA user_version = 2",
        "PRAGMA application_id = 0; PRAGMA user_version = 0",
        "PRAGMA application_id = 1",
        "DROP TABLE mailserver; CREATE TABLE mailserver (name TEXT)",
    ] {
        let directory = with([1]);
        execute(&directory, statement);
        opens_with_a_warning(&directory, true);
    }
}

#[test]
fn a_directory_in_its_place_and_a_giant_are_set_aside() {
    let directory = TempDir::new().unwrap();
    fs::create_dir_all(directory.path().join(FILE).join("deep")).unwrap();
    opens_with_a_warning(&directory, true);
    let directory = TempDir::new().unwrap();
    let giant = fs::File::create(directory.path().join(FILE)).unwrap();
    giant.set_len(FORMAT.most_bytes + 1).unwrap();
    opens_with_a_warning(&directory, true);
}
