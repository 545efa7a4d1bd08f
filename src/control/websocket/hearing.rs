//! What a client says on a socket on which it has nothing to say: pings, the end, and what is of no interest.

use actix_codec::Decoder as _;
use actix_http::ws::{CloseCode, CloseReason, Codec, Frame, Item, ProtocolError};
use actix_web::web::{Bytes, BytesMut};

/// The largest message that is ignored, in bytes: a larger one ends the conversation.
pub(super) const LARGEST: usize = 4096;

/// The longest head of a frame (RFC 6455, 5.2).
const HEAD: usize = 14;

/// Reads what a client sends. It keeps no more than a frame that has not come in full.
pub(super) struct Hearing {
    codec: Codec,
    unread: BytesMut,
    /// The size of the fragments of a message so far.
    fragments: usize,
}

/// What was in some bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// The payload of the last ping, which is the one to be answered (RFC 6455, 5.5.3).
    pub(super) ping: Option<Bytes>,
    /// What the conversation ends with.
    pub(super) end: Option<End>,
}

/// Why a conversation ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client ends it, with a code or without.
    Closed(Option<CloseCode>),
    /// What it sends is too large, or no frame of a client.
    Refused(CloseReason),
}

impl Hearing {
    pub(super) fn new() -> Self {
        Self {
            codec: Codec::new().max_size(LARGEST),
            unread: BytesMut::new(),
            fragments: 0,
        }
    }

    /// Reads some more; what comes behind the end is left alone.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Said {
        self.unread.extend_from_slice(bytes);
        let mut said = Said::default();
        while said.end.is_none() {
            match self.codec.decode(&mut self.unread) {
                Ok(Some(Frame::Ping(payload))) => said.ping = Some(payload),
                Ok(Some(Frame::Close(reason))) => {
                    said.end = Some(End::Closed(reason.map(|it| it.code)));
                }
                Ok(Some(frame)) => said.end = self.too_large(&frame),
                // The codec would wait for all of a frame before it looks at its size.
                Ok(None) if self.unread.len() > LARGEST + HEAD => said.end = Some(too_large()),
                Ok(None) => break,
                Err(ProtocolError::Overflow) => said.end = Some(too_large()),
                Err(error) => said.end = Some(refuse(CloseCode::Protocol, error.to_string())),
            }
        }
        said
    }

    /// Whether the message that this fragment belongs to is.
    fn too_large(&mut self, frame: &Frame) -> Option<End> {
        let Frame::Continuation(fragment) = frame else {
            return None;
        };
        self.fragments = match fragment {
            Item::FirstText(bytes) | Item::FirstBinary(bytes) => bytes.len(),
            Item::Continue(bytes) | Item::Last(bytes) => self.fragments + bytes.len(),
        };
        (self.fragments > LARGEST).then(too_large)
    }
}

fn too_large() -> End {
    let limit = format!("nothing larger than {LARGEST} bytes is taken");
    refuse(CloseCode::Size, limit)
}

fn refuse(code: CloseCode, description: String) -> End {
    let description = Some(description);
    End::Refused(CloseReason { code, description })
}

#[cfg(test)]
mod tests {
    use actix_codec::Encoder as _;
    use actix_http::ws::Message;

    use super::*;

    fn sent(messages: impl IntoIterator<Item = Message>) -> BytesMut {
        let mut client = Codec::new().client_mode();
        let mut bytes = BytesMut::new();
        for message in messages {
            client.encode(message, &mut bytes).unwrap();
        }
        bytes
    }

    fn ping(payload: &'static str) -> Message {
        Message::Ping(Bytes::from_static(payload.as_bytes()))
    }

    fn bytes(size: usize) -> Bytes {
        Bytes::from(vec![b'x'; size])
    }

    fn code(said: &Said) -> Option<CloseCode> {
        match said.end.as_ref()? {
            End::Refused(reason) => Some(reason.code),
            End::Closed(_) => None,
        }
    }

    #[test]
    fn the_last_ping_is_to_be_answered_however_its_bytes_come() {
        let small = Message::Text("hello".into());
        let all = sent([ping("one"), small, ping("two")]);
        let at_once = Hearing::new().hear(&all);
        assert_eq!(at_once.ping, Some(Bytes::from_static(b"two")));
        assert_eq!(at_once.end, None);
        let mut hearing = Hearing::new();
        let pings: Vec<_> = all
            .chunks(1)
            .filter_map(|it| hearing.hear(it).ping)
            .collect();
        assert_eq!(pings, ["one", "two"]);
    }

    #[test]
    fn messages_are_ignored_up_to_a_size() {
        let message = |size| sent([Message::Binary(bytes(size))]);
        assert_eq!(Hearing::new().hear(&message(LARGEST)), Said::default());
        let said = Hearing::new().hear(&message(LARGEST + 1));
        assert_eq!(code(&said), Some(CloseCode::Size));
    }

    #[test]
    fn a_message_that_never_ends_is_too_large_before_it_is_kept() {
        // The head of a frame of a gibibyte.
        let head = [0x82, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4];
        let mut hearing = Hearing::new();
        assert_eq!(hearing.hear(&head), Said::default());
        assert_eq!(hearing.hear(&bytes(LARGEST)), Said::default());
        assert_eq!(code(&hearing.hear(b"x")), Some(CloseCode::Size));
    }

    #[test]
    fn the_fragments_of_a_message_count_together() {
        let (first, more, last) = (LARGEST / 2, LARGEST / 2, bytes(1));
        let message = |last| {
            [
                Message::Continuation(Item::FirstText(bytes(first))),
                Message::Continuation(Item::Continue(bytes(more))),
                Message::Continuation(Item::Last(last)),
            ]
        };
        let fitting = || message(Bytes::new()).into_iter();
        let all = sent(fitting().chain(fitting()));
        assert_eq!(Hearing::new().hear(&all), Said::default());
        let said = Hearing::new().hear(&sent(message(last)));
        assert_eq!(code(&said), Some(CloseCode::Size));
    }

    #[test]
    fn what_is_no_frame_of_a_client_is_refused_and_a_close_is_the_end() {
        let unmasked = [0x81, 1, b'x'];
        let said = Hearing::new().hear(&unmasked);
        assert_eq!(code(&said), Some(CloseCode::Protocol));
        let close = Message::Close(Some(CloseCode::Normal.into()));
        let said = Hearing::new().hear(&sent([close, ping("late")]));
        let end = Some(End::Closed(Some(CloseCode::Normal)));
        assert_eq!(said, Said { ping: None, end });
    }
}
