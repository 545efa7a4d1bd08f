//! What a node asked a mailserver for twice, and whether it had to.
//!
//! It had to where a window lies that the earlier request did not cover: it began before the end of the window, or did not
//! go back as far as is asked for around windows. It had to, too, where a window was opened again that had been fetched:
//! others were found to hold more, or somebody wants it. Anything else was asked for without need.

use std::time::Duration;

use actors::model::{
    moment::{Moment, Period},
    window::{Reason, Window},
};

use crate::sim::HistoryRequest;

/// Markers are set in whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);

/// These have a window fetched again from a mailserver that it was fetched from before.
const AGAIN: [Reason; 2] = [Reason::MailserverShort, Reason::Asked];

/// How much is asked for beside what is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Margins {
    /// By the service, on both sides of a window.
    pub(super) window: Duration,
    /// By the node itself, before its markers.
    pub(super) node: Duration,
}

/// A period that a mailserver was asked for though it had answered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repeat {
    /// The id of the mailserver.
    pub(super) mailserver: String,
    pub(super) period: Period,
}

/// What was asked for twice without need.
pub(super) fn needless(
    requests: &[HistoryRequest],
    windows: &[Window],
    margins: Margins,
) -> Vec<Repeat> {
    let mut needless = Vec::new();
    for (index, later) in requests.iter().enumerate() {
        let earlier = requests[..index].iter();
        let same = earlier.filter(|it| it.completed && it.mailserver == later.mailserver);
        for earlier in same {
            let needed = |it: &Period| {
                let mut windows = windows.iter();
                windows.any(|window| needs(window, [earlier, later], it, margins))
            };
            if let Some(period) = common(earlier, later, margins).filter(|it| !needed(it)) {
                needless.push(Repeat {
                    mailserver: later.mailserver.clone(),
                    period,
                });
            }
        }
    }
    needless
}

/// What both ask for, on any topic.
fn common(earlier: &HistoryRequest, later: &HistoryRequest, margins: Margins) -> Option<Period> {
    let from_of = |it: &HistoryRequest, topic| {
        let mut from = it.from.iter().filter(|(of, _)| of == topic);
        from.next().map(|(_, from)| *from)
    };
    let topics = later.from.iter().filter_map(|(topic, from)| {
        let from = (*from + margins.node).max(from_of(earlier, topic)?);
        let until = earlier.to.min(later.to);
        (from < until).then_some(Period { from, until })
    });
    topics.max_by_key(|it| it.length())
}

/// Whether a window was fetched before it was asked for then: it was opened again for that.
fn was_fetched(window: &Window, asked: Moment) -> bool {
    let attempts = window.attempts.iter().filter(|it| it.failure.is_none());
    attempts.filter(|it| it.at <= asked).count() > 1
}

/// Whether a window needs a period for which both requests asked, of which the earlier one was completed.
fn needs(
    window: &Window,
    [earlier, later]: [&HistoryRequest; 2],
    period: &Period,
    margins: Margins,
) -> bool {
    let from = window.from.before(margins.window);
    let until = window.until.map(|it| it + margins.window);
    let went_back = earlier.from.iter().all(|(_, it)| *it <= from);
    let ended = window.until.is_some_and(|until| until <= earlier.at);
    let again = AGAIN.iter().any(|it| window.reasons.contains(it));
    let needed = !went_back || !ended || (again && was_fetched(window, later.at));
    let within = period.from >= from.before(ROUNDING);
    needed && within && until.is_none_or(|until| period.until <= until)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use actors::model::{
        topic::Topic,
        window::{Attempt, State, WindowId},
    };

    use super::*;
    use crate::sim::Purpose;

    const MARGINS: Margins = Margins {
        window: Duration::from_secs(60),
        node: Duration::ZERO,
    };

    fn at(second: u64) -> Moment {
        Moment::from_seconds(second)
    }

    /// A request that was completed.
    fn request(mailserver: &str, from: u64, to: u64) -> HistoryRequest {
        let topic = Topic {
            pubsub: "p".into(),
            content: "c".into(),
        };
        HistoryRequest {
            purpose: Purpose::Missed,
            at: at(to),
            mailserver: mailserver.into(),
            from: vec![(topic, at(from))],
            to: at(to),
            delivered: 0,
            new: 0,
            completed: true,
        }
    }

    /// A window from 1000 to 1100 that was asked for then.
    fn window(reason: Reason, attempts: &[u64]) -> Window {
        let attempt = |second: &u64| Attempt {
            at: at(*second),
            mailserver: Some("a".into()),
            rewound: true,
            failure: None,
            messages: 0,
        };
        Window {
            id: WindowId(1),
            from: at(1000),
            until: Some(at(1100)),
            reasons: BTreeSet::from([Reason::NodeOffline, reason]),
            state: State::Covered { at: at(1300) },
            attempts: attempts.iter().map(attempt).collect(),
            requests: 0,
            fetched_from: Vec::new(),
            audit: None,
            shortage: None,
        }
    }

    fn repeated(requests: &[HistoryRequest], window: Window) -> usize {
        needless(requests, &[window], MARGINS).len()
    }

    #[test]
    fn a_covered_period_is_not_asked_for_again_of_the_same_one() {
        let covered = || window(Reason::NodeOffline, &[1101, 1200]);
        let first = request("a", 900, 1101);
        let again = [first.clone(), request("a", 940, 1200)];
        assert_eq!(repeated(&again, covered()), 1);
        let other = [first.clone(), request("b", 940, 1200)];
        assert_eq!(repeated(&other, covered()), 0, "of another one");
        let later = [first.clone(), request("a", 1101, 1200)];
        assert_eq!(repeated(&later, covered()), 0, "what comes after it");
        let failed = HistoryRequest {
            completed: false,
            ..first
        };
        let again = [failed, request("a", 940, 1200)];
        assert_eq!(repeated(&again, covered()), 0, "it was not answered");
    }

    #[test]
    fn what_was_not_covered_or_was_found_short_is() {
        let again = |first| [first, request("a", 940, 1200)];
        let plain = || window(Reason::NodeOffline, &[1200]);
        let early = again(request("a", 900, 1099));
        assert_eq!(repeated(&early, plain()), 0, "it began before the end");
        let narrow = again(request("a", 941, 1101));
        assert_eq!(repeated(&narrow, plain()), 0, "it did not go back enough");
        let whole = again(request("a", 900, 1101));
        let short = window(Reason::MailserverShort, &[1101, 1200]);
        assert_eq!(repeated(&whole, short), 0, "it was found short");
        let only_later = window(Reason::MailserverShort, &[1200]);
        assert_eq!(repeated(&whole, only_later), 1, "found short only then");
        let far = [request("a", 0, 1101), request("a", 800, 1200)];
        let short = || window(Reason::MailserverShort, &[1101, 1200]);
        assert_eq!(repeated(&far, short()), 1, "more than the window");
    }
}
