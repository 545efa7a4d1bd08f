//! A password that is refused: how often it is tried, and what ends that.

use ::actors::{
    login::MOST_TRIES,
    messages::login::{LoginError, State},
};

use crate::rig::{Call, Ended, Rig, pass, rig};

const MOST: usize = MOST_TRIES as usize;

fn refused() -> Ended {
    Err(LoginError::WrongPassword)
}

/// A node that refused the password as often as it is tried.
async fn given_up() -> Rig {
    let it = rig(&vec![(1, refused()); 20]);
    it.logged_out().await;
    pass(60).await;
    assert_eq!(it.logins().await, MOST);
    it
}

#[actix::test]
async fn it_is_tried_three_times_and_then_never_again() {
    let it = given_up().await;
    let status = it.status().await;
    assert_eq!((status.state, status.tries), (State::GivenUp, 3));
    let outcome = status.last_outcome.unwrap();
    assert!(outcome.contains("login.password_file"), "{outcome}");
    pass(24 * 3600).await;
    assert_eq!(it.logins().await, 0);
}

#[actix::test]
async fn a_node_that_restarts_in_a_loop_gives_no_further_tries() {
    let it = rig(&vec![(1, refused()); 20]);
    let mut logins = 0;
    for _ in 0..10 {
        it.restarted().await;
        pass(5).await;
        it.ready().await;
        logins += it.logins().await;
    }
    assert_eq!(logins, MOST);
    it.restarted().await;
    pass(60).await;
    assert_eq!(it.logins().await, 0);
    assert_eq!(it.status().await.state, State::GivenUp);
}

#[actix::test]
async fn a_login_that_cannot_be_told_from_a_wrong_password_counts_as_one() {
    let it = rig(&vec![(1, Err(LoginError::Unheard)); 9]);
    it.logged_out().await;
    pass(3600).await;
    assert_eq!(it.logins().await, MOST);
}

#[actix::test]
async fn another_password_is_noticed_within_ten_seconds() {
    let it = given_up().await;
    it.change_password();
    pass(11).await;
    assert_eq!(it.logins().await, 1);
    pass(60).await;
    assert_eq!(it.logins().await, MOST - 1, "it is tried as often");
}

#[actix::test]
async fn another_password_between_two_tries_is_another_one() {
    let it = rig(&[(1, refused()), (1, refused()), (1, Ok(()))]);
    it.logged_out().await;
    pass(3).await;
    it.change_password();
    pass(10).await;
    assert_eq!(it.status().await.tries, 0);
    assert_eq!(it.logins().await, 3);
}

#[actix::test]
async fn only_a_login_of_its_own_shows_that_the_password_is_right() {
    let it = given_up().await;
    // By hand, with whatever password.
    it.ready().await;
    it.restarted().await;
    assert_eq!(it.calls().await.last(), Some(&Call::Stamp));
    assert_eq!(it.status().await.state, State::GivenUp);

    let it = rig(&[(0, refused()), (0, refused()), (0, Ok(()))]);
    it.logged_out().await;
    pass(10).await;
    it.ready().await;
    assert_eq!(it.status().await.tries, 0);
    for _ in 0..MOST {
        it.then(0, refused());
    }
    it.calls().await;
    it.restarted().await;
    pass(60).await;
    assert_eq!(it.logins().await, MOST);
}

#[actix::test]
async fn a_file_that_is_gone_while_it_is_written_is_no_other_password() {
    let it = given_up().await;
    it.password_readable(false);
    pass(60).await;
    it.password_readable(true);
    pass(60).await;
    assert_eq!(it.logins().await, 0);
    it.change_password();
    pass(11).await;
    assert_eq!(it.logins().await, 1);
}

#[actix::test]
async fn without_a_password_nobody_is_logged_in() {
    let it = rig(&[(0, Ok(()))]);
    it.password_readable(false);
    it.logged_out().await;
    pass(3600).await;
    assert_eq!(it.logins().await, 0);
    let outcome = it.status().await.last_outcome.unwrap();
    assert_eq!(outcome, "login.password_file: it is gone");
    it.password_readable(true);
    pass(150).await;
    assert_eq!(it.logins().await, 1);
}
