//! `fault`: what befalls a machine.

use crate::diag::{Code, Diagnostic};
use crate::model::NodeId;
use crate::model::command::Fault;

use super::read::{Problems, nearest, one_of};
use super::source::Spanned;

const KNOWN: [&str; 8] = [
    "node crash NAME",
    "node stop NAME",
    "node start NAME",
    "link down NAME...",
    "link up NAME...",
    "managers crash",
    "managers stop",
    "managers start",
];

/// The fault that a text stands for: `node crash node2`. `node` finds a node, or reports that there is none.
pub(super) fn read_fault(
    text: &Spanned<String>,
    node: impl Fn(&Spanned<String>, &mut Problems) -> Option<NodeId>,
    problems: &mut Problems,
) -> Option<Fault> {
    let words: Vec<&str> = text.value.split_whitespace().collect();
    let mut node = |name: &str| node(&Spanned { value: name.to_owned(), place: text.place.clone() }, problems);
    // All names are read, so that all that are unknown are told.
    let mut nodes = |names: &[&str]| {
        let found: Vec<Option<NodeId>> = names.iter().map(|name| node(name)).collect();
        found.into_iter().collect::<Option<Vec<NodeId>>>()
    };
    match words[..] {
        ["node", "crash", name] => node(name).map(Fault::NodeCrash),
        ["node", "stop", name] => node(name).map(Fault::NodeStop),
        ["node", "start", name] => node(name).map(Fault::NodeStart),
        ["link", "down", ref names @ ..] if !names.is_empty() => nodes(names).map(Fault::LinkDown),
        ["link", "up", ref names @ ..] if !names.is_empty() => nodes(names).map(Fault::LinkUp),
        ["managers", "crash"] => Some(Fault::ManagersCrash),
        ["managers", "stop"] => Some(Fault::ManagersStop),
        ["managers", "start"] => Some(Fault::ManagersStart),
        _ => {
            let diagnostic = Diagnostic::new(Code::UnknownWord, &text.place, format!("unknown fault `{}`", text.value));
            problems.push(match nearest(&text.value, KNOWN.into_iter()) {
                Some(known) => diagnostic.label(format!("did you mean `{known}`?")),
                None => diagnostic.label(format!("expected {}", one_of(KNOWN.into_iter()))),
            });
            None
        }
    }
}
