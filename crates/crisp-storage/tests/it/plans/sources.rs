//! The functions of the crate that take a session, as its sources have them.

use std::path::Path;

/// A function that takes a session.
pub(super) struct Function {
    modules: Vec<String>,
    name: String,
}

impl Function {
    pub(super) fn full_name(&self) -> String {
        format!("{}::{}", self.modules.join("::"), self.name)
    }

    /// What it may be called by: a private module's function is its parent's.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        (1..=self.modules.len()).map(|count| format!("{}::{}", self.modules[..count].join("::"), self.name))
    }
}

/// Every public function that takes a session.
pub(super) fn functions() -> Vec<Function> {
    let mut found = Vec::new();
    visit(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut Vec::new(), &mut found);
    assert!(found.len() > 80, "the sources were not understood: {} functions", found.len());
    found
}

fn visit(folder: &Path, modules: &mut Vec<String>, found: &mut Vec<Function>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        modules.push(path.file_stem().unwrap().to_string_lossy().into_owned());
        if path.is_dir() {
            visit(&path, modules, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            found.extend(in_source(&source).map(|name| Function { modules: modules.clone(), name }));
        }
        modules.pop();
    }
}

fn in_source(source: &str) -> impl Iterator<Item = String> {
    source.split("\npub async fn ").skip(1).filter_map(|function| {
        let (signature, _) = function.split_once(" {\n")?;
        let (name, _) = signature.split_once(['(', '<'])?;
        signature.contains("AccountSession").then(|| name.to_owned())
    })
}
