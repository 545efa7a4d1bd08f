//! `SIGHUP`: the configuration is read again. What can be changed while the service runs takes effect at once, what
//! cannot is named in the log; if anything is wrong with it, nothing changes.

use actix::Recipient;
use actors::{fleet_registry, messages::candidates::Configured};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};

use crate::{
    service::open_fleets,
    service_manager,
    settings::{Loaded, Provenance, Settings, Sources},
};

/// The keys that take effect at once. The fleet file and the files of passwords and tokens are read again anyway.
const RELOADED: [&str; 3] = ["cycle.pinned", "fleet.name", "mailservers"];

/// What the service goes by now, and whom it tells.
pub struct Reloader {
    /// Where the settings come from.
    pub sources: Sources,
    /// The values that were read last.
    pub provenance: Vec<Provenance>,
    /// The fleet registry.
    pub registry: Recipient<Configured>,
}

impl Reloader {
    /// Reads the settings again at each `SIGHUP`, until the task is ended.
    #[must_use]
    pub fn at_each_hangup(mut self) -> JoinHandle<()> {
        actix_rt::spawn(async move {
            let mut hangups = match signal(SignalKind::hangup()) {
                Ok(hangups) => hangups,
                Err(error) => return tracing::warn!(%error, "SIGHUP will end the process"),
            };
            while hangups.recv().await.is_some() {
                service_manager::reloading(|| self.reload());
            }
        })
    }

    fn reload(&mut self) {
        let Loaded {
            settings,
            provenance,
        } = match self.load() {
            Ok(loaded) => loaded,
            Err(reason) => {
                tracing::error!(reason, "configuration not read again: all stays as it was");
                return;
            }
        };
        let changes = Changes::between(&self.provenance, &provenance);
        if !changes.taken_over.is_empty() {
            self.registry.do_send(configured(&settings));
        }
        // What needs a restart has not happened yet: it is told again at the next signal.
        self.provenance.retain(|it| !is_reloaded(&it.key));
        let reloaded = provenance.into_iter().filter(|it| is_reloaded(&it.key));
        self.provenance.extend(reloaded);
        changes.tell();
    }

    /// The settings, if they are good.
    fn load(&self) -> Result<Loaded, String> {
        let loaded = Settings::load(&self.sources).map_err(|error| error.to_string())?;
        open_fleets(&loaded.settings).map_err(|failure| failure.to_string())?;
        Ok(loaded)
    }
}

/// What the registry takes over while it runs.
fn configured(settings: &Settings) -> Configured {
    let fleet_registry::Config {
        fleet,
        pinned,
        mailservers,
        discover: _,
    } = settings.registry();
    Configured {
        fleet,
        pinned,
        mailservers,
    }
}

/// Whether a key takes effect at once.
fn is_reloaded(key: &str) -> bool {
    let section = key.split('[').next();
    section.is_some_and(|it| RELOADED.contains(&it))
}

/// What is otherwise than before, by key.
#[derive(Debug, Default, PartialEq, Eq)]
struct Changes {
    taken_over: Vec<String>,
    wants_restart: Vec<String>,
}

impl Changes {
    fn between(old: &[Provenance], new: &[Provenance]) -> Self {
        let value = |all: &[Provenance], key: &str| {
            let found = all.iter().find(|it| it.key == key);
            found.map(|it| it.value.clone())
        };
        let mut keys: Vec<&String> = old.iter().chain(new).map(|it| &it.key).collect();
        keys.sort();
        keys.dedup();
        keys.retain(|key| value(old, key) != value(new, key));
        let (taken_over, wants_restart) =
            keys.into_iter().cloned().partition(|key| is_reloaded(key));
        Self {
            taken_over,
            wants_restart,
        }
    }

    fn tell(&self) {
        if self.taken_over.is_empty() && self.wants_restart.is_empty() {
            tracing::info!("configuration read again: nothing changed");
        }
        if !self.taken_over.is_empty() {
            let keys = self.taken_over.join(", ");
            tracing::info!(keys, "configuration read again, and in effect");
        }
        if !self.wants_restart.is_empty() {
            let keys = self.wants_restart.join(", ");
            tracing::warn!(keys, "changed, but in effect only after a restart");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(values: &[(&str, u32)]) -> Vec<Provenance> {
        let value = |&(key, value): &(&str, u32)| Provenance {
            key: key.to_owned(),
            value: json!(value),
            origin: "file".to_owned(),
        };
        values.iter().map(value).collect()
    }

    #[test]
    fn what_takes_effect_and_what_does_not_are_told_apart() {
        let old = read(&[
            ("cycle.pinned", 1),
            ("cycle.tick", 1),
            ("mailservers[0].id", 1),
        ]);
        let new = read(&[
            ("cycle.pinned", 1),
            ("cycle.tick", 2),
            ("mailservers[0].id", 2),
            ("ping.timeout", 1),
        ]);
        let expected = Changes {
            taken_over: vec!["mailservers[0].id".to_owned()],
            wants_restart: vec!["cycle.tick".to_owned(), "ping.timeout".to_owned()],
        };
        assert_eq!(Changes::between(&old, &new), expected);
        assert_eq!(Changes::between(&new, &new), Changes::default());
    }
}
