//! The settings: what `config/default.toml` describes, read from all layers and checked.
//!
//! ```text
//! default.toml ─┐
//! --config FILE ┼─ layers ─▶ merged values, each with its origin ─▶ sections ─▶ limits ─▶ Settings
//! environment  ─┤
//! --set         ┘
//! ```
//!
//! To add a knob: one entry with its comment in `config/default.toml`, one field in a section here, and,
//! if not every value is good, one line in `limits.rs`.

mod error;
mod history_section;
mod interval;
mod layers;
mod limits;
mod provenance;
mod sections;

pub use error::SettingsError;
pub use history_section::{AuditSection, HistorySection};
pub use interval::Interval;
pub use layers::{DEFAULTS, ENVIRONMENT_PREFIX, Sources};
pub use limits::MAX_MAILSERVERS;
pub use sections::{
    ControlSection, CycleSection, FleetSection, Listen, LogFormat, LogSection, LoginSection,
    SelectorSection, Settings, StateSection, WatchSection,
};

pub use provenance::Provenance;

use layers::Merged;

/// Settings that were read and found good.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Every value with its origin, ordered by key.
    pub provenance: Vec<Provenance>,
}

impl Settings {
    /// Reads all layers and checks every value.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with its file (or variable, or `--set`), key, value and reason.
    pub fn load(sources: &Sources) -> Result<Loaded, SettingsError> {
        let merged = Merged::read(sources)?;
        let settings: Self = merged.deserialize()?;
        limits::check(&settings)
            .map_err(|violation| merged.blame(&violation.key, violation.reason))?;
        Ok(Loaded {
            settings,
            provenance: merged.provenance(),
        })
    }
}

impl Default for Settings {
    /// The defaults that are compiled in.
    fn default() -> Self {
        Self::load(&Sources::default())
            .expect("the compiled-in defaults are good: a test loads them")
            .settings
    }
}
