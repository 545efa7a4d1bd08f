//! Which file uses something of which other file: every path of the source, followed to where it is defined.

use std::collections::BTreeSet;

use crate::source::{Module, Modules, Segments};

/// A file uses something that another file defines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) from: String,
    pub(crate) to: String,
    /// What it uses: the last word of the path.
    pub(crate) what: String,
}

/// A crate and the name under which its program knows its library.
pub(crate) struct Crate {
    pub(crate) name: &'static str,
    pub(crate) modules: Modules,
}

/// How many re-exports a path may lead through.
const LONGEST_TRAIL: usize = 16;

impl Crate {
    /// Every use of one file by another. A file that passes on what its own children define uses nothing by that.
    pub(crate) fn imports(&self) -> BTreeSet<Import> {
        let mut imports = BTreeSet::new();
        for (path, module) in &self.modules {
            let passed_on = module
                .passed_on
                .iter()
                .filter(|written| !self.is_below(path, written));
            for written in module.named.iter().chain(passed_on) {
                let Some(to) = self
                    .absolute(path, written)
                    .and_then(|path| self.defining_file(&path, LONGEST_TRAIL))
                else {
                    continue;
                };
                if *to != module.file {
                    let what = written.last().cloned().unwrap_or_default();
                    imports.insert(Import {
                        from: module.file.clone(),
                        to: to.to_owned(),
                        what,
                    });
                }
            }
        }
        imports.extend(self.calls_of_added_methods());
        imports
    }

    /// A file calls a method that another file gives to the type which the first one defines: no path tells of it.
    fn calls_of_added_methods(&self) -> impl Iterator<Item = Import> {
        self.modules.iter().flat_map(move |(path, adding)| {
            adding.methods.iter().filter_map(move |(of, method)| {
                let home = self.defining_file(&self.absolute(path, of)?, LONGEST_TRAIL)?;
                let calls = |module: &Module| module.file == home && module.called.contains(method);
                let is_called = home != adding.file && self.modules.values().any(calls);
                is_called.then(|| Import {
                    from: home.to_owned(),
                    to: adding.file.clone(),
                    what: method.clone(),
                })
            })
        })
    }

    /// The files that name another crate, each with the name of that crate.
    pub(crate) fn foreign(&self) -> BTreeSet<(&str, &str)> {
        let mut foreign = BTreeSet::new();
        for (path, module) in &self.modules {
            let paths = module.named.iter().chain(&module.passed_on);
            let outside = paths.filter(|written| self.absolute(path, written).is_none());
            foreign.extend(outside.map(|written| (module.file.as_str(), written[0].as_str())));
        }
        foreign
    }

    fn is_below(&self, path: &[String], written: &[String]) -> bool {
        self.absolute(path, written)
            .is_some_and(|target| target.starts_with(path))
    }

    /// The path from the crate's root, or nothing if it leads out of the crate.
    fn absolute(&self, at: &[String], written: &[String]) -> Option<Segments> {
        self.anchored(at, written).or_else(|| {
            let glob = self.glob_with(at, written.first()?)?;
            Some([glob.as_slice(), written].concat())
        })
    }

    /// The same, for a path that needs no glob import.
    fn anchored(&self, at: &[String], written: &[String]) -> Option<Segments> {
        let (first, rest) = written.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            name if name == self.name => Some(rest.to_vec()),
            "self" if rest.first().is_some_and(|next| next == "super") => self.anchored(at, rest),
            "self" => Some([at, rest].concat()),
            "super" => {
                let parent = at.split_last()?.1;
                match rest.first() {
                    Some(next) if next == "super" => self.anchored(parent, rest),
                    _ => Some([parent, rest].concat()),
                }
            }
            name => {
                let module = &self.modules[at];
                let imported = module
                    .imported
                    .get(name)
                    .is_some_and(|path| path != written);
                (imported || module.defines(name)).then(|| [at, written].concat())
            }
        }
    }

    /// The module behind a glob import of the module `at` in which there is such a name.
    fn glob_with(&self, at: &[String], name: &str) -> Option<Segments> {
        let globs = self.modules[at]
            .globs
            .iter()
            .filter_map(|glob| self.anchored(at, glob));
        globs.filter(|path| path != at).find(|path| {
            self.modules
                .get(path)
                .is_some_and(|module| module.has(name))
        })
    }

    /// Walks down from the root, and through re-exports, to the file that defines the thing. A path that ends at a
    /// module of the crate uses nothing yet.
    fn defining_file(&self, path: &[String], trail: usize) -> Option<&str> {
        let mut at = Segments::new();
        for (depth, name) in path.iter().enumerate() {
            let module = &self.modules[&at];
            if module.children.contains(name) {
                at.push(name.clone());
                continue;
            }
            let onwards = match module.imported.get(name) {
                Some(written) if !module.defined.contains(name) => self.absolute(&at, written)?,
                _ => match self.glob_with(&at, name) {
                    Some(glob) if !module.defined.contains(name) => {
                        [glob.as_slice(), std::slice::from_ref(name)].concat()
                    }
                    // What is not found, such as the work of a macro, stands in this file too.
                    _ => return Some(&module.file),
                },
            };
            let trail = trail.checked_sub(1)?;
            return self.defining_file(&[onwards.as_slice(), &path[depth + 1..]].concat(), trail);
        }
        None
    }
}

impl Module {
    fn defines(&self, name: &str) -> bool {
        self.children
            .iter()
            .chain(&self.defined)
            .any(|own| own == name)
    }

    fn has(&self, name: &str) -> bool {
        self.defines(name) || self.imported.contains_key(name)
    }
}
