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
    "link down NAME",
    "link up NAME",
    "managers crash",
    "managers stop",
    "managers start",
];

/// The fault that a text stands for: `node crash node2`. `node` finds a node, or reports that there is none.
pub(super) fn read_fault(
    text: &Spanned<String>,
    node: impl FnOnce(&Spanned<String>, &mut Problems) -> Option<NodeId>,
    problems: &mut Problems,
) -> Option<Fault> {
    let words: Vec<&str> = text.value.split_whitespace().collect();
    let fault: fn(NodeId) -> Fault = match words[..] {
        ["node", "crash", _] => Fault::NodeCrash,
        ["node", "stop", _] => Fault::NodeStop,
        ["node", "start", _] => Fault::NodeStart,
        ["link", "down", _] => Fault::LinkDown,
        ["link", "up", _] => Fault::LinkUp,
        ["managers", "crash"] => return Some(Fault::ManagersCrash),
        ["managers", "stop"] => return Some(Fault::ManagersStop),
        ["managers", "start"] => return Some(Fault::ManagersStart),
        _ => {
            let diagnostic = Diagnostic::new(Code::UnknownWord, &text.place, format!("unknown fault `{}`", text.value));
            problems.push(match nearest(&text.value, KNOWN.into_iter()) {
                Some(known) => diagnostic.label(format!("did you mean `{known}`?")),
                None => diagnostic.label(format!("expected {}", one_of(KNOWN.into_iter()))),
            });
            return None;
        }
    };
    let name = Spanned { value: words[2].to_owned(), place: text.place.clone() };
    node(&name, problems).map(fault)
}
