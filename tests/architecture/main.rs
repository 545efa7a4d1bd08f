//! The shape of the source, read from its imports: floors, rooms, and no circle of files.
//!
//! Code of tests does not count.

mod broken;
mod imports;
mod log_lines;
mod rules;
mod source;

use std::{collections::BTreeSet, fs, path::Path};

use imports::Crate;
use rules::Floors;
use source::Files;

/// The floors of the actors, the ground first. The rooms of the actors share one, so none imports another.
const ACTORS: Floors<'_> = &[
    "model",
    "messages",
    "deadline",
    "auditor backfill connector events fleet_registry gap_filler history_requester journal login online peer_tracker pinger round_trips selector watch",
    "supervisor",
    "testing",
    "lib",
];

/// The floors of the service: what needs nothing of the others, what builds upon that, the configuration of all, what
/// puts them together, and the commands.
const SERVICE: Floors<'_> = &[
    "secret_file",
    "clock database exit fleets http network node service_manager shutdown sim",
    "control probe state",
    "journal_store memory settings",
    "state_store",
    "wiring",
    "service",
    "cli reload",
    "simulated",
    "demo ping_command simulate",
    "main",
    "lib",
];

/// Every Rust file below a folder of the repository.
fn read(folder: &str) -> Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Files::new();
    let mut waiting = vec![root.join(folder)];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("the folder can be read");
            waiting.extend(entries.map(|entry| entry.expect("the folder can be read").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("the file can be read");
            let name = path.strip_prefix(root).expect("the file is below the root");
            files.insert(name.display().to_string(), text);
        }
    }
    files
}

fn actors() -> Crate {
    Crate {
        name: "actors",
        modules: source::read(&read("actors/src"), "actors/src"),
    }
}

fn service() -> Crate {
    Crate {
        name: "mailserver_sidecar",
        modules: source::read(&read("src"), "src"),
    }
}

fn assert_none(breaches: Vec<String>) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn imports_of_the_actors_run_down_and_into_no_other_room() {
    assert_none(rules::floor_breaches("actors/src", ACTORS, &actors()));
}

#[test]
fn imports_of_the_service_run_down() {
    assert_none(rules::floor_breaches("src", SERVICE, &service()));
}

#[test]
fn no_files_of_the_actors_form_a_circle() {
    assert_none(rules::circle_breaches(&actors()));
}

#[test]
fn no_files_of_the_service_form_a_circle() {
    assert_none(rules::circle_breaches(&service()));
}

#[test]
fn the_model_knows_no_actix() {
    assert_none(rules::foreign_breaches(
        "actors/src/model/",
        "actix",
        &actors(),
    ));
}

/// How the manual names the events that are warnings.
const EVENTS: &[(&str, &str)] = &[
    ("ActorRestarted", "actor:restarted"),
    ("AuditShort", "audit:short"),
    ("HistoryFailed", "history:failed"),
    ("NodeDeaf", "node:deaf"),
    ("Offline", "offline"),
    ("WindowGivenUp", "window:given-up"),
];

#[test]
fn the_manual_says_what_each_warning_and_each_error_in_the_log_asks_of_a_person() {
    let told = |text: &String| {
        let event = EVENTS.iter().find(|(variant, _)| variant == text);
        event.map_or(text.clone(), |(_, name)| (*name).to_owned())
    };
    let mut sources = read("src");
    sources.extend(read("actors/src"));
    let logged: BTreeSet<String> = log_lines::texts(&sources).iter().map(told).collect();
    let page = include_str!("../../docs/operations.md");
    let (_, section) = page.split_once("\n## The log\n").expect("it has a section");
    let section = section.split("\n## ").next().unwrap_or(section);
    let rows = section.lines().filter_map(|it| it.strip_prefix("| `"));
    let explained: BTreeSet<String> = rows
        .filter_map(|row| row.split('`').next())
        .map(str::to_owned)
        .collect();
    let unexplained: Vec<_> = logged.difference(&explained).collect();
    assert!(
        unexplained.is_empty(),
        "not in the manual: {unexplained:#?}"
    );
    let gone: Vec<_> = explained.difference(&logged).collect();
    assert!(gone.is_empty(), "not in the log any more: {gone:#?}");
}

#[test]
fn the_text_of_a_line_is_found_wherever_it_stands() {
    let source = r#"
        fn a(it: &Event) {
            tracing::warn!(field = "value", %other, "one {} of {two:?}", 1);
            match it {
                Event::A { x } | Event::B(x) => tracing::error!(x, "{event}"),
                Event::C => tracing::info!("{event}"),
            }
            tokio::select! { () = b() => { tracing::warn!("inside") } }
        }
        #[cfg(test)]
        mod tests { fn b() { tracing::warn!("of a test"); } }
    "#;
    let files = Files::from([("a.rs".to_owned(), source.to_owned())]);
    let texts = log_lines::texts(&files);
    assert_eq!(
        texts.into_iter().collect::<Vec<_>>(),
        ["A", "B", "inside", "one … of …"]
    );
}
