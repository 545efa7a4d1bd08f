//! Pingers and adapters that fail: the loop is never held up.

use crate::actor::*;
use crate::*;
use ::actors::{
    Instant,
    messages::ping::{News, PingRound},
    model::probe::round_limit,
    selector::decision_limit,
};
use actix::prelude::*;

#[actix::test]
async fn a_pinger_that_dies_gives_a_decision_without_a_choice() {
    tokio::time::pause();
    let rig = Rig::with(Dying.start().recipient(), 1);
    rig.selector.do_send(order(healthy(2)));
    let decision = rig.decisions.next().await;
    assert_eq!(
        (decision.chosen, decision.drawn, decision.pool),
        (None, None, 0)
    );
    assert_eq!(decision.considered.len(), 2);
    assert!(rig.surveys.next().await.replies.is_empty());
}

#[actix::test]
async fn a_pinger_that_never_answers_does_not_hold_the_loop() {
    tokio::time::pause();
    let begun = Instant::now();
    let rig = Rig::with(Stuck.start().recipient(), 1);
    rig.selector.do_send(order(healthy(1)));
    assert_eq!(rig.decisions.next().await.chosen, None);
    let late = begun.elapsed().saturating_sub(decision_limit(TIMEOUT));
    assert!(late <= ms(2), "{late:?}");
}

#[actix::test]
async fn an_adapter_of_which_nothing_is_heard_costs_one_limit() {
    tokio::time::pause();
    let rig = Rig::start(1);
    let begun = Instant::now();
    rig.selector.do_send(order(healthy(2)));
    let probe = rig.probes.next().await;
    tell(
        &probe,
        0,
        News::Done {
            outcome: Ok(ms(10)),
            bytes: 0,
        },
    );
    let decision = rig.decisions.next().await;
    assert_took(begun, round_limit(TIMEOUT));
    assert_eq!(decision.identity, Some(mailserver(0).identity));
}

/// A pinger that is gone before it can answer.
struct Dying;

impl Actor for Dying {
    type Context = Context<Self>;
}

impl Handler<PingRound> for Dying {
    type Result = ResponseFuture<PingReport>;

    fn handle(&mut self, _: PingRound, ctx: &mut Context<Self>) -> Self::Result {
        ctx.terminate();
        Box::pin(std::future::pending())
    }
}

/// A pinger that lives and says nothing.
struct Stuck;

impl Actor for Stuck {
    type Context = Context<Self>;
}

impl Handler<PingRound> for Stuck {
    type Result = ResponseFuture<PingReport>;

    fn handle(&mut self, _: PingRound, _: &mut Context<Self>) -> Self::Result {
        Box::pin(std::future::pending())
    }
}
