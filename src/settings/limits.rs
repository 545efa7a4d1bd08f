//! Which values are good: ranges, URLs, and what must fit together.

use std::{collections::BTreeSet, fmt::Display, ops::RangeInclusive, time::Duration};

use actors::{fleet_registry::MOST_CUSTOM, model::address::Address};

use super::Settings;
use crate::node::{Invalid, check_range};

/// The most custom mailservers that a configuration may name: each costs one ping in every round.
pub const MAX_MAILSERVERS: usize = MOST_CUSTOM;

/// Names longer than this are mistakes.
const MAX_NAME_BYTES: usize = 256;

/// Bytes per minute: less would not pay for a probe, more is no bound.
const BUDGET: RangeInclusive<u64> = 1024..=1_000_000_000;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A value that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// The key with its section.
    pub(super) key: String,
    /// What is wrong with the value.
    pub(super) reason: String,
}

impl Violation {
    fn new(key: impl Into<String>, reason: impl Display) -> Self {
        Self {
            key: key.into(),
            reason: reason.to_string(),
        }
    }
}

impl From<Invalid> for Violation {
    fn from(invalid: Invalid) -> Self {
        Self::new(invalid.key, invalid.reason)
    }
}

/// Checks everything that the types do not say.
pub(super) fn check(settings: &Settings) -> Result<(), Violation> {
    settings.node.validate()?;
    settings.ping.validate()?;
    durations(settings)?;
    if settings.fleet.name.is_empty() {
        return Err(Violation::new(
            "fleet.name",
            "is empty: name a fleet, or \"auto\"",
        ));
    }
    if settings.fleet.file.as_os_str().is_empty() {
        return Err(Violation::new("fleet.file", "is empty"));
    }
    let fraction = settings.selector.pool_fraction;
    if !(fraction > 0.0 && fraction <= 1.0) {
        return Err(Violation::new(
            "selector.pool_fraction",
            "must be more than 0 and at most 1",
        ));
    }
    let budget = settings.watch.budget;
    if !BUDGET.contains(&budget) {
        let (least, most) = (BUDGET.start(), BUDGET.end());
        let reason = format!("must be {least} to {most}");
        return Err(Violation::new("watch.budget", reason));
    }
    if settings.state.dir.is_empty() {
        return Err(Violation::new(
            "state.dir",
            "is empty: name a directory, or \"auto\"",
        ));
    }
    mailservers(settings)
}

fn durations(settings: &Settings) -> Result<(), Invalid> {
    let tenth = Duration::from_millis(100);
    let Settings { cycle, history, .. } = settings;
    check_range("cycle.tick", cycle.tick, tenth..=HOUR)?;
    check_range(
        "cycle.pin_patience",
        cycle.pin_patience,
        Duration::ZERO..=HOUR,
    )?;
    check_range(
        "cycle.connect_timeout",
        cycle.connect_timeout,
        tenth..=600 * SECOND,
    )?;
    check_range("cycle.jitter", cycle.jitter, Duration::ZERO..=60 * SECOND)?;
    if let Some(interval) = settings.watch.interval.pause() {
        check_range("watch.interval", interval, tenth..=HOUR)?;
    }
    check_range(
        "history.retry_initial",
        history.retry_initial,
        Duration::from_millis(10)..=HOUR,
    )?;
    check_range(
        "history.retry_max",
        history.retry_max,
        history.retry_initial..=24 * HOUR,
    )?;
    check_range("history.timeout", history.timeout, tenth..=HOUR)
}

fn mailservers(settings: &Settings) -> Result<(), Violation> {
    let all = &settings.mailservers;
    if all.len() > MAX_MAILSERVERS {
        let reason = format!("{} are too many: at most {MAX_MAILSERVERS}", all.len());
        return Err(Violation::new("mailservers", reason));
    }
    let mut seen = BTreeSet::new();
    for (index, mailserver) in all.iter().enumerate() {
        let key = |field| format!("mailservers[{index}].{field}");
        for (field, text) in [("id", &mailserver.id), ("fleet", &mailserver.fleet)] {
            if text.trim().is_empty() {
                return Err(Violation::new(key(field), "is empty"));
            }
        }
        for (field, text) in [
            ("id", &mailserver.id),
            ("fleet", &mailserver.fleet),
            ("name", &mailserver.name),
        ] {
            if text.len() > MAX_NAME_BYTES {
                return Err(Violation::new(
                    key(field),
                    format!("is longer than {MAX_NAME_BYTES} bytes"),
                ));
            }
        }
        if !seen.insert(&mailserver.id) {
            return Err(Violation::new(
                key("id"),
                "is the id of another mailserver already",
            ));
        }
        if let Err(error) = mailserver.address.parse::<Address>() {
            return Err(Violation::new(key("address"), error));
        }
    }
    Ok(())
}
