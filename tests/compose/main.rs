//! Stack files against what docker's own loader and converter made of them, field by field.
//!
//! `COMPOSE_CASES=DIR` adds a folder in the layout of tests/compose: stack files, specs/ and merge/.

mod any_text;
mod hostile;
mod view;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rollsim::diag::{Code, Diagnostic, SourceFile};
use rollsim::experiment;
use rollsim::kernel::Time;
use rollsim::model::command::Command;
use rollsim::model::defaults;
use rollsim::model::service::ServiceSpec;
use rollsim::report::docker::inspect::{self, ServiceDetails};
use rollsim::report::docker::inspect_json;
use rollsim::scenario::files::{FileError, Files, Outside};
use rollsim::scenario::{self, Loaded, NOT_KEPT, StackRun};
use serde_json::Value;

use any_text::load;
use view::{Spec, View};

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
        let ours = view::ours(spec, image);
        found.extend(differences(&format!("{what} {name}"), &ours, &view));
        let (shown, _) = Spec::read(&inspect_json::spec(name, image, spec));
        found.extend(differences(&format!("{what} {name} as inspect shows it"), &ours, &shown));
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

#[test]
fn refusals_are_dockers_at_a_place_in_the_file() {
    let mut findings = Vec::new();
    for folder in folders() {
        let path = folder.join("refusals.json");
        let cases = if path.exists() { json(&path) } else { Value::Array(Vec::new()) };
        findings.extend(cases.as_array().expect("cases").iter().filter_map(refusal));
    }
    none(&findings);
}

/// What is wrong with how a case of refusals.json is taken.
fn refusal(case: &Value) -> Option<String> {
    let name = case["case"].as_str().expect("a name");
    let file = SourceFile { name: "stack.yml".to_owned(), text: case["yaml"].as_str().expect("a file").to_owned() };
    let refusals: Vec<&Value> = match &case["error"] {
        Value::Null => case["engine_errors"].as_object().into_iter().flat_map(|errors| errors.values()).collect(),
        error => vec![error],
    };
    let expected: Vec<String> = refusals.iter().map(|error| flat(error.as_str().expect("a text"))).collect();
    match load(vec![file], &BTreeMap::new(), &[]) {
        Ok(loaded) if expected.is_empty() => {
            let found = compare(name, &loaded, &case["services"], false);
            (!found.is_empty()).then(|| found.join("\n"))
        }
        Ok(loaded) => {
            // What only an unset variable brings about has a stand-in.
            let stand_in = loaded.warnings.iter().any(|warning| warning.code == Code::StandIn);
            (!stand_in).then(|| format!("{name}: docker refuses it: {expected:?}"))
        }
        Err(problems) if expected.is_empty() => {
            let unsimulated = problems.iter().any(|problem| problem.code == Code::NotSimulated);
            (!unsimulated).then(|| format!("{name}: docker takes it: {}", said(&problems)))
        }
        Err(problems) => {
            let here = flat(&said(&problems));
            let own_words = OWN_WORDS.iter().find(|(case, _)| *case == name).map(|(_, words)| *words);
            let is_said = |error: &String| here.contains(error) || own_words.is_some_and(|words| here.contains(words));
            (!expected.iter().all(is_said)).then(|| format!("{name}: docker says {expected:?}\nhere: {here}"))
        }
    }
}

/// Refusals of docker's parser of YAML, which ours words in its own way.
const OWN_WORDS: [(&str, &str); 4] = [
    ("duplicate key", "mapping key \"user\" already defined at line 5"),
    ("not YAML", "not valid JSON or YAML"),
    ("tab indent", "not valid JSON or YAML"),
    ("unknown anchor", "not valid JSON or YAML"),
];

#[test]
fn durations_that_docker_refuses_in_a_file_are_refused() {
    let mut findings = Vec::new();
    for case in json(&own_folder().join("durations.json")).as_array().expect("cases") {
        let text = format!(
            "{{\"services\": {{\"a\": {{\"image\": \"a\", \"deploy\": {{\"update_config\": {{\"delay\": {}}}}}}}}}}}",
            case["in"]
        );
        let file = SourceFile { name: "stack.yml".to_owned(), text };
        let loaded = load(vec![file], &BTreeMap::new(), &[]);
        match (case["file_error"].as_str(), loaded) {
            (Some(error), Err(problems)) if said(&problems).contains(error) => {}
            (None, Ok(_)) => {}
            // Docker stores what is below zero or longer than a year; the managers refuse the first, rollsim the second.
            (None, Err(problems)) if problems.iter().all(|problem| problem.code == Code::OutOfRange) => {}
            (_, loaded) => findings.push(format!("{case}: {:?}", loaded.map_err(|problems| said(&problems)).err())),
        }
    }
    none(&findings);
}

/// What a real engine stored, and what it shows with the defaults filled in, against ours.
#[test]
fn defaults_are_those_of_an_engine() {
    let recorded = json(&own_folder().join("l-defaults.json"));
    let mut findings = Vec::new();
    for case in recorded["cases"].as_array().expect("cases") {
        let command = case["command"].as_str().expect("a command");
        let name = case["raw"]["Spec"]["Name"].as_str().expect("a name");
        let loaded = if command.starts_with("docker stack") {
            let text = recorded["stack_yml"].as_str().expect("a file").to_owned();
            let run = StackRun {
                name: "st".to_owned(),
                files: vec![SourceFile { name: "stack.yml".to_owned(), text }],
                then: Vec::new(),
            };
            scenario::load_stack(&run, &[], &Outside::default())
        } else {
            let text = format!("{{\"rollsim\": 1, \"timeline\": [{{\"at\": \"0s\", \"run\": \"{command}\"}}]}}");
            scenario::load(&SourceFile { name: "t".to_owned(), text }, &[])
        };
        let loaded = loaded.unwrap_or_else(|problems| panic!("{}", said(&problems)));
        let created = loaded.plan.commands.iter().find_map(|timed| match &timed.command {
            Command::ServiceCreate { service, spec } if loaded.plan.services[*service] == name => Some(spec),
            _ => None,
        });
        let spec = created.expect("the service is created");
        for (form, spec) in [("raw", &**spec), ("with_defaults", &defaults::interpolate(spec))] {
            let mut docker = case[form]["Spec"].clone();
            // An engine stores ids of networks.
            if let Some(target) = docker.pointer_mut("/TaskTemplate/Networks/0/Target") {
                *target = Value::String("st_default".to_owned());
            }
            let (view, _) = Spec::read(&docker);
            let what = format!("{} {form}", case["case"]);
            findings.extend(differences(&what, &view::ours(spec, "app:v1"), &view));
        }
        let printed = case["pretty"].as_str().expect("what docker printed");
        let id = printed.split_whitespace().nth(1).expect("an id");
        let details = ServiceDetails {
            id: id.to_owned(),
            name: name.to_owned(),
            image: "app:v1".to_owned(),
            spec: Rc::new((**spec).clone()),
            previous: None,
            status: None,
            created: Time::ZERO,
            updated: Time::ZERO,
        };
        if inspect::pretty(&details, Time::ZERO) != printed {
            findings.push(format!(
                "{}: {}\nbut docker: {printed}",
                case["case"],
                inspect::pretty(&details, Time::ZERO)
            ));
        }
    }
    none(&findings);
}

/// The stack files of this folder, each with the variables that docker insisted on.
fn corpus() -> Vec<(SourceFile, BTreeMap<String, String>)> {
    let folder = own_folder();
    let specs = cases(&folder).into_iter().filter(|(_, case)| case["file"].is_string());
    specs.map(|(files, case)| (case_files(&files, &case).remove(0), variables(&case["env"]))).collect()
}

#[test]
fn every_file_runs_through_an_update_of_one_of_its_services() {
    for (file, variables) in corpus() {
        let first = load(vec![file.clone()], &variables, &[]).unwrap_or_else(|problems| panic!("{}", said(&problems)));
        let service = services(&first).into_keys().next().expect("a service");
        let then = [format!("30s docker service update --image other:2 {service}")];
        let loaded =
            load(vec![file.clone()], &variables, &then).unwrap_or_else(|problems| panic!("{}", said(&problems)));
        let run = experiment::measure(&loaded, 1);
        let updates: usize = run.services.iter().map(|service| service.updates.len()).sum();
        assert_eq!(updates, 1, "{}: {service}", file.name);
    }
}

/// What is told of each file on a machine that has nothing of what it names.
#[test]
fn every_file_loads_with_its_notes() {
    struct NothingThere;
    impl Files for NothingThere {
        fn read(&self, path: &str) -> Result<String, FileError> {
            Err(FileError::Missing(path.to_owned()))
        }
        fn exists(&self, _: &str) -> bool {
            false
        }
    }
    let mut notes = String::new();
    for (file, variables) in corpus() {
        let run = StackRun { name: "corpus".to_owned(), files: vec![file], then: Vec::new() };
        let outside = |strict| Outside { files: &NothingThere, variables: &variables, strict };
        let loaded =
            scenario::load_stack(&run, &[], &outside(false)).unwrap_or_else(|problems| panic!("{}", said(&problems)));
        notes += &format!("{}\n\n", said(&loaded.warnings));
        let has_stand_in = loaded.warnings.iter().any(|warning| warning.code == Code::StandIn);
        assert_eq!(scenario::load_stack(&run, &[], &outside(true)).is_err(), has_stand_in, "{}", run.files[0].name);
    }
    insta::assert_snapshot!("notes", notes.trim_end());
}
