//! The page about events names each of them, with all that it carries.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{schema::Document, server::Server, stubs::Stub};

const MANUAL: &str = include_str!("../../docs/events.md");

/// The names of the fields of some data, but for the time, which all carry.
fn fields(document: &Document, data: &Value) -> Vec<String> {
    let mut all = vec![data];
    let mut names = Vec::new();
    while let Some(schema) = all.pop() {
        if let Some(target) = schema["$ref"].as_str() {
            all.extend(document.0.pointer(target.trim_start_matches('#')));
        }
        all.extend(schema["allOf"].as_array().into_iter().flatten());
        let properties = schema["properties"].as_object().into_iter().flatten();
        names.extend(properties.map(|(name, _)| name.clone()));
    }
    names.retain(|it| it != "at");
    names.sort_unstable();
    names
}

/// The rows of its table: the name of an event, and what is in code in the cell beside it.
fn rows() -> BTreeMap<&'static str, Vec<String>> {
    let lines = MANUAL.lines().filter_map(|it| it.strip_prefix("| `"));
    let cells = lines.map(|it| it.split(" | ").collect::<Vec<_>>());
    let rows = cells.filter(|cells| cells.len() == 3).map(|cells| {
        let mut named: Vec<_> = cells[1]
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        named.sort_unstable();
        (cells[0].trim_end_matches('`'), named)
    });
    rows.collect()
}

#[actix::test]
async fn the_page_names_each_event_with_its_data_and_no_other() {
    let document = Document::of(&Server::start(Stub::default()).await).await;
    let answer = &document.0["paths"]["/api/v1/events/ws"]["get"]["responses"]["101"];
    let shapes = &answer["content"]["application/json"]["schema"]["oneOf"];
    let frames = shapes.as_array().unwrap().iter();
    let described: BTreeMap<_, _> = frames
        .map(|it| &it["properties"])
        .map(|it| {
            let name = it["event"]["const"].as_str().unwrap();
            (name, fields(&document, &it["data"]))
        })
        .collect();
    assert!(described.len() > 15, "{}", described.len());
    assert_eq!(rows(), described);
}
