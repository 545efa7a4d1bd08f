//! Life stories of the loop, in virtual time: what it is told, and what it wants done.

use std::time::Duration;

use actors::{
    Instant,
    cycle::{Command, Config, Cycle},
    events::Event,
    fleet_registry::CandidatesChanged,
    mailserver::Identity,
    node::{Connection, Mode, NodeError, NodeState, NodeSwitched, Profile},
    peer_tracker::PeerState,
    pin::Policy,
    selector::Decision,
    testing::mailserver,
};

/// A loop, its clock, and how to talk to it briefly.
struct Rig {
    cycle: Cycle,
    now: Instant,
    round: u64,
    attempt: u64,
    said: Vec<String>,
}

const CANDIDATES: usize = 4;

fn identity(index: usize) -> Identity {
    mailserver(index).identity
}

fn index(identity: &Identity) -> usize {
    let mut all = 0..24;
    all.find(|it| mailserver(*it).identity == *identity)
        .expect("a test mailserver")
}

fn profile(mode: Mode) -> Profile {
    Profile {
        mode,
        fleet: Some("test".into()),
        saved: vec![],
        pinned: None,
        use_mailservers: true,
    }
}

fn dial_failed() -> NodeError {
    NodeError::Node {
        code: -32000,
        message: "connection refused".into(),
    }
}

impl Rig {
    fn with(config: Config) -> Self {
        Self {
            cycle: Cycle::new(config),
            now: Instant::now(),
            round: 0,
            attempt: 0,
            said: Vec::new(),
        }
    }

    /// A waku2 node is there and a selection is under way.
    fn started(mode: Mode) -> Self {
        Self::started_with(mode, Config::default(), None)
    }

    fn started_with(mode: Mode, config: Config, pinned: Option<usize>) -> Self {
        let mut rig = Self::with(config);
        rig.candidates(CANDIDATES, pinned);
        rig.node(mode);
        rig
    }

    /// Mailserver 0 was chosen and is connected.
    fn connected(mode: Mode) -> Self {
        let mut rig = Self::started(mode);
        rig.wants();
        rig.decide(Some(0));
        rig.wants();
        rig.answer(Ok(Connection::Connected));
        rig.wants();
        rig
    }

    fn pinned(policy: Policy, mode: Mode) -> Self {
        let config = Config {
            pin_policy: policy,
            ..Config::default()
        };
        Self::started_with(mode, config, Some(3))
    }

    fn candidates(&mut self, count: usize, pinned: Option<usize>) {
        let changed = CandidatesChanged {
            fleet: Some("test".into()),
            candidates: (0..count).map(mailserver).collect(),
            pinned: pinned.map(identity),
        };
        self.cycle.handle_candidates(changed, self.now);
    }

    fn node(&mut self, mode: Mode) {
        let profile = profile(mode);
        self.cycle
            .handle_node(NodeState::Ready { profile }, self.now);
    }

    fn node_gone(&mut self) {
        let reason = "refused".into();
        self.cycle
            .handle_node(NodeState::Unreachable { reason }, self.now);
    }

    fn peer(&mut self, index: usize, state: PeerState) {
        self.cycle.handle_peer(&identity(index), state, self.now);
    }

    fn lose(&mut self, index: usize) {
        self.peer(index, PeerState::Disconnected);
    }

    fn decide(&mut self, chosen: Option<usize>) {
        self.listen();
        let decision = Decision {
            round: self.round,
            chosen: chosen.map(|it| mailserver(it).reference()),
            identity: chosen.map(identity),
            considered: vec![],
            pool: 1,
        };
        self.cycle.handle_decision(&decision, self.now);
    }

    fn answer(&mut self, answer: Result<Connection, NodeError>) {
        self.listen();
        self.cycle.handle_connection(self.attempt, answer, self.now);
    }

    fn introduced(&mut self, answer: Result<Connection, NodeError>) {
        self.listen();
        self.cycle
            .handle_introduction(self.attempt, &answer, self.now);
    }

    fn switched(&mut self, index: usize) {
        let switched = NodeSwitched {
            identity: Some(identity(index)),
            id: None,
        };
        self.cycle.handle_switched(&switched, self.now);
    }

    fn tick(&mut self) {
        self.pass(10);
        self.cycle.handle_tick(self.now);
    }

    /// Time goes by; the limits in it are called when they pass.
    fn pass(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        while let Some(at) = self.cycle.poll_timeout(self.now).filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.cycle.handle_timeout(self.now);
        }
        self.now = end;
    }

    /// What the loop wanted since the last call, in words; marks left out, since the tracker's tests
    /// have them.
    fn wants(&mut self) -> Vec<String> {
        self.listen();
        std::mem::take(&mut self.said)
    }

    fn listen(&mut self) {
        while let Some(command) = self.cycle.poll_command() {
            let word = self.word(command);
            self.said.extend(word);
        }
    }

    fn word(&mut self, command: Command) -> Option<String> {
        Some(match command {
            Command::Select(select) => {
                self.round = select.round;
                let avoided: Vec<usize> = select.cooling.iter().map(index).collect();
                format!("select of {} avoiding {avoided:?}", select.candidates.len())
            }
            Command::Connect(attempt, to) => {
                self.attempt = attempt;
                format!("connect {}", index(&to.identity))
            }
            Command::Introduce(attempt, to) => {
                self.attempt = attempt;
                format!("introduce {}", index(&to.identity))
            }
            Command::Drop(peer) => format!("drop {}", index(&peer.identity)),
            Command::Refresh => "refresh".into(),
            Command::Mark(..) => return None,
            Command::Available(to) => format!("request from {}", index(&to.identity)),
            Command::Unavailable => "request from nobody".into(),
            Command::Publish(Event::MailserverChanged { mailserver, .. }) => {
                format!("changed {}", mailserver.map_or("none".into(), |it| it.id))
            }
            Command::Publish(Event::MailserverAvailable { mailserver }) => {
                format!("available {}", mailserver.id)
            }
            Command::Publish(other) => panic!("not the loop's business: {other:?}"),
        })
    }
}

fn available(index: usize) -> Vec<String> {
    let id = mailserver(index).id;
    vec![format!("available {id}"), format!("request from {index}")]
}

fn changed(index: usize) -> String {
    format!("changed {}", mailserver(index).id)
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_mailserver_is_chosen_connected_and_asked() {
    let mut rig = Rig::started(Mode::Waku2);
    assert_eq!(rig.wants(), ["select of 4 avoiding []"]);
    rig.decide(Some(2));
    assert_eq!(rig.wants(), [changed(2), "connect 2".into()]);
    rig.answer(Ok(Connection::Connected));
    assert_eq!(rig.wants(), available(2));
}

#[test]
fn while_it_is_connected_a_tick_sends_nothing() {
    let mut rig = Rig::connected(Mode::Waku2);
    for _ in 0..100 {
        rig.tick();
    }
    assert_eq!(rig.wants(), NOTHING);
}

#[test]
fn a_lost_one_is_dropped_and_another_chosen_at_once() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.lose(0);
    assert_eq!(
        rig.wants(),
        [
            "drop 0",
            "changed none",
            "request from nobody",
            "select of 4 avoiding [0]"
        ]
    );
}

#[test]
fn without_reaction_the_tick_does_it() {
    let config = Config {
        reactive: false,
        ..Config::default()
    };
    let mut rig = Rig::started_with(Mode::Waku2, config, None);
    rig.wants();
    rig.decide(Some(0));
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    rig.lose(0);
    assert_eq!(rig.wants(), NOTHING);
    rig.tick();
    assert_eq!(rig.wants().len(), 4);
}

#[test]
fn nobody_replied_then_the_next_tick_asks_again_and_nothing_else_happens() {
    let mut rig = Rig::started(Mode::Waku2);
    rig.wants();
    rig.decide(None);
    rig.pass(9);
    assert_eq!(rig.wants(), NOTHING);
    rig.tick();
    assert_eq!(rig.wants(), ["select of 4 avoiding []"]);
}

#[test]
fn while_the_node_is_offline_nothing_is_rotated_dropped_or_punished() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.lose(0);
    rig.wants();
    for _ in 0..30 {
        rig.decide(None);
        rig.tick();
        assert_eq!(rig.wants(), ["select of 4 avoiding []"]);
    }
    assert!(rig.cycle.cooling_ms(rig.now).is_empty());
}

#[test]
fn if_every_dial_fails_the_loop_waits_for_the_tick_and_nobody_gets_a_bad_mark() {
    let mut rig = Rig::started(Mode::Waku2);
    rig.wants();
    for chosen in 0..3 {
        rig.decide(Some(chosen));
        rig.wants();
        rig.answer(Err(dial_failed()));
    }
    assert_eq!(rig.wants(), ["changed none"]);
    assert!(rig.cycle.cooling_ms(rig.now).is_empty());
    assert_eq!(rig.cycle.active(), None);
}

#[test]
fn a_failed_dial_leaves_no_dead_active_and_is_not_chosen_next() {
    let mut rig = Rig::started(Mode::Waku2);
    rig.wants();
    rig.decide(Some(1));
    rig.wants();
    rig.answer(Err(dial_failed()));
    assert_eq!(rig.wants(), ["changed none", "select of 4 avoiding [1]"]);
    assert_eq!(rig.cycle.active(), None);
    rig.decide(Some(2));
    rig.wants();
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    assert_eq!(
        rig.cycle
            .cooling_ms(rig.now)
            .keys()
            .map(index)
            .collect::<Vec<_>>(),
        [1]
    );
}

#[test]
fn dial_backoff_says_nothing_about_the_mailserver() {
    let mut rig = Rig::started(Mode::Waku2);
    rig.wants();
    rig.decide(Some(1));
    rig.wants();
    rig.answer(Err(NodeError::DialBackoff));
    assert_eq!(rig.wants(), ["changed none", "select of 4 avoiding [1]"]);
    rig.decide(Some(2));
    rig.answer(Ok(Connection::Connected));
    assert!(rig.cycle.cooling_ms(rig.now).is_empty(), "no bad mark");
}

#[test]
fn a_choice_that_left_the_list_meanwhile_is_not_connected() {
    let mut rig = Rig::started(Mode::Waku2);
    rig.wants();
    rig.candidates(2, None);
    rig.decide(Some(3));
    assert_eq!(rig.wants(), ["select of 2 avoiding []"]);
}

#[test]
fn connecting_ends_when_a_signal_lists_the_peer() {
    let mut rig = Rig::started(Mode::Waku1);
    rig.wants();
    rig.decide(Some(1));
    rig.answer(Ok(Connection::Pending));
    assert_eq!(
        rig.wants(),
        [changed(1), "connect 1".into(), "refresh".into()]
    );
    rig.peer(1, PeerState::Connected);
    assert_eq!(rig.wants(), available(1));
}

#[test]
fn connecting_asks_for_the_peers_itself_since_a_summary_may_never_come() {
    let mut rig = Rig::started(Mode::Waku1);
    rig.wants();
    rig.decide(Some(1));
    rig.answer(Ok(Connection::Pending));
    rig.wants();
    rig.pass(3);
    assert_eq!(rig.wants(), ["refresh"; 3]);
}

#[test]
fn connecting_has_an_end() {
    let mut rig = Rig::started(Mode::Waku1);
    rig.wants();
    rig.decide(Some(1));
    rig.answer(Ok(Connection::Pending));
    rig.pass(9);
    rig.wants();
    rig.pass(1);
    assert_eq!(
        rig.wants(),
        ["drop 1", "changed none", "select of 4 avoiding [1]"]
    );
}

#[test]
fn one_that_is_a_peer_already_is_available_without_waiting() {
    let mut rig = Rig::started(Mode::Waku1);
    rig.wants();
    rig.peer(1, PeerState::Connected);
    rig.decide(Some(1));
    rig.answer(Ok(Connection::Pending));
    assert_eq!(rig.wants()[2..], available(1));
}

#[test]
fn answers_of_an_earlier_attempt_are_ignored() {
    let mut rig = Rig::started(Mode::Waku2);
    rig.wants();
    rig.decide(Some(1));
    rig.wants();
    let earlier = rig.attempt;
    rig.answer(Err(dial_failed()));
    rig.wants();
    rig.decide(Some(2));
    rig.wants();
    rig.cycle
        .handle_connection(earlier, Ok(Connection::Connected), rig.now);
    assert_eq!(rig.wants(), NOTHING);
}

#[test]
fn a_selection_without_answer_is_given_up() {
    let mut rig = Rig::started(Mode::Waku2);
    rig.wants();
    rig.pass(6);
    assert_eq!(rig.wants(), ["select of 4 avoiding []"]);
}

#[test]
fn one_that_does_not_serve_history_is_left_although_it_is_connected() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.cycle
        .handle_failing(&identity(0), "history: hung", rig.now);
    assert_eq!(rig.wants()[3], "select of 4 avoiding [0]");
    rig.decide(Some(1));
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    assert_eq!(rig.cycle.cooling_ms(rig.now)[&identity(0)], 10_000);
    rig.cycle.handle_served(&identity(0));
    assert!(rig.cycle.cooling_ms(rig.now).is_empty());
}

#[test]
fn a_complaint_about_one_that_is_not_active_changes_nothing() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.cycle
        .handle_failing(&identity(1), "history: hung", rig.now);
    assert_eq!(rig.wants(), NOTHING);
}

// === the pin ===

#[test]
fn a_pin_is_connected_without_a_selection() {
    let mut rig = Rig::pinned(Policy::Prefer, Mode::Waku2);
    assert_eq!(rig.wants(), [changed(3), "connect 3".into()]);
}

#[test]
fn a_dead_pin_is_news_once_then_another_is_used_after_the_patience() {
    let mut rig = Rig::pinned(Policy::Prefer, Mode::Waku2);
    rig.wants();
    rig.answer(Err(dial_failed()));
    assert_eq!(rig.wants(), ["changed none"]);
    for _ in 0..2 {
        rig.tick();
        assert_eq!(rig.wants(), ["connect 3"]);
        rig.answer(Err(dial_failed()));
    }
    rig.pass(10);
    assert_eq!(rig.wants(), ["select of 3 avoiding [3]"]);
}

#[test]
fn a_dead_pin_does_not_make_the_loop_flap() {
    let mut rig = Rig::pinned(Policy::Prefer, Mode::Waku2);
    let mut changes = Vec::new();
    for _ in 0..360 {
        let wants = rig.wants();
        let select = wants.iter().any(|it| it.starts_with("select"));
        let connect = wants.iter().find_map(|it| it.strip_prefix("connect "));
        let introduce = wants.iter().any(|it| it.starts_with("introduce"));
        match connect {
            Some("3") => rig.answer(Err(dial_failed())),
            Some(_) => rig.answer(Ok(Connection::Connected)),
            None if select => rig.decide(Some(0)),
            None if introduce => rig.introduced(Err(dial_failed())),
            None => rig.tick(),
        }
        changes.extend(wants.into_iter().filter(|it| it.starts_with("changed")));
    }
    assert_eq!(changes, [changed(3), "changed none".into(), changed(0)]);
}

#[test]
fn the_pin_comes_back_quietly_once_it_works() {
    let mut rig = Rig::pinned(Policy::Prefer, Mode::Waku2);
    rig.wants();
    rig.answer(Err(dial_failed()));
    rig.pass(30);
    rig.wants();
    rig.decide(Some(0));
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    rig.tick();
    assert_eq!(rig.wants(), ["introduce 3"]);
    rig.introduced(Ok(Connection::Connected));
    assert_eq!(rig.wants(), ["connect 3"]);
    assert_eq!(rig.cycle.active().map(|it| index(&it.identity)), Some(0));
    rig.answer(Ok(Connection::Connected));
    assert_eq!(rig.wants(), [vec![changed(3)], available(3)].concat());
}

#[test]
fn on_waku1_the_pin_comes_back_when_a_signal_lists_it() {
    let mut rig = Rig::pinned(Policy::Prefer, Mode::Waku1);
    rig.wants();
    rig.answer(Ok(Connection::Pending));
    rig.pass(45);
    rig.wants();
    rig.decide(Some(0));
    rig.answer(Ok(Connection::Pending));
    rig.peer(0, PeerState::Connected);
    rig.wants();
    rig.tick();
    rig.introduced(Ok(Connection::Pending));
    rig.wants();
    rig.pass(60);
    rig.wants();
    rig.peer(3, PeerState::Connected);
    assert_eq!(rig.wants(), ["connect 3"]);
    rig.answer(Ok(Connection::Pending));
    assert_eq!(rig.wants(), [vec![changed(3)], available(3)].concat());
}

#[test]
fn a_strict_pin_waits_for_ever_and_says_so() {
    let mut rig = Rig::pinned(Policy::Strict, Mode::Waku2);
    rig.wants();
    rig.answer(Err(dial_failed()));
    rig.wants();
    for _ in 0..20 {
        rig.tick();
        assert_eq!(rig.wants(), ["connect 3"]);
        rig.answer(Err(dial_failed()));
    }
    let status = rig.cycle.pin_status(rig.now).unwrap();
    assert!(status.fallback_reason.unwrap().contains("strict"));
}

#[test]
fn a_pin_set_while_another_is_connected_is_proven_first() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.candidates(CANDIDATES, Some(3));
    assert_eq!(rig.wants(), ["introduce 3"]);
    rig.introduced(Err(dial_failed()));
    assert_eq!(rig.wants(), NOTHING);
    assert_eq!(rig.cycle.active().map(|it| index(&it.identity)), Some(0));
}

#[test]
fn a_lost_pin_is_not_dropped_but_tried_again() {
    let mut rig = Rig::pinned(Policy::Prefer, Mode::Waku1);
    rig.wants();
    rig.answer(Ok(Connection::Connected));
    rig.wants();
    rig.lose(3);
    assert_eq!(
        rig.wants(),
        ["changed none", "request from nobody", "connect 3"]
    );
}

// === the node ===

#[test]
fn while_the_node_is_away_nothing_is_sent_and_it_goes_on_where_it_was() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.node_gone();
    assert_eq!(rig.wants(), ["changed none", "request from nobody"]);
    for _ in 0..5 {
        rig.tick();
    }
    assert_eq!(rig.wants(), NOTHING);
    rig.node(Mode::Waku2);
    assert_eq!(rig.wants(), [changed(0), "connect 0".into()]);
}

#[test]
fn a_node_that_lost_its_peers_while_away_gets_a_new_selection() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.node_gone();
    rig.wants();
    rig.lose(0);
    rig.node(Mode::Waku2);
    assert_eq!(rig.wants(), ["select of 4 avoiding []"]);
}

#[test]
fn a_call_that_the_node_did_not_answer_blames_no_mailserver_and_is_not_hurried() {
    let mut rig = Rig::started(Mode::Waku2);
    rig.wants();
    rig.decide(Some(1));
    rig.wants();
    rig.answer(Err(NodeError::Transport("refused".into())));
    assert_eq!(rig.wants(), ["changed none"]);
    rig.tick();
    assert_eq!(rig.wants(), ["select of 4 avoiding []"]);
}

#[test]
fn mailservers_switched_off_in_the_node_nothing_is_done() {
    let mut rig = Rig::connected(Mode::Waku2);
    let profile = Profile {
        use_mailservers: false,
        ..profile(Mode::Waku2)
    };
    rig.cycle.handle_node(NodeState::Ready { profile }, rig.now);
    assert_eq!(rig.wants(), ["changed none", "request from nobody"]);
    rig.lose(0);
    rig.tick();
    assert_eq!(rig.wants(), NOTHING);
}

#[test]
fn another_fleet_is_another_list() {
    let mut rig = Rig::connected(Mode::Waku2);
    let changed = CandidatesChanged {
        fleet: Some("other".into()),
        candidates: vec![mailserver(9)],
        pinned: None,
    };
    rig.cycle.handle_candidates(changed, rig.now);
    assert_eq!(
        rig.wants(),
        [
            "changed none",
            "request from nobody",
            "select of 1 avoiding []"
        ]
    );
}

// === nodes with a cycle of their own ===

#[test]
fn a_choice_of_the_node_itself_is_followed_if_it_is_connected() {
    let mut rig = Rig::connected(Mode::Pin);
    rig.peer(2, PeerState::Connected);
    rig.switched(2);
    assert_eq!(rig.wants(), [vec![changed(2)], available(2)].concat());
}

#[test]
fn a_node_that_switches_to_a_dead_one_is_led_back() {
    let mut rig = Rig::connected(Mode::Pin);
    rig.switched(2);
    assert_eq!(rig.wants(), ["connect 0"]);
    rig.answer(Ok(Connection::Connected));
    assert_eq!(rig.wants(), available(0));
}

#[test]
fn an_observed_node_is_followed_and_never_driven() {
    let mut rig = Rig::with(Config::default());
    rig.candidates(CANDIDATES, None);
    rig.peer(1, PeerState::Connected);
    rig.node(Mode::Observe);
    assert_eq!(rig.wants(), [vec![changed(1)], available(1)].concat());
    rig.peer(2, PeerState::Connected);
    rig.switched(2);
    assert_eq!(rig.wants(), [vec![changed(2)], available(2)].concat());
    rig.lose(2);
    let then = ["changed none", "request from nobody"].map(String::from);
    assert_eq!(
        rig.wants(),
        [then.to_vec(), vec![changed(1)], available(1)].concat()
    );
}

#[test]
fn an_observed_node_without_peers_is_brought_online_by_a_dial() {
    let mut rig = Rig::started(Mode::Observe);
    assert_eq!(rig.wants(), ["select of 4 avoiding []"]);
    rig.decide(Some(1));
    assert_eq!(rig.wants(), [changed(1), "introduce 1".into()]);
    rig.introduced(Ok(Connection::Connected));
    assert_eq!(rig.wants(), available(1));
}

#[test]
fn after_a_panic_the_loop_starts_over_and_says_so() {
    let mut rig = Rig::connected(Mode::Waku2);
    rig.cycle.reset();
    assert_eq!(rig.wants(), ["changed none", "request from nobody"]);
    rig.tick();
    assert_eq!(rig.wants(), ["select of 4 avoiding []"]);
}
