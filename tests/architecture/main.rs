//! The shape of the source, read from its imports: floors, rooms, and no circle of files.
//!
//! Code of tests does not count.

mod broken;
mod imports;
mod rules;
mod source;

use std::{fs, path::Path};

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
