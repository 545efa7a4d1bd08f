//! What a failure to talk to somebody says of them.

use std::io;

use actors::model::probe::{ProbeFailure, Stage};
use multistream_select::NegotiationError;

/// Why the conversation with somebody who had answered before came to nothing.
pub(super) fn conversation_failure(error: io::Error, stage: Stage) -> ProbeFailure {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, InvalidData, UnexpectedEof, WriteZero,
    };
    let inner = error.get_ref();
    if inner.is_some_and(|inner| inner.is::<NegotiationError>()) {
        return ProbeFailure::NoProtocol(stage);
    }
    match error.kind() {
        InvalidData => ProbeFailure::NoProtocol(stage),
        BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof | WriteZero => {
            ProbeFailure::Other(format!("connection closed ({stage})"))
        }
        _ => ProbeFailure::Other(error.to_string()),
    }
}
