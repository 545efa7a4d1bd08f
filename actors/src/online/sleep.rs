//! Whether we slept: two clocks that go on during a sleep, beside one that does not.

use std::time::Duration;

use crate::{
    Instant,
    messages::online::{CLOCK_INTERVAL, Clocks},
};

/// How far the clocks must disagree: more than a busy machine delays a timer, or a clock is set right by.
const MARGIN: Duration = Duration::from_secs(10);

/// What is remembered of the clocks.
///
/// A suspended machine moves the boot clock and the wall clock, but not tokio's; a paused virtual machine moves the
/// wall clock once it is set right. A stopped process moves all three: there the sign is that nothing at all
/// was handled for that long, since a reading is due every [`CLOCK_INTERVAL`]. A reading that is merely missing is no
/// sign, and a wall clock that is set back is none either.
#[derive(Debug, Default)]
pub(super) struct Wakefulness {
    last: Option<(Clocks, Instant)>,
    awake: Option<Instant>,
    /// The longest time without any input since the last reading.
    gap: Duration,
}

impl Wakefulness {
    /// Something is being handled: we are awake.
    pub(super) fn note(&mut self, now: Instant) {
        let before = self.awake.replace(now).unwrap_or(now);
        self.gap = self.gap.max(now.saturating_duration_since(before));
    }

    /// For how long we slept since the last reading, if we did.
    pub(super) fn read(&mut self, clocks: Clocks, now: Instant) -> Option<Duration> {
        self.note(now);
        let stopped = std::mem::take(&mut self.gap);
        let (before, at) = self.last.replace((clocks, now))?;
        let boot = clocks.boot.saturating_sub(before.boot);
        let wall = clocks.wall.duration_since(before.wall).unwrap_or_default();
        let ran = now.saturating_duration_since(at);
        let missed = boot.max(wall).saturating_sub(ran);
        let slept = missed > MARGIN || stopped > CLOCK_INTERVAL + MARGIN;
        slept.then(|| missed.max(stopped))
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    /// Clocks that are moved by hand, in seconds; the last one is tokio's.
    struct Machine {
        wakefulness: Wakefulness,
        clocks: Clocks,
        now: Instant,
    }

    impl Machine {
        fn new() -> Self {
            let mut machine = Self {
                wakefulness: Wakefulness::default(),
                clocks: Clocks {
                    boot: Duration::from_secs(100),
                    wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000),
                },
                now: Instant::now(),
            };
            assert_eq!(machine.slept(0, 0, 0), None, "the first reading");
            machine
        }

        fn slept(&mut self, boot: u64, wall: i64, tokio: u64) -> Option<u64> {
            self.clocks.boot += Duration::from_secs(boot);
            let by = Duration::from_secs(wall.unsigned_abs());
            match wall < 0 {
                true => self.clocks.wall -= by,
                false => self.clocks.wall += by,
            }
            self.now += Duration::from_secs(tokio);
            let slept = self.wakefulness.read(self.clocks, self.now);
            slept.map(|it| it.as_secs())
        }
    }

    #[test]
    fn each_kind_of_sleep_is_seen_once() {
        let mut machine = Machine::new();
        assert_eq!(machine.slept(3602, 3602, 2), Some(3600), "suspended");
        assert_eq!(machine.slept(2, 3602, 2), Some(3600), "paused, or set");
        assert_eq!(machine.slept(3600, 3600, 3600), Some(3600), "stopped");
        assert_eq!(machine.slept(2, 2, 2), None);
    }

    #[test]
    fn a_late_timer_and_a_clock_that_is_set_back_are_nothing() {
        let mut machine = Machine::new();
        assert_eq!(machine.slept(12, 12, 12), None, "a busy machine");
        assert_eq!(machine.slept(2, -3600, 2), None, "set back");
        assert_eq!(machine.slept(2, 10, 2), None, "set right");
        assert_eq!(machine.slept(2, 2, 2), None);
    }

    #[test]
    fn readings_that_are_missing_while_others_speak_are_nothing() {
        let mut machine = Machine::new();
        for _ in 0..30 {
            machine.now += Duration::from_secs(2);
            machine.wakefulness.note(machine.now);
        }
        assert_eq!(machine.slept(62, 62, 2), None);
    }

    #[test]
    fn a_process_that_stood_still_is_noticed_though_another_message_came_first() {
        let mut machine = Machine::new();
        machine.now += Duration::from_secs(600);
        machine.wakefulness.note(machine.now);
        assert_eq!(machine.slept(601, 601, 1), Some(600));
    }
}
