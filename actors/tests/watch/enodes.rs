//! Enodes, to which ping rounds make half-open connects: what their silence is worth.

use std::time::Duration;

use ::actors::{
    Instant,
    messages::{
        ping::{News, ProbeAnswer},
        watch::Watch,
    },
    model::probe::{ProbeFailure, Stage},
    testing::enode,
    watch::failure_detector::{Command, FailureDetector},
};

use crate::rig::DEFAULTS;

/// Enode 0 is active and fails its probes in this way for so long; after which time it was found lost.
fn lost_after(
    detector: &mut FailureDetector,
    failure: &ProbeFailure,
    seconds: u64,
) -> Option<Duration> {
    let begun = Instant::now();
    let active = Some(enode(0));
    detector.handle_watch(
        Watch {
            active,
            standby: None,
        },
        begun,
    );
    let mut now = begun;
    while now < begun + Duration::from_secs(seconds) {
        while let Some(command) = detector.poll_command() {
            match command {
                Command::Probe {
                    round,
                    target,
                    patience,
                    ..
                } => {
                    now += patience;
                    let news = News::Done {
                        outcome: Err(failure.clone()),
                        bytes: 0,
                    };
                    let identity = target.identity;
                    detector.handle_answer(
                        &ProbeAnswer {
                            round,
                            identity,
                            news,
                        },
                        now,
                    );
                }
                Command::Lost(_) => return Some(now - begun),
                _ => {}
            }
        }
        let Some(at) = detector.poll_timeout() else {
            break;
        };
        now = at.max(now);
        detector.handle_timeout(now);
    }
    None
}

fn round_answered() -> FailureDetector {
    let mut detector = FailureDetector::new(DEFAULTS);
    detector.handle_heard(Instant::now());
    detector
}

#[test]
fn one_that_cannot_be_connected_to_is_lost_because_others_can() {
    for failure in [ProbeFailure::Silent(Stage::Connect), ProbeFailure::Refused] {
        let lost = lost_after(&mut round_answered(), &failure, 60);
        assert!(
            lost.is_some_and(|it| it <= Duration::from_millis(1_300)),
            "{lost:?}"
        );
    }
}

#[test]
fn one_that_never_reacted_is_reported_at_once_but_not_again_and_again_if_it_is_kept() {
    let failure = ProbeFailure::Silent(Stage::Ping);
    let mut detector = FailureDetector::new(DEFAULTS);
    let first = lost_after(&mut detector, &failure, 60);
    assert!(
        first.is_some_and(|it| it <= Duration::from_millis(1_300)),
        "{first:?}"
    );
    // It is left for nobody, because no other one reacts either.
    detector.handle_watch(Watch::default(), Instant::now());
    let again = lost_after(&mut detector, &failure, 60);
    assert!(
        again.is_some_and(|it| it >= Duration::from_secs(20)),
        "{again:?}"
    );
}
