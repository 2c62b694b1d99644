//! Many runs of a scenario: tables for the terminal, and tidy rows for tools.

use std::io;

use super::columns::SEEDS;
use super::console::readable;
use super::table::Table;
use crate::experiment::compare::words;
use crate::experiment::statistics::Statistics;
use crate::kernel::Span;
use crate::metrics::path::{Kind, MetricPath, Value};
use crate::metrics::summary::Requests;
use crate::metrics::{ServiceSummary, Summary};

/// Head of a table of the nodes' metrics.
pub(super) const OF_NODES: &str = "nodes";

/// How the values of each metric are spread over runs with different seeds: a table for each service, and one for the nodes.
pub fn distribution(runs: &[Summary]) -> String {
    let services = runs.first().map_or(&[][..], |run| &run.services);
    let of_service = |service: &ServiceSummary| (service.name.clone(), MetricPath::all().collect());
    let of_nodes = (OF_NODES.to_owned(), MetricPath::of_nodes(runs).collect());
    let groups: Vec<(String, Vec<MetricPath>)> = services.iter().map(of_service).chain([of_nodes]).collect();
    let tables = groups.iter().filter_map(|(of, metrics)| spread(of, metrics, runs));
    tables.map(|table| table.to_string()).collect::<Vec<String>>().join("\n")
}

/// How the values of these metrics are spread, if there are any.
fn spread(of: &str, metrics: &[MetricPath], runs: &[Summary]) -> Option<Table> {
    let mut table = Table::new([of, "mean", "± 95 %", "min", "5 %", "median", "95 %", "max"]);
    let mut is_empty = true;
    for metric in metrics.iter().filter(|metric| metric.kind().is_numeric()) {
        let values: Vec<f64> = runs.iter().filter_map(|run| metric.value_in(run, of)?.number()).collect();
        let Some(statistics) = Statistics::of(&values) else { continue };
        let name = metric.to_string();
        if is_split(&name) && statistics.max == 0.0 {
            continue;
        }
        let Statistics { mean, half_width, min, p5, median, p95, max, .. } = statistics;
        let cell = |value| amount(metric.kind(), value);
        let half_width = half_width.map_or("–".to_owned(), cell);
        table.row([name, cell(mean), half_width, cell(min), cell(p5), cell(median), cell(p95), cell(max)]);
        is_empty = false;
    }
    (!is_empty).then_some(table)
}

/// The worst of several runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worst {
    /// Number of the run.
    pub run: usize,
    /// By what it is the worst: each criterion that sets runs apart, with its value, until one run is left.
    pub why: String,
}

/// What makes a run bad: its name, what its values are, and how to get one, of times in nanoseconds.
type Criterion = (&'static str, Kind, fn(&Summary) -> u64);

/// The worst of the runs: most failed requests, then longest downtime, then most missing replicas; the first of equals.
pub fn worst(runs: &[Summary]) -> Option<Worst> {
    const CRITERIA: [Criterion; 3] = [
        ("failed requests", Kind::Count, |run| run.totals.requests.as_ref().map_or(0, |requests| requests.failed)),
        ("downtime", Kind::Duration, |run| run.totals.downtime.total.as_nanos()),
        ("missing replicas", Kind::Duration, |run| run.totals.missing_replica.as_nanos()),
    ];
    let mut left: Vec<usize> = (0..runs.len()).collect();
    let mut by = Vec::new();
    for (name, kind, value) in CRITERIA {
        let most = left.iter().map(|run| value(&runs[*run])).max()?;
        let before = left.len();
        left.retain(|run| value(&runs[*run]) == most);
        if left.len() < before {
            let most = match kind {
                Kind::Duration => Value::Duration(Span::from_nanos(most)),
                _ => Value::Count(most),
            };
            by.push(format!("{name} ({})", readable(Some(most))));
        }
    }
    let why = if by.is_empty() { "as bad as any other".to_owned() } else { format!("by {}", by.join(", then ")) };
    Some(Worst { run: *left.first()?, why })
}

/// Whether a metric counts one of many kinds of failures, so that a table leaves it out where there was none.
pub(super) fn is_split(metric: &str) -> bool {
    ["requests.by_outcome.", "requests.by_cause."].iter().any(|head| metric.starts_with(head))
}

/// A metric of a service over several runs for people: the mean, or the words.
pub fn cell(metric: &MetricPath, service: &str, runs: &[Summary]) -> String {
    let of = |run: &Summary| metric.value_in(run, service)?.number();
    if let Some(statistics) = Statistics::of(&runs.iter().filter_map(of).collect::<Vec<f64>>()) {
        return amount(metric.kind(), statistics.mean);
    }
    let words = words(service, metric, runs);
    if words.is_empty() { "–".to_owned() } else { counted_words(&words) }
}

/// `completed`, or `completed 7, paused 3` when runs differ.
pub(super) fn counted_words(words: &[(String, usize)]) -> String {
    match words {
        [(word, _)] => word.clone(),
        words => words.iter().map(|(word, count)| format!("{word} {count}")).collect::<Vec<String>>().join(", "),
    }
}

/// A mean or a quantile of a metric, not negative, for people.
pub(super) fn amount(kind: Kind, value: f64) -> String {
    match kind {
        Kind::Duration => readable(Some(Value::Duration(Span::from_nanos((value * 1e6) as u64)))),
        Kind::Share => readable(Some(Value::Share(value))),
        Kind::Rate => readable(Some(Value::Rate(value))),
        Kind::Count if value.fract() == 0.0 => format!("{value:.0}"),
        Kind::Count | Kind::Text | Kind::Bool => format!("{value:.1}"),
    }
}

/// Runs of one point of a grid, or of one policy.
#[derive(Debug)]
pub struct Group<'a> {
    /// What tells it from the other groups.
    pub keys: &'a [String],
    /// Its runs.
    pub runs: &'a [Summary],
}

/// Writes a row for each value of each metric: the keys of the group, seed, service, metric, unit, value. Those of nodes have no
/// service. Durations are in milliseconds; words are values too. `update.X` is that of the last update, which `update[N].X` names
/// by its number too.
///
/// # Errors
/// What `out` fails with.
pub fn tidy(heads: &[&str], groups: &[Group<'_>], out: impl io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record([heads, &SEEDS.header()].concat())?;
    for Group { keys, runs } in groups {
        for run in *runs {
            let seed = run.seed.to_string();
            let of_services = run.services.iter().flat_map(|service| {
                occurring(service).map(|metric| (&*service.name, metric)).collect::<Vec<(&str, MetricPath)>>()
            });
            let of_nodes = MetricPath::of_nodes(std::slice::from_ref(run)).map(|metric| ("", metric));
            for (service, metric) in of_services.chain(of_nodes) {
                let Some(value) = metric.value_in(run, service).map(value_text) else { continue };
                let name = metric.to_string();
                let row = [&seed, service, &name, unit(metric.kind()), &value];
                csv.write_record(keys.iter().map(String::as_str).chain(row.map(|cell: &str| cell)))?;
            }
        }
    }
    csv.flush()
}

/// All metrics of a service in one run: those with a name of their own, then those of every update, image and client.
fn occurring(service: &ServiceSummary) -> impl Iterator<Item = MetricPath> {
    let of_updates = MetricPath::all().map(|metric| metric.to_string()).filter(|name| name.starts_with("update."));
    let of_updates: Vec<String> = of_updates.collect();
    let mut names: Vec<String> = Vec::new();
    for number in 0..service.updates.len() {
        names.extend(of_updates.iter().map(|name| name.replacen("update", &format!("update[{number}]"), 1)));
    }
    if let Some(Requests { by_version, by_client, .. }) = &service.requests {
        let of = |kind: &str, of: &str, field: &str| format!("requests.by_{kind}.{of}.{field}");
        let of_image = |image| ["total", "ok", "failed"].map(|field| of("version", image, field));
        let of_client = |client| ["total", "failed", "per_second"].map(|field| of("client", client, field));
        names.extend(by_version.iter().flat_map(|version| of_image(&version.image)));
        names.extend(by_client.iter().flat_map(|client| of_client(&client.client)));
    }
    MetricPath::all().chain(names.into_iter().filter_map(|name| MetricPath::parse(&name).ok()))
}

/// Unit of a metric's values in files.
pub(super) fn unit(kind: Kind) -> &'static str {
    match kind {
        Kind::Duration => "ms",
        Kind::Share => "share",
        Kind::Count => "count",
        Kind::Rate => "per second",
        Kind::Text | Kind::Bool => "",
    }
}

/// How charts show a metric's values: by what those in files are multiplied, and the unit.
pub(super) fn scale(kind: Kind) -> (f64, &'static str) {
    match kind {
        Kind::Duration => (1e-3, "s"),
        Kind::Share => (100.0, "%"),
        Kind::Rate => (1.0, "per second"),
        Kind::Count | Kind::Text | Kind::Bool => (1.0, ""),
    }
}

/// A value as a number, as it is read back from files.
pub(super) fn number(value: Value<'_>) -> Option<f64> {
    value.number().and_then(|_| value_text(value).parse().ok())
}

fn value_text(value: Value<'_>) -> String {
    match value {
        Value::Duration(span) => (crate::kernel::Time::ZERO + span).to_string(),
        Value::Share(number) => format!("{:.9}", number),
        Value::Rate(number) => format!("{:.3}", number),
        Value::Count(count) => count.to_string(),
        Value::Text(text) => text.to_owned(),
        Value::Bool(truth) => truth.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::fixture;
    use crate::metrics::summary::{NodeLog, NodeStatus, NodeSummary};

    #[test]
    fn the_worst_run_is_told_by_what_sets_it_apart() {
        let run = |failed, down_ms| {
            let mut run = fixture::summary();
            run.totals.requests = run.totals.requests.map(|requests| Requests { failed, ..requests });
            run.totals.downtime.total = Span::from_millis(down_ms);
            run
        };
        let told = |runs: &[Summary]| worst(runs).map(|worst| (worst.run, worst.why));
        assert_eq!(told(&[run(1, 9), run(3, 2), run(2, 5)]), Some((1, "by failed requests (3)".into())));
        let two = "by failed requests (3), then downtime (5.0 ms)";
        assert_eq!(told(&[run(1, 9), run(3, 2), run(3, 5)]), Some((2, two.into())));
        assert_eq!(told(&[run(3, 2), run(3, 5)]), Some((1, "by downtime (5.0 ms)".into())));
        assert_eq!(told(&[run(3, 2), run(3, 2)]), Some((0, "as bad as any other".into())));
        assert_eq!(told(&[]), None);
    }

    #[test]
    fn every_update_image_and_client_has_its_metrics() {
        let service = fixture::service();
        let names: Vec<String> = occurring(&service).map(|metric| metric.to_string()).collect();
        let requests = service.requests.as_ref().expect("it has clients");
        let count = |start: &str| names.iter().filter(|name| name.starts_with(start)).count();
        assert_eq!(count("update["), service.updates.len() * count("update."));
        assert_eq!(count("requests.by_version."), requests.by_version.len() * 3);
        assert_eq!(count("requests.by_client."), requests.by_client.len() * 3);
    }

    #[test]
    fn nodes_have_rows_without_a_service_and_a_table_of_their_own() {
        let node = NodeSummary {
            name: "node2".into(),
            empty: Some(Span::from_secs(20)),
            log: NodeLog::of(NodeStatus::default()),
        };
        let runs = [Summary { nodes: vec![node], ..fixture::summary() }];
        let mut bytes = Vec::new();
        tidy(&[], &[Group { keys: &[], runs: &runs }], &mut bytes).expect("written");
        let text = String::from_utf8(bytes).expect("text");
        assert_eq!(text.lines().last(), Some("1,,nodes.node2.empty,ms,20000"));
        let table = distribution(&runs);
        assert!(table.contains("\nnodes ") && table.contains("\nnodes.node2.empty   20.00 s"), "{table}");
    }
}
