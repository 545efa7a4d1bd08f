//! What the command line tells of itself: completions for shells, pages for `man`.

use std::path::PathBuf;

use clap::{Command, Subcommand};
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use super::output::print;
use crate::exit::{Exit, Failure};

/// The name of the program, as it is called.
const NAME: &str = "mailserver-sidecar";

/// What can be told. It needs no settings.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Document {
    /// Print what a shell needs to complete commands and options
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page
    Man {
        /// Write a page for each command into this directory instead
        #[arg(long, value_name = "DIRECTORY")]
        directory: Option<PathBuf>,
    },
}

impl Document {
    /// Prints it, or writes it: of this command with all that belongs to it.
    ///
    /// # Errors
    ///
    /// If stdout cannot be written; exit code 71 for a directory that cannot be.
    pub fn tell(&self, definition: Command) -> Result<(), Failure> {
        match self {
            Self::Completions { shell } => print(&script(*shell, definition)).map(drop),
            Self::Man { directory: None } => print(&page(definition)).map(drop),
            Self::Man {
                directory: Some(directory),
            } => clap_mangen::generate_to(definition, directory).map_err(|error| {
                Exit::Unusable.because(format_args!("{}: {error}", directory.display()))
            }),
        }
    }
}

/// What the shell reads.
pub(super) fn script(shell: Shell, mut definition: Command) -> String {
    let mut script = Vec::new();
    generate(shell, &mut definition, NAME, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

fn page(definition: Command) -> String {
    let mut page = Vec::new();
    let written = Man::new(definition).render(&mut page);
    debug_assert!(written.is_ok(), "memory takes everything");
    String::from_utf8_lossy(&page).into_owned()
}
