//! Whatever happens, in whatever order: nothing is said twice, nothing is asked of a node that cannot be asked, and in
//! the end history is fetched.

use actors::model::{
    node::{Connectedness, Connection, NodeError, Profile},
    verdict::Verdict,
};
use proptest::prelude::*;

use crate::rig::*;

#[derive(Clone, Debug)]
enum Happens {
    Node(Option<bool>),
    Candidates(usize),
    Says(Connectedness),
    Lists(bool),
    Judged(Verdict),
    Silent(usize),
    Answers(Option<usize>),
    Surveyed(usize),
    Dialled(u8),
    Tick,
    Passes(u64),
    Restarted,
}

fn happens() -> impl Strategy<Value = Happens> {
    use Connectedness::{Connected, Disconnected, PartiallyConnected};
    prop_oneof![
        prop::option::of(any::<bool>()).prop_map(Happens::Node),
        (0..5usize).prop_map(Happens::Candidates),
        prop::sample::select(vec![Disconnected, PartiallyConnected, Connected])
            .prop_map(Happens::Says),
        any::<bool>().prop_map(Happens::Lists),
        prop::sample::select(vec![
            Verdict::Online,
            Verdict::Suspect,
            Verdict::Offline,
            Verdict::Asleep
        ])
        .prop_map(Happens::Judged),
        (0..5usize).prop_map(Happens::Silent),
        prop::option::of(0..5usize).prop_map(Happens::Answers),
        (0..5usize).prop_map(Happens::Surveyed),
        (0..3u8).prop_map(Happens::Dialled),
        Just(Happens::Tick),
        (0..90u64).prop_map(Happens::Passes),
        Just(Happens::Restarted),
    ]
}

/// What the others know.
#[derive(Default)]
struct Told {
    available: bool,
    fetching: bool,
    fetched: usize,
}

impl Told {
    fn hear(&mut self, rig: &mut Rig, served: bool) {
        for word in rig.wants() {
            assert!(served || word == "unavailable", "{word}: it is not served");
            match word.split(' ').next() {
                Some("available") => {
                    assert!(!self.available, "said twice");
                    self.available = true;
                }
                Some("unavailable") => {
                    assert!(self.fetching, "said twice");
                    (self.available, self.fetching) = (false, false);
                }
                Some("fetch") => {
                    self.fetching = true;
                    self.fetched += 1;
                }
                _ => {}
            }
        }
        assert!(!self.available || self.fetching);
        assert!(rig.watched.is_none() || self.available, "shown by nobody");
    }
}

fn apply(rig: &mut Rig, input: Happens) {
    let alone = |alone| move |rig: &mut Rig| rig.observation.handle_alone(alone, rig.now);
    match input {
        Happens::Node(None) => rig.node(None),
        Happens::Node(Some(use_mailservers)) => rig.node(Some(&Profile {
            use_mailservers,
            ..observed()
        })),
        Happens::Candidates(count) => rig.candidates(count),
        Happens::Says(said) => rig.say(said),
        Happens::Lists(some) => alone(!some)(rig),
        Happens::Judged(verdict) => rig.verdict(verdict),
        Happens::Silent(index) => rig.silence(index),
        Happens::Answers(index) => {
            if let Some(order) = &rig.order {
                let count = order.candidates.len();
                rig.answers(index.filter(|it| *it < count));
            }
        }
        Happens::Surveyed(answered) => {
            if rig.order.is_some() {
                rig.surveyed(answered);
            }
        }
        Happens::Dialled(0) => rig.dialled(Ok(Connection::Connected)),
        Happens::Dialled(1) => rig.dialled(Err(NodeError::UnknownMethod("dial".into()))),
        Happens::Dialled(_) => rig.dialled(Err(NodeError::DialBackoff)),
        Happens::Tick => rig.tick(),
        Happens::Passes(seconds) => rig.pass(seconds),
        Happens::Restarted => rig.observation.reset(),
    }
}

proptest! {
    #[test]
    fn it_keeps_its_word_and_fetches_in_the_end(inputs in prop::collection::vec(happens(), 1..60)) {
        let mut rig = Rig::with(crowded());
        let mut told = Told::default();
        let (mut on, mut offline) = (false, false);
        for input in inputs {
            match &input {
                Happens::Node(node) => on = *node == Some(true),
                Happens::Judged(verdict) => match verdict {
                    Verdict::Offline => offline = true,
                    Verdict::Suspect | Verdict::Online | Verdict::Asleep => offline = false,
                },
                _ => {}
            }
            apply(&mut rig, input);
            told.hear(&mut rig, on && !offline);
        }
        // All is well from now on.
        rig.candidates(4);
        rig.verdict(Verdict::Online);
        rig.node(Some(&observed()));
        rig.say(Connectedness::Connected);
        told.hear(&mut rig, true);
        for _ in 0..6 {
            rig.tick();
            told.hear(&mut rig, true);
            if rig.order.is_some() {
                rig.answers(Some(0));
                rig.surveyed(4);
            }
            rig.dialled(Ok(Connection::Connected));
            told.hear(&mut rig, true);
            rig.pass(20);
            told.hear(&mut rig, true);
        }
        prop_assert!(told.available, "{:?}", rig.hindrance());
        prop_assert!(told.fetched > 0);
    }
}
