//! Addresses of mailservers: `enode://…` (waku1), multiaddr and ENR (waku2).
//!
//! Each form has a file of its own; all three end in one [`Address`]: who is there, what the node is
//! given to connect, and where a probe of our own finds it.

mod enode;
mod multiaddress;
mod record;

use std::{fmt, net::IpAddr, str::FromStr};

use serde::Serialize;

use crate::model::mailserver::Identity;

/// No address is longer, in bytes. The longest published one (an ENR) has 400.
pub const MAX_LENGTH: usize = 2048;

/// Which network an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// devp2p: enodes.
    Waku1,
    /// libp2p: multiaddrs and ENRs.
    Waku2,
}

/// A host as an address names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// A literal address.
    Ip(IpAddr),
    /// `/dns4` (also `/dns`): to be resolved to IPv4.
    Dns4(String),
    /// `/dns6`.
    Dns6(String),
}

/// How to reach a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// Plain TCP.
    Tcp,
    /// WebSocket over TCP.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

/// One place at which a mailserver listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The host.
    pub host: Host,
    /// The TCP port.
    pub port: u16,
    /// What runs on it.
    pub transport: Transport,
}

/// A parsed address with the identity it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    network: Network,
    identity: Identity,
    dial: String,
    endpoints: Vec<Endpoint>,
}

/// Why a text is not the address of a mailserver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing but white space.
    #[error("empty address")]
    Empty,
    /// Longer than [`MAX_LENGTH`].
    #[error("{0} bytes, more than the {MAX_LENGTH} that an address may have")]
    TooLong(usize),
    /// None of the three forms.
    #[error("neither enode://…, a multiaddr (/…) nor enr:…")]
    UnknownForm,
    /// An enode whose key is not 64 bytes.
    #[error("public key of {0} digits instead of 128")]
    KeyLength(usize),
    /// An enode whose key has other characters than hex digits.
    #[error("public key is not hexadecimal")]
    KeyNotHex,
    /// An enode without `@host:port`, or an empty host.
    #[error("host missing")]
    HostMissing,
    /// Neither an IP address nor a name.
    #[error("bad host {0:?}")]
    BadHost(String),
    /// No port is named.
    #[error("port missing")]
    PortMissing,
    /// Not a number from 1 to 65535.
    #[error("bad port {0:?}")]
    BadPort(String),
    /// `?discport=` of an enode is not a number from 0 to 65535.
    #[error("bad discovery port {0:?}")]
    BadDiscoveryPort(String),
    /// A multiaddr without `/p2p/<peer id>`: nothing tells who is there.
    #[error("peer id missing (…/p2p/<peer id>)")]
    PeerIdMissing,
    /// `/p2p/` is followed by something else than a whole peer id in base58.
    #[error("bad peer id {0:?}")]
    BadPeerId(String),
    /// A multiaddr that goes on after the peer id.
    #[error("the peer id is not at the end")]
    PeerIdNotLast,
    /// A multiaddr with a syntax error or an unknown protocol.
    #[error("multiaddr: {0}")]
    Syntax(String),
    /// The mailserver is reached over UDP only (also QUIC, WebTransport), which no probe and not
    /// every node can.
    #[error("udp only: no tcp endpoint")]
    UdpOnly,
    /// A multiaddr of another shape than host, tcp port, optional WebSocket.
    #[error("unsupported multiaddr {0:?}")]
    Unsupported(String),
    /// An ENR that cannot be decoded.
    #[error("enr: {0}")]
    Record(String),
    /// An ENR that somebody else has signed or changed.
    #[error("enr: bad signature")]
    Signature,
    /// An ENR that names no endpoint at all.
    #[error("enr: no endpoint")]
    NoEndpoint,
}

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

    /// The network of it.
    #[must_use]
    pub fn network(&self) -> Network {
        self.network
    }

    /// Who is there.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The text that the node is given to connect: an enode URL without password and `?discport=`, or
    /// a multiaddr that ends in `/p2p/<peer id>` (for an ENR, the best usable one that it holds).
    ///
    /// Parsed again it gives the same network, identity and text, unless it is [of a peer](Self::of_peer).
    #[must_use]
    pub fn dial(&self) -> &str {
        &self.dial
    }

    /// Where to connect to, best first (plain TCP before WebSockets); empty only [of a peer](Self::of_peer).
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
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

/// Reads a port to connect to; 0 is none.
fn port(text: &str) -> Result<u16, AddressError> {
    match text.parse() {
        // The standard parser accepts a sign.
        Ok(port) if port != 0 && text.starts_with(|c: char| c.is_ascii_digit()) => Ok(port),
        _ => Err(AddressError::BadPort(text.to_owned())),
    }
}

/// Whether a text can be a DNS name: what a resolver would refuse anyway is refused here, where the
/// reason can be told.
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(label)
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Dns4(name) | Self::Dns6(name) => f.write_str(name),
        }
    }
}

/// `host:port`, with an IPv6 address in brackets.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.dial)
    }
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.dial)
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

    #[test]
    fn names_that_no_resolver_takes_are_refused() {
        for good in [
            "localhost",
            "store-01.do-ams3.status.prod.status.im",
            "a_b.example.",
            "1.example",
        ] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "a..b",
            "a b",
            "käse.example",
            &"a".repeat(64),
            &"a.".repeat(200),
        ] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn an_endpoint_is_written_as_host_and_port() {
        let written = |host, port| {
            Endpoint {
                host,
                port,
                transport: Transport::Tcp,
            }
            .to_string()
        };
        assert_eq!(written(Host::Ip([127, 0, 0, 1].into()), 1), "127.0.0.1:1");
        assert_eq!(written(Host::Ip("::1".parse().unwrap()), 2), "[::1]:2");
        assert_eq!(written(Host::Dns4("a.example".into()), 3), "a.example:3");
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
