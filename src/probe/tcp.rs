//! A TCP connect of our own.

use std::{io, net::SocketAddr, time::Duration};

use actors::{
    address::{Endpoint, Host},
    pinger::ProbeFailure,
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{net::TcpStream, time::Instant};

/// The most endpoints of one mailserver, and addresses of one name, that are tried.
const MOST_TRIED: usize = 4;

/// Connects to all endpoints at once; the time of the first connection. Resolving names counts towards the
/// limit, but not towards the time.
pub(super) async fn connect(
    endpoints: &[Endpoint],
    timeout: Duration,
) -> Result<Duration, ProbeFailure> {
    let tries: FuturesUnordered<_> = endpoints.iter().take(MOST_TRIED).map(reach).collect();
    match tokio::time::timeout(timeout, first(tries)).await {
        Ok(Ok(rtt)) if rtt >= timeout => Err(ProbeFailure::Silent),
        Ok(outcome) => outcome,
        Err(_) => Err(ProbeFailure::Silent),
    }
}

/// The first success, else the last failure.
async fn first<F>(mut tries: FuturesUnordered<F>) -> Result<Duration, ProbeFailure>
where
    F: Future<Output = Result<Duration, ProbeFailure>>,
{
    let mut failure = ProbeFailure::Other("no endpoint".into());
    while let Some(outcome) = tries.next().await {
        match outcome {
            Ok(rtt) => return Ok(rtt),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn reach(endpoint: &Endpoint) -> Result<Duration, ProbeFailure> {
    let addresses = resolve(endpoint).await?;
    first(addresses.into_iter().map(time).collect()).await
}

async fn resolve(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, ProbeFailure> {
    let (name, wants_ip4) = match &endpoint.host {
        Host::Ip(ip) => return Ok(vec![SocketAddr::new(*ip, endpoint.port)]),
        Host::Dns4(name) => (name, true),
        Host::Dns6(name) => (name, false),
    };
    let found = tokio::net::lookup_host((name.as_str(), endpoint.port)).await;
    let found = found.map_err(|error| ProbeFailure::Unresolved(format!("{name}: {error}")))?;
    let usable: Vec<_> = found
        .filter(|address| address.is_ipv4() == wants_ip4)
        .take(MOST_TRIED)
        .collect();
    match usable.is_empty() {
        true => Err(ProbeFailure::Unresolved(format!(
            "{name}: no address of this kind"
        ))),
        false => Ok(usable),
    }
}

async fn time(address: SocketAddr) -> Result<Duration, ProbeFailure> {
    let start = Instant::now();
    match TcpStream::connect(address).await {
        Ok(_) => Ok(start.elapsed()),
        Err(error) => Err(match error.kind() {
            io::ErrorKind::ConnectionRefused => ProbeFailure::Refused,
            io::ErrorKind::TimedOut => ProbeFailure::Silent,
            _ => ProbeFailure::Other(error.to_string()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use actors::address::Transport;
    use tokio::net::TcpListener;

    use super::*;

    fn endpoint(host: Host, port: u16) -> Endpoint {
        Endpoint {
            host,
            port,
            transport: Transport::Tcp,
        }
    }

    fn local(port: u16) -> Endpoint {
        endpoint(Host::Ip([127, 0, 0, 1].into()), port)
    }

    const LIMIT: Duration = Duration::from_secs(5);

    #[actix::test]
    async fn listening_refusing_and_unknown() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let closed = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        assert!(connect(&[local(port)], LIMIT).await.unwrap() < LIMIT);
        assert!(
            connect(&[endpoint(Host::Dns4("localhost".into()), port)], LIMIT)
                .await
                .is_ok()
        );
        assert_eq!(
            connect(&[local(closed)], LIMIT).await,
            Err(ProbeFailure::Refused)
        );
        assert!(connect(&[local(closed), local(port)], LIMIT).await.is_ok());
        let unknown = connect(
            &[endpoint(Host::Dns4("no.such.host.invalid".into()), 1)],
            LIMIT,
        )
        .await;
        assert!(
            matches!(
                unknown,
                Err(ProbeFailure::Unresolved(_) | ProbeFailure::Silent)
            ),
            "{unknown:?}"
        );
    }

    #[actix::test]
    async fn whoever_does_not_accept_is_silent() {
        // A listener with a backlog of one that nobody empties: further connects get no answer.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut held = Vec::new();
        let short = Duration::from_millis(100);
        while let Ok(Ok(stream)) = tokio::time::timeout(short, TcpStream::connect(address)).await {
            held.push(stream);
        }
        assert_eq!(
            connect(&[local(address.port())], short).await,
            Err(ProbeFailure::Silent)
        );
    }
}
