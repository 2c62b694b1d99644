//! Reads JSON and YAML into a tree in which every key and value knows its place.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Error, Location, Spanned as Located};

use crate::diag::{Code, Diagnostic, Place, SourceFile};

use super::read::MOST_PROBLEMS;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    /// The value.
    pub(super) value: Value,
    /// Its place; of a mapping or list, where it begins.
    pub(super) place: Place,
}

/// What JSON and YAML can say.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Nothing.
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// Any other number.
    Float(f64),
    /// A text.
    String(String),
    /// A list.
    Seq(Vec<Node>),
    /// A mapping, in the order of the text; each key once.
    Map(Vec<Entry>),
}

/// A key of a mapping and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: Spanned<String>,
    /// Its value.
    pub(super) value: Node,
}

/// Something that was read from a text, and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spanned<T> {
    /// What was read.
    pub(super) value: T,
    /// Where it stands.
    pub(super) place: Place,
}

impl Entry {
    /// A value under a key that stands at the value's own place.
    pub(super) fn new(key: impl Into<String>, value: Node) -> Entry {
        Entry { key: Spanned { value: key.into(), place: value.place.clone() }, value }
    }
}

/// Lays entries over others: `both` says what becomes of a key that both have, all others are added.
pub(super) fn lay_over(entries: &mut Vec<Entry>, over: Vec<Entry>, mut both: impl FnMut(&mut Entry, Entry)) {
    let indices: BTreeMap<&str, usize> =
        entries.iter().enumerate().map(|(index, entry)| (entry.key.value.as_str(), index)).collect();
    let known: Vec<Option<usize>> = over.iter().map(|entry| indices.get(entry.key.value.as_str()).copied()).collect();
    for (entry, known) in over.into_iter().zip(known) {
        match known {
            Some(index) => both(&mut entries[index], entry),
            None => entries.push(entry),
        }
    }
}

impl Node {
    /// A text at a place.
    pub(super) fn text(text: impl Into<String>, place: &Place) -> Node {
        Node { value: Value::String(text.into()), place: place.clone() }
    }

    /// The value at a path of keys, if all of them are there.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The entries, if this is a mapping; none otherwise.
    pub(super) fn entries(&self) -> &[Entry] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    /// The items, if this is a list; none otherwise.
    pub(super) fn items(&self) -> &[Node] {
        if let Value::Seq(items) = &self.value { items } else { &[] }
    }

    /// The text, if this is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        if let Value::String(text) = &self.value { Some(text) } else { None }
    }

    /// Whether this is a text that stands in the file as it is, without quotes.
    pub(super) fn is_plain(&self) -> bool {
        self.as_text().is_some_and(|text| text == written(&self.place))
    }

    /// The value of a key, if this is a mapping that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().find(|entry| entry.key.value == key).map(|entry| &entry.value)
    }

    /// What kind of value this is, with its article.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Integer(_) | Value::Float(_) => "a number",
            Value::String(_) => "a string",
            Value::Seq(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// The value on one line: a text as it is, lists and mappings as YAML writes them within one line.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Integer(value) => write!(f, "{value}"),
            Value::Float(value) => f.write_str(&float(*value)),
            Value::String(value) => f.write_str(value),
            Value::Seq(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Value::Map(entries) => {
                f.write_str("{")?;
                for (i, entry) in entries.iter().enumerate() {
                    write!(f, "{}{}: {}", if i == 0 { "" } else { ", " }, entry.key.value, entry.value)?;
                }
                f.write_str("}")
            }
        }
    }
}

/// A number as Go writes it: with an exponent if that is below -4 or above 5.
///
/// Source: Go: strconv/ftoa.go `%g`.
fn float(value: f64) -> String {
    let text = format!("{value:e}");
    let parts = text.split_once('e').and_then(|(digits, exponent)| Some((digits, exponent.parse::<i32>().ok()?)));
    match parts {
        Some((digits, exponent)) if !(-4..=5).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => value.to_string(),
    }
}

/// Reads a text. JSON is a subset of YAML, and tabs between the tokens of JSON are allowed.
///
/// Untyped values are read as docker reads them: YAML 1.2's booleans, 0755 is octal; anchors and merge keys work.
///
/// # Errors
/// Where the text is neither JSON nor YAML, or all keys that stand twice in a mapping.
pub(super) fn parse(file: &Arc<SourceFile>) -> Result<Node, Vec<Diagnostic>> {
    parse_text(file, &file.text)
}

/// Reads the first of the documents that a text may hold.
///
/// # Errors
/// As [`parse`].
pub(super) fn parse_first(file: &Arc<SourceFile>) -> Result<Node, Vec<Diagnostic>> {
    // A line of three dashes that is no part of a text begins a document.
    let mut end = 0;
    let mut has_content = false;
    for line in file.text.split_inclusive('\n') {
        let begins =
            line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
        if has_content && (begins || line.trim_end() == "...") {
            break;
        }
        has_content = has_content || begins || !(line.trim().is_empty() || line.starts_with(['#', '%']));
        end += line.len();
    }
    parse_text(file, &file.text[..end])
}

/// Reads the value that stands in a text from the byte `start` to its end.
///
/// # Errors
/// As [`parse`].
pub(super) fn parse_value(file: &Arc<SourceFile>, start: usize) -> Result<Node, Vec<Diagnostic>> {
    // Blanks in the place of what stands before keep every place right.
    parse_text(file, &format!("{:start$}{}", "", &file.text[start..]))
}

/// Deepest nesting that is read, far more than anybody writes: reading it takes a stack frame a level.
const DEEPEST: usize = 32;

/// Most keys and values that a text may come to, those that aliases repeat included: a thousand services and more.
const MOST_VALUES: usize = 50_000;

/// Most bytes that its texts may come to, those that aliases repeat included.
const MOST_TEXT: usize = 8 << 20;

fn parse_text(file: &Arc<SourceFile>, text: &str) -> Result<Node, Vec<Diagnostic>> {
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        legacy_octal_numbers: true,
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: DEEPEST,
            max_nodes: MOST_VALUES,
            max_total_scalar_bytes: MOST_TEXT,
        },
    };
    let mut placing = Placing { file, problems: Vec::new() };
    match serde_saphyr::from_str_with_options::<Located<Raw>>(text, options) {
        Ok(raw) => {
            let node = placing.node(raw);
            if placing.problems.is_empty() { Ok(node) } else { Err(placing.problems) }
        }
        Err(error) => Err(vec![syntax_error(file, &error)]),
    }
}

fn syntax_error(file: &Arc<SourceFile>, error: &Error) -> Diagnostic {
    let start = error.location().map_or(0, |location| offset_of(&file.text, location));
    Diagnostic::new(Code::Syntax, &Place::new(file, start..start), what_is_wrong(error.without_snippet()))
}

/// The parser's words, and ours where they speak of its functions and limits.
fn what_is_wrong(error: &Error) -> String {
    match error {
        Error::AliasError { error, .. } => what_is_wrong(error),
        Error::MultipleDocuments { .. } => {
            "a file holds one scenario, and a second YAML document begins here".to_owned()
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            "too much to read: the text is too long, is nested too deep, or repeats itself too often by aliases"
                .to_owned()
        }
        error => {
            let message = error.to_string();
            // The text repeats the place that the diagnostic shows anyway.
            let message = message.split_once(" at line ").map_or(message.as_str(), |(message, _)| message);
            format!("not valid JSON or YAML: {message}")
        }
    }
}

/// The byte at a line and column, or the end of that line if the column lies behind it.
fn offset_of(text: &str, location: Location) -> usize {
    let line = usize::try_from(location.line()).unwrap_or(usize::MAX);
    let column = usize::try_from(location.column()).unwrap_or(usize::MAX);
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let line = text[start..].lines().next().unwrap_or("");
    start + line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(byte, _)| byte)
}

/// A value as the parser hands it over.
enum Raw {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    String(String),
    Seq(Vec<Located<Raw>>),
    Map(Vec<(Located<String>, Located<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw, D::Error> {
        struct AnyValue;

        impl<'de> Visitor<'de> for AnyValue {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
                Ok(Raw::Bool(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
                Ok(Raw::Integer(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
                Ok(Raw::Integer(value.into()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
                Ok(Raw::Float(value))
            }
            fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
                Ok(Raw::String(value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Raw::Seq(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Raw::Map(entries))
            }
        }

        deserializer.deserialize_any(AnyValue)
    }
}

/// Turns the parser's locations into places and looks for keys that stand twice.
struct Placing<'a> {
    file: &'a Arc<SourceFile>,
    problems: Vec<Diagnostic>,
}

impl Placing<'_> {
    fn node(&mut self, raw: Located<Raw>) -> Node {
        let place = self.place(&raw.referenced, &raw.defined);
        let value = match raw.value {
            Raw::Null => Value::Null,
            Raw::Bool(value) => Value::Bool(value),
            Raw::Integer(value) => Value::Integer(value),
            Raw::Float(value) if !value.is_finite() => self.not_finite(value, &place),
            Raw::Float(value) => Value::Float(value),
            Raw::String(text) if written(&place) == text => with_underscores(&text).unwrap_or(Value::String(text)),
            Raw::String(text) => Value::String(text),
            Raw::Seq(items) => Value::Seq(items.into_iter().map(|item| self.node(item)).collect()),
            Raw::Map(entries) => Value::Map(self.entries(entries)),
        };
        Node { value, place }
    }

    fn entries(&mut self, raw: Vec<(Located<String>, Located<Raw>)>) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::with_capacity(raw.len());
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for (key, value) in raw {
            let key = Spanned { place: self.place(&key.referenced, &key.defined), value: key.value };
            let value = self.node(value);
            match seen.get(&key.value) {
                Some(_) if self.problems.len() >= MOST_PROBLEMS => {}
                Some(first) => {
                    let (line, _) = entries[*first].key.place.line_column();
                    let message = format!("mapping key {:?} already defined at line {line}", key.value);
                    self.problems.push(Diagnostic::new(Code::DuplicateKey, &key.place, message));
                }
                None => {
                    seen.insert(key.value.clone(), entries.len());
                    entries.push(Entry { key, value });
                }
            }
        }
        entries
    }

    /// A number that is only too large, such as `1e400`, is a text to docker; one that is infinite it cannot hold.
    ///
    /// Source: go.yaml.in/yaml/v3 resolve.go; Go: encoding/json/encode.go `floatEncoder`.
    fn not_finite(&mut self, value: f64, place: &Place) -> Value {
        let text = written(place);
        if text.ends_with(|c: char| c.is_ascii_digit()) {
            return Value::String(text.to_owned());
        }
        let sign = if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        };
        let message = format!("json: unsupported value: {sign}");
        self.problems.push(Diagnostic::new(Code::WrongType, place, message));
        Value::Null
    }

    fn place(&self, referenced: &Location, defined: &Location) -> Place {
        let mut place = Place::new(self.file, bytes_of(defined));
        // Of a value that an alias brings in, the text is where the anchor is.
        place.used = (referenced != defined).then(|| bytes_of(referenced));
        place
    }
}

/// The text of a value as it stands in the file.
fn written(place: &Place) -> &str {
    place.file.text.get(place.span.clone()).unwrap_or_default()
}

/// The number that a text is to docker, which drops every `_` in what begins like one.
///
/// Source: go.yaml.in/yaml/v3 resolve.go `resolve`.
fn with_underscores(text: &str) -> Option<Value> {
    let is_meant = text.contains('_') && text.starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c));
    let number = Some(text.replace('_', "")).filter(|_| is_meant)?;
    let integer = number.parse().ok().map(Value::Integer);
    let is_float = number.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    integer.or_else(|| number.parse().ok().filter(|float: &f64| is_float && float.is_finite()).map(Value::Float))
}

fn bytes_of(location: &Location) -> std::ops::Range<usize> {
    let span = location.span();
    let start = span.byte_offset().unwrap_or(0) as usize;
    start..start + span.byte_len().unwrap_or(0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Arc<SourceFile> {
        Arc::new(SourceFile { name: "test".to_owned(), text: text.to_owned() })
    }

    fn parsed(text: &str) -> Node {
        parse(&file(text)).unwrap_or_else(|problems| panic!("{}", problems[0].render(false)))
    }

    fn problem(text: &str) -> String {
        parse(&file(text)).unwrap_err().iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn json_and_yaml_give_the_same_values() {
        let json = parsed("{\n\t\"a\" :\t[1, 1.50, -2, true, null, \"1\"],\n\t\"b\": {\"c\": \"x\\ty\"}\n}");
        let yaml = parsed("a: [1, 1.50, -2, true, ~, '1']\nb:\n  c: \"x\\ty\"\n");
        assert_eq!(json.to_string(), "{a: [1, 1.5, -2, true, null, 1], b: {c: x\ty}}");
        assert_eq!(json.to_string(), yaml.to_string());
        assert_eq!(yaml.get("a").map(Node::kind), Some("a list"));
    }

    #[test]
    fn untyped_values_are_read_as_docker_reads_them() {
        assert_eq!(parsed("[yes, on, 0755, 1_000, .5, 22:22]").to_string(), "[yes, on, 493, 1000, 0.5, 22:22]");
        assert_eq!(parsed("yes").kind(), "a string");
        assert_eq!(parsed("[1__0, 1_000.5, 1_0e1, +1_]").to_string(), "[10, 1000.5, 100, 1]");
        for text in ["1e400", "'1__0'", "_1", "1_a", "1_2.3_4.5", "-_"] {
            assert_eq!(parsed(text).kind(), "a string", "{text}");
        }
        assert!(problem("a: [1, -.inf]").ends_with("json: unsupported value: -Inf"));
        let floats = "[1e3, 1.0, 1000000.0, 1e21, 123456789.123, 0.0001, 0.00001, -2.5e-10]";
        assert_eq!(parsed(floats).to_string(), "[1000, 1, 1e+06, 1e+21, 1.23456789123e+08, 0.0001, 1e-05, -2.5e-10]");
    }

    #[test]
    fn every_key_and_value_knows_its_place() {
        let node = parsed("{\n\t\"é\": {\"b\": \"value\"}}");
        let Value::Map(entries) = &node.value else { panic!("a mapping") };
        assert_eq!(entries[0].key.place.line_column(), (2, 2));
        let value = entries[0].value.get("b").expect("there is b");
        assert_eq!(value.place.line_column(), (2, 13));
        assert_eq!(&node.place.file.text[value.place.span.clone()], "\"value\"");
    }

    #[test]
    fn merge_keys_bring_in_what_is_not_there_and_show_both_places() {
        let node = parsed("base: &base\n  x: 1\n  y: 2\nweb:\n  <<: *base\n  x: 3\n");
        let web = node.get("web").expect("there is web");
        assert_eq!(web.to_string(), "{x: 3, y: 2}");
        let y = web.get("y").expect("there is y");
        assert_eq!(y.place.line_column(), (3, 6));
        assert_eq!(y.place.used.clone().map(|used| &y.place.file.text[used]), Some("*base"));
    }

    #[test]
    fn all_duplicate_keys_are_reported() {
        assert_eq!(
            problem("{\"a\": 1,\n \"a\": 2, \"b\": {\"c\": 1, \"c\": 2}}"),
            "test:2:2: error[R0002]: mapping key \"a\" already defined at line 1\n\
             test:2:24: error[R0002]: mapping key \"c\" already defined at line 2"
        );
    }

    #[test]
    fn syntax_errors_have_a_place() {
        for (text, place) in [
            ("{\"a\": 1", "test:1:1"),
            ("{\"a\": 1 \"b\": 2}", "test:1:12"),
            ("a:\n\tb: 1\n", "test:2:2"),
            ("a: *x\n", "test:1:4"),
            ("[1, 2]: 3\n", "test:1:1"),
            ("a: \"x\n", "test:2:1"),
        ] {
            let problem = problem(text);
            assert!(problem.starts_with(&format!("{place}: error[R0001]: not valid JSON or YAML: ")), "{problem}");
        }
    }

    #[test]
    fn what_a_text_comes_to_is_limited() {
        let keys = |count: usize| (0..count).map(|n| format!("k{n}: 1\n")).collect::<String>();
        assert!(parse(&file(&keys(MOST_VALUES / 2 - 1))).is_ok());
        assert!(problem(&keys(MOST_VALUES / 2)).contains("too much to read"));
        // What an alias repeats counts each time.
        let list = format!("a: &a [{}]\n", vec!["1"; MOST_VALUES / 10].join(","));
        assert!(parse(&file(&list)).is_ok());
        assert!(problem(&(list + "b: [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n")).contains("too much to read"));
        let text = format!("a: &a '{}'\nb: [{}]\n", "x".repeat(1 << 19), ["*a"; 16].join(","));
        assert!(problem(&text).contains("too much to read"));
    }

    #[test]
    fn keys_that_stand_twice_are_told_a_hundred_times_at_most() {
        let problems = parse(&file(&"k: 1\n".repeat(1_000))).unwrap_err();
        assert_eq!(problems.len(), MOST_PROBLEMS);
    }
}
