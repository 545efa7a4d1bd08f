//! One operation of the API: how it is served, and what the document says of it.

use std::collections::BTreeMap;

use actix_web::{
    FromRequest, Handler, Responder, Route, guard,
    http::{Method, StatusCode},
    web,
};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::schemas::Schemas;
use crate::control::{
    error::{Kind, PROBLEM, Problem},
    gate::is_public,
};

/// The media type of most contents.
const JSON: &str = "application/json";

/// An operation. It is registered and described from the same entry, so that neither can be without the other.
pub(crate) struct Operation {
    pub(crate) path: &'static str,
    pub(crate) route: Route,
    pub(super) method: &'static str,
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    parameters: Vec<Value>,
    body: Option<Body>,
    answers: BTreeMap<u16, Answer>,
    problems: Vec<Kind>,
}

struct Body {
    description: &'static str,
    required: bool,
    schema: fn(&mut Schemas) -> Value,
    example: Value,
}

struct Answer {
    description: &'static str,
    headers: Map<String, Value>,
    content: Option<Content>,
}

struct Content {
    media: &'static str,
    schema: fn(&mut Schemas) -> Value,
    example: Option<Value>,
}

impl Operation {
    /// An operation that is asked for with `GET`, or with `HEAD` for its head alone.
    pub(crate) fn read<F, A>(path: &'static str, id: &'static str, handler: F) -> Self
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let either = guard::Any(guard::Get()).or(guard::Head());
        let route = web::route().guard(either).to(handler);
        Self::new(path, "get", id, route)
    }

    /// An operation that is asked for with this method alone.
    pub(crate) fn of<F, A>(method: Method, path: &'static str, id: &'static str, handler: F) -> Self
    where
        F: Handler<A>,
        A: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let name = match method {
            Method::PUT => "put",
            Method::POST => "post",
            Method::DELETE => "delete",
            _ => "get",
        };
        Self::new(path, name, id, web::method(method).to(handler))
    }

    fn new(path: &'static str, method: &'static str, id: &'static str, route: Route) -> Self {
        Self {
            path,
            route,
            method,
            id,
            summary: "",
            description: "",
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            // Before everything else it is looked who asks.
            problems: match is_public(path) {
                true => vec![Kind::ForeignHost, Kind::ForeignOrigin],
                false => vec![Kind::ForeignHost, Kind::ForeignOrigin, Kind::NoToken],
            },
        }
    }

    /// What it is for, in one line, and what else is to be known.
    pub(crate) fn says(mut self, summary: &'static str, description: &'static str) -> Self {
        (self.summary, self.description) = (summary, description);
        self
    }

    /// A parameter that may be left out, in the query or in the head.
    pub(crate) fn may_name(
        mut self,
        place: &'static str,
        name: &'static str,
        description: &'static str,
    ) -> Self {
        self.parameters.push(json!({
            "name": name, "in": place, "description": description, "schema": { "type": "string" },
        }));
        self
    }

    /// The `{id}` of the path.
    pub(crate) fn id(self, description: &'static str) -> Self {
        self.in_path("id", description)
    }

    /// A part of the path.
    pub(crate) fn in_path(mut self, name: &'static str, description: &'static str) -> Self {
        self.parameters.push(json!({
            "name": name, "in": "path", "required": true, "description": description, "schema": { "type": "string" },
        }));
        self
    }

    /// A body of JSON that has to be there.
    pub(crate) fn takes<T: JsonSchema>(self, description: &'static str, example: Value) -> Self {
        self.body::<T>(description, true, example)
    }

    /// A body of JSON that may be left out.
    pub(crate) fn may_take<T: JsonSchema>(self, description: &'static str, example: Value) -> Self {
        self.body::<T>(description, false, example)
    }

    fn body<T: JsonSchema>(
        mut self,
        description: &'static str,
        required: bool,
        example: Value,
    ) -> Self {
        self.body = Some(Body {
            description,
            required,
            schema: Schemas::read::<T>,
            example,
        });
        let reading = [Kind::NotJson, Kind::TooLarge, Kind::TooSlow, Kind::Invalid];
        self.problems.extend(reading);
        self
    }

    /// It changes what has an entity tag: it can be made to depend on that, and tells the new one.
    pub(crate) fn conditional(mut self) -> Self {
        self.problems.push(Kind::Outdated);
        self = self.may_name(
            "header",
            "If-Match",
            "Entity tags of the list of mailservers, of which one must be the present one; `*` and none: whatever it is.",
        );
        self.tagged()
    }

    /// Each of its answers so far carries the entity tag of the list of mailservers.
    pub(crate) fn tagged(mut self) -> Self {
        for answer in self.answers.values_mut() {
            let field = json!({
                "required": true,
                "description": "The strong entity tag of the list of mailservers, as it is after this. It changes with \
                    the list, with the pin and with what was added.",
                "schema": { "type": "string" },
            });
            answer.headers.insert("ETag".to_owned(), field);
        }
        self
    }

    /// It is answered in JSON.
    pub(crate) fn answers<T: JsonSchema>(
        self,
        status: StatusCode,
        description: &'static str,
    ) -> Self {
        self.content(status, description, JSON, Schemas::written::<T>)
    }

    /// It is answered without content.
    pub(crate) fn answers_nothing(mut self, status: StatusCode, description: &'static str) -> Self {
        self.answer(status, description, None);
        self
    }

    /// It is answered in text of this type.
    pub(crate) fn answers_text(
        self,
        status: StatusCode,
        description: &'static str,
        media: &'static str,
    ) -> Self {
        self.content(status, description, media, |_| json!({ "type": "string" }))
    }

    /// It is answered in content of this type and shape.
    pub(crate) fn content(
        mut self,
        status: StatusCode,
        description: &'static str,
        media: &'static str,
        schema: fn(&mut Schemas) -> Value,
    ) -> Self {
        let content = Content {
            media,
            schema,
            example: None,
        };
        self.answer(status, description, Some(content));
        self
    }

    fn answer(&mut self, status: StatusCode, description: &'static str, content: Option<Content>) {
        let answer = Answer {
            description,
            headers: Map::new(),
            content,
        };
        self.answers.insert(status.as_u16(), answer);
    }

    /// What its answers look like.
    pub(crate) fn example(mut self, example: Value) -> Self {
        let contents = self
            .answers
            .values_mut()
            .filter_map(|it| it.content.as_mut());
        for content in contents {
            content.example = Some(example.clone());
        }
        self
    }

    /// Why it may be refused, beside what goes for each operation or each body.
    pub(crate) fn refuses(mut self, problems: &[Kind]) -> Self {
        self.problems.extend(problems);
        self
    }

    /// The Operation Object (OpenAPI 3.1, 4.8.10).
    pub(super) fn describe(&self, schemas: &mut Schemas) -> Value {
        let mut described = json!({
            "operationId": self.id,
            "summary": self.summary,
            "description": self.description,
            "responses": self.responses(schemas),
        });
        if is_public(self.path) {
            described["security"] = json!([]);
        }
        if !self.parameters.is_empty() {
            described["parameters"] = json!(self.parameters);
        }
        if let Some(body) = &self.body {
            described["requestBody"] = json!({
                "description": body.description,
                "required": body.required,
                "content": { JSON: { "schema": (body.schema)(schemas), "example": body.example } },
            });
        }
        described
    }

    fn responses(&self, schemas: &mut Schemas) -> Value {
        let mut responses = Map::new();
        for (status, answer) in &self.answers {
            responses.insert(status.to_string(), answer.describe(schemas));
        }
        let mut refusals: BTreeMap<u16, Vec<Kind>> = BTreeMap::new();
        for kind in &self.problems {
            let kinds = refusals.entry(kind.status().as_u16()).or_default();
            kinds.push(*kind);
        }
        for (status, kinds) in refusals {
            responses.insert(status.to_string(), refusal(status, &kinds, schemas));
        }
        responses.into()
    }
}

impl Answer {
    fn describe(&self, schemas: &mut Schemas) -> Value {
        let mut described = json!({ "description": self.description });
        if !self.headers.is_empty() {
            described["headers"] = self.headers.clone().into();
        }
        if let Some(content) = &self.content {
            let mut shape = json!({ "schema": (content.schema)(schemas) });
            if let Some(example) = &content.example {
                shape["example"] = example.clone();
            }
            described["content"] = json!({ content.media: shape });
        }
        described
    }
}

/// The answer to all that is refused with one status.
fn refusal(status: u16, kinds: &[Kind], schemas: &mut Schemas) -> Value {
    let meanings: Vec<_> = kinds.iter().map(|it| it.meaning()).collect();
    let types: Vec<_> = kinds.iter().map(|it| it.uri()).collect();
    let mut schema = schemas.write::<Problem>();
    schema["properties"] = json!({ "type": { "enum": types }, "status": { "const": status } });
    json!({
        "description": meanings.join(" "),
        "content": { PROBLEM: { "schema": schema } },
    })
}
