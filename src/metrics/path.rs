//! The names of metrics: the dotted path in `summary.json`, for those of a service below the service, without the unit.

use std::fmt;

use super::summary::{ClientRequests, Latency, Requests, ServiceSummary, Summary, Update, UpdateKind, UpdateOutcome};
use crate::kernel::{Span, Time};
use crate::model::request::{Cause, Failure};
use crate::model::update::UpdateState;

/// A metric of a service or a node by its name, such as `downtime.total` or `requests.latency.p99`.
///
/// `update.detect` is that of the last update, `update[0].detect` that of the first. `requests.by_version.IMAGE.total`, `.ok` and
/// `.failed` name an image; `requests.by_client.CLIENT.total`, `.failed` and `.per_second` a client. `nodes.NODE.empty` is that of
/// a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricPath {
    text: String,
    metric: Metric,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Metric {
    /// Index in [`SERVICE`].
    Service(usize),
    /// Index in [`UPDATE`], of this update or of the last one.
    Update { which: Option<usize>, row: usize },
    /// Index in [`VERSION`], of this image.
    Version { image: String, row: usize },
    /// Index in [`CLIENT`], of this client.
    Client { client: String, row: usize },
    /// How long this node took to be empty.
    NodeEmpty { node: String },
}

/// A name that is no metric's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown metric `{name}`")]
pub struct UnknownMetric {
    /// The name.
    pub name: String,
    /// The metric that may be meant.
    pub suggestion: Option<String>,
}

/// What a metric's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A length of time, or a point as the length since the start of the run.
    Duration,
    /// A part of a whole; of the error budget it may exceed 1.
    Share,
    /// A number of things.
    Count,
    /// A number of things per second.
    Rate,
    /// A word.
    Text,
    /// Yes or no.
    Bool,
}

impl Kind {
    /// Whether the values are numbers.
    pub const fn is_numeric(self) -> bool {
        !matches!(self, Kind::Text | Kind::Bool)
    }
}

/// The value of a metric in one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Of [`Kind::Duration`].
    Duration(Span),
    /// Of [`Kind::Share`].
    Share(f64),
    /// Of [`Kind::Count`].
    Count(u64),
    /// Of [`Kind::Rate`].
    Rate(f64),
    /// Of [`Kind::Text`].
    Text(&'a str),
    /// Of [`Kind::Bool`].
    Bool(bool),
}

impl Value<'_> {
    /// The value as a number, durations in milliseconds; `None` for words and truths.
    pub fn number(self) -> Option<f64> {
        match self {
            Value::Duration(span) => Some(span.as_nanos() as f64 / 1e6),
            Value::Share(number) | Value::Rate(number) => Some(number),
            Value::Count(count) => Some(count as f64),
            Value::Text(_) | Value::Bool(_) => None,
        }
    }
}

/// A metric of a `T`: its name, what its values are, and how to get one.
struct Row<T> {
    name: &'static str,
    kind: Kind,
    value: for<'a> fn(&'a T) -> Option<Value<'a>>,
}

const fn row<T>(name: &'static str, kind: Kind, value: for<'a> fn(&'a T) -> Option<Value<'a>>) -> Row<T> {
    Row { name, kind, value }
}

/// In the order of `summary.json`.
static SERVICE: [Row<ServiceSummary>; 36] = [
    row("never_ready", Kind::Bool, |s| Some(Value::Bool(s.never_ready))),
    row("requests.total", Kind::Count, |s| requests(s, |r| Some(Value::Count(r.total)))),
    row("requests.ok", Kind::Count, |s| requests(s, |r| Some(Value::Count(r.ok)))),
    row("requests.failed", Kind::Count, |s| requests(s, |r| Some(Value::Count(r.failed)))),
    row("requests.failed_share", Kind::Share, |s| requests(s, |r| r.failed_share.map(Value::Share))),
    row("requests.availability", Kind::Share, |s| requests(s, |r| r.availability.map(Value::Share))),
    row("requests.per_second", Kind::Rate, |s| requests(s, |r| Some(Value::Rate(r.per_second)))),
    row("requests.by_outcome.ok", Kind::Count, |s| requests(s, |r| Some(Value::Count(r.ok)))),
    row("requests.by_outcome.http-error", Kind::Count, |s| failures(s, Failure::HttpError)),
    row("requests.by_outcome.refused", Kind::Count, |s| failures(s, Failure::Refused)),
    row("requests.by_outcome.reset", Kind::Count, |s| failures(s, Failure::Reset)),
    row("requests.by_outcome.timeout", Kind::Count, |s| failures(s, Failure::Timeout)),
    row("requests.by_outcome.no-backend", Kind::Count, |s| failures(s, Failure::NoBackend)),
    row("requests.by_cause.no-task", Kind::Count, |s| caused_by(s, Cause::NoTask)),
    row("requests.by_cause.booting", Kind::Count, |s| caused_by(s, Cause::Booting)),
    row("requests.by_cause.stopping", Kind::Count, |s| caused_by(s, Cause::Stopping)),
    row("requests.by_cause.killed", Kind::Count, |s| caused_by(s, Cause::Killed)),
    row("requests.by_cause.node-lost", Kind::Count, |s| caused_by(s, Cause::NodeLost)),
    row("requests.by_cause.stale-entry", Kind::Count, |s| caused_by(s, Cause::StaleEntry)),
    row("requests.by_cause.overload", Kind::Count, |s| caused_by(s, Cause::Overload)),
    row("requests.by_cause.application", Kind::Count, |s| caused_by(s, Cause::Application)),
    row("requests.unfinished", Kind::Count, |s| requests(s, |r| Some(Value::Count(r.unfinished)))),
    row("requests.latency.p50", Kind::Duration, |s| latency(s, |l| l.p50)),
    row("requests.latency.p90", Kind::Duration, |s| latency(s, |l| l.p90)),
    row("requests.latency.p99", Kind::Duration, |s| latency(s, |l| l.p99)),
    row("requests.latency.p99_9", Kind::Duration, |s| latency(s, |l| l.p99_9)),
    row("requests.latency.max", Kind::Duration, |s| latency(s, |l| l.max)),
    row("uptime_share", Kind::Share, |s| s.uptime_share.map(Value::Share)),
    row("downtime.total", Kind::Duration, |s| Some(Value::Duration(s.downtime.total))),
    row("downtime.count", Kind::Count, |s| Some(Value::Count(s.downtime.count()))),
    row("downtime.longest", Kind::Duration, |s| Some(Value::Duration(s.downtime.longest))),
    row("degraded", Kind::Duration, |s| Some(Value::Duration(s.degraded))),
    row("missing_replica", Kind::Duration, |s| Some(Value::Duration(s.missing_replica))),
    row("peak_tasks", Kind::Count, |s| Some(Value::Count(s.peak_tasks.into()))),
    row("error_budget_used", Kind::Share, |s| s.error_budget_used.map(Value::Share)),
    row("final_update_status", Kind::Text, |s| s.final_update_status.map(|state| Value::Text(state.name()))),
];

static UPDATE: [Row<Update>; 10] = [
    row("update.kind", Kind::Text, |u| Some(Value::Text(u.kind.name()))),
    row("update.from", Kind::Text, |u| Some(Value::Text(&u.from))),
    row("update.to", Kind::Text, |u| Some(Value::Text(&u.to))),
    row("update.start", Kind::Duration, |u| Some(point(u.start))),
    row("update.last_running", Kind::Duration, |u| u.last_running.map(point)),
    row("update.end", Kind::Duration, |u| u.end.map(point)),
    row("update.duration", Kind::Duration, |u| u.duration().map(Value::Duration)),
    row("update.outcome", Kind::Text, |u| Some(Value::Text(u.outcome.name()))),
    row("update.detect", Kind::Duration, |u| u.detect.map(Value::Duration)),
    row("update.restore", Kind::Duration, |u| u.restore.map(Value::Duration)),
];

/// Of the requests that reached one image.
const VERSION: [&str; 3] = ["total", "ok", "failed"];

const BY_VERSION: &str = "requests.by_version.";

/// Of the requests that one client sent.
static CLIENT: [Row<ClientRequests>; 3] = [
    row("total", Kind::Count, |c| Some(Value::Count(c.total))),
    row("failed", Kind::Count, |c| Some(Value::Count(c.failed))),
    row("per_second", Kind::Rate, |c| Some(Value::Rate(c.per_second))),
];

const BY_CLIENT: &str = "requests.by_client.";

/// How a node's metric begins and ends.
const OF_NODE: (&str, &str) = ("nodes.", ".empty");

/// Below this similarity (Jaro-Winkler, 0 to 1) a name is no suggestion for another.
const SIMILAR: f64 = 0.8;

impl MetricPath {
    /// The metric of this name.
    pub fn parse(name: &str) -> Result<MetricPath, UnknownMetric> {
        match find(name) {
            Some(metric) => Ok(MetricPath { text: name.to_owned(), metric }),
            None => Err(UnknownMetric { name: name.to_owned(), suggestion: suggestion(name) }),
        }
    }

    /// All metrics that have a name of their own, of updates those of the last one. In the order of `summary.json`.
    pub fn all() -> impl Iterator<Item = MetricPath> {
        names().filter_map(|(name, _)| MetricPath::parse(name).ok())
    }

    /// The metrics of the nodes of these runs.
    pub fn of_nodes(runs: &[Summary]) -> impl Iterator<Item = MetricPath> {
        let nodes = runs.first().map_or(&[][..], |run| &run.nodes);
        nodes.iter().filter_map(|node| MetricPath::parse(&format!("{}{}{}", OF_NODE.0, node.name, OF_NODE.1)).ok())
    }

    /// What the values are.
    pub fn kind(&self) -> Kind {
        match self.metric {
            Metric::Service(row) => SERVICE[row].kind,
            Metric::Update { row, .. } => UPDATE[row].kind,
            Metric::Version { .. } => Kind::Count,
            Metric::Client { row, .. } => CLIENT[row].kind,
            Metric::NodeEmpty { .. } => Kind::Duration,
        }
    }

    /// The image whose requests it counts, if it does.
    pub fn image(&self) -> Option<&str> {
        match &self.metric {
            Metric::Version { image, .. } => Some(image),
            _ => None,
        }
    }

    /// The client whose requests it counts, if it does.
    pub fn client(&self) -> Option<&str> {
        match &self.metric {
            Metric::Client { client, .. } => Some(client),
            _ => None,
        }
    }

    /// The node whose metric it is; `None`: it is a service's.
    pub fn node(&self) -> Option<&str> {
        match &self.metric {
            Metric::NodeEmpty { node } => Some(node),
            _ => None,
        }
    }

    /// What its values are called, and all the words that they can be; `None` if it is no word, or any.
    pub fn words(&self) -> Option<(&'static str, Vec<&'static str>)> {
        match self.unindexed() {
            "update.kind" => Some(("kind of update", UpdateKind::ALL.map(UpdateKind::name).to_vec())),
            "update.outcome" => Some(("update outcome", UpdateOutcome::ALL.map(UpdateOutcome::name).to_vec())),
            "final_update_status" => Some(("update status", UpdateState::ALL.map(UpdateState::name).to_vec())),
            _ => None,
        }
    }

    /// Whether its values may exceed 1 although it is a share.
    pub fn may_exceed_whole(&self) -> bool {
        self.unindexed() == "error_budget_used"
    }

    /// The name without the index of an update.
    fn unindexed(&self) -> &str {
        match &self.metric {
            Metric::Service(row) => SERVICE[*row].name,
            Metric::Update { row, .. } => UPDATE[*row].name,
            Metric::Version { .. } | Metric::Client { .. } | Metric::NodeEmpty { .. } => &self.text,
        }
    }

    /// The value in this run, of this service unless it is a node's metric.
    pub fn value_in<'a>(&self, run: &'a Summary, service: &str) -> Option<Value<'a>> {
        match &self.metric {
            Metric::NodeEmpty { node } => {
                let node = run.nodes.iter().find(|of| of.name == *node)?;
                node.empty.map(Value::Duration)
            }
            _ => self.value(run.service(service)?),
        }
    }

    /// The value for this service; `None` where `summary.json` has `null`, or if there is no such update.
    pub fn value<'a>(&self, service: &'a ServiceSummary) -> Option<Value<'a>> {
        match &self.metric {
            Metric::Service(row) => (SERVICE[*row].value)(service),
            Metric::Update { which, row } => {
                let update = match which {
                    Some(index) => service.updates.get(*index)?,
                    None => service.updates.last()?,
                };
                (UPDATE[*row].value)(update)
            }
            Metric::Version { image, row } => {
                let versions = &service.requests.as_ref()?.by_version;
                let version = versions.iter().find(|version| version.image == *image);
                Some(Value::Count(version.map_or(0, |version| [version.total, version.ok, version.failed][*row])))
            }
            Metric::Client { client, row } => {
                let clients = &service.requests.as_ref()?.by_client;
                clients.iter().find(|of| of.client == *client).and_then(CLIENT[*row].value)
            }
            Metric::NodeEmpty { .. } => None,
        }
    }
}

impl fmt::Display for MetricPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

fn names() -> impl Iterator<Item = (&'static str, Kind)> {
    SERVICE.iter().map(|row| (row.name, row.kind)).chain(UPDATE.iter().map(|row| (row.name, row.kind)))
}

fn find(name: &str) -> Option<Metric> {
    if let Some(of_image) = name.strip_prefix(BY_VERSION) {
        let (image, field) = of_image.rsplit_once('.')?;
        let row = VERSION.iter().position(|known| *known == field)?;
        return (!image.is_empty()).then(|| Metric::Version { image: image.to_owned(), row });
    }
    if let Some(of_client) = name.strip_prefix(BY_CLIENT) {
        let (client, field) = of_client.rsplit_once('.')?;
        let row = CLIENT.iter().position(|known| known.name == field)?;
        return (!client.is_empty()).then(|| Metric::Client { client: client.to_owned(), row });
    }
    if let Some(of_node) = name.strip_prefix(OF_NODE.0) {
        let node = of_node.strip_suffix(OF_NODE.1)?;
        return (!node.is_empty()).then(|| Metric::NodeEmpty { node: node.to_owned() });
    }
    let (which, name) = split_index(name).map_or((None, name.to_owned()), |(index, name)| (Some(index), name));
    if let Some(row) = UPDATE.iter().position(|row| row.name == name) {
        return Some(Metric::Update { which, row });
    }
    SERVICE.iter().position(|row| row.name == name).map(Metric::Service)
}

/// Index and name without it: `update[2].end` is 2 and `update.end`.
fn split_index(name: &str) -> Option<(usize, String)> {
    let (index, rest) = name.strip_prefix("update[")?.split_once(']')?;
    let is_number = index.bytes().all(|byte| byte.is_ascii_digit());
    let index = is_number.then(|| index.parse().ok()).flatten()?;
    Some((index, format!("update{rest}")))
}

/// The name that ends in this one, else the most similar.
fn suggestion(name: &str) -> Option<String> {
    if let Some((index, name)) = split_index(name) {
        let rest = suggestion(&name)?.strip_prefix("update")?.to_owned();
        return Some(format!("update[{index}]{rest}"));
    }
    if name.starts_with(BY_VERSION) {
        return Some(format!("{BY_VERSION}IMAGE.{}", VERSION[0]));
    }
    if name.starts_with(BY_CLIENT) {
        return Some(format!("{BY_CLIENT}CLIENT.{}", CLIENT[0].name));
    }
    if name.starts_with(OF_NODE.0) {
        return Some(format!("{}NODE{}", OF_NODE.0, OF_NODE.1));
    }
    let tail = |known: &str| !name.is_empty() && known.strip_suffix(name).is_some_and(|head| head.ends_with('.'));
    let by_tail = names().map(|(known, _)| known).find(|known| tail(known));
    let by_likeness = || {
        let scored = names().map(|(known, _)| (strsim::jaro_winkler(name, known), known));
        let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
        best.filter(|(score, _)| *score >= SIMILAR).map(|(_, known)| known)
    };
    by_tail.or_else(by_likeness).map(str::to_owned)
}

fn requests<'a>(service: &'a ServiceSummary, value: fn(&Requests) -> Option<Value<'a>>) -> Option<Value<'a>> {
    service.requests.as_ref().and_then(value)
}

fn failures<'a>(service: &'a ServiceSummary, failure: Failure) -> Option<Value<'a>> {
    service.requests.as_ref().map(|requests| Value::Count(requests.by_outcome[1 + failure as usize]))
}

fn caused_by<'a>(service: &'a ServiceSummary, cause: Cause) -> Option<Value<'a>> {
    service.requests.as_ref().map(|requests| Value::Count(requests.by_cause[cause as usize]))
}

fn latency<'a>(service: &'a ServiceSummary, value: fn(&Latency) -> Span) -> Option<Value<'a>> {
    let latency = service.requests.as_ref()?.latency.as_ref()?;
    Some(Value::Duration(value(latency)))
}

fn point<'a>(time: Time) -> Value<'a> {
    Value::Duration(time.since_start())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{service, summary};
    use super::super::summary::{NodeLog, NodeStatus, NodeSummary};
    use super::*;

    fn value<'a>(name: &str, service: &'a ServiceSummary) -> Option<Value<'a>> {
        let path = MetricPath::parse(name).unwrap();
        let value = path.value(service);
        assert!(value.is_none_or(|value| kind_of(value) == path.kind()), "{name} is {value:?}");
        value
    }

    fn kind_of(value: Value<'_>) -> Kind {
        match value {
            Value::Duration(_) => Kind::Duration,
            Value::Share(_) => Kind::Share,
            Value::Count(_) => Kind::Count,
            Value::Rate(_) => Kind::Rate,
            Value::Text(_) => Kind::Text,
            Value::Bool(_) => Kind::Bool,
        }
    }

    #[test]
    fn every_name_gives_its_own_value() {
        let service = service();
        let ms = |ms| Some(Value::Duration(Span::from_millis(ms)));
        let (count, text) = (|count| Some(Value::Count(count)), |text| Some(Value::Text(text)));
        for (name, expected) in [
            ("never_ready", Some(Value::Bool(false))),
            ("requests.total", count(10)),
            ("requests.ok", count(7)),
            ("requests.failed", count(3)),
            ("requests.failed_share", Some(Value::Share(0.3))),
            ("requests.availability", Some(Value::Share(0.7))),
            ("requests.per_second", Some(Value::Rate(12.5))),
            ("requests.by_outcome.ok", count(7)),
            ("requests.by_outcome.refused", count(1)),
            ("requests.by_outcome.reset", count(2)),
            ("requests.by_outcome.http-error", count(3)),
            ("requests.by_outcome.timeout", count(4)),
            ("requests.by_outcome.no-backend", count(5)),
            ("requests.by_cause.no-task", count(20)),
            ("requests.by_cause.booting", count(21)),
            ("requests.by_cause.stopping", count(22)),
            ("requests.by_cause.killed", count(23)),
            ("requests.by_cause.node-lost", count(24)),
            ("requests.by_cause.stale-entry", count(25)),
            ("requests.by_cause.overload", count(26)),
            ("requests.by_cause.application", count(27)),
            ("requests.by_version.app:1.0.total", count(9)),
            ("requests.by_version.app:1.0.ok", count(7)),
            ("requests.by_version.app:1.0.failed", count(2)),
            ("requests.by_version.app:9.total", count(0)),
            ("requests.unfinished", count(1)),
            ("requests.by_client.users.total", count(10)),
            ("requests.by_client.users.failed", count(3)),
            ("requests.by_client.users.per_second", Some(Value::Rate(12.5))),
            ("requests.by_client.nobody.total", None),
            ("requests.latency.p50", ms(1)),
            ("requests.latency.p90", ms(2)),
            ("requests.latency.p99", ms(3)),
            ("requests.latency.p99_9", ms(4)),
            ("requests.latency.max", ms(5)),
            ("uptime_share", Some(Value::Share(0.75))),
            ("downtime.total", ms(2_500)),
            ("downtime.count", count(2)),
            ("downtime.longest", ms(1_500)),
            ("degraded", ms(4_000)),
            ("missing_replica", ms(6_500)),
            ("peak_tasks", count(5)),
            ("error_budget_used", Some(Value::Share(1.5))),
            ("final_update_status", text("completed")),
            ("update.kind", text("rollback")),
            ("update[0].kind", text("update")),
            ("update[0].from", text("app:1.0")),
            ("update[0].to", text("app:2.0")),
            ("update[0].start", ms(10_000)),
            ("update[0].last_running", ms(12_000)),
            ("update[0].end", ms(20_000)),
            ("update[0].outcome", text("rollback_completed")),
            ("update[0].detect", ms(3_000)),
            ("update[0].restore", ms(4_000)),
            ("update[1].detect", None),
            ("update[2].kind", None),
        ] {
            assert_eq!(value(name, &service), expected, "{name}");
        }
    }

    #[test]
    fn without_clients_metrics_of_requests_have_no_value() {
        let service = ServiceSummary { requests: None, ..service() };
        for name in
            ["requests.total", "requests.by_outcome.ok", "requests.by_version.app:1.0.ok", "requests.latency.p99"]
        {
            assert_eq!(value(name, &service), None, "{name}");
        }
    }

    #[test]
    fn unknown_names_come_with_the_one_that_may_be_meant() {
        for (name, suggestion) in [
            ("downtime.totl", Some("downtime.total")),
            ("downtime.total_ms", Some("downtime.total")),
            ("requests.latency_ms.p99", Some("requests.latency.p99")),
            ("availability", Some("requests.availability")),
            ("p99_9", Some("requests.latency.p99_9")),
            ("update[3].detct", Some("update[3].detect")),
            ("updates[0].detect", Some("update.detect")),
            ("update[x].detect", Some("update.detect")),
            ("requests.by_version.app:1.0", Some("requests.by_version.IMAGE.total")),
            ("requests.by_client.users", Some("requests.by_client.CLIENT.total")),
            ("wibble", None),
            ("", None),
        ] {
            let error = MetricPath::parse(name).unwrap_err();
            assert_eq!(error.suggestion.as_deref(), suggestion, "{name}");
            assert_eq!(error.to_string(), format!("unknown metric `{name}`"));
        }
    }

    #[test]
    fn all_metrics_are_read_back_from_their_names() {
        let names: Vec<String> = MetricPath::all().map(|metric| metric.to_string()).collect();
        assert!(names.contains(&"update.detect".to_owned()) && names.contains(&"final_update_status".to_owned()));
        for metric in MetricPath::all().filter(|metric| metric.kind().is_numeric()) {
            let first = metric.to_string().replace("update.", "update[0].");
            assert!(value(&first, &service()).unwrap().number().is_some(), "{metric}");
            assert_eq!(MetricPath::parse(&metric.to_string()).as_ref(), Ok(&metric));
        }
    }

    #[test]
    fn durations_as_numbers_are_milliseconds() {
        assert_eq!(Value::Duration(Span::from_micros(1_500)).number(), Some(1.5));
    }

    #[test]
    fn the_metric_of_a_node_is_of_the_run() {
        let path = MetricPath::parse("nodes.node2.empty").expect("it is a metric");
        let nodes = [("node1", None), ("node2", Some(Span::from_secs(20)))];
        let nodes = nodes.map(|(name, empty)| NodeSummary {
            name: name.to_owned(),
            empty,
            log: NodeLog::of(NodeStatus::default()),
        });
        let run = Summary { nodes: nodes.to_vec(), ..summary() };
        assert_eq!(path.value_in(&run, "web"), Some(Value::Duration(Span::from_secs(20))));
        assert_eq!(path.value(&service()), None);
        let names: Vec<String> = MetricPath::of_nodes(&[run]).map(|metric| metric.to_string()).collect();
        assert_eq!(names, ["nodes.node1.empty", "nodes.node2.empty"]);
        let unknown = MetricPath::parse("nodes.node2.emty").expect_err("it is no metric");
        assert_eq!(unknown.suggestion.as_deref(), Some("nodes.NODE.empty"));
    }
}
