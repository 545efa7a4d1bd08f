//! Fleet files: where the published mailservers are read from, and how a changed file is noticed.
//!
//! What a file says is read in `format.rs`: both published schemas are understood.

mod format;

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use actors::model::mailserver::Identity;
pub use format::{FormatError, Loaded, MAX_BYTES, Skipped, parse};

/// The fleets that are compiled in, so that the binary runs from any directory.
pub const BUILT_IN: &str = include_str!("../config/fleets.json");

/// The default of `fleet.file`; where no such file exists, [`BUILT_IN`] stands in for it.
pub const DEFAULT_PATH: &str = "config/fleets.json";

/// The mailservers that [`BUILT_IN`] names, of all fleets and networks: those that are built into the apps of everybody.
#[must_use]
pub fn published() -> BTreeSet<Identity> {
    let loaded = parse(BUILT_IN.as_bytes()).expect("the built-in file is good: a test reads it");
    let fleets = loaded.fleets.into_values();
    let mailservers = fleets.flat_map(|fleet| fleet.mailservers);
    mailservers.map(|it| it.identity).collect()
}

/// Where fleets are read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FleetSource {
    /// [`BUILT_IN`].
    BuiltIn,
    /// A file, read again when it changed.
    File(PathBuf),
}

/// Why there are no fleets, or no new ones.
#[derive(Debug, thiserror::Error)]
pub enum FleetFileError {
    /// It is not there, not a regular file, or may not be read.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        reason: io::Error,
    },
    /// It was read, but is no fleet file.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        reason: FormatError,
    },
}

/// Looks after one source: says when there is something new to take over.
#[derive(Debug)]
pub struct FleetWatcher {
    source: FleetSource,
    seen: Option<Stamp>,
}

/// What tells one state of a file from another without reading it. The time of the last change to the
/// inode (`ctime`) is in it too: it shows a file whose permissions were mended, and one put in place
/// with an old modification time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: (u64, u64),
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

// === impl FleetSource ===

impl FleetSource {
    /// What the setting `fleet.file` means: the file, but the built-in fleets if it is the default and
    /// no such file exists. Any other missing file is an error as soon as it is loaded.
    #[must_use]
    pub fn resolve(setting: &Path) -> Self {
        // A file that cannot even be looked for is worth an error, so it counts as one.
        Self::resolve_when(setting, setting.try_exists().unwrap_or(true))
    }

    fn resolve_when(setting: &Path, exists: bool) -> Self {
        if setting == Path::new(DEFAULT_PATH) && !exists {
            Self::BuiltIn
        } else {
            Self::File(setting.to_owned())
        }
    }

    /// Reads and parses.
    ///
    /// # Errors
    ///
    /// See [`FleetFileError`]. Single bad addresses are none: they are in [`Loaded::skipped`].
    pub fn load(&self) -> Result<Loaded, FleetFileError> {
        let (path, bytes) = match self {
            Self::BuiltIn => (
                Path::new("built-in fleets"),
                Ok(BUILT_IN.as_bytes().to_vec()),
            ),
            Self::File(path) => (path.as_path(), read(path)),
        };
        let path = || path.to_owned();
        let bytes = bytes.map_err(|reason| FleetFileError::Unreadable {
            path: path(),
            reason,
        })?;
        parse(&bytes).map_err(|reason| FleetFileError::Malformed {
            path: path(),
            reason,
        })
    }
}

/// Reads one byte more than is allowed at most, for the parser to see that it is too much.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Looked at before it is opened: to open a pipe would block until somebody writes to it.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

// === impl FleetWatcher ===

impl FleetWatcher {
    /// Loads a source and looks after it from then on.
    ///
    /// # Errors
    ///
    /// As [`FleetSource::load`].
    pub fn open(source: FleetSource) -> Result<(Self, Loaded), FleetFileError> {
        // Stamped before it is read: what changes in between is noticed at the next look.
        let seen = Stamp::of(&source);
        let loaded = source.load()?;
        Ok((Self { source, seen }, loaded))
    }

    /// Looks at the file (one system call if it is unchanged) and reads it if it changed since the last
    /// look. To be called every few seconds.
    ///
    /// An error is told once per change: keep the old list and say so. A file that is still being
    /// written is told as an error, and read again once it has changed further.
    pub fn changed(&mut self) -> Option<Result<Loaded, FleetFileError>> {
        let now = Stamp::of(&self.source);
        if now == self.seen {
            return None;
        }
        self.seen = now;
        Some(self.source.load())
    }

    /// What is looked after.
    #[must_use]
    pub fn source(&self) -> &FleetSource {
        &self.source
    }
}

impl Stamp {
    /// `None` while there is no file to look at, and for the built-in fleets.
    fn of(source: &FleetSource) -> Option<Self> {
        let FleetSource::File(path) = source else {
            return None;
        };
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            inode: (metadata.dev(), metadata.ino()),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_mailservers_of_all_built_in_fleets_are_published() {
        let published = published();
        let loaded = parse(BUILT_IN.as_bytes()).unwrap();
        assert!(loaded.skipped.is_empty() && loaded.fleets.len() > 1);
        for (name, fleet) in loaded.fleets {
            let mut mailservers = fleet.mailservers.iter();
            assert!(
                mailservers.all(|it| published.contains(&it.identity)),
                "{name}"
            );
        }
    }

    #[test]
    fn only_the_default_file_has_a_stand_in() {
        let default = Path::new(DEFAULT_PATH);
        let own = Path::new("/etc/fleets.json");
        assert_eq!(
            FleetSource::resolve_when(default, false),
            FleetSource::BuiltIn
        );
        assert_eq!(
            FleetSource::resolve_when(default, true),
            FleetSource::File(default.into())
        );
        assert_eq!(
            FleetSource::resolve_when(own, false),
            FleetSource::File(own.into())
        );
    }
}
