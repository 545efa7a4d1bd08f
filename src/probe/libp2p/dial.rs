//! From an address to a secured connection: TCP, perhaps TLS and WebSocket, noise.

use std::{net::SocketAddr, time::Duration};

use actors::model::{
    address::{Endpoint, Transport},
    probe::{ProbeFailure, Stage},
};
use futures_util::io::{AsyncRead, AsyncWrite};
use libp2p_core::upgrade::OutboundConnectionUpgrade as _;
use libp2p_identity::PeerId;
use multistream_select::{Negotiated, Version, dialer_select_proto};
use tokio::{net::TcpStream, time::timeout};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt as _, TokioAsyncReadCompatExt as _};

use super::{
    byte_counter::{ByteCounter, CountedStream},
    failure::conversation_failure,
    handshake_scheduler::HandshakeScheduler,
    websocket,
};
use crate::probe::tcp::connect_failure;

const NOISE: &str = "/noise";

/// Bytes to and from the other side, whatever carries them.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// A connection that only the peer can read.
pub(super) type Secured = libp2p_noise::Output<Negotiated<Box<dyn Duplex>>>;

/// How often a dial waits for the other side, at most, until it is secured.
pub(super) fn round_trips(transport: Transport) -> u32 {
    match transport {
        // The connect; the two names and the two messages of noise together.
        Transport::Tcp => 2,
        // … and the change to a WebSocket.
        Transport::Ws => 3,
        // … and TLS: once, or twice with version 1.2.
        Transport::Wss => 5,
    }
}

/// Connects and secures. Each wait may take as long as the limit.
pub(super) async fn dial(
    endpoint: &Endpoint,
    address: SocketAddr,
    limit: Duration,
    counter: &ByteCounter,
) -> Result<Box<dyn Duplex>, ProbeFailure> {
    let stream = match timeout(limit, TcpStream::connect(address)).await {
        Ok(connected) => connected.map_err(connect_failure)?,
        Err(_) => return Err(ProbeFailure::Silent(Stage::Connect)),
    };
    // Every message is one that somebody waits for.
    let _ = stream.set_nodelay(true);
    let stream = counter.count(stream.compat());
    let upgrading = async {
        match endpoint.transport {
            Transport::Tcp => Ok(Box::new(stream) as Box<dyn Duplex>),
            Transport::Ws => {
                let stream = websocket::upgrade(stream.compat(), &endpoint.to_string()).await?;
                Ok(Box::new(stream) as Box<dyn Duplex>)
            }
            Transport::Wss => over_tls(endpoint, stream.compat()).await,
        }
    };
    match timeout(2 * limit, upgrading).await {
        Ok(upgraded) => upgraded,
        Err(_) => Err(ProbeFailure::Silent(Stage::Handshake)),
    }
}

#[cfg(not(feature = "tls"))]
#[expect(clippy::unused_async, reason = "as the one that can")]
async fn over_tls(
    _: &Endpoint,
    _: Compat<CountedStream<Compat<TcpStream>>>,
) -> Result<Box<dyn Duplex>, ProbeFailure> {
    Err(ProbeFailure::Impossible(NO_TLS.into()))
}

/// Why a mailserver that is reached over wss only is not probed.
#[cfg(not(feature = "tls"))]
pub(super) const NO_TLS: &str = "wss, and this program was built without the feature \"tls\"";

#[cfg(feature = "tls")]
async fn over_tls(
    endpoint: &Endpoint,
    stream: Compat<CountedStream<Compat<TcpStream>>>,
) -> Result<Box<dyn Duplex>, ProbeFailure> {
    use std::sync::{Arc, LazyLock};

    use actors::model::address::Host;
    use tokio_rustls::{
        TlsConnector,
        rustls::{ClientConfig, RootCertStore, pki_types::ServerName},
    };

    static CONFIG: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
        let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let config = ClientConfig::builder().with_root_certificates(roots);
        Arc::new(config.with_no_client_auth())
    });
    let name = match &endpoint.host {
        Host::Ip(ip) => ServerName::from(*ip),
        Host::Dns4(name) | Host::Dns6(name) => ServerName::try_from(name.clone())
            .map_err(|error| ProbeFailure::Impossible(error.to_string()))?,
    };
    let connector = TlsConnector::from(CONFIG.clone());
    let stream = connector.connect(name, stream).await;
    let stream = stream.map_err(|error| match error.kind() {
        // What rustls says of a certificate is worth reading.
        std::io::ErrorKind::InvalidData => ProbeFailure::Other(error.to_string()),
        _ => conversation_failure(error, Stage::Handshake),
    })?;
    let stream = websocket::upgrade(stream, &endpoint.to_string()).await?;
    Ok(Box::new(stream))
}

/// Secures a connection, and makes sure who is at the other end.
pub(super) async fn secure(
    stream: Box<dyn Duplex>,
    keys: libp2p_noise::Config,
    expected: PeerId,
    limit: Duration,
    scheduler: &HandshakeScheduler,
) -> Result<Secured, ProbeFailure> {
    let handshake = async {
        // Optimistic: the name of the protocol travels with the first message of it.
        let negotiating = dialer_select_proto(stream, [NOISE], Version::V1Lazy).await;
        let (_, stream) =
            negotiating.map_err(|error| conversation_failure(error.into(), Stage::Handshake))?;
        let shaken = keys.upgrade_outbound(stream, NOISE).await;
        shaken.map_err(|error| match error {
            libp2p_noise::Error::Io(error) => conversation_failure(error, Stage::Handshake),
            error => ProbeFailure::Other(format!("noise: {error}")),
        })
    };
    match timeout(limit, scheduler.run(handshake)).await {
        Ok(Ok((found, _))) if found != expected => Err(ProbeFailure::WrongPeer(found.to_base58())),
        Ok(shaken) => shaken.map(|(_, secured)| secured),
        Err(_) => Err(ProbeFailure::Silent(Stage::Handshake)),
    }
}
