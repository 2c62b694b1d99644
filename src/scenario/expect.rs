//! `expect`: what must hold after a run.

mod node;

use std::fmt;

pub use node::NodeCheck;

use crate::diag::{Code, Diagnostic, Place};
use crate::kernel::{Span, Time};
use crate::metrics::path::{Kind, MetricPath, Value as Measured};
use crate::metrics::summary::ServiceSummary;
use crate::model::update::UpdateState;
use crate::model::{NodeId, ServiceId};

use super::duration::parse_span;
use super::read::{Asked, Problems, Read, entries_like, refuse, word, wrong_type};
use super::source::{Entry, Node, Spanned, Value};
use super::units::{check_share, parse_percent};

/// One object of `expect`: all of its checks are about one service, or one node.
#[derive(Debug)]
pub(super) enum Expect {
    Service {
        /// The service; `None`: the only one.
        service: Option<Spanned<String>>,
        /// What must hold of it.
        checks: Vec<Spanned<Check>>,
        /// Where the object stands.
        place: Place,
    },
    Node {
        /// The node.
        node: Spanned<String>,
        /// What must hold of it.
        checks: Vec<Spanned<NodeCheck>>,
    },
}

impl Expect {
    /// The instants that it names, and where it is said.
    pub(super) fn instants(&self) -> impl Iterator<Item = (Time, &Place)> {
        let (of_service, of_node): (&[_], &[_]) = match self {
            Expect::Service { checks, .. } => (checks, &[]),
            Expect::Node { checks, .. } => (&[], checks),
        };
        let of_service = of_service.iter().filter_map(|check| match check.value {
            Check::UpdateStatus(_, before) => Some((before?, &check.place)),
            Check::Metric(..) => None,
        });
        of_service.chain(of_node.iter().filter_map(|check| match check.value {
            NodeCheck::Empty(..) => None,
            NodeCheck::Status(_, at) | NodeCheck::ManagerStatus(_, at) => Some((at?, &check.place)),
        }))
    }
}

/// Something that must hold after a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// What must hold, and of what.
    pub what: Expected,
    /// Where it stands.
    pub place: Place,
}

/// What must hold, and of what.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// Of a service.
    OfService(ServiceId, Check),
    /// Of a node.
    OfNode(NodeId, NodeCheck),
}

/// What must hold of a service.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// The update status was written, before this instant if there is one.
    UpdateStatus(UpdateState, Option<Time>),
    /// A metric compares with a bound.
    Metric(MetricPath, Comparison, Bound),
}

/// How a metric compares with its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
    /// `==`, or no sign at all
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Below,
    /// `>`
    Above,
}

/// What a metric is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// Of a metric that is a duration.
    Duration(Span),
    /// Of a share, a count or a rate.
    Number(f64),
    /// Of a word.
    Text(String),
    /// Of a yes or no.
    Bool(bool),
}

impl Check {
    /// Whether it holds of what was measured of its service, and what was measured.
    pub fn judge(&self, service: &ServiceSummary) -> Verdict {
        match self {
            Check::UpdateStatus(state, before) => {
                let written =
                    service.update_status.iter().find(|change| change.state == *state).map(|change| change.at);
                Verdict {
                    holds: written.is_some_and(|time| before.is_none_or(|before| time < before)),
                    found: written
                        .map_or("never written".to_owned(), |time| format!("written at {}", time.since_start())),
                }
            }
            Check::Metric(metric, comparison, bound) => {
                let measured = metric.value(service);
                Verdict {
                    holds: measured.is_some_and(|measured| bound.compares(*comparison, measured)),
                    found: measured.map_or("–".to_owned(), described_value),
                }
            }
        }
    }
}

/// What became of an expectation in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it holds.
    pub holds: bool,
    /// What was found, for people; `–` where there was nothing to measure.
    pub found: String,
}

/// The check as the scenario says it, without its service or node.
impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expected::OfService(_, check) => check.fmt(f),
            Expected::OfNode(_, check) => check.fmt(f),
        }
    }
}

/// The check as the scenario says it: `downtime.total <= 0s`.
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Check::UpdateStatus(state, None) => write!(f, "update_status: {}", state.name()),
            Check::UpdateStatus(state, Some(before)) => {
                write!(f, "update_status: {} before {}", state.name(), before.since_start())
            }
            Check::Metric(metric, comparison, bound) => {
                let value = match bound {
                    Bound::Duration(span) => Measured::Duration(*span),
                    Bound::Number(number) => Measured::Rate(*number),
                    Bound::Text(text) => Measured::Text(text),
                    Bound::Bool(truth) => Measured::Bool(*truth),
                };
                write!(f, "{metric} {} {}", comparison.sign(), described_value(value))
            }
        }
    }
}

fn described_value(value: Measured<'_>) -> String {
    match value {
        Measured::Duration(span) => span.to_string(),
        Measured::Share(number) | Measured::Rate(number) => number.to_string(),
        Measured::Count(count) => count.to_string(),
        Measured::Text(text) => text.to_owned(),
        Measured::Bool(truth) => truth.to_string(),
    }
}

impl Bound {
    /// Whether a measured value compares so with this bound; never if they are of different kinds.
    fn compares(&self, comparison: Comparison, measured: Measured<'_>) -> bool {
        match (self, measured) {
            (Bound::Duration(bound), Measured::Duration(span)) => comparison.holds(span, *bound),
            (Bound::Text(bound), Measured::Text(text)) => comparison.holds(text, bound),
            (Bound::Bool(bound), Measured::Bool(truth)) => comparison.holds(truth, *bound),
            (Bound::Number(bound), measured) => {
                measured.number().is_some_and(|number| comparison.holds(number, *bound))
            }
            _ => false,
        }
    }
}

impl Comparison {
    /// All of them; the longer signs before those that they begin with.
    const ALL: [(&'static str, Comparison); 6] = [
        ("<=", Comparison::AtMost),
        (">=", Comparison::AtLeast),
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<", Comparison::Below),
        (">", Comparison::Above),
    ];

    fn sign(self) -> &'static str {
        Comparison::ALL.iter().find(|(_, comparison)| *comparison == self).map_or("", |(sign, _)| sign)
    }

    fn holds<T: PartialOrd>(self, found: T, bound: T) -> bool {
        match self {
            Comparison::AtMost => found <= bound,
            Comparison::AtLeast => found >= bound,
            Comparison::Equal => found == bound,
            Comparison::NotEqual => found != bound,
            Comparison::Below => found < bound,
            Comparison::Above => found > bound,
        }
    }
}

/// Metrics of each kind: names of metrics are keys too.
const METRICS: [&str; 4] = ["downtime.total", "requests.failed_share", "peak_tasks", "never_ready"];

impl Read for Expect {
    fn read(node: &Node, problems: &mut Problems) -> Option<Expect> {
        for key in ["service", "update_status", "before", "node", "empty", "status", "manager_status", "at"] {
            problems.asked(&node.place, || Asked::Key(key));
        }
        if node.get("node").is_some() {
            return node::read(node, problems);
        }
        let service = node.get("service").map(|service| Spanned::read(service, problems));
        let before = node.get("before").and_then(|before| Time::read(before, problems));
        if node.get("before").is_some() && node.get("update_status").is_none() {
            let message = "`before` belongs to `update_status`";
            problems.push(Diagnostic::new(Code::Conflict, &node.place, message));
        }
        let mut checks = Vec::new();
        let entries = entries_like(node, &METRICS, problems)?;
        for Entry { key, value } in
            entries.iter().filter(|entry| !["service", "before"].contains(&entry.key.value.as_str()))
        {
            let check = match key.value.as_str() {
                "update_status" => read_state(value, problems).map(|state| Check::UpdateStatus(state, before)),
                _ => read_metric(key, value, problems),
            };
            checks.extend(check.map(|value| Spanned { value, place: key.place.clone() }));
        }
        if entries.iter().all(|entry| entry.key.value == "service") {
            return refuse(Code::MissingKey, &node.place, "nothing is expected here: name a metric", problems);
        }
        Some(Expect::Service {
            service: service.map_or(Some(None), |service| service.map(Some))?,
            checks,
            place: node.place.clone(),
        })
    }
}

fn read_state(node: &Node, problems: &mut Problems) -> Option<UpdateState> {
    word(node, "update status", &UpdateState::ALL.map(|state| (state.name(), state)), problems)
}

/// Signs that other languages have, and ours; the longer ones before those that they begin with.
const MISWRITTEN: [(&str, &str); 4] = [("=<", "<="), ("=>", ">="), ("<>", "!="), ("=", "==")];

fn read_metric(name: &Spanned<String>, node: &Node, problems: &mut Problems) -> Option<Check> {
    let metric = match MetricPath::parse(&name.value) {
        Ok(metric) => match metric.node() {
            None => metric,
            Some(node) => {
                let message = format!("`{metric}` is no metric of a service");
                let label = format!(r#"write {{"node": "{node}", "empty": …}}"#);
                problems.push(Diagnostic::new(Code::UnknownMetric, &name.place, message).label(label));
                return None;
            }
        },
        Err(error) => {
            let diagnostic = Diagnostic::new(Code::UnknownMetric, &name.place, error.to_string());
            problems.push(match error.suggestion {
                Some(known) => diagnostic.label(format!("did you mean `{known}`?")),
                None => diagnostic,
            });
            return None;
        }
    };
    let text = match &node.value {
        Value::Seq(_) | Value::Map(_) | Value::Null => {
            return wrong_type(node, "a comparison such as `<= 5s`", problems);
        }
        _ => node.to_string(),
    };
    if let Some((wrong, right)) = MISWRITTEN.iter().find(|(sign, _)| text.starts_with(sign) && !text.starts_with("=="))
    {
        let diagnostic = Diagnostic::new(Code::Malformed, &node.place, format!("`{wrong}` is no comparison"));
        problems.push(diagnostic.label(format!("did you mean `{right}`?")));
        return None;
    }
    let (comparison, bound) = split_sign(&text);
    match read_bound(metric.kind(), bound) {
        Some(Bound::Text(_) | Bound::Bool(_)) if !matches!(comparison, Comparison::Equal | Comparison::NotEqual) => {
            let message = format!("`{metric}` is no number: only `==` and `!=` compare it");
            refuse(Code::MetricKind, &node.place, message, problems)
        }
        Some(limit) => {
            check_range(&metric, &limit, bound, &node.place, problems)?;
            Some(Check::Metric(metric, comparison, limit))
        }
        None => {
            let message = format!("`{metric}` is {}, and `{bound}` is not", described(metric.kind()));
            refuse(Code::MetricKind, &node.place, message, problems)
        }
    }
}

/// Reports a bound that the metric can never be. `text`: the bound as it is written.
fn check_range(metric: &MetricPath, bound: &Bound, text: &str, place: &Place, problems: &mut Problems) -> Option<()> {
    match bound {
        Bound::Number(share) if metric.kind() == Kind::Share && !metric.may_exceed_whole() => {
            check_share(*share, text, place, problems).map(|_| ())
        }
        Bound::Text(text) => {
            let Some((what, words)) = metric.words() else { return Some(()) };
            let words: Vec<(&str, ())> = words.into_iter().map(|word| (word, ())).collect();
            word(&Node { value: Value::String(text.clone()), place: place.clone() }, what, &words, problems)
        }
        _ => Some(()),
    }
}

fn split_sign(text: &str) -> (Comparison, &str) {
    let sign = Comparison::ALL.iter().find_map(|(sign, comparison)| Some((*comparison, text.strip_prefix(sign)?)));
    let (comparison, bound) = sign.unwrap_or((Comparison::Equal, text));
    (comparison, bound.trim())
}

/// The bound that a text stands for, if it fits the kind of the metric.
fn read_bound(kind: Kind, text: &str) -> Option<Bound> {
    let number = || text.parse().ok().filter(|number: &f64| number.is_finite()).map(Bound::Number);
    match kind {
        Kind::Duration => parse_span(text).ok().map(Bound::Duration),
        Kind::Share => parse_percent(text).map(Bound::Number).or_else(number),
        Kind::Count => text.parse().ok().map(|count: u32| Bound::Number(count.into())),
        Kind::Rate => text.strip_suffix("/s").unwrap_or(text).trim().parse().ok().map(Bound::Number),
        Kind::Text => Some(Bound::Text(text.to_owned())),
        Kind::Bool => text.parse().ok().map(Bound::Bool),
    }
}

fn described(kind: Kind) -> &'static str {
    match kind {
        Kind::Duration => "a duration such as `5s`",
        Kind::Share => "a share such as `0.01` or `1%`",
        Kind::Count => "a whole number",
        Kind::Rate => "a rate such as `50/s`",
        Kind::Text => "a word",
        Kind::Bool => "`true` or `false`",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diag::SourceFile;
    use crate::metrics::summary::{Downtime, StatusChange};
    use crate::scenario::source;

    pub(super) fn read(text: &str) -> Expect {
        let file = Arc::new(SourceFile { name: "t".to_owned(), text: text.to_owned() });
        let node = source::parse(&file).expect("the text is YAML");
        let mut problems = Problems::default();
        let expect = Expect::read(&node, &mut problems).expect("the object is right");
        assert!(!problems.has_errors());
        expect
    }

    fn checks(text: &str) -> Vec<Check> {
        match read(text) {
            Expect::Service { checks, .. } => checks.into_iter().map(|check| check.value).collect(),
            Expect::Node { .. } => panic!("{text} is about a node"),
        }
    }

    fn service() -> ServiceSummary {
        let change = |at, state| StatusChange { at: Time::from_millis(at), state, message: String::new() };
        ServiceSummary {
            name: "web".to_owned(),
            window: [Time::ZERO, Time::from_millis(60_000)],
            never_ready: false,
            requests: None,
            uptime_share: Some(0.999),
            peak_tasks: 3,
            degraded: Span::from_millis(1_500),
            update_status: vec![
                change(5_000, UpdateState::Updating),
                change(9_000, UpdateState::RollbackStarted),
                change(20_000, UpdateState::RollbackCompleted),
            ],
            final_update_status: Some(UpdateState::RollbackCompleted),
            downtime: Downtime::default(),
            missing_replica: Span::ZERO,
            error_budget_used: None,
            updates: Vec::new(),
        }
    }

    #[test]
    fn checks_compare_as_they_say() {
        for (text, said, found, holds) in [
            ("degraded: <= 1.5s", "degraded <= 1.5s", "1.5s", true),
            ("degraded: < 1.5s", "degraded < 1.5s", "1.5s", false),
            ("degraded: 1500ms", "degraded == 1.5s", "1.5s", true),
            ("uptime_share: '>= 99.9%'", "uptime_share >= 0.999", "0.999", true),
            ("uptime_share: '> 0.999'", "uptime_share > 0.999", "0.999", false),
            ("peak_tasks: '!= 3'", "peak_tasks != 3", "3", false),
            ("peak_tasks: 3", "peak_tasks == 3", "3", true),
            ("never_ready: false", "never_ready == false", "false", true),
            ("requests.failed: 0", "requests.failed == 0", "–", false),
            (
                "final_update_status: rollback_completed",
                "final_update_status == rollback_completed",
                "rollback_completed",
                true,
            ),
            ("final_update_status: '!= paused'", "final_update_status != paused", "rollback_completed", true),
        ] {
            let [check] = checks(text).try_into().expect("one check");
            assert_eq!(check.to_string(), said, "{text}");
            assert_eq!(check.judge(&service()), Verdict { holds, found: found.to_owned() }, "{text}");
        }
    }

    #[test]
    fn a_status_must_be_written_before_the_instant() {
        for (text, found, holds) in [
            ("{update_status: rollback_completed}", "written at 20s", true),
            ("{update_status: rollback_completed, before: 20s}", "written at 20s", false),
            ("{before: 20001ms, update_status: rollback_completed}", "written at 20s", true),
            ("{update_status: paused}", "never written", false),
        ] {
            let [check] = checks(text).try_into().expect("one check");
            assert_eq!(check.judge(&service()), Verdict { holds, found: found.to_owned() }, "{text}");
        }
    }

    #[test]
    fn all_metrics_of_an_object_are_checked() {
        assert_eq!(checks("{service: web, degraded: 0s, downtime.total: 0s, 'update[0].detect': < 5s}").len(), 3);
    }
}
