//! The state directory: what survives a restart of the sidecar, and the lock that keeps two of them
//! from driving one node against each other.
//!
//! Files are replaced whole: written beside, synced, renamed. One that cannot be read is set aside as
//! `*.corrupt` and the sidecar goes on without it: a lost pin is better than a node left alone.

mod file;
mod location;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use actors::messages::candidates::Saved;
use serde::{Serialize, de::DeserializeOwned};

pub use self::file::MAX_BYTES;
use crate::node::PinRecord;

const LOCK: &str = "lock";
const REGISTRY: &str = "registry.json";
const PIN: &str = "pin.json";

/// An open state directory. It is locked until this is dropped.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    _lock: File,
}

/// Why state cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The setting is `auto` and the environment names no directory.
    #[error("none of STATE_DIRECTORY, XDG_STATE_HOME and HOME names a directory: set state.dir")]
    NoDirectory,
    /// Another sidecar has it.
    #[error("{}: in use by another sidecar: give each a state.dir of its own", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The system refuses.
    #[error("{}: {reason}", path.display())]
    Unusable {
        /// The directory or the file in it.
        path: PathBuf,
        /// What the system says.
        #[source]
        reason: io::Error,
    },
    /// More than [`MAX_BYTES`] would have to be kept.
    #[error("{}: {bytes} bytes, more than the {MAX_BYTES} that are kept", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The size it would have.
        bytes: usize,
    },
}

impl StateDir {
    /// Finds, creates (for this user only) and locks the directory that the setting `state.dir` means.
    ///
    /// `auto` is `$STATE_DIRECTORY` (set by systemd), else `$XDG_STATE_HOME/mailserver-sidecar`, else
    /// `$HOME/.local/state/mailserver-sidecar`; `env` looks a variable up.
    ///
    /// # Errors
    ///
    /// All of [`StateError`] but `TooLarge`.
    pub fn open(setting: &str, env: impl Fn(&str) -> Option<OsString>) -> Result<Self, StateError> {
        let path = location::find(setting, env).ok_or(StateError::NoDirectory)?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(unusable(&path))?;
        let lock_path = path.join(LOCK);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(unusable(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StateError::Locked { path }),
            Err(TryLockError::Error(reason)) => Err(StateError::Unusable {
                path: lock_path,
                reason,
            }),
        }
    }

    /// Looks at what [`Self::load_registry`] would load, without the lock and without a trace: also while
    /// a sidecar runs, which replaces its files whole.
    ///
    /// # Errors
    ///
    /// `NoDirectory`; `Unusable` for a file that is there and cannot be read.
    pub fn peek_registry(
        setting: &str,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Saved, StateError> {
        let directory = location::find(setting, env).ok_or(StateError::NoDirectory)?;
        let path = directory.join(REGISTRY);
        match file::read_json(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Saved::default()),
            read => read.map_err(unusable(&path)),
        }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The custom mailservers and the pin that were set by hand; nothing if none were.
    #[must_use]
    pub fn load_registry(&self) -> Saved {
        self.load(REGISTRY)
    }

    /// Keeps them.
    ///
    /// # Errors
    ///
    /// `Unusable`, `TooLarge`; what was kept before is still there then.
    pub fn save_registry(&self, saved: &Saved) -> Result<(), StateError> {
        self.save(REGISTRY, saved)
    }

    /// For each fleet the pin that the sidecar itself has set last in a node with a cycle of its own.
    #[must_use]
    pub fn load_pin(&self) -> BTreeMap<String, PinRecord> {
        self.load(PIN)
    }

    /// Keeps them.
    ///
    /// # Errors
    ///
    /// As [`StateDir::save_registry`].
    pub fn save_pin(&self, pin: &BTreeMap<String, PinRecord>) -> Result<(), StateError> {
        self.save(PIN, pin)
    }

    fn load<T: DeserializeOwned + Default>(&self, name: &str) -> T {
        let path = self.path.join(name);
        let value = match file::read_json(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return T::default(),
            value => value,
        };
        value.unwrap_or_else(|reason| {
            let kept = fs::rename(&path, self.path.join(format!("{name}.corrupt")));
            tracing::warn!(
                file = %path.display(),
                %reason,
                set_aside = kept.is_ok(),
                "state file unreadable, starting without it"
            );
            T::default()
        })
    }

    fn save<T: Serialize>(&self, name: &str, value: &T) -> Result<(), StateError> {
        let path = self.path.join(name);
        let mut bytes = serde_json::to_vec_pretty(value)
            .map_err(io::Error::from)
            .map_err(unusable(&path))?;
        bytes.push(b'\n');
        if bytes.len() > MAX_BYTES {
            return Err(StateError::TooLarge {
                path,
                bytes: bytes.len(),
            });
        }
        // One name is enough, and a crash leaves one file at most: the lock makes this the only writer.
        let beside = self.path.join(format!("{name}.new"));
        file::write_synced(&beside, &bytes).map_err(unusable(&beside))?;
        fs::rename(&beside, &path).map_err(unusable(&path))?;
        // The name is in the directory, which has to reach the disk too.
        File::open(&self.path)
            .and_then(|directory| directory.sync_all())
            .map_err(unusable(&self.path))
    }
}

fn unusable(path: &Path) -> impl FnOnce(io::Error) -> StateError {
    let path = path.to_owned();
    move |reason| StateError::Unusable { path, reason }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use actors::{messages::candidates::SavedPin, model::node::SavedMailserver};
    use tempfile::TempDir;

    use super::*;

    fn no_env(_: &str) -> Option<OsString> {
        None
    }

    fn open(directory: &TempDir) -> Result<StateDir, StateError> {
        StateDir::open(
            directory.path().join("deep/state").to_str().unwrap(),
            no_env,
        )
    }

    fn saved() -> Saved {
        Saved {
            added: vec![SavedMailserver {
                id: "mine".into(),
                name: "My store".into(),
                address: "/dns4/store.example.org/tcp/30303/p2p/16Uiu2HAm".into(),
                fleet: "status.prod".into(),
            }],
            pin: SavedPin::To("mine".into()),
        }
    }

    #[test]
    fn what_is_saved_is_there_after_a_restart() {
        let directory = TempDir::new().unwrap();
        let record = PinRecord {
            set: "store-01".to_owned(),
            replaced: None,
            perhaps: Vec::new(),
        };
        let pin = BTreeMap::from([("status.prod".to_owned(), record)]);

        let first = open(&directory).unwrap();
        assert_eq!(first.load_registry(), Saved::default());
        assert_eq!(first.load_pin(), BTreeMap::new());
        first.save_registry(&Saved::default()).unwrap();
        first.save_registry(&saved()).unwrap();
        first.save_pin(&pin).unwrap();
        drop(first);

        let second = open(&directory).unwrap();
        assert_eq!(second.load_registry(), saved());
        assert_eq!(second.load_pin(), pin);
    }

    #[test]
    fn one_sidecar_each() {
        let directory = TempDir::new().unwrap();
        let first = open(&directory).unwrap();
        let refused = open(&directory).unwrap_err();
        assert!(matches!(&refused, StateError::Locked { path } if path == first.path()));
        assert!(refused.to_string().contains("deep/state"), "{refused}");
        drop(first);
        open(&directory).unwrap();
    }

    #[test]
    fn a_look_needs_no_lock_and_leaves_no_trace() {
        let directory = TempDir::new().unwrap();
        let setting = directory.path().join("deep/state");
        let peek = || StateDir::peek_registry(setting.to_str().unwrap(), no_env);
        assert_eq!(peek().unwrap(), Saved::default());
        assert!(!setting.exists());
        let running = open(&directory).unwrap();
        running.save_registry(&saved()).unwrap();
        assert_eq!(peek().unwrap(), saved());
        fs::write(setting.join(REGISTRY), "[1]").unwrap();
        let refused = peek().unwrap_err();
        assert!(refused.to_string().contains(REGISTRY), "{refused}");
        assert!(setting.join(REGISTRY).exists());
    }

    #[test]
    fn only_this_user_may_look_inside() {
        let directory = TempDir::new().unwrap();
        let state = open(&directory).unwrap();
        state.save_registry(&saved()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(state.path()), 0o700);
        assert_eq!(mode(&state.path().join(REGISTRY)), 0o600);
    }

    #[test]
    fn a_corrupt_file_is_set_aside_and_never_fatal() {
        let directory = TempDir::new().unwrap();
        let state = open(&directory).unwrap();
        let large = " ".repeat(MAX_BYTES + 1);
        for corrupt in [
            "",
            "{\"added\": [",
            "[1]",
            "{\"unknown\": 1}",
            large.as_str(),
        ] {
            fs::write(state.path().join(REGISTRY), corrupt).unwrap();
            assert_eq!(state.load_registry(), Saved::default());
            let aside = fs::read_to_string(state.path().join("registry.json.corrupt")).unwrap();
            assert!(aside == corrupt, "{} bytes", corrupt.len());
            assert!(!state.path().join(REGISTRY).exists());
        }
        state.save_registry(&saved()).unwrap();
        assert_eq!(state.load_registry(), saved());
    }

    #[test]
    fn a_refused_save_keeps_what_was_there() {
        let directory = TempDir::new().unwrap();
        let state = open(&directory).unwrap();
        state.save_registry(&saved()).unwrap();
        let large = Saved {
            pin: SavedPin::To("x".repeat(MAX_BYTES)),
            ..saved()
        };
        assert!(matches!(
            state.save_registry(&large),
            Err(StateError::TooLarge { .. })
        ));
        // A directory in the place of the file to be written.
        fs::create_dir(state.path().join("registry.json.new")).unwrap();
        assert!(matches!(
            state.save_registry(&Saved::default()),
            Err(StateError::Unusable { .. })
        ));
        assert_eq!(state.load_registry(), saved());
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("deep"), "a file").unwrap();
        let refused = open(&directory).unwrap_err();
        assert!(matches!(refused, StateError::Unusable { .. }));
        assert!(refused.to_string().contains("deep/state: "), "{refused}");
    }
}
