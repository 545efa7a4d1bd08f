//! Whatever happens in whatever order.

use proptest::prelude::*;

use crate::{
    steps::{Step, Trouble},
    world::World,
};

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        Just(Trouble::Away),
        Just(Trouble::Offline),
        Just(Trouble::Alone),
        Just(Trouble::Poor),
        Just(Trouble::NoMailserver),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..100_u8).prop_map(Step::Pass),
        4 => trouble().prop_map(Step::Begin),
        3 => trouble().prop_map(Step::End),
        4 => (0..4_u8).prop_map(Step::Available),
        6 => Just(Step::Ask),
        5 => any::<bool>().prop_map(|rewinds| Step::Complete { rewinds }),
        2 => Just(Step::Fail),
        1 => Just(Step::NodeAsks),
        1 => (10..300_u16).prop_map(Step::Sleep),
        1 => (0..3_u8, 0..200_u8).prop_map(|(lost, away)| Step::Crash { lost, away }),
        1 => Just(Step::Panic),
        3 => Just(Step::Write),
    ]
}

proptest! {
    #[test]
    fn nothing_that_is_missed_is_ever_called_covered(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        for step in steps {
            world.happen(step);
        }
        world.calm();
        prop_assert_eq!(world.missing(), 0, "in the end everything is fetched, or given up with a word");
        let open = world.open();
        prop_assert!(open.is_empty(), "in the end nothing is open: {:#?}", open);
        let requests = world.requests;
        for _ in 0..20 {
            world.happen(Step::Pass(60));
            world.happen(Step::Ask);
            world.happen(Step::Complete { rewinds: true });
        }
        prop_assert_eq!(world.requests, requests, "what is covered is not asked for again");
    }
}
