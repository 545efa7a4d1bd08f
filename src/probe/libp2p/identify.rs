//! Identify (`/ipfs/id/1.0.0`): what a peer says of itself, and what we say of ourselves. Only the fields that matter to
//! us are read and written.

use std::io;

use actors::model::probe::ProbeFailure;
use futures_util::io::AsyncRead;
use libp2p_identity::PublicKey;
use prost::Message;

use super::frame;

/// The name of the protocol.
pub(super) const PROTOCOL: &str = "/ipfs/id/1.0.0";

/// The protocols of which one is listed by every node that keeps history.
const STORES: [&str; 2] = ["/vac/waku/store-query/3.0.0", "/vac/waku/store/2.0.0-beta4"];

/// The longest message that is read. Real ones have about one KiB.
const LONGEST: usize = 64 << 10;

/// What we say of ourselves.
#[derive(Message)]
struct Introduction {
    #[prost(bytes = "vec", tag = "1")]
    public_key: Vec<u8>,
    #[prost(string, repeated, tag = "3")]
    protocols: Vec<String>,
    #[prost(string, tag = "5")]
    protocol_version: String,
    #[prost(string, tag = "6")]
    agent_version: String,
}

/// What is read of that which a peer says.
#[derive(Message)]
struct Listed {
    #[prost(bytes = "vec", repeated, tag = "3")]
    protocols: Vec<Vec<u8>>,
}

/// Reads what a peer says of itself, and looks for a store.
pub(super) async fn find_store(
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<Result<(), ProbeFailure>> {
    let message = frame::read(stream, LONGEST).await?;
    let listed = Listed::decode(message.as_slice())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    let keeps = |name: &Vec<u8>| STORES.iter().any(|store| store.as_bytes() == name);
    Ok(match listed.protocols.iter().any(keeps) {
        true => Ok(()),
        false => Err(ProbeFailure::NoStore),
    })
}

/// What we say of ourselves. Nodes based on nim-libp2p (nwaku) close a connection whose other end does not
/// answer identify, or with a key that is not that of its peer id.
pub(super) fn introduction(key: &PublicKey, protocols: &[&str]) -> Vec<u8> {
    let introduction = Introduction {
        public_key: key.encode_protobuf(),
        protocols: protocols.iter().map(|&name| name.to_owned()).collect(),
        protocol_version: "ipfs/0.1.0".into(),
        agent_version: concat!("mailserver-sidecar/", env!("CARGO_PKG_VERSION")).into(),
    };
    introduction.encode_length_delimited_to_vec()
}

#[cfg(test)]
mod tests {
    use libp2p_identity::Keypair;

    use super::{frame::framed, *};

    async fn judge(bytes: &[u8]) -> Result<Result<(), ProbeFailure>, io::ErrorKind> {
        let mut stream = bytes;
        find_store(&mut stream).await.map_err(|error| error.kind())
    }

    #[actix::test]
    async fn a_store_is_found_among_the_protocols_and_missed() {
        let key = Keypair::ed25519_from_bytes([7; 32]).unwrap().public();
        for store in STORES {
            let with = introduction(&key, &["/ipfs/ping/1.0.0", store]);
            assert_eq!(judge(&with).await, Ok(Ok(())));
        }
        let without = introduction(&key, &["/ipfs/ping/1.0.0", "/vac/waku/store/1.0.0"]);
        assert_eq!(judge(&without).await, Ok(Err(ProbeFailure::NoStore)));
    }

    #[actix::test]
    async fn broken_and_endless_messages_are_refused() {
        let endless = framed(&vec![0; LONGEST + 1]);
        assert_eq!(judge(&endless).await, Err(io::ErrorKind::InvalidData));
        assert_eq!(judge(&[0xff; 9]).await, Err(io::ErrorKind::InvalidData));
        assert_eq!(judge(&[3, 0x1a]).await, Err(io::ErrorKind::UnexpectedEof));
        for broken in [&[0x1a, 9, b'a'][..], &[0x1b], &[0xff; 11]] {
            let outcome = judge(&framed(broken)).await;
            assert_eq!(outcome, Err(io::ErrorKind::InvalidData), "{broken:?}");
        }
        // Fields of every kind are skipped.
        let kinds = [8, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 13, 0, 0, 0, 0];
        assert_eq!(judge(&framed(&kinds)).await, Ok(Err(ProbeFailure::NoStore)));
    }
}
