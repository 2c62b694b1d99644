//! The JSON Schema of scenarios, for editors.
//!
//! Nobody writes it: the readers of this module are asked. Every place of a scenario is probed with a value of each kind; which
//! kinds, keys and words the readers take there is what the schema says, so that the two cannot drift apart.

mod descriptions;
mod probe;

use serde_json::{Map, Value, json};

use super::schema::FORMAT;
use probe::{Kind, Shape};

/// The schema as text, with a line break at its end.
pub fn json_schema() -> String {
    let mut path = Vec::new();
    let mut root = schema(&probe::explore(&mut path), &mut String::new());
    let extra = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "rollsim scenario",
        "description": "A rollout of Docker Swarm services, to be simulated by rollsim.",
        "required": ["rollsim"],
    });
    let Value::Object(mut whole) = extra else { unreachable!("it is written as a mapping") };
    root["properties"]["rollsim"] = json!({"const": FORMAT, "description": "Version of the format."});
    root["properties"]["$schema"] = json!({"type": "string"});
    if let Value::Object(root) = root {
        whole.extend(root);
    }
    let text = serde_json::to_string_pretty(&Value::Object(whole)).expect("the schema is a tree of texts");
    text + "\n"
}

/// The schema of one place.
fn schema(shape: &Shape, path: &mut String) -> Value {
    let mut choices = Vec::new();
    let scalars: Vec<Value> = shape.kinds.iter().filter_map(|kind| scalar(*kind, shape)).collect();
    match scalars.as_slice() {
        [] => {}
        [one] => choices.push(json!({"type": one})),
        several => choices.push(json!({"type": several})),
    }
    if !shape.words.is_empty() {
        choices.push(json!({"enum": shape.words}));
    }
    if shape.kinds.contains(&Kind::List) {
        let items = shape.items.as_ref().map_or(json!({}), |items| below(path, "[]", |path| schema(items, path)));
        choices.push(json!({"type": "array", "items": items}));
    }
    if shape.kinds.contains(&Kind::Mapping) {
        choices.push(mapping(shape, path));
    }
    let mut schema = match choices.len() {
        _ if shape.kinds.len() == Kind::ALL.len() && !shape.is_structured() => json!({}),
        1 => choices.remove(0),
        _ => json!({"anyOf": choices}),
    };
    if let (Value::Object(schema), Some(text)) = (&mut schema, descriptions::of(path)) {
        schema.insert("description".to_owned(), text.into());
    }
    schema
}

/// The name of a kind that is no list and no mapping. Words are listed by themselves, and a number may be whole.
fn scalar(kind: Kind, shape: &Shape) -> Option<Value> {
    match kind {
        Kind::Null => Some("null".into()),
        Kind::Bool => Some("boolean".into()),
        Kind::Integer if !shape.kinds.contains(&Kind::Float) => Some("integer".into()),
        Kind::Float => Some("number".into()),
        Kind::String if shape.words.is_empty() => Some("string".into()),
        Kind::Integer | Kind::String | Kind::List | Kind::Mapping => None,
    }
}

fn mapping(shape: &Shape, path: &mut String) -> Value {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    if !shape.keys.is_empty() {
        let properties = shape.keys.iter().map(|(key, shape)| {
            let value = below(path, key, |path| schema_of_key(shape.as_ref(), path));
            ((*key).to_owned(), value)
        });
        schema.insert("properties".to_owned(), Value::Object(properties.collect()));
    }
    if !shape.required.is_empty() {
        schema.insert("required".to_owned(), json!(shape.required));
    }
    if shape.extensions {
        schema.insert("patternProperties".to_owned(), json!({"^x-": {}}));
    }
    let others = match &shape.others {
        Some(others) => below(path, "*", |path| self::schema(others, path)),
        None => Value::Bool(shape.keys.is_empty()),
    };
    schema.insert("additionalProperties".to_owned(), others);
    Value::Object(schema)
}

/// A key that is known only to be refused has no shape.
fn schema_of_key(shape: Option<&Shape>, path: &mut String) -> Value {
    shape.map_or(Value::Bool(false), |shape| schema(shape, path))
}

/// With `step` added to the path.
fn below(path: &mut String, step: &str, of: impl FnOnce(&mut String) -> Value) -> Value {
    let length = path.len();
    if !path.is_empty() && step != "[]" {
        path.push('.');
    }
    path.push_str(step);
    let value = of(path);
    path.truncate(length);
    value
}
