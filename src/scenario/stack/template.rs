//! Variables in the values of a stack file: `$NAME`, `${NAME:-default}` and the like.
//!
//! Source: cli: cli/compose/template/template.go, interpolation/interpolation.go, loader/interpolate.go (cli-and-compose b.2).

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Place};
use crate::scenario::read::Problems;
use crate::scenario::source::{Entry, Node, Value};

/// Variables by their names.
pub(super) type Variables = BTreeMap<String, String>;

/// A text whose variables have been replaced.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Substituted {
    pub(super) text: String,
    /// Variables that are not set and have no default; the empty text stands for them.
    pub(super) unset: Vec<String>,
}

/// Why a text cannot be substituted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TemplateError {
    /// A `$` that begins no variable.
    Malformed,
    /// A variable that must be set, and what the file says about it.
    Required { name: String, message: String },
}

/// Replaces the variables of a text.
///
/// As in docker, an operator is looked for in the order `:-`, `-`, `:?`, `?` wherever it stands between the braces, defaults
/// are not substituted themselves, and only the last variable of a text can refuse it.
///
/// # Errors
/// A `$` without a name, or a required variable that is not set.
pub(super) fn substitute(template: &str, variables: &Variables) -> Result<Substituted, TemplateError> {
    let mut done = Substituted { text: String::new(), unset: Vec::new() };
    let mut refused = None;
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        done.text += before;
        if let Some(after) = after.strip_prefix('$') {
            done.text.push('$');
            rest = after;
            continue;
        }
        let (variable, after) = match after.strip_prefix('{') {
            Some(braced) => {
                let length = length_of_variable(braced);
                match braced[length..].strip_prefix('}') {
                    Some(behind) if length > 0 => (&braced[..length], behind),
                    _ => ("", after),
                }
            }
            None => after.split_at(length_of_variable(after)),
        };
        refused = if variable.is_empty() {
            Some(TemplateError::Malformed)
        } else {
            look_up(variable, variables, &mut done).err()
        };
        rest = after;
    }
    done.text += rest;
    refused.map_or(Ok(done), Err)
}

/// Bytes of a name and of the operator and its text behind it, which end before a `}`.
fn length_of_variable(text: &str) -> usize {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if text.bytes().next().is_none_or(|first| !is_name(&first) || first.is_ascii_digit()) {
        return 0;
    }
    let name = text.bytes().take_while(is_name).count();
    let operator = text[name..].strip_prefix(':').unwrap_or(&text[name..]);
    if operator.starts_with(['-', '?']) { text.find('}').unwrap_or(text.len()) } else { name }
}

fn look_up(variable: &str, variables: &Variables, done: &mut Substituted) -> Result<(), TemplateError> {
    let value = |name: &str| variables.get(name);
    if let Some((name, default)) = variable.split_once(":-") {
        done.text += value(name).map(String::as_str).filter(|value| !value.is_empty()).unwrap_or(default);
        return Ok(());
    }
    if let Some((name, default)) = variable.split_once('-') {
        done.text += value(name).map_or(default, String::as_str);
        return Ok(());
    }
    let required = variable.split_once(":?").map(|parts| (parts, true));
    if let Some(((name, message), non_empty)) = required.or(variable.split_once('?').map(|parts| (parts, false))) {
        let missing = || TemplateError::Required { name: name.to_owned(), message: message.to_owned() };
        done.text += value(name).filter(|value| !non_empty || !value.is_empty()).ok_or_else(missing)?;
        return Ok(());
    }
    match value(variable) {
        Some(value) => done.text += value,
        None => done.unset.push(variable.to_owned()),
    }
    Ok(())
}

/// What the text of a substituted value becomes.
#[derive(Clone, Copy)]
enum Cast {
    Integer,
    Float,
    Boolean,
}

/// The values that are no texts, by their paths; `*` is any key and `[]` any item.
const CASTS: [(&str, Cast); 26] = [
    ("services.*.configs.[].mode", Cast::Integer),
    ("services.*.secrets.[].mode", Cast::Integer),
    ("services.*.healthcheck.retries", Cast::Integer),
    ("services.*.healthcheck.disable", Cast::Boolean),
    ("services.*.deploy.replicas", Cast::Integer),
    ("services.*.deploy.update_config.parallelism", Cast::Integer),
    ("services.*.deploy.update_config.max_failure_ratio", Cast::Float),
    ("services.*.deploy.rollback_config.parallelism", Cast::Integer),
    ("services.*.deploy.rollback_config.max_failure_ratio", Cast::Float),
    ("services.*.deploy.restart_policy.max_attempts", Cast::Integer),
    ("services.*.deploy.placement.max_replicas_per_node", Cast::Integer),
    ("services.*.ports.[].target", Cast::Integer),
    ("services.*.ports.[].published", Cast::Integer),
    ("services.*.ulimits.*", Cast::Integer),
    ("services.*.ulimits.*.hard", Cast::Integer),
    ("services.*.ulimits.*.soft", Cast::Integer),
    ("services.*.privileged", Cast::Boolean),
    ("services.*.oom_score_adj", Cast::Integer),
    ("services.*.read_only", Cast::Boolean),
    ("services.*.stdin_open", Cast::Boolean),
    ("services.*.tty", Cast::Boolean),
    ("services.*.volumes.[].read_only", Cast::Boolean),
    ("services.*.volumes.[].volume.nocopy", Cast::Boolean),
    ("networks.*.internal", Cast::Boolean),
    ("networks.*.attachable", Cast::Boolean),
    ("*.*.external", Cast::Boolean),
];

/// Where variables that are not set were replaced by nothing.
#[derive(Debug, Default)]
pub(super) struct Unset {
    /// The first place of each variable.
    places: BTreeMap<String, Place>,
    /// The first variable of each value, by its file and where in it the value begins.
    at: BTreeMap<(String, usize), String>,
}

impl Unset {
    /// The variables, and where each stands first.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &Place)> {
        self.places.iter().map(|(name, place)| (name.as_str(), place))
    }

    /// A variable that was replaced by nothing at this place.
    pub(super) fn at(&self, place: &Place) -> Option<&str> {
        self.at.get(&(place.file.name.clone(), place.span.start)).map(String::as_str)
    }

    fn add(&mut self, names: &[String], place: &Place) {
        for name in names {
            self.places.entry(name.clone()).or_insert_with(|| place.clone());
        }
        if let Some(first) = names.first() {
            self.at.entry((place.file.name.clone(), place.span.start)).or_insert_with(|| first.clone());
        }
    }
}

/// Replaces the variables in all values of a file, and reports those that cannot be replaced and those that are not set.
pub(super) struct Interpolation<'a> {
    pub(super) variables: &'a Variables,
    pub(super) problems: &'a mut Problems,
    pub(super) unset: &'a mut Unset,
}

impl Interpolation<'_> {
    /// The node with its variables replaced. `path`: the keys that lead to it.
    pub(super) fn node(&mut self, node: Node, path: &mut Vec<String>) -> Node {
        let value = match node.value {
            Value::String(text) if text.contains('$') => self.text(text, &node.place, path),
            Value::Seq(items) => {
                path.push("[]".to_owned());
                let items = items.into_iter().map(|item| self.node(item, path)).collect();
                path.pop();
                Value::Seq(items)
            }
            Value::Map(entries) => {
                let mut replaced = Vec::with_capacity(entries.len());
                for Entry { key, value } in entries {
                    path.push(key.value.clone());
                    let value = self.node(value, path);
                    path.pop();
                    replaced.push(Entry { key, value });
                }
                Value::Map(replaced)
            }
            value => value,
        };
        Node { value, place: node.place }
    }

    fn text(&mut self, text: String, place: &Place, path: &[String]) -> Value {
        let at = || path.join(".");
        let Substituted { text: replaced, unset } = match substitute(&text, self.variables) {
            Ok(done) => done,
            Err(error) => {
                let (template, code, help) = match error {
                    TemplateError::Malformed => (text.clone(), Code::Malformed, None),
                    TemplateError::Required { name, message } => (
                        format!("required variable {name} is missing a value: {message}"),
                        Code::MissingVariable,
                        Some(set_it(&name)),
                    ),
                };
                let (at, escape) = (at(), "you may need to escape any $ with another $");
                let message = format!("invalid interpolation format for {at}: {template:?}; {escape}");
                self.problems.push(Diagnostic::new(code, place, message).help(help));
                return Value::String(text);
            }
        };
        self.unset.add(&unset, place);
        if replaced == text {
            return Value::String(text);
        }
        let Some(cast) = cast_of(path) else { return Value::String(replaced) };
        cast.cast(&replaced).unwrap_or_else(|why| {
            let message = format!("error while interpolating {}: failed to cast to expected type: {why}", at());
            let code = if unset.is_empty() { Code::Malformed } else { Code::MissingVariable };
            let help = unset.first().map(|name| set_it(name));
            self.problems.push(Diagnostic::new(code, place, message).help(help));
            // Nothing that stands here could be complained of again.
            Value::Integer(0)
        })
    }
}

/// How to set a variable.
pub(super) fn set_it(name: &str) -> String {
    format!("set it with `--env {name}=...`")
}

fn cast_of(path: &[String]) -> Option<Cast> {
    let matches = |pattern: &str| {
        let parts = pattern.split('.');
        parts.clone().count() == path.len() && parts.zip(path).all(|(part, key)| part == "*" || part == key)
    };
    CASTS.iter().find(|(pattern, _)| matches(pattern)).map(|(_, cast)| *cast)
}

impl Cast {
    fn cast(self, text: &str) -> Result<Value, String> {
        match self {
            Cast::Integer => text.parse::<i64>().map(|number| Value::Integer(number.into())).map_err(|error| {
                let why = match error.kind() {
                    std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => "value out of range",
                    _ => "invalid syntax",
                };
                format!("strconv.Atoi: parsing {text:?}: {why}")
            }),
            Cast::Float => text
                .parse()
                .map(Value::Float)
                .map_err(|_| format!("strconv.ParseFloat: parsing {text:?}: invalid syntax")),
            Cast::Boolean => match text.to_lowercase().as_str() {
                "y" | "yes" | "true" | "on" => Ok(Value::Bool(true)),
                "n" | "no" | "false" | "off" => Ok(Value::Bool(false)),
                _ => Err(format!("invalid boolean: {text}")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diag::SourceFile;
    use crate::scenario::source;

    fn tree(value: &serde_json::Value) -> Node {
        let file = SourceFile { name: "t".to_owned(), text: value.to_string() };
        source::parse(&Arc::new(file)).expect("JSON is YAML")
    }

    #[test]
    fn values_are_interpolated_as_docker_does() {
        let cases: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/compose/interpolation.json")).expect("cases");
        for case in cases.as_array().expect("cases") {
            let variables: Variables = serde_json::from_value(case["env"].clone()).expect("variables");
            let (mut problems, mut unset) = (Problems::default(), Unset::default());
            let mut interpolation = Interpolation { variables: &variables, problems: &mut problems, unset: &mut unset };
            let done = interpolation.node(tree(&case["in"]), &mut vec!["in".to_owned()]);
            let said: Vec<String> = problems.into_sorted("t").iter().map(|problem| problem.message.clone()).collect();
            match case["error"].as_str() {
                Some(error) => assert_eq!(said, [error], "{case}"),
                None => {
                    assert!(said.is_empty(), "{case}: {said:?}");
                    let expected = tree(&case["out"]);
                    assert_eq!((done.to_string(), done.kind()), (expected.to_string(), expected.kind()), "{case}");
                }
            }
        }
    }

    #[test]
    fn a_substituted_text_becomes_what_its_path_asks_for() {
        let variables = Variables::from([("N".to_owned(), "3".to_owned())]);
        let (mut problems, mut unset) = (Problems::default(), Unset::default());
        let mut interpolation = Interpolation { variables: &variables, problems: &mut problems, unset: &mut unset };
        let mut replicas = |text: &str| {
            let node = tree(&serde_json::json!({"services": {"web": {"deploy": {"replicas": text}}}}));
            let done = interpolation.node(node, &mut Vec::new());
            done.at(&["services", "web", "deploy", "replicas"]).map(Node::kind)
        };
        assert_eq!((replicas("${N}"), replicas("3")), (Some("a number"), Some("a string")));
        replicas("${M}");
        let said = problems.into_sorted("t");
        assert_eq!(
            said[0].to_string(),
            "t:1:42: error[R0213]: error while interpolating services.web.deploy.replicas: failed to cast to expected type: \
             strconv.Atoi: parsing \"\": invalid syntax"
        );
        assert_eq!(said[0].help.as_deref(), Some("set it with `--env M=...`"));
    }
}
