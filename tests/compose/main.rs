//! Stack files against what docker's own loader and converter made of them, field by field.
//!
//! `COMPOSE_CASES=DIR` adds a folder in the layout of tests/compose: stack files, specs/ and merge/.

mod view;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rollsim::diag::{Diagnostic, SourceFile};
use rollsim::model::command::Command;
use rollsim::model::defaults;
use rollsim::model::service::ServiceSpec;
use rollsim::scenario::files::{FileError, Files, Outside};
use rollsim::scenario::{self, Loaded, NOT_KEPT, StackRun};
use serde_json::Value;

use view::{Spec, View};

/// A machine on which every file that is named lies, and is empty.
struct AllThere;

impl Files for AllThere {
    fn read(&self, _: &str) -> Result<String, FileError> {
        Ok(String::new())
    }

    fn exists(&self, _: &str) -> bool {
        true
    }
}

fn own_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compose")
}

fn folders() -> Vec<PathBuf> {
    std::iter::once(own_folder()).chain(std::env::var_os("COMPOSE_CASES").map(PathBuf::from)).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cases below a folder, each with the folder that its stack files lie in.
fn cases(folder: &Path) -> Vec<(PathBuf, Value)> {
    let mut cases = Vec::new();
    for (specs, files) in [("specs", "."), ("merge", "merge")] {
        let Ok(entries) = fs::read_dir(folder.join(specs)) else { continue };
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be listed").path()).collect();
        paths.sort();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        cases.extend(paths.iter().map(|path| (folder.join(files), json(path))));
    }
    cases
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        value => value.as_array().into_iter().flatten().map(|text| text.as_str().expect("a text").to_owned()).collect(),
    }
}

fn variables(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_object().into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned())).collect()
}

/// Loads files as `docker stack deploy` would on a machine that has all that they name.
fn load(
    files: Vec<SourceFile>,
    variables: &BTreeMap<String, String>,
    then: &[String],
) -> Result<Loaded, Vec<Diagnostic>> {
    let run = StackRun { name: "corpus".to_owned(), files, then: then.to_vec() };
    scenario::load_stack(&run, &[], &Outside { files: &AllThere, variables, strict: false })
}

fn case_files(folder: &Path, case: &Value) -> Vec<SourceFile> {
    let source = |name: String| SourceFile { text: read(&folder.join(&name)), name };
    texts(&case["file"]).into_iter().map(source).collect()
}

/// The services of a run at time 0 by their names, without the stack's.
fn services(loaded: &Loaded) -> BTreeMap<String, (&ServiceSpec, &str)> {
    let created = loaded.plan.commands.iter().filter_map(|timed| match &timed.command {
        Command::ServiceCreate { service, spec } => Some((&loaded.plan.services[*service], spec)),
        _ => None,
    });
    created
        .map(|(name, spec)| {
            let name = name.split_once('_').expect("a name in the stack").1.to_owned();
            (name, (&**spec, loaded.plan.images[spec.task.container.image].name.as_str()))
        })
        .collect()
}

/// The differences between two views.
fn differences(what: &str, ours: &View, docker: &View) -> Vec<String> {
    let mut found = Vec::new();
    for name in ours.keys().chain(docker.keys()) {
        let (mine, other) = (ours.get(name), docker.get(name));
        if mine != other {
            found.push(format!("{what}: {name}: {mine:?} here, {other:?} in docker"));
        }
    }
    found.dedup();
    found
}

/// The paths of all that is left of a specification.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            entries.iter().for_each(|(key, value)| leaves(value, &format!("{path}.{key}"), found))
        }
        _ => found.push(path.trim_start_matches('.').to_owned()),
    }
}

/// Compares the services of a run with docker's, and docker's with the list of what is not kept.
fn compare(what: &str, loaded: &Loaded, docker: &Value, defaulted: bool) -> Vec<String> {
    let mut found = Vec::new();
    let ours = services(loaded);
    let docker = docker.as_object().expect("services by name");
    if !ours.keys().eq(docker.keys()) {
        found.push(format!("{what}: services {:?} here, {:?} in docker", ours.keys(), docker.keys()));
    }
    for (name, json) in docker {
        let Some((spec, image)) = ours.get(name) else { continue };
        let spec = if defaulted { &defaults::interpolate(spec) } else { *spec };
        let (view, rest) = Spec::read(json);
        found.extend(differences(&format!("{what} {name}"), &view::ours(spec, image), &view));
        let mut left = Vec::new();
        leaves(&rest, "", &mut left);
        let unknown = left.into_iter().filter(|path| !NOT_KEPT.iter().any(|kept| path == kept));
        found.extend(unknown.map(|path| format!("{what} {name}: {path} is neither kept nor on the list")));
    }
    found
}

fn none(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

fn said(problems: &[Diagnostic]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// One line of words: docker breaks some of its messages.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn services_are_what_docker_makes_of_the_files() {
    let mut findings = Vec::new();
    let mut compared = 0;
    for folder in folders() {
        for (files, case) in cases(&folder) {
            let what = texts(&case["file"]).join(" + ");
            let loaded = load(case_files(&files, &case), &variables(&case["env"]), &[]);
            match (loaded, case["error"].as_str()) {
                (Ok(loaded), None) => {
                    compared += services(&loaded).len();
                    findings.extend(compare(&what, &loaded, &case["services"], false));
                    findings.extend(compare(&format!("{what}, defaults"), &loaded, &case["defaulted"], true));
                }
                (Ok(_), Some(error)) => findings.push(format!("{what}: docker refuses it: {error}")),
                (Err(problems), None) => {
                    let refused = case["engine_errors"].as_object().is_some_and(|errors| !errors.is_empty());
                    if !refused {
                        findings.push(format!("{what}: docker takes it: {}", said(&problems)));
                    }
                }
                (Err(problems), Some(error)) => {
                    let may_say = texts(&case["error_varies"]);
                    let is_said = |error: &str| flat(&said(&problems)).contains(&flat(error));
                    if !is_said(error) && !may_say.iter().any(|error| is_said(error)) {
                        findings.push(format!("{what}: docker says: {error}\nhere: {}", said(&problems)));
                    }
                }
            }
        }
    }
    none(&findings);
    assert!(compared > 60, "only {compared} services were compared");
}
