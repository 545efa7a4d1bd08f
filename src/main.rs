//! The command line of mailserver-sidecar.

use std::{io::IsTerminal, process::ExitCode};

use mailserver_sidecar::{
    cli::{self, Command, CommandLine, SimulateOptions},
    demo,
    exit::{Exit, Failure},
    ping_command,
    reload::Reloader,
    service::{Running, check_password, control_token, open_fleets},
    service_manager::ServiceManager,
    settings::{Loaded, LogFormat, Settings},
    shutdown, simulate,
};
use tracing_subscriber::{EnvFilter, fmt};

/// What is logged unless `--log` says otherwise.
const LOG: &str = "info";

fn main() -> ExitCode {
    let line = match CommandLine::read(std::env::args_os()) {
        Ok(line) => line,
        Err(error) => {
            // A pipe that was closed early is no failure of ours.
            let _ = error.print();
            return cli::exit_of(&error).into();
        }
    };
    let system = actix::System::with_tokio_rt(runtime);
    let ended = system.block_on(execute(&line));
    // Dropped, the runtime would wait for names that are being resolved, however long the system takes.
    std::mem::forget(system);
    match ended {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            eprintln!("mailserver-sidecar: {failure}");
            failure.exit.into()
        }
    }
}

/// One thread for everything but libp2p handshakes, which have one of their own, and the control API, which has one;
/// names are resolved by at most two more on each of the first two.
fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().max_blocking_threads(2);
    builder
        .build()
        .expect("the system gives a process its event queue")
}

async fn execute(line: &CommandLine) -> Result<(), Failure> {
    match line.wanted() {
        // Wrong settings do not matter to it.
        Command::Document(document) => document.tell(CommandLine::definition()),
        command => execute_with_settings(line, command).await,
    }
}

async fn execute_with_settings(line: &CommandLine, command: Command) -> Result<(), Failure> {
    let sources = line.global.sources(std::env::vars_os());
    let loaded = Settings::load(&sources).map_err(|error| Exit::Usage.because(error))?;
    log_to_stderr(line.global.log.as_deref(), &command, &loaded.settings)?;
    let Loaded {
        settings,
        provenance,
    } = loaded;
    match command {
        Command::Run => {
            let running = Running::start(&settings, None).await?;
            let connector = running.control.connector.clone();
            let told = ServiceManager::tell(connector, settings.cycle.tick);
            let reloader = Reloader {
                sources,
                provenance,
                registry: running.configured.clone(),
                gate: running.gate.clone(),
                address: running.address,
            };
            let _reloading = reloader.at_each_hangup();
            let asked = async {
                shutdown::requested().await;
                drop(told);
            };
            running.until(asked).await
        }
        Command::Demo(options) => demo::run(&options, &line.global.assignments).await,
        Command::Simulate(options) => match &options.action {
            Some(action) => cli::run_simulate(action, &settings).await,
            None => simulate::run(&options, &sources).await,
        },
        Command::Ping(output) => ping_command::run(&settings, output.json).await,
        Command::Check(output) => {
            let (_, loaded) = open_fleets(&settings)?;
            check_password(&settings)?;
            control_token(&settings)?;
            for skipped in &loaded.skipped {
                eprintln!("mailserver-sidecar: fleet file: {skipped}");
            }
            cli::print(&cli::render_check(&provenance, output.json)).map(drop)
        }
        Command::Document(document) => document.tell(CommandLine::definition()),
        Command::Remote(remote) => cli::run_remote(&remote, &settings).await,
    }
}

/// Libraries that log each step of a negotiation or of a start: their lines come only when their target is named.
const TALKATIVE: [&str; 6] = [
    "actix_server",
    "libp2p_core",
    "libp2p_noise",
    "multistream_select",
    "yamux",
    "rw_stream_sink",
];

/// It logs an error for every malformed request: whoever sends them would fill the log.
const CLIENTS: &str = "actix_http::h1::dispatcher";

/// The filter, without the lines of [`TALKATIVE`] libraries and of [`CLIENTS`] that it does not name.
fn own_lines(filter: &str) -> String {
    let talkative = TALKATIVE.iter().map(|it| (*it, "warn"));
    let all = talkative.chain([(CLIENTS, "off")]);
    let unnamed = all.filter(|(target, _)| !filter.contains(target));
    unnamed.fold(filter.to_owned(), |all, (target, level)| {
        format!("{all},{target}={level}")
    })
}

/// Logs go to stderr; the commands that tell something themselves log only what `--log` asks for.
fn log_to_stderr(
    filter: Option<&str>,
    command: &Command,
    settings: &Settings,
) -> Result<(), Failure> {
    let quiet = !matches!(
        command,
        Command::Run | Command::Simulate(SimulateOptions { action: None, .. })
    );
    let filter = filter.unwrap_or(if quiet { "off" } else { LOG });
    let filter = EnvFilter::try_new(own_lines(filter))
        .map_err(|error| Exit::Usage.because(format!("--log {filter:?}: {error}")))?;
    let log = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.log.format {
        LogFormat::Json => log.json().init(),
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_talkative_libraries_come_only_when_their_target_is_named() {
        let debug = own_lines("debug");
        assert!(debug.starts_with("debug,"));
        assert!(debug.contains("multistream_select=warn"));
        assert!(debug.contains("actix_http::h1::dispatcher=off"));
        let named = own_lines("info,yamux=trace");
        assert!(!named.contains("yamux=warn"));
        EnvFilter::try_new(named).unwrap();
    }
}
