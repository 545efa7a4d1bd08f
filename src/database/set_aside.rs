//! How an unusable database is moved out of the way.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// What SQLite keeps beside a database, by the end of the name.
const SIBLINGS: [&str; 2] = ["-wal", "-shm"];

/// Moves the database to `*.corrupt`, in place of what was set aside before.
///
/// The siblings go first: a log that stayed behind would be read as part of the next database.
pub(super) fn set_aside(path: &Path) -> io::Result<()> {
    let aside = named(path, ".corrupt");
    for sibling in SIBLINGS {
        // An older log would be read as part of what is set aside now.
        gone(fs::remove_file(named(&aside, sibling)))?;
        gone(fs::rename(named(path, sibling), named(&aside, sibling)))?;
    }
    fs::rename(path, aside)
}

fn gone(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn named(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
