//! The settings: layers, origins, and what bad input is told.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{path::PathBuf, time::Duration};

use actors::{
    connector::{Readiness, crowd::CrowdSetting, pin::Policy},
    fleet_registry::Discover,
};
use mailserver_sidecar::{
    node::{ConfiguredMode, Signals},
    probe::Method,
    settings::{DEFAULTS, Listen, MAX_MAILSERVERS, Settings, SettingsError, Sources},
};
use tempfile::TempDir;

const STORE: &str =
    "/ip4/192.0.2.7/tcp/30303/p2p/16Uiu2HAmRUBhDKZTTx1LAZnkEHrVcxvQEUTNSrt15B3wUATo7TvM";

#[test]
fn the_defaults_are_those_of_the_contract() {
    let settings = Settings::default();
    assert_eq!(
        settings.node.rpc_url,
        "http://127.0.0.1:12345/statusgo/CallRPC"
    );
    assert_eq!(
        settings.node.signals,
        Signals::Socket("ws://127.0.0.1:12345/signals".to_owned())
    );
    assert_eq!(settings.node.mode, ConfiguredMode::Auto);
    assert_eq!(settings.node.rpc_timeout, Duration::from_secs(30));
    assert_eq!(settings.node.poll_interval, Duration::from_secs(5));
    assert_eq!(
        (settings.fleet.named(), settings.fleet.file.to_str()),
        (None, Some("config/fleets.json"))
    );
    assert!(settings.mailservers.is_empty());
    assert_eq!(settings.cycle.tick, Duration::from_secs(10));
    assert!(settings.cycle.reactive);
    assert_eq!(settings.cycle.pinned, "");
    assert_eq!(settings.cycle.pin_policy, Policy::Prefer);
    assert_eq!(settings.cycle.pin_patience, Duration::from_secs(5));
    assert_eq!(settings.cycle.connect_timeout, Duration::from_secs(10));
    assert_eq!(settings.ping.method, Method::Auto);
    assert_eq!(settings.ping.timeout, Duration::from_millis(500));
    assert!((settings.selector.pool_fraction - 0.25).abs() < f64::EPSILON);
    assert_eq!(settings.selector.standby, Readiness::Warm);
    assert!(!settings.selector.improve && !settings.ping.identify);
    assert_eq!(
        (
            settings.watch.interval.to_string().as_str(),
            settings.watch.budget
        ),
        ("1s", 65_536)
    );
    assert_eq!(settings.fleet.discover, Discover::Auto);
    assert_eq!(settings.fleet.crowd, CrowdSetting::Auto);
    assert_eq!(settings.cycle.jitter, Duration::from_millis(500));
    assert_eq!(settings.history.retry_initial, Duration::from_secs(2));
    assert_eq!(settings.history.retry_max, Duration::from_secs(120));
    assert_eq!(settings.history.timeout, Duration::from_secs(90));
    assert_eq!(settings.control.listen.to_string(), "127.0.0.1:8765");
    assert_eq!(settings.state.dir, "auto");
}

#[test]
fn a_later_layer_wins_and_every_value_knows_its_origin() {
    let files = Files::new(&[
        "[cycle]\ntick = \"1s\"\npin_patience = \"1s\"\nconnect_timeout = \"1s\"\npinned = \"a\"",
    ]);
    let second =
        files.add("cycle = { pin_patience = \"2s\", connect_timeout = \"2s\", pinned = \"b\" }");
    let loaded = Settings::load(&Sources {
        environment: vec![
            (
                "MAILSERVER_SIDECAR__CYCLE__CONNECT_TIMEOUT".into(),
                "3s".into(),
            ),
            ("MAILSERVER_SIDECAR__CYCLE__PINNED".into(), "007".into()),
            ("MAILSERVER_SIDECARX".into(), "not ours".into()),
        ],
        assignments: vec![
            "cycle.pinned=x".to_owned(),
            "cycle.pinned = 0x04=4".to_owned(),
        ],
        files: files
            .paths
            .iter()
            .cloned()
            .chain([second.clone()])
            .collect(),
    })
    .unwrap();
    let cycle = &loaded.settings.cycle;
    let read = [cycle.tick, cycle.pin_patience, cycle.connect_timeout].map(|value| value.as_secs());
    assert_eq!((read, cycle.pinned.as_str()), ([1, 2, 3], "0x04=4"));
    let origin = |key| {
        &loaded
            .provenance
            .iter()
            .find(|value| value.key == key)
            .unwrap()
            .origin
    };
    assert_eq!(*origin("cycle.reactive"), "default");
    assert_eq!(
        *origin("cycle.tick"),
        format!("file {}", files.paths[0].display())
    );
    assert_eq!(
        *origin("cycle.pin_patience"),
        format!("file {}", second.display())
    );
    assert_eq!(
        *origin("cycle.connect_timeout"),
        "environment variable MAILSERVER_SIDECAR__CYCLE__CONNECT_TIMEOUT"
    );
    assert_eq!(*origin("cycle.pinned"), "--set");
}

#[test]
fn bare_text_takes_the_type_of_the_default() {
    let settings = set(&[
        "cycle.reactive=false",
        "selector.pool_fraction=1",
        "watch.budget=2048",
        "cycle.pinned=true",
        "control.listen=off",
    ]);
    let settings = settings.unwrap();
    assert!(!settings.cycle.reactive);
    assert!((settings.selector.pool_fraction - 1.0).abs() < f64::EPSILON);
    assert_eq!(settings.watch.budget, 2048);
    assert_eq!(settings.cycle.pinned, "true");
    assert_eq!(settings.control.listen, Listen::Off);
    let list = set(&[&format!(
        "mailservers=[{{ id = 'mine', address = '{STORE}', fleet = 'status.prod' }}]"
    )])
    .unwrap();
    assert_eq!(list.mailservers[0].id, "mine");
}

#[test]
fn a_selection_is_not_given_up_while_its_pings_may_still_be_answered() {
    let settings = set(&["ping.timeout=60s"]).unwrap();
    assert!(settings.connector().selection_timeout > settings.ping.timeout);
}

#[test]
fn every_default_is_explained_and_a_copy_of_the_manual_changes_nothing() {
    let files = Files::new(&[DEFAULTS]);
    assert_eq!(files.load().unwrap(), Settings::default());
    let mut explained = false;
    for line in DEFAULTS.lines() {
        assert!(
            explained || line.is_empty() || line.starts_with('#'),
            "no comment goes before {line:?}"
        );
        explained = line.starts_with('#');
    }
}

#[test]
fn errors_name_the_file_the_key_the_value_and_the_reason() {
    for (toml, expected) in [
        ("cycle.tick = \"soon\"", r#"cycle.tick = "soon": "#),
        ("cycle.tick = 10", "cycle.tick = 10: "),
        (
            "cycle.tick = \"1ms\"",
            r#"cycle.tick = "1ms": must be from 100ms to 1h"#,
        ),
        (
            "cycle.tick = \"2h\"",
            r#"cycle.tick = "2h": must be from 100ms to 1h"#,
        ),
        ("cycle.reactive = \"yes\"", r#"cycle.reactive = "yes": "#),
        (
            "cycle.pin_policy = \"maybe\"",
            r#"cycle.pin_policy = "maybe": unknown variant `maybe`, expected `strict` or `prefer`"#,
        ),
        ("cycle = 5", "cycle = 5: is a section"),
        ("cycle.tick.x = 5", "cycle.tick = "),
        (
            "cycle.tock = \"5s\"",
            "unknown key cycle.tock, did you mean cycle.tick?",
        ),
        ("colour = 1", "unknown key colour"),
        (
            "[nodes]\nmode = \"auto\"",
            "unknown key nodes, did you mean node?",
        ),
        ("ping.timeout = \"61s\"", r#"ping.timeout = "61s": "#),
        (
            "selector.pool_fraction = 0",
            "selector.pool_fraction = 0: must be more than 0 and at most 1",
        ),
        (
            "fleet.crowd = \"huge\"",
            r#"fleet.crowd = "huge": unknown variant `huge`, expected one of `auto`, `large`, `small`"#,
        ),
        (
            "selector.pool_fraction = 1.5",
            "selector.pool_fraction = 1.5: must be more",
        ),
        ("selector.pool_fraction = nan", "selector.pool_fraction = "),
        (
            "node.rpc_url = \"localhost:8080\"",
            r#"node.rpc_url = "localhost:8080": "#,
        ),
        (
            "node.rpc_url = \"http://\"",
            r#"node.rpc_url = "http://": "#,
        ),
        (
            "node.signals = \"push it\"",
            r#"node.signals = "push it": "#,
        ),
        (
            "node.signals = \"http://127.0.0.1/\"",
            r#"node.signals = "http://127.0.0.1/": "#,
        ),
        (
            "control.listen = \"8765\"",
            r#"control.listen = "8765": expected IP:PORT"#,
        ),
        (
            "history.retry_max = \"1s\"",
            r#"history.retry_max = "1s": must be from 2s to 1day"#,
        ),
        (
            "log.format = \"xml\"",
            r#"log.format = "xml": unknown variant `xml`, expected `text` or `json`"#,
        ),
        ("fleet.name = \"\"", r#"fleet.name = "": is empty"#),
        ("state.dir = \"\"", r#"state.dir = "": is empty"#),
        ("mailservers = \"mine\"", r#"mailservers = "mine": "#),
        (
            "[[mailservers]]\nid = \"a\"\nfleet = \"f\"",
            "mailservers[0] = …: missing field `address`",
        ),
        (
            "[[mailservers]]\nid = \"a\"\nfleet = \"f\"\naddress = \"a\"\nport = 1",
            "mailservers[0].port = 1: unknown field `port`",
        ),
        (
            "[[mailservers]]\nid = 5\nfleet = \"f\"\naddress = \"a\"",
            "mailservers[0].id = 5: ",
        ),
        (
            "[[mailservers]]\nid = \" \"\nfleet = \"f\"\naddress = \"a\"",
            r#"mailservers[0].id = " ": is empty"#,
        ),
        (
            "[[mailservers]]\nid = \"a\"\nfleet = \"f\"\naddress = \"nowhere\"",
            r#"mailservers[0].address = "nowhere": "#,
        ),
    ] {
        let files = Files::new(&[toml]);
        let message = files.load().expect_err(toml).to_string();
        let expected = format!("file {}: {expected}", files.paths[0].display());
        assert!(
            message.starts_with(&expected),
            "{toml}:\n  {message}\n  {expected}"
        );
    }
}

#[test]
fn a_bad_variable_or_assignment_is_named_too() {
    let message = set(&["ping.timeout=never"]).unwrap_err().to_string();
    assert!(
        message.starts_with(r#"--set: ping.timeout = "never": "#),
        "{message}"
    );
    let message = set(&["ping.tiemout=1s"]).unwrap_err().to_string();
    assert_eq!(
        message,
        "--set: unknown key ping.tiemout, did you mean ping.timeout?"
    );
    let message = set(&["ping.timeout"]).unwrap_err().to_string();
    assert_eq!(message, "--set ping.timeout: not of the form KEY=VALUE");
    let message = set(&["ping=1"]).unwrap_err().to_string();
    assert_eq!(message, r#"--set: ping = "1": is a section, not a value"#);
    let environment = vec![("MAILSERVER_SIDECAR__CYCLE__TOCK".into(), "5s".into())];
    let message = Settings::load(&Sources {
        environment,
        ..Sources::default()
    })
    .unwrap_err()
    .to_string();
    assert!(
        message.starts_with(
            "environment variable MAILSERVER_SIDECAR__CYCLE__TOCK: unknown key cycle.tock"
        ),
        "{message}"
    );
}

#[test]
fn a_file_that_is_missing_or_not_toml_is_named() {
    let files = Files::new(&["[cycle"]);
    let message = files.load().unwrap_err().to_string();
    assert!(
        message.starts_with(&format!("file {}: ", files.paths[0].display())),
        "{message}"
    );
    assert!(message.contains("line 1"), "{message}");
    let missing = PathBuf::from("there/is/no/such.toml");
    let sources = Sources {
        files: vec![missing],
        ..Sources::default()
    };
    let error = Settings::load(&sources).unwrap_err();
    assert!(
        matches!(&error, SettingsError::Unreadable { file, .. } if file == "there/is/no/such.toml"),
        "{error}"
    );
}

#[test]
fn custom_mailservers_have_an_id_each_and_are_not_too_many() {
    let entry = |id: usize| {
        format!("[[mailservers]]\nid = \"{id}\"\nfleet = \"f\"\naddress = \"{STORE}\"\n")
    };
    let some = |ids: &mut dyn Iterator<Item = usize>| {
        Files::new(&[&ids.map(entry).collect::<String>()]).load()
    };
    assert_eq!(
        some(&mut (0..MAX_MAILSERVERS)).unwrap().mailservers.len(),
        MAX_MAILSERVERS
    );
    let message = some(&mut (0..=MAX_MAILSERVERS)).unwrap_err().to_string();
    assert!(
        message.contains("mailservers = …: 257 are too many: at most 256"),
        "{message}"
    );
    let message = some(&mut [1, 2, 1].into_iter()).unwrap_err().to_string();
    assert!(
        message.contains(r#"mailservers[2].id = "1": is the id of another mailserver already"#),
        "{message}"
    );
}

#[cfg(not(feature = "tls"))]
#[test]
fn tls_urls_say_that_they_need_another_build() {
    for assignment in [
        "node.rpc_url=https://127.0.0.1/",
        "node.signals=wss://127.0.0.1/",
    ] {
        let message = set(&[assignment]).unwrap_err().to_string();
        assert!(
            message.contains("needs a build with the feature \"tls\""),
            "{message}"
        );
    }
}

fn set(assignments: &[&str]) -> Result<Settings, SettingsError> {
    let assignments = assignments.iter().map(|text| (*text).to_owned()).collect();
    let sources = Sources {
        assignments,
        ..Sources::default()
    };
    Settings::load(&sources).map(|loaded| loaded.settings)
}

struct Files {
    directory: TempDir,
    paths: Vec<PathBuf>,
}

impl Files {
    fn new(texts: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut files = Self {
            directory,
            paths: Vec::new(),
        };
        files.paths = texts.iter().map(|text| files.add(text)).collect();
        files
    }

    fn add(&self, toml: &str) -> PathBuf {
        let count = std::fs::read_dir(self.directory.path()).unwrap().count();
        let path = self.directory.path().join(format!("{count}.toml"));
        std::fs::write(&path, toml).unwrap();
        path
    }

    fn load(&self) -> Result<Settings, SettingsError> {
        let sources = Sources {
            files: self.paths.clone(),
            ..Sources::default()
        };
        Settings::load(&sources).map(|loaded| loaded.settings)
    }
}
