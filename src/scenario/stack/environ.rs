//! The environment of a service: what its env_files and its file say, and what the command line sets.
//!
//! Source: cli: cli/compose/loader/loader.go `resolveEnvironment`; pkg/kvfile/kvfile.go.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic};
use crate::scenario::source::{Entry, Node, Value};

use super::Loader;
use super::template::Variables;

/// Puts the variables of a service's env_files into its environment. One without a value, or with an empty one, is taken from
/// the variables of the command line.
pub(super) fn resolve(service: &mut Node, loader: &mut Loader<'_>) {
    let Value::Map(entries) = &mut service.value else { return };
    let mut variables = Environment::default();
    let files = entries.iter().find(|entry| entry.key.value == "env_file").map(|entry| entry.value.clone());
    for file in files.iter().flat_map(Node::items) {
        for entry in read_file(file, loader) {
            variables.set(entry, loader.variables);
        }
    }
    if let Some(environment) = entries.iter().find(|entry| entry.key.value == "environment") {
        for entry in environment.value.entries() {
            variables.set(entry.clone(), loader.variables);
        }
    }
    entries.retain(|entry| !["env_file", "environment"].contains(&entry.key.value.as_str()));
    if let Some(first) = variables.entries.first() {
        let place = first.key.place.clone();
        let environment = Node { value: Value::Map(variables.entries), place };
        entries.push(Entry::new("environment", environment));
    }
}

/// Variables of a service in the order in which they are first named.
#[derive(Default)]
struct Environment {
    entries: Vec<Entry>,
    by_name: BTreeMap<String, usize>,
}

impl Environment {
    /// Sets a variable; without a value, or with an empty one, to what it is `outside`.
    fn set(&mut self, mut entry: Entry, outside: &Variables) {
        let is_empty = entry.value.value == Value::Null || entry.value.as_text() == Some("");
        if let Some(value) = outside.get(&entry.key.value).filter(|_| is_empty) {
            entry.value.value = Value::String(value.clone());
        }
        match self.by_name.get(&entry.key.value) {
            Some(known) => self.entries[*known] = entry,
            None => {
                self.by_name.insert(entry.key.value.clone(), self.entries.len());
                self.entries.push(entry);
            }
        }
    }
}

/// The variables of an env_file, all of which stand where the file is named; none if there is no such file.
fn read_file(file: &Node, loader: &mut Loader<'_>) -> Vec<Entry> {
    let path = loader.below(&file.to_string());
    let Some(text) = loader.read_beside(&path, &file.place, "no variables are taken from it") else {
        return Vec::new();
    };
    match parse(&text, loader.variables) {
        Ok(variables) => {
            variables.into_iter().map(|(name, value)| Entry::new(name, Node::text(value, &file.place))).collect()
        }
        Err(why) => {
            loader.problems.push(Diagnostic::new(Code::Malformed, &file.place, format!("{path}: {why}")));
            Vec::new()
        }
    }
}

/// The variables of an env_file: lines of `NAME=VALUE`, or of a name whose value is set `outside`.
///
/// # Errors
/// What docker says of a line that names no variable.
pub fn parse(text: &str, outside: &BTreeMap<String, String>) -> Result<Vec<(String, String)>, String> {
    let mut variables = Vec::new();
    for line in text.strip_prefix('\u{feff}').unwrap_or(text).lines().map(str::trim_start) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').map_or((line, None), |(name, value)| (name, Some(value)));
        if name.is_empty() {
            return Err(format!("no variable name on line '{line}'"));
        }
        if name.contains([' ', '\t']) {
            return Err(format!("variable '{name}' contains whitespaces"));
        }
        let value = value.or_else(|| outside.get(name).map(String::as_str));
        variables.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }
    Ok(variables)
}
