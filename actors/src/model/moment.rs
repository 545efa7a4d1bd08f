//! Moments of the wall clock, and the time between two of them.
//!
//! Messages carry the time of the wall clock at which they were sent, and so do the markers of a node: what was missed
//! is told in it. Limits and pauses are told in [`Instant`]s, which nobody can set.

use std::{
    fmt,
    ops::Add,
    time::{Duration, SystemTime},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Instant;

/// A moment of the wall clock, in milliseconds since 1970.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct Moment(u64);

impl Moment {
    /// So many milliseconds after the begin of 1970.
    #[must_use]
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// So many seconds after the begin of 1970, as status-go writes moments.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Seconds since 1970, rounded down.
    #[must_use]
    pub const fn as_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// So much earlier; 1970 at the earliest.
    #[must_use]
    pub fn before(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(milliseconds(by)))
    }

    /// The time since another moment; zero if that is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(milliseconds(after)))
    }
}

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH);
        Self(milliseconds(since.unwrap_or_default()))
    }
}

impl From<Moment> for SystemTime {
    fn from(moment: Moment) -> Self {
        Self::UNIX_EPOCH + Duration::from_millis(moment.0)
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// From one moment to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Period {
    /// Its begin, in milliseconds since 1970.
    #[serde(rename = "from_ms")]
    pub from: Moment,
    /// Its end, not before its begin.
    #[serde(rename = "until_ms")]
    pub until: Moment,
}

impl Period {
    /// How long it is.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.until.since(self.from)
    }

    /// The same with so much more on both sides.
    #[must_use]
    pub fn widened(&self, by: Duration) -> Self {
        Self {
            from: self.from.before(by),
            until: self.until + by,
        }
    }
}

/// Reads the wall clock in between two readings of it: it goes on as the clock of the process does.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    read: Instant,
    wall: Moment,
}

impl WallClock {
    /// A clock that was read now.
    #[must_use]
    pub fn new(wall: Moment, now: Instant) -> Self {
        Self { read: now, wall }
    }

    /// It was read again: it may have been set, or we may have slept.
    pub fn set(&mut self, wall: Moment, now: Instant) {
        *self = Self::new(wall, now);
    }

    /// What it showed when it was read last.
    #[must_use]
    pub fn reading(&self) -> Moment {
        self.wall
    }

    /// How long ago it was read.
    #[must_use]
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.read)
    }

    /// What it showed or will show then.
    #[must_use]
    pub fn at(&self, instant: Instant) -> Moment {
        match instant.checked_duration_since(self.read) {
            Some(after) => self.wall + after,
            None => self.wall.before(self.read.duration_since(instant)),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_seconds((*self).into()).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_goes_on_from_its_last_reading() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut clock = WallClock::new(Moment::from_millis(10_000), start);
        assert_eq!(clock.at(start + second), Moment::from_millis(11_000));
        // We slept for an hour: the clock of the process did not.
        clock.set(Moment::from_millis(3_611_000), start + second);
        assert_eq!(clock.at(start + second), Moment::from_millis(3_611_000));
        assert_eq!(clock.at(start), Moment::from_millis(3_610_000));
    }

    #[test]
    fn moments_are_shown_as_people_write_them() {
        let moment = Moment::from_millis(1_795_341_561_017);
        assert_eq!(moment.to_string(), "2026-11-22T09:59:21Z");
    }

    #[test]
    fn nothing_is_before_1970() {
        assert_eq!(
            Moment::from_millis(5).before(Duration::from_secs(1)),
            Moment::default()
        );
        let (early, late) = (Moment::from_millis(1), Moment::from_millis(2));
        assert_eq!(early.since(late), Duration::ZERO);
    }
}
