//! The shapes of contents, in JSON Schema 2020-12, which is what OpenAPI 3.1 speaks.

use schemars::{
    JsonSchema,
    generate::{SchemaGenerator, SchemaSettings},
};
use serde_json::{Map, Value};

/// Collects the shapes that have a name, once each.
pub(crate) struct Schemas {
    /// Of what is sent: each field is there, unless it is said that it may be left out.
    written: SchemaGenerator,
    /// Of what is taken: what has a default may be left out.
    read: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|it| {
            it.definitions_path = "/components/schemas".into();
            it.meta_schema = None;
        });
        Self {
            written: settings.clone().for_serialize().into_generator(),
            read: settings.for_deserialize().into_generator(),
        }
    }

    /// The shape of what is sent.
    pub(crate) fn write<T: JsonSchema>(&mut self) -> Value {
        self.written.subschema_for::<T>().into()
    }

    /// The same, but without a name.
    pub(crate) fn inline<T: JsonSchema>(&mut self) -> Value {
        T::json_schema(&mut self.written).into()
    }

    /// That of what is sent, as a function of its own.
    pub(super) fn written<T: JsonSchema>(schemas: &mut Self) -> Value {
        schemas.write::<T>()
    }

    /// The shape of what is taken.
    pub(super) fn read<T: JsonSchema>(schemas: &mut Self) -> Value {
        schemas.read.subschema_for::<T>().into()
    }

    /// All that have a name.
    pub(super) fn named(mut self) -> Map<String, Value> {
        let mut named = self.written.take_definitions(true);
        named.extend(self.read.take_definitions(true));
        named
    }
}

/// Puts the descriptions in order, which are comments of the code: a paragraph is a line, what is `None` there is null
/// here, and a figure whose name ends in `_ms` is in milliseconds.
pub(super) fn tidy(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(tidy),
        Value::Object(all) => {
            if let Some(Value::String(text)) = all.get_mut("description") {
                *text = unfolded(text);
            }
            if let Some(Value::Object(properties)) = all.get_mut("properties") {
                properties
                    .iter_mut()
                    .for_each(|(name, it)| tell_unit(name, it));
            }
            all.values_mut().for_each(tidy);
        }
        _ => {}
    }
}

fn unfolded(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|it| it.replace('\n', " "));
    let text = paragraphs.collect::<Vec<_>>().join("\n\n");
    text.replace("`None`", "null")
}

/// A moment says for itself since when its milliseconds count.
fn tell_unit(name: &str, property: &mut Value) {
    let is_moment = |it: &Value| it.get("$ref").is_some() || it.get("anyOf").is_some();
    if !name.ends_with("_ms") || is_moment(property) {
        return;
    }
    if let Some(Value::String(text)) = property.get_mut("description") {
        text.push_str(" In milliseconds.");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn descriptions_are_unfolded_and_name_the_unit_of_durations() {
        let mut schema = json!({
            "description": "One\nparagraph.\n\nAnother\none.",
            "properties": {
                "since_ms": { "type": "integer", "description": "For\nhow long." },
                "from_ms": { "$ref": "#/components/schemas/Moment", "description": "Its begin." },
                "until_ms": { "anyOf": [{ "type": "null" }], "description": "Its end." },
                "description": { "type": "string", "description": "A\nfield; `None` if not." },
            },
        });
        tidy(&mut schema);
        assert_eq!(schema["description"], "One paragraph.\n\nAnother one.");
        for (name, text) in [
            ("since_ms", "For how long. In milliseconds."),
            ("from_ms", "Its begin."),
            ("until_ms", "Its end."),
            ("description", "A field; null if not."),
        ] {
            assert_eq!(schema["properties"][name]["description"], text);
        }
    }
}
