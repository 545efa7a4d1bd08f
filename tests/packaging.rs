//! What is packaged: the examples are good settings.

use std::{ffi::OsString, fs};

use mailserver_sidecar::settings::{ENVIRONMENT_PREFIX, Loaded, Settings, Sources};

const ENVIRONMENT: &str = include_str!("../packaging/systemd/mailserver-sidecar.default");
const CONFIGURATION: &str = include_str!("../packaging/debian/sidecar.toml");

/// The lines of a file as if those that are given as examples were in use.
fn uncommented(file: &str) -> impl Iterator<Item = &str> {
    file.lines().map(|it| it.strip_prefix('#').unwrap_or(it))
}

/// How many values come from there.
fn count(loaded: &Loaded, origin: &str) -> usize {
    let values = loaded.provenance.iter();
    values.filter(|it| it.origin.starts_with(origin)).count()
}

#[test]
fn each_variable_of_the_environment_file_is_a_good_setting() {
    // A sentence has a space where a variable has none.
    let is_variable = |it: &(&str, &str)| !it.0.contains(' ');
    let pairs = uncommented(ENVIRONMENT).filter_map(|it| it.split_once('='));
    let environment: Vec<(OsString, OsString)> = pairs
        .filter(is_variable)
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let variables = environment.len();
    assert_ne!(variables, 0);
    let sources = Sources {
        environment,
        ..Sources::default()
    };
    let loaded = Settings::load(&sources).unwrap();
    let used = count(
        &loaded,
        &format!("environment variable {ENVIRONMENT_PREFIX}"),
    );
    assert_eq!(used, variables, "one is not ours");
}

#[test]
fn each_key_of_the_packaged_configuration_is_a_good_setting() {
    let is_toml = |it: &&str| it.starts_with('[') || it.contains(" = ");
    let lines: Vec<_> = uncommented(CONFIGURATION).filter(is_toml).collect();
    let keys = lines.iter().filter(|it| !it.starts_with('[')).count();
    assert_ne!(keys, 0);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sidecar.toml");
    fs::write(&path, lines.join("\n")).unwrap();
    let sources = Sources {
        files: vec![path],
        ..Sources::default()
    };
    let loaded = Settings::load(&sources).unwrap();
    assert_eq!(count(&loaded, "file "), keys);
}
