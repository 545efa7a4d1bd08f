//! Addresses of mailservers: `enode://…` (waku1), multiaddr and ENR (waku2).
//!
//! Each form has a file of its own; all three end in one [`Address`]: who is there, what the node is
//! given to connect, and where a probe of our own finds it.

mod endpoint;
mod enode;
mod error;
mod multiaddress;
mod parsed;
mod record;

use std::str::FromStr;

pub use endpoint::{Endpoint, Host, Transport};
pub use error::{AddressError, MAX_LENGTH};
pub use parsed::{Address, Network};

impl Address {
    /// The bare `/p2p/<peer id>` of a peer of the node's own that it lists without addresses: the node knows where it
    /// is, we do not. Only a node can tell of one: as a text of a configuration it is refused.
    ///
    /// # Errors
    ///
    /// The text is not a whole peer id in base58.
    pub fn of_peer(peer_id: &str) -> Result<Self, AddressError> {
        multiaddress::of_peer(peer_id)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// White space around the address is ignored: addresses are pasted.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_LENGTH {
            return Err(AddressError::TooLong(text.len()));
        }
        let text = text.trim();
        if text.is_empty() {
            Err(AddressError::Empty)
        } else if let Some(rest) = text.strip_prefix("enode://") {
            enode::parse(rest)
        } else if text.starts_with('/') {
            multiaddress::parse(text)
        } else if text.starts_with("enr:") {
            record::parse(text)
        } else {
            Err(AddressError::UnknownForm)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(text: &str) -> AddressError {
        text.parse::<Address>().unwrap_err()
    }

    #[test]
    fn foreign_text_is_refused_with_its_reason() {
        assert_eq!(error(""), AddressError::Empty);
        assert_eq!(error(" \n"), AddressError::Empty);
        assert_eq!(error("http://127.0.0.1:1"), AddressError::UnknownForm);
        assert_eq!(
            error("16Uiu2HAmDBsnQgvt3guDrFJUjE1Daz6f3wfMA8x49F5NXD4NjE5Z"),
            AddressError::UnknownForm
        );
        assert_eq!(
            error(&"/".repeat(MAX_LENGTH + 1)),
            AddressError::TooLong(MAX_LENGTH + 1)
        );
    }

    const PEER: &str = "16Uiu2HAmDBsnQgvt3guDrFJUjE1Daz6f3wfMA8x49F5NXD4NjE5Z";

    fn host() -> impl Strategy<Value = (String, String)> {
        prop_oneof![
            any::<std::net::Ipv4Addr>().prop_map(|ip| (ip.to_string(), format!("/ip4/{ip}"))),
            any::<std::net::Ipv6Addr>().prop_map(|ip| (format!("[{ip}]"), format!("/ip6/{ip}"))),
            "[a-z][a-z0-9]{0,9}(\\.[a-z]{1,5}){0,2}"
                .prop_map(|name| (name.clone(), format!("/dns4/{name}"))),
            "[a-z]{1,9}".prop_map(|name| (name.clone(), format!("/dns/{name}"))),
            "[a-z]{1,9}".prop_map(|name| (name.clone(), format!("/dns6/{name}"))),
        ]
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            let _ = text.parse::<Address>();
        }

        #[test]
        fn no_multiaddr_makes_it_panic(
            parts in prop::collection::vec(
                prop_oneof![
                    prop::sample::select(vec![
                        "ip4", "ip6", "dns", "dns4", "dns6", "dnsaddr", "tcp", "udp", "ws", "wss", "tls", "sni",
                        "quic", "unix", "onion", "onion3", "garlic32", "garlic64", "certhash", "http-path",
                        "p2p", "ipfs", "p2p-circuit", "memory", "ipcidr", "ip6zone", "127.0.0.1", "::1", "", PEER,
                        "x-parity-ws", "%ff", "99999", "1",
                    ]).prop_map(str::to_owned),
                    "\\PC{0,12}",
                ],
                0..10,
            )
        ) {
            let _ = format!("/{}", parts.join("/")).parse::<Address>();
            let _ = format!("/{}/p2p/{PEER}", parts.join("/")).parse::<Address>();
        }

        #[test]
        fn no_enode_or_record_makes_it_panic(text in "\\PC{0,80}", key in "[0-9a-f]{128}") {
            let _ = format!("enode://{text}").parse::<Address>();
            let _ = format!("enode://{key}{text}").parse::<Address>();
            let _ = format!("enode://{key}@{text}").parse::<Address>();
            let _ = format!("enr:{text}").parse::<Address>();
        }

        #[test]
        fn what_is_dialled_is_the_same_address(
            (url_host, multi_host) in host(),
            port in 1u16..,
            key in "[0-9a-fA-F]{128}",
            tail in prop::sample::select(vec!["", "/ws", "/wss", "/tls/ws"]),
            password in prop::sample::select(vec!["", ":secret"]),
            query in prop::sample::select(vec!["", "?discport=0", "?discport=30303"]),
        ) {
            for text in [
                format!("enode://{key}{password}@{url_host}:{port}{query}"),
                format!("{multi_host}/tcp/{port}{tail}/p2p/{PEER}"),
            ] {
                let address: Address = text.parse().unwrap();
                prop_assert_eq!(&address.dial().parse::<Address>().unwrap(), &address);
                prop_assert_eq!(address.endpoints()[0].port, port);
            }
        }
    }
}
