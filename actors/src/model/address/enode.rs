//! `enode://<128 hex digits>[:password]@host:port[?discport=N]`: mailservers of waku1.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    endpoint::{Endpoint, Host, Transport, is_name, port},
    error::AddressError,
    parsed::{Address, Network},
};
use crate::model::identity::Identity;

/// Hex digits of an uncompressed public key without its leading byte.
const KEY_DIGITS: usize = 128;

/// Reads what follows `enode://`.
///
/// The password goes: the node's ping takes it for a part of the key and refuses the address (recorded
/// on status-go v0.94). `?discport=` goes too: the node adds it to what it was given. That the key is a
/// point of the curve is left to the node to judge.
pub(super) fn parse(rest: &str) -> Result<Address, AddressError> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (user, authority) = match rest.rsplit_once('@') {
        Some(parts) => parts,
        // The key is looked at first, so that a wrong key is not reported as a missing host.
        None => (rest, ""),
    };
    let key = key(user.split_once(':').map_or(user, |(key, _password)| key))?;
    let (host, port) = host_and_port(authority)?;
    check_discovery_port(query)?;

    let endpoint = Endpoint {
        host,
        port,
        transport: Transport::Tcp,
    };
    Ok(Address {
        network: Network::Waku1,
        dial: format!("enode://{key}@{endpoint}"),
        identity: Identity::new(key),
        endpoints: vec![endpoint],
    })
}

fn key(text: &str) -> Result<String, AddressError> {
    if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(AddressError::KeyNotHex);
    }
    if text.len() != KEY_DIGITS {
        return Err(AddressError::KeyLength(text.len()));
    }
    Ok(text.to_ascii_lowercase())
}

fn host_and_port(authority: &str) -> Result<(Host, u16), AddressError> {
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    if let Some(rest) = authority.strip_prefix('[') {
        let (ip, after) = rest
            .split_once(']')
            .ok_or_else(|| AddressError::BadHost(authority.to_owned()))?;
        let ip: Ipv6Addr = ip
            .parse()
            .map_err(|_| AddressError::BadHost(ip.to_owned()))?;
        let digits = after.strip_prefix(':').ok_or(AddressError::PortMissing)?;
        return Ok((Host::Ip(IpAddr::V6(ip)), port(digits)?));
    }
    let (host, digits) = authority.split_once(':').unwrap_or((authority, ""));
    if host.is_empty() {
        return Err(AddressError::HostMissing);
    }
    let host = match host.parse::<Ipv4Addr>() {
        Ok(ip) => Host::Ip(IpAddr::V4(ip)),
        Err(_) if is_name(host) => Host::Dns4(host.to_owned()),
        Err(_) => return Err(AddressError::BadHost(host.to_owned())),
    };
    if digits.is_empty() {
        return Err(AddressError::PortMissing);
    }
    Ok((host, port(digits)?))
}

fn check_discovery_port(query: &str) -> Result<(), AddressError> {
    for pair in query.split('&') {
        if let Some(value) = pair.strip_prefix("discport=")
            && value.parse::<u16>().is_err()
        {
            return Err(AddressError::BadDiscoveryPort(value.to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Recorded on status-go v0.94.
    const KEY: &str = "7d2cb7adaca8482b1563587bb7597dc2c00e2fa1e4547075a53b3733f637c7488c15a230e1d7baed7f4c25256779067f947db8e594976f291f23b94a6add1a52";

    fn parsed(tail: &str) -> Result<Address, AddressError> {
        format!("enode://{KEY}{tail}").parse()
    }

    #[test]
    fn password_and_discovery_port_are_not_dialled() {
        let plain = parsed("@127.0.0.1:30401").unwrap();
        assert_eq!(plain.network(), Network::Waku1);
        assert_eq!(plain.identity().as_str(), KEY);
        assert_eq!(plain.dial(), format!("enode://{KEY}@127.0.0.1:30401"));
        for variant in [
            ":status-offline-inbox@127.0.0.1:30401",
            ":p@ss@127.0.0.1:30401",
            "@127.0.0.1:30401?discport=0",
            "@127.0.0.1:30401?discport=30303",
        ] {
            assert_eq!(parsed(variant).unwrap(), plain, "{variant}");
        }
    }

    #[test]
    fn the_key_alone_is_the_identity() {
        let upper = format!("enode://{}@store.example.org:443", KEY.to_uppercase());
        let elsewhere: Address = upper.parse().unwrap();
        assert_eq!(
            elsewhere.identity(),
            parsed("@127.0.0.1:30401").unwrap().identity()
        );
        assert_eq!(
            elsewhere.endpoints()[0].host,
            Host::Dns4("store.example.org".into())
        );
    }

    #[test]
    fn ipv6_keeps_its_brackets() {
        let address = parsed("@[2001:db8::7]:30303").unwrap();
        assert_eq!(address.dial(), format!("enode://{KEY}@[2001:db8::7]:30303"));
        assert_eq!(
            address.endpoints()[0].host,
            Host::Ip("2001:db8::7".parse().unwrap())
        );
    }

    #[test]
    fn each_fault_has_its_reason() {
        let key_error = |text: &str| text.parse::<Address>().unwrap_err();
        // Both seen on status-go v0.94, which answers "invalid public key".
        assert_eq!(key_error("enode://zz@1.2.3.4:5"), AddressError::KeyNotHex);
        assert_eq!(
            key_error("enode://aa@127.0.0.1:30303"),
            AddressError::KeyLength(2)
        );
        for (tail, reason) in [
            ("", AddressError::HostMissing),
            ("@", AddressError::HostMissing),
            ("@:30303", AddressError::HostMissing),
            ("@1.2.3.4", AddressError::PortMissing),
            ("@1.2.3.4:", AddressError::PortMissing),
            ("@[::1]", AddressError::PortMissing),
            ("@1.2.3.4:0", AddressError::BadPort("0".into())),
            ("@1.2.3.4:65536", AddressError::BadPort("65536".into())),
            ("@1.2.3.4:+5", AddressError::BadPort("+5".into())),
            ("@[::1:30303", AddressError::BadHost("[::1:30303".into())),
            ("@[nine]:30303", AddressError::BadHost("nine".into())),
            ("@a b:30303", AddressError::BadHost("a b".into())),
            (
                "@1.2.3.4:5?discport=x",
                AddressError::BadDiscoveryPort("x".into()),
            ),
        ] {
            assert_eq!(parsed(tail).unwrap_err(), reason, "{tail}");
        }
    }
}
