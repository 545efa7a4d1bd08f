//! A libp2p peer that goes as far as it is told.

use std::{
    cell::Cell,
    future::{pending, poll_fn},
    io,
    net::SocketAddr,
    rc::Rc,
};

use actix_codec::Framed;
use actix_http::ws::{Codec, Frame, Message, hash_key};
use futures_util::{
    SinkExt as _, TryStreamExt as _,
    future::ready,
    io::{AsyncReadExt as _, AsyncWriteExt as _},
};
use libp2p_core::upgrade::InboundConnectionUpgrade as _;
use libp2p_identity::Keypair;
use multistream_select::{Negotiated, Version, dialer_select_proto, listener_select_proto};
use rw_stream_sink::RwStreamSink;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};
use tokio_util::compat::TokioAsyncReadCompatExt as _;

/// How a peer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It answers pings, and lists a store.
    Good,
    /// It answers pings only after it was told its own cluster.
    Particular,
    /// It accepts, and that is all.
    SilentAfterConnect,
    /// It shows its key, and that is all.
    SilentAfterNoise,
    /// It agrees to the multiplexer, and that is all.
    SilentAfterMuxer,
    /// It pings, and says nothing of itself.
    SilentAfterPing,
    /// It knows no noise.
    NoNoise,
    /// It knows no yamux.
    NoMuxer,
    /// It knows no ping.
    NoPing,
    /// It keeps no history.
    NoStore,
    /// It speaks something else.
    Foreign,
    /// It closes at once.
    Closes,
    /// It answers pings, behind a web server.
    Web,
}

/// A peer on a port of its own.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) peer_id: String,
    accepted: Rc<Cell<usize>>,
    task: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A key of the kind that Waku nodes have.
pub(crate) fn secp256k1(secret: u8) -> Keypair {
    let secret = libp2p_identity::secp256k1::SecretKey::try_from_bytes([secret; 32]);
    libp2p_identity::secp256k1::Keypair::from(secret.unwrap()).into()
}

impl Peer {
    pub(crate) async fn start(manner: Manner) -> Self {
        Self::start_at("127.0.0.1:0", secp256k1(7), manner)
            .await
            .unwrap()
    }

    pub(crate) async fn start_at(place: &str, keys: Keypair, manner: Manner) -> io::Result<Self> {
        let listener = TcpListener::bind(place).await?;
        let address = listener.local_addr()?;
        let accepted = Rc::new(Cell::new(0));
        let count = accepted.clone();
        let peer_id = keys.public().to_peer_id().to_base58();
        let task = actix_rt::spawn(async move {
            // Ends its connections with itself.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.set(count.get() + 1);
                let keys = keys.clone();
                connections.spawn_local(async move {
                    let _ = talk(stream, keys, manner).await;
                });
            }
        });
        Ok(Self {
            address,
            peer_id,
            accepted,
            task,
        })
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.get()
    }

    pub(crate) fn multiaddr(&self) -> String {
        let kind = if self.address.is_ipv4() { "ip4" } else { "ip6" };
        let (ip, port) = (self.address.ip(), self.address.port());
        format!("/{kind}/{ip}/tcp/{port}/p2p/{}", self.peer_id)
    }
}

/// What a web server says to strangers.
const BAD_REQUEST: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
    Connection: close\r\n\r\n400 Bad Request";

async fn talk(mut stream: TcpStream, keys: Keypair, manner: Manner) -> io::Result<()> {
    match manner {
        Manner::SilentAfterConnect => pending().await,
        Manner::Closes => return Ok(()),
        Manner::Foreign => {
            tokio::io::AsyncWriteExt::write_all(&mut stream, BAD_REQUEST).await?;
            pending().await
        }
        _ => {}
    }
    match manner {
        Manner::Web => converse(web(stream).await?, keys, manner).await,
        _ => converse(stream.compat(), keys, manner).await,
    }
}

async fn converse(stream: impl Both, keys: Keypair, manner: Manner) -> io::Result<()> {
    let noise = if manner == Manner::NoNoise {
        "/tls/1.0.0"
    } else {
        "/noise"
    };
    let (_, stream) = listener_select_proto(stream, [noise]).await?;
    let config = libp2p_noise::Config::new(&keys).unwrap();
    let secured = config.upgrade_inbound(stream, "/noise").await;
    let (_, secured) = secured.map_err(io::Error::other)?;
    if manner == Manner::SilentAfterNoise {
        let _held = secured;
        return pending().await;
    }
    let muxer = if manner == Manner::NoMuxer {
        "/mplex/6.7.0"
    } else {
        "/yamux/1.0.0"
    };
    let (_, stream) = listener_select_proto(secured, [muxer]).await?;
    multiplexed(stream, keys, manner).await
}

/// Changes over to a WebSocket.
async fn web(mut stream: TcpStream) -> io::Result<impl Both> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let key = head
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
    let proof = hash_key(key.unwrap().as_bytes());
    let proof = std::str::from_utf8(&proof).unwrap();
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {proof}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    let frames = Framed::new(stream, Codec::new())
        .sink_map_err(io::Error::other)
        .with(|bytes: Vec<u8>| ready(Ok::<_, io::Error>(Message::Binary(bytes.into()))));
    let bytes = frames.map_err(io::Error::other).try_filter_map(|frame| {
        ready(Ok(match frame {
            Frame::Binary(bytes) => Some(bytes.to_vec()),
            _ => None,
        }))
    });
    Ok(RwStreamSink::new(bytes))
}

/// Bytes in both directions.
trait Both:
    futures_util::io::AsyncRead + futures_util::io::AsyncWrite + Send + Unpin + 'static
{
}

impl<S> Both for S where
    S: futures_util::io::AsyncRead + futures_util::io::AsyncWrite + Send + Unpin + 'static
{
}

async fn multiplexed<S>(stream: S, keys: Keypair, manner: Manner) -> io::Result<()>
where
    S: futures_util::io::AsyncRead + futures_util::io::AsyncWrite + Unpin + 'static,
{
    let mut connection =
        yamux::Connection::new(stream, yamux::Config::default(), yamux::Mode::Server);
    if manner == Manner::SilentAfterMuxer {
        // Reading is what says yes.
        let _first = poll_fn(|context| connection.poll_next_inbound(context)).await;
        return pending().await;
    }
    let told = Rc::new(Notify::new());
    let mut streams = tokio::task::JoinSet::new();
    if manner == Manner::Particular {
        let asked = poll_fn(|context| connection.poll_new_outbound(context)).await;
        let (asked, told) = (asked.map_err(io::Error::other)?, told.clone());
        streams.spawn_local(async move {
            if ask(asked).await.is_ok_and(|answer| answer == CLUSTER) {
                told.notify_one();
            }
        });
    } else {
        told.notify_one();
    }
    while let Some(Ok(stream)) = poll_fn(|context| connection.poll_next_inbound(context)).await {
        let (keys, told) = (keys.clone(), told.clone());
        streams.spawn_local(async move {
            let _ = answer(stream, keys, manner, &told).await;
        });
    }
    Ok(())
}

/// Cluster 1, shard 5, and their length.
const CLUSTER: [u8; 6] = [5, 8, 1, 18, 1, 5];

async fn ask(stream: yamux::Stream) -> io::Result<Vec<u8>> {
    let protocol = "/vac/waku/metadata/1.0.0";
    let (_, mut stream) = dialer_select_proto(stream, [protocol], Version::V1).await?;
    stream.write_all(&CLUSTER).await?;
    stream.close().await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

async fn answer(
    stream: yamux::Stream,
    keys: Keypair,
    manner: Manner,
    told: &Notify,
) -> io::Result<()> {
    const PING: &str = "/ipfs/ping/1.0.0";
    const IDENTIFY: &str = "/ipfs/id/1.0.0";
    let known = match manner {
        Manner::NoPing => [IDENTIFY, IDENTIFY],
        _ => [PING, IDENTIFY],
    };
    let (protocol, mut stream) = listener_select_proto(stream, known).await?;
    if protocol == PING {
        told.notified().await;
        return echo(stream).await;
    }
    if manner == Manner::SilentAfterPing {
        let _held = stream;
        return pending().await;
    }
    let store = match manner {
        Manner::NoStore => "/vac/waku/relay/2.0.0",
        _ => "/vac/waku/store-query/3.0.0",
    };
    let key = keys.public().encode_protobuf();
    let message = [
        &[10, key.len() as u8],
        key.as_slice(),
        &[26, store.len() as u8],
        store.as_bytes(),
    ]
    .concat();
    stream.write_all(&[message.len() as u8]).await?;
    stream.write_all(&message).await?;
    stream.close().await
}

async fn echo(mut stream: Negotiated<yamux::Stream>) -> io::Result<()> {
    let mut payload = [0; 32];
    loop {
        stream.read_exact(&mut payload).await?;
        stream.write_all(&payload).await?;
        stream.flush().await?;
    }
}
