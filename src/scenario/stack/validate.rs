//! Holds a stack file to the shape that docker's schema gives it, in docker's words.
//!
//! Docker tells only the most specific of its complaints; here all are told.
//!
//! Source: cli: cli/compose/schema/schema.go.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Place};
use crate::scenario::docker::ports::{parse_short, split_address};
use crate::scenario::duration::parse_go_duration;
use crate::scenario::read::{Problems, nearest};
use crate::scenario::source::{Node, Value};

use super::shape::{FILE, Format, Mapping, NEWEST, Names, Shape, Type};

/// The minor version of the format that a file is written in, or a problem.
///
/// Source: cli: cli/compose/schema/schema.go `Version`.
pub(super) fn version(file: &Node, problems: &mut Problems) -> Option<u8> {
    let Some(version) = file.get("version") else { return Some(NEWEST) };
    let text = version.to_string();
    if text.is_empty() || text == "3" {
        return Some(NEWEST);
    }
    let minor = text.strip_prefix("3.").filter(|minor| !minor.starts_with(['+', '0']) || *minor == "0");
    let minor = minor.and_then(|minor| minor.parse().ok()).filter(|minor| *minor <= NEWEST);
    if minor.is_none() {
        let message = format!("unsupported Compose file version: {text}");
        let help = "versions 3.0 to 3.13 are known; without `version` it is 3.13".to_owned();
        problems.push(Diagnostic::new(Code::FormatVersion, &version.place, message).help(help));
    }
    minor
}

/// Reports keys that are no texts: docker cannot name them.
pub(super) fn keys(node: &Node, problems: &mut Problems) {
    for entry in node.entries() {
        let place = &entry.key.place;
        let written = place.file.text.get(place.span.clone()).unwrap_or_default();
        // A number written as it is read, or one of the words that stand for something else.
        let is_plain = written == entry.key.value;
        let word = ["true", "True", "TRUE", "false", "False", "FALSE", "null", "Null", "NULL", "~"];
        let is_number = written.parse::<f64>().is_ok() && !written.ends_with(|c: char| c.is_ascii_alphabetic());
        if is_plain && (word.contains(&written) || is_number) {
            let message = "json: unsupported type: map[interface {}]interface {}";
            let label = format!("a key is a text: write \"{written}\"");
            problems.push(Diagnostic::new(Code::WrongType, place, message).label(label));
        }
        keys(&entry.value, problems);
    }
    node.items().iter().for_each(|item| keys(item, problems));
}

/// Reports whatever the schema of this minor version does not allow.
pub(super) fn validate(file: &Node, version: u8, problems: &mut Problems) {
    Check { version, problems }.shape(&FILE, file, &Path::Root);
}

/// Where a value stands, as docker writes it.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl std::fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Path::Root => f.write_str("(root)"),
            Path::Key(Path::Root, key) => f.write_str(key),
            Path::Key(parent, key) => write!(f, "{parent}.{key}"),
            Path::Item(parent, index) => write!(f, "{parent}.{index}"),
        }
    }
}

struct Check<'p> {
    version: u8,
    problems: &'p mut Problems,
}

impl Check<'_> {
    fn report(&mut self, code: Code, place: &Place, path: &Path<'_>, what: &str) {
        self.problems.push(Diagnostic::new(code, place, format!("{path} {what}")));
    }

    fn shape(&mut self, shape: &Shape, node: &Node, path: &Path<'_>) {
        if !accepts(shape, node) {
            let must = format!("must be a {}", or(&names(shape)));
            return self.report(Code::WrongType, &node.place, path, &must);
        }
        match shape {
            Shape::Any | Shape::Scalar(_) => {}
            Shape::Formatted(format) => self.format(*format, node, path),
            Shape::List { of, unique } => {
                for (index, item) in node.items().iter().enumerate() {
                    self.shape(of, item, &Path::Item(path, index));
                }
                if *unique {
                    self.unique(node, path);
                }
            }
            Shape::Mapping(mapping) => self.mapping(mapping, node, path),
            Shape::Named(allowed, of) => {
                for entry in node.entries() {
                    let key = &entry.key;
                    match allowed {
                        Names::Plain if !is_plain(&key.value) => {
                            let what = format!("Additional property {} is not allowed", key.value);
                            self.report(Code::UnknownKey, &key.place, path, &what);
                        }
                        Names::PlainOrIgnored if !is_plain(&key.value) => {}
                        Names::Lower if !key.value.bytes().all(|byte| byte.is_ascii_lowercase()) => {}
                        _ => self.shape(of, &entry.value, &Path::Key(path, &key.value)),
                    }
                }
            }
            Shape::OneOf(shapes) => {
                if let Some(shape) = shapes.iter().find(|shape| accepts(shape, node)) {
                    self.shape(shape, node, path);
                }
            }
        }
    }

    fn mapping(&mut self, mapping: &Mapping, node: &Node, path: &Path<'_>) {
        let version = self.version;
        let known = |name: &str| mapping.fields.iter().find(|field| field.name == name && field.since <= version);
        let from = |version: Option<u8>| version.is_some_and(|since| since <= self.version);
        let (open, extensions) = (from(mapping.open), from(mapping.extensions));
        let mut unknown = Vec::new();
        let mut right = Vec::new();
        for entry in node.entries() {
            match known(&entry.key.value) {
                Some(field) => right.push((field, entry)),
                None if open || extensions && entry.key.value.starts_with("x-") => {}
                None => unknown.push(&entry.key),
            }
        }
        for key in unknown {
            if self.problems.is_full() {
                break;
            }
            let message = format!("{path} Additional property {} is not allowed", key.value);
            let mut diagnostic = Diagnostic::new(Code::UnknownKey, &key.place, message);
            let later = mapping.fields.iter().find(|field| field.name == key.value);
            if let Some(later) = later {
                diagnostic = diagnostic.label(format!("it is known from version 3.{} on", later.since));
            } else if let Some(meant) = nearest(&key.value, mapping.fields.iter().map(|field| field.name)) {
                diagnostic = diagnostic.label(format!("did you mean `{meant}`?"));
            }
            self.problems.push(diagnostic);
        }
        for required in mapping.required.iter().filter(|required| node.get(required).is_none()) {
            if matches!(node.value, Value::Map(_)) {
                self.report(Code::MissingKey, &node.place, path, &format!("{required} is required"));
            }
        }
        for (field, entry) in right {
            self.shape(&field.shape, &entry.value, &Path::Key(path, field.name));
        }
    }

    fn format(&mut self, format: Format, node: &Node, path: &Path<'_>) {
        let text = node.to_string();
        match format {
            Format::Duration => {
                if let Err(why) = parse_go_duration(&text) {
                    let message = format!("{path} Does not match format 'duration'");
                    self.problems.push(Diagnostic::new(Code::Duration, &node.place, message).label(why));
                }
            }
            Format::Ports => {
                if let Err(why) = check_ports(&text) {
                    let message = format!("{path} Does not match format 'ports'");
                    self.problems.push(Diagnostic::new(Code::Malformed, &node.place, message).label(why));
                }
            }
            Format::Order if matches!(text.as_str(), "start-first" | "stop-first") => {}
            Format::Order => {
                let what = format!("{path} must be one of the following: \"start-first\", \"stop-first\"");
                self.report(Code::UnknownWord, &node.place, path, &what);
            }
        }
    }

    /// Reports the first item that stands in a list before.
    fn unique(&mut self, node: &Node, path: &Path<'_>) {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for (index, item) in node.items().iter().enumerate() {
            // A number and the text of it differ.
            let said = format!("{} {item}", item.kind());
            if let Some(first) = seen.insert(said, index) {
                let what = format!("array items[{first},{index}] must be unique");
                return self.report(Code::DuplicateKey, &item.place, path, &what);
            }
        }
    }
}

/// Whether a text publishes ports. Source: docker/go-connections nat/nat.go `ParsePortSpec`.
fn check_ports(text: &str) -> Result<(), String> {
    let Some((address, ports)) = split_address(text) else {
        return parse_short(text).map(|_| ());
    };
    let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
    if !bare.is_empty() && bare.parse::<std::net::IpAddr>().is_err() {
        return Err(format!("invalid IP address: {address}"));
    }
    parse_short(ports).map(|_| ())
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The types that a shape takes.
fn types(shape: &Shape) -> Vec<Type> {
    match shape {
        Shape::Any => vec![],
        Shape::Scalar(types) => types.to_vec(),
        Shape::Formatted(Format::Ports) => vec![Type::Number, Type::Text],
        Shape::Formatted(_) => vec![Type::Text],
        Shape::List { .. } => vec![Type::List],
        Shape::Mapping(mapping) if mapping.or_null => vec![Type::Mapping, Type::Null],
        Shape::Mapping(_) | Shape::Named(..) => vec![Type::Mapping],
        Shape::OneOf(shapes) => shapes.iter().flat_map(types).collect(),
    }
}

/// Names of the types that docker names when a value has none of a shape's: of several shapes the first's, unless they are
/// types of one schema.
fn names(shape: &Shape) -> Vec<&'static str> {
    let types = match shape {
        Shape::OneOf([first, ..]) => types(first),
        Shape::Formatted(Format::Ports) => vec![Type::Number],
        shape => types(shape),
    };
    types.iter().map(|of| of.name()).collect()
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            Type::Boolean => "boolean",
            Type::Integer => "integer",
            Type::Number => "number",
            Type::Text => "string",
            Type::Null => "null",
            Type::Mapping => "mapping",
            Type::List => "list",
        }
    }

    fn is_of(self, value: &Value) -> bool {
        match value {
            Value::Null => self == Type::Null,
            Value::Bool(_) => self == Type::Boolean,
            Value::Integer(_) => matches!(self, Type::Integer | Type::Number),
            Value::Float(float) => self == Type::Number || self == Type::Integer && libm::trunc(*float) == *float,
            Value::String(_) => self == Type::Text,
            Value::Seq(_) => self == Type::List,
            Value::Map(_) => self == Type::Mapping,
        }
    }
}

fn accepts(shape: &Shape, node: &Node) -> bool {
    matches!(shape, Shape::Any) || types(shape).iter().any(|of| of.is_of(&node.value))
}

/// `string, number or null`
fn or(names: &[&str]) -> String {
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}
