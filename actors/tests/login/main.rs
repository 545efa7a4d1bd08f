//! The login as others meet it: what it asks of the node and when, and, above all, what it does not.

mod passwords;
mod rig;

use std::time::Duration;

use ::actors::{
    login::{Login, SLOW},
    messages::login::{Account, LoginError, State},
    testing::settle,
};
use actix::prelude::*;
use rig::{Call, account, pass, rig, rig_for};

/// All that one login takes.
fn whole(of: &Account) -> Vec<Call> {
    let log_in = Call::LogIn(of.key_uid.clone(), of.kdf_iterations);
    vec![Call::Accounts, Call::Stamp, log_in]
}

fn locked() -> LoginError {
    LoginError::Locked("resource temporarily unavailable".into())
}

#[actix::test]
async fn a_node_that_is_logged_out_is_logged_in_at_once() {
    let it = rig(&[(2, Ok(()))]);
    assert_eq!(it.status().await.state, State::Idle);
    assert_eq!(it.calls().await, [], "nothing was heard of the node");
    it.logged_out().await;
    assert_eq!(it.calls().await, whole(&account('a')));
    assert_eq!(it.status().await.state, State::LoggingIn);
    pass(3).await;
    let status = it.status().await;
    assert_eq!((status.state, status.tries), (State::Idle, 0));
    let outcome = status.last_outcome.unwrap();
    assert_eq!(outcome, "0xaaaa…aaaa logged in after 2.0 s");
    it.ready().await;
    pass(3600).await;
    assert_eq!(it.calls().await, [], "it is ready");
    it.then(1, Ok(()));
    it.restarted().await;
    assert_eq!(it.calls().await, whole(&account('a')), "after each restart");
}

#[actix::test]
async fn a_node_that_is_ready_or_away_is_left_alone() {
    let it = rig(&[]);
    it.ready().await;
    it.away().await;
    it.ready().await;
    pass(3600).await;
    assert_eq!(it.calls().await, []);
}

#[actix::test]
async fn what_may_pass_is_tried_again_after_growing_pauses_for_ever() {
    let failures = vec![(0, Err(locked())); 12];
    let it = rig(&failures);
    it.logged_out().await;
    pass(1000).await;
    let pauses = it.pauses(|it| matches!(it, Call::LogIn(..)));
    let expected = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 120.0, 120.0];
    for (pause, expected) in pauses.iter().zip(expected) {
        let part = pause / expected;
        assert!((0.79..1.21).contains(&part), "{pauses:?}");
    }
    assert!(pauses.len() >= expected.len(), "{pauses:?}");
    assert_eq!(it.status().await.tries, 0, "the password is not to blame");
}

#[actix::test]
async fn pauses_end_with_the_node_and_begin_anew() {
    let it = rig(&vec![(0, Err(locked())); 9]);
    it.logged_out().await;
    pass(120).await;
    it.calls().await;
    it.away().await;
    pass(3600).await;
    assert_eq!(it.calls().await, [], "nobody is there");
    it.logged_out().await;
    assert_eq!(it.logins().await, 1);
    pass(2).await;
    assert_eq!(it.logins().await, 1, "a short pause again");
}

#[actix::test]
async fn without_the_account_nobody_is_logged_in() {
    let keycard = Account {
        keycard: true,
        ..account('b')
    };
    let cases = [
        (None, vec![], "there is no account"),
        (None, vec![account('a'), account('b')], "0xaaa"),
        (Some('c'), vec![account('a'), account('b')], "0xbbb"),
        (Some('b'), vec![account('a'), keycard], "keycard"),
    ];
    for (wanted, accounts, told) in cases {
        let it = rig_for(wanted.map(|it| account(it).key_uid), &[(1, Ok(()))]);
        it.accounts(Ok(accounts));
        it.logged_out().await;
        pass(3600).await;
        let calls = it.calls().await;
        assert!(calls.len() > 20, "it is looked at again and again");
        assert!(calls.iter().all(|it| *it == Call::Accounts), "{calls:?}");
        let status = it.status().await;
        let outcome = status.last_outcome.unwrap();
        assert!(outcome.contains(told), "{outcome}");
        assert_eq!(status.state, State::Pausing);
        // The account appears.
        it.accounts(Ok(vec![account(wanted.unwrap_or('a'))]));
        pass(150).await;
        assert_eq!(it.logins().await, 1);
    }
}

#[actix::test]
async fn of_several_accounts_the_named_one_is_logged_in() {
    let it = rig_for(Some(account('b').key_uid), &[(1, Ok(()))]);
    it.accounts(Ok(vec![account('a'), account('b')]));
    it.logged_out().await;
    assert_eq!(it.calls().await, whole(&account('b')));
}

#[actix::test]
async fn while_a_login_hangs_nothing_else_is_sent() {
    let it = rig(&[(360, Err(LoginError::TimedOut)), (1, Ok(()))]);
    it.logged_out().await;
    assert_eq!(it.logins().await, 1);
    pass(SLOW.as_secs() + 1).await;
    let outcome = it.status().await.last_outcome.unwrap();
    assert!(outcome.contains("180 s"), "{outcome}");
    // Whatever is heard of the node.
    it.restarted().await;
    it.ready().await;
    it.restarted().await;
    pass(170).await;
    assert_eq!(it.calls().await, []);
    assert_eq!(it.status().await.state, State::LoggingIn);
    pass(20).await;
    assert_eq!(it.logins().await, 1, "the first one ended");
}

#[actix::test]
async fn an_answer_that_nobody_waits_for_any_more_changes_nothing() {
    for ended in [Ok(()), Err(locked()), Err(LoginError::LoggedIn)] {
        let it = rig(&[(5, ended)]);
        it.logged_out().await;
        it.ready().await;
        it.calls().await;
        pass(3600).await;
        assert_eq!(it.calls().await, []);
        assert_eq!(it.status().await.state, State::Idle);
    }
}

#[actix::test]
async fn somebody_else_who_logs_in_is_no_failure() {
    let it = rig(&[(0, Err(LoginError::LoggedIn)), (0, Ok(()))]);
    it.logged_out().await;
    pass(1).await;
    assert_eq!(it.logins().await, 1);
    let status = it.status().await;
    assert_eq!((status.state, status.tries), (State::Idle, 0));
    it.ready().await;
    pass(3600).await;
    assert_eq!(it.calls().await, []);
}

#[actix::test]
async fn somebody_else_who_is_faster_is_left_in_peace() {
    let it = rig(&[(0, Ok(()))]);
    it.accounts_take(5);
    it.logged_out().await;
    it.ready().await;
    pass(3600).await;
    assert_eq!(it.logins().await, 0);
}

#[actix::test]
async fn a_login_that_does_not_show_is_looked_at_again() {
    let it = rig(&[(1, Ok(())), (1, Ok(()))]);
    it.logged_out().await;
    pass(2).await;
    it.calls().await;
    pass(3).await;
    assert_eq!(it.calls().await, [], "it may take a moment");
    // Before anybody noticed that it was there.
    it.crash();
    pass(3).await;
    assert_eq!(it.logins().await, 1);
}

#[actix::test]
async fn a_login_that_shows_late_is_no_login_of_somebody_else() {
    let it = rig(&[(1, Ok(()))]);
    it.logged_out().await;
    pass(60).await;
    assert_eq!(it.logins().await, 1);
    let outcome = it.status().await.last_outcome.unwrap();
    assert!(outcome.contains("logged in after"), "{outcome}");
    it.accounts(Err(LoginError::LoggedIn));
    it.restarted().await;
    let outcome = it.status().await.last_outcome.unwrap();
    assert_eq!(outcome, "somebody is logged in already");
}

#[actix::test]
async fn a_messenger_that_does_not_start_is_told_and_the_account_stays_logged_in() {
    let it = rig(&[(1, Err(LoginError::NotStarted("crashed".into())))]);
    it.logged_out().await;
    pass(2).await;
    let status = it.status().await;
    assert_eq!((status.state, status.tries), (State::Idle, 0));
    assert!(status.last_outcome.unwrap().contains("restart the node"));
}

#[actix::test]
async fn a_node_that_dies_of_the_login_is_not_driven_round() {
    let died = || Err(LoginError::Unreachable("closed".into()));
    let it = rig(&[(1, died()), (1, died()), (1, died()), (1, died())]);
    it.logged_out().await;
    let mut pauses = Vec::new();
    for _ in 0..4 {
        it.calls().await;
        pass(1).await;
        it.restarted().await;
        let begun = tokio::time::Instant::now();
        while it.logins().await == 0 && begun.elapsed() < Duration::from_secs(60) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        pauses.push(begun.elapsed().as_secs_f64());
    }
    let grows = pauses.windows(2).all(|pair| pair[1] > 1.3 * pair[0]);
    assert!(pauses[0] > 0.7 && grows, "{pauses:?}");
    // Nobody answers the last one. Once somebody was logged in, the node is trusted again.
    it.ready().await;
}

/// Ends the actor, as a panic would.
struct Fail;

impl Message for Fail {
    type Result = ();
}

impl Handler<Fail> for Login {
    type Result = ();

    fn handle(&mut self, _: Fail, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

#[actix::test]
async fn a_restarted_actor_goes_on_after_a_pause() {
    let it = rig(&[(0, Err(locked())), (0, Ok(()))]);
    it.logged_out().await;
    it.calls().await;
    it.login.do_send(Fail);
    settle().await;
    assert_eq!(it.calls().await, []);
    pass(3).await;
    assert_eq!(it.calls().await, whole(&account('a')));
}
