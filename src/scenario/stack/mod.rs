//! Stack files: what `docker stack deploy` makes of them, as services of a scenario.
//!
//! Each file goes through `template` (variables), `shape` and `validate` (docker's schema), [`canonical`] forms and `environ`
//! (env_file); `merge` lays them over each other; `convert` gives everything its name in the stack and refuses what docker's
//! client refuses. What is left is a service as a scenario writes it.
//!
//! What docker would refuse only because something is not on this machine is a note, and a stand-in takes its place; with
//! `--strict` it is refused.
//!
//! Source: cli: cli/compose/loader/loader.go `Load`, cli/command/stack/loader.go (cli-and-compose section b).
//!
//! [`canonical`]: super::canonical

mod convert;
pub(super) mod environ;
mod merge;
mod shape;
mod template;
mod validate;

use std::sync::Arc;

use crate::diag::{Code, Diagnostic, Place, SourceFile};

use super::canonical::canonical;
use super::files::{FileError, Outside};
use super::read::{Fields, Problems, Read};
use super::source::{self, Entry, Node, Spanned, Value, lay_over};
use super::unsupported::report_refused;

use convert::Conversion;
use template::{Interpolation, Unset, Variables, set_it};

/// A stack: its name and its files, which are laid over each other in their order.
pub(super) struct Stack {
    pub(super) name: Spanned<String>,
    pub(super) files: Vec<Spanned<String>>,
}

impl Read for Stack {
    fn read(node: &Node, problems: &mut Problems) -> Option<Stack> {
        let mut fields = Fields::of(node, problems)?;
        let (name, files) = (fields.require("name"), fields.require::<Vec<Spanned<String>>>("files"));
        fields.finish();
        let (name, files) = (name?, files?);
        if files.is_empty() {
            let message = "a stack has at least one file";
            problems.push(Diagnostic::new(Code::OutOfRange, &node.place, message));
            return None;
        }
        Some(Stack { name, files })
    }
}

impl Stack {
    /// Reads the files of the stack. `folder`: what their paths are relative to.
    pub(super) fn read_files(
        &self,
        folder: &str,
        outside: &Outside<'_>,
        problems: &mut Problems,
    ) -> Option<Vec<Arc<SourceFile>>> {
        let read = |path: &Spanned<String>| {
            let name = join(folder, &path.value);
            match outside.files.read(&name) {
                Ok(text) => Some(Arc::new(SourceFile { name, text })),
                Err(error) => {
                    let code = Code::NoFile;
                    problems.push(Diagnostic::new(code, &path.place, error.to_string()));
                    None
                }
            }
        };
        // All that are missing are told.
        let files: Vec<_> = self.files.iter().map(read).collect();
        files.into_iter().collect()
    }
}

/// The services of a stack under their full names, sorted, as a scenario writes them; `None` after an error.
pub(super) fn load(
    name: &Spanned<String>,
    files: &[Arc<SourceFile>],
    outside: &Outside<'_>,
    problems: &mut Problems,
) -> Option<Vec<Entry>> {
    let folder = files.first().map_or("", |file| folder_of(&file.name));
    let had_errors = problems.errors();
    let mut loader = Loader { outside, variables: outside.variables, folder, unset: Unset::default(), problems };
    let mut merged: Option<Node> = None;
    let mut versions: Vec<String> = Vec::new();
    for file in files {
        let Some(node) = loader.file(file, &mut versions) else { continue };
        match &mut merged {
            None => merged = Some(node),
            Some(base) => merge_files(base, node),
        }
    }
    loader.note_unset();
    if loader.problems.errors() > had_errors {
        return None;
    }
    let stack = Conversion::new(&name.value, &merged?).services(&mut loader);
    (loader.problems.errors() == had_errors).then_some(stack)
}

/// Reads stack files and reports what is wrong with them.
struct Loader<'a> {
    outside: &'a Outside<'a>,
    variables: &'a Variables,
    /// Folder of the first file, which all paths are relative to.
    folder: &'a str,
    unset: Unset,
    problems: &'a mut Problems,
}

impl Loader<'_> {
    /// A file in its canonical form; `None` if it is so wrong that nothing can be made of it. `versions`: those of the files
    /// before.
    fn file(&mut self, file: &Arc<SourceFile>, versions: &mut Vec<String>) -> Option<Node> {
        let errors = self.problems.errors();
        let root = match source::parse_first(file) {
            Ok(root) => root,
            Err(problems) => {
                problems.into_iter().for_each(|problem| self.problems.push(problem));
                return None;
            }
        };
        if !matches!(root.value, Value::Map(_)) {
            let message = "top-level object must be a mapping";
            self.problems.push(Diagnostic::new(Code::WrongType, &root.place, message));
            return None;
        }
        validate::keys(&root, self.problems);
        let version = validate::version(&root, self.problems)?;
        versions.push(format!("3.{version}"));
        if versions[0] != versions[versions.len() - 1] {
            let (first, this) = (&versions[0], &versions[versions.len() - 1]);
            let message = format!("version mismatched between two composefiles : {first} and {this}");
            let place = root.get("version").map_or(&root.place, |version| &version.place);
            self.problems.push(Diagnostic::new(Code::FormatVersion, place, message));
            return None;
        }
        for service in root.get("services").map_or(&[][..], Node::entries) {
            report_refused(&service.value, self.problems);
        }
        if self.problems.errors() > errors {
            return None;
        }
        let mut interpolation =
            Interpolation { variables: self.variables, problems: self.problems, unset: &mut self.unset };
        let root = interpolation.node(root, &mut Vec::new());
        validate::validate(&root, version, self.problems);
        if self.problems.errors() > errors {
            return None;
        }
        Some(self.canonical_file(root))
    }

    fn canonical_file(&mut self, root: Node) -> Node {
        let Value::Map(sections) = root.value else { return root };
        let is_own = |key: &str| key.starts_with("x-");
        let mut file: Vec<Entry> = sections.into_iter().filter(|entry| !is_own(&entry.key.value)).collect();
        for section in file.iter_mut().filter(|section| section.key.value == "services") {
            let Value::Map(services) = &mut section.value.value else { continue };
            for Entry { value: service, .. } in services {
                *service = canonical(service, self.problems);
                environ::resolve(service, self);
                if let Value::Map(keys) = &mut service.value {
                    keys.retain(|entry| !is_own(&entry.key.value));
                }
            }
        }
        Node { value: Value::Map(file), place: root.place }
    }

    /// Tells each variable once that is not set and has no default: docker does not.
    fn note_unset(&mut self) {
        for (name, place) in self.unset.variables() {
            let message = format!("variable `{name}` is not set, and nothing takes its place");
            self.problems.push(Diagnostic::new(Code::UnsetVariable, place, message).help(set_it(name)));
        }
    }

    /// The path of a file that a stack file names.
    fn below(&self, path: &str) -> String {
        join(self.folder, path)
    }

    /// The text of a file that a stack file names; if there is none, that is noted together with what `instead` happens.
    fn read_beside(&mut self, path: &str, place: &Place, instead: &str) -> Option<String> {
        match self.outside.files.read(path) {
            Ok(text) => Some(text),
            Err(error @ FileError::Missing(_)) => {
                self.absent(place, &error.to_string(), instead);
                None
            }
            Err(error) => {
                self.problems.push(Diagnostic::new(Code::NoFile, place, error.to_string()));
                None
            }
        }
    }

    /// Something is not on this machine: `refusal` is what docker says, `instead` what stands in for it.
    fn absent(&mut self, place: &Place, refusal: &str, instead: &str) {
        self.problems.push(match self.outside.strict {
            true => Diagnostic::new(Code::Absent, place, refusal),
            false => {
                let message = format!("docker would refuse this on a machine like this one: {refusal}");
                Diagnostic::new(Code::StandIn, place, message).help(format!("assumed: {instead}"))
            }
        });
    }
}

/// Lays a later file over an earlier one: services are merged, all else is replaced by name.
fn merge_files(base: &mut Node, over: Node) {
    let (Value::Map(sections), Value::Map(later)) = (&mut base.value, over.value) else { return };
    for section in later {
        let Some(known) = sections.iter_mut().find(|known| known.key.value == section.key.value) else {
            sections.push(section);
            continue;
        };
        let (Value::Map(entries), Value::Map(more)) = (&mut known.value.value, section.value.value) else { continue };
        match section.key.value == "services" {
            true => lay_over(entries, more, |known, entry| merge::merge_services(&mut known.value, entry.value)),
            false => lay_over(entries, more, |known, entry| *known = entry),
        }
    }
}

/// The folder of a path, empty if it has none.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| if folder.is_empty() { "/" } else { folder })
}

/// A path below a folder.
pub(super) fn join(folder: &str, path: &str) -> String {
    if folder.is_empty() || path.starts_with('/') || path == "-" {
        path.to_owned()
    } else {
        format!("{}/{path}", folder.trim_end_matches('/'))
    }
}
