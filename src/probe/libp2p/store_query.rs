//! Store queries (13/WAKU2-STORE version 3): which messages a mailserver holds, by their hashes alone.
//!
//! One question and one answer on each stream, a page of at most 100 hashes in each answer; the next page follows the
//! cursor, which is the last hash of the one before. What is asked next is decided in [`pages`]; [`wire`] knows the
//! messages.

pub(in crate::probe) mod pages;
mod wire;

use std::io;

use actors::messages::store::StoreFailure;
use futures_util::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use super::frame;
pub(super) use wire::{Page, Request};

/// The name of the protocol.
pub(super) const PROTOCOL: &str = "/vac/waku/store-query/3.0.0";

/// The longest answer that is read. A page of 100 hashes has 3,800 bytes, and 7,200 if each of them names its topic.
const LONGEST: usize = 16 << 10;

/// Asks for one page.
pub(super) async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &Request,
) -> io::Result<Result<Page, StoreFailure>> {
    stream.write_all(&request.framed()).await?;
    stream.flush().await?;
    let answer = frame::read(stream, LONGEST).await?;
    // It is the other side that ends the stream; a failure to do so as well is none of the query.
    let _ = stream.close().await;
    Ok(wire::page(&answer))
}
