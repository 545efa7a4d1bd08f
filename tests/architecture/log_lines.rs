//! What asks something of a person, a warning or an error in the log, stands in the manual.

use std::collections::BTreeSet;

use syn::{
    Item,
    buffer::{Cursor, TokenBuffer},
    visit::{self, Visit},
};

use crate::source::{Files, attributes, is_test};

/// Lines of this message are told by the name of an event, one for each variant.
const BY_EVENT: &str = "{event}";

/// The texts of all warnings and errors; those of events by the variant. Each value that is filled in is an ellipsis.
pub(crate) fn texts(files: &Files) -> BTreeSet<String> {
    let mut lines = Lines::default();
    for (name, text) in files {
        let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        lines.visit_file(&syntax);
    }
    lines.texts
}

#[derive(Default)]
struct Lines {
    texts: BTreeSet<String>,
    /// The variants of the arm that is looked at.
    variants: BTreeSet<String>,
}

impl Lines {
    fn add(&mut self, arguments: Cursor<'_>) {
        let text = message(arguments).expect("each line of the log says something");
        if text == BY_EVENT {
            self.texts.extend(self.variants.clone());
        } else {
            self.texts.insert(without_values(&text));
        }
    }

    /// Looks for lines in the body of another macro, which is nothing but tokens.
    fn search(&mut self, tokens: Cursor<'_>) {
        let mut rest = tokens;
        let mut last = Vec::<String>::new();
        while !rest.eof() {
            if let Some((inside, _, _, after)) = rest.any_group() {
                match last.as_slice() {
                    [.., name, mark] if is_loud(name) && mark == "!" => self.add(inside),
                    _ => self.search(inside),
                }
                rest = after;
            } else if let Some((tree, after)) = rest.token_tree() {
                last.push(tree.to_string());
                rest = after;
            }
        }
    }
}

impl<'ast> Visit<'ast> for Lines {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        let mut pattern = Variants::default();
        pattern.visit_pat(&arm.pat);
        let outer = std::mem::replace(&mut self.variants, pattern.0);
        visit::visit_arm(self, arm);
        self.variants = outer;
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        let tokens = TokenBuffer::new2(invocation.tokens.clone());
        let name = invocation.path.segments.last();
        match name.is_some_and(|it| is_loud(&it.ident.to_string())) {
            true => self.add(tokens.begin()),
            false => self.search(tokens.begin()),
        }
    }
}

/// The names that a pattern ends in: `HistoryFailed` of `Event::HistoryFailed { .. }`.
#[derive(Default)]
struct Variants(BTreeSet<String>);

impl<'ast> Visit<'ast> for Variants {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0
            .extend(path.segments.last().map(|it| it.ident.to_string()));
    }
}

fn is_loud(name: &str) -> bool {
    ["warn", "error"].contains(&name)
}

/// The first text among the arguments of a macro that is not the value of a field.
fn message(arguments: Cursor<'_>) -> Option<String> {
    let mut rest = arguments;
    let mut is_value = false;
    while !rest.eof() {
        if let Some((literal, _)) = rest.literal()
            && !is_value
            && let syn::Lit::Str(text) = syn::Lit::new(literal)
        {
            return Some(text.value());
        }
        is_value = rest.punct().is_some_and(|(it, _)| it.as_char() == '=');
        rest = rest.token_tree()?.1;
    }
    None
}

/// `audit of {} ended` as `audit of … ended`.
fn without_values(text: &str) -> String {
    let mut parts = text.split('{');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        let after = part.split_once('}').map_or("", |(_, after)| after);
        format!("{all}…{after}")
    })
}
