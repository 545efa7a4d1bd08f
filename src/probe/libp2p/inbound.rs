//! What the other side asks of us, answered as far as it needs to stay with us while we ping it.
//!
//! * **Metadata** (`/vac/waku/metadata/1.0.0`): a node of a cluster asks every new peer for its cluster and
//!   shards, and closes the connection if there is no answer, another cluster, or (from a peer that relays)
//!   no common shard. So do go-waku (`waku_metadata.go`, `Connected`) and nwaku (`peer_manager.nim`,
//!   `onPeerMetadata`). Question and answer are the same message, with the shards in one
//!   or two fields depending on the version: **we give back what was asked**, which is its own cluster.
//! * **Identify**: nim-libp2p closes a new connection if this fails (`switch.nim`, `upgrader`).
//! * **Ping**: an echo.
//!
//! Everything else is refused by name, and the stream is kept until the other side ends it: when streams
//! were dropped instead, pings of real go-waku nodes failed.

use std::{io, rc::Rc};

use futures_util::io::{AsyncReadExt as _, AsyncWriteExt as _, copy, sink};
use multistream_select::listener_select_proto;

use super::{frame, identify, ping};

const METADATA: &str = "/vac/waku/metadata/1.0.0";

/// The protocols that we answer.
pub(super) const PROTOCOLS: [&str; 3] = [ping::PROTOCOL, identify::PROTOCOL, METADATA];

/// The longest question about metadata; nwaku reads no longer answer.
const LONGEST_METADATA: usize = 1024;

/// The most bytes of one stream that are read for nothing.
const MOST_IGNORED: u64 = 64 * 1024;

/// The most pings of one stream that are echoed: at one in 15 s, as is usual, more than a day's.
const MOST_ECHOES: u32 = 10_000;

/// Answers on one stream until the other side has ended it.
pub(super) async fn answer(stream: yamux::Stream, introduction: Rc<[u8]>) -> io::Result<()> {
    let (protocol, mut stream) = listener_select_proto(stream, PROTOCOLS).await?;
    match protocol {
        ping::PROTOCOL => return echo(stream).await,
        METADATA => {
            let question = frame::read(&mut stream, LONGEST_METADATA).await?;
            stream.write_all(&frame::framed(&question)).await?;
        }
        _ => stream.write_all(&introduction).await?,
    }
    stream.close().await?;
    copy(stream.take(MOST_IGNORED), &mut sink()).await.map(drop)
}

async fn echo(
    mut stream: impl futures_util::io::AsyncRead + futures_util::io::AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut payload = [0; ping::SIZE];
    for _ in 0..MOST_ECHOES {
        stream.read_exact(&mut payload).await?;
        stream.write_all(&payload).await?;
        stream.flush().await?;
    }
    Ok(())
}
