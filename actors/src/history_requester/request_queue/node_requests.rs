//! What a node with a cycle of its own asks for by itself, and whether that was all of its history.
//!
//! Nodes announce a gap that is filled, a chat that is joined or one that is extended by the signals of a request for all
//! history (status-go, all generations). The markers tell them apart: a request for all history moves every one of them
//! to when it began, the others those of their own topics or none (status-go, 2024-10).

use std::time::Duration;

use super::{Command, RequestQueue, Stage};
use crate::{
    Instant,
    messages::journal::Completed,
    model::{moment::Moment, node::NodeError, topic::MarkedTopic},
};

/// A node says that a request was completed before it writes the markers: it is given so long.
const MARKERS_FOLLOW: Duration = Duration::from_secs(1);

/// The pause between two readings of them.
const READ_AGAIN: Duration = Duration::from_millis(250);

/// The end of one reading.
const READ_PATIENCE: Duration = Duration::from_secs(10);

/// The news that a request began may be so late: the markers are moved to when it did.
const LATE: Duration = Duration::from_secs(2);

/// Markers of a topic that was never asked for, or that is to be asked for from the beginning (recorded: 0 and 1).
const BEGINNING: Moment = Moment::from_seconds(1);

impl RequestQueue {
    /// The node asks by itself.
    pub(super) fn node_asks(&mut self, started: Instant, now: Instant) {
        self.publish_requested();
        let number = self.next_number();
        self.begin(number, None, now);
        self.stage = Stage::NodeAsks {
            started,
            until: now + self.config.timeout,
        };
    }

    /// It says that it was answered: its markers are read.
    pub(super) fn prove_node_request(&mut self, started: Instant, now: Instant) {
        self.read_markers(started, now + MARKERS_FOLLOW, now);
    }

    pub(super) fn read_markers(&mut self, started: Instant, follow: Instant, now: Instant) {
        let number = self.next_number();
        self.stage = Stage::ReadingMarkers {
            number,
            started,
            follow,
            until: now + READ_PATIENCE,
        };
        self.commands.push_back(Command::ReadMarkers(number));
    }

    /// The answer to [`Command::ReadMarkers`].
    pub fn handle_markers(
        &mut self,
        number: u64,
        answer: &Result<Vec<MarkedTopic>, NodeError>,
        now: Instant,
    ) {
        let Stage::ReadingMarkers {
            number: asked,
            started,
            follow,
            ..
        } = self.stage
        else {
            return;
        };
        if asked != number {
            return;
        }
        let began = self.clock.map(|it| it.at(started).before(LATE));
        match (answer, began) {
            // It went on from where it was: if it was to go back, the journal owes that still.
            (Ok(topics), Some(began)) if all_moved(topics, began) => {
                self.complete(Completed { rewound: true }, now);
            }
            (Ok(_), Some(_)) if now < follow => {
                let until = now + READ_AGAIN;
                self.stage = Stage::MarkersFollow {
                    started,
                    follow,
                    until,
                };
            }
            _ => self.ask_after_all(now),
        }
    }

    /// What the node asked for was not everything, or nobody knows.
    pub(super) fn ask_after_all(&mut self, now: Instant) {
        self.end_without(
            "what the node asked for was not all its history",
            Duration::ZERO,
        );
        self.ask(now);
    }
}

/// Whether each topic that has a marker has one that is not before that.
fn all_moved(topics: &[MarkedTopic], began: Moment) -> bool {
    let mut markers = topics
        .iter()
        .map(|it| it.last_request)
        .filter(|it| *it > BEGINNING)
        .peekable();
    markers.peek().is_some() && markers.all(|it| it >= began)
}
