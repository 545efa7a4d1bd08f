//! The file that is compiled in, against what nodes of all generations have built in.

use actors::messages::candidates::Fleet;
use mailserver_sidecar::fleets::{BUILT_IN, FleetSource, parse};

use crate::{ids, published, sizes};

/// The hosts of the stores of a Status fleet, in the order in which nodes list them.
const STORES: [&str; 6] = [
    "store-01.do-ams3",
    "store-02.do-ams3",
    "store-01.gc-us-central1-a",
    "store-02.gc-us-central1-a",
    "store-01.ac-cn-hongkong-c",
    "store-02.ac-cn-hongkong-c",
];

/// The hosts of a fleet of the Waku network, likewise.
const NODES: [&str; 3] = [
    "node-01.ac-cn-hongkong-c",
    "node-01.do-ams3",
    "node-01.gc-us-central1-a",
];

#[test]
fn the_built_in_file_serves_nodes_of_all_generations() {
    let loaded = FleetSource::BuiltIn.load().unwrap();
    assert_eq!(loaded, parse(BUILT_IN.as_bytes()).unwrap());
    assert_eq!(loaded.skipped, []);
    assert_eq!(
        sizes(&loaded.fleets),
        [
            ("eth.prod", 9, 0),
            ("eth.staging", 3, 0),
            ("shards.staging", 0, 6),
            ("shards.test", 0, 6),
            ("status.prod", 0, 6),
            ("status.staging", 0, 6),
            ("status.test", 0, 3),
            ("waku.sandbox", 0, 3),
            ("waku.test", 0, 3),
        ]
    );
    for (name, fleet) in published("waku-fleets-config-2026.json").fleets {
        assert_eq!(
            addresses(&loaded.fleets[&name]),
            addresses(&fleet),
            "{name}"
        );
    }
}

/// A pin names an id, and a node ignores an id that it has not built in: those of 2024-10 and of 2026 have the same.
/// The published file of 2026 leaves out the domain that the nodes have in the ids of the staging fleets.
#[test]
fn the_ids_are_those_that_nodes_have_built_in() {
    let fleets = FleetSource::BuiltIn.load().unwrap().fleets;
    for (fleet, hosts, domain) in [
        ("status.prod", &STORES[..], ""),
        ("status.staging", &STORES, ".status.im"),
        ("waku.sandbox", &NODES, ""),
        ("waku.test", &NODES, ""),
        // Renamed in 2024: nodes from before know their stores by these names.
        ("shards.test", &STORES, ""),
        ("shards.staging", &STORES, ".status.im"),
    ] {
        let expected = hosts.iter().map(|host| format!("{host}.{fleet}{domain}"));
        assert_eq!(ids(&fleets[fleet]), expected.collect::<Vec<_>>());
    }
}

/// It is the only fleet of today under another domain than the rest.
#[test]
fn the_test_fleet_of_waku_is_where_nodes_look_for_it() {
    let fleets = FleetSource::BuiltIn.load().unwrap().fleets;
    let expected = [
        "16Uiu2HAkzHaTP5JsUwfR9NR8Rj9HC24puS6ocaU8wze4QrXr9iXp",
        "16Uiu2HAkykgaECHswi3YKJ5dMLbq2kPVCo89fcyTd38UcQD6ej5W",
        "16Uiu2HAmDCp8XJ9z1ev18zuv8NHekAsjNyezAvmMfFEJkiharitG",
    ];
    let expected = NODES
        .iter()
        .zip(expected)
        .map(|(host, peer)| format!("/dns4/{host}.waku.test.statusim.net/tcp/30303/p2p/{peer}"));
    assert_eq!(
        addresses(&fleets["waku.test"]),
        expected.collect::<Vec<_>>()
    );
}

fn addresses(fleet: &Fleet) -> Vec<String> {
    let mailservers = fleet.mailservers.iter();
    mailservers
        .map(|it| it.address.dial().to_string())
        .collect()
}
