//! WebSocket frames (RFC 6455), decoded as they arrive.
//!
//! awc's own codec buffers a frame before it shows it, and refuses long ones. This one shows the first
//! bytes of a text message to [`peek`] and, if nobody needs the signal, throws the rest away while it is
//! being received: a message of 50 MB costs no memory. Needed signals are put together from their fragments, up to a
//! length; of some it is still told that they came if they are longer.

use std::{io, rc::Rc};

use actix_codec::{Decoder, Encoder};
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use crate::node::{
    signals::{HEAD, Kind, LONGEST_UNORDERED, Peek, peek},
    traffic::SignalCounts,
};

/// The longest control frame, in bytes (RFC 6455, 5.5).
const LONGEST_CONTROL: u64 = 125;

/// What arrived.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A needed signal, whole. `None`: its type is not its first member, so it has to be read to be known.
    Signal(Option<Kind>, Vec<u8>),
    /// A needed signal that was too long to be kept, and says something by having come.
    Overlong(Kind),
    /// To be answered by [`Outgoing::Pong`] with the same bytes.
    Ping(Bytes),
    /// The node closes the connection.
    Close,
}

/// What is sent: a client's frames, masked.
#[derive(Debug)]
pub enum Outgoing {
    /// The answer to a ping.
    Pong(Bytes),
    /// The answer to a close, or our own.
    Close,
}

/// Why a connection cannot be read any further.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The node broke the protocol.
    #[error("websocket protocol: {0}")]
    Protocol(&'static str),
    /// The connection broke.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The frame being received.
#[derive(Debug)]
enum Frame {
    /// Its header is not complete.
    Header,
    /// A part of a message, of which so many bytes are still to come.
    Data { left: u64, last: bool },
    /// A control frame, small enough to be waited for.
    Control { opcode: u8, length: usize },
}

/// What is done with the message being received.
#[derive(Debug)]
enum Message {
    /// No message is being received: the next frame begins one.
    Between,
    /// Its first bytes do not tell yet whether it is needed.
    Undecided(Vec<u8>),
    /// It may be needed: its bytes are kept.
    Kept(Option<Kind>, Vec<u8>),
    /// It is not needed: its bytes are thrown away.
    Discarded,
    /// It is too long to be kept, but whoever needs it is told that it came.
    Overlong(Kind),
}

/// The codec of the signal socket.
#[derive(Debug)]
pub struct SignalCodec {
    frame: Frame,
    message: Message,
    counts: Rc<SignalCounts>,
}

impl Default for SignalCodec {
    fn default() -> Self {
        Self::new(Rc::default())
    }
}

impl SignalCodec {
    /// A codec at the beginning of a connection, which counts what it sees.
    #[must_use]
    pub fn new(counts: Rc<SignalCounts>) -> Self {
        Self {
            frame: Frame::Header,
            message: Message::Between,
            counts,
        }
    }

    /// How many messages arrived so far, and how many of them were of no use.
    #[must_use]
    pub fn counts(&self) -> &SignalCounts {
        &self.counts
    }

    /// How many bytes are held of the message being received.
    #[must_use]
    pub fn buffered(&self) -> usize {
        match &self.message {
            Message::Undecided(bytes) | Message::Kept(_, bytes) => bytes.capacity(),
            Message::Between | Message::Discarded | Message::Overlong(_) => 0,
        }
    }

    /// Reads a header; false if it is not complete.
    fn header(&mut self, source: &mut BytesMut) -> Result<bool, FrameError> {
        let Some((first, length, header)) = parse_header(source)? else {
            return Ok(false);
        };
        let (last, opcode) = (first & 0x80 != 0, first & 0x0f);
        if opcode >= 8 && (!last || length > LONGEST_CONTROL) {
            return Err(FrameError::Protocol(
                "control frame too long or in fragments",
            ));
        }
        self.frame = match opcode {
            0 if matches!(self.message, Message::Between) => {
                return Err(FrameError::Protocol("continuation of nothing"));
            }
            0 => Frame::Data { left: length, last },
            1 | 2 if !matches!(self.message, Message::Between) => {
                return Err(FrameError::Protocol("message within a message"));
            }
            1 => {
                self.message = Message::Undecided(Vec::new());
                Frame::Data { left: length, last }
            }
            2 => {
                // Signals are text: recorded on every version.
                self.counts.count_malformed();
                self.message = Message::Discarded;
                Frame::Data { left: length, last }
            }
            8..=10 => Frame::Control {
                opcode,
                length: usize::try_from(length).unwrap_or_default(),
            },
            _ => return Err(FrameError::Protocol("reserved opcode")),
        };
        source.advance(header);
        Ok(true)
    }

    /// Takes what has arrived of a data frame; the signal, if that completes a needed one.
    fn data(&mut self, left: u64, last: bool, source: &mut BytesMut) -> Option<Incoming> {
        let here = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(source.len());
        let left = left - here as u64;
        self.take(&source[..here], left);
        source.advance(here);
        if left > 0 {
            self.frame = Frame::Data { left, last };
            return None;
        }
        self.frame = Frame::Header;
        if last { self.finish() } else { None }
    }

    /// Takes bytes of a message, of which at least so many more are to come.
    fn take(&mut self, bytes: &[u8], left: u64) {
        match &mut self.message {
            Message::Between | Message::Discarded | Message::Overlong(_) => {}
            Message::Undecided(head) => {
                let (enough, rest) = bytes.split_at(bytes.len().min(HEAD - head.len()));
                // Almost always the whole head is in the first bytes: then nothing is copied to look at it.
                let verdict = if head.is_empty() {
                    peek(enough)
                } else {
                    head.extend_from_slice(enough);
                    peek(head)
                };
                let mut kept = std::mem::take(head);
                if kept.is_empty() && !matches!(verdict, Peek::Foreign | Peek::Malformed) {
                    kept.extend_from_slice(enough);
                }
                self.message = match verdict {
                    Peek::NeedMore => Message::Undecided(kept),
                    Peek::Wanted(kind) => Message::Kept(Some(kind), kept),
                    Peek::Unordered => Message::Kept(None, kept),
                    Peek::Foreign => self.discard(SignalCounts::count_skipped),
                    Peek::Malformed => self.discard(SignalCounts::count_malformed),
                };
                if !rest.is_empty() {
                    self.take(rest, left);
                }
            }
            Message::Kept(kind, kept) => {
                let kind = *kind;
                let length = (kept.len() + bytes.len()) as u64 + left;
                if length > kind.map_or(LONGEST_UNORDERED, Kind::longest) as u64 {
                    self.message = self.overlong(kind);
                } else {
                    kept.extend_from_slice(bytes);
                }
            }
        }
    }

    fn overlong(&self, kind: Option<Kind>) -> Message {
        match kind.filter(|kind| kind.tells_unread()) {
            Some(kind) => Message::Overlong(kind),
            None => self.discard(SignalCounts::count_malformed),
        }
    }

    fn discard(&self, count: fn(&SignalCounts)) -> Message {
        count(&self.counts);
        Message::Discarded
    }

    fn finish(&mut self) -> Option<Incoming> {
        self.counts.count_received();
        match std::mem::replace(&mut self.message, Message::Between) {
            Message::Kept(kind, signal) => Some(Incoming::Signal(kind, signal)),
            Message::Overlong(kind) => Some(Incoming::Overlong(kind)),
            Message::Undecided(_) => {
                self.counts.count_malformed();
                None
            }
            Message::Between | Message::Discarded => None,
        }
    }
}

/// First byte, length of the payload and length of the header itself; `None` if it is not complete.
fn parse_header(source: &[u8]) -> Result<Option<(u8, u64, usize)>, FrameError> {
    let &[first, second, ref rest @ ..] = source else {
        return Ok(None);
    };
    if first & 0x70 != 0 {
        return Err(FrameError::Protocol("reserved bits"));
    }
    if second & 0x80 != 0 {
        return Err(FrameError::Protocol("masked frame from a server"));
    }
    Ok(match second {
        126 => rest
            .first_chunk()
            .map(|bytes| (first, u64::from(u16::from_be_bytes(*bytes)), 4)),
        127 => rest
            .first_chunk()
            .map(|bytes| (first, u64::from_be_bytes(*bytes), 10)),
        length => Some((first, u64::from(length), 2)),
    })
}

impl Decoder for SignalCodec {
    type Item = Incoming;
    type Error = FrameError;

    /// Takes everything that can be taken: skipped messages are not shown, so `None` means that more bytes
    /// are needed, never that there was nothing.
    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Incoming>, FrameError> {
        loop {
            match self.frame {
                Frame::Header => {
                    if !self.header(source)? {
                        return Ok(None);
                    }
                }
                Frame::Data { left, last } => {
                    if left > 0 && source.is_empty() {
                        return Ok(None);
                    }
                    if let Some(signal) = self.data(left, last, source) {
                        return Ok(Some(signal));
                    }
                }
                Frame::Control { opcode, length } => {
                    if source.len() < length {
                        return Ok(None);
                    }
                    let payload = Bytes::copy_from_slice(&source[..length]);
                    source.advance(length);
                    self.frame = Frame::Header;
                    match opcode {
                        8 => return Ok(Some(Incoming::Close)),
                        9 => return Ok(Some(Incoming::Ping(payload))),
                        _ => {} // A pong nobody asked for is allowed and means nothing.
                    }
                }
            }
        }
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> Result<Option<Incoming>, FrameError> {
        // Whatever is incomplete stays so.
        self.decode(source)
    }
}

impl Encoder<Outgoing> for SignalCodec {
    type Error = FrameError;

    fn encode(&mut self, frame: Outgoing, out: &mut BytesMut) -> Result<(), FrameError> {
        let (opcode, payload) = match frame {
            Outgoing::Pong(payload) => (10, payload),
            Outgoing::Close => (8, Bytes::new()),
        };
        let length = u8::try_from(payload.len())
            .ok()
            .filter(|length| u64::from(*length) <= LONGEST_CONTROL);
        let length = length.ok_or(FrameError::Protocol("control frame too long"))?;
        let mask: [u8; 4] = rand::random();
        out.put_u8(0x80 | opcode);
        out.put_u8(0x80 | length);
        out.put_slice(&mask);
        out.extend(
            payload
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
        Ok(())
    }
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
