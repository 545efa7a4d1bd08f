//! What real nodes said, word for word, and where a test puts its own values in.

use serde_json::{Map, Value, json};

/// A generation of status-go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    /// v0.94 with waku v1.
    Waku1,
    /// v0.94 with waku v2.
    Waku2,
    /// develop of 2024-10: a mailserver cycle of its own, driven by its pin.
    Pin,
}

impl Generation {
    pub(crate) const ALL: [Self; 3] = [Self::Waku1, Self::Waku2, Self::Pin];

    /// The value of `node.mode` that names it.
    pub(crate) fn mode(self) -> &'static str {
        match self {
            Self::Waku1 => "waku1",
            Self::Waku2 => "waku2",
            Self::Pin => "pin",
        }
    }
}

/// The recordings of one generation.
pub(crate) struct Recordings {
    generation: Generation,
    answers: Value,
}

impl Recordings {
    pub(crate) fn of(generation: Generation) -> Self {
        let text = match generation {
            Generation::Waku1 => include_str!("../../fixtures/foreign_node/waku1-v0.94.json"),
            Generation::Waku2 => include_str!("../../fixtures/foreign_node/waku2-v0.94.json"),
            Generation::Pin => include_str!("../../fixtures/foreign_node/pin-2024-10.json"),
        };
        Self {
            generation,
            answers: serde_json::from_str(text).unwrap(),
        }
    }

    /// A recorded answer, by the name of its method or of its case.
    pub(crate) fn answer(&self, name: &str) -> Option<Value> {
        self.answers.get(name).cloned()
    }

    /// A recorded signal with another event.
    pub(crate) fn signal(&self, kind: &str, event: Value) -> String {
        let mut signal = self.answers["signals"][kind].clone();
        assert!(signal.is_object(), "{kind} was not recorded");
        match (signal["event"].as_object_mut(), event) {
            (Some(recorded), Value::Object(event)) => recorded.extend(event),
            (_, event) => signal["event"] = event,
        }
        signal.to_string()
    }

    /// The answer to a question for the peers, with these peers.
    pub(crate) fn peers(&self, peers: &[(String, String)]) -> Value {
        match self.generation {
            Generation::Waku1 => self.enode_peers(peers),
            Generation::Waku2 | Generation::Pin => self.id_peers(peers),
        }
    }

    /// The signal that tells of these peers.
    pub(crate) fn peers_signal(&self, peers: &[(String, String)]) -> String {
        match self.generation {
            Generation::Waku1 => self.signal("discovery.summary", self.enode_peers(peers)),
            Generation::Waku2 | Generation::Pin => self.signal(
                "wakuv2.peerstats",
                json!({"isOnline": !peers.is_empty(), "peers": self.id_peers(peers)}),
            ),
        }
    }

    fn enode_peers(&self, peers: &[(String, String)]) -> Value {
        let recorded = &self.answers["admin_peers"]["result"][0];
        let entry = |(identity, address): &(String, String)| {
            let mut entry = recorded.clone();
            // The node names the port that it came from, and a discovery port.
            entry["enode"] = format!("enode://{identity}@127.0.0.1:1?discport=0").into();
            entry["network"]["remoteAddress"] = address.rsplit('@').next().into();
            entry
        };
        peers.iter().map(entry).collect()
    }

    fn id_peers(&self, peers: &[(String, String)]) -> Value {
        let recorded = self.answers["wakuext_peers"]["result"].as_object();
        let protocols = recorded.and_then(|it| it.values().next()).unwrap();
        let entries = peers.iter().map(|(id, _)| (id.clone(), protocols.clone()));
        Value::Object(entries.collect::<Map<_, _>>())
    }
}
