//! What happened, numbered, for every subscriber: exactly once, in order.
//!
//! The actor keeps the last [`Config::keep`] events, so that a subscriber that was away (or came late)
//! is told what it missed. A subscriber that does not keep up is cut off: it comes back with the last
//! number it saw and misses nothing, and the memory it could cost stays bounded.

use std::{collections::VecDeque, time::SystemTime};

use actix::prelude::*;
use tokio::sync::mpsc;

use crate::{
    messages::events::{Event, Numbered, Publish, Subscribe},
    model::mailserver::MailserverRef,
};

/// How events are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How many events are kept for those who come late.
    pub keep: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { keep: 1024 }
    }
}

/// The actor.
#[derive(Debug, Default)]
pub struct Events {
    config: Config,
    last: u64,
    kept: VecDeque<Numbered>,
    sinks: Vec<mpsc::Sender<Numbered>>,
}

impl Events {
    /// An actor that has published nothing yet.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }

    fn number(&mut self, event: Event) -> Numbered {
        self.last += 1;
        let numbered = Numbered {
            sequence: self.last,
            at: SystemTime::now(),
            event,
        };
        if self.kept.len() >= self.config.keep {
            self.kept.pop_front();
        }
        self.kept.push_back(numbered.clone());
        numbered
    }
}

impl Actor for Events {
    type Context = Context<Self>;
}

impl Supervised for Events {
    // What was published stays published: numbers and subscribers outlive a panic.
}

impl Handler<Publish> for Events {
    type Result = ();

    fn handle(&mut self, Publish(event): Publish, _: &mut Context<Self>) {
        let numbered = self.number(event);
        log(&numbered);
        self.sinks
            .retain(|sink| sink.try_send(numbered.clone()).is_ok());
    }
}

impl Handler<Subscribe> for Events {
    type Result = ();

    fn handle(&mut self, subscribe: Subscribe, _: &mut Context<Self>) {
        let Subscribe { after, sink } = subscribe;
        // A number beyond the last one is of an earlier process: everything is new to that subscriber.
        let after = after.map_or(self.last, |it| if it > self.last { 0 } else { it });
        let missed = self.kept.iter().filter(|event| event.sequence > after);
        let mut all_sent = true;
        for event in missed {
            all_sent &= sink.try_send(event.clone()).is_ok();
        }
        if all_sent {
            // Those that went away are forgotten here too: nothing may be published for days.
            self.sinks.retain(|it| !it.is_closed());
            self.sinks.push(sink);
        }
    }
}

/// Whom history is asked of, for people.
fn id(mailserver: &Option<MailserverRef>) -> &str {
    mailserver
        .as_ref()
        .map_or("picked by the node", |it| &it.id)
}

fn log(numbered: &Numbered) {
    let sequence = numbered.sequence;
    let event = numbered.event.name();
    match &numbered.event {
        Event::MailserverChanged { mailserver, reason } => {
            let mailserver = mailserver.as_ref().map_or("none", |m| m.id.as_str());
            tracing::info!(sequence, mailserver, reason, "{event}");
        }
        Event::MailserverAvailable { mailserver }
        | Event::PeerConnected { mailserver }
        | Event::PeerDisconnected { mailserver } => {
            tracing::info!(sequence, mailserver = mailserver.id, "{event}");
        }
        Event::HistoryRequested { mailserver } => {
            tracing::info!(sequence, mailserver = id(mailserver), "{event}");
        }
        Event::HistoryCompleted {
            mailserver,
            took_ms,
        } => {
            tracing::info!(sequence, mailserver = id(mailserver), took_ms, "{event}");
        }
        Event::HistoryFailed {
            mailserver,
            reason,
            retry_in_ms,
        } => {
            tracing::warn!(
                sequence,
                mailserver = id(mailserver),
                reason,
                retry_in_ms,
                "{event}"
            );
        }
        Event::WindowOpened {
            window,
            from_ms,
            reason,
        } => {
            tracing::info!(sequence, window = window.0, from = %from_ms, %reason, "{event}");
        }
        Event::WindowCovered {
            window,
            mailserver,
            requests,
            ..
        } => {
            let mailserver = mailserver.as_deref().unwrap_or("picked by the node");
            tracing::info!(sequence, window = window.0, mailserver, requests, "{event}");
        }
        Event::WindowGivenUp {
            window,
            from_ms,
            until_ms,
            reason,
        } => {
            let window = window.0;
            tracing::warn!(sequence, window, from = %from_ms, until = %until_ms, reason, "{event}");
        }
        Event::AuditShort {
            window,
            mailservers,
            missing,
        } => {
            let mailservers = mailservers.join(" ");
            tracing::warn!(sequence, window = window.0, mailservers, missing, "{event}");
        }
        Event::GapFilled { chat, gaps } => tracing::info!(sequence, chat, gaps, "{event}"),
        Event::NodeDeaf { deaf: true, reason } => {
            tracing::warn!(sequence, deaf = true, reason, "{event}");
        }
        Event::NodeDeaf { deaf, reason } => tracing::info!(sequence, deaf, reason, "{event}"),
        Event::Decision(decision) => {
            let chosen = decision.chosen.as_ref().map_or("none", |m| m.id.as_str());
            let candidates = decision.considered.len();
            tracing::info!(
                sequence,
                chosen,
                candidates,
                pool = decision.pool,
                "{event}"
            );
        }
        Event::Online { reason, offline_ms } => {
            tracing::info!(sequence, reason, offline_ms, "{event}");
        }
        Event::Offline { reason } => tracing::warn!(sequence, reason, "{event}"),
        Event::Suspect { reason } => tracing::info!(sequence, reason, "{event}"),
        Event::Asleep { slept_ms } => tracing::info!(sequence, slept_ms, "{event}"),
        Event::ActorRestarted {
            actor,
            reason,
            restarts,
        } => tracing::warn!(sequence, actor, reason, restarts, "{event}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restarted(restarts: usize) -> Publish {
        Publish(Event::ActorRestarted {
            actor: "pinger".into(),
            reason: "a test".into(),
            restarts,
        })
    }

    fn numbers(sink: &mut mpsc::Receiver<Numbered>) -> Vec<u64> {
        std::iter::from_fn(|| sink.try_recv().ok().map(|event| event.sequence)).collect()
    }

    #[actix::test]
    async fn a_late_subscriber_is_told_what_is_kept_then_what_is_new_in_order() {
        let events = Events::new(Config { keep: 3 }).start();
        for restarts in 1..=5 {
            events.send(restarted(restarts)).await.unwrap();
        }
        let (sink, mut delivered) = mpsc::channel(16);
        events
            .send(Subscribe {
                after: Some(0),
                sink,
            })
            .await
            .unwrap();
        events.send(restarted(6)).await.unwrap();
        assert_eq!(numbers(&mut delivered), [3, 4, 5, 6]);
    }

    #[actix::test]
    async fn without_a_number_only_new_events_are_delivered() {
        let events = Events::new(Config::default()).start();
        events.send(restarted(1)).await.unwrap();
        let (sink, mut delivered) = mpsc::channel(16);
        events.send(Subscribe { after: None, sink }).await.unwrap();
        events.send(restarted(2)).await.unwrap();
        assert_eq!(numbers(&mut delivered), [2]);
    }

    #[actix::test]
    async fn one_that_went_away_is_forgotten_though_nothing_is_published() {
        let events = Events::new(Config::default()).start();
        let (sink, delivered) = mpsc::channel(16);
        let held = sink.downgrade();
        events.send(Subscribe { after: None, sink }).await.unwrap();
        assert!(held.upgrade().is_some());
        drop(delivered);
        let (sink, _delivered) = mpsc::channel(16);
        events.send(Subscribe { after: None, sink }).await.unwrap();
        assert!(held.upgrade().is_none());
    }

    #[actix::test]
    async fn a_number_of_an_earlier_process_replays_everything() {
        let events = Events::new(Config::default()).start();
        events.send(restarted(1)).await.unwrap();
        let (sink, mut delivered) = mpsc::channel(16);
        let after = Some(99);
        events.send(Subscribe { after, sink }).await.unwrap();
        assert_eq!(numbers(&mut delivered), [1]);
    }

    #[actix::test]
    async fn a_subscriber_that_falls_behind_is_cut_off_and_misses_nothing_by_coming_back() {
        let events = Events::new(Config::default()).start();
        let (sink, mut delivered) = mpsc::channel(2);
        events.send(Subscribe { after: None, sink }).await.unwrap();
        for restarts in 1..=4 {
            events.send(restarted(restarts)).await.unwrap();
        }
        assert_eq!(numbers(&mut delivered), [1, 2]);
        assert!(delivered.recv().await.is_none(), "the channel is closed");
        let (sink, mut delivered) = mpsc::channel(16);
        events
            .send(Subscribe {
                after: Some(2),
                sink,
            })
            .await
            .unwrap();
        assert_eq!(numbers(&mut delivered), [3, 4]);
    }
}
