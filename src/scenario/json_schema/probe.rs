//! Asks the readers what they take at a place: feeds them a scenario that has nothing but this place.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::read::{Asked, Problems, Read};
use super::super::schema::Scenario;
use super::super::source::{Entry, Node, Spanned, Value};
use crate::diag::{Code, Place, Severity, SourceFile};

/// The kinds of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Null,
    Bool,
    Integer,
    Float,
    String,
    List,
    Mapping,
}

/// A step from a place to one below it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Key(&'static str),
    Item,
}

/// What may stand at a place.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// Kinds that are taken, among them that of the words.
    pub(super) kinds: BTreeSet<Kind>,
    /// The only texts that are taken, if not all are.
    pub(super) words: Vec<String>,
    /// Keys of a mapping, in the order in which they are asked for; `None`: known only to be refused.
    pub(super) keys: Vec<(&'static str, Option<Shape>)>,
    /// Keys that must be there.
    pub(super) required: Vec<&'static str>,
    /// Whether keys that begin with `x-` pass.
    pub(super) extensions: bool,
    /// Values of keys that the user chooses.
    pub(super) others: Option<Box<Shape>>,
    /// Items of a list.
    pub(super) items: Option<Box<Shape>>,
}

impl Kind {
    pub(super) const ALL: [Kind; 7] =
        [Kind::Null, Kind::Bool, Kind::Integer, Kind::Float, Kind::String, Kind::List, Kind::Mapping];

    /// Values of this kind. One that is taken is enough: 0 is a duration, 1 is a port.
    fn samples(self) -> Vec<Value> {
        match self {
            Kind::Null => vec![Value::Null],
            Kind::Bool => vec![Value::Bool(true), Value::Bool(false)],
            Kind::Integer => vec![Value::Integer(0), Value::Integer(1)],
            Kind::Float => vec![Value::Float(0.5)],
            Kind::String => vec![Value::String("probe".to_owned())],
            Kind::List => vec![Value::Seq(Vec::new())],
            Kind::Mapping => vec![Value::Map(Vec::new())],
        }
    }
}

impl Shape {
    /// Whether anything is known of what stands in it.
    pub(super) fn is_structured(&self) -> bool {
        !self.words.is_empty() || !self.keys.is_empty() || self.others.is_some() || self.items.is_some()
    }
}

/// Where the value that is probed pretends to stand, its key, and everything else.
const TARGET: usize = 1;
const KEY: usize = 2;
const ELSEWHERE: usize = 0;

/// What may stand at the end of a path.
pub(super) fn explore(path: &mut Vec<Step>) -> Shape {
    let mut shape = Shape::default();
    for kind in Kind::ALL {
        let answers: Vec<Answer> = kind.samples().into_iter().map(|sample| ask(path, sample)).collect();
        if !answers.iter().any(|answer| answer.takes(kind)) {
            continue;
        }
        shape.kinds.insert(kind);
        answers.into_iter().flat_map(|answer| answer.asked).for_each(|asked| shape.note(asked, path));
    }
    // What takes everything does not look at it.
    if shape.kinds.contains(&Kind::List) && shape.kinds.len() < Kind::ALL.len() {
        path.push(Step::Item);
        shape.items = Some(Box::new(explore(path)));
        path.pop();
    }
    shape
}

impl Shape {
    fn note(&mut self, asked: Asked, path: &mut Vec<Step>) {
        match asked {
            Asked::Words(words) => self.words = words,
            Asked::Required(key) => self.required.push(key),
            Asked::Extensions => self.extensions = true,
            Asked::Key(key) if self.keys.iter().any(|(known, _)| *known == key) => {}
            Asked::Key(key) => {
                path.push(Step::Key(key));
                let is_refused = ask(path, Value::Null).refuses_key() && ask(path, Value::Integer(1)).refuses_key();
                let shape = (!is_refused).then(|| explore(path));
                path.pop();
                self.keys.push((key, shape));
            }
            Asked::Names(examples) => {
                for example in examples {
                    path.push(Step::Key(example));
                    let shape = explore(path);
                    path.pop();
                    match &mut self.others {
                        Some(others) => others.kinds.extend(shape.kinds),
                        None => self.others = Some(Box::new(shape)),
                    }
                }
            }
        }
    }
}

/// What the readers said to a value.
struct Answer {
    /// Codes of what they found wrong with it.
    wrong: Vec<Code>,
    /// Codes of what they found wrong with its key.
    wrong_key: Vec<Code>,
    /// What they asked it for.
    asked: Vec<Asked>,
}

impl Answer {
    /// Whether the kind of value is taken. The form of a text and what a list or mapping lacks is another matter.
    fn takes(&self, kind: Kind) -> bool {
        match kind {
            Kind::String | Kind::List | Kind::Mapping => !self.wrong.contains(&Code::WrongType),
            _ => self.wrong.is_empty(),
        }
    }

    fn refuses_key(&self) -> bool {
        self.wrong_key.contains(&Code::RefusedBySwarm)
    }
}

/// Lets the readers read a scenario with this value at the end of this path.
fn ask(path: &[Step], value: Value) -> Answer {
    let file = Arc::new(SourceFile { name: String::new(), text: String::new() });
    let place = |at: usize| Place::new(&file, at..at);
    let mut node = Node { value, place: place(TARGET) };
    let mut key = KEY;
    for step in path.iter().rev() {
        let value = match step {
            Step::Key(name) => {
                let key = Spanned { value: (*name).to_owned(), place: place(key) };
                Value::Map(vec![Entry { key, value: node }])
            }
            // Some lists have two items.
            Step::Item => Value::Seq(vec![node.clone(), node]),
        };
        node = Node { value, place: place(ELSEWHERE) };
        key = ELSEWHERE;
    }
    let mut problems = Problems::tracing();
    Scenario::read(&node, &mut problems);
    let (diagnostics, asked) = problems.into_trace();
    let errors = || diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let at = |at: usize| errors().filter(|error| error.place.span.start == at).map(|error| error.code).collect();
    Answer {
        wrong: at(TARGET),
        wrong_key: at(KEY),
        asked: asked.into_iter().filter(|(at, _)| *at == TARGET).map(|(_, asked)| asked).collect(),
    }
}
