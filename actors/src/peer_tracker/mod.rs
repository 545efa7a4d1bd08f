//! Which mailservers the node is connected to.
//!
//! The truth is the node's own list of peers, from signals or by asking; one exception: a dial that
//! just succeeded counts as connected for [`TRUST`], or until a list has the peer, because a list that
//! was written a moment before it may still be on its way.

mod table;

use std::time::Duration;

use actix::prelude::*;

use crate::{
    Instant,
    messages::{
        candidates::CandidatesChanged,
        events::{Event, Publish},
        node::{ConnectionChanged, PeerSnapshot, RefreshPeers},
        peers::{Mark, PeerConnected, PeerDisconnected, PeerState, Peers, Repeat},
    },
};
pub use table::TRUST;
use table::{Change, Table};

/// After a list that does not have such a peer, the node is asked this much later.
const DOUBT: Duration = Duration::from_millis(100);

/// The actor.
pub struct PeerTracker {
    table: Table,
    connected: Recipient<PeerConnected>,
    disconnected: Recipient<PeerDisconnected>,
    refresh: Recipient<RefreshPeers>,
    events: Recipient<Publish>,
}

impl PeerTracker {
    /// A tracker with an empty table. `connected` and `disconnected` go to the connector.
    #[must_use]
    pub fn new(
        connected: Recipient<PeerConnected>,
        disconnected: Recipient<PeerDisconnected>,
        refresh: Recipient<RefreshPeers>,
        events: Recipient<Publish>,
    ) -> Self {
        Self {
            table: Table::default(),
            connected,
            disconnected,
            refresh,
            events,
        }
    }

    fn tell(&self, changes: Vec<Change>) {
        for (mailserver, state) in changes {
            let identity = mailserver.identity.clone();
            let mailserver = mailserver.reference();
            let event = match state {
                PeerState::Connected => {
                    self.connected.do_send(PeerConnected(identity));
                    Event::PeerConnected { mailserver }
                }
                PeerState::Disconnected => {
                    let alone = self.table.is_alone();
                    self.disconnected
                        .do_send(PeerDisconnected { identity, alone });
                    Event::PeerDisconnected { mailserver }
                }
            };
            self.events.do_send(Publish(event));
        }
    }
}

impl Actor for PeerTracker {
    type Context = Context<Self>;
}

impl Supervised for PeerTracker {
    fn restarting(&mut self, _: &mut Context<Self>) {
        // The table may be torn: ask for the truth.
        self.refresh.do_send(RefreshPeers);
    }
}

impl Handler<CandidatesChanged> for PeerTracker {
    type Result = ();

    fn handle(&mut self, changed: CandidatesChanged, _: &mut Context<Self>) {
        let changes = self.table.handle_candidates(changed.candidates);
        self.tell(changes);
    }
}

impl Handler<PeerSnapshot> for PeerTracker {
    type Result = ();

    fn handle(&mut self, snapshot: PeerSnapshot, ctx: &mut Context<Self>) {
        let changes = self.table.handle_snapshot(snapshot, Instant::now());
        self.tell(changes);
        if self.table.doubtful() {
            ctx.run_later(DOUBT, |tracker, _| tracker.refresh.do_send(RefreshPeers));
        }
    }
}

impl Handler<ConnectionChanged> for PeerTracker {
    type Result = ();

    fn handle(&mut self, ConnectionChanged(said): ConnectionChanged, _: &mut Context<Self>) {
        self.table.handle_connectedness(said);
    }
}

impl Handler<Mark> for PeerTracker {
    type Result = ();

    fn handle(&mut self, Mark { identity, state }: Mark, _: &mut Context<Self>) {
        let changes = self.table.handle_mark(&identity, state, Instant::now());
        self.tell(changes);
    }
}

impl Handler<Repeat> for PeerTracker {
    type Result = ();

    fn handle(&mut self, _: Repeat, _: &mut Context<Self>) {
        for identity in self.table.connected() {
            self.connected.do_send(PeerConnected(identity.clone()));
        }
    }
}

impl Handler<Peers> for PeerTracker {
    type Result = MessageResult<Peers>;

    fn handle(&mut self, _: Peers, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.table.peers())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::mailserver::Identity,
        testing::{Probe, Received, mailserver, settle},
    };

    struct Rig {
        tracker: Addr<PeerTracker>,
        connected: Received<PeerConnected>,
        disconnected: Received<PeerDisconnected>,
        refresh: Received<RefreshPeers>,
        events: Received<Publish>,
    }

    /// A tracker that knows mailservers 0 and 1.
    async fn rig() -> Rig {
        tokio::time::pause();
        let (connected_to, connected) = Probe::start();
        let (disconnected_to, disconnected) = Probe::start();
        let (refresh_by, refresh) = Probe::start();
        let (events_to, events) = Probe::start();
        let tracker =
            PeerTracker::new(connected_to, disconnected_to, refresh_by, events_to).start();
        let candidates = CandidatesChanged {
            candidates: vec![mailserver(0), mailserver(1)],
            ..CandidatesChanged::default()
        };
        tracker.send(candidates).await.unwrap();
        Rig {
            tracker,
            connected,
            disconnected,
            refresh,
            events,
        }
    }

    impl Rig {
        async fn snapshot(&self, peers: &[usize]) {
            let peers = peers.iter().map(|&it| mailserver(it).identity).collect();
            let snapshot = PeerSnapshot {
                peers,
                ..PeerSnapshot::default()
            };
            self.tracker.send(snapshot).await.unwrap();
        }

        async fn mark(&self, index: usize, state: PeerState) {
            let identity = mailserver(index).identity;
            self.tracker.send(Mark { identity, state }).await.unwrap();
        }

        /// Who connected and who disconnected since the last call.
        async fn changes(&self) -> (Vec<Identity>, Vec<Identity>) {
            let connected = self.connected.drain().await;
            let disconnected = self.disconnected.drain().await;
            (
                connected.into_iter().map(|it| it.0).collect(),
                disconnected.into_iter().map(|it| it.identity).collect(),
            )
        }
    }

    fn only(index: usize) -> Vec<Identity> {
        vec![mailserver(index).identity]
    }

    #[actix::test]
    async fn a_change_is_told_once_and_foreign_peers_never() {
        let rig = rig().await;
        rig.snapshot(&[0, 5]).await;
        rig.snapshot(&[0, 6]).await;
        assert_eq!(rig.changes().await, (only(0), vec![]));
        rig.snapshot(&[1]).await;
        assert_eq!(rig.changes().await, (only(1), only(0)));
        assert_eq!(rig.events.drain().await.len(), 3);
    }

    #[actix::test]
    async fn an_empty_list_disconnects_everyone_and_leaves_the_node_alone() {
        let rig = rig().await;
        rig.snapshot(&[0, 1, 7]).await;
        rig.snapshot(&[7]).await;
        let gone = rig.disconnected.drain().await;
        assert!(gone.iter().all(|it| !it.alone) && gone.len() == 2);
        rig.snapshot(&[0, 1]).await;
        rig.snapshot(&[]).await;
        let gone = rig.disconnected.drain().await;
        assert!(gone.iter().all(|it| it.alone) && gone.len() == 2);
    }

    #[actix::test]
    async fn a_list_from_before_the_dial_does_not_disconnect_but_is_checked() {
        let rig = rig().await;
        rig.mark(0, PeerState::Connected).await;
        rig.snapshot(&[]).await;
        assert_eq!(rig.changes().await, (only(0), vec![]));
        rig.refresh
            .assert_none("not before the trust is over")
            .await;
        tokio::time::advance(TRUST + Duration::from_millis(1)).await;
        settle().await;
        assert_eq!(rig.refresh.drain().await.len(), 1);
        rig.snapshot(&[]).await;
        assert_eq!(rig.changes().await, (vec![], only(0)));
    }

    #[actix::test]
    async fn once_listed_a_dialled_peer_is_gone_with_the_first_list_without_it() {
        let rig = rig().await;
        rig.mark(0, PeerState::Connected).await;
        rig.snapshot(&[0]).await;
        rig.snapshot(&[]).await;
        assert_eq!(rig.changes().await, (only(0), only(0)));
        // The list may be faster than the answer to the dial.
        rig.snapshot(&[0]).await;
        rig.mark(0, PeerState::Connected).await;
        rig.snapshot(&[]).await;
        assert_eq!(rig.changes().await, (only(0), only(0)));
    }

    #[actix::test]
    async fn a_peer_that_was_given_up_is_connected_again_when_the_node_lists_it() {
        let rig = rig().await;
        rig.snapshot(&[0]).await;
        rig.mark(0, PeerState::Disconnected).await;
        assert_eq!(rig.changes().await, (only(0), only(0)));
        rig.snapshot(&[0]).await;
        assert_eq!(rig.changes().await, (only(0), vec![]));
    }

    #[actix::test]
    async fn a_new_candidate_that_is_a_peer_already_is_connected_at_once() {
        let rig = rig().await;
        rig.snapshot(&[2]).await;
        assert_eq!(rig.changes().await, (vec![], vec![]));
        let candidates = CandidatesChanged {
            candidates: vec![mailserver(2)],
            ..CandidatesChanged::default()
        };
        rig.tracker.send(candidates).await.unwrap();
        assert_eq!(rig.changes().await, (only(2), vec![]));
    }
}
