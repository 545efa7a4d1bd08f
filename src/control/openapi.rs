//! The document that describes the API, in OpenAPI 3.1: made from the operations that are served, so that it cannot tell
//! of others, and from the types that they send and take.

mod operation;
mod schemas;

use serde_json::{Map, Value, json};

pub(super) use operation::Operation;
pub(super) use schemas::Schemas;

/// What is to be known of all operations.
const ABOUT: &str = "\
What people and programs see and change while the sidecar runs.

Each operation that is asked for with GET, but for the event streams, answers HEAD as well. Whatever is refused is \
answered with a problem document (RFC 9457): `type` is `urn:mailserver-sidecar:problem:` and a word for programs, \
`detail` is for people. What is not there is answered 404 (`not_found`), another method 405 (`method_not_allowed`).

Moments are in milliseconds since 1970, the name of a figure in milliseconds ends in `_ms`. Further fields, events and \
operations may come in this version; none goes, and none changes its type.";

/// The version of the API, not that of the program: it is that of the paths.
const VERSION: &str = "1";

/// The OpenAPI Object (OpenAPI 3.1, 4.8.1).
pub(super) fn document(operations: &[Operation]) -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for operation in operations {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = operation.describe(&mut schemas);
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "mailserver-sidecar",
            "version": VERSION,
            "description": ABOUT,
            "license": { "name": "MIT or Apache-2.0", "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": "/", "description": "The sidecar that serves this document." }],
        "paths": paths,
        // Where no token is configured, none is wanted.
        "security": [{}, { "token": [] }],
        "components": {
            "schemas": schemas.named(),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "What control.token_file holds. The cookie of a session is as good.",
                },
            },
        },
    });
    schemas::tidy(&mut document);
    document
}
