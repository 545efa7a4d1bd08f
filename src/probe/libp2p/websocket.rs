//! A byte stream over a WebSocket (`/ws`, `/wss`), as the client's side of it.
//!
//! Each write becomes one binary message, as other libp2p implementations do it; incoming messages are one
//! stream of bytes. Pings of the WebSocket itself are not answered: no such implementation sends any.

use std::io;

use actix_codec::{AsyncRead as Read, AsyncWrite as Write, Framed};
use actix_http::ws::{Codec, Frame, Item, Message, ProtocolError, hash_key};
use actors::model::probe::{ProbeFailure, Stage};
use bytes::Bytes;
use futures_util::{
    SinkExt as _, TryStreamExt as _,
    future::ready,
    io::{AsyncRead, AsyncWrite},
};
use rand::{RngExt as _, distr::Alphanumeric};
use rw_stream_sink::RwStreamSink;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The longest head of an answer, in bytes.
const LONGEST_HEAD: usize = 4096;

/// The longest frame: a little more than the longest message of noise.
const LONGEST_FRAME: usize = 128 << 10;

/// Asks a web server to change over to a WebSocket.
pub(super) async fn upgrade<S>(
    mut stream: S,
    host: &str,
) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + use<S>, ProbeFailure>
where
    S: Read + Write + Send + Unpin + 'static,
{
    let failed = |error| super::failure::conversation_failure(error, Stage::Handshake);
    let key = key();
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    let head = read_head(&mut stream).await.map_err(failed)?;
    match accepts(&head, &key) {
        true => Ok(bytes_of(stream)),
        false => Err(ProbeFailure::NoProtocol(Stage::Handshake)),
    }
}

/// 16 random bytes in base64.
fn key() -> String {
    let letters = rand::rng().sample_iter(Alphanumeric).take(21);
    // The last letter stands for two bits only.
    letters.map(char::from).chain("A==".chars()).collect()
}

/// The head of the answer, and nothing of what follows it.
async fn read_head(stream: &mut (impl Read + Unpin)) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= LONGEST_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

fn accepts(head: &[u8], key: &str) -> bool {
    let Ok(head) = std::str::from_utf8(head) else {
        return false;
    };
    let proof = hash_key(key.as_bytes());
    let proven = |line: &str| {
        line.split_once(':').is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("sec-websocket-accept") && value.trim().as_bytes() == proof
        })
    };
    head.starts_with("HTTP/1.1 101") && head.lines().any(proven)
}

fn bytes_of<S>(stream: S) -> impl AsyncRead + AsyncWrite + Send + Unpin + use<S>
where
    S: Read + Write + Send + Unpin + 'static,
{
    let codec = Codec::new().client_mode().max_size(LONGEST_FRAME);
    let frames = Framed::new(stream, codec)
        .sink_map_err(failure)
        .with(|bytes: Vec<u8>| ready(Ok::<_, io::Error>(Message::Binary(bytes.into()))));
    RwStreamSink::new(
        frames
            .map_err(failure)
            .try_filter_map(|frame| ready(payload(frame))),
    )
}

fn payload(frame: Frame) -> io::Result<Option<Vec<u8>>> {
    let bytes: Bytes = match frame {
        Frame::Binary(bytes) => bytes,
        Frame::Continuation(
            Item::FirstBinary(bytes) | Item::Continue(bytes) | Item::Last(bytes),
        ) => bytes,
        Frame::Ping(_) | Frame::Pong(_) => return Ok(None),
        Frame::Close(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
        Frame::Text(_) | Frame::Continuation(Item::FirstText(_)) => {
            return Err(io::ErrorKind::InvalidData.into());
        }
    };
    // An empty read would mean the end.
    Ok((!bytes.is_empty()).then(|| bytes.to_vec()))
}

fn failure(error: ProtocolError) -> io::Error {
    match error {
        ProtocolError::Io(error) => error,
        error => io::Error::new(io::ErrorKind::InvalidData, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_proof_is_accepted() {
        // The example of RFC 6455, section 1.3.
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        let head = |status: &str, proof: &str| {
            format!(
                "HTTP/1.1 {status}\r\nUpgrade: websocket\r\nsec-websocket-accept: {proof}\r\n\r\n"
            )
        };
        let proof = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        assert!(accepts(
            head("101 Switching Protocols", proof).as_bytes(),
            key
        ));
        assert!(!accepts(head("400 Bad Request", proof).as_bytes(), key));
        assert!(!accepts(
            head("101 Switching Protocols", "x").as_bytes(),
            key
        ));
        assert_eq!(super::key().len(), 24);
    }
}
