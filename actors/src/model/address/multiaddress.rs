//! Multiaddrs that end in `/p2p/<peer id>`: mailservers of waku2.

use std::net::IpAddr;

use multiaddr::{Multiaddr, PeerId, Protocol};

use super::{
    endpoint::{Endpoint, Host, Transport, is_name},
    error::AddressError,
    parsed::{Address, Network},
};
use crate::model::identity::Identity;

/// Reads `/<host>/tcp/<port>[/ws|/wss|/tls/ws]/p2p/<peer id>`, where `/p2p` may be the older `/ipfs`.
pub(super) fn parse(text: &str) -> Result<Address, AddressError> {
    let (location, peer) = split_peer(text)?;
    let location = location
        .parse::<Multiaddr>()
        .map_err(|error| AddressError::Syntax(error.to_string()))?;
    let endpoint = endpoint(&location)?;
    Ok(address(&location, peer, vec![endpoint]))
}

/// The address of a peer at a location, which is the first of its endpoints.
pub(super) fn address(location: &Multiaddr, peer: PeerId, endpoints: Vec<Endpoint>) -> Address {
    Address {
        network: Network::Waku2,
        identity: Identity::new(peer.to_base58()),
        dial: format!("{location}/p2p/{peer}"),
        endpoints,
    }
}

/// The address of a peer whose location nobody has told.
pub(super) fn of_peer(text: &str) -> Result<Address, AddressError> {
    let peer = peer_id(text).ok_or_else(|| AddressError::BadPeerId(text.to_owned()))?;
    Ok(address(&Multiaddr::empty(), peer, Vec::new()))
}

/// Takes the peer id off first: without it the rest is of no use, and a wrong one deserves its own reason.
fn split_peer(text: &str) -> Result<(&str, PeerId), AddressError> {
    let (location, peer) = text
        .rsplit_once("/p2p/")
        .or_else(|| text.rsplit_once("/ipfs/"))
        .ok_or(AddressError::PeerIdMissing)?;
    let (peer, rest) = peer.split_once('/').unwrap_or((peer, ""));
    if peer.is_empty() {
        return Err(AddressError::PeerIdMissing);
    }
    let id = peer_id(peer).ok_or_else(|| AddressError::BadPeerId(peer.to_owned()))?;
    if rest.is_empty() {
        Ok((location, id))
    } else {
        Err(AddressError::PeerIdNotLast)
    }
}

/// Reads a peer id and looks into it: base58 has no checksum, and a cut-off id may still decode.
fn peer_id(text: &str) -> Option<PeerId> {
    /// Of a sha2-256 multihash (`Qm…`, RSA keys).
    const SHA2_256: u64 = 0x12;
    let id: PeerId = text.parse().ok()?;
    let hash: &multiaddr::multihash::Multihash<64> = id.as_ref();
    let whole = match (hash.code(), hash.digest()) {
        (SHA2_256, digest) => digest.len() == 32,
        // Else the key itself: a protobuf message of its type and its bytes.
        (_, [0x08, 0x01, 0x12, 32, ed25519 @ ..]) => ed25519.len() == 32,
        (_, [0x08, 0x02, 0x12, 33, secp256k1 @ ..]) => secp256k1.len() == 33,
        _ => false,
    };
    whole.then_some(id)
}

/// Where a multiaddr without peer id leads.
///
/// # Errors
///
/// UDP, relayed (`/p2p-circuit`), `/dnsaddr` and all other shapes.
pub(super) fn endpoint(location: &Multiaddr) -> Result<Endpoint, AddressError> {
    let unsupported = || AddressError::Unsupported(location.to_string());
    let mut parts = location.iter();
    let host = match parts.next() {
        Some(Protocol::Ip4(ip)) => Host::Ip(IpAddr::V4(ip)),
        Some(Protocol::Ip6(ip)) => Host::Ip(IpAddr::V6(ip)),
        Some(Protocol::Dns(name) | Protocol::Dns4(name)) => Host::Dns4(checked(&name)?),
        Some(Protocol::Dns6(name)) => Host::Dns6(checked(&name)?),
        None => return Err(AddressError::HostMissing),
        Some(_) => return Err(unsupported()),
    };
    let port = match parts.next() {
        Some(Protocol::Tcp(0)) => return Err(AddressError::BadPort("0".into())),
        Some(Protocol::Tcp(port)) => port,
        Some(Protocol::Udp(_)) => return Err(AddressError::UdpOnly),
        None => return Err(AddressError::PortMissing),
        Some(_) => return Err(unsupported()),
    };
    // Only the root path: nodes serve libp2p there, and a path would be lost in a probe.
    let transport = match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => Transport::Tcp,
        (Some(Protocol::Ws(path)), None, _) if path == "/" => Transport::Ws,
        (Some(Protocol::Wss(path)), None, _) if path == "/" => Transport::Wss,
        (Some(Protocol::Tls), Some(Protocol::Ws(path)), None) if path == "/" => Transport::Wss,
        _ => return Err(unsupported()),
    };
    Ok(Endpoint {
        host,
        port,
        transport,
    })
}

fn checked(name: &str) -> Result<String, AddressError> {
    if is_name(name) {
        Ok(name.to_owned())
    } else {
        Err(AddressError::BadHost(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Recorded on status-go of 2024-10 (secp256k1).
    const PEER: &str = "16Uiu2HAmDBsnQgvt3guDrFJUjE1Daz6f3wfMA8x49F5NXD4NjE5Z";
    const ED25519_PEER: &str = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";

    fn parsed(location: &str) -> Result<Address, AddressError> {
        format!("{location}/p2p/{PEER}").parse()
    }

    #[test]
    fn every_host_and_transport_of_the_fleets_is_read() {
        let name = || Host::Dns4("store.example.org".into());
        for (location, host, transport) in [
            (
                "/ip4/127.0.0.1/tcp/61001",
                Host::Ip([127, 0, 0, 1].into()),
                Transport::Tcp,
            ),
            (
                "/ip6/::1/tcp/61001",
                Host::Ip("::1".parse().unwrap()),
                Transport::Tcp,
            ),
            ("/dns/store.example.org/tcp/61001", name(), Transport::Tcp),
            ("/dns4/store.example.org/tcp/61001", name(), Transport::Tcp),
            (
                "/dns6/a.example/tcp/61001",
                Host::Dns6("a.example".into()),
                Transport::Tcp,
            ),
            (
                "/dns4/store.example.org/tcp/61001/ws",
                name(),
                Transport::Ws,
            ),
            (
                "/dns4/store.example.org/tcp/61001/wss",
                name(),
                Transport::Wss,
            ),
            (
                "/dns4/store.example.org/tcp/61001/tls/ws",
                name(),
                Transport::Wss,
            ),
        ] {
            let address = parsed(location).unwrap();
            assert_eq!(address.network(), Network::Waku2);
            assert_eq!(address.identity().as_str(), PEER);
            assert_eq!(address.dial(), format!("{location}/p2p/{PEER}"));
            assert_eq!(
                address.endpoints(),
                [Endpoint {
                    host,
                    port: 61001,
                    transport
                }],
                "{location}"
            );
        }
    }

    #[test]
    fn a_peer_without_a_location_can_only_come_from_a_node() {
        let bare = Address::of_peer(PEER).unwrap();
        assert_eq!(bare.identity().as_str(), PEER);
        assert_eq!(bare.dial(), format!("/p2p/{PEER}"));
        assert_eq!(
            (bare.network(), bare.endpoints()),
            (Network::Waku2, &[][..])
        );
        for cut in ["", "16Uiu2", &PEER[..PEER.len() - 1]] {
            let bad = AddressError::BadPeerId(cut.into());
            assert_eq!(Address::of_peer(cut), Err(bad));
        }
        let text = bare.dial().parse::<Address>();
        assert_eq!(text, Err(AddressError::HostMissing));
    }

    #[test]
    fn the_older_name_of_the_peer_id_is_read_and_the_newer_dialled() {
        let address: Address = format!("/ip4/127.0.0.1/tcp/1/ipfs/{ED25519_PEER}")
            .parse()
            .unwrap();
        assert_eq!(
            address.dial(),
            format!("/ip4/127.0.0.1/tcp/1/p2p/{ED25519_PEER}")
        );
        assert_eq!(address.identity().as_str(), ED25519_PEER);
    }

    #[test]
    fn each_fault_of_the_location_has_its_reason() {
        let unsupported = |text: &str| AddressError::Unsupported(text.to_owned());
        for (location, reason) in [
            ("", AddressError::HostMissing),
            ("/ip4/1.2.3.4", AddressError::PortMissing),
            ("/ip4/1.2.3.4/tcp/0", AddressError::BadPort("0".into())),
            ("/ip4/1.2.3.4/udp/30603", AddressError::UdpOnly),
            ("/ip4/1.2.3.4/udp/30603/quic-v1", AddressError::UdpOnly),
            ("/dns4/a b/tcp/1", AddressError::BadHost("a b".into())),
            ("/dnsaddr/a.example", unsupported("/dnsaddr/a.example")),
            (
                "/ip4/1.2.3.4/tcp/1/http",
                unsupported("/ip4/1.2.3.4/tcp/1/http"),
            ),
            (
                "/ip4/1.2.3.4/tcp/1/x-parity-ws/%2Fdeep",
                unsupported("/ip4/1.2.3.4/tcp/1/x-parity-ws/%2fdeep"),
            ),
        ] {
            let found = parsed(location).unwrap_err().to_string();
            assert_eq!(
                found.to_lowercase(),
                reason.to_string().to_lowercase(),
                "{location}"
            );
        }
        for location in [
            "/ip4/1.2.3.400/tcp/1",
            "/ip4/1.2.3.4/tcp/99999",
            "/nonsense/1",
            "garbage",
        ] {
            let found = format!("/{location}/p2p/{PEER}")
                .replacen("//", "/", 1)
                .parse::<Address>();
            assert!(
                matches!(found, Err(AddressError::Syntax(_))),
                "{location}: {found:?}"
            );
        }
    }

    #[test]
    fn each_fault_of_the_peer_id_has_its_reason() {
        let error = |text: String| text.parse::<Address>().unwrap_err();
        assert_eq!(
            error("/ip4/1.2.3.4/tcp/1".into()),
            AddressError::PeerIdMissing
        );
        assert_eq!(
            error("/ip4/1.2.3.4/tcp/1/p2p/".into()),
            AddressError::PeerIdMissing
        );
        assert_eq!(
            error("/ip4/1.2.3.4/tcp/1/p2p/16Uiu2".into()),
            AddressError::BadPeerId("16Uiu2".into())
        );
        assert_eq!(
            error(format!("/ip4/1.2.3.4/p2p/{PEER}/tcp/1")),
            AddressError::PeerIdNotLast
        );
        let relayed = format!("/ip4/1.2.3.4/tcp/1/p2p/{PEER}/p2p-circuit");
        assert_eq!(
            error(format!("{relayed}/p2p/{ED25519_PEER}")),
            AddressError::Unsupported(relayed)
        );
    }
}
