//! Methods by which the markers of topics are read and set.
//!
//! A node takes any row: one for a topic that it does not listen to is listed, and of no effect.

use serde_json::Value;

use super::{
    node::Node,
    rpc::{self, Answer, Go, Refusal},
};

const ROW: &str = "mailservers.MailserverTopic";

/// `mailservers_getMailserverTopics []`.
pub(crate) fn list(node: &Node, params: &[Value]) -> Answer {
    rpc::check(params, &[])?;
    Ok(node.state.borrow().markers.list(node.is_modern()))
}

/// `mailservers_addMailserverTopic [row]`.
pub(crate) fn add(node: &Node, params: &[Value]) -> Answer {
    rpc::check(params, &[Go::Struct(ROW)])?;
    replace(node, params)
}

/// `mailservers_addMailserverTopics [[row, …]]`: all of them or none.
pub(crate) fn add_all(node: &Node, params: &[Value]) -> Answer {
    rpc::check(params, &[Go::Structs("[]mailservers.MailserverTopic", ROW)])?;
    let rows = params[0].as_array().map_or(&[][..], Vec::as_slice);
    replace(node, rows)
}

fn replace(node: &Node, rows: &[Value]) -> Answer {
    for row in rows {
        let marker = &row["last-request"];
        if !(marker.is_null() || marker.is_u64() || marker.is_i64()) {
            let wanted = "struct field MailserverTopic.last-request of type int";
            return Err::<Value, Refusal>(rpc::invalid(0, rpc::kind(marker), wanted));
        }
    }
    let mut state = node.state.borrow_mut();
    for row in rows {
        state.markers.replace(row);
    }
    drop(state);
    node.journal.note();
    Ok(Value::Null)
}
