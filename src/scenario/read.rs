//! Small readers that turn the tree of a text into typed values, report what is wrong, and go on.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Place, Severity};
use crate::kernel::Span;

use super::duration::parse_span;
use super::source::{Entry, Node, Spanned, Value};

/// Longest duration in a scenario: a year, so that sums of some of them stay within what [`crate::kernel::Time`] can tell.
const LONGEST: Span = Span::from_secs(8_760 * 3_600);

/// Most errors that are told of one scenario, most warnings, and most lints: whoever has more has made one mistake many times.
pub const MOST_PROBLEMS: usize = 100;

/// Longest word, in bytes, for which a similar one is looked for: names in Swarm have at most 63.
const LONGEST_MISSPELT: usize = 100;

/// Most words of which the nearest is looked for.
const MOST_COMPARED: usize = 1_000;

/// Most known names that are listed when one is unknown.
const MOST_LISTED: usize = 8;

/// All that was found to be wrong, or worth knowing, so far.
#[derive(Debug, Default)]
pub(super) struct Problems {
    list: Vec<Diagnostic>,
    /// What readers ask for, and at which byte of the text, if anybody wants to know.
    trace: Option<Vec<(usize, Asked)>>,
}

/// What a reader asks a value for.
#[derive(Debug)]
pub(super) enum Asked {
    /// A key.
    Key(&'static str),
    /// A key that must be there.
    Required(&'static str),
    /// Whether keys that begin with `x-` are there.
    Extensions,
    /// Keys that the user chooses, such as these.
    Names(&'static [&'static str]),
    /// One of these words.
    Words(Vec<String>),
}

impl Problems {
    /// None, and a note of everything that readers ask for.
    pub(super) fn tracing() -> Problems {
        Problems { list: Vec::new(), trace: Some(Vec::new()) }
    }

    /// All that was found, and all that was asked for.
    pub(super) fn into_trace(self) -> (Vec<Diagnostic>, Vec<(usize, Asked)>) {
        (self.list, self.trace.unwrap_or_default())
    }

    /// Notes what a reader asks the value at a place for.
    pub(super) fn asked(&mut self, place: &Place, asked: impl FnOnce() -> Asked) {
        if let Some(trace) = &mut self.trace {
            trace.push((place.span.start, asked()));
        }
    }

    /// Adds a diagnostic. One that says the same of the same place as another is dropped: it came by an alias.
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        let same = |other: &Diagnostic| {
            (other.code, &other.message, &other.place.file.name, &other.place.span)
                == (diagnostic.code, &diagnostic.message, &diagnostic.place.file.name, &diagnostic.place.span)
        };
        // Warnings must not crowd out an error.
        let is_error = diagnostic.severity == Severity::Error;
        let told = if is_error { self.errors() } else { self.list.len() - self.errors() };
        if told < MOST_PROBLEMS && !self.list.iter().any(same) {
            self.list.push(diagnostic);
        }
    }

    /// Whether there is an error among them.
    pub(super) fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// Whether no more errors will be told, so that it is idle to look for them.
    pub(super) fn is_full(&self) -> bool {
        self.errors() >= MOST_PROBLEMS
    }

    /// How many errors there are among them.
    pub(super) fn errors(&self) -> usize {
        self.list.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
    }

    /// All of them in the order of the text; those of other texts (overlays) after those of `main`.
    pub(super) fn into_sorted(mut self, main: &str) -> Vec<Diagnostic> {
        self.list.sort_by(|a, b| {
            let is_other = |place: &Place| place.file.name != main;
            let (a, b) = (&a.place, &b.place);
            let files = is_other(a).cmp(&is_other(b)).then_with(|| a.file.name.cmp(&b.file.name));
            files.then(a.span.start.cmp(&b.span.start))
        });
        self.list
    }
}

/// What can be read from a node.
pub(super) trait Read: Sized {
    /// The value, or `None` after a problem was reported.
    fn read(node: &Node, problems: &mut Problems) -> Option<Self>;
}

/// Reports a value of the wrong type. `expected`: what belongs there, with its article.
pub(super) fn wrong_type<T>(node: &Node, expected: &str, problems: &mut Problems) -> Option<T> {
    let message = format!("expected {expected}, found {}", node.kind());
    problems.push(Diagnostic::new(Code::WrongType, &node.place, message));
    None
}

/// Reports a value that is impossible or does not have the form of what belongs there.
pub(super) fn refuse<T>(code: Code, place: &Place, message: impl Into<String>, problems: &mut Problems) -> Option<T> {
    problems.push(Diagnostic::new(code, place, message));
    None
}

/// The value, or what docker says against it.
pub(super) fn checked<T>(result: Result<T, String>, place: &Place, problems: &mut Problems) -> Option<T> {
    result.map_or_else(|message| refuse(Code::Malformed, place, message, problems), Some)
}

/// One of the words of a table.
pub(super) fn word<T: Clone>(node: &Node, what: &str, words: &[(&str, T)], problems: &mut Problems) -> Option<T> {
    word_or(node, |word| format!("unknown {what} `{word}`"), words, problems)
}

/// One of the words of a table. `refusal`: what is said of any other.
pub(super) fn word_or<T: Clone>(
    node: &Node,
    refusal: impl Fn(&str) -> String,
    words: &[(&str, T)],
    problems: &mut Problems,
) -> Option<T> {
    let text = text_of(node, problems)?;
    let listed = || words.iter().map(|(word, _)| (*word).to_owned()).filter(|word| !word.is_empty()).collect();
    problems.asked(&node.place, || Asked::Words(listed()));
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Some(value.clone());
    }
    let known = || words.iter().map(|(word, _)| *word).filter(|word| !word.is_empty());
    let diagnostic = Diagnostic::new(Code::UnknownWord, &node.place, refusal(text));
    problems.push(match nearest(text, known()) {
        Some(word) => diagnostic.label(format!("did you mean `{word}`?")),
        None => diagnostic.label(format!("expected {}", one_of(known()))),
    });
    None
}

/// The text of a node that must be a string.
pub(super) fn text_of<'a>(node: &'a Node, problems: &mut Problems) -> Option<&'a str> {
    match &node.value {
        Value::String(text) => Some(text),
        _ => wrong_type(node, "a string", problems),
    }
}

/// The known word that a misspelt one was most likely meant to be.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST_MISSPELT {
        return None;
    }
    let lower = word.to_lowercase().replace('-', "_");
    known
        .filter(|candidate| candidate.len() <= LONGEST_MISSPELT)
        .take(MOST_COMPARED)
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(&lower, &candidate.to_lowercase().replace('-', "_"));
            (distance, candidate)
        })
        .filter(|(distance, candidate)| *distance * 3 <= word.len().max(candidate.len()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// What is said beside an unknown name: the known one that was most likely meant, else all of them if they are few.
pub(super) fn instead_of<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(meant) = nearest(name, known.clone()) {
        return format!("did you mean `{meant}`?");
    }
    match known.clone().take(MOST_LISTED + 1).count() {
        1..=MOST_LISTED => format!("expected {}", one_of(known)),
        _ => String::new(),
    }
}

/// `a`, `b` or `c`
pub(super) fn one_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => "nothing".to_owned(),
    }
}

/// The items of a node that must be a list.
pub(super) fn items<'a>(node: &'a Node, problems: &mut Problems) -> Option<&'a [Node]> {
    match &node.value {
        Value::Seq(items) => Some(items),
        _ => wrong_type(node, "a list", problems),
    }
}

/// The items of a node that must be a list, as `read` understands them; without those that were wrong.
pub(super) fn list<T>(
    node: &Node,
    problems: &mut Problems,
    mut read: impl FnMut(&Node, &mut Problems) -> Option<T>,
) -> Option<Vec<T>> {
    let mut list = Vec::new();
    for item in items(node, problems)? {
        if problems.is_full() {
            break;
        }
        list.extend(read(item, problems));
    }
    Some(list)
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node, problems: &mut Problems) -> Option<Vec<T>> {
        list(node, problems, T::read)
    }
}

/// The entries of a node that must be a mapping from names that the user chose.
pub(super) fn entries<'a>(node: &'a Node, problems: &mut Problems) -> Option<&'a [Entry]> {
    entries_like(node, &["name"], problems)
}

/// The same, of names that must have a certain form, with some that have it.
pub(super) fn entries_like<'a>(
    node: &'a Node,
    examples: &'static [&'static str],
    problems: &mut Problems,
) -> Option<&'a [Entry]> {
    problems.asked(&node.place, || Asked::Names(examples));
    match &node.value {
        Value::Map(entries) => Some(entries),
        _ => wrong_type(node, "a mapping", problems),
    }
}

/// Texts by name: a mapping, or a list of `NAME=VALUE`. A number stands for its text, `null` for none.
pub(super) fn pairs(node: &Node, problems: &mut Problems) -> Option<BTreeMap<String, String>> {
    if let Value::Seq(_) = node.value {
        let texts = Vec::<String>::read(node, problems)?;
        let split = |text: &String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        return Some(texts.iter().map(|text| split(text).unwrap_or_else(|| (text.clone(), String::new()))).collect());
    }
    let mut pairs = BTreeMap::new();
    for Entry { key, value } in entries(node, problems)? {
        let text = match &value.value {
            Value::Seq(_) | Value::Map(_) | Value::Bool(_) => wrong_type(value, "a string, number or null", problems),
            Value::Null => Some(String::new()),
            _ => Some(value.to_string()),
        };
        pairs.extend(text.map(|text| (key.value.clone(), text)));
    }
    Some(pairs)
}

/// Values by names that the user chose, in the order of the text; `None` for those that were wrong, so that their names
/// are known all the same.
pub(super) type Named<T> = Vec<(Spanned<String>, Option<T>)>;

/// Reads a mapping from names that the user chose.
pub(super) fn named<T: Read>(node: &Node, problems: &mut Problems) -> Option<Named<T>> {
    let entries = entries(node, problems)?;
    Some(entries.iter().map(|entry| (entry.key.clone(), T::read(&entry.value, problems))).collect())
}

impl<T: Read> Read for Spanned<T> {
    fn read(node: &Node, problems: &mut Problems) -> Option<Spanned<T>> {
        Some(Spanned { value: T::read(node, problems)?, place: node.place.clone() })
    }
}

impl Read for String {
    fn read(node: &Node, problems: &mut Problems) -> Option<String> {
        text_of(node, problems).map(str::to_owned)
    }
}

impl Read for bool {
    fn read(node: &Node, problems: &mut Problems) -> Option<bool> {
        match node.value {
            Value::Bool(value) => Some(value),
            _ => wrong_type(node, "a boolean", problems),
        }
    }
}

impl Read for u64 {
    fn read(node: &Node, problems: &mut Problems) -> Option<u64> {
        whole(node, problems)
    }
}

impl Read for u32 {
    fn read(node: &Node, problems: &mut Problems) -> Option<u32> {
        whole(node, problems)
    }
}

impl Read for u16 {
    fn read(node: &Node, problems: &mut Problems) -> Option<u16> {
        whole(node, problems)
    }
}

impl Read for u8 {
    fn read(node: &Node, problems: &mut Problems) -> Option<u8> {
        whole(node, problems)
    }
}

/// A whole number that `T` can hold; `2.0` is one too, as in docker.
fn whole<T: TryFrom<i128>>(node: &Node, problems: &mut Problems) -> Option<T> {
    let value = match node.value {
        Value::Integer(value) => value,
        Value::Float(value) if libm::trunc(value) == value && value.abs() < 1e18 => value as i128,
        Value::Float(value) => {
            let message = format!("expected a whole number, found {value}");
            return refuse(Code::WrongType, &node.place, message, problems);
        }
        _ => return wrong_type(node, "a whole number", problems),
    };
    let bits = 8 * size_of::<T>();
    let too_large = || format!("{value} is not between 0 and 2^{bits} - 1");
    T::try_from(value).ok().or_else(|| refuse(Code::OutOfRange, &node.place, too_large(), problems))
}

impl Read for f64 {
    fn read(node: &Node, problems: &mut Problems) -> Option<f64> {
        match node.value {
            Value::Integer(value) => Some(value as f64),
            Value::Float(value) => Some(value),
            _ => wrong_type(node, "a number", problems),
        }
    }
}

/// A duration in Go's form.
impl Read for Span {
    fn read(node: &Node, problems: &mut Problems) -> Option<Span> {
        let text = match &node.value {
            Value::String(text) => text.clone(),
            Value::Integer(value) => value.to_string(),
            _ => return wrong_type(node, "a duration such as `1m30s`", problems),
        };
        let wrong = |message: String| {
            Diagnostic::new(Code::Duration, &node.place, message)
                .label("a duration is written `1m30s`, `500ms` or `0s`")
        };
        match parse_span(&text) {
            Ok(span) if span > LONGEST => {
                refuse(Code::OutOfRange, &node.place, format!("{text} is longer than a year"), problems)
            }
            Ok(span) => Some(span),
            Err(message) => {
                problems.push(wrong(message));
                None
            }
        }
    }
}

/// Reads a mapping with known keys: whatever is not asked for by the end is an unknown field.
pub(super) struct Fields<'a, 'p> {
    entries: &'a [Entry],
    place: &'a Place,
    extensions: bool,
    asked: Vec<&'static str>,
    /// Where problems go.
    pub(super) problems: &'p mut Problems,
}

impl<'a, 'p> Fields<'a, 'p> {
    /// The fields of a node that must be a mapping.
    pub(super) fn of(node: &'a Node, problems: &'p mut Problems) -> Option<Fields<'a, 'p>> {
        match &node.value {
            Value::Map(entries) => {
                Some(Fields { entries, place: &node.place, extensions: false, asked: Vec::new(), problems })
            }
            _ => wrong_type(node, "a mapping", problems),
        }
    }

    /// The entry of a key, if it is there.
    pub(super) fn entry(&mut self, key: &'static str) -> Option<&'a Entry> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.problems.asked(self.place, || Asked::Key(key));
        self.entries.iter().find(|entry| entry.key.value == key)
    }

    /// The node of a key, if it is there.
    pub(super) fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The value of a key, if it is there and right.
    pub(super) fn read<T: Read>(&mut self, key: &'static str) -> Option<T> {
        self.read_with(key, T::read)
    }

    /// The value of a key as `read` understands it, if it is there and right.
    pub(super) fn read_with<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&'a Node, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        let node = self.node(key)?;
        read(node, self.problems)
    }

    /// The value of a key that must be there.
    pub(super) fn require<T: Read>(&mut self, key: &'static str) -> Option<T> {
        self.problems.asked(self.place, || Asked::Required(key));
        match self.node(key) {
            Some(node) => T::read(node, self.problems),
            None => refuse(Code::MissingKey, self.place, format!("missing field `{key}`"), self.problems),
        }
    }

    /// Reports keys that cannot stand together: each of `others` that is there beside `key`.
    pub(super) fn exclude(&mut self, key: &'static str, others: &[&'static str]) {
        if self.entry(key).is_none() {
            return;
        }
        for other in others {
            if let Some(entry) = self.entry(other) {
                let message = format!("`{other}` cannot stand beside `{key}`");
                self.problems.push(Diagnostic::new(Code::Conflict, &entry.key.place, message));
            }
        }
    }

    /// Lets keys that begin with `x-` pass: they are the user's own.
    pub(super) fn allow_extensions(&mut self) {
        self.extensions = true;
        self.problems.asked(self.place, || Asked::Extensions);
    }

    /// Reports every key that was not asked for.
    pub(super) fn finish(self) {
        let Fields { entries, asked, problems, extensions, .. } = self;
        let known = |key: &str| asked.contains(&key) || (extensions && key.starts_with("x-"));
        for Entry { key, .. } in entries.iter().filter(|entry| !known(&entry.key.value)) {
            if problems.is_full() {
                break;
            }
            let message = format!("unknown field `{}`", key.value);
            let label = instead_of(&key.value, asked.iter().copied());
            problems.push(Diagnostic::new(Code::UnknownKey, &key.place, message).label(label));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diag::SourceFile;

    #[test]
    fn many_warnings_hide_no_error_and_many_errors_end_the_search() {
        let place = Place::new(&Arc::new(SourceFile { name: String::new(), text: String::new() }), 0..0);
        let mut problems = Problems::default();
        for number in 0..2 * MOST_PROBLEMS {
            problems.push(Diagnostic::new(Code::UnsetVariable, &place, number.to_string()));
        }
        assert!(!problems.has_errors());
        for number in 0..2 * MOST_PROBLEMS {
            assert_eq!(problems.is_full(), number >= MOST_PROBLEMS);
            problems.push(Diagnostic::new(Code::UnknownKey, &place, number.to_string()));
        }
        assert_eq!((problems.errors(), problems.into_sorted("").len()), (MOST_PROBLEMS, 2 * MOST_PROBLEMS));
    }

    #[test]
    fn only_words_that_may_be_names_are_compared() {
        let long = "a".repeat(LONGEST_MISSPELT + 1);
        assert_eq!(nearest("wbe", ["db", "web"].into_iter()), Some("web"));
        assert_eq!(nearest(&long, [long.as_str()].into_iter()), None);
        let mut asked = 0;
        let none = nearest("wbe", std::iter::repeat_n("db", 9 * MOST_COMPARED).inspect(|_| asked += 1));
        assert_eq!((none, asked), (None, MOST_COMPARED));
    }
}
