//! The schema of scenarios: it is the committed one, accepts what the readers accept, and every bundled scenario names it. And that
//! of summary.json: it says all that stands there, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use rollsim::diag::SourceFile;
use rollsim::experiment;
use rollsim::report::json;
use rollsim::scenario;
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The JSON files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The scenarios among them, and whether the readers accept each.
fn scenarios(folder: &str) -> Vec<(PathBuf, Value, bool)> {
    let mut scenarios = Vec::new();
    for path in files(&root().join(folder)) {
        let text = fs::read_to_string(&path).expect("scenarios are text");
        if let (true, Ok(value)) = (scenario::is_scenario(&text), serde_json::from_str(&text)) {
            let source = SourceFile { name: path.display().to_string(), text };
            scenarios.push((path, value, scenario::load(&source, &[]).is_ok()));
        }
    }
    assert!(!scenarios.is_empty(), "there are no scenarios below {folder}");
    scenarios
}

fn schema() -> Value {
    serde_json::from_str(&scenario::json_schema()).expect("the schema is JSON")
}

/// What in a value a schema does not allow, by its path; of the keywords that ours has.
fn complaints(schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let Value::Object(keywords) = schema else {
        return if schema == &Value::Bool(true) { Vec::new() } else { vec![format!("{path}: nothing may stand here")] };
    };
    let mut found = Vec::new();
    for (keyword, says) in keywords {
        let holds = match keyword.as_str() {
            "$schema" | "title" | "description" | "patternProperties" | "$defs" => true,
            "const" => value == says,
            "enum" => says.as_array().expect("a list").contains(value),
            "type" => says.as_array().unwrap_or(&vec![says.clone()]).iter().any(|kind| is(value, kind)),
            "anyOf" => says.as_array().expect("a list").iter().any(|one| complaints(one, value, path).is_empty()),
            "required" => {
                says.as_array().expect("a list").iter().all(|key| value.get(key.as_str().expect("a key")).is_some())
            }
            "items" => {
                for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                    found.extend(complaints(says, item, &format!("{path}[{number}]")));
                }
                true
            }
            "properties" => {
                for (key, says) in says.as_object().expect("a mapping") {
                    found.extend(
                        value
                            .get(key)
                            .map(|value| complaints(says, value, &format!("{path}.{key}")))
                            .into_iter()
                            .flatten(),
                    );
                }
                true
            }
            "additionalProperties" => {
                let known = |key: &str| {
                    let own = key.starts_with("x-") && keywords.contains_key("patternProperties");
                    own || keywords.get("properties").is_some_and(|known| known.get(key).is_some())
                };
                for (key, value) in value.as_object().into_iter().flatten().filter(|(key, _)| !known(key)) {
                    found.extend(complaints(says, value, &format!("{path}.{key}")));
                }
                true
            }
            unknown => panic!("this test does not know `{unknown}`"),
        };
        if !holds {
            found.push(format!("{path}: {keyword} {says}"));
        }
    }
    found
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str().expect("a word") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("there is no type `{other}`"),
    }
}

#[test]
fn the_committed_schema_is_that_of_the_readers() {
    let committed = fs::read_to_string(root().join("scenarios/schema.json")).expect("it is there");
    assert!(committed == scenario::json_schema(), "cargo run -- schema > scenarios/schema.json");
}

#[test]
fn what_the_readers_accept_the_schema_accepts() {
    let schema = schema();
    for folder in ["scenarios", "tests/diagnostics"] {
        for (path, value, _) in scenarios(folder).iter().filter(|(.., accepted)| *accepted) {
            assert_eq!(complaints(&schema, value, ""), [""; 0], "{}", path.display());
        }
    }
}

#[test]
fn the_schema_refuses_what_is_misspelt_or_of_the_wrong_type() {
    let schema = schema();
    for name in ["unknown-field.json", "wrong-type.json", "unknown-word.json", "missing-field.json"] {
        let text = fs::read_to_string(root().join("tests/diagnostics").join(name)).expect("it is there");
        let value = serde_json::from_str(&text).expect("it is JSON");
        assert_ne!(complaints(&schema, &value, ""), [""; 0], "{name}");
    }
}

#[test]
fn every_bundled_scenario_names_the_schema() {
    let schema = root().join("scenarios/schema.json").canonicalize().expect("it is there");
    for (path, value, _) in scenarios("scenarios") {
        let named = value.get("$schema").and_then(Value::as_str).map(|named| path.with_file_name(named));
        let found = named.and_then(|named| named.canonicalize().ok());
        assert_eq!(
            found.as_ref(),
            Some(&schema),
            "{} has no `$schema` that leads to scenarios/schema.json",
            path.display()
        );
    }
}

/// A schema in which each reference stands for what it refers to.
fn resolved(schema: &Value, root: &Value) -> Value {
    match schema {
        Value::Object(keywords) => match keywords.get("$ref").and_then(Value::as_str) {
            Some(name) => {
                let target = root.pointer(name.trim_start_matches('#')).expect("what is referred to is there");
                resolved(target, root)
            }
            None => keywords.iter().map(|(key, value)| (key.clone(), resolved(value, root))).collect(),
        },
        Value::Array(values) => values.iter().map(|value| resolved(value, root)).collect(),
        other => other.clone(),
    }
}

/// No object may have another key, and each must have all, so that the schema and what is written cannot drift apart.
#[test]
fn the_schema_of_summaries_says_all_that_stands_there() {
    let schema: Value = serde_json::from_str(json::SUMMARY_SCHEMA).expect("the schema is JSON");
    let schema = resolved(&schema, &schema);
    for name in ["hello.json", "questions/drain-stale-vip.json", "operations/start-first-without-room.json"] {
        let path = root().join("scenarios").join(name);
        let text = fs::read_to_string(&path).expect("it is there");
        let scenario = scenario::load(&SourceFile { name: name.to_owned(), text }, &[]).expect("it is valid");
        let written = json::summary(&experiment::measure(&scenario, scenario.plan.seed));
        let mut summary: Value = serde_json::from_str(&written).expect("it is JSON");
        assert_eq!(complaints(&schema, &summary, ""), [""; 0], "{name}");
        let service = summary["services"].as_object_mut().and_then(|all| all.values_mut().next()).expect("a service");
        service["uptime_share"] = "much".into();
        let requests = service.as_object_mut().expect("a mapping").remove("requests");
        assert!(requests.is_some() && complaints(&schema, &summary, "").len() == 2, "{name}");
    }
}
