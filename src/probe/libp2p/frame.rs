//! Messages on a stream: protocol buffers, each with its length in front.

use std::io;

use futures_util::io::{AsyncRead, AsyncReadExt as _};

/// Reads a message of at most so many bytes.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    longest: usize,
) -> io::Result<Vec<u8>> {
    let mut length = 0_usize;
    for shift in (0..28).step_by(7) {
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        length |= usize::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            break;
        }
    }
    if length > longest {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await?;
    Ok(message)
}

/// Puts the length in front of a message.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(prost::length_delimiter_len(message.len()) + message.len());
    prost::encode_length_delimiter(message.len(), &mut framed).expect("a vector grows");
    framed.extend_from_slice(message);
    framed
}
