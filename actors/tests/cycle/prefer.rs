//! A period has to be fetched from another mailserver.

use actors::{
    connector::pin::Policy,
    messages::journal::Prefer,
    model::{
        node::{Connection, Mode},
        record::Cause,
    },
};

use crate::rig::*;

fn prefer(rig: &mut Rig, wanted: usize, short: Option<usize>) {
    let prefer = Prefer {
        identity: identity(wanted),
        short: short.map(identity),
    };
    rig.cycle.handle_prefer(&prefer, rig.now);
}

#[test]
fn it_takes_the_place_of_the_active_one_once_it_is_connected() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.wants();
    prefer(&mut rig, 2, None);
    assert_eq!(rig.wants(), ["draw of 1 avoiding []"]);
    rig.draw(Some(2));
    assert_eq!(rig.wants(), ["connect 2"], "nobody is left before");
    rig.answer(Ok(Connection::Connected));
    let wants = rig.wants();
    assert!(wants.contains(&changed(2)), "{wants:?}");
    assert!(wants.ends_with(&available(2)), "{wants:?}");
    assert!(rig.cycle.cooling_ms(rig.now).is_empty(), "nobody is blamed");
}

/// A node that is connected to a hanging one says that it uses it.
#[test]
fn nobody_is_left_for_one_that_does_not_answer() {
    let mut rig = Rig::connected(Mode::Pin);
    rig.wants();
    prefer(&mut rig, 2, None);
    assert_eq!(rig.wants(), ["draw of 1 avoiding []"]);
    rig.draw(None);
    assert_eq!(rig.wants(), NOTHING);
}

#[test]
fn one_that_holds_less_is_remembered_as_short_and_avoided_for_a_while() {
    let mut rig = Rig::connected(Mode::Waku2);
    prefer(&mut rig, 2, Some(0));
    let records = rig.cycle.records();
    let failures = &records[&identity(0)].failures;
    assert_eq!(failures.get(&Cause::ShortHistory), Some(&1));
    assert!(rig.cycle.cooling_ms(rig.now).contains_key(&identity(0)));
}

#[test]
fn if_it_cannot_be_connected_all_stays_as_it_was() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.wants();
    prefer(&mut rig, 2, None);
    rig.draw(Some(2));
    rig.answer(Err(dial_failed()));
    let wants = rig.wants();
    assert!(
        !wants.iter().any(|it| it.starts_with("changed")),
        "{wants:?}"
    );
    let active = rig.cycle.active().map(|it| it.identity.clone());
    assert_eq!(active, Some(identity(0)));
}

#[test]
fn a_pinned_one_is_left_for_a_moment_and_not_during_the_request() {
    let mut rig = Rig::pinned(Policy::Prefer, Mode::Waku2);
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    prefer(&mut rig, 2, Some(3));
    rig.draw(Some(2));
    assert!(rig.wants().ends_with(&["connect 2".into()]));
    rig.answer(Ok(Connection::Connected));
    assert!(rig.wants().ends_with(&available(2)));

    rig.cycle.handle_requesting(true);
    rig.pass(15);
    assert_eq!(rig.wants(), NOTHING, "it is being asked");
    rig.cycle.handle_requesting(false);
    rig.pass(15);
    assert_eq!(rig.wants()[0], "connect 3");
}

#[test]
fn nobody_is_left_for_it_who_is_insisted_on_or_is_being_asked_or_cannot_be_left() {
    let mut pinned = Rig::pinned(Policy::Strict, Mode::Waku2);
    pinned.answer(Ok(Connection::Connected));
    pinned.wants();
    prefer(&mut pinned, 2, None);
    assert_eq!(pinned.wants(), NOTHING);

    let mut asking = Rig::connected(Mode::Waku2);
    asking.wants();
    asking.cycle.handle_requesting(true);
    prefer(&mut asking, 2, None);
    assert_eq!(asking.wants(), NOTHING);

    let mut unknown = Rig::connected(Mode::Waku2);
    unknown.wants();
    prefer(&mut unknown, 20, None);
    assert_eq!(unknown.wants(), NOTHING, "no candidate");
}
