//! What a restart of the actor leaves: the verdict that the listeners know, and nothing half done.

use std::time::Duration;

use crate::{
    model::{
        node::Mode,
        probe::{ProbeFailure, Stage},
        verdict::Verdict,
    },
    testing::{Probe as Mailbox, Received, mailserver, profile},
};

use super::*;

/// Ends the actor, as a panic would.
#[derive(Message)]
#[rtype(result = "()")]
struct Fail;

impl Handler<Fail> for OnlineWatch {
    type Result = ();

    fn handle(&mut self, _: Fail, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

struct Rig {
    watch: Addr<OnlineWatch>,
    probed: Received<Probe>,
    told: Received<VerdictChanged>,
}

/// A ready node and three candidates; somebody was measured.
async fn supervised() -> Rig {
    tokio::time::pause();
    let (probe, probed) = Mailbox::start();
    let (listener, told) = Mailbox::start();
    let ports = Ports {
        probe,
        listeners: vec![listener],
        events: Mailbox::start().0,
    };
    let watch = OnlineWatch::new(Config::default(), Some(1), ports);
    let watch = Supervisor::start(|_| watch);
    let candidates = CandidatesChanged {
        candidates: (0..3).map(mailserver).collect(),
        ..CandidatesChanged::default()
    };
    watch.send(candidates).await.unwrap();
    let profile = profile(Mode::Waku2);
    let ready = NodeChanged(NodeState::Ready { profile });
    watch.send(ready).await.unwrap();
    let rtt = Duration::from_millis(20);
    let identity = mailserver(0).identity;
    let sent = Instant::now();
    let measured = Measured {
        identity,
        rtt,
        sent,
    };
    watch.send(measured).await.unwrap();
    Rig {
        watch,
        probed,
        told,
    }
}

impl Rig {
    async fn missed(&self, index: usize) {
        let missed = Missed(mailserver(index).identity);
        self.watch.send(missed).await.unwrap();
    }
}

fn answer(order: &Probe, outcome: &Result<Duration, ProbeFailure>) {
    for target in &order.targets {
        order.answer_to.do_send(ProbeAnswer {
            round: order.round,
            identity: target.identity.clone(),
            news: News::Done {
                outcome: outcome.clone(),
                bytes: 0,
            },
        });
    }
}

const SILENT: Result<Duration, ProbeFailure> = Err(ProbeFailure::Silent(Stage::Connect));

#[actix::test]
async fn what_was_asked_before_is_void() {
    let it = supervised().await;
    it.missed(0).await;
    let before = it.probed.next().await;
    it.watch.send(Fail).await.unwrap();
    it.told.assert_none("nothing was found out").await;
    it.missed(0).await;
    let order = it.probed.next().await;
    answer(&before, &Ok(Duration::from_millis(1)));
    it.told
        .assert_none("the answer was to a round before")
        .await;
    answer(&order, &SILENT);
    let told = it.told.drain().await;
    assert_eq!(told, [VerdictChanged(Verdict::Offline)]);
}

#[actix::test]
async fn an_outage_goes_on_being_looked_at_and_is_told_once() {
    let it = supervised().await;
    it.missed(0).await;
    answer(&it.probed.next().await, &SILENT);
    assert_eq!(it.told.next().await, VerdictChanged(Verdict::Offline));
    it.watch.send(Fail).await.unwrap();
    let order = it.probed.next().await;
    assert_eq!(order.targets.len(), 3);
    answer(&order, &SILENT);
    it.told.assert_none("it is known").await;
    answer(&it.probed.next().await, &Ok(Duration::from_millis(20)));
    assert_eq!(it.told.next().await, VerdictChanged(Verdict::Online));
}

#[actix::test]
async fn probes_that_are_never_answered_end() {
    let it = supervised().await;
    let since = Instant::now();
    it.missed(0).await;
    assert_eq!(it.told.next().await, VerdictChanged(Verdict::Suspect));
    assert_eq!(it.told.next().await, VerdictChanged(Verdict::Offline));
    assert!(since.elapsed() < Duration::from_secs(4));
    assert_eq!(it.probed.drain().await.len(), 1, "nobody else is left");
}
