//! The source of one crate: which modules it has, what each defines, imports and names.

use std::{collections::BTreeMap, path::Path};

use syn::{
    Attribute, Item, UseTree, Visibility,
    buffer::{Cursor, TokenBuffer},
    visit::{self, Visit},
};

/// The text of every file, by its path from the root of the repository.
pub(crate) type Files = BTreeMap<String, String>;

/// A path as written in the code, `["super", "link", "Link"]`; absolute ones start at the crate's root.
pub(crate) type Segments = Vec<String>;

/// What one module says, without its tests.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// The file it stands in; an inline module shares that of its parent.
    pub(crate) file: String,
    /// Its child modules, and whatever else it defines.
    pub(crate) children: Vec<String>,
    pub(crate) defined: Vec<String>,
    /// What `use` brings into its scope, by the name it has there; the path is as written.
    pub(crate) imported: BTreeMap<String, Segments>,
    /// The modules of which it imports everything, as written.
    pub(crate) globs: Vec<Segments>,
    /// Every path it names in an import of its own, or in code.
    pub(crate) named: Vec<Segments>,
    /// The paths it only passes on, with `pub use`.
    pub(crate) passed_on: Vec<Segments>,
    /// The methods it calls, and those it gives to a type, which may be defined elsewhere.
    pub(crate) called: Vec<String>,
    pub(crate) methods: Vec<(Segments, String)>,
}

/// Every module of a crate, by its path from the root of the crate.
pub(crate) type Modules = BTreeMap<Segments, Module>;

/// Reads the crate whose sources are in `folder`. The program beside a library counts as its module `main`.
pub(crate) fn read(files: &Files, folder: &str) -> Modules {
    let mut modules = Modules::new();
    for (name, path) in [("lib.rs", vec![]), ("main.rs", vec!["main".to_owned()])] {
        let file = format!("{folder}/{name}");
        if files.contains_key(&file) {
            read_file(files, &file, path.clone(), &mut modules);
            if let (Some(name), Some(root)) = (path.first(), modules.get_mut(&[][..])) {
                root.children.push(name.clone());
            }
        }
    }
    modules
}

fn read_file(files: &Files, file: &str, path: Segments, modules: &mut Modules) {
    let syntax = syn::parse_file(&files[file]).unwrap_or_else(|error| panic!("{file}: {error}"));
    read_module(files, file, path, &syntax.items, modules);
}

fn read_module(files: &Files, file: &str, path: Segments, items: &[Item], modules: &mut Modules) {
    let mut module = Module {
        file: file.to_owned(),
        ..Module::default()
    };
    for item in items {
        let Item::Mod(child) = item else {
            module.visit_item(item);
            continue;
        };
        if is_test(&child.attrs) {
            continue;
        }
        let name = child.ident.to_string();
        let child_path = [path.as_slice(), std::slice::from_ref(&name)].concat();
        match &child.content {
            Some((_, items)) => read_module(files, file, child_path, items, modules),
            None => read_file(files, &file_of(files, file, &name), child_path, modules),
        }
        module.children.push(name);
    }
    modules.insert(path, module);
}

/// The file of the module `name` that `parent` declares.
fn file_of(files: &Files, parent: &str, name: &str) -> String {
    let path = Path::new(parent);
    let folder = match path.file_stem().and_then(|stem| stem.to_str()) {
        Some("lib" | "main" | "mod") => path
            .parent()
            .expect("a source file is in a folder")
            .to_owned(),
        _ => path.with_extension(""),
    };
    [
        format!("{}/{name}.rs", folder.display()),
        format!("{}/{name}/mod.rs", folder.display()),
    ]
    .into_iter()
    .find(|file| files.contains_key(file))
    .unwrap_or_else(|| panic!("{parent} declares a module {name}, which has no file"))
}

/// `#[cfg(test)]`: code that never reaches the program.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    let is_test = |attribute: &Attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Path>()
                .is_ok_and(|condition| condition.is_ident("test"))
    };
    attributes.iter().any(is_test)
}

/// What stands above an item.
pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn defined_name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

impl Module {
    fn import(&mut self, tree: &UseTree, before: &[String], public: bool) {
        let path = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        let (bound, path) = match tree {
            UseTree::Path(tree) => return self.import(&tree.tree, &path(&tree.ident), public),
            UseTree::Group(group) => {
                return group
                    .items
                    .iter()
                    .for_each(|tree| self.import(tree, before, public));
            }
            UseTree::Glob(_) => {
                self.globs.push(before.to_vec());
                ("*".to_owned(), before.to_vec())
            }
            // `use a::{self}` binds the name of `a` itself.
            UseTree::Name(name) if name.ident == "self" => {
                (before.last().cloned().unwrap_or_default(), before.to_vec())
            }
            UseTree::Name(name) => (name.ident.to_string(), path(&name.ident)),
            UseTree::Rename(name) => (name.rename.to_string(), path(&name.ident)),
        };
        let list = if public {
            &mut self.passed_on
        } else {
            &mut self.named
        };
        list.push(path.clone());
        self.imported.insert(bound, path);
    }

    /// The paths in the body of a macro, or in an attribute: nothing but tokens.
    fn name_tokens(&mut self, tokens: Cursor<'_>) {
        let mut rest = tokens;
        let mut path = Segments::new();
        while !rest.eof() {
            if let Some((name, after)) = rest.ident() {
                path.push(name.to_string());
                rest = after;
                if let Some(after) = double_colon(rest) {
                    rest = after;
                    continue;
                }
            } else if let Some((inside, _, _, after)) = rest.any_group() {
                self.name_tokens(inside);
                rest = after;
            } else if let Some((_, after)) = rest.token_tree() {
                rest = after;
            }
            if !path.is_empty() {
                self.named.push(std::mem::take(&mut path));
            }
        }
    }
}

fn names(path: &syn::Path) -> Segments {
    path.segments
        .iter()
        .map(|segment| segment.ident.to_string())
        .collect()
}

fn double_colon(tokens: Cursor<'_>) -> Option<Cursor<'_>> {
    let (first, after) = tokens.punct()?;
    let (second, after) = after.punct()?;
    (first.as_char() == ':' && second.as_char() == ':').then_some(after)
}

impl<'ast> Visit<'ast> for Module {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_test(attributes(item)) {
            return;
        }
        self.defined.extend(defined_name(item));
        visit::visit_item(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let (None, syn::Type::Path(of)) = (&item.trait_, &*item.self_ty) {
            let of = names(&of.path);
            let methods = item.items.iter().filter_map(|item| match item {
                syn::ImplItem::Fn(function) => Some((of.clone(), function.sig.ident.to_string())),
                _ => None,
            });
            self.methods.extend(methods);
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.called.push(call.method.to_string());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    /// `pub(in crate::x)` says who may look, it imports nothing.
    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.named.push(
            path.segments
                .iter()
                .map(|segment| segment.ident.to_string())
                .collect(),
        );
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        self.name_tokens(TokenBuffer::new2(invocation.tokens.clone()).begin());
        visit::visit_macro(self, invocation);
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        self.name_tokens(TokenBuffer::new2(list.tokens.clone()).begin());
        visit::visit_meta_list(self, list);
    }
}
