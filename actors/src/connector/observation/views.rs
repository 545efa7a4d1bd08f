//! What the observation tells of itself.

use super::{Observation, Service, Stage};
use crate::{
    Instant,
    messages::connection::{Counts, Reach},
};

impl Observation {
    /// The name of the stage, for the log.
    #[must_use]
    pub fn stage(&self) -> &'static str {
        match self.stage {
            Stage::Resting => "resting",
            Stage::Looking(_) => "looking",
            Stage::Unanswered => "unanswered",
            Stage::Dialling { .. } => "dialling",
            Stage::Stranded { .. } => "stranded",
            Stage::Reached { .. } => "reached",
            Stage::Doubted { .. } => "doubted",
        }
    }

    /// Whether history can be fetched, for the status page; `None` if the node is not one of these.
    #[must_use]
    pub fn reach(&self, now: Instant) -> Option<Reach> {
        let (mailserver, since) = match &self.stage {
            _ if self.service == Service::None => return None,
            Stage::Reached { mailserver, since }
            | Stage::Doubted {
                mailserver, since, ..
            } => (Some(mailserver.clone()), Some(*since)),
            _ => (None, None),
        };
        Some(Reach {
            mailserver,
            since_ms: since.map(|at| now.saturating_duration_since(at).as_millis() as u64),
            connection: self.word.connectedness(),
            hindrance: self.hindrance(),
        })
    }

    /// Counters since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What keeps history from being fetched and will not be over in a moment, for people.
    #[must_use]
    pub fn lasting_hindrance(&self) -> Option<String> {
        let lasts = matches!(self.stage, Stage::Unanswered | Stage::Stranded { .. });
        let lasts = lasts || self.service == Service::SwitchedOff;
        self.hindrance().filter(|_| lasts)
    }

    /// What keeps history from being fetched, for people.
    fn hindrance(&self) -> Option<String> {
        let text = match (&self.stage, self.service) {
            (_, Service::SwitchedOff) => "mailservers are switched off in the node",
            (Stage::Resting, _) if self.outage.is_offline() => "we are offline",
            (Stage::Resting, _) => "the node has just come, or we have just woken up",
            (Stage::Looking(_), _) => "mailservers are being pinged",
            (Stage::Unanswered, _) if self.candidates.is_empty() => "no mailserver is known",
            (Stage::Unanswered, _) => "no mailserver answers our probes",
            (Stage::Dialling { mailserver, .. }, _) => {
                return Some(format!(
                    "the node has no peer: it is told to dial {}",
                    mailserver.id
                ));
            }
            (Stage::Stranded { why }, _) => return Some(format!("the node has no peer: {why}")),
            (Stage::Reached { .. } | Stage::Doubted { .. }, _) => return None,
        };
        Some(text.to_owned())
    }
}
