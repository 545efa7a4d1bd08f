//! What the messages of a signal or an answer come to: how many they are, and which of them stand for gaps.
//!
//! A message has dozens of members, and its text may be long: only those that tell a gap are looked at, and nothing is
//! kept of a message that is none.

use std::fmt;

use actors::{
    messages::node::MessagesArrived,
    model::{
        gap::{Gap, MOST_GAPS},
        moment::{Moment, Period},
    },
};
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// The content type of a message that stands for a gap (`SYSTEM_MESSAGE_GAP`, recorded on v0.94).
const GAP: u64 = 10;

/// The messages of a list, told as they are read: `null` is an empty list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// All of them.
    pub(crate) all: usize,
    /// Those that stand for gaps.
    gaps_seen: usize,
    /// The first of these.
    gaps: Vec<Gap>,
}

/// What is looked at of a message. Its parts stay unparsed unless it stands for a gap.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(rename = "contentType", default)]
    content_type: Option<u64>,
    #[serde(default, borrow)]
    id: Option<&'a RawValue>,
    #[serde(rename = "chatId", default, borrow)]
    chat: Option<&'a RawValue>,
    #[serde(rename = "localChatId", default, borrow)]
    local_chat: Option<&'a RawValue>,
    #[serde(rename = "gapParameters", default, borrow)]
    gap: Option<&'a RawValue>,
}

/// In seconds since 1970; `{}` on messages that stand for no gap.
#[derive(Deserialize)]
struct GapParameters {
    from: u64,
    to: u64,
}

impl Message<'_> {
    fn is_gap(&self) -> bool {
        self.content_type == Some(GAP)
    }

    /// The gap for which it stands; `None` if it does not say in which chat it is.
    fn gap(&self) -> Option<Gap> {
        let chat = text(self.local_chat).or_else(|| text(self.chat))?;
        Some(Gap {
            chat,
            message: text(self.id)?,
            period: self.gap.and_then(period),
        })
    }
}

fn text(raw: Option<&RawValue>) -> Option<String> {
    let text: String = serde_json::from_str(raw?.get()).ok()?;
    (!text.is_empty()).then_some(text)
}

fn period(raw: &RawValue) -> Option<Period> {
    let GapParameters { from, to } = serde_json::from_str(raw.get()).ok()?;
    (from <= to).then(|| Period {
        from: Moment::from_seconds(from),
        until: Moment::from_seconds(to),
    })
}

impl Tally {
    fn count(&mut self, message: &Message<'_>) {
        self.all += 1;
        if !message.is_gap() {
            return;
        }
        self.gaps_seen += 1;
        if self.gaps.len() < MOST_GAPS {
            self.gaps.extend(message.gap());
        }
    }

    /// What is told of them; `None` if there were none.
    pub(crate) fn arrived(self) -> Option<MessagesArrived> {
        (self.all > 0).then(|| MessagesArrived {
            messages: (self.all - self.gaps_seen) as u64,
            gaps: self.gaps,
        })
    }
}

impl<'de> Deserialize<'de> for Tally {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Messages)
    }
}

/// Reads a list of messages without holding it.
struct Messages;

impl<'de> Visitor<'de> for Messages {
    type Value = Tally;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of messages, or null")
    }

    fn visit_unit<E>(self) -> Result<Tally, E> {
        Ok(Tally::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tally, A::Error> {
        let mut tally = Tally::default();
        while let Some(message) = list.next_element::<Message<'de>>()? {
            tally.count(&message);
        }
        Ok(tally)
    }
}

/// Adds what arrived later to what nobody has read yet. A gap that was told already is told once.
pub(crate) fn merge(unread: &mut MessagesArrived, later: MessagesArrived) {
    unread.messages = unread.messages.saturating_add(later.messages);
    for gap in later.gaps {
        if unread.gaps.len() == MOST_GAPS {
            return;
        }
        if !unread.gaps.contains(&gap) {
            unread.gaps.push(gap);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(list: &str) -> Tally {
        serde_json::from_str(list).unwrap()
    }

    fn gap(message: &str) -> String {
        format!(
            r#"{{"id":"{message}","chatId":"theirs","localChatId":"ours","gapParameters":{{"from":1795341363,"to":1795341372}},"contentType":10}}"#
        )
    }

    #[test]
    fn messages_are_counted_and_gaps_are_read() {
        let list = format!(
            r#"[{{"id":"0x1","chatId":"c","text":"hello","gapParameters":{{}},"contentType":1}},{},{{}}]"#,
            gap("0x2")
        );
        let arrived = tally(&list).arrived().unwrap();
        let seconds = Moment::from_seconds;
        assert_eq!(
            arrived,
            MessagesArrived {
                messages: 2,
                gaps: vec![Gap {
                    chat: "ours".into(),
                    message: "0x2".into(),
                    period: Some(Period {
                        from: seconds(1_795_341_363),
                        until: seconds(1_795_341_372)
                    }),
                }],
            }
        );
    }

    #[test]
    fn a_gap_may_leave_out_its_period_and_the_local_chat_but_not_what_names_it() {
        let told = tally(
            r#"[{"id":"a","chatId":"c","contentType":10},
                {"id":"b","chatId":"c","localChatId":"","contentType":10,"gapParameters":null},
                {"id":"c","chatId":"c","contentType":10,"gapParameters":{"from":9,"to":5}},
                {"id":"d","contentType":10},{"chatId":"c","contentType":10}]"#,
        );
        let arrived = told.arrived().unwrap();
        assert_eq!(arrived.messages, 0);
        let named: Vec<_> = arrived.gaps.iter().map(|it| it.message.as_str()).collect();
        assert_eq!(named, ["a", "b", "c"]);
        for gap in arrived.gaps {
            assert_eq!((gap.chat.as_str(), gap.period), ("c", None));
        }
    }

    #[test]
    fn no_messages_are_nothing_to_tell_and_there_is_an_end_to_gaps() {
        for none in ["[]", "null"] {
            assert_eq!(tally(none).arrived(), None);
        }
        let gaps: Vec<_> = (0..MOST_GAPS + 10).map(|n| gap(&n.to_string())).collect();
        let mut unread = tally(&format!("[{}]", gaps.join(","))).arrived().unwrap();
        assert_eq!((unread.messages, unread.gaps.len()), (0, MOST_GAPS));
        let later = tally(&format!(r#"[{},{{}}]"#, gap("more")));
        merge(&mut unread, later.arrived().unwrap());
        assert_eq!((unread.messages, unread.gaps.len()), (1, MOST_GAPS));
    }

    #[test]
    fn a_gap_that_is_told_twice_is_one() {
        let once = || tally(&format!("[{}]", gap("0x2"))).arrived().unwrap();
        let mut unread = once();
        merge(&mut unread, once());
        assert_eq!(unread, once());
    }
}
