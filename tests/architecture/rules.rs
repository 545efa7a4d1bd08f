//! The rules of the house, as sentences about what breaks them.

use std::collections::{BTreeMap, BTreeSet};

use crate::imports::{Crate, Import};

/// The floors of a crate, the ground first: a file imports from floors below its own, and on its floor from its own
/// room alone. A room is a file or a folder beside `lib.rs`, with all that is in it; the names of a floor's rooms stand in
/// one line.
pub(crate) type Floors<'a> = &'a [&'a str];

/// The name of the room in which a file stands: `connector` for `actors/src/connector/pin.rs`.
fn room<'a>(folder: &str, file: &'a str) -> &'a str {
    let inside = file
        .strip_prefix(folder)
        .unwrap_or(file)
        .trim_start_matches('/');
    let first = inside.split('/').next().unwrap_or(inside);
    first.strip_suffix(".rs").unwrap_or(first)
}

fn files(source: &Crate) -> BTreeSet<&str> {
    source
        .modules
        .values()
        .map(|module| module.file.as_str())
        .collect()
}

/// Imports that run up, or into another room of the same floor; and rooms of which the table says nothing.
pub(crate) fn floor_breaches(folder: &str, floors: Floors<'_>, source: &Crate) -> Vec<String> {
    let floor = |file: &str| {
        floors
            .iter()
            .position(|rooms| rooms.split(' ').any(|name| name == room(folder, file)))
    };
    let unknown = files(source)
        .into_iter()
        .filter(|file| floor(file).is_none());
    let mut breaches: Vec<_> = unknown
        .map(|file| format!("{file} stands on no floor: give it one in the table of this test"))
        .collect();
    for Import { from, to, what } in source.imports() {
        let (here, there) = (floor(&from), floor(&to));
        if here < there {
            breaches.push(format!(
                "{from} imports `{what}` from {to}, which is on a floor above it"
            ));
        } else if here == there && room(folder, &from) != room(folder, &to) {
            breaches.push(format!(
                "{from} imports `{what}` from {to}, which is another room of its floor"
            ));
        }
    }
    breaches
}

/// Files below `place` that name a crate whose name begins with `foreign`.
pub(crate) fn foreign_breaches(place: &str, foreign: &str, source: &Crate) -> Vec<String> {
    let named = source
        .foreign()
        .into_iter()
        .filter(|(file, name)| file.starts_with(place) && name.starts_with(foreign));
    named
        .map(|(file, name)| format!("{file} names `{name}`: {place} does without {foreign}"))
        .collect()
}

/// Circles of files, each told by its imports.
pub(crate) fn circle_breaches(source: &Crate) -> Vec<String> {
    let imports = source.imports();
    circles(&imports)
        .into_iter()
        .map(|circle| format!("a circle of files:\n{}", tell(&circle, &imports)))
        .collect()
}

/// The sets of files that all reach each other.
fn circles(imports: &BTreeSet<Import>) -> BTreeSet<BTreeSet<&str>> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in imports {
        next.entry(&import.from).or_default().insert(&import.to);
    }
    let reached: BTreeMap<_, _> = next
        .keys()
        .map(|file| (*file, reach(file, &next)))
        .collect();
    let reaches = |from: &str, to: &str| reached.get(from).is_some_and(|files| files.contains(to));
    let in_circles = next.keys().filter(|file| reaches(file, file));
    in_circles
        .map(|file| {
            reached[file]
                .iter()
                .copied()
                .filter(|other| reaches(other, file))
                .collect()
        })
        .collect()
}

/// Every file to which the imports of `file` lead.
fn reach<'a>(file: &str, next: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<_> = next.get(file).into_iter().flatten().copied().collect();
    while let Some(file) = waiting.pop() {
        if reached.insert(file) {
            waiting.extend(next.get(file).into_iter().flatten());
        }
    }
    reached
}

/// One line for every two files of a circle.
fn tell(circle: &BTreeSet<&str>, imports: &BTreeSet<Import>) -> String {
    let mut used: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for Import { from, to, what } in imports {
        if circle.contains(from.as_str()) && circle.contains(to.as_str()) {
            used.entry((from, to)).or_default().push(what);
        }
    }
    let line = |((from, to), what): (&(&str, &str), &Vec<&str>)| {
        format!("    {from} uses {to}: {}", what.join(", "))
    };
    used.iter().map(line).collect::<Vec<_>>().join("\n")
}
