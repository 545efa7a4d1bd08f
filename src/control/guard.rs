//! Keeps out the pages that a browser on the same machine may show, and whoever does not show the token that is wanted.
//!
//! A page can make the browser send requests to loopback, and with a name of its own that suddenly
//! resolves to 127.0.0.1 ("DNS rebinding") it can read the answers as well. The first is told by its
//! `Origin`, the second by its `Host`: no name but `localhost` is ours, and an IP address cannot be rebound.

use std::net::{IpAddr, SocketAddr};

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Uri,
        header::{HOST, ORIGIN},
        uri::Authority,
    },
    middleware::Next,
    web,
};

use super::{error::ApiError, gate::Gate};

/// Which hosts and origins are ours, and who may ask.
#[derive(Debug)]
pub(super) struct Guard {
    listen: SocketAddr,
    gate: Gate,
}

impl Guard {
    pub(super) fn new(listen: SocketAddr, gate: Gate) -> Self {
        Self { listen, gate }
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Where it listens.
    pub(super) fn port(&self) -> u16 {
        self.listen.port()
    }

    fn check(&self, request: &ServiceRequest) -> Result<(), ApiError> {
        let headers = request.headers();
        let hosts = headers
            .get_all(HOST)
            .map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned());
        // A target in absolute form goes before the header (RFC 9112, 3.2.2), so that it counts as well.
        let target = request.uri().authority().map(ToString::to_string);
        let named: Vec<String> = hosts.chain(target).collect();
        if named.is_empty() {
            return Err(ApiError::ForeignHost(String::new()));
        }
        if let Some(foreign) = named.iter().find(|host| !self.is_ours(host)) {
            return Err(ApiError::ForeignHost(foreign.clone()));
        }
        for origin in headers.get_all(ORIGIN) {
            let origin = String::from_utf8_lossy(origin.as_bytes());
            if !self.is_our_page(&origin, &named) {
                return Err(ApiError::ForeignOrigin(origin.into_owned()));
            }
        }
        self.gate.check(request.head(), self.port())
    }

    fn is_ours(&self, authority: &str) -> bool {
        // User information has no place in a Host header.
        let Ok(parsed) = authority.parse::<Authority>() else {
            return false;
        };
        if authority.contains('@') {
            return false;
        }
        let host = parsed.host();
        if host.eq_ignore_ascii_case("localhost") {
            return true;
        }
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        let Ok(ip) = literal.parse::<IpAddr>() else {
            return false;
        };
        let (ip, listen) = (ip.to_canonical(), self.listen.ip().to_canonical());
        ip.is_loopback() || ip == listen || listen.is_unspecified()
    }

    /// A page that we could have served ourselves: at the address that was asked, or on our port under
    /// another of our names.
    fn is_our_page(&self, origin: &str, hosts: &[String]) -> bool {
        let Ok(uri) = origin.parse::<Uri>() else {
            return false;
        };
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return false;
        };
        let same_host = hosts
            .iter()
            .any(|host| host.eq_ignore_ascii_case(authority.as_str()));
        let our_port = authority.port_u16().unwrap_or(80) == self.listen.port();
        self.is_ours(authority.as_str()) && (same_host || our_port)
    }
}

/// The middleware in front of all routes.
pub(super) async fn admit(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if let Some(guard) = request.app_data::<web::Data<Guard>>() {
        guard.check(&request)?;
    }
    next.call(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(listen: &str) -> Guard {
        Guard::new(listen.parse().unwrap(), Gate::default())
    }

    #[test]
    fn only_addresses_and_localhost_are_ours() {
        let guard = guard("127.0.0.1:8765");
        for ours in [
            "127.0.0.1:8765",
            "127.0.0.1",
            "LocalHost:1",
            "[::1]:8765",
            "127.9.9.9",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(guard.is_ours(ours), "{ours}");
        }
        for foreign in [
            "",
            "evil.example",
            "evil.example:8765",
            "localhost.evil.example",
            "localhost.",
            "192.0.2.1:8765",
            "127.0.0.1.nip.io",
            "a@127.0.0.1",
            "127.0.0.1:8765, evil.example",
            "2130706433",
            "::1",
        ] {
            assert!(!guard.is_ours(foreign), "{foreign}");
        }
    }

    #[test]
    fn the_listen_address_is_ours_and_any_address_if_all_are_listened_on() {
        let one = guard("192.0.2.1:8765");
        assert!(one.is_ours("192.0.2.1:8765"));
        assert!(!one.is_ours("192.0.2.2:8765"));
        let all = guard("[::]:8765");
        assert!(all.is_ours("192.0.2.2:8765"));
        assert!(!all.is_ours("evil.example:8765"));
    }

    #[test]
    fn a_page_of_another_port_of_this_machine_is_foreign() {
        let guard = guard("127.0.0.1:8765");
        let hosts = ["127.0.0.1:8765".to_owned()];
        for ours in ["http://127.0.0.1:8765", "http://localhost:8765"] {
            assert!(guard.is_our_page(ours, &hosts), "{ours}");
        }
        for foreign in [
            "http://127.0.0.1:9000",
            "https://127.0.0.1:8765",
            "null",
            "http://evil.example:8765",
            "",
            "file://",
        ] {
            assert!(!guard.is_our_page(foreign, &hosts), "{foreign}");
        }
    }
}
