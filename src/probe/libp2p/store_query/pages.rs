//! Which page a store is asked for next, and when there is enough.

use std::{collections::BTreeSet, time::Duration};

use actors::{
    messages::store::{Extent, QueryStore, StoreAnswer, StoreFailure},
    model::{
        moment::Period,
        topic::{MOST_CONTENT_TOPICS, MessageHash, Topic},
    },
};

use super::{Page, Request};

/// The largest page that stores give.
const LARGEST: u64 = 100;

/// The most pages of one query.
const MOST_PAGES: u32 = 1000;

/// No page is asked for after this: others wait for their turn.
const LONGEST: Duration = Duration::from_secs(120);

/// The longest period.
const LONGEST_PERIOD: Duration = Duration::from_secs(24 * 3600);

/// What a hash costs on the wire.
const HASH: u64 = 37;

/// What a page costs beside the question and the hashes, at most: the names of the protocol, the frames of yamux and noise,
/// the rest of the answer; with the first page of a connection, what the other side asks of us (750 bytes).
const AROUND: u64 = 800;

/// What a dial costs, until the first page is asked for.
const DIAL: u64 = 2_000;

/// A query under way.
#[derive(Debug)]
pub(in crate::probe) struct Pages {
    /// The question for the first page.
    first: Request,
    extent: Extent,
    most_bytes: u64,
    hashes: BTreeSet<MessageHash>,
    cursors: BTreeSet<MessageHash>,
    pages: u32,
    course: Course,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// Nothing was answered yet.
    Begin,
    /// There is more after this hash.
    After(MessageHash),
    /// All was told.
    End,
}

impl Pages {
    /// A query of which nothing was asked yet.
    ///
    /// # Errors
    /// If a store would refuse it, or worse: would notice only at the second page.
    pub(in crate::probe) fn new(query: &QueryStore) -> Result<Self, StoreFailure> {
        let refused = |why: &str| Err(StoreFailure::Refused(why.into()));
        let Some(pubsub) = pubsub(&query.topics) else {
            return refused("no topics, or of several pubsub topics");
        };
        if query.topics.len() > MOST_CONTENT_TOPICS {
            return refused("too many topics");
        }
        let Period { from, until } = query.period;
        if until < from || query.period.length() > LONGEST_PERIOD {
            return refused("a period of a day at most");
        }
        let first = Request {
            id: String::new(),
            pubsub: Some(pubsub.to_owned()),
            contents: query.topics.iter().map(|it| it.content.clone()).collect(),
            from: Some(nanoseconds(from.as_millis())),
            // To the end of the millisecond, whether the end itself counts or not.
            until: Some(nanoseconds(until.as_millis()).saturating_add(999_999)),
            cursor: None,
            forward: true,
            limit: Some(LARGEST),
        };
        Ok(Self {
            first,
            extent: query.extent,
            most_bytes: query.most_bytes,
            hashes: BTreeSet::new(),
            cursors: BTreeSet::new(),
            pages: 0,
            course: Course::Begin,
        })
    }

    /// The next question, under this name, if there is one after so many bytes and so long.
    pub(in crate::probe) fn next(
        &self,
        bytes: u64,
        elapsed: Duration,
        id: String,
    ) -> Option<Request> {
        let cursor = match (self.course, self.extent) {
            (Course::Begin, _) => None,
            (Course::After(cursor), Extent::All) => Some(cursor.0.to_vec()),
            (Course::After(_), Extent::Any) | (Course::End, _) => return None,
        };
        if self.pages >= MOST_PAGES || elapsed >= LONGEST {
            return None;
        }
        let request = Request {
            id,
            cursor,
            ..self.first.clone()
        };
        let limit = self.affordable(bytes, &request)?;
        Some(Request {
            limit: Some(limit),
            ..request
        })
    }

    /// Whether a page can be asked for after a dial.
    pub(in crate::probe) fn worth_a_dial(&self) -> bool {
        self.next(DIAL, Duration::ZERO, String::new()).is_some()
    }

    /// How many hashes can be asked for; at least one.
    fn affordable(&self, bytes: u64, request: &Request) -> Option<u64> {
        let most = match self.extent {
            Extent::All => LARGEST,
            Extent::Any => 1,
        };
        let left = self.most_bytes.checked_sub(bytes)?;
        let left = left.checked_sub(request.framed().len() as u64 + AROUND)?;
        let limit = most.min(left / HASH);
        (limit > 0).then_some(limit)
    }

    /// A page has come.
    ///
    /// # Errors
    /// If it leads to one that was there before.
    pub(in crate::probe) fn receive(&mut self, page: Page) -> Result<(), StoreFailure> {
        self.pages += 1;
        self.hashes.extend(page.hashes);
        self.course = match page.cursor {
            None => Course::End,
            Some(cursor) if self.cursors.insert(cursor) => Course::After(cursor),
            Some(_) => return Err(StoreFailure::Broken("pages go round in circles".into())),
        };
        Ok(())
    }

    /// What has come, at the cost of so many bytes.
    pub(in crate::probe) fn into_answer(self, bytes: u64) -> StoreAnswer {
        StoreAnswer {
            hashes: self.hashes.into_iter().collect(),
            bytes,
            pages: self.pages,
            more: self.course != Course::End,
        }
    }
}

/// The one that all topics are on.
fn pubsub(topics: &[Topic]) -> Option<&str> {
    let first = topics.first()?.pubsub.as_str();
    topics.iter().all(|it| it.pubsub == first).then_some(first)
}

fn nanoseconds(milliseconds: u64) -> i64 {
    let nanoseconds = milliseconds.saturating_mul(1_000_000);
    i64::try_from(nanoseconds).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use actors::{model::moment::Moment, testing};

    use super::*;

    fn topics(count: usize) -> Vec<Topic> {
        let topic = |number| Topic {
            pubsub: "/waku/2/rs/16/32".into(),
            content: format!("/waku/1/{number:#010x}/rfc26"),
        };
        (0..count).map(topic).collect()
    }

    fn query(extent: Extent, most_bytes: u64) -> QueryStore {
        QueryStore {
            mailserver: testing::mailserver(1),
            topics: topics(2),
            period: Period {
                from: Moment::from_millis(1_000),
                until: Moment::from_millis(2_000),
            },
            extent,
            most_bytes,
        }
    }

    fn all(most_bytes: u64) -> Pages {
        Pages::new(&query(Extent::All, most_bytes)).unwrap()
    }

    const PLENTY: u64 = 1 << 20;

    fn hash(number: u32) -> MessageHash {
        let mut hash = [0; 32];
        hash[..4].copy_from_slice(&number.to_be_bytes());
        MessageHash(hash)
    }

    /// So many hashes from this one on, and whether more follow.
    fn page(first: u32, count: u32, more: bool) -> Page {
        let hashes = (first..first + count).map(hash).collect();
        let cursor = more.then(|| hash(first + count - 1));
        Page { hashes, cursor }
    }

    fn ask(pages: &Pages) -> Option<Request> {
        pages.next(0, Duration::ZERO, "id".into())
    }

    #[test]
    fn pages_follow_the_cursor_to_the_end() {
        let mut pages = all(PLENTY);
        let first = ask(&pages).unwrap();
        assert_eq!((&first.cursor, first.limit), (&None, Some(LARGEST)));
        assert_eq!(first.from, Some(1_000_000_000));
        assert_eq!(first.until, Some(2_000_999_999));
        assert!(first.forward);
        pages.receive(page(0, 100, true)).unwrap();
        let second = ask(&pages).unwrap();
        let cursor = Some(hash(99).0.to_vec());
        assert_eq!(second, Request { cursor, ..first });
        pages.receive(page(100, 50, false)).unwrap();
        assert_eq!(ask(&pages), None);
        let answer = pages.into_answer(7);
        assert_eq!((answer.hashes.len(), answer.pages), (150, 2));
        assert_eq!((answer.bytes, answer.more), (7, false));
    }

    #[test]
    fn one_hash_is_enough_to_know_that_there_is_something() {
        let mut pages = Pages::new(&query(Extent::Any, PLENTY)).unwrap();
        assert_eq!(ask(&pages).unwrap().limit, Some(1));
        pages.receive(page(0, 1, true)).unwrap();
        assert_eq!(ask(&pages), None);
        assert!(pages.into_answer(0).more);
    }

    #[test]
    fn a_cursor_that_comes_again_is_refused() {
        let mut pages = all(PLENTY);
        pages.receive(page(0, 10, true)).unwrap();
        pages.receive(page(10, 10, true)).unwrap();
        let outcome = pages.receive(page(0, 10, true));
        assert!(matches!(outcome, Err(StoreFailure::Broken(_))));
    }

    #[test]
    fn what_is_over_the_budget_is_not_asked_for() {
        let pages = all(10_000);
        let limit = |bytes| {
            let request = pages.next(bytes, Duration::ZERO, "id".into());
            request.map(|it| it.limit.unwrap())
        };
        assert_eq!(limit(0), Some(LARGEST));
        let some = limit(8_000).unwrap();
        assert!((1..LARGEST).contains(&some), "{some}");
        assert_eq!(limit(9_200), None);
        assert_eq!(limit(10_001), None);
        assert!(pages.into_answer(0).more);
        assert!(!all(DIAL).worth_a_dial());
        assert!(all(DIAL + 1_500).worth_a_dial());
    }

    #[test]
    fn an_endless_store_is_left() {
        let mut pages = all(u64::MAX);
        for number in 0..MOST_PAGES {
            assert!(ask(&pages).is_some());
            pages.receive(page(number, 1, true)).unwrap();
        }
        assert_eq!(ask(&pages), None);
        assert!(pages.into_answer(0).more);
        let pages = all(PLENTY);
        assert_eq!(pages.next(0, LONGEST, "id".into()), None);
    }

    #[test]
    fn what_a_store_would_refuse_is_not_asked() {
        let good = query(Extent::All, PLENTY);
        let day = Duration::from_secs(24 * 3600);
        let (from, until) = (good.period.from, good.period.from + day);
        let two = [
            topics(1),
            vec![Topic {
                pubsub: "/waku/2/rs/16/64".into(),
                content: "/waku/1/0x00000000/rfc26".into(),
            }],
        ];
        let with_topics = |topics| QueryStore {
            topics,
            ..good.clone()
        };
        let within = |from, until| QueryStore {
            period: Period { from, until },
            ..good.clone()
        };
        let is_refused =
            |query: QueryStore| matches!(Pages::new(&query), Err(StoreFailure::Refused(_)));
        assert!(is_refused(with_topics(Vec::new())));
        assert!(is_refused(with_topics(two.concat())));
        assert!(is_refused(with_topics(topics(MOST_CONTENT_TOPICS + 1))));
        assert!(!is_refused(with_topics(topics(MOST_CONTENT_TOPICS))));
        assert!(is_refused(within(until, from)));
        assert!(is_refused(within(from, until + Duration::from_millis(1))));
        assert!(!is_refused(within(from, until)));
    }
}
