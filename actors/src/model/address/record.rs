//! Ethereum node records (`enr:…`, EIP-778) as Waku nodes publish them.

use std::net::IpAddr;

use bytes::Bytes;
use enr::{Enr, EnrPublicKey, k256::ecdsa::SigningKey};
use multiaddr::{Multiaddr, PeerId, Protocol};

use super::{endpoint::Endpoint, error::AddressError, multiaddress, parsed::Address};

/// The entry in which Waku nodes keep further addresses (Waku's RFC 31/WAKU2-ENR).
const MULTIADDRS: &str = "multiaddrs";

/// What precedes a compressed secp256k1 key in the bytes of its peer id: the identity multihash (code 0)
/// of 37 bytes, which are the protobuf message {type 2 (secp256k1), 33 bytes}.
const PEER_ID_PREFIX: [u8; 6] = [0x00, 37, 0x08, 0x02, 0x12, 33];

/// Reads a record, whose signature must be good.
///
/// Endpoints are those of the `multiaddrs` entry, then `ip`/`tcp`, then `ip6`/`tcp6`, plain TCP first.
pub(super) fn parse(text: &str) -> Result<Address, AddressError> {
    let record: Enr<SigningKey> = text.parse().map_err(refusal)?;
    let peer = peer_id(&record)?;

    let mut locations: Vec<(Endpoint, Multiaddr)> = held_multiaddrs(&record)
        .into_iter()
        .chain(plain_tcp(&record))
        .filter_map(|location| Some((multiaddress::endpoint(&location).ok()?, location)))
        .collect();
    locations.sort_by_key(|(endpoint, _)| endpoint.transport);

    let Some((_, best)) = locations.first() else {
        return Err(if record.udp4().is_some() || record.udp6().is_some() {
            AddressError::UdpOnly
        } else {
            AddressError::NoEndpoint
        });
    };
    let best = best.clone();
    let endpoints = locations
        .into_iter()
        .map(|(endpoint, _)| endpoint)
        .collect();
    Ok(multiaddress::address(&best, peer, endpoints))
}

/// The crate tells what is wrong as text only.
fn refusal(reason: String) -> AddressError {
    if reason.contains("Invalid Signature") {
        AddressError::Signature
    } else {
        AddressError::Record(reason.to_lowercase())
    }
}

fn peer_id(record: &Enr<SigningKey>) -> Result<PeerId, AddressError> {
    let mut bytes = PEER_ID_PREFIX.to_vec();
    bytes.extend_from_slice(record.public_key().encode().as_ref());
    PeerId::from_bytes(&bytes).map_err(|error| AddressError::Record(error.to_string()))
}

/// The `multiaddrs` entry: each a length of two bytes, big-endian, and a binary multiaddr without peer
/// id. What cannot be read ends the list, as the start of the next one is unknown then.
fn held_multiaddrs(record: &Enr<SigningKey>) -> Vec<Multiaddr> {
    let Some(Ok(entry)) = record.get_decodable::<Bytes>(MULTIADDRS) else {
        return Vec::new();
    };
    let mut rest: &[u8] = &entry;
    let mut found = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length));
        let Some((bytes, after)) = after.split_at_checked(length) else {
            break;
        };
        found.extend(Multiaddr::try_from(bytes.to_vec()));
        rest = after;
    }
    found
}

fn plain_tcp(record: &Enr<SigningKey>) -> impl Iterator<Item = Multiaddr> {
    let ip4 = record
        .tcp4_socket()
        .map(|socket| (IpAddr::V4(*socket.ip()), socket.port()));
    let ip6 = record
        .tcp6_socket()
        .map(|socket| (IpAddr::V6(*socket.ip()), socket.port()));
    ip4.into_iter()
        .chain(ip6)
        .map(|(ip, port)| Multiaddr::from(ip).with(Protocol::Tcp(port)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::address::{Network, Transport};

    /// Published for store-01.do-ams3.status.prod, with this multiaddr beside it.
    const PUBLISHED: &str = "enr:-QEMuEAs8JmmyUI3b9v_ADqYtELHUYAsAMS21lA2BMtrzF86tVmyy9cCrhmzfHGHx_g3nybn7jIRybzXTGNj3C2KzrriAYJpZIJ2NIJpcISf3_Jeim11bHRpYWRkcnO4XAArNiZzdG9yZS0wMS5kby1hbXMzLnN0YXR1cy5wcm9kLnN0YXR1cy5pbQZ2XwAtNiZzdG9yZS0wMS5kby1hbXMzLnN0YXR1cy5wcm9kLnN0YXR1cy5pbQYBu94DgnJzjQAQBQABACAAQACAAQCJc2VjcDI1NmsxoQLfoaQH3oSYW59yxEBfeAZbltmUnC4BzYkHqer2VQMTyoN0Y3CCdl-DdWRwgiMohXdha3UyAw";
    const PUBLISHED_MULTIADDR: &str = "/dns4/store-01.do-ams3.status.prod.status.im/tcp/30303/p2p/16Uiu2HAmAUdrQ3uwzuE4Gy4D56hX6uLKEeerJAnhKEHZ3DxF1EfT";

    fn written(address: &Address) -> Vec<(String, Transport)> {
        address
            .endpoints()
            .iter()
            .map(|e| (e.to_string(), e.transport))
            .collect()
    }

    /// A record of our own, with whatever the entries of it hold.
    fn signed(fill: impl FnOnce(&mut enr::Builder<SigningKey>)) -> Result<Address, AddressError> {
        let key = SigningKey::from_slice(&[7; 32]).unwrap();
        let mut builder = Enr::builder();
        fill(&mut builder);
        builder.build(&key).unwrap().to_base64().parse()
    }

    fn entry(locations: &[&str]) -> Bytes {
        let mut bytes = Vec::new();
        for location in locations {
            let location: Multiaddr = location.parse().unwrap();
            bytes.extend(u16::try_from(location.len()).unwrap().to_be_bytes());
            bytes.extend(location.as_ref());
        }
        bytes.into()
    }

    #[test]
    fn a_published_record_is_the_same_mailserver_as_its_multiaddr() {
        let record: Address = PUBLISHED.parse().unwrap();
        let multiaddr: Address = PUBLISHED_MULTIADDR.parse().unwrap();
        assert_eq!(record.network(), Network::Waku2);
        assert_eq!(record.identity(), multiaddr.identity());
        assert_eq!(record.dial(), PUBLISHED_MULTIADDR);
        let host = "store-01.do-ams3.status.prod.status.im";
        assert_eq!(
            written(&record),
            [
                (format!("{host}:30303"), Transport::Tcp),
                ("159.223.242.94:30303".to_owned(), Transport::Tcp),
                (format!("{host}:443"), Transport::Wss),
            ]
        );
    }

    #[test]
    fn recorded_records_without_multiaddrs_give_their_tcp_endpoint() {
        // wakuext_enr of status-go 2024-10, and geth's admin_nodeInfo of the same node.
        for (text, endpoint) in [
            (
                "enr:-Jy4QPir9947tGGXZVYwR1KPyCUVFifN0aBCWAu7vcu06pMHd3BJ7lyE6LUntOckCESwEkHA5Dj5EiPJIGDq6k0CgoqGAaICsu-7gmlkgnY0gmlwhH8AAAGCcnOHABACAEAAIIlzZWNwMjU2azGhAwfplHFlPAy2mi_qhtcq6Tj8f41zL3fvAAdZRwa3TXScg3RjcILuSYV3YWt1Mg8",
                "127.0.0.1:61001",
            ),
            (
                "enr:-Iq4QAV0G-PVBqE_dhXT-rUePSZzhpcyiA4Yqc4DkWdgMgkhXI5Ny2Zby9b_r8Ydoj7p-1GiDs9pOUmMCmOP6c61mpOGAaICsv2NgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPFkJTyJWuRTQZqwcJTeUrMnqWgL0D9KERpzQono0DrV4N0Y3CCsrE",
                "127.0.0.1:45745",
            ),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(written(&address), [(endpoint.to_owned(), Transport::Tcp)]);
            assert_eq!(&address.dial().parse::<Address>().unwrap(), &address);
        }
    }

    #[test]
    fn plain_tcp_is_dialled_before_websockets_whatever_comes_first() {
        let held = entry(&[
            "/ip4/10.0.0.1/tcp/1/wss",
            "/ip4/10.0.0.2/udp/2/quic-v1",
            "/ip4/10.0.0.3/tcp/3/ws",
        ]);
        let address = signed(|record| {
            record
                .add_value(MULTIADDRS, &held)
                .ip6("::1".parse().unwrap())
                .tcp6(4);
        })
        .unwrap();
        assert!(
            address.dial().starts_with("/ip6/::1/tcp/4/p2p/16Uiu2HA"),
            "{address}"
        );
        assert_eq!(
            written(&address),
            [
                ("[::1]:4".to_owned(), Transport::Tcp),
                ("10.0.0.3:3".to_owned(), Transport::Ws),
                ("10.0.0.1:1".to_owned(), Transport::Wss),
            ]
        );
    }

    #[test]
    fn a_cut_off_entry_costs_only_what_follows() {
        let mut held = entry(&["/ip4/10.0.0.1/tcp/1"]).to_vec();
        held.extend([0, 99, 4]);
        let address = signed(|record| {
            record.add_value(MULTIADDRS, &Bytes::from(held));
        })
        .unwrap();
        assert_eq!(
            written(&address),
            [("10.0.0.1:1".to_owned(), Transport::Tcp)]
        );
    }

    #[test]
    fn each_fault_has_its_reason() {
        // The sequence number is what the changed digit belongs to.
        let forged = PUBLISHED.replacen("zrriAYJpZ", "zrriAoJpZ", 1);
        assert_ne!(forged, PUBLISHED);
        assert_eq!(
            forged.parse::<Address>().unwrap_err(),
            AddressError::Signature
        );
        assert!(matches!(
            "enr:".parse::<Address>(),
            Err(AddressError::Record(_))
        ));
        assert!(matches!(
            "enr:!!".parse::<Address>(),
            Err(AddressError::Record(_))
        ));
        assert!(matches!(
            PUBLISHED[..200].parse::<Address>(),
            Err(AddressError::Record(_))
        ));

        let udp = signed(|record| {
            record.ip4([127, 0, 0, 1].into()).udp4(9000);
        });
        assert_eq!(udp.unwrap_err(), AddressError::UdpOnly);
        assert_eq!(signed(|_| ()).unwrap_err(), AddressError::NoEndpoint);
    }
}
