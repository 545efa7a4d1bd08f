//! The mailservers behind the scripted node: ports that accept connections, as long as they live.

use std::net::{SocketAddr, TcpListener};

use actors::testing::PEER_IDS;

use super::Generation;

/// The fleet of the account.
pub(crate) const FLEET: &str = "rig.local";

/// A mailserver.
pub(crate) struct Mailserver {
    pub(crate) id: String,
    pub(crate) identity: String,
    pub(crate) address: String,
    pub(crate) fleet: String,
    place: SocketAddr,
    /// The system completes connects without anybody accepting them.
    listener: Option<TcpListener>,
}

impl Mailserver {
    pub(crate) fn start(generation: Generation, index: usize, fleet: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap();
        let port = place.port();
        let (identity, address) = if generation == Generation::Waku1 {
            let key = format!("{:02x}", index + 1).repeat(64);
            (key.clone(), format!("enode://{key}@127.0.0.1:{port}"))
        } else {
            let id = PEER_IDS[index].to_owned();
            (id.clone(), format!("/ip4/127.0.0.1/tcp/{port}/p2p/{id}"))
        };
        Self {
            id: format!("rig-store-{index}"),
            identity,
            address,
            fleet: fleet.to_owned(),
            place,
            listener: Some(listener),
        }
    }

    /// The same under another id.
    pub(crate) fn named(self, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            ..self
        }
    }

    pub(crate) fn lives(&self) -> bool {
        self.listener.is_some()
    }

    pub(crate) fn stop(&mut self) {
        self.listener = None;
    }

    pub(crate) fn revive(&mut self) {
        self.listener = Some(TcpListener::bind(self.place).unwrap());
    }
}
