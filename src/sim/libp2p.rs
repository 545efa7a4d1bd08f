//! The libp2p side of a mailserver: enough of it to be pinged, identified and asked what it holds ([`store`]), and as
//! particular about its peers as real ones.
//!
//! It asks every new peer for its cluster and closes the connection if the answer is none of its own, as
//! go-waku and nwaku do; and it takes its time, as set: see [`delay`].

pub(super) mod store;

use std::{future::poll_fn, io, rc::Rc, task::Poll, time::Duration};

use futures_util::{
    StreamExt as _,
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    stream::FuturesUnordered,
};
use libp2p_core::upgrade::InboundConnectionUpgrade as _;
use libp2p_identity::{Keypair, PublicKey};
use multistream_select::{Version, dialer_select_proto, listener_select_proto};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, SimplexStream, WriteHalf},
    net::tcp::OwnedReadHalf,
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::compat::Compat;

const NOISE: &str = "/noise";
const YAMUX: &str = "/yamux/1.0.0";
const PING: &str = "/ipfs/ping/1.0.0";
const IDENTIFY: &str = "/ipfs/id/1.0.0";
const METADATA: &str = "/vac/waku/metadata/1.0.0";

/// What a mailserver lists beside ping and identify.
const STORES: [&str; 2] = ["/vac/waku/store/2.0.0-beta4", store::PROTOCOL];

/// Cluster 16 and shard 32, with the shards in both fields that versions of the message have; its length first.
const QUESTION: [u8; 9] = [8, 8, 16, 18, 1, 32, 26, 1, 32];

/// Chunks of bytes that may be on their way at a time.
const MOST_CHUNKS: usize = 64;

/// The keys of a mailserver, made once because that takes a while.
pub(super) struct Keys {
    noise: libp2p_noise::Config,
    introduction: Rc<[u8]>,
}

impl Keys {
    pub(super) fn new(keys: &Keypair) -> io::Result<Self> {
        Ok(Self {
            noise: libp2p_noise::Config::new(keys).map_err(io::Error::other)?,
            introduction: introduction(&keys.public()).into(),
        })
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// Bytes as they come, and as long after that as the mailserver takes to answer. Each chunk waits for itself:
/// many at once take no longer than one. While `thawed` does not end, nothing moves.
pub(super) async fn delay<T: Future>(
    mut from: OwnedReadHalf,
    mut to: WriteHalf<SimplexStream>,
    latency: impl Fn() -> Duration,
    thawed: impl Fn() -> T,
) -> io::Result<()> {
    let (sender, mut arriving) = mpsc::channel(MOST_CHUNKS);
    let reading = async move {
        let mut buffer = vec![0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            let due = Instant::now() + latency();
            if sender.send((due, buffer[..count].to_vec())).await.is_err() {
                break;
            }
        }
    };
    let writing = async {
        while let Some((due, bytes)) = arriving.recv().await {
            sleep_until(due).await;
            thawed().await;
            to.write_all(&bytes).await?;
        }
        thawed().await;
        to.shutdown().await
    };
    tokio::join!(reading, writing).1
}

/// Who answers store queries.
pub(super) trait Store {
    /// Whether it does.
    fn is_supported(&self) -> bool;

    /// The answer to a question, its length in front; `None`: the stream just ends.
    fn answer(&self, question: &[u8]) -> Option<Vec<u8>>;
}

/// Talks to one peer until either side has enough. `patience` is what the peer has to answer in.
pub(super) async fn serve<S>(
    stream: Compat<S>,
    keys: &Keys,
    store: &impl Store,
    patience: impl Future<Output = ()>,
) -> io::Result<()>
where
    Compat<S>: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (_, stream) = listener_select_proto(stream, [NOISE]).await?;
    let secured = keys.noise.clone().upgrade_inbound(stream, NOISE).await;
    let (_, secured) = secured.map_err(io::Error::other)?;
    let (_, stream) = listener_select_proto(secured, [YAMUX]).await?;
    let mut connection =
        yamux::Connection::new(stream, yamux::Config::default(), yamux::Mode::Server);
    let question = poll_fn(|context| connection.poll_new_outbound(context)).await;
    let asking = ask(question.map_err(io::Error::other)?);
    let mut answering = FuturesUnordered::new();
    let talking = poll_fn(|context| {
        loop {
            while let Poll::Ready(Some(_)) = answering.poll_next_unpin(context) {}
            match connection.poll_next_inbound(context) {
                Poll::Ready(Some(Ok(stream))) => {
                    answering.push(answer(stream, keys.introduction.clone(), store));
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    });
    let checking = async {
        tokio::select! {
            answered = asking => if answered.is_ok() { std::future::pending().await },
            () = patience => {}
        }
    };
    tokio::select! {
        () = talking => {}
        () = checking => {}
    }
    Ok(())
}

/// Asks a peer for its cluster; an error unless it is ours.
async fn ask(stream: yamux::Stream) -> io::Result<()> {
    let (_, mut stream) = dialer_select_proto(stream, [METADATA], Version::V1).await?;
    stream.write_all(&QUESTION).await?;
    stream.close().await?;
    let mut answer = Vec::new();
    stream.take(1024).read_to_end(&mut answer).await?;
    match answer == QUESTION {
        true => Ok(()),
        false => Err(io::ErrorKind::InvalidData.into()),
    }
}

async fn answer(
    stream: yamux::Stream,
    introduction: Rc<[u8]>,
    store: &impl Store,
) -> io::Result<()> {
    let known = [PING, IDENTIFY, store::PROTOCOL];
    let known = &known[..if store.is_supported() { 3 } else { 2 }];
    let (&protocol, mut stream) = listener_select_proto(stream, known).await?;
    match protocol {
        IDENTIFY => stream.write_all(&introduction).await?,
        store::PROTOCOL => {
            let question = question(&mut stream).await?;
            if let Some(answer) = store.answer(&question) {
                stream.write_all(&answer).await?;
            }
        }
        _ => return echo(stream).await,
    }
    stream.close().await
}

/// Reads a question, the length of which is in front of it.
async fn question(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while head.last().is_none_or(|byte| byte & 0x80 != 0) {
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        head.push(byte[0]);
    }
    let length = prost::decode_length_delimiter(head.as_slice())?;
    if length > store::LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut question = vec![0; length];
    stream.read_exact(&mut question).await?;
    Ok(question)
}

async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut payload = [0; 32];
    loop {
        stream.read_exact(&mut payload).await?;
        stream.write_all(&payload).await?;
        stream.flush().await?;
    }
}

/// What a mailserver says of itself. No part of it has 128 bytes, so that each length is one byte.
fn introduction(key: &PublicKey) -> Vec<u8> {
    let key = key.encode_protobuf();
    let protocols = [PING, IDENTIFY, METADATA].into_iter().chain(STORES);
    let fields = [(0x0a, key.as_slice())].into_iter();
    let fields = fields.chain(protocols.map(|name| (0x1a, name.as_bytes())));
    let message: Vec<u8> = fields
        .flat_map(|(field, value)| [&[field, value.len() as u8], value].concat())
        .collect();
    let length = message.len();
    [
        &[length as u8 | 0x80, (length >> 7) as u8],
        message.as_slice(),
    ]
    .concat()
}
