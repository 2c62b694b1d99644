//! `fault`: what befalls a machine.

use crate::diag::{Code, Diagnostic};
use crate::model::NodeId;
use crate::model::command::Fault;

use super::read::{Problems, nearest, one_of};
use super::source::Spanned;

const KNOWN: [&str; 3] = ["node crash NAME", "node stop NAME", "node start NAME"];

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
        ["link" | "managers", ..] => {
            let message = format!("`{}` faults are not simulated yet", words[0]);
            problems.push(Diagnostic::new(Code::NotSimulated, &text.place, message));
            return None;
        }
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
