//! The test itself is tested: small trees in which one rule is broken each, and their like in which none is.

use crate::{ACTORS, imports::Crate, rules, source};

/// A crate of the given files, below `actors/src`.
fn tree(files: &[(&str, &str)]) -> Crate {
    let files = files
        .iter()
        .map(|(file, text)| (format!("actors/src/{file}"), (*text).to_owned()))
        .collect();
    Crate {
        name: "actors",
        modules: source::read(&files, "actors/src"),
    }
}

fn floors(files: &[(&str, &str)]) -> Vec<String> {
    rules::floor_breaches("actors/src", ACTORS, &tree(files))
}

fn circles(files: &[(&str, &str)]) -> Vec<String> {
    rules::circle_breaches(&tree(files))
}

const UP: &str = "actors/src/model.rs imports `Ping` from actors/src/messages/ping.rs, which is on a floor above it";

/// A model that says `code`, below messages.
fn model(code: &str) -> Vec<String> {
    floors(&[
        ("lib.rs", "pub mod model; pub mod messages;"),
        ("messages/mod.rs", "pub mod ping; pub use ping::Ping;"),
        (
            "messages/ping.rs",
            "pub struct Ping; impl Ping { pub fn new() -> Self { Self } }",
        ),
        ("model.rs", code),
    ])
}

#[test]
fn an_import_that_runs_up_is_found_however_it_is_written() {
    for code in [
        "use crate::messages::ping::Ping;",
        "use crate::messages::Ping;",
        "use crate::{messages::{ping::{self, Ping}}};",
        "use super::messages::Ping;",
        "pub use crate::messages::ping::Ping;",
        "use crate::messages::ping::*; fn f(_: Ping) {}",
        "fn f() { let _: crate::messages::ping::Ping; }",
        "mod inside { use super::super::messages::Ping; }",
        "use crate::messages; fn f(_: messages::Ping) {}",
        "fn f() { use crate::messages::ping::Ping; }",
        "fn f() { assert!(matches!(0, crate::messages::ping::Ping)); }",
        "#[derive(crate::messages::Ping)] struct A;",
    ] {
        assert_eq!(model(code), [UP], "{code}");
    }
    assert_eq!(
        model("fn f() { crate::messages::ping::Ping::new(); }"),
        [UP.replace("`Ping`", "`new`")]
    );
}

#[test]
fn what_only_tests_import_does_not_count() {
    for code in [
        "#[cfg(test)] mod tests { use crate::messages::Ping; }",
        "#[cfg(test)] use crate::messages::Ping;",
        "#[cfg(test)] fn f() { crate::messages::Ping; }",
        "struct A; impl A { #[cfg(test)] fn f() { crate::messages::Ping; } }",
        "pub(in crate::messages) struct A;",
        "/// See [`crate::messages::Ping`].\nstruct A;",
    ] {
        assert_eq!(model(code), [] as [&str; 0], "{code}");
    }
}

#[test]
fn a_room_that_imports_another_or_from_above_is_found() {
    let rooms = |watch: &str, connector: &str| {
        floors(&[
            (
                "lib.rs",
                "mod connector; mod deadline; mod supervisor; mod watch;",
            ),
            ("deadline.rs", "pub struct Deadline;"),
            ("supervisor/mod.rs", "pub struct Supervisor;"),
            ("connector/mod.rs", connector),
            ("watch/mod.rs", "mod detector; pub use detector::Detector;"),
            ("watch/detector.rs", watch),
        ])
    };
    let detector = "use crate::deadline::Deadline; pub struct Detector;";
    assert_eq!(
        rooms(detector, "use crate::deadline::Deadline;"),
        [] as [&str; 0]
    );
    assert_eq!(
        rooms(detector, "use crate::watch::Detector;"),
        [
            "actors/src/connector/mod.rs imports `Detector` from actors/src/watch/detector.rs, which is another room of its floor"
        ]
    );
    assert_eq!(
        rooms(
            "use crate::supervisor::Supervisor; pub struct Detector;",
            ""
        ),
        [
            "actors/src/watch/detector.rs imports `Supervisor` from actors/src/supervisor/mod.rs, which is on a floor above it"
        ]
    );
}

#[test]
fn a_room_without_a_floor_is_found() {
    assert_eq!(
        floors(&[("lib.rs", "mod attic;"), ("attic.rs", "")]),
        ["actors/src/attic.rs stands on no floor: give it one in the table of this test"]
    );
}

#[test]
fn a_model_that_names_actix_is_found() {
    let named = |code: &str| {
        let crate_ = tree(&[
            ("lib.rs", "mod model; mod messages;"),
            ("model.rs", code),
            ("messages.rs", "use actix::Message;"),
        ]);
        rules::foreign_breaches("actors/src/model", "actix", &crate_).len()
    };
    for code in [
        "use actix::Message;",
        "#[derive(actix::Message)] struct A;",
        "fn f() { actix_rt::spawn(async {}); }",
        "use ::actix::Addr;",
    ] {
        assert_eq!(named(code), 1, "{code}");
    }
    assert_eq!(
        named("use serde::Serialize; #[cfg(test)] mod tests { use actix::Addr; }"),
        0
    );
}

#[test]
fn a_circle_is_found_and_names_its_files() {
    let found = circles(&[
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::c::C; pub struct B;"),
        ("c.rs", "pub struct C; fn f(_: crate::a::A) {}"),
        ("d.rs", "use crate::a::A;"),
    ]);
    assert_eq!(
        found,
        [
            "a circle of files:\n    actors/src/a.rs uses actors/src/b.rs: B\n    actors/src/b.rs uses actors/src/c.rs: C\n    actors/src/c.rs uses actors/src/a.rs: A"
        ]
    );
}

#[test]
fn a_parent_and_its_child_form_a_circle_if_each_uses_what_the_other_defines() {
    let family = |parent: &str, child: &str| {
        circles(&[
            ("lib.rs", "mod room;"),
            ("room/mod.rs", parent),
            ("room/child.rs", child),
        ])
        .len()
    };
    let child = "use super::Limit; pub struct Child;";
    assert_eq!(
        family("mod child; pub use child::Child; pub struct Limit;", child),
        0,
        "the parent only passes it on"
    );
    assert_eq!(
        family(
            "mod child; pub use child::Child; pub struct Limit; fn f(_: Child) {}",
            child
        ),
        1
    );
    assert_eq!(
        family("mod child; use child::Child; pub struct Limit;", child),
        1
    );
    assert_eq!(
        family(
            "mod child; pub struct Limit; fn f() { self::child::Child; }",
            child
        ),
        1
    );
    assert_eq!(
        family("mod child; use child::Child;", "pub struct Child;"),
        0
    );
    assert_eq!(
        family(
            "mod child; use child::Child;",
            "pub struct Child; #[cfg(test)] mod tests { use super::super::Child; }"
        ),
        0
    );
}

#[test]
fn siblings_that_meet_in_a_name_their_parent_passes_on_form_no_circle_with_it() {
    let parent = "mod a; mod b; pub use a::A; use b::B; fn f(_: B) {}";
    let files = [
        ("lib.rs", "mod room;"),
        ("room.rs", parent),
        ("room/a.rs", "pub struct A;"),
        ("room/b.rs", "pub struct B; use super::A;"),
    ];
    assert_eq!(circles(&files), [] as [&str; 0]);
}

#[test]
fn a_type_whose_methods_stand_in_another_file_forms_a_circle_with_it_if_it_calls_them() {
    let machine = |call: &str| {
        let home =
            format!("mod more; pub struct Machine; impl Machine {{ fn step(&self) {{ {call} }} }}");
        circles(&[
            ("lib.rs", "mod machine;"),
            ("machine.rs", &home),
            (
                "machine/more.rs",
                "use super::Machine; impl Machine { pub fn decide(&self) {} }",
            ),
        ])
        .len()
    };
    assert_eq!(machine("self.decide()"), 1);
    assert_eq!(machine(""), 0);
}
