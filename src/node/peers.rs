//! The peer tables of both networks, read without building a tree of them.
//!
//! `discovery.summary` and `admin_peers` (waku1) are arrays of objects with an `enode`;
//! `wakuv2.peerstats` and `wakuext_peers` (waku2) are objects with the peer ids as keys, whose values differ
//! between versions and are looked into only for those that keep history.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use actors::{
    messages::node::PeerSnapshot,
    model::{
        mailserver::Identity,
        node::{MOST_STORES, StorePeer},
    },
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::node::stores::store_peer;

/// The most peers that are kept; a node has tens. The rest of a longer table is skipped.
pub const MOST_PEERS: usize = 10_000;

/// Longer texts are not peer ids.
const LONGEST_PEER_ID: usize = 128;

/// The peers of waku1: the public keys of their enodes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct EnodePeers(pub(crate) BTreeSet<Identity>);

/// The peers of waku2: their peer ids, and which of them keep history.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct IdPeers {
    pub(crate) peers: BTreeSet<Identity>,
    pub(crate) stores: Vec<StorePeer>,
}

impl From<EnodePeers> for PeerSnapshot {
    fn from(EnodePeers(peers): EnodePeers) -> Self {
        Self {
            peers,
            ..Self::default()
        }
    }
}

impl From<IdPeers> for PeerSnapshot {
    fn from(IdPeers { peers, stores }: IdPeers) -> Self {
        Self {
            peers,
            stores,
            online: None,
        }
    }
}

impl IdPeers {
    fn add(&mut self, id: &str, entry: &RawValue) {
        self.peers.extend(peer_identity(id));
        if self.stores.len() < MOST_STORES {
            self.stores.extend(store_peer(id, entry.get()));
        }
    }
}

/// The identity in an enode URL: its public key in lower case, whatever host, port, password or
/// `?discport=` the node adds.
pub(crate) fn enode_identity(url: &str) -> Option<Identity> {
    let key = url.strip_prefix("enode://")?.get(..128)?;
    let ends = matches!(url.as_bytes().get(8 + 128), None | Some(b'@' | b':'));
    let hex = key.bytes().all(|digit| digit.is_ascii_hexdigit());
    (ends && hex).then(|| Identity::new(key.to_ascii_lowercase()))
}

/// The identity in whatever a `mailserver.changed` signal names: an enode, a multiaddr with `/p2p/`, or a
/// bare peer id (2022).
pub(crate) fn named_identity(address: &str) -> Option<Identity> {
    if address.starts_with("enode:") {
        return enode_identity(address);
    }
    let id = match address.starts_with('/') {
        false => address,
        true => {
            let mut parts = address.rsplit('/');
            let id = parts.next()?;
            matches!(parts.next(), Some("p2p" | "ipfs")).then_some(id)?
        }
    };
    peer_identity(id)
}

fn peer_identity(id: &str) -> Option<Identity> {
    let plausible =
        (1..=LONGEST_PEER_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
    plausible.then(|| Identity::new(id))
}

#[derive(Deserialize)]
struct EnodePeer<'a> {
    #[serde(default, borrow)]
    enode: Cow<'a, str>,
}

impl<'de> Deserialize<'de> for EnodePeers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Peers;
        impl<'de> Visitor<'de> for Peers {
            type Value = EnodePeers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of peers or null")
            }

            fn visit_unit<E>(self) -> Result<EnodePeers, E> {
                Ok(EnodePeers::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<EnodePeers, A::Error> {
                let mut peers = BTreeSet::new();
                while peers.len() < MOST_PEERS {
                    let Some(peer) = list.next_element::<EnodePeer<'de>>()? else {
                        return Ok(EnodePeers(peers));
                    };
                    peers.extend(enode_identity(&peer.enode));
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(EnodePeers(peers))
            }
        }
        deserializer.deserialize_any(Peers)
    }
}

impl<'de> Deserialize<'de> for IdPeers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Peers;
        impl<'de> Visitor<'de> for Peers {
            type Value = IdPeers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of peers or null")
            }

            fn visit_unit<E>(self) -> Result<IdPeers, E> {
                Ok(IdPeers::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<IdPeers, A::Error> {
                let mut all = IdPeers::default();
                while all.peers.len() < MOST_PEERS {
                    let Some((id, entry)) = table.next_entry::<Cow<'de, str>, &'de RawValue>()?
                    else {
                        return Ok(all);
                    };
                    all.add(&id, entry);
                }
                while table.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(all)
            }
        }
        deserializer.deserialize_any(Peers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_enode_under_every_url() {
        let key = "7D2cb7adaca8482b1563587bb7597dc2c00e2fa1e4547075a53b3733f637c7488c15a230e1d7baed7f4c25256779067f947db8e594976f291f23b94a6add1a52";
        let expected = Some(Identity::new(key.to_ascii_lowercase()));
        for tail in [
            "@127.0.0.1:30401",
            "@10.0.0.1:1?discport=0",
            ":password@127.0.0.1:30401",
            "",
        ] {
            assert_eq!(
                enode_identity(&format!("enode://{key}{tail}")),
                expected,
                "{tail}"
            );
        }
        assert_eq!(
            enode_identity(&format!("enode://{key}00@127.0.0.1:1")),
            None
        );
        assert_eq!(enode_identity("enode://zz@1.2.3.4:5"), None);
        assert_eq!(
            enode_identity(&format!("enode://{}é@h:1", &key[..127])),
            None
        );
    }

    #[test]
    fn names_in_switch_signals() {
        let id = Some(Identity::new(
            "16Uiu2HAm59mFrc1ysb5xMJBJCZzoEtc4Ek5cw2Qzzbg8wxFeAsQJ",
        ));
        assert_eq!(
            named_identity(
                "/ip4/127.0.0.1/tcp/61004/p2p/16Uiu2HAm59mFrc1ysb5xMJBJCZzoEtc4Ek5cw2Qzzbg8wxFeAsQJ"
            ),
            id
        );
        assert_eq!(
            named_identity("16Uiu2HAm59mFrc1ysb5xMJBJCZzoEtc4Ek5cw2Qzzbg8wxFeAsQJ"),
            id
        );
        assert_eq!(named_identity("/ip4/127.0.0.1/tcp/61004"), None);
        assert_eq!(named_identity(""), None);
    }

    #[test]
    fn a_table_without_end_is_cut() {
        let table: String = (0..MOST_PEERS + 5)
            .map(|n| format!("\"p{n}\":[],"))
            .collect();
        let json = format!("{{{}}}", table.trim_end_matches(','));
        assert_eq!(
            serde_json::from_str::<IdPeers>(&json).unwrap().peers.len(),
            MOST_PEERS
        );
        assert_eq!(
            serde_json::from_str::<IdPeers>("null").unwrap(),
            IdPeers::default()
        );
        assert_eq!(
            serde_json::from_str::<EnodePeers>("null").unwrap(),
            EnodePeers::default()
        );
        assert_eq!(
            serde_json::from_str::<EnodePeers>(r#"[{"id":"x"},{"enode":"nonsense"}]"#).unwrap(),
            EnodePeers::default()
        );
    }
}
