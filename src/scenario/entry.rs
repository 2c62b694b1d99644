//! `entry`: where the connections of a client enter.

use crate::diag::{Code, Diagnostic};
use crate::kernel::Span;
use crate::model::client::{BackendCheck, Balancer};

use super::read::{Fields, Problems, Read, list, refuse};
use super::source::{Node, Spanned, Value};

/// How often a proxy asks which tasks there are. `Assumed:` Traefik's `refreshSeconds` of its Swarm provider.
const REFRESH: Span = Span::from_secs(15);

/// Where the connections of a client enter.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) at: Places,
    /// What stands before those places.
    pub(super) balancer: Option<Balancer>,
}

/// Places at which connections enter.
#[derive(Debug)]
pub(super) enum Places {
    /// All nodes of the cluster.
    AllNodes,
    /// These nodes.
    Nodes(Vec<Spanned<String>>),
    /// The tasks themselves.
    Tasks,
}

/// Nodes, or the mapping of an external load balancer.
impl Read for Entry {
    fn read(node: &Node, problems: &mut Problems) -> Option<Entry> {
        match &node.value {
            Value::Map(_) => read_balancer(node, problems),
            _ => Some(Entry { at: read_nodes(node, problems)?, balancer: None }),
        }
    }
}

/// `all`, the name of a node, or a list of names.
fn read_nodes(node: &Node, problems: &mut Problems) -> Option<Places> {
    match &node.value {
        Value::String(name) if name == "all" => Some(Places::AllNodes),
        Value::Seq(_) => list(node, problems, Spanned::read).map(Places::Nodes),
        _ => Spanned::read(node, problems).map(|name| Places::Nodes(vec![name])),
    }
}

impl Read for Places {
    fn read(node: &Node, problems: &mut Problems) -> Option<Places> {
        match &node.value {
            Value::String(name) if name == "tasks" => Some(Places::Tasks),
            _ => read_nodes(node, problems),
        }
    }
}

/// `{"backends": "tasks", "refresh": "15s"}`, or `{"backends": "all", "check": {...}}`
fn read_balancer(node: &Node, problems: &mut Problems) -> Option<Entry> {
    let mut fields = Fields::of(node, problems)?;
    let at = fields.require::<Places>("backends");
    let refresh: Option<Spanned<Span>> = fields.read("refresh");
    let check = fields.read("check");
    fields.finish();
    let at = at?;
    if let Some(refresh) = &refresh {
        if refresh.value.is_zero() {
            return refuse(Code::OutOfRange, &refresh.place, "`refresh` is longer than 0", problems);
        }
        if !matches!(at, Places::Tasks) {
            let message = "this has no effect: only which tasks there are is asked anew";
            problems.push(Diagnostic::new(Code::NoEffect, &refresh.place, message));
        }
    }
    let refresh = matches!(at, Places::Tasks).then(|| refresh.map_or(REFRESH, |refresh| refresh.value));
    Some(Entry { at, balancer: Some(Balancer { refresh, check }) })
}

/// `{"interval": "2s", "timeout": "1s", "rise": 2, "fall": 3}`
///
/// Source: haproxy: doc/configuration.txt `inter`, `timeout check`, `rise`, `fall`, for what is not said.
impl Read for BackendCheck {
    fn read(node: &Node, problems: &mut Problems) -> Option<BackendCheck> {
        let mut fields = Fields::of(node, problems)?;
        let interval: Span = fields.read("interval").unwrap_or(Span::from_secs(2));
        let timeout: Span = fields.read("timeout").unwrap_or(interval);
        let (rise, fall) = (fields.read("rise").unwrap_or(2), fields.read("fall").unwrap_or(3));
        fields.finish();
        if interval.is_zero() || timeout > interval {
            let message = "`interval` is longer than 0, and `timeout` no longer than it";
            return refuse(Code::OutOfRange, &node.place, message, problems);
        }
        if rise == 0 || fall == 0 {
            return refuse(Code::OutOfRange, &node.place, "`rise` and `fall` are at least 1", problems);
        }
        Some(BackendCheck { interval, timeout, rise, fall })
    }
}
