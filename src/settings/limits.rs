//! Which values are good: ranges, URLs, and what must fit together.

use std::{collections::BTreeSet, fmt::Display, ops::RangeInclusive, path::Path, time::Duration};

use actors::{fleet_registry::MOST_CUSTOM, model::address::Address};
use bytesize::ByteSize;

use super::{LoginSection, Settings};
use crate::{
    control::is_open_to_others,
    node::{CALL_RPC, Invalid, check_range},
};

/// The most custom mailservers that a configuration may name: each costs one ping in every round.
pub const MAX_MAILSERVERS: usize = MOST_CUSTOM;

/// Names longer than this are mistakes.
const MAX_NAME_BYTES: usize = 256;

/// Bytes per minute: less would not pay for a probe, more is no bound.
const BUDGET: RangeInclusive<u64> = 1024..=1_000_000_000;

/// Bytes per hour: less would not pay for an audit, more is no bound.
const AUDIT_BUDGET: RangeInclusive<u64> = 64 << 10..=1 << 40;

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
    login(settings)?;
    control(settings)?;
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
    let budget = settings.audit.budget;
    if !AUDIT_BUDGET.contains(&budget.as_u64()) {
        let (least, most) = (
            ByteSize(*AUDIT_BUDGET.start()),
            ByteSize(*AUDIT_BUDGET.end()),
        );
        let reason = format!("must be {least} to {most}");
        return Err(Violation::new("audit.budget", reason));
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
    check_range("history.timeout", history.timeout, tenth..=HOUR)?;
    check_range("history.overlap", history.overlap, Duration::ZERO..=HOUR)?;
    check_range("history.min_interval", history.min_interval, SECOND..=HOUR)?;
    match history.sweep.pause() {
        Some(sweep) => check_range("history.sweep", sweep, 60 * SECOND..=24 * HOUR),
        None => Ok(()),
    }
}

/// What a login needs must be there as a whole, or not at all.
fn login(settings: &Settings) -> Result<(), Violation> {
    let LoginSection {
        key_uid, data_dir, ..
    } = &settings.login;
    if settings.login.password().is_none() {
        let alone = [("login.key_uid", key_uid), ("login.data_dir", data_dir)];
        return match alone.into_iter().find(|(_, value)| !value.is_empty()) {
            Some((key, _)) => Err(Violation::new(
                key,
                "is set, but login.password_file is not",
            )),
            None => Ok(()),
        };
    }
    if !key_uid.is_empty() && !is_key_uid(key_uid) {
        let reason = "must be 0x and 64 hexadecimal digits, or empty";
        return Err(Violation::new("login.key_uid", reason));
    }
    if !Path::new(data_dir).is_absolute() {
        let reason =
            "must be the node's data directory, from the root on, as login.password_file is set";
        return Err(Violation::new("login.data_dir", reason));
    }
    if !settings.node.rpc_url.ends_with(CALL_RPC) {
        let reason = format!(
            "must end in {CALL_RPC}, as login.password_file is set: only status-backend can be logged in"
        );
        return Err(Violation::new("node.rpc_url", reason));
    }
    Ok(())
}

/// Only this machine may ask without showing a token.
fn control(settings: &Settings) -> Result<(), Violation> {
    let far = is_open_to_others(settings.control.listen.address());
    match far && settings.control.token().is_none() {
        true => Err(Violation::new(
            "control.listen",
            "is not loopback: control.token_file must name a file with a token",
        )),
        false => Ok(()),
    }
}

fn is_key_uid(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or_default();
    digits.len() == 64 && digits.bytes().all(|it| it.is_ascii_hexdigit())
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

#[cfg(test)]
mod tests {
    use actors::login;

    use super::*;
    use crate::settings::Sources;

    const KEY: &str = "0x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn with(assignments: &[&str]) -> Result<Settings, String> {
        let sources = Sources {
            assignments: assignments.iter().map(|it| (*it).to_owned()).collect(),
            ..Sources::default()
        };
        let loaded = Settings::load(&sources).map_err(|error| error.to_string())?;
        Ok(loaded.settings)
    }

    #[test]
    fn nobody_is_logged_in_unless_a_password_file_is_named() {
        assert_eq!(Settings::default().login(), None);
        assert_eq!(with(&["login.password_hash=keccak"]).unwrap().login(), None);
        for (key, value) in [("key_uid", KEY), ("data_dir", "/data")] {
            let refused = with(&[&format!("login.{key}={value}")]).unwrap_err();
            let expected =
                format!("--set: login.{key} = \"{value}\": is set, but login.password_file is not");
            assert_eq!(refused, expected);
        }
    }

    #[test]
    fn an_address_that_is_not_loopback_wants_a_token() {
        for near in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "off"] {
            assert!(with(&[&format!("control.listen={near}")]).is_ok());
        }
        for far in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "[2001:db8::1]:1"] {
            let listen = format!("control.listen={far}");
            let refused = with(&[&listen]).unwrap_err();
            let told =
                format!("--set: control.listen = \"{far}\": is not loopback: control.token_file");
            assert!(refused.starts_with(&told), "{refused}");
            let settings = with(&[&listen, "control.token_file=t"]).unwrap();
            let token = settings.control.token().unwrap();
            assert_eq!(token.path(), Path::new("t"));
        }
        assert_eq!(Settings::default().control.token(), None);
    }

    #[test]
    fn a_login_knows_the_account_the_directory_and_the_node() {
        let on = ["login.password_file=p", "login.data_dir=/data"];
        let (account, adapter) = with(&on).unwrap().login().unwrap();
        assert_eq!(account, login::Config { key_uid: None });
        assert_eq!(adapter.data_dir, "/data");
        let key = format!("login.key_uid={KEY}");
        let named = with(&[on[0], on[1], &key]).unwrap().login().unwrap().0;
        assert_eq!(named.key_uid.as_deref(), Some(KEY));
        for (wrong, told) in [
            ("login.data_dir=data", "login.data_dir = \"data\": must be"),
            ("login.data_dir=", "login.data_dir = \"\": must be"),
            ("login.key_uid=0x12", "login.key_uid = \"0x12\": must be"),
            (&key[..key.len() - 1], "64 hexadecimal digits"),
            (&key.replace("=0x", "=0y"), "64 hexadecimal digits"),
            (&key.replace("ff", "fg"), "64 hexadecimal digits"),
            (
                "node.rpc_url=http://127.0.0.1:8545/",
                "must end in /statusgo/CallRPC",
            ),
            ("login.password_hash=md5", "unknown variant"),
        ] {
            let refused = with(&[on[0], on[1], wrong]).unwrap_err();
            assert!(refused.contains(told), "{wrong}: {refused}");
        }
    }
}
