//! The layers, laid one over the other, each value with its origin.

use std::{
    collections::HashMap,
    ffi::OsString,
    io::Read,
    path::{Path, PathBuf},
};

use config::{Config, ConfigError, File, FileFormat, Source, Value, ValueKind};
use serde::de::DeserializeOwned;

use super::{error::SettingsError, provenance::Provenance};

/// The compiled-in layer and manual: every knob with its default.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// What the names of environment variables begin with: `MAILSERVER_SIDECAR__CYCLE__TICK`.
pub const ENVIRONMENT_PREFIX: &str = "MAILSERVER_SIDECAR__";

/// A configuration file larger than this is none.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

type Table = HashMap<String, Value>;

/// What is laid over the defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Each `--config FILE`, in turn.
    pub files: Vec<PathBuf>,
    /// The environment; only names that begin with [`ENVIRONMENT_PREFIX`] count.
    pub environment: Vec<(OsString, OsString)>,
    /// Each `--set KEY=VALUE`, in turn.
    pub assignments: Vec<String>,
}

/// All layers as one.
pub(super) struct Merged(Value);

impl Merged {
    pub(super) fn read(sources: &Sources) -> Result<Self, SettingsError> {
        let defaults = parse(DEFAULTS, "default")?;
        let mut builder = Config::builder().add_source(Layer(defaults.clone()));
        for file in &sources.files {
            let origin = format!("file {}", file.display());
            let table = parse(&read(file)?, &origin)?;
            refuse_unknown(&table, &defaults, "", &origin)?;
            builder = builder.add_source(Layer(table));
        }
        for (key, text, origin) in variables(&sources.environment)?
            .into_iter()
            .chain(assignments(&sources.assignments)?)
        {
            let value = from_text(&key, &text, &origin, &defaults)?;
            builder = builder.add_source(Layer(nest(&key, value)));
        }
        let merged = builder
            .build()
            .map_err(|error| malformed("configuration", &error))?;
        Ok(Self(merged.cache))
    }

    pub(super) fn deserialize<T: DeserializeOwned>(&self) -> Result<T, SettingsError> {
        serde_path_to_error::deserialize(as_json(&self.0)).map_err(|error| {
            let key = error.path().to_string();
            self.blame(&key, error.into_inner().to_string())
        })
    }

    /// The error for a value that cannot be used, with where it came from.
    pub(super) fn blame(&self, key: &str, reason: String) -> SettingsError {
        let found = self.leaves().into_iter().find(|leaf| leaf.key == key);
        // A missing or superfluous field of a list entry has no value of its own: its list has.
        let list = key.split('[').next().unwrap_or(key);
        let origin = match &found {
            Some(leaf) => leaf.origin.clone(),
            None => self.origin_of_list(list),
        };
        SettingsError::BadValue {
            origin,
            key: key.to_owned(),
            value: found.map_or_else(|| "…".to_owned(), |leaf| leaf.value.to_string()),
            reason,
        }
    }

    pub(super) fn provenance(&self) -> Vec<Provenance> {
        self.leaves()
    }

    fn origin_of_list(&self, key: &str) -> String {
        let value = key
            .split('.')
            .try_fold(&self.0, |value, name| match &value.kind {
                ValueKind::Table(table) => table.get(name),
                _ => None,
            });
        value.map_or_else(|| "configuration".to_owned(), origin_of)
    }

    fn leaves(&self) -> Vec<Provenance> {
        let mut leaves = Vec::new();
        collect(&self.0, "", &mut leaves);
        leaves.sort_by(|a, b| a.key.cmp(&b.key));
        leaves
    }
}

/// One layer, whose values know their origin already.
#[derive(Clone, Debug)]
struct Layer(Table);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Table, ConfigError> {
        Ok(self.0.clone())
    }
}

fn read(file: &Path) -> Result<String, SettingsError> {
    let unreadable = |reason: String| SettingsError::Unreadable {
        file: file.display().to_string(),
        reason,
    };
    let opened = std::fs::File::open(file).map_err(|error| unreadable(error.to_string()))?;
    let mut text = String::new();
    opened
        .take(MAX_FILE_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(error.to_string()))?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(unreadable(format!("is larger than {MAX_FILE_BYTES} bytes")));
    }
    Ok(text)
}

fn parse(toml: &str, origin: &str) -> Result<Table, SettingsError> {
    let table = File::from_str(toml, FileFormat::Toml)
        .collect()
        .map_err(|error| malformed(origin, &error))?;
    Ok(stamp_table(table, origin))
}

fn malformed(origin: &str, error: &ConfigError) -> SettingsError {
    let reason = match error {
        ConfigError::FileParse { cause, .. } => cause.to_string(),
        other => other.to_string(),
    };
    SettingsError::Malformed {
        origin: origin.to_owned(),
        reason: reason.trim_end().to_owned(),
    }
}

fn stamp_table(table: Table, origin: &str) -> Table {
    table
        .into_iter()
        .map(|(key, value)| (key, stamp(value, origin)))
        .collect()
}

fn stamp(value: Value, origin: &str) -> Value {
    let kind = match value.kind {
        ValueKind::Table(table) => ValueKind::Table(stamp_table(table, origin)),
        ValueKind::Array(items) => {
            ValueKind::Array(items.into_iter().map(|item| stamp(item, origin)).collect())
        }
        scalar => scalar,
    };
    Value::new(Some(&origin.to_owned()), kind)
}

/// The defaults name every knob: what they do not name does not exist.
fn refuse_unknown(
    table: &Table,
    defaults: &Table,
    path: &str,
    origin: &str,
) -> Result<(), SettingsError> {
    let mut keys: Vec<_> = table.keys().collect();
    keys.sort();
    for name in keys {
        let key = join(path, name);
        let Some(default) = defaults.get(name) else {
            return Err(unknown(&key, origin, defaults, path));
        };
        match (&table[name].kind, &default.kind) {
            (ValueKind::Table(inner), ValueKind::Table(known)) => {
                refuse_unknown(inner, known, &key, origin)?
            }
            (_, ValueKind::Table(_)) => {
                return Err(bad(origin, &key, &table[name], "is a section, not a value"));
            }
            (ValueKind::Table(_), _) => {
                return Err(bad(origin, &key, &table[name], "is a value, not a section"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn bad(origin: &str, key: &str, value: &Value, reason: &str) -> SettingsError {
    SettingsError::BadValue {
        origin: origin.to_owned(),
        key: key.to_owned(),
        value: as_json(value).to_string(),
        reason: reason.to_owned(),
    }
}

/// Looks for a similar key among its siblings, by the share of letters that both have in place.
fn unknown(key: &str, origin: &str, siblings: &Table, path: &str) -> SettingsError {
    let name = key.rsplit('.').next().unwrap_or(key);
    let alike = |other: &str| {
        let from_front = name
            .bytes()
            .zip(other.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        let from_back = name
            .bytes()
            .rev()
            .zip(other.bytes().rev())
            .take_while(|(a, b)| a == b)
            .count();
        (from_front + from_back) * 3 >= name.len().max(other.len()) * 2
    };
    let similar = siblings
        .keys()
        .filter(|other| alike(other))
        .min()
        .map(|other| join(path, other));
    SettingsError::UnknownKey {
        origin: origin.to_owned(),
        key: key.to_owned(),
        similar,
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// `(key, text, origin)` of each variable that is meant for us, in the order of the names.
fn variables(
    environment: &[(OsString, OsString)],
) -> Result<Vec<(String, String, String)>, SettingsError> {
    let mut found = Vec::new();
    for (name, value) in environment {
        let Some((name, key)) = name
            .to_str()
            .and_then(|name| Some((name, name.strip_prefix(ENVIRONMENT_PREFIX)?)))
        else {
            continue;
        };
        let origin = format!("environment variable {name}");
        let key = key.to_lowercase().replace("__", ".");
        let Some(text) = value.to_str() else {
            return Err(SettingsError::BadValue {
                origin,
                key,
                value: value.to_string_lossy().into_owned(),
                reason: "is not UTF-8".to_owned(),
            });
        };
        found.push((key, text.to_owned(), origin));
    }
    found.sort();
    Ok(found)
}

fn assignments(texts: &[String]) -> Result<Vec<(String, String, String)>, SettingsError> {
    texts
        .iter()
        .map(|text| match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => Ok((
                key.trim().to_owned(),
                value.trim().to_owned(),
                "--set".to_owned(),
            )),
            _ => Err(SettingsError::NotAnAssignment(text.clone())),
        })
        .collect()
}

/// A value given as bare text takes the type of its default, so that no quotes are needed.
fn from_text(
    key: &str,
    text: &str,
    origin: &str,
    defaults: &Table,
) -> Result<Value, SettingsError> {
    let mut siblings = defaults;
    let mut path = String::new();
    let mut names = key.split('.').peekable();
    while let Some(name) = names.next() {
        let Some(default) = siblings.get(name) else {
            return Err(unknown(&join(&path, name), origin, siblings, &path));
        };
        path = join(&path, name);
        match &default.kind {
            ValueKind::Table(inner) if names.peek().is_some() => siblings = inner,
            ValueKind::Table(_) => {
                return Err(bad(origin, key, &text.into(), "is a section, not a value"));
            }
            _ if names.peek().is_some() => {
                return Err(bad(origin, key, &text.into(), "is a value, not a section"));
            }
            kind => return typed(kind, text, origin),
        }
    }
    Err(unknown(key, origin, defaults, ""))
}

fn typed(like: &ValueKind, text: &str, origin: &str) -> Result<Value, SettingsError> {
    let kind = match like {
        ValueKind::Boolean(_) => text.parse().ok().map(ValueKind::Boolean),
        ValueKind::I64(_) => text.parse().ok().map(ValueKind::I64),
        ValueKind::Float(_) => text.parse().ok().map(ValueKind::Float),
        ValueKind::Array(_) => {
            let mut table = parse(&format!("value = {text}"), origin)?;
            table.remove("value").map(|value| value.kind)
        }
        _ => None,
    };
    Ok(Value::new(
        Some(&origin.to_owned()),
        kind.unwrap_or_else(|| ValueKind::String(text.to_owned())),
    ))
}

fn nest(key: &str, value: Value) -> Table {
    let mut names = key.rsplit('.');
    let last = names.next().unwrap_or(key).to_owned();
    names.fold(Table::from([(last, value)]), |inner, name| {
        Table::from([(name.to_owned(), Value::new(None, ValueKind::Table(inner)))])
    })
}

fn origin_of(value: &Value) -> String {
    value.origin().unwrap_or("default").to_owned()
}

fn collect(value: &Value, path: &str, leaves: &mut Vec<Provenance>) {
    match &value.kind {
        ValueKind::Table(table) => {
            for (name, inner) in table {
                collect(inner, &join(path, name), leaves);
            }
        }
        ValueKind::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &format!("{path}[{index}]"), leaves);
            }
        }
        _ => leaves.push(Provenance {
            key: path.to_owned(),
            value: as_json(value),
            origin: origin_of(value),
        }),
    }
}

fn as_json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match &value.kind {
        ValueKind::Nil => Json::Null,
        ValueKind::Boolean(boolean) => (*boolean).into(),
        ValueKind::I64(number) => (*number).into(),
        ValueKind::U64(number) => (*number).into(),
        ValueKind::I128(number) => number.to_string().into(),
        ValueKind::U128(number) => number.to_string().into(),
        ValueKind::Float(number) => (*number).into(),
        ValueKind::String(text) => text.as_str().into(),
        ValueKind::Table(table) => Json::Object(
            table
                .iter()
                .map(|(key, value)| (key.clone(), as_json(value)))
                .collect(),
        ),
        ValueKind::Array(items) => items.iter().map(as_json).collect(),
    }
}
