//! Fleet files: those published, the one compiled in, broken ones, and files that change while they are in use.

mod built_in;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use actors::{
    messages::candidates::Fleet,
    model::{
        address::Network,
        mailserver::{Mailserver, Origin},
    },
};
use mailserver_sidecar::fleets::{
    DEFAULT_PATH, FleetFileError, FleetSource, FleetWatcher, FormatError, Loaded, MAX_BYTES, parse,
};
use tempfile::TempDir;

const PEER_1: &str = "16Uiu2HAmDBsnQgvt3guDrFJUjE1Daz6f3wfMA8x49F5NXD4NjE5Z";
const PEER_2: &str = "16Uiu2HAmLuaez7oQZWP7o7JT2CVa6fNxJ1nsZnCADWhe5uKR2JPG";
// === Published files ===

#[test]
fn the_classic_file_of_2021_gives_mailservers_of_both_networks() {
    let loaded = published("fleets-2021-10.json");
    assert_eq!(
        sizes(&loaded.fleets),
        [
            ("eth.prod", 9, 0),
            ("eth.staging", 3, 0),
            ("eth.test", 3, 0),
            // Roles "libp2p" and "websocket" only: nothing says that they keep history.
            ("go-waku.test", 0, 0),
            ("wakuv2.prod", 0, 3),
            ("wakuv2.test", 0, 3),
        ]
    );
    assert_eq!(loaded.skipped, []);

    let first = &loaded.fleets["eth.prod"].mailservers[0];
    assert_eq!(first.id, "mail-01.ac-cn-hongkong-c.eth.prod");
    assert_eq!(first.name, first.id);
    assert_eq!(first.fleet, "eth.prod");
    assert_eq!(first.origin, Origin::Fleet);
    assert!(
        first.address.dial().ends_with("@47.75.247.214:443"),
        "{}",
        first.address
    );
}

#[test]
fn the_classic_file_of_2024_gives_stores_or_the_next_best_role() {
    let loaded = published("fleets-2024.json");
    assert_eq!(
        sizes(&loaded.fleets),
        [
            ("eth.prod", 9, 0),
            ("eth.staging", 3, 0),
            // Enodes under a role of waku2.
            ("notify.prod", 3, 0),
            ("shards.staging", 0, 6),
            ("shards.test", 0, 6),
            ("status.prod", 0, 6),
            ("status.test", 0, 3),
            ("waku.sandbox", 0, 3),
            ("waku.test", 0, 3),
        ]
    );
    assert!(
        ids(&loaded.fleets["shards.test"])
            .iter()
            .all(|id| id.starts_with("store-"))
    );
    assert!(
        ids(&loaded.fleets["status.prod"])
            .iter()
            .all(|id| id.starts_with("node-"))
    );
}

#[test]
fn the_node_schema_of_2026_gives_its_store_nodes() {
    let loaded = published("waku-fleets-config-2026.json");
    assert_eq!(
        sizes(&loaded.fleets),
        [
            ("status.prod", 0, 6),
            ("status.staging", 0, 6),
            ("waku.sandbox", 0, 3)
        ]
    );
    let first = &loaded.fleets["status.prod"].mailservers[0];
    assert_eq!(first.id, "store-01.do-ams3.status.prod");
    // It has an ENR too, but the multiaddr is preferred.
    assert_eq!(first.address.endpoints().len(), 1);
}

#[test]
fn a_store_node_with_an_enr_only_is_used() {
    let loaded = published("waku-fleets-config-local.json");
    let [store] = &loaded.fleets["status-desktop.test"].mailservers[..] else {
        panic!("{loaded:?}");
    };
    assert_eq!(store.id, "store-1");
    assert!(
        store
            .address
            .dial()
            .starts_with("/dns4/store/tcp/60002/p2p/16Uiu2HA"),
        "{}",
        store.address
    );
}

// === What a file may hold ===

#[test]
fn mailservers_keep_the_order_of_the_file() {
    let file = format!(
        r#"{{"fleets": {{"f": {{"waku": {{
            "z": "/ip4/127.0.0.1/tcp/1/p2p/{PEER_1}",
            "a": "/ip4/127.0.0.1/tcp/2/p2p/{PEER_2}"}}}}}}}}"#
    );
    assert_eq!(
        ids(&parse(file.as_bytes()).unwrap().fleets["f"]),
        ["z", "a"]
    );
}

#[test]
fn an_empty_role_is_passed_over() {
    let file = format!(
        r#"{{"fleets": {{"f": {{
            "tcp/p2p/waku/store": {{}},
            "tcp/p2p/waku": {{"b": "/ip4/127.0.0.1/tcp/1/p2p/{PEER_1}"}},
            "waku": {{"c": "/ip4/127.0.0.1/tcp/2/p2p/{PEER_2}"}}}}}}}}"#
    );
    assert_eq!(ids(&parse(file.as_bytes()).unwrap().fleets["f"]), ["b"]);
}

#[test]
fn one_bad_entry_costs_no_other() {
    let file = format!(
        r#"{{
            "comment": "not a fleet",
            "fleets": {{
                "broken": 1,
                "classic": {{"waku": {{"no-id": "/ip4/127.0.0.1/tcp/1", "number": 7,
                                       "good": "/ip4/127.0.0.1/tcp/1/p2p/{PEER_1}"}}}}
            }},
            "node": {{"clusterId": 16, "storeNodes": [
                {{"addr": "/ip4/127.0.0.1/tcp/1/p2p/{PEER_1}"}},
                {{"id": "", "addr": "/ip4/127.0.0.1/tcp/1/p2p/{PEER_1}"}},
                {{"id": "nowhere", "addr": "", "enr": null}},
                {{"id": "udp", "addr": "/ip4/127.0.0.1/udp/1/p2p/{PEER_1}", "enr": "enr:junk"}},
                {{"id": "good", "addr": "/ip4/127.0.0.1/tcp/2/p2p/{PEER_2}", "new": "key"}}
            ]}}
        }}"#
    );
    let loaded = parse(file.as_bytes()).unwrap();
    assert_eq!(ids(&loaded.fleets["classic"]), ["good"]);
    assert_eq!(ids(&loaded.fleets["node"]), ["good"]);

    let skipped: Vec<_> = loaded.skipped.iter().map(ToString::to_string).collect();
    let expected = [
        "fleet comment: invalid type: string \"not a fleet\", expected a fleet",
        "fleet broken: invalid type: integer `1`, expected a map",
        "fleet classic, no-id: peer id missing (…/p2p/<peer id>)",
        "fleet classic, number: invalid type: integer `7`, expected a string",
        "fleet node: missing field `id`",
        "fleet node: id missing",
        "fleet node, nowhere: address missing",
        "fleet node, udp: udp only: no tcp endpoint",
        "fleet node, udp: enr: invalid enr",
    ];
    assert_eq!(skipped.len(), expected.len(), "{skipped:#?}");
    for (found, start) in skipped.iter().zip(expected) {
        assert!(found.starts_with(start), "{found}\n{start}");
    }
}

#[test]
fn a_bad_multiaddr_falls_back_to_the_enr_and_is_told() {
    let local = fs::read_to_string(fixture("waku-fleets-config-local.json")).unwrap();
    let file = local.replace(
        r#""id": "store-1","#,
        r#""id": "store-1", "addr": "/ip4/127.0.0.1","#,
    );
    let loaded = parse(file.as_bytes()).unwrap();
    assert_eq!(ids(&loaded.fleets["status-desktop.test"]), ["store-1"]);
    assert_eq!(loaded.skipped[0].id, "store-1");
}

#[test]
fn what_is_no_fleet_file_is_refused_with_the_reason() {
    for text in ["", "<html>", "[]", "7", r#"{"fleets": {}"#] {
        assert!(
            matches!(parse(text.as_bytes()), Err(FormatError::NotJson(_))),
            "{text}"
        );
    }
    for text in ["{}", r#"{"fleets": 1}"#, r#"{"a": {"b": 1}, "meta": {}}"#] {
        assert!(
            matches!(parse(text.as_bytes()), Err(FormatError::NeitherSchema)),
            "{text}"
        );
    }
    let large = format!("{{\"fleets\":{{}}}}{}", " ".repeat(MAX_BYTES));
    assert!(matches!(
        parse(large.as_bytes()),
        Err(FormatError::TooLarge)
    ));
    assert!(parse(&large.as_bytes()[..MAX_BYTES]).is_ok());
}

// === Sources ===

#[test]
fn a_file_that_is_named_has_to_be_there() {
    // Tests run in the directory of the package, where the default file exists.
    let default = FleetSource::resolve(Path::new(DEFAULT_PATH));
    assert_eq!(default, FleetSource::File(DEFAULT_PATH.into()));

    let missing = PathBuf::from("no/such/fleets.json");
    let source = FleetSource::resolve(&missing);
    assert_eq!(source, FleetSource::File(missing.clone()));
    let error = source.load().unwrap_err();
    assert!(matches!(&error, FleetFileError::Unreadable { path, .. } if *path == missing));
    assert!(
        error
            .to_string()
            .starts_with("no/such/fleets.json: No such file"),
        "{error}"
    );
}

#[test]
fn the_reason_names_the_file() {
    let directory = TempDir::new().unwrap();
    let source = FleetSource::File(directory.path().to_owned());
    let error = source.load().unwrap_err().to_string();
    assert!(error.ends_with(": not a regular file"), "{error}");

    let path = directory.path().join("large.json");
    fs::write(&path, " ".repeat(MAX_BYTES + 1)).unwrap();
    let error = FleetSource::File(path.clone()).load().unwrap_err();
    assert!(matches!(
        &error,
        FleetFileError::Malformed {
            reason: FormatError::TooLarge,
            ..
        }
    ));
    assert!(
        error.to_string().starts_with(&path.display().to_string()),
        "{error}"
    );
}

// === Files that change ===

#[test]
fn a_changed_file_is_read_once() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("fleets.json");
    fs::write(&path, fleet_file("one")).unwrap();
    let (mut watcher, loaded) = FleetWatcher::open(FleetSource::File(path.clone())).unwrap();
    assert_eq!(ids(&loaded.fleets["f"]), ["one"]);
    assert!(watcher.changed().is_none());

    // Written in place.
    fs::write(&path, fleet_file("longer")).unwrap();
    assert_eq!(
        ids(&watcher.changed().unwrap().unwrap().fleets["f"]),
        ["longer"]
    );
    assert!(watcher.changed().is_none());

    // Put in its place, of the same length.
    let beside = directory.path().join("beside.json");
    fs::write(&beside, fleet_file("wander")).unwrap();
    fs::rename(&beside, &path).unwrap();
    assert_eq!(
        ids(&watcher.changed().unwrap().unwrap().fleets["f"]),
        ["wander"]
    );
    assert!(watcher.changed().is_none());
}

#[test]
fn a_broken_or_vanished_file_is_told_once_and_found_again() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("fleets.json");
    fs::write(&path, fleet_file("one")).unwrap();
    let (mut watcher, _) = FleetWatcher::open(FleetSource::File(path.clone())).unwrap();

    fs::write(&path, "{ broken").unwrap();
    let error = watcher.changed().unwrap().unwrap_err();
    assert!(matches!(
        error,
        FleetFileError::Malformed {
            reason: FormatError::NotJson(_),
            ..
        }
    ));
    assert!(watcher.changed().is_none());

    fs::remove_file(&path).unwrap();
    let error = watcher.changed().unwrap().unwrap_err();
    assert!(matches!(error, FleetFileError::Unreadable { .. }));
    assert!(watcher.changed().is_none());

    fs::write(&path, fleet_file("again")).unwrap();
    assert_eq!(
        ids(&watcher.changed().unwrap().unwrap().fleets["f"]),
        ["again"]
    );
}

#[test]
fn the_built_in_fleets_never_change() {
    let (mut watcher, loaded) = FleetWatcher::open(FleetSource::BuiltIn).unwrap();
    assert!(loaded.fleets.contains_key("status.prod"));
    assert!(watcher.changed().is_none());
    assert_eq!(watcher.source(), &FleetSource::BuiltIn);
}

// === Fixtures ===

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/fleets")
        .join(name)
}

fn published(name: &str) -> Loaded {
    FleetSource::File(fixture(name))
        .load()
        .expect("a published file is good")
}

fn fleet_file(id: &str) -> String {
    format!(
        r#"{{"f": {{"storeNodes": [{{"id": "{id}", "addr": "/ip4/127.0.0.1/tcp/1/p2p/{PEER_1}"}}]}}}}"#
    )
}

fn ids(fleet: &Fleet) -> Vec<&str> {
    fleet
        .mailservers
        .iter()
        .map(|mailserver| mailserver.id.as_str())
        .collect()
}

/// Each fleet with the number of its mailservers in waku1 and in waku2.
fn sizes(fleets: &BTreeMap<String, Fleet>) -> Vec<(&str, usize, usize)> {
    let of = |fleet: &Fleet, network| {
        let is_of = |mailserver: &&Mailserver| mailserver.address.network() == network;
        fleet.mailservers.iter().filter(is_of).count()
    };
    fleets
        .iter()
        .map(|(name, fleet)| {
            (
                name.as_str(),
                of(fleet, Network::Waku1),
                of(fleet, Network::Waku2),
            )
        })
        .collect()
}
