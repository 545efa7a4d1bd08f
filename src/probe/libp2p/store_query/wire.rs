//! The messages of a store query, as far as hashes need them.

use actors::{messages::store::StoreFailure, model::topic::MessageHash};
use prost::Message;

/// What a store says of its failures is shown to people: so much of it.
const MOST_WORDS: usize = 200;

/// A question for one page (`StoreQueryRequest`). No data is asked for, which is what a store takes its absence for.
#[derive(Clone, PartialEq, Message)]
pub(in crate::probe) struct Request {
    /// Any text but an empty one. Answers are not told by it: a failure repeats none, or `N/A`.
    #[prost(string, tag = "1")]
    pub(in crate::probe) id: String,
    #[prost(string, optional, tag = "10")]
    pub(in crate::probe) pubsub: Option<String>,
    #[prost(string, repeated, tag = "11")]
    pub(in crate::probe) contents: Vec<String>,
    /// Nanoseconds since 1970; included.
    #[prost(sint64, optional, tag = "12")]
    pub(in crate::probe) from: Option<i64>,
    /// Nanoseconds since 1970; included by nwaku, excluded by the specification.
    #[prost(sint64, optional, tag = "13")]
    pub(in crate::probe) until: Option<i64>,
    /// The hash after which the page begins.
    #[prost(bytes = "vec", optional, tag = "51")]
    pub(in crate::probe) cursor: Option<Vec<u8>>,
    /// The oldest first.
    #[prost(bool, tag = "52")]
    pub(in crate::probe) forward: bool,
    /// The most hashes of the page; stores have a limit of their own, 100.
    #[prost(uint64, optional, tag = "53")]
    pub(in crate::probe) limit: Option<u64>,
}

impl Request {
    /// As it goes over the wire, its length in front.
    pub(super) fn framed(&self) -> Vec<u8> {
        self.encode_length_delimited_to_vec()
    }
}

/// `StoreQueryResponse`.
#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(uint32, optional, tag = "10")]
    status: Option<u32>,
    /// A text, if the store sticks to it.
    #[prost(bytes = "vec", tag = "11")]
    words: Vec<u8>,
    #[prost(message, repeated, tag = "20")]
    entries: Vec<Entry>,
    #[prost(bytes = "vec", tag = "51")]
    cursor: Vec<u8>,
}

/// `WakuMessageKeyValue`, the key of it.
#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(bytes = "vec", tag = "1")]
    hash: Vec<u8>,
}

/// One page of what a store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::probe) struct Page {
    pub(in crate::probe) hashes: Vec<MessageHash>,
    /// After which there is more.
    pub(in crate::probe) cursor: Option<MessageHash>,
}

/// Reads an answer.
pub(super) fn page(answer: &[u8]) -> Result<Page, StoreFailure> {
    let response = Response::decode(answer);
    let response = response.map_err(|error| StoreFailure::Broken(error.to_string()))?;
    match response.status {
        Some(200..300) => response.page(),
        Some(status @ (429 | 503)) => Err(StoreFailure::Busy(response.says(status))),
        Some(status) => Err(StoreFailure::Refused(response.says(status))),
        None => Err(StoreFailure::Broken("no status".into())),
    }
}

impl Response {
    fn page(&self) -> Result<Page, StoreFailure> {
        let hashes = self.entries.iter().map(|entry| hash(&entry.hash));
        Ok(Page {
            hashes: hashes.collect::<Result<_, _>>()?,
            cursor: match self.cursor.is_empty() {
                true => None,
                false => Some(hash(&self.cursor)?),
            },
        })
    }

    fn says(&self, status: u32) -> String {
        let words = String::from_utf8_lossy(&self.words);
        let words = words.chars().filter(|it| !it.is_control());
        let words: String = words.take(MOST_WORDS).collect();
        format!("{status} {words}").trim_end().to_owned()
    }
}

fn hash(bytes: &[u8]) -> Result<MessageHash, StoreFailure> {
    let bytes = bytes.try_into();
    let bytes = bytes.map_err(|_| StoreFailure::Broken("a hash that is none".into()))?;
    Ok(MessageHash(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*};

    use super::*;

    fn answer(status: Option<u32>, words: &[u8]) -> Vec<u8> {
        let words = words.to_vec();
        Response {
            status,
            words,
            ..Response::default()
        }
        .encode_to_vec()
    }

    #[test]
    fn a_request_is_written_as_stores_read_it() {
        let request = Request {
            id: "7".into(),
            pubsub: Some("p".into()),
            contents: vec!["a".into(), "b".into()],
            from: Some(1),
            until: Some(150),
            cursor: Some(vec![9, 9]),
            forward: true,
            limit: Some(100),
        };
        let expected = [
            &[28][..],
            &[0x0a, 1, b'7'],
            &[0x52, 1, b'p'],
            &[0x5a, 1, b'a', 0x5a, 1, b'b'],
            // Zigzag: twice as much.
            &[0x60, 2, 0x68, 0xac, 2],
            &[0x9a, 3, 2, 9, 9],
            &[0xa0, 3, 1],
            &[0xa8, 3, 100],
        ];
        assert_eq!(request.framed(), expected.concat());
    }

    #[test]
    fn an_answer_is_read_as_stores_write_it() {
        let one = [7; 32];
        let answer = [
            &[0x0a, 1, b'7', 0x50, 0xc8, 1, 0x5a, 2, b'O', b'K'][..],
            // With a topic, which nobody asked for.
            &[0xa2, 1, 37, 0x0a, 32],
            &one,
            &[0x1a, 1, b'p'],
            &[0xa2, 1, 34, 0x0a, 32],
            &[8; 32],
            &[0x9a, 3, 32],
            &[8; 32],
        ];
        let answer = answer.concat();
        assert_eq!(answer[12], 37);
        let expected = Page {
            hashes: vec![MessageHash(one), MessageHash([8; 32])],
            cursor: Some(MessageHash([8; 32])),
        };
        assert_eq!(page(&answer), Ok(expected));
    }

    #[test]
    fn what_a_store_says_of_its_failure_is_told() {
        let busy = |words: &str| Err(StoreFailure::Busy(words.into()));
        let slow_down = answer(Some(429), b"TOO_MANY_REQUESTS\n");
        assert_eq!(page(&slow_down), busy("429 TOO_MANY_REQUESTS"));
        assert_eq!(page(&answer(Some(503), &[])), busy("503"));
        for status in [0, 300, 400, 504] {
            let refused = page(&answer(Some(status), b"no"));
            let expected = StoreFailure::Refused(format!("{status} no"));
            assert_eq!(refused, Err(expected));
        }
        let Err(StoreFailure::Refused(words)) = page(&answer(Some(400), &[b'x'; 9000])) else {
            panic!("it is refused");
        };
        assert_eq!(words.len(), "400 ".len() + MOST_WORDS);
    }

    #[test]
    fn answers_without_a_status_or_with_other_hashes_are_broken() {
        let with = |entry: &[u8], cursor: &[u8]| {
            let hash = entry.to_vec();
            let cursor = cursor.to_vec();
            let response = Response {
                status: Some(200),
                entries: vec![Entry { hash }],
                cursor,
                ..Response::default()
            };
            page(&response.encode_to_vec())
        };
        let broken = |outcome| matches!(outcome, Err(StoreFailure::Broken(_)));
        assert!(with(&[1; 32], &[]).is_ok());
        assert!(broken(with(&[1; 31], &[])));
        assert!(broken(with(&[], &[])));
        assert!(broken(with(&[1; 32], &[1; 33])));
        assert!(broken(page(&answer(None, b"OK"))));
        assert!(broken(page(&[])));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(bytes in vec(any::<u8>(), 0..400)) {
            let _ = page(&bytes);
        }

        #[test]
        fn a_page_comes_back_as_it_went(
            hashes in vec(any::<[u8; 32]>(), 0..101),
            cursor in option::of(any::<[u8; 32]>()),
            cut in any::<prop::sample::Index>(),
        ) {
            let response = Response {
                status: Some(200),
                entries: hashes.iter().map(|it| Entry { hash: it.to_vec() }).collect(),
                cursor: cursor.map(|it| it.to_vec()).unwrap_or_default(),
                ..Response::default()
            };
            let bytes = response.encode_to_vec();
            prop_assert!(bytes.len() < super::super::LONGEST / 2);
            let expected = Page {
                hashes: hashes.into_iter().map(MessageHash).collect(),
                cursor: cursor.map(MessageHash),
            };
            prop_assert_eq!(page(&bytes), Ok(expected));
            // Half of it may be another message, but no reason to panic.
            let _ = page(&bytes[..cut.index(bytes.len())]);
        }
    }
}
