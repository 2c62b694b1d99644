//! What must hold of a node.

use std::fmt;

use super::{Bound, Comparison, Expect, Verdict, described, read_bound, split_sign};
use crate::diag::{Code, Diagnostic};
use crate::kernel::{Span, Time};
use crate::metrics::path::Kind;
use crate::metrics::summary::NodeSummary;
use crate::model::node::{Availability, ManagerStatus, NodeState};
use crate::scenario::read::{Fields, Problems, Read, refuse, word};
use crate::scenario::source::{Entry, Node, Spanned};

/// Something that must hold of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeCheck {
    /// How the time that it took to be empty compares. A node that was not drained, or not empty, fails.
    Empty(Comparison, Span),
    /// STATUS of `docker node ls` at this instant, or at the end of the run; `None`: the node is no member of the cluster.
    Status(Option<NodeState>, Option<Time>),
    /// MANAGER STATUS of `docker node ls` at this instant, or at the end of the run; `None`: that of a worker.
    ManagerStatus(Option<ManagerStatus>, Option<Time>),
}

/// What nodes that are no members, and workers, are said to be.
const NONE: &str = "none";

impl NodeCheck {
    /// Whether it holds of what was seen of its node, and what was seen.
    pub fn judge(&self, node: &NodeSummary) -> Verdict {
        let row = |at: Option<Time>| node.log.at(at.unwrap_or(Time::MAX));
        match *self {
            NodeCheck::Empty(comparison, bound) => Verdict {
                holds: node.empty.is_some_and(|empty| comparison.holds(empty, bound)),
                found: node.empty.map_or_else(|| why_not_empty(node).to_owned(), |empty| empty.to_string()),
            },
            NodeCheck::Status(state, at) => {
                Verdict { holds: row(at).state == state, found: state_name(row(at).state).to_owned() }
            }
            NodeCheck::ManagerStatus(status, at) => {
                Verdict { holds: row(at).manager == status, found: status_name(row(at).manager).to_owned() }
            }
        }
    }
}

/// Why no time was measured in which the node got empty.
fn why_not_empty(node: &NodeSummary) -> &'static str {
    let drained = |at| node.log.at(at).availability == Availability::Drain;
    match (drained(Time::ZERO), drained(Time::MAX)) {
        (true, true) => "drained from the start",
        (false, true) => "tasks were on it to the end",
        (_, false) => "never drained, or not long enough to be empty",
    }
}

/// The check as the scenario says it: `empty <= 20s`, `manager_status: leader at 60s`.
impl fmt::Display for NodeCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, word, at) = match *self {
            NodeCheck::Empty(comparison, bound) => return write!(f, "empty {} {bound}", comparison.sign()),
            NodeCheck::Status(state, at) => ("status", state_name(state), at),
            NodeCheck::ManagerStatus(status, at) => ("manager_status", status_name(status), at),
        };
        write!(f, "{name}: {word}")?;
        at.map_or(Ok(()), |at| write!(f, " at {}", at.since_start()))
    }
}

/// Reads an object of `expect` that is about a node.
pub(super) fn read(node: &Node, problems: &mut Problems) -> Option<Expect> {
    let mut fields = Fields::of(node, problems)?;
    let name = fields.require("node");
    let (empty, status, manager) = (fields.entry("empty"), fields.entry("status"), fields.entry("manager_status"));
    let at = fields.node("at");
    fields.finish();
    if [empty, status, manager].iter().all(Option::is_none) {
        let message = "missing field `empty`, `status` or `manager_status`";
        return refuse(Code::MissingKey, &node.place, message, problems);
    }
    if let Some(at) = at
        && status.is_none()
        && manager.is_none()
    {
        problems.push(Diagnostic::new(Code::Conflict, &at.place, "`at` belongs to `status` or `manager_status`"));
    }
    let at = at.and_then(|at| Time::read(at, problems));
    let mut checks = Vec::new();
    let mut add = |entry: &Entry, check: Option<NodeCheck>| {
        checks.extend(check.map(|value| Spanned { value, place: entry.key.place.clone() }));
    };
    if let Some(entry) = empty {
        add(entry, read_empty(&entry.value, problems));
    }
    if let Some(entry) = status {
        let states = [NodeState::Ready, NodeState::Down, NodeState::Unknown].map(Some);
        let words: Vec<_> = states.into_iter().chain([None]).map(|state| (state_name(state), state)).collect();
        let state = word(&entry.value, "status of a node", &words, problems);
        add(entry, state.map(|state| NodeCheck::Status(state, at)));
    }
    if let Some(entry) = manager {
        let statuses = ManagerStatus::ALL.map(Some);
        let words: Vec<_> = statuses.into_iter().chain([None]).map(|status| (status_name(status), status)).collect();
        let status = word(&entry.value, "manager status", &words, problems);
        add(entry, status.map(|status| NodeCheck::ManagerStatus(status, at)));
    }
    Some(Expect::Node { node: name?, checks })
}

fn read_empty(node: &Node, problems: &mut Problems) -> Option<NodeCheck> {
    let text = node.to_string();
    let (comparison, bound) = split_sign(&text);
    match read_bound(Kind::Duration, bound) {
        Some(Bound::Duration(bound)) => Some(NodeCheck::Empty(comparison, bound)),
        _ => {
            let message = format!("`empty` is {}, and `{bound}` is not", described(Kind::Duration));
            refuse(Code::MetricKind, &node.place, message, problems)
        }
    }
}

fn state_name(state: Option<NodeState>) -> &'static str {
    state.map_or(NONE, NodeState::name)
}

fn status_name(status: Option<ManagerStatus>) -> &'static str {
    status.map_or(NONE, ManagerStatus::name)
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;
    use crate::metrics::summary::{NodeLog, NodeStatus};

    fn checks(text: &str) -> Vec<NodeCheck> {
        let Expect::Node { checks, .. } = read(text) else { panic!("{text} is about a node") };
        checks.into_iter().map(|check| check.value).collect()
    }

    fn node(empty: Option<Span>) -> NodeSummary {
        let (state, manager) = (Some(NodeState::Unknown), Some(ManagerStatus::Leader));
        let log = NodeLog::of(NodeStatus { state, availability: Availability::Active, manager });
        NodeSummary { name: "node2".to_owned(), empty, log }
    }

    #[test]
    fn a_node_must_be_empty_in_time() {
        let [check] = checks("{node: node2, empty: <= 20s}").try_into().expect("one check");
        assert_eq!(check.to_string(), "empty <= 20s");
        let judge = |empty| check.judge(&node(empty));
        assert_eq!(judge(Some(Span::from_secs(20))), Verdict { holds: true, found: "20s".to_owned() });
        assert_eq!(judge(Some(Span::from_millis(20_001))), Verdict { holds: false, found: "20.001s".to_owned() });
        assert_eq!(
            judge(None),
            Verdict { holds: false, found: "never drained, or not long enough to be empty".to_owned() }
        );
    }

    #[test]
    fn a_node_is_said_to_be_what_docker_node_ls_says() {
        for (text, said, found, holds) in [
            ("{node: node2, manager_status: leader, at: 60s}", "manager_status: leader at 1m0s", "leader", true),
            ("{node: node2, manager_status: none}", "manager_status: none", "leader", false),
            ("{node: node2, status: unknown}", "status: unknown", "unknown", true),
            ("{node: node2, at: 5s, status: down}", "status: down at 5s", "unknown", false),
        ] {
            let [check] = checks(text).try_into().expect("one check");
            assert_eq!(check.to_string(), said);
            assert_eq!(check.judge(&node(None)), Verdict { holds, found: found.to_owned() }, "{text}");
        }
        assert_eq!(checks("{node: node2, status: ready, manager_status: reachable}").len(), 2);
    }
}
