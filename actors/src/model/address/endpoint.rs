//! The places at which a mailserver listens.

use std::{fmt, net::IpAddr};

use super::error::AddressError;

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

/// Reads a port to connect to; 0 is none.
pub(super) fn port(text: &str) -> Result<u16, AddressError> {
    match text.parse() {
        // The standard parser accepts a sign.
        Ok(port) if port != 0 && text.starts_with(|c: char| c.is_ascii_digit()) => Ok(port),
        _ => Err(AddressError::BadPort(text.to_owned())),
    }
}

/// Whether a text can be a DNS name: what a resolver would refuse anyway is refused here, where the
/// reason can be told.
pub(super) fn is_name(text: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
