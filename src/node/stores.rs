//! Which of the node's peers say that they keep history, and where they are.
//!
//! An entry of the peer table is a list of protocols in 2022, an object with protocols and addresses in 2024. Nearly all
//! entries that name no store are passed over without being read.

use std::net::{IpAddr, Ipv4Addr};

use actors::model::{
    address::{Address, Host, Transport},
    node::StorePeer,
};
use serde::Deserialize;

/// A longer entry is that of no honest peer: recorded ones have 600 bytes.
const LONGEST_ENTRY: usize = 64 * 1024;

/// The most addresses of one peer that are looked at; the rest is passed over.
const MOST_ADDRESSES: usize = 32;

/// What an entry of 2024 holds; Go writes an empty list as null.
#[derive(Default, Deserialize)]
struct Entry {
    #[serde(default)]
    protocols: Option<Vec<String>>,
    #[serde(default)]
    addresses: Option<Vec<String>>,
}

/// Reads the entry of a peer; `None` if it keeps no history, or if the entry is of another shape than any recorded.
pub(crate) fn store_peer(id: &str, entry: &str) -> Option<StorePeer> {
    // Slashes may be escaped by a host application, names of protocols are not.
    if entry.len() > LONGEST_ENTRY || !entry.contains("store") {
        return None;
    }
    let entry = match entry.starts_with('[') {
        true => Entry {
            protocols: serde_json::from_str(entry).ok()?,
            addresses: None,
        },
        false => serde_json::from_str(entry).ok()?,
    };
    if !entry.protocols?.iter().any(|it| is_store(it)) {
        return None;
    }
    let bare = Address::of_peer(id).ok()?;
    let listed = entry.addresses.unwrap_or_default();
    let listed = listed.iter().take(MOST_ADDRESSES);
    let best = listed
        .filter_map(|it| located(id, it))
        .min_by(|one, other| rank(one).cmp(&rank(other)));
    Some(StorePeer {
        identity: bare.identity().clone(),
        address: best.unwrap_or(bare),
    })
}

/// Store of any version: `/vac/waku/store/2.0.0-beta4` (2022 and 2024), `/vac/waku/store-query/3.0.0` (2024).
fn is_store(protocol: &str) -> bool {
    let name = protocol.strip_prefix("/vac/waku/");
    name.is_some_and(|it| it.starts_with("store/") || it.starts_with("store-query/"))
}

/// An address of this peer; recorded ones end in its id, but a bare one could only be its own.
fn located(id: &str, text: &str) -> Option<Address> {
    let address: Address = match text.contains("/p2p/") {
        true => text.parse().ok()?,
        false => format!("{text}/p2p/{id}").parse().ok()?,
    };
    (address.identity().as_str() == id).then_some(address)
}

/// The lowest is the best: one that can be reached from everywhere before one that cannot, plain TCP before WebSockets,
/// IPv4 before names before IPv6. The text settles the rest: the node lists them in any order.
fn rank(address: &Address) -> (bool, Option<Transport>, u8, &str) {
    let endpoint = address.endpoints().first();
    let (local, kind) = match endpoint.map(|it| &it.host) {
        Some(Host::Ip(IpAddr::V4(ip))) => (is_local(*ip), 0),
        Some(Host::Dns4(_) | Host::Dns6(_)) => (false, 1),
        Some(Host::Ip(IpAddr::V6(ip))) => {
            let unique_or_link = ip.is_unique_local() || ip.is_unicast_link_local();
            (ip.is_loopback() || ip.is_unspecified() || unique_or_link, 2)
        }
        None => (true, 3),
    };
    (local, endpoint.map(|it| it.transport), kind, address.dial())
}

/// Whether it leads nowhere but to our own machine or network.
fn is_local(ip: Ipv4Addr) -> bool {
    // 100.64.0.0/10 is shared by the customers of a provider.
    let shared = matches!(ip.octets(), [100, 64..=127, ..]);
    ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || shared
}

#[cfg(test)]
mod tests {
    use super::*;

    // Recorded on status-go of 2024-10.
    const PEER: &str = "16Uiu2HAmDBsnQgvt3guDrFJUjE1Daz6f3wfMA8x49F5NXD4NjE5Z";

    fn best(addresses: &[&str]) -> String {
        let addresses: Vec<_> = addresses
            .iter()
            .map(|it| format!("{it}/p2p/{PEER}"))
            .collect();
        let entry = serde_json::json!({
            "protocols": ["/vac/waku/store-query/3.0.0"],
            "addresses": addresses,
        });
        let found = store_peer(PEER, &entry.to_string()).unwrap();
        assert_eq!(found.identity.as_str(), PEER);
        let dial = found.address.dial().to_owned();
        dial.strip_suffix(&format!("/p2p/{PEER}"))
            .unwrap()
            .to_owned()
    }

    #[test]
    fn a_peer_keeps_history_if_it_says_so_in_any_version() {
        for (protocol, says) in [
            ("/vac/waku/store/2.0.0-beta4", true),
            ("/vac/waku/store/2.0.0-beta3", true),
            ("/vac/waku/store-query/3.0.0", true),
            ("/vac/waku/relay/2.0.0", false),
            ("/vac/waku/store-sync/1.0.0", false),
            ("/other/vac/waku/store/2.0.0-beta4", false),
            ("store", false),
        ] {
            let list = serde_json::json!(["/ipfs/id/1.0.0", protocol]);
            let object = serde_json::json!({"protocols": list, "addresses": null});
            for entry in [list.to_string(), object.to_string()] {
                assert_eq!(store_peer(PEER, &entry).is_some(), says, "{entry}");
            }
        }
        let escaped = r#"["\/vac\/waku\/store\/2.0.0-beta4"]"#;
        assert!(store_peer(PEER, escaped).is_some());
    }

    #[test]
    fn the_best_address_is_taken_in_whatever_order_they_come() {
        let worse_and_worse = [
            "/ip4/188.166.135.145/tcp/30303",
            "/dns4/store.example.org/tcp/30303",
            "/ip6/2a03:b0c0::1/tcp/30303",
            "/ip4/188.166.135.145/tcp/443/ws",
            "/dns4/store.example.org/tcp/443/wss",
            "/ip4/10.0.0.1/tcp/30303",
            "/ip4/127.0.0.1/tcp/30303",
            "/ip6/::1/tcp/30303",
        ];
        for (index, expected) in worse_and_worse.iter().enumerate() {
            let rest = &worse_and_worse[index..];
            let backwards: Vec<_> = rest.iter().copied().rev().collect();
            assert_eq!(best(rest), *expected);
            assert_eq!(best(&backwards), *expected);
        }
        for local in ["172.16.0.1", "169.254.0.1", "100.64.0.1", "0.0.0.0"] {
            let local = format!("/ip4/{local}/tcp/1");
            let public = "/ip4/198.51.100.1/tcp/443/wss";
            assert_eq!(best(&[&local, public]), public);
        }
    }

    #[test]
    fn what_cannot_be_used_is_no_address_and_then_it_is_bare() {
        let others = "/ip4/1.2.3.4/tcp/1/p2p/16Uiu2HAmLuaez7oQZWP7o7JT2CVa6fNxJ1nsZnCADWhe5uKR2JPG";
        let useless = [
            "/ip4/1.2.3.4/udp/1/quic",
            "/ip4/1.2.3.4/tcp/0",
            "nonsense",
            "",
            others,
        ];
        let entry = |addresses: &[&str]| serde_json::json!({"protocols": ["/vac/waku/store/2.0.0-beta4"], "addresses": addresses});
        let address = |addresses: &[&str]| {
            let found = store_peer(PEER, &entry(addresses).to_string());
            found.unwrap().address.to_string()
        };
        assert_eq!(address(&useless), format!("/p2p/{PEER}"));
        let mut some = useless.to_vec();
        some.push("/ip4/1.2.3.4/tcp/1");
        assert_eq!(address(&some), format!("/ip4/1.2.3.4/tcp/1/p2p/{PEER}"));
        let many = vec!["nonsense"; MOST_ADDRESSES];
        assert_eq!(
            address(&[&many[..], &["/ip4/1.2.3.4/tcp/1"]].concat()),
            format!("/p2p/{PEER}")
        );
    }

    #[test]
    fn junk_is_no_store() {
        let store = "/vac/waku/store/2.0.0-beta4";
        for entry in [
            "null",
            "7",
            r#""store""#,
            r#"["store",7]"#,
            r#"{"protocols":"store"}"#,
            r#"{"store":1}"#,
        ] {
            assert_eq!(store_peer(PEER, entry), None, "{entry}");
        }
        let entry = format!("[\"{store}\"]");
        for id in ["", "16Uiu2", "p1"] {
            assert_eq!(store_peer(id, &entry), None, "{id}");
        }
        let long = format!("[\"{store}\"{}]", ",\"\"".repeat(LONGEST_ENTRY / 3));
        assert_eq!(store_peer(PEER, &long), None);
    }
}
