//! What is shipped for operators: the dashboard and the alert rules ask only for what is scraped.

use std::collections::BTreeSet;

use serde_json::Value;
use yaml_rust2::{Yaml, YamlLoader};

use crate::{server::Server, stubs::Stub};

const DASHBOARD: &str = include_str!("../../docs/grafana-dashboard.json");
const ALERTS: &str = include_str!("../../docs/alerts.yml");
const MANUAL: &str = include_str!("../../docs/operations.md");

const PREFIX: &str = "mailserver_sidecar_";

/// Each name of a metric in a text.
fn named(text: &str) -> BTreeSet<&str> {
    let is_of_a_name = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
    let places = text.match_indices(PREFIX).map(|(at, _)| &text[at..]);
    places
        .map(|rest| rest.split(|it| !is_of_a_name(it)).next().unwrap())
        .collect()
}

/// The names of all samples of one scrape.
fn sampled(scrape: &str) -> BTreeSet<&str> {
    let samples = scrape.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| line.split(['{', ' ']).next().unwrap())
        .collect()
}

/// The alert rules, of all groups.
fn rules() -> Vec<Yaml> {
    let documents = YamlLoader::load_from_str(ALERTS).unwrap();
    let groups = documents[0]["groups"].as_vec().unwrap();
    let rules = groups.iter().flat_map(|it| it["rules"].as_vec().unwrap());
    rules.cloned().collect()
}

#[actix::test]
async fn what_is_shipped_for_operators_names_only_metrics_that_are_scraped() {
    let server = Server::start(Stub::default()).await;
    let scrape = server.get("/metrics").await.body;
    let scraped = sampled(&scrape);
    for (file, text) in [("dashboard", DASHBOARD), ("alerts", ALERTS)] {
        let names = named(text);
        assert!(!names.is_empty(), "{file}");
        let unknown: Vec<_> = names.difference(&scraped).collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}");
    }
}

#[test]
fn each_panel_says_what_it_shows_and_asks_for_it() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        if panel["type"] == "row" {
            continue;
        }
        assert!(!panel["description"].as_str().unwrap().is_empty());
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}");
        for target in targets {
            let expression = target["expr"].as_str().unwrap();
            assert!(expression.contains(PREFIX), "{title}: {expression:?}");
        }
    }
}

#[test]
fn each_alert_says_how_grave_it_is_and_what_to_do() {
    let rules = rules();
    let mut names = BTreeSet::new();
    for rule in &rules {
        let name = rule["alert"].as_str().unwrap();
        assert!(names.insert(name), "{name} twice");
        assert!(
            rule["expr"].as_str().is_some_and(|it| it.contains(PREFIX)),
            "{name}"
        );
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(
            ["critical", "warning", "info"].contains(&severity),
            "{name}"
        );
        for annotation in ["summary", "description"] {
            let text = rule["annotations"][annotation].as_str();
            assert!(
                text.is_some_and(|it| !it.trim().is_empty()),
                "{name}: {annotation}"
            );
        }
    }
    assert!(!rules.is_empty());
}

/// The first cells of the rows of the tables in a section, as they stand in code.
fn explained(section: &str) -> impl Iterator<Item = &'static str> {
    let (_, rest) = MANUAL.split_once(section).unwrap();
    let section = rest.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|it| it.strip_prefix("| `"));
    rows.map(|row| row.split('`').next().unwrap())
}

#[actix::test]
async fn the_manual_explains_each_metric_that_is_scraped_and_no_other() {
    let server = Server::start(Stub::default()).await;
    let scrape = server.get("/metrics").await.body;
    let manual: BTreeSet<_> = explained("\n## Metrics\n").collect();
    let scraped = sampled(&scrape);
    let difference: Vec<_> = manual.symmetric_difference(&scraped).collect();
    assert!(difference.is_empty(), "{difference:?}");
}

#[test]
fn the_manual_says_of_each_alert_what_it_asks_of_a_person_and_how_grave_it_is() {
    let mut rules = rules();
    rules.sort_by_key(|it| it["alert"].as_str().map(str::to_owned));
    let names = rules.iter().map(|it| it["alert"].as_str().unwrap());
    let mut manual: Vec<_> = explained("\n## Alerts\n").collect();
    manual.sort_unstable();
    assert_eq!(manual, names.collect::<Vec<_>>());
    for rule in &rules {
        let name = rule["alert"].as_str().unwrap();
        let severity = rule["labels"]["severity"].as_str().unwrap();
        let row = format!("\n| `{name}` | {severity} | ");
        assert!(MANUAL.contains(&row), "{row}");
    }
}
