//! The mailservers behind the scripted node: ports that accept connections, as long as they live.

use std::net::{SocketAddr, TcpListener};

use super::Generation;

/// The fleet of the account.
pub(crate) const FLEET: &str = "rig.local";

/// Peer ids of public mailservers: a strict parser takes no others.
const PEER_IDS: [&str; 8] = [
    "16Uiu2HAm8UZXUHEPZrpJbcQ3yVFH6UtKrwsG6jH4ai72PsbLfVFb",
    "16Uiu2HAm6G9sDMkrB4Xa5EH3Zx2dysCxFgBTSRzghic3Z9tRFRNE",
    "16Uiu2HAmRnt2Eyoknh3auxh4fJwkRgqkH1gqrWGes8Pk1k3MV4xu",
    "16Uiu2HAmRHPzF3rQg55PgYPcQkyvPVH9n2hWsYPhUJBZ6kVjJgdV",
    "16Uiu2HAmLqTXuY4Sb6G28HNooaFUXUKzpzKXCcgyJxgaEE2i5vnf",
    "16Uiu2HAm6ZsERLx2BwVD2UM9SVPnnMU6NBycG8XPtu8qKys5awsU",
    "16Uiu2HAmQEUFE2YaJohavWtHxPTEFv3sEGJtDqvtGEv78DFoEWQF",
    "16Uiu2HAmV8Hq9e3zm9TMVP4zrVHo3BjqW5D6bDVV6VQntQd687e4",
];

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
