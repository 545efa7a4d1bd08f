//! The sections of the configuration, key for key as in `config/default.toml`.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use actors::{
    auditor,
    connector::{
        self, Readiness,
        crowd::{CrowdRule, CrowdSetting},
        pin::Policy,
    },
    fleet_registry::{self, Discover},
    history_requester, journal, login,
    model::node::SavedMailserver,
    online, selector, supervisor,
    watch::{self, RoundProof},
};
use serde::Deserialize;

use super::{
    history_section::{AuditSection, HistorySection},
    interval::Interval,
};
use crate::{
    control::TokenFile,
    fleets,
    node::{self, LoginConfig, PasswordFile, PasswordHash, Signals},
    probe::{self, Method},
};

/// All settings.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The status-go node that is served.
    pub node: node::Config,
    /// The published mailservers.
    pub fleet: FleetSection,
    /// Custom mailservers, beside those of the fleet and those saved in the node.
    pub mailservers: Vec<SavedMailserver>,
    /// The loop.
    pub cycle: CycleSection,
    /// The ping round.
    pub ping: probe::Config,
    /// The choice.
    pub selector: SelectorSection,
    /// The watch over the active mailserver.
    pub watch: WatchSection,
    /// Requests for missed history.
    pub history: HistorySection,
    /// The second opinion.
    pub audit: AuditSection,
    /// The login of a node that came back logged out.
    pub login: LoginSection,
    /// The control API.
    pub control: ControlSection,
    /// What is kept across restarts.
    pub state: StateSection,
    /// The log.
    pub log: LogSection,
}

impl Settings {
    /// What the supervisor is given: the tick of `[cycle]`; its budget is no knob.
    #[must_use]
    pub fn supervisor(&self) -> supervisor::Config {
        supervisor::Config {
            tick: self.cycle.tick,
            ..supervisor::Config::default()
        }
    }

    /// What the connector is given.
    #[must_use]
    pub fn connector(&self) -> connector::Config {
        connector::Config {
            reactive: self.cycle.reactive,
            pin_policy: self.cycle.pin_policy,
            pin_patience: self.cycle.pin_patience,
            connect_timeout: self.cycle.connect_timeout,
            selection_timeout: selector::decision_limit(self.ping.timeout) + Duration::from_secs(2),
            jitter: self.cycle.jitter,
            crowd: self.crowd(),
            standby: self.selector.standby,
            improve: self.selector.improve,
        }
    }

    /// How the connector tells how many others act at the same moment: by the mailservers that the compiled-in fleet
    /// file names, whatever `fleet.file` names.
    #[must_use]
    pub fn crowd(&self) -> CrowdRule {
        self.fleet.crowd.rule(fleets::published)
    }

    /// What the selector is given.
    #[must_use]
    pub fn selector(&self) -> selector::Config {
        selector::Config {
            pool_fraction: self.selector.pool_fraction,
        }
    }

    /// What the watch is given.
    #[must_use]
    pub fn watch(&self) -> watch::Config {
        watch::Config {
            interval: self.watch.interval.pause(),
            budget: self.watch.budget,
            timeout: self.ping.timeout,
            rounds: match self.ping.method {
                Method::Auto | Method::Libp2p => RoundProof::Life,
                Method::Tcp => RoundProof::Path,
                Method::Node => RoundProof::Nothing,
            },
        }
    }

    /// What the online watch is given.
    #[must_use]
    pub fn online(&self) -> online::Config {
        online::Config {
            timeout: self.ping.timeout,
        }
    }

    /// What the login actor and its adapter are given; `None`: nobody is ever logged in.
    #[must_use]
    pub fn login(&self) -> Option<(login::Config, LoginConfig)> {
        let LoginSection {
            key_uid, data_dir, ..
        } = &self.login;
        let password = self.login.password()?;
        let key_uid = Some(key_uid.clone()).filter(|key_uid| !key_uid.is_empty());
        let data_dir = data_dir.clone();
        Some((
            login::Config { key_uid },
            LoginConfig { data_dir, password },
        ))
    }

    /// What the history requester is given.
    #[must_use]
    pub fn history_requester(&self) -> history_requester::Config {
        history_requester::Config {
            retry_initial: self.history.retry_initial,
            retry_max: self.history.retry_max,
            timeout: self.history.timeout,
        }
    }

    /// What the journal is given.
    #[must_use]
    pub fn journal(&self) -> journal::Config {
        journal::Config {
            overlap: self.history.overlap,
            min_interval: self.history.min_interval,
            audited: self.audit.enabled,
        }
    }

    /// What the auditor is given.
    #[must_use]
    pub fn auditor(&self) -> auditor::Config {
        auditor::Config {
            enabled: self.audit.enabled,
            budget: self.audit.budget.as_u64(),
            sweep: self.history.sweep.pause(),
            in_flight: self.audit.in_flight,
            jitter: self.audit.jitter,
        }
    }

    /// What the registry is given.
    #[must_use]
    pub fn registry(&self) -> fleet_registry::Config {
        fleet_registry::Config {
            fleet: self.fleet.named().map(str::to_owned),
            pinned: self.cycle.pinned.clone(),
            mailservers: self.mailservers.clone(),
            discover: self.fleet.discover,
        }
    }

    /// Whether the host application forwards signals.
    #[must_use]
    pub fn accepts_signals(&self) -> bool {
        self.node.signals == Signals::Push
    }
}

/// The published mailservers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetSection {
    /// Which fleet, or `auto`.
    pub name: String,
    /// Whether peers of the node that speak a store protocol join the list.
    pub discover: Discover,
    /// The file that lists them.
    pub file: PathBuf,
    /// How many others act at the same moment.
    pub crowd: CrowdSetting,
}

impl FleetSection {
    /// The fleet that was named; `None` if it is the node's own setting.
    #[must_use]
    pub fn named(&self) -> Option<&str> {
        (self.name != "auto").then_some(self.name.as_str())
    }
}

/// The loop.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CycleSection {
    /// The heartbeat.
    #[serde(with = "humantime_serde")]
    pub tick: Duration,
    /// Act on a lost mailserver at once, not at the next tick.
    pub reactive: bool,
    /// An id, a peer id, an enode or a multiaddr; empty: the pin saved in the node.
    pub pinned: String,
    /// What happens while the pinned one does not answer.
    pub pin_policy: Policy,
    /// How long the pinned one may be away before another is used.
    #[serde(with = "humantime_serde")]
    pub pin_patience: Duration,
    /// How long a chosen mailserver may take to be connected.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// The longest random pause before a dial that many others are likely to make at the same moment.
    #[serde(with = "humantime_serde")]
    pub jitter: Duration,
}

/// The choice, and who is next.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectorSection {
    /// The part of those that replied from which one is drawn.
    pub pool_fraction: f64,
    /// How ready the next mailserver is kept.
    pub standby: Readiness,
    /// Leave a mailserver that works for one that is much faster.
    pub improve: bool,
}

/// The watch over the active mailserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchSection {
    /// The pause between two probes.
    pub interval: Interval,
    /// The most bytes that the probes may cost in a minute.
    pub budget: u64,
}

/// The login of a node that came back logged out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginSection {
    /// Which account; empty: the only one there is.
    pub key_uid: String,
    /// The node's data directory, as the node sees it.
    pub data_dir: String,
    /// The file that holds the password; empty: nobody is ever logged in.
    pub password_file: PathBuf,
    /// In which form the node knows the password.
    pub password_hash: PasswordHash,
}

impl LoginSection {
    /// The password file; `None` if there is to be no login.
    #[must_use]
    pub fn password(&self) -> Option<PasswordFile> {
        let path = &self.password_file;
        (!path.as_os_str().is_empty()).then(|| PasswordFile::new(path, self.password_hash))
    }
}

/// The control API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlSection {
    /// Where it listens.
    pub listen: Listen,
    /// The file that holds the token; empty: none is wanted, and only loopback is listened on.
    pub token_file: PathBuf,
}

impl ControlSection {
    /// The token file; `None` if no token is wanted.
    #[must_use]
    pub fn token(&self) -> Option<TokenFile> {
        let path = &self.token_file;
        (!path.as_os_str().is_empty()).then(|| TokenFile::new(path))
    }
}

/// Where the control API listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Listen {
    /// Nowhere.
    Off,
    /// On this address; port 0 takes a free one.
    At(SocketAddr),
}

impl Listen {
    /// The address; `None` if it is off.
    #[must_use]
    pub fn address(self) -> Option<SocketAddr> {
        match self {
            Self::Off => None,
            Self::At(address) => Some(address),
        }
    }
}

impl TryFrom<String> for Listen {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let address = text
            .parse()
            .map_err(|_| "expected IP:PORT (as 127.0.0.1:8765 or [::1]:8765) or \"off\"")?;
        Ok(Self::At(address))
    }
}

/// What is kept across restarts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateSection {
    /// Where.
    pub dir: String,
}

/// The log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSection {
    /// For whom it is written.
    pub format: LogFormat,
}

/// For whom the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// People.
    Text,
    /// Machines: one JSON object a line.
    Json,
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use actors::{
        connector::crowd::Crowd,
        model::mailserver::{Identity, Mailserver},
    };

    use super::*;

    fn rule(crowd: CrowdSetting) -> CrowdRule {
        let mut settings = Settings::default();
        settings.fleet.crowd = crowd;
        // It is the compiled-in file that tells what is published.
        settings.fleet.file = "own.json".into();
        settings.crowd()
    }

    #[test]
    fn the_crowd_is_told_by_the_compiled_in_fleets_unless_the_user_tells() {
        let built_in = fleets::parse(fleets::BUILT_IN.as_bytes()).unwrap();
        let auto = rule(CrowdSetting::Auto);
        for fleet in ["status.prod", "status.staging"] {
            let candidates = &built_in.fleets[fleet].mailservers;
            assert_eq!(auto.crowd(candidates), Crowd::Large);
            let small = rule(CrowdSetting::Small);
            assert_eq!(small.crowd(candidates), Crowd::Small);
        }
        let namesake = Mailserver {
            identity: Identity::new("another one under the same name"),
            ..built_in.fleets["status.prod"].mailservers[0].clone()
        };
        assert_eq!(auto.crowd([&namesake]), Crowd::Small);
        let large = rule(CrowdSetting::Large);
        assert_eq!(large.crowd([&namesake]), Crowd::Large);
    }
}
