//! Ping (`/ipfs/ping/1.0.0`): 32 bytes that come back.

use std::{io, time::Duration};

use futures_util::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use rand::Rng as _;
use tokio::time::Instant;

/// The name of the protocol.
pub(super) const PROTOCOL: &str = "/ipfs/ping/1.0.0";

/// The bytes of one ping.
pub(super) const SIZE: usize = 32;

/// Sends one ping and waits for its echo.
pub(super) async fn ping(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> io::Result<Duration> {
    let mut payload = [0; SIZE];
    rand::rng().fill_bytes(&mut payload);
    let begun = Instant::now();
    stream.write_all(&payload).await?;
    stream.flush().await?;
    let mut echo = [0; SIZE];
    stream.read_exact(&mut echo).await?;
    let rtt = begun.elapsed();
    match echo == payload {
        true => Ok(rtt),
        false => Err(io::ErrorKind::InvalidData.into()),
    }
}
