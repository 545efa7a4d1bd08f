//! `SIGHUP`: the configuration is read again. What can be changed while the service runs takes effect at once, what
//! cannot is named in the log; if anything is wrong with it, nothing changes.

use std::net::SocketAddr;

use actix::Recipient;
use actors::{fleet_registry, messages::candidates::Configured};
use secrecy::SecretString;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};

use crate::{
    control::{Gate, is_open_to_others},
    service::{control_token, open_fleets},
    service_manager,
    settings::{Loaded, Provenance, Settings, Sources},
};

/// The keys that the registry takes over at once. The fleet file and that of the password are read again anyway.
const REGISTRY: [&str; 3] = ["cycle.pinned", "fleet.name", "mailservers"];

/// The key of the token, which the gate of the control API takes over at once.
const TOKEN: &str = "control.token_file";

/// What the service goes by now, and whom it tells.
pub struct Reloader {
    /// Where the settings come from.
    pub sources: Sources,
    /// The values that were read last.
    pub provenance: Vec<Provenance>,
    /// The fleet registry.
    pub registry: Recipient<Configured>,
    /// Who may ask the control API.
    pub gate: Gate,
    /// Where the control API listens, whatever the settings say by now.
    pub address: Option<SocketAddr>,
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
        let (loaded, token) = match self.load() {
            Ok(good) => good,
            Err(reason) => {
                tracing::error!(reason, "configuration not read again: all stays as it was");
                return;
            }
        };
        // The settings may have another address by now, but it is this one that is open until a restart: without a token
        // everybody could ask there.
        let token_stays = token.is_none() && is_open_to_others(self.address);
        let in_effect = |key: &str| is_of_registry(key) || (key == TOKEN && !token_stays);
        let mut changes = Changes::between(&self.provenance, &loaded.provenance, in_effect);
        if changes.taken_over.iter().any(|key| is_of_registry(key)) {
            self.registry.do_send(configured(&loaded.settings));
        }
        if !token_stays && self.gate.change(token.as_ref()) {
            changes.take_over(TOKEN);
        }
        // What needs a restart has not happened yet: it is told again at the next signal.
        self.provenance.retain(|it| !in_effect(&it.key));
        let now = loaded
            .provenance
            .into_iter()
            .filter(|it| in_effect(&it.key));
        self.provenance.extend(now);
        changes.tell();
    }

    /// The settings and the token of the control API, if they are good.
    fn load(&self) -> Result<(Loaded, Option<SecretString>), String> {
        let loaded = Settings::load(&self.sources).map_err(|error| error.to_string())?;
        open_fleets(&loaded.settings).map_err(|failure| failure.to_string())?;
        let token = control_token(&loaded.settings).map_err(|failure| failure.to_string())?;
        Ok((loaded, token))
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

/// Whether the registry takes over what a key says.
fn is_of_registry(key: &str) -> bool {
    let section = key.split('[').next();
    section.is_some_and(|it| REGISTRY.contains(&it))
}

/// What is otherwise than before, by key.
#[derive(Debug, Default, PartialEq, Eq)]
struct Changes {
    taken_over: Vec<String>,
    wants_restart: Vec<String>,
}

impl Changes {
    fn between(old: &[Provenance], new: &[Provenance], in_effect: impl Fn(&str) -> bool) -> Self {
        let value = |all: &[Provenance], key: &str| {
            let found = all.iter().find(|it| it.key == key);
            found.map(|it| it.value.clone())
        };
        let mut keys: Vec<&String> = old.iter().chain(new).map(|it| &it.key).collect();
        keys.sort();
        keys.dedup();
        keys.retain(|key| value(old, key) != value(new, key));
        let (taken_over, wants_restart) = keys.into_iter().cloned().partition(|key| in_effect(key));
        Self {
            taken_over,
            wants_restart,
        }
    }

    /// What this key says, or names, is in effect too.
    fn take_over(&mut self, key: &str) {
        if !self.taken_over.iter().any(|it| it == key) {
            self.taken_over.push(key.to_owned());
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
        assert_eq!(Changes::between(&old, &new, is_of_registry), expected);
        assert_eq!(
            Changes::between(&new, &new, is_of_registry),
            Changes::default()
        );
    }
}
