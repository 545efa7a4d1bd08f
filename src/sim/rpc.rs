//! JSON-RPC as status-go answers it: the envelope, the error codes, the texts of Go's decoder.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// An error of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: i32,
    pub(crate) message: String,
}

/// What a call comes to.
pub(crate) type Answer = Result<Value, Refusal>;

impl Refusal {
    /// The node has no such method.
    pub(crate) fn unknown_method(method: &str) -> Self {
        Self {
            code: -32601,
            message: format!("the method {method} does not exist/is not available"),
        }
    }

    /// The parameters are not those of the method.
    pub(crate) fn bad_parameters(message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code: -32602,
            message,
        }
    }

    /// The node tried and failed.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code: -32000,
            message,
        }
    }
}

/// One call, as it came.
#[derive(Deserialize)]
pub(crate) struct Request<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(default)]
    pub(crate) method: String,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

impl Request<'_> {
    /// The parameters, none if there are none. Go's decoder wants an array.
    pub(crate) fn params(&self) -> Result<Vec<Value>, Refusal> {
        let params = self.params.map(|raw| serde_json::from_str(raw.get()));
        match params {
            None | Some(Ok(Value::Null)) => Ok(Vec::new()),
            Some(Ok(Value::Array(params))) => Ok(params),
            Some(Ok(other)) => Err(Refusal {
                code: -32700,
                message: format!(
                    "json: cannot unmarshal {} into Go value of type []interface {{}}",
                    kind(&other)
                ),
            }),
            Some(Err(error)) => Err(malformed(&error)),
        }
    }

    /// The whole answer. A call without id is answered with id 0 (recorded on v0.94 and 2024-10), and
    /// so is one whose parameters could not be read.
    pub(crate) fn respond(&self, answer: &Answer) -> String {
        let unread = matches!(answer, Err(refusal) if refusal.code == -32700);
        respond(
            self.id.filter(|_| !unread).map_or("0", RawValue::get),
            answer,
        )
    }
}

/// The envelope around an answer.
pub(crate) fn respond(id: &str, answer: &Answer) -> String {
    let mut text = format!(r#"{{"jsonrpc":"2.0","id":{id},"#);
    let written = match answer {
        Ok(result) => write!(text, r#""result":{result}}}"#),
        Err(Refusal { code, message }) => {
            let message = Value::from(message.as_str());
            write!(text, r#""error":{{"code":{code},"message":{message}}}}}"#)
        }
    };
    written.expect("writing to a string cannot fail");
    text
}

/// What is not JSON. Go says which character disturbs it; only the case of a cut text is imitated.
pub(crate) fn malformed(error: &serde_json::Error) -> Refusal {
    let message = if error.is_eof() {
        "unexpected end of JSON input"
    } else {
        "invalid character looking for beginning of value"
    };
    Refusal {
        code: -32700,
        message: message.into(),
    }
}

/// A type of Go, as the parameters of a method are declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Go {
    Text,
    Texts,
    Bool,
    TextMap,
    /// An object that is decoded into the named struct.
    Struct(&'static str),
    /// A list, the type of its items.
    Structs(&'static str, &'static str),
    Any,
}

/// Checks parameters as geth's server does: too many, then each in turn, then too few.
pub(crate) fn check(params: &[Value], types: &[Go]) -> Result<(), Refusal> {
    if params.len() > types.len() {
        let most = types.len();
        return Err(Refusal::bad_parameters(format!(
            "too many arguments, want at most {most}"
        )));
    }
    for (index, (param, go)) in params.iter().zip(types).enumerate() {
        if let Some((found, wanted)) = go.mismatch(param) {
            return Err(invalid(index, &found, &format!("value of type {wanted}")));
        }
    }
    if params.len() < types.len() {
        let index = params.len();
        return Err(Refusal::bad_parameters(format!(
            "missing value for required argument {index}"
        )));
    }
    Ok(())
}

/// The refusal of one argument.
pub(crate) fn invalid(index: usize, found: &str, wanted: &str) -> Refusal {
    Refusal::bad_parameters(format!(
        "invalid argument {index}: json: cannot unmarshal {found} into Go {wanted}"
    ))
}

impl Go {
    /// What was found and what is wanted, where they differ. Null is the zero value of every type.
    fn mismatch(self, value: &Value) -> Option<(String, &'static str)> {
        let (fits, wanted) = match self {
            Self::Text => (value.is_string(), "string"),
            Self::Texts => (value.is_array(), "[]string"),
            Self::Bool => (value.is_boolean(), "bool"),
            Self::TextMap => (value.is_object(), "map[string]string"),
            Self::Struct(name) => (value.is_object(), name),
            Self::Structs(list, _) => (value.is_array(), list),
            Self::Any => (true, "interface {}"),
        };
        if !fits && !value.is_null() {
            return Some((kind(value).into(), wanted));
        }
        let (inner, wanted): (Vec<&Value>, _) = match (self, value) {
            (Self::Texts, Value::Array(values)) => (values.iter().collect(), "string"),
            (Self::TextMap, Value::Object(values)) => (values.values().collect(), "string"),
            (Self::Structs(_, item), Value::Array(values)) => (values.iter().collect(), item),
            _ => return None,
        };
        let fits = |value: &Value| match self {
            Self::Structs(..) => value.is_object(),
            _ => value.is_string(),
        };
        let odd = inner
            .into_iter()
            .find(|value| !fits(value) && !value.is_null());
        odd.map(|value| (kind(value).into(), wanted))
    }
}

/// What Go calls a JSON value.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A text parameter that was checked.
pub(crate) fn text(params: &[Value], index: usize) -> &str {
    params
        .get(index)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A list of texts that was checked.
pub(crate) fn texts(value: Option<&Value>) -> Vec<String> {
    let values = value.and_then(Value::as_array).into_iter().flatten();
    values
        .map(|value| value.as_str().unwrap_or_default().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(params: Value, types: &[Go]) -> String {
        let params = params.as_array().unwrap();
        check(params, types).unwrap_err().message
    }

    #[test]
    fn wrong_parameters_are_refused_in_the_recorded_words() {
        let map = [Go::TextMap];
        assert_eq!(
            refusal(json!([{}, 1]), &map),
            "too many arguments, want at most 1"
        );
        assert_eq!(
            refusal(json!([]), &[Go::Text]),
            "missing value for required argument 0"
        );
        assert_eq!(
            refusal(json!([5]), &[Go::Text]),
            "invalid argument 0: json: cannot unmarshal number into Go value of type string"
        );
        assert_eq!(
            refusal(json!(["enode"]), &[Go::Texts]),
            "invalid argument 0: json: cannot unmarshal string into Go value of type []string"
        );
        assert_eq!(
            refusal(json!(["rig-store-1"]), &map),
            "invalid argument 0: json: cannot unmarshal string into Go value of type map[string]string"
        );
        assert_eq!(check(&[Value::Null], &map), Ok(()));
    }

    #[test]
    fn answers_carry_the_id_of_the_call_or_none() {
        let request: Request = serde_json::from_str(r#"{"id":"abc","method":"x"}"#).unwrap();
        let answer = request.respond(&Ok(Value::Null));
        assert_eq!(answer, r#"{"jsonrpc":"2.0","id":"abc","result":null}"#);
        let request: Request = serde_json::from_str(r#"{"method":"x","params":{}}"#).unwrap();
        let answer = request.respond(&request.params().map(Value::from));
        assert_eq!(
            answer,
            r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32700,"message":"json: cannot unmarshal object into Go value of type []interface {}"}}"#
        );
    }
}
