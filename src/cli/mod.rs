//! The command line: what can be asked for, and how answers look in a terminal.
//!
//! Results go to stdout, everything else to stderr; nothing is wider than 80 columns unless it is asked
//! for as JSON.

mod check;
mod choice;
mod colour;
mod coverage;
mod documents;
mod events;
mod history;
mod layout;
mod moments;
mod output;
mod past;
pub mod ping;
mod remote;
mod simulate;
mod status;

use std::{ffi::OsString, path::PathBuf};

use actors::model::node::Mode;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::{exit::Exit, settings::Sources};

pub use check::render as render_check;
pub use coverage::journal_says;
pub use documents::Document;
pub(crate) use layout::wrap;
pub use output::{Output, print};
pub use remote::{Remote, run as run_remote};
pub use simulate::{SimulateAction, run as run_simulate};

/// Keeps a status-go node connected to a working mailserver: no message is missed.
#[derive(Clone, Debug, PartialEq, Parser)]
#[command(name = "mailserver-sidecar", version)]
pub struct CommandLine {
    /// What goes before or after the command.
    #[command(flatten)]
    pub global: GlobalOptions,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Options of every command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct GlobalOptions {
    /// Read settings from this file; a later file wins
    #[arg(long = "config", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Set one value, as cycle.tick=5s; wins over all files
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub assignments: Vec<String>,
    /// What to log, as warn or info,actors=debug
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
}

impl GlobalOptions {
    /// The layers over the defaults, with an environment (`std::env::vars_os()`).
    pub fn sources(&self, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Sources {
        Sources {
            files: self.files.clone(),
            environment: environment.into_iter().collect(),
            assignments: self.assignments.clone(),
        }
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Command {
    /// Serve a node (the default)
    Run,
    /// See the service lose its mailserver and recover (simulated)
    Demo(DemoOptions),
    /// Serve a simulated node with a sidecar beside it: a playground
    Simulate(SimulateOptions),
    /// Ping all candidates once
    Ping(Output),
    /// Validate the settings; print each value and where it came from
    Check(Output),
    /// A command about the command line.
    #[command(flatten)]
    Document(Document),
    /// A command for a running sidecar.
    #[command(flatten)]
    Remote(Remote),
}

/// The options of `demo`.
#[derive(Clone, Debug, PartialEq, Args)]
pub struct DemoOptions {
    /// The generation of node that is simulated
    #[arg(long, value_enum, default_value = "waku2")]
    pub mode: SimulatedMode,
    /// Makes the run repeatable; drawn and told if left out
    #[arg(long)]
    pub seed: Option<u64>,
    /// How many mailservers there are
    #[arg(long, value_name = "COUNT", default_value = "8", value_parser = clap::value_parser!(u16).range(3..=64))]
    pub mailservers: u16,
    /// How much faster than a real node everything goes, 0.1 to 100
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = speed)]
    pub speed: f64,
}

/// The options of `simulate`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SimulateOptions {
    /// What to do with the one that runs; left out: run one.
    #[command(subcommand)]
    pub action: Option<SimulateAction>,
    /// The generation of node that is simulated
    #[arg(long, value_enum, default_value = "waku2")]
    pub mode: SimulatedMode,
    /// How many mailservers there are
    #[arg(long, value_name = "COUNT", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub mailservers: u16,
    /// Makes the run repeatable; 1 if left out
    #[arg(long)]
    pub seed: Option<u64>,
    /// Only the node, without a sidecar beside it
    #[arg(long)]
    pub alone: bool,
}

/// The generations of node that can be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SimulatedMode {
    /// status-go up to v0.95, waku v1
    Waku1,
    /// status-go v0.88.4 to v0.95, waku v2
    Waku2,
    /// Nodes with a mailserver cycle of their own
    Pin,
    /// Nodes since mid-2026: a mailserver is picked for each query
    Observe,
}

impl From<SimulatedMode> for Mode {
    fn from(mode: SimulatedMode) -> Self {
        match mode {
            SimulatedMode::Waku1 => Self::Waku1,
            SimulatedMode::Waku2 => Self::Waku2,
            SimulatedMode::Pin => Self::Pin,
            SimulatedMode::Observe => Self::Observe,
        }
    }
}

fn speed(text: &str) -> Result<f64, String> {
    let factor: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.1..=100.0).contains(&factor) {
        Ok(factor)
    } else {
        Err("must be from 0.1 to 100".to_owned())
    }
}

impl CommandLine {
    /// Reads the arguments, the name of the program first.
    ///
    /// # Errors
    ///
    /// Wrong usage, or a wish for help or the version: the text for the user ([`clap::Error::print`]), with
    /// [`exit_of`] for the code.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let matches = Self::definition().try_get_matches_from(arguments)?;
        let mut line = Self::from_arg_matches(&matches)?;
        let mut level = &matches;
        while let Some((_, inner)) = level.subcommand() {
            line.global.append(GlobalOptions::from_arg_matches(inner)?);
            level = inner;
        }
        Ok(line)
    }

    /// All commands with all their options.
    #[must_use]
    pub fn definition() -> clap::Command {
        with_global_options(Self::command())
    }

    /// What to do; `run` if nothing was said.
    #[must_use]
    pub fn wanted(&self) -> Command {
        self.command.clone().unwrap_or(Command::Run)
    }
}

/// The code for what [`CommandLine::read`] ended with.
#[must_use]
pub fn exit_of(error: &clap::Error) -> Exit {
    if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Done
    }
}

impl GlobalOptions {
    fn append(&mut self, later: Self) {
        self.files.extend(later.files);
        self.assignments.extend(later.assignments);
        self.log = later.log.or(self.log.take());
    }
}

/// clap's own "global" arguments forget what was given before the command once the same option is given
/// after it as well (seen on clap 4.6). So each level has them, and all are put together.
fn with_global_options(command: clap::Command) -> clap::Command {
    command.mut_subcommands(|inner| {
        // The description of the options would take the place of the command's own.
        let about = inner.get_about().cloned();
        let inner = GlobalOptions::augment_args(inner).long_about(None);
        with_global_options(match about {
            Some(about) => inner.about(about),
            None => inner,
        })
    })
}

#[cfg(test)]
mod tests {
    use clap_complete::Shell;

    use super::*;

    #[test]
    fn run_is_the_default() {
        assert_eq!(read("").unwrap().wanted(), Command::Run);
        assert_eq!(read("--log debug run").unwrap().wanted(), Command::Run);
    }

    #[test]
    fn global_options_stand_before_and_after_the_command_in_one_order() {
        let line = read("--config a --set x=1 --log info mailservers --config b list --set y=2 --config c --log debug").unwrap();
        assert_eq!(line.global.files, ["a", "b", "c"].map(PathBuf::from));
        assert_eq!(line.global.assignments, ["x=1", "y=2"]);
        assert_eq!(line.global.log.as_deref(), Some("debug"));
        assert_eq!(
            read("--log info check").unwrap().global.log.as_deref(),
            Some("info")
        );
    }

    #[test]
    fn demo_takes_what_the_contract_says() {
        let Command::Demo(options) = read("demo --mode pin --seed 7 --mailservers 5 --speed 2.5")
            .unwrap()
            .wanted()
        else {
            panic!("not a demo");
        };
        let mode = SimulatedMode::Pin;
        assert_eq!(
            options,
            DemoOptions {
                mode,
                seed: Some(7),
                mailservers: 5,
                speed: 2.5
            }
        );
        for wrong in [
            "demo --mode push",
            "demo --mailservers 2",
            "demo --speed 0",
            "demo --speed nan",
            "demo --seed x",
        ] {
            assert_eq!(
                exit_of(&read(wrong).expect_err(wrong)),
                Exit::Usage,
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_node_of_any_generation_can_be_simulated() {
        let modes = [
            ("waku1", Mode::Waku1),
            ("waku2", Mode::Waku2),
            ("pin", Mode::Pin),
            ("observe", Mode::Observe),
        ];
        for (name, mode) in modes {
            let line = read(&format!("simulate --mode {name}")).unwrap();
            let Command::Simulate(options) = line.wanted() else {
                panic!("not a simulation");
            };
            assert_eq!(Mode::from(options.mode), mode);
        }
    }

    #[test]
    fn wrong_usage_is_64_and_help_is_0() {
        for wrong in [
            "frobnicate",
            "--config",
            "check --jsn",
            "pin",
            "run now",
            "mailservers add mine",
            "status extra",
            "history fetch --to 5",
        ] {
            assert_eq!(
                exit_of(&read(wrong).expect_err(wrong)),
                Exit::Usage,
                "{wrong}"
            );
        }
        for right in ["--help", "--version", "help demo", "mailservers add --help"] {
            assert_eq!(
                exit_of(&read(right).expect_err(right)),
                Exit::Done,
                "{right}"
            );
        }
    }

    #[test]
    fn the_definitions_hold_together() {
        let command = CommandLine::definition();
        let check = command
            .find_subcommand("check")
            .and_then(clap::Command::get_about);
        assert!(
            check
                .unwrap()
                .to_string()
                .starts_with("Validate the settings")
        );
        command.debug_assert();
    }

    #[test]
    fn every_shell_learns_every_command() {
        for shell in Shell::value_variants() {
            let script = documents::script(*shell, CommandLine::definition());
            for word in ["simulate", "mailservers", "unpin", "config", "seed"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn each_command_has_a_page() {
        let directory = tempfile::TempDir::new().unwrap();
        let write = |directory: PathBuf| {
            let directory = Some(directory);
            Document::Man { directory }.tell(CommandLine::definition())
        };
        write(directory.path().into()).unwrap();
        for (page, told) in [
            ("mailserver-sidecar.1", "no message is missed"),
            ("mailserver-sidecar-demo.1", "repeatable"),
            ("mailserver-sidecar-history-fetch.1", "a period again"),
        ] {
            let text = std::fs::read_to_string(directory.path().join(page)).unwrap();
            assert!(text.contains(told), "{page}: {text}");
        }
        let nowhere = directory.path().join("nowhere");
        let failure = write(nowhere).unwrap_err();
        assert_eq!(failure.exit, Exit::Unusable);
        assert!(failure.reason.contains("nowhere"));
    }

    fn read(arguments: &str) -> Result<CommandLine, clap::Error> {
        let program = std::iter::once("mailserver-sidecar");
        CommandLine::read(
            program
                .chain(arguments.split_whitespace())
                .map(OsString::from),
        )
    }
}
