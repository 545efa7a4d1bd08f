//! The examples for host applications, run against a service: what they print, and that a cut costs them nothing.
//!
//! That in JavaScript wants Node 20 or later; without it its test is shown as ignored, or fails where `NODE=required` is
//! set.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod client;
#[path = "../../examples/follow.rs"]
mod follow;
mod proxy;
mod rig;

use std::process::Command;

use libtest_mimic::{Arguments, Trial};

use crate::client::{in_javascript, in_rust};

/// Set for a process that is to be the example in Rust.
const BE_THE_EXAMPLE: &str = "BE_THE_EXAMPLE";

fn main() {
    if std::env::var_os(BE_THE_EXAMPLE).is_some() {
        return follow::main();
    }
    let arguments = Arguments::from_args();
    let missing = missing();
    if let Some(what) = &missing {
        assert!(
            std::env::var_os("NODE").is_none_or(|it| it != "required"),
            "{what}"
        );
        eprintln!("the example in JavaScript is left out: {what}");
    }
    let rust = Trial::test("the_client_in_rust_misses_nothing", || rig::run(in_rust));
    let javascript = Trial::test("the_client_in_javascript_misses_nothing", || {
        rig::run(in_javascript)
    });
    let javascript = match missing {
        Some(_) => javascript.with_kind("no node").with_ignored_flag(true),
        None => javascript,
    };
    libtest_mimic::run(&arguments, vec![rust, javascript]).exit();
}

/// What is missing for the example in JavaScript.
fn missing() -> Option<String> {
    let told = match Command::new("node").arg("--version").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(error) => return Some(format!("node: {error}")),
    };
    let major = told.trim_start_matches('v').split('.').next();
    let major: Option<u32> = major.and_then(|it| it.parse().ok());
    match major.is_some_and(|it| it >= 20) {
        true => None,
        false => Some(format!("node --version: {told:?}, 20 is wanted")),
    }
}
