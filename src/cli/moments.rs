//! Moments of the wall clock and lengths of time, as people read them. They come from JSON of others.

use std::time::{Duration, SystemTime};

/// After this no moment has a year of four digits: it is none that anybody meant.
const LAST_MS: u64 = 253_402_300_799_999;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The time of day in UTC; with the date if that is another day than today.
pub(super) fn moment(milliseconds: u64, now: u64) -> String {
    if milliseconds > LAST_MS {
        return "?".to_owned();
    }
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
    let text = humantime::format_rfc3339_seconds(time).to_string();
    if milliseconds / DAY_MS == now / DAY_MS {
        text[11..].to_owned()
    } else {
        text[5..].replace('T', " ")
    }
}

/// So long, its two largest parts alone, in whole seconds.
pub(super) fn length(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let unit = match seconds {
        0..3600 => 1,
        3600..86_400 => 60,
        _ => 3600,
    };
    let rounded = Duration::from_secs(seconds / unit * unit);
    humantime::format_duration(rounded).to_string()
}

/// A pause that is about to end: rounded up, so that it is never told as over.
pub(super) fn pause(milliseconds: u64) -> String {
    length(milliseconds.saturating_add(999))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-27T10:42:05Z.
    const NOW: u64 = 1_795_776_125_000;

    #[test]
    fn the_date_is_told_of_another_day_only() {
        assert_eq!(moment(NOW - 999, NOW), "10:42:04Z");
        assert_eq!(moment(NOW - DAY_MS, NOW), "11-26 10:42:05Z");
        assert_eq!(moment(u64::MAX, NOW), "?");
    }

    #[test]
    fn lengths_have_two_parts_at_most() {
        for (milliseconds, text) in [
            (999, "0s"),
            (113_000, "1m 53s"),
            (3_661_000, "1h 1m"),
            (90_061_000, "1day 1h"),
        ] {
            assert_eq!(length(milliseconds), text);
        }
        assert_eq!(pause(1), "1s");
        assert_eq!(pause(4000), "4s");
        length(u64::MAX);
    }
}
