//! The dashboard in a real browser, beside a simulated node: what a person sees and does.
//!
//! Wants Chromium and its driver (Debian's `chromium` and `chromium-driver`); without them these tests are shown as
//! ignored, or fail where `BROWSER=required` is set. `SCREENSHOTS=folder` keeps a picture of each look.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod browser;
mod looks;
mod rig;
mod stories;

use libtest_mimic::{Arguments, Failed, Trial};

/// A test: what it shows, and how.
type Test = (&'static str, fn() -> Result<(), Failed>);

/// Each by its name.
macro_rules! tests {
    ($($module:ident::$name:ident,)*) => {
        &[$((stringify!($name), || rig::run($module::$name))),*]
    };
}

const TESTS: &[Test] = tests![
    stories::a_lost_mailserver_is_seen,
    stories::a_pin_from_the_page_moves_the_node,
    stories::a_refusal_is_told_in_the_words_of_the_service,
    stories::a_mailserver_is_added_and_removed,
    stories::the_timeline_is_filtered_and_searched,
    stories::it_says_when_it_is_stale_and_comes_back_by_itself,
    stories::a_node_that_picks_by_itself_is_shown_as_such,
    stories::a_page_signs_in_where_a_token_is_wanted,
    stories::a_playground_is_broken_from_its_panel,
    looks::an_accessibility_check_finds_nothing,
];

fn main() {
    let mut arguments = Arguments::from_args();
    // A browser takes both cores of a small machine.
    arguments.test_threads = arguments.test_threads.or(Some(1));
    let missing = browser::missing();
    if let Some(what) = &missing {
        assert!(
            std::env::var_os("BROWSER").is_none_or(|it| it != "required"),
            "{what}"
        );
        eprintln!("dashboard tests are left out: {what}");
    }
    let trial = |&(name, test): &Test| {
        let trial = Trial::test(name, test);
        match &missing {
            Some(_) => trial.with_kind("no browser").with_ignored_flag(true),
            None => trial,
        }
    };
    libtest_mimic::run(&arguments, TESTS.iter().map(trial).collect()).exit();
}
