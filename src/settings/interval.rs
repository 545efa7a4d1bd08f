//! Pauses that can be switched off.

use std::{fmt, time::Duration};

use serde::Deserialize;

/// A pause, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Interval {
    /// Never.
    Off,
    /// This often.
    Every(Duration),
}

impl Interval {
    /// The pause; `None` if it is off.
    #[must_use]
    pub fn pause(self) -> Option<Duration> {
        match self {
            Self::Off => None,
            Self::Every(pause) => Some(pause),
        }
    }
}

impl TryFrom<String> for Interval {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let pause = humantime::parse_duration(&text);
        let pause = pause.map_err(|error| format!("{error}; expected a duration or \"off\""))?;
        Ok(Self::Every(pause))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Every(pause) => humantime::format_duration(*pause).fmt(f),
        }
    }
}
