//! Identify (`/ipfs/id/1.0.0`): what a peer says of itself, and what we say of ourselves.
//!
//! Only two fields of the message matter to us, so it is read and written by hand (protocol buffers: a key,
//! a length, bytes).

use std::io;

use actors::model::probe::ProbeFailure;
use futures_util::io::{AsyncRead, AsyncReadExt as _};
use libp2p_identity::PublicKey;

/// The name of the protocol.
pub(super) const PROTOCOL: &str = "/ipfs/id/1.0.0";

/// The protocols of which one is listed by every node that keeps history.
const STORES: [&str; 2] = ["/vac/waku/store-query/3.0.0", "/vac/waku/store/2.0.0-beta4"];

/// The longest message that is read. Real ones have about one KiB.
const LONGEST: usize = 64 << 10;

/// Fields of the message that we know.
const PUBLIC_KEY: u64 = 1;
const PROTOCOLS: u64 = 3;
const PROTOCOL_VERSION: u64 = 5;
const AGENT_VERSION: u64 = 6;

/// Reads a message, with its length in front.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    longest: usize,
) -> io::Result<Vec<u8>> {
    let mut length = 0_usize;
    for shift in (0..28).step_by(7) {
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            break;
        }
    }
    if length > longest {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

/// Puts the length in front of a message.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(message.len() + 4);
    put_number(&mut framed, message.len() as u64);
    framed.extend_from_slice(message);
    framed
}

/// Reads what a peer says of itself, and looks for a store.
pub(super) async fn find_store(
    stream: &mut (impl AsyncRead + Unpin),
) -> io::Result<Result<(), ProbeFailure>> {
    let message = read(stream, LONGEST).await?;
    let Some(protocols) = protocols(&message) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let keeps = |name: &&[u8]| STORES.iter().any(|store| store.as_bytes() == *name);
    Ok(match protocols.iter().any(keeps) {
        true => Ok(()),
        false => Err(ProbeFailure::NoStore),
    })
}

/// What we say of ourselves. Nodes based on nim-libp2p (nwaku) close a connection whose other end does not
/// answer identify, or with a key that is not that of its peer id.
pub(super) fn introduction(key: &PublicKey, protocols: &[&str]) -> Vec<u8> {
    let mut message = Vec::new();
    put(&mut message, PUBLIC_KEY, &key.encode_protobuf());
    for protocol in protocols {
        put(&mut message, PROTOCOLS, protocol.as_bytes());
    }
    put(&mut message, PROTOCOL_VERSION, b"ipfs/0.1.0");
    let agent = concat!("mailserver-sidecar/", env!("CARGO_PKG_VERSION"));
    put(&mut message, AGENT_VERSION, agent.as_bytes());
    framed(&message)
}

fn put(message: &mut Vec<u8>, field: u64, value: &[u8]) {
    put_number(message, field << 3 | 2);
    put_number(message, value.len() as u64);
    message.extend_from_slice(value);
}

fn put_number(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}

/// The protocols that a message lists; `None` if it is broken.
fn protocols(mut message: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let key = take_number(&mut message)?;
        match key & 7 {
            0 => drop(take_number(&mut message)?),
            1 => drop(take(&mut message, 8)?),
            5 => drop(take(&mut message, 4)?),
            2 => {
                let length = usize::try_from(take_number(&mut message)?).ok()?;
                let value = take(&mut message, length)?;
                if key >> 3 == PROTOCOLS {
                    found.push(value);
                }
            }
            _ => return None,
        }
    }
    Some(found)
}

fn take<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (value, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(value)
}

fn take_number(message: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = take(message, 1)?[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use libp2p_identity::Keypair;

    use super::*;

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
