//! The document that describes the API: it follows the rules of OpenAPI 3.1, and is the one that was agreed upon.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use crate::{
    schema::{Document, places},
    server::Server,
    stubs::Stub,
};

/// The document as it was agreed upon, for people too.
const AGREED: &str = "docs/openapi.json";

/// Set to accept the document as it is made now.
const ACCEPT: &str = "ACCEPT_OPENAPI";

async fn served() -> Document {
    Document::of(&Server::start(Stub::default()).await).await
}

#[actix::test]
async fn the_document_is_openapi() {
    let document = served().await;
    let parsed = oas3::from_json(document.0.to_string()).unwrap();
    parsed.validate_version().unwrap();
    assert_eq!(document.0["openapi"], "3.1.0");
    assert_eq!(parsed.operations().count(), document.operations().count());
}

#[actix::test]
async fn each_schema_is_json_schema_and_each_reference_leads_to_one() {
    let document = served().await;
    let mut schemas = 0;
    let names = document.0["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys();
    // Two types of one name are told apart by a number, which says nothing.
    let numbered: Vec<_> = names.filter(|it| it.ends_with(char::is_numeric)).collect();
    assert!(numbered.is_empty(), "{numbered:?}");
    for (pointer, value) in places(&document.0) {
        let is_named = pointer.strip_prefix("/components/schemas/");
        if is_named.is_some_and(|it| !it.contains('/')) || pointer.ends_with("/schema") {
            let checked = jsonschema::draft202012::meta::validate(value);
            assert!(checked.is_ok(), "{pointer}: {checked:?}");
            schemas += 1;
        }
        if pointer.ends_with("/$ref") {
            let target = value.as_str().unwrap().strip_prefix('#').unwrap();
            assert!(document.0.pointer(target).is_some(), "{pointer}: {target}");
        }
    }
    assert!(schemas > 100, "{schemas}");
}

#[actix::test]
async fn each_operation_says_what_it_is_and_takes_what_its_path_names() {
    let document = served().await;
    let mut ids = BTreeSet::new();
    for (path, method, it) in document.operations() {
        let id = it["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{id} twice");
        for member in ["summary", "description"] {
            assert_ne!(it[member].as_str().unwrap(), "", "{method} {path}");
        }
        let parameters = it["parameters"].as_array().into_iter().flatten();
        let in_path = parameters.filter(|it| it["in"] == "path");
        let taken: Vec<_> = in_path
            .map(|it| format!("{{{}}}", it["name"].as_str().unwrap()))
            .collect();
        let segments = path.split('/').filter(|it| it.starts_with('{'));
        assert_eq!(taken, segments.collect::<Vec<_>>(), "{method} {path}");
    }
}

#[actix::test]
async fn each_field_is_described_in_words_for_people() {
    let document = served().await;
    let mut wrong = Vec::new();
    for (pointer, value) in places(&document.0) {
        let Some(above) = pointer.strip_suffix("/properties") else {
            continue;
        };
        // What a refusal adds to the common problem document.
        if pointer.contains("/responses/") || pointer.contains("example") {
            continue;
        }
        let fields = value.as_object().unwrap();
        // A tag and what goes with it are described where they are chosen.
        if fields.values().any(|it| it.get("const").is_some()) {
            continue;
        }
        for (name, field) in fields {
            if !field["description"].is_string() {
                wrong.push(format!("{above}: {name}"));
            }
        }
    }
    for (pointer, value) in places(&document.0) {
        let text = value.as_str().filter(|_| pointer.ends_with("/description"));
        let is_of_code = |it: &str| it.contains("[`") || it.contains("`Some") || it.contains("::");
        if text.is_some_and(is_of_code) {
            wrong.push(format!("{pointer}: {text:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[actix::test]
async fn each_example_is_one() {
    let document = served().await;
    let mut examples = 0;
    for (pointer, value) in places(&document.0) {
        let Some(schema) = value.get("schema") else {
            continue;
        };
        if let Some(example) = value.get("example") {
            let breaches = document.breaches(schema, example);
            assert!(breaches.is_empty(), "{pointer}: {breaches:?}");
            examples += 1;
        }
    }
    assert!(examples > 5, "{examples}");
}

/// What is in one and not in the other, or is another value there.
fn differences(agreed: &Value, made: &Value) -> Vec<String> {
    let pointers = |it: &Value| {
        places(it)
            .into_iter()
            .map(|(it, _)| it)
            .collect::<BTreeSet<_>>()
    };
    let (before, after) = (pointers(agreed), pointers(made));
    let gone = before.difference(&after).map(|it| format!("gone     {it}"));
    let new = after.difference(&before).map(|it| format!("new      {it}"));
    // What is in objects and arrays that are on both sides is looked at there.
    let hold = |one: &Value, other: &Value| {
        (one.is_object() && other.is_object()) || (one.is_array() && other.is_array())
    };
    let changed = before.intersection(&after).filter(|it| {
        let (was, is) = (&agreed.pointer(it).unwrap(), &made.pointer(it).unwrap());
        was != is && !hold(was, is)
    });
    let changed = changed.map(|it| {
        let (was, is) = (agreed.pointer(it).unwrap(), made.pointer(it).unwrap());
        format!("changed  {it}: {is} was {was}")
    });
    gone.chain(changed).chain(new).collect()
}

#[actix::test]
async fn the_document_is_the_one_that_was_agreed_upon() {
    let made = served().await.0;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(AGREED);
    if std::env::var_os(ACCEPT).is_some() {
        let text = serde_json::to_string_pretty(&made).unwrap();
        fs::write(&file, text + "\n").unwrap();
    }
    let agreed = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let differences = differences(&agreed, &made);
    assert!(
        differences.is_empty(),
        "\n{}\n\nIf this is meant: {ACCEPT}=1 cargo test --test control_api agreed, and commit {AGREED}. A field that is gone \
         or changed breaks programs of others: it is never meant in this version of the API.\n",
        differences.join("\n")
    );
    assert_eq!(agreed, made);
}

#[test]
fn a_difference_is_named_by_its_place() {
    let agreed = serde_json::json!({ "a": { "b": 1, "c": ["x"] }, "d": "text" });
    let made = serde_json::json!({ "a": { "b": 2, "c": ["x", "y"] }, "e": {} });
    assert_eq!(
        differences(&agreed, &made),
        [
            "gone     /d",
            "changed  /a/b: 2 was 1",
            "new      /a/c/1",
            "new      /e"
        ]
    );
}
