//! Addresses as status-go reads them, with its words for those that it cannot read.
//!
//! Only as much as a loopback node needs: `/ip4/…/tcp/…` with or without `/p2p/…`, and enodes with a
//! literal address.

use std::net::{IpAddr, SocketAddr};

/// An enode URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Enode {
    /// 128 lower-case hex digits.
    pub(crate) key: String,
    pub(crate) address: SocketAddr,
}

/// A multiaddr with a peer id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Multiaddr {
    pub(crate) peer: String,
    /// None where it names a host that cannot be resolved.
    pub(crate) address: Option<SocketAddr>,
}

/// Reads an enode; a password in it is refused, `?discport=` is not (recorded on v0.94).
pub(crate) fn enode(text: &str) -> Result<Enode, String> {
    let Some(rest) = text.strip_prefix("enode://") else {
        return Err(r#"invalid URL scheme, want "enode""#.into());
    };
    let (key, place) = rest.split_once('@').unwrap_or((rest, ""));
    if let Some(odd) = key.chars().find(|digit| !digit.is_ascii_hexdigit()) {
        let code = u32::from(odd);
        return Err(format!(
            "invalid public key (encoding/hex: invalid byte: U+{code:04X} '{odd}')"
        ));
    }
    if key.len() != 128 {
        return Err("invalid public key (wrong length, want 128 hex chars)".into());
    }
    let place = place.split('?').next().unwrap_or_default();
    let address = place.parse().map_err(|_| "invalid IP address".to_owned())?;
    let key = key.to_ascii_lowercase();
    Ok(Enode { key, address })
}

/// Reads a multiaddr that is to be dialled.
pub(crate) fn multiaddr(text: &str) -> Result<Multiaddr, String> {
    let parts = parts(text)?;
    let Some(peer) = after(&parts, "p2p") else {
        return Err("invalid p2p multiaddr".into());
    };
    let peer = peer.to_owned();
    let address = address(&parts);
    Ok(Multiaddr { peer, address })
}

/// Reads a multiaddr that is to be pinged: a peer id is not needed, names and IPv6 are unknown.
pub(crate) fn ping_target(text: &str) -> Result<SocketAddr, String> {
    let parts = parts(text)?;
    address(&parts).ok_or_else(|| "protocol not found in multiaddr".to_owned())
}

/// Whether a text is a peer id, and if not, in which words.
pub(crate) fn peer_id(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("cid too short");
    }
    match text.parse::<libp2p_identity::PeerId>() {
        Ok(_) => Ok(()),
        Err(_) => Err("selected encoding not supported"),
    }
}

fn parts(text: &str) -> Result<Vec<&str>, String> {
    let Some(rest) = text.strip_prefix('/') else {
        return Err(format!(
            "failed to parse multiaddr {text:?}: must begin with /"
        ));
    };
    Ok(rest.split('/').collect())
}

fn address(parts: &[&str]) -> Option<SocketAddr> {
    let ip: IpAddr = after(parts, "ip4")?.parse().ok()?;
    let port: u16 = after(parts, "tcp")?.parse().ok()?;
    Some(SocketAddr::new(ip, port))
}

fn after<'a>(parts: &[&'a str], protocol: &str) -> Option<&'a str> {
    let at = parts.iter().position(|part| *part == protocol)?;
    parts.get(at + 1).copied()
}
