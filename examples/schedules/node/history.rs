//! History requests of the node.
//!
//! A request asks for what was sent since the marker of each topic, from one mailserver. If that one lacks a message
//! that another has, the node never asks for it again: so do real nodes, and so gaps come to be.

use std::{rc::Rc, time::Duration};

use actors::{
    messages::node::HistorySignal,
    model::{
        moment::{Moment, Period},
        node::{Mode, NodeError},
        topic::MarkedTopic,
        window::NODE_OVERLAP,
    },
};
use tokio::time::{Instant, sleep, timeout_at};

use super::{Fetch, Signal, process::Process};
use crate::world::{Path, topic};

/// Nodes of 2024 and later give up a request after this (recorded).
const MODERN_LIMIT: Duration = Duration::from_secs(20);

/// Older ones wait so long for a frozen mailserver (recorded).
const CLASSIC_LIMIT: Duration = Duration::from_secs(60);

/// In 2024 `messages.new` follows `history.request.completed` after this (recorded).
const MODERN_DELAY: Duration = Duration::from_secs(1);

impl Process {
    /// `wakuext_requestAllHistoricMessages`: the messages in the answer; nothing if nothing was done.
    pub(crate) async fn request_all(self: Rc<Self>) -> Result<Option<usize>, NodeError> {
        if self.node.faults.null_answers.get() {
            return Ok(None);
        }
        if self.node.mode == Mode::Observe {
            return self.sync_on_request().await;
        }
        let Some(store) = self.used.get().filter(|it| self.may_ask(*it)) else {
            return Ok(None);
        };
        // It goes on when its caller is gone.
        match self.ask(store).await {
            Ok(()) => Ok(Some(0)),
            Err(reason) => {
                self.request_failed();
                Err(refused(reason))
            }
        }
    }

    fn may_ask(&self, store: usize) -> bool {
        match self.node.mode {
            Mode::Waku1 => self.is_connected(store),
            _ => !self.peers.borrow().is_empty(),
        }
    }

    /// One request with its signals.
    pub(crate) async fn ask(self: &Rc<Self>, store: usize) -> Result<(), String> {
        self.emit(Signal::History(HistorySignal::Started));
        let outcome = self.fetch(store).await;
        self.emit(Signal::History(match &outcome {
            Ok(()) => HistorySignal::Completed,
            Err(reason) => HistorySignal::Failed {
                reason: reason.clone(),
            },
        }));
        outcome
    }

    /// Takes everything that a mailserver has since the last request.
    pub(crate) async fn fetch(self: &Rc<Self>, store: usize) -> Result<(), String> {
        if !self.is_connected(store) {
            if self.node.mode == Mode::Pin && self.peers.borrow().is_empty() {
                // It does not dial by itself (recorded).
                return Err("no peers".into());
            }
            let dialled = self.dial(store).await;
            dialled.map_err(|_| "failed to dial".to_owned())?;
        }
        let until = self.node.world.now();
        self.answered(store).await?;
        let (messages, whole) = self.answer(store, until);
        self.take(messages);
        if !whole {
            return Err("stream reset".into());
        }
        let mut database = self.node.database.borrow_mut();
        let from = database.markers.iter().map(|it| it.before(NODE_OVERLAP));
        self.node.fetches.borrow_mut().push(Fetch {
            at: until,
            store,
            from: from.collect(),
        });
        database.markers.fill(until);
        Ok(())
    }

    /// Waits until the mailserver answers.
    async fn answered(&self, store: usize) -> Result<(), String> {
        let world = &self.node.world;
        let limit = match self.node.mode {
            Mode::Waku1 | Mode::Waku2 => CLASSIC_LIMIT,
            Mode::Pin | Mode::Observe => MODERN_LIMIT,
        };
        let end = Instant::now() + limit;
        let mut changes = world.changes();
        sleep(world.latency(store) * 2).await;
        loop {
            match world.path(store) {
                Path::Open if self.is_connected(store) => return Ok(()),
                Path::Hung | Path::Silent if self.is_connected(store) => {}
                _ => return Err("stream reset".into()),
            }
            let changed = timeout_at(end, changes.changed()).await;
            changed
                .map_err(|_| "context deadline exceeded".to_owned())?
                .ok();
        }
    }

    /// What the mailserver has of all topics, and whether that is all that was asked for.
    fn answer(&self, store: usize, until: Moment) -> (Vec<usize>, bool) {
        let world = &self.node.world;
        let stores = world.stores.borrow();
        let messages = world.messages.borrow();
        let markers = &self.node.database.borrow().markers;
        let breaks_off = stores[store].breaks_off;
        let topics = if breaks_off {
            markers.len() / 2
        } else {
            markers.len()
        };
        let mut found = Vec::new();
        for (topic, marker) in markers.iter().enumerate().take(topics) {
            let from = marker.before(NODE_OVERLAP);
            let period = Period { from, until };
            let answer = stores[store].answer(period, world.now(), |it| messages[it].sent);
            found.extend(answer.into_iter().filter(|it| messages[*it].topic == topic));
        }
        (found, !breaks_off)
    }

    fn take(self: &Rc<Self>, messages: Vec<usize>) {
        match self.node.mode {
            Mode::Pin => {
                let process = self.clone();
                tokio::task::spawn_local(async move {
                    sleep(MODERN_DELAY).await;
                    process.receive(&messages);
                });
            }
            _ => self.receive(&messages),
        }
    }

    /// `mailservers_getMailserverTopics`.
    pub(crate) fn topics(&self) -> Vec<MarkedTopic> {
        let database = self.node.database.borrow();
        // Markers are kept in whole seconds.
        let marked = database
            .markers
            .iter()
            .enumerate()
            .map(|(number, marker)| MarkedTopic {
                topic: topic(number),
                last_request: Moment::from_seconds(marker.as_seconds()),
            });
        marked.collect()
    }

    /// `mailservers_addMailserverTopics`, of one topic.
    pub(crate) fn set_marker(&self, number: usize, marker: Moment) {
        self.node.database.borrow_mut().markers[number] = marker;
    }
}

/// What the node says of a request that failed.
pub(crate) fn refused(message: String) -> NodeError {
    NodeError::Node {
        code: -32_000,
        message,
    }
}
