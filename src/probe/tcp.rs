//! TCP pings of our own, of two kinds.
//!
//! **Half-open**, for everybody: the time until the system behind the address agrees to a connection, which is
//! then reset before it stands, so that the server's `accept` never hears of it. Nodes based on geth turn away a
//! second connection from one address within 30 s (`inboundThrottleTime` of its p2p server): a
//! whole connect would cost the node the dial that follows. status-go pings mailservers in the same way (v0.94:
//! tcp-shaker, which switches quick acknowledgements and lingering off). Only Linux can delay the third packet
//! of the handshake; elsewhere it is a plain connect.
//!
//! **With a sign of life**, for a watched target and for few others in doubt: a hung process has a system that goes on agreeing to
//! connections, so an agreement proves nothing. We connect, say a few bytes, and take any reaction to them: bytes,
//! an end, a reset. The node is connected to a watched target already and does not dial it again; but the
//! throttle of 30 s counts addresses, not peers: a neighbour behind the same address translation can be
//! turned away because of us, and so can we because of it. Then the server closes at once: a reaction too.

use std::{io, net::SocketAddr, time::Duration};

use actors::{
    messages::ping::Proof,
    model::{
        address::{Endpoint, Host, Network, Transport},
        mailserver::Mailserver,
        probe::{ProbeFailure, Stage},
    },
};
use futures_util::{StreamExt as _, future::join_all, stream::FuturesUnordered};
use rand::Rng as _;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::{Instant, timeout},
};

use super::{
    answers::Answer,
    resolve::{self, Resolver},
};

/// The most endpoints of one mailserver that are tried.
pub(super) const MOST_ENDPOINTS: usize = 4;

/// The size of the first message of RLPx before EIP-8. Nodes of either time read exactly so much of ours,
/// cannot decrypt it, and close.
const AUTH_SIZE: usize = 307;

/// What is said first on a libp2p connection; the other side says the same.
const MULTISTREAM: &[u8] = b"\x13/multistream/1.0.0\n";

/// What is said to a web server, with or without TLS: it refuses it, in its own way.
const HTTP: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

/// Pings one target and answers for it.
pub(super) async fn probe(
    resolver: &Resolver,
    target: Mailserver,
    limit: Duration,
    proof: Proof,
    answer: Answer,
) {
    let places = match resolve_all(resolver, target.address.endpoints(), limit).await {
        Ok(places) => places,
        Err(failure) => return drop(answer.done(Err(failure), 0)),
    };
    // Names are looked up before the clock starts.
    answer.began(if proof == Proof::Path { 1 } else { 2 });
    let network = target.address.network();
    let tries = places.iter().map(|place| async move {
        let opening = opening(network, place.endpoint.transport);
        match proof {
            Proof::Path => half_open(place.address, limit).await.map(|rtt| (rtt, 0)),
            Proof::Life | Proof::Watched => provoke(place.address, &opening, limit).await,
        }
    });
    let _ = match first(tries.collect()).await {
        Ok((rtt, bytes)) => answer.done(Ok(rtt), bytes),
        Err(failure) => answer.done(Err(failure), 0),
    };
}

/// Where to connect to.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) endpoint: Endpoint,
    pub(super) address: SocketAddr,
}

/// All addresses of all endpoints; a failure only if there is none.
pub(super) async fn resolve_all(
    resolver: &Resolver,
    endpoints: &[Endpoint],
    limit: Duration,
) -> Result<Vec<Place>, ProbeFailure> {
    let endpoints = &endpoints[..endpoints.len().min(MOST_ENDPOINTS)];
    // Who is also known by number need not wait for the name.
    let numbered = endpoints.iter().any(|it| matches!(it.host, Host::Ip(_)));
    let limit = match numbered {
        true => limit.min(resolve::PATIENCE),
        false => limit,
    };
    let found = endpoints.iter().map(|it| resolver.resolve(it, limit));
    let mut places = Vec::new();
    let mut failure = ProbeFailure::Impossible("no address".into());
    for (endpoint, found) in endpoints.iter().zip(join_all(found).await) {
        match found {
            Ok(addresses) => places.extend(addresses.into_iter().map(|address| Place {
                endpoint: endpoint.clone(),
                address,
            })),
            Err(error) => failure = error,
        }
    }
    match places.is_empty() {
        true => Err(failure),
        false => Ok(places),
    }
}

/// The first success, else the most telling failure.
pub(super) async fn first<F, T>(mut tries: FuturesUnordered<F>) -> Result<T, ProbeFailure>
where
    F: Future<Output = Result<T, ProbeFailure>>,
{
    let mut failure = ProbeFailure::Impossible("no address".into());
    while let Some(outcome) = tries.next().await {
        match outcome {
            Ok(success) => return Ok(success),
            Err(error) if weight(&error) >= weight(&failure) => failure = error,
            Err(_) => {}
        }
    }
    Err(failure)
}

/// How much a failure tells of who is there: whoever spoke tells more than who did not.
fn weight(failure: &ProbeFailure) -> u8 {
    match failure {
        ProbeFailure::Impossible(_) => 0,
        ProbeFailure::Unresolved(_) | ProbeFailure::Silent(Stage::Name) => 1,
        ProbeFailure::Silent(Stage::Connect | Stage::Round) => 2,
        ProbeFailure::Refused => 3,
        ProbeFailure::Other(_) => 4,
        ProbeFailure::Silent(_) => 5,
        ProbeFailure::NoProtocol(_) => 6,
        ProbeFailure::WrongPeer(_) => 7,
        ProbeFailure::NoStore => 8,
    }
}

/// Why a connect failed.
pub(super) fn connect_failure(error: io::Error) -> ProbeFailure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ProbeFailure::Refused,
        io::ErrorKind::TimedOut => ProbeFailure::Silent(Stage::Connect),
        _ => ProbeFailure::Other(error.to_string()),
    }
}

async fn half_open(address: SocketAddr, limit: Duration) -> Result<Duration, ProbeFailure> {
    let socket = reluctant(address).map_err(connect_failure)?;
    let begun = Instant::now();
    match timeout(limit, socket.connect(address)).await {
        // Dropped within the time that the acknowledgement may be held back (40 ms and more): a reset instead.
        Ok(Ok(_)) => Ok(begun.elapsed()),
        Ok(Err(error)) => Err(connect_failure(error)),
        Err(_) => Err(ProbeFailure::Silent(Stage::Connect)),
    }
}

/// A socket that is in no hurry to acknowledge, and is reset when it is dropped.
fn reluctant(address: SocketAddr) -> io::Result<TcpSocket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_quickack(false)?;
    socket.set_linger(Some(Duration::ZERO))?;
    Ok(TcpSocket::from_std_stream(socket.into()))
}

/// The bytes to which a live mailserver reacts, if only by closing the connection.
fn opening(network: Network, transport: Transport) -> Vec<u8> {
    match (network, transport) {
        (Network::Waku1, _) => undecryptable(),
        (Network::Waku2, Transport::Tcp) => MULTISTREAM.to_vec(),
        (Network::Waku2, Transport::Ws | Transport::Wss) => HTTP.to_vec(),
    }
}

/// As long as a real first message, with the length of EIP-8 in front and what looks like a key after it.
fn undecryptable() -> Vec<u8> {
    let mut packet = vec![0; AUTH_SIZE];
    rand::rng().fill_bytes(&mut packet);
    let rest = u16::try_from(AUTH_SIZE - 2).unwrap_or(u16::MAX);
    packet[..2].copy_from_slice(&rest.to_be_bytes());
    packet[2] = 4;
    packet
}

/// Connects, says something, and waits for a reaction; its time, and the bytes of both.
async fn provoke(
    address: SocketAddr,
    opening: &[u8],
    limit: Duration,
) -> Result<(Duration, u64), ProbeFailure> {
    let mut stream = match timeout(limit, TcpStream::connect(address)).await {
        Ok(connected) => connected.map_err(connect_failure)?,
        Err(_) => return Err(ProbeFailure::Silent(Stage::Connect)),
    };
    let begun = Instant::now();
    let mut heard = [0; 64];
    let reaction = async {
        // A failure to write is the reaction of somebody who has already closed.
        match stream.write_all(opening).await {
            Ok(()) => stream.read(&mut heard).await.unwrap_or(0),
            Err(_) => 0,
        }
    };
    match timeout(limit, reaction).await {
        Ok(heard) => Ok((begun.elapsed(), (opening.len() + heard) as u64)),
        Err(_) => Err(ProbeFailure::Silent(Stage::Ping)),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);
    const SHORT: Duration = Duration::from_millis(100);

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[actix::test]
    async fn a_half_open_ping_is_answered_and_nobody_is_told() {
        let (listener, address) = listener().await;
        for _ in 0..20 {
            assert!(half_open(address, LIMIT).await.unwrap() < LIMIT);
        }
        if cfg!(target_os = "linux") {
            // Whoever connects for real after the pings is the first that the server hears of.
            let real = TcpStream::connect(address).await.unwrap();
            let (_, heard) = listener.accept().await.unwrap();
            assert_eq!(heard, real.local_addr().unwrap());
        }
        drop(listener);
        assert_eq!(half_open(address, LIMIT).await, Err(ProbeFailure::Refused));
    }

    #[actix::test]
    async fn whoever_does_not_accept_is_silent() {
        // A listener with a backlog of one that nobody empties: further connects get no answer.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut held = Vec::new();
        while let Ok(Ok(stream)) = timeout(SHORT, TcpStream::connect(address)).await {
            held.push(stream);
        }
        let silent = ProbeFailure::Silent(Stage::Connect);
        assert_eq!(half_open(address, SHORT).await, Err(silent.clone()));
        assert_eq!(provoke(address, HTTP, SHORT).await, Err(silent));
    }

    #[actix::test]
    async fn a_watched_target_must_react_and_any_reaction_will_do() {
        let (listener, address) = listener().await;
        // It accepts, and that is all: what the system of a hung process does.
        let hung = provoke(address, MULTISTREAM, SHORT).await;
        assert_eq!(hung, Err(ProbeFailure::Silent(Stage::Ping)));
        let (_hung, _) = listener.accept().await.unwrap();
        let packet = undecryptable();
        assert_eq!((packet.len(), &packet[..3]), (307, &[1, 49, 4][..]));
        let closing = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = vec![0; AUTH_SIZE];
            stream.read_exact(&mut heard).await.unwrap();
        };
        let (outcome, ()) = tokio::join!(provoke(address, &packet, LIMIT), closing);
        assert_eq!(outcome.unwrap().1, 307);
        let speaking = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(MULTISTREAM).await.unwrap();
            stream
        };
        let (outcome, _) = tokio::join!(provoke(address, MULTISTREAM, LIMIT), speaking);
        assert_eq!(outcome.unwrap().1, 40);
    }

    #[actix::test]
    async fn of_several_failures_the_most_telling_one_is_told() {
        let telling = [
            ProbeFailure::Unresolved("a".into()),
            ProbeFailure::WrongPeer("b".into()),
            ProbeFailure::Silent(Stage::Ping),
        ];
        let tries = telling.into_iter().map(|it| async { Err::<(), _>(it) });
        let outcome = first(tries.collect()).await;
        assert_eq!(outcome, Err(ProbeFailure::WrongPeer("b".into())));
        let none: FuturesUnordered<std::future::Ready<_>> = FuturesUnordered::new();
        assert!(matches!(
            first::<_, ()>(none).await,
            Err(ProbeFailure::Impossible(_))
        ));
    }

    #[actix::test]
    async fn one_address_is_enough() {
        let resolver = Resolver::new(|_| Box::pin(async { Err("broken".into()) }));
        let endpoint = |host| Endpoint {
            host,
            port: 1,
            transport: Transport::Tcp,
        };
        let unknown = endpoint(Host::Dns4("a.example".into()));
        let known = endpoint(Host::Ip([127, 0, 0, 1].into()));
        let both = resolve_all(&resolver, &[unknown.clone(), known], LIMIT).await;
        assert_eq!(both.unwrap().len(), 1);
        let failed = resolve_all(&resolver, &[unknown], LIMIT).await;
        assert!(matches!(failed, Err(ProbeFailure::Unresolved(_))));
    }
}
