//! The document of the API, and the shapes in it, taken strictly: what it does not name must not be there.

use serde_json::{Map, Value, json};

use crate::server::Server;

/// The document as it is served.
pub(crate) struct Document(pub(crate) Value);

/// An operation: its path, its method, what the document says of it.
pub(crate) type Described<'a> = (&'a str, &'a str, &'a Value);

impl Document {
    pub(crate) async fn of(server: &Server) -> Self {
        Self(server.get("/api/v1/openapi.json").await.json())
    }

    pub(crate) fn operations(&self) -> impl Iterator<Item = Described<'_>> {
        let paths = self.0["paths"].as_object().unwrap();
        paths.iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap();
            methods
                .iter()
                .map(|(method, it)| (path.as_str(), method.as_str(), it))
        })
    }

    /// What is wrong with a value of which a schema of this document is said.
    pub(crate) fn breaches(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut strict = schema.clone();
        close(&mut strict);
        let mut components = self.0["components"].clone();
        let named = components["schemas"].as_object_mut().unwrap();
        named.values_mut().for_each(close_below);
        strict["components"] = components;
        let validator = jsonschema::draft202012::new(&strict).unwrap();
        let told = |it: jsonschema::ValidationError<'_>| format!("{}: {it}", it.instance_path());
        validator.iter_errors(value).map(told).collect()
    }
}

/// A shape of a whole value: no fields but those that are named, there or in what it is put together from.
fn close(schema: &mut Value) {
    if let Value::Object(members) = schema {
        let is_open = members.contains_key("additionalProperties");
        // One that only describes allows anything.
        let shapes = ["type", "$ref", "allOf", "anyOf", "oneOf", "enum", "const"];
        if !is_open && shapes.iter().any(|it| members.contains_key(*it)) {
            members.insert("unevaluatedProperties".to_owned(), json!(false));
        }
    }
    close_below(schema);
}

/// A shape that may be a part of another one of the same value: only the values in it are whole.
fn close_below(schema: &mut Value) {
    let Value::Object(members) = schema else {
        return;
    };
    for (name, member) in members {
        match (name.as_str(), member) {
            ("allOf" | "anyOf" | "oneOf", Value::Array(parts)) => {
                parts.iter_mut().for_each(close_below);
            }
            ("properties" | "patternProperties", Value::Object(properties)) => {
                properties.values_mut().for_each(close);
            }
            ("prefixItems", Value::Array(items)) => items.iter_mut().for_each(close),
            ("items" | "additionalProperties", member @ Value::Object(_)) => close(member),
            _ => {}
        }
    }
}

/// Each place in a value, with its JSON pointer (RFC 6901).
pub(crate) fn places(value: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    let mut waiting = vec![(String::new(), value)];
    while let Some((pointer, value)) = waiting.pop() {
        let mut below: Vec<(String, &Value)> = match value {
            Value::Object(members) => named(members).collect(),
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items.map(|(index, it)| (index.to_string(), it)).collect()
            }
            _ => Vec::new(),
        };
        for (name, _) in &mut below {
            *name = format!("{pointer}/{name}");
        }
        waiting.append(&mut below);
        found.push((pointer, value));
    }
    found
}

fn named(members: &Map<String, Value>) -> impl Iterator<Item = (String, &Value)> {
    let escaped = |name: &String| name.replace('~', "~0").replace('/', "~1");
    members.iter().map(move |(name, it)| (escaped(name), it))
}

#[test]
fn what_is_not_named_is_a_breach_wherever_it_is() {
    let document = Document(json!({ "components": { "schemas": {
        "Reference": { "type": "object", "properties": { "id": { "type": "string" } }, "required": ["id"] },
    } } }));
    let reference = json!({ "$ref": "#/components/schemas/Reference" });
    let schema = json!({
        "allOf": [reference],
        "properties": { "more": { "anyOf": [reference, { "type": "null" }] }, "all": { "items": reference } },
    });
    let good = json!({ "id": "a", "more": { "id": "b" }, "all": [{ "id": "c" }] });
    assert_eq!(document.breaches(&schema, &good), [""; 0]);
    let none = json!({ "id": "a", "more": null });
    assert_eq!(document.breaches(&schema, &none), [""; 0]);
    for bad in [
        json!({ "id": "a", "other": 1 }),
        json!({ "id": "a", "more": { "id": "b", "other": 1 } }),
        json!({ "id": "a", "all": [{ "id": "c", "other": 1 }] }),
        json!({ "id": 1 }),
        json!({ "more": null }),
    ] {
        assert_ne!(document.breaches(&schema, &bad), [""; 0], "{bad}");
    }
}
