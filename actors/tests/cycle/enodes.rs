//! Where the mailservers are enodes: the system of a hung one answers pings, so that others must react before one is
//! left for being silent.

use std::time::Duration;

use actors::{
    Instant,
    connector::{
        cycle::{Command, Cycle},
        memory::Memory,
    },
    messages::{candidates::CandidatesChanged, peers::PeerState, selection::Select},
    model::{
        node::{Connection, Mode, NodeState},
        record::Cause,
    },
    testing::{decision, enode, plain, profile, surveyed},
};

struct Enodes {
    cycle: Cycle,
    now: Instant,
}

impl Enodes {
    /// Four enodes; 0 is connected, 1 is a peer too.
    fn connected() -> Self {
        let mut it = Self {
            cycle: Cycle::new(plain(), Memory::default(), Some(1)),
            now: Instant::now(),
        };
        let candidates = CandidatesChanged {
            fleet: Some("test".into()),
            candidates: (0..4).map(enode).collect(),
            pinned: None,
        };
        it.cycle.handle_candidates(candidates, it.now);
        let profile = profile(Mode::Waku1);
        (it.cycle).handle_node(NodeState::Ready { profile }, it.now);
        let order = it.order();
        let chosen = decision(&order, Some(0), |_| false);
        it.cycle.handle_decision(&chosen, it.now);
        let attempt = it.connects().expect("a connect").0;
        (it.cycle).handle_answer(attempt, Ok(Connection::Pending), it.now);
        for peer in [0, 1] {
            let identity = enode(peer).identity;
            (it.cycle).handle_peer(&identity, PeerState::Connected, false, it.now);
        }
        while it.cycle.poll_command().is_some() {}
        it
    }

    fn order(&mut self) -> Select {
        let mut orders = std::iter::from_fn(|| self.cycle.poll_command());
        let order = orders.find_map(|it| match it {
            Command::Select(select) => Some(select),
            _ => None,
        });
        order.expect("a selection")
    }

    fn connects(&mut self) -> Option<(u64, String)> {
        let mut commands = std::iter::from_fn(|| self.cycle.poll_command());
        commands.find_map(|it| match it {
            Command::Connect(number, to) => Some((number, to.id)),
            _ => None,
        })
    }

    /// 0 does not react any more; the round that is ordered then.
    fn silent(&mut self) -> Select {
        let identity = enode(0).identity;
        (self.cycle).handle_silence(&identity, Cause::Probe, "silent", self.now);
        self.order()
    }
}

#[test]
fn those_that_the_node_lists_are_asked_to_react_first() {
    let mut it = Enodes::connected();
    let order = it.silent();
    let witnesses: Vec<_> = order.witnesses.iter().cloned().collect();
    assert_eq!(witnesses, [1, 2].map(|it| enode(it).identity));
}

#[test]
fn while_no_other_one_reacts_nothing_is_rotated() {
    let mut it = Enodes::connected();
    for _ in 0..10 {
        let order = it.silent();
        // The systems of all answer a ping; the witnesses were to do more.
        let hung = decision(&order, Some(3), |index| index == 1 || index == 2);
        it.cycle.handle_decision(&hung, it.now);
        assert_eq!(it.connects(), None);
        assert_eq!(
            it.cycle.active().map(|it| it.id.as_str()),
            Some("mail-00.test")
        );
        it.now += Duration::from_secs(3);
    }
}

#[test]
fn it_is_left_as_soon_as_another_one_reacts() {
    let mut it = Enodes::connected();
    let order = it.silent();
    let found = decision(&order, Some(2), |_| false);
    it.cycle.handle_decision(&found, it.now);
    assert_eq!(
        it.connects().map(|it| it.1).as_deref(),
        Some("mail-02.test")
    );
}

#[test]
fn a_decision_that_overtakes_the_witnesses_waits_for_them() {
    let mut it = Enodes::connected();
    let order = it.silent();
    let mut early = decision(&order, Some(3), |_| false);
    early.early = true;
    it.cycle.handle_decision(&early, it.now);
    assert_eq!(it.connects(), None);
    it.cycle
        .handle_surveyed(&surveyed(&order, |_| Some(20)), it.now);
    assert_eq!(
        it.connects().map(|it| it.1).as_deref(),
        Some("mail-03.test")
    );
}
