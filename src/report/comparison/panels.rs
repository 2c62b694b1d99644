//! Which metrics the chart of a comparison shows.

use std::collections::BTreeMap;

use super::super::chart::compare::{Cell, Labelled, Panel, Policies};
use super::super::estimate::Estimate;
use super::super::names::counted;
use super::super::repeated::Repeated;
use super::super::seeds::{amount, counted_words, scale};
use super::lines::{Line, LineValue};
use super::signed;
use crate::metrics::path::Kind;

/// Metrics of a service that are drawn if they differ between policies: the first [`PANELS`] of them, in this order.
const TELLING: [&str; 10] = [
    "update.outcome",
    "requests.failed",
    "requests.latency.p99",
    "downtime.total",
    "missing_replica",
    "update.duration",
    "update.detect",
    "update.restore",
    "peak_tasks",
    "never_ready",
];
/// Most metrics that are drawn of a service, or of all nodes.
const PANELS: usize = 6;
/// Most services that are drawn; the nodes count as one.
const GROUPS: usize = 8;

/// Part of the largest value that a difference must exceed to be drawn.
const UNSEEN: f64 = 0.01;

/// What the chart shows: of each service the first of the telling metrics that differ, and of the nodes any.
pub(super) fn shown(about: &Repeated, policies: &[String], lines: &[Line]) -> Policies {
    let mut found: BTreeMap<(&str, &str), Vec<&Line>> = BTreeMap::new();
    let mut services: Vec<&str> = Vec::new();
    let mut of_nodes: Vec<&str> = Vec::new();
    for line in lines {
        found.entry((&line.service, &line.metric)).or_default().push(line);
        if line.service.is_empty() {
            of_nodes.push(&line.metric);
        } else {
            services.push(&line.service);
        }
    }
    services.dedup();
    of_nodes.dedup();
    let panels = |service: &str, metrics: &[&str]| {
        let lines = metrics.iter().filter_map(|metric| found.get(&(service, *metric)));
        let named = if services.len() > 1 { service } else { "" };
        lines.filter(|lines| differs(policies, lines)).map(|lines| panel(named, policies, lines)).collect()
    };
    let groups = services.iter().map(|service| panels(service, &TELLING)).chain([panels("", &of_nodes)]);
    let groups: Vec<Vec<Panel>> = groups.filter(|panels: &Vec<Panel>| !panels.is_empty()).collect();
    let note = note(&groups);
    let panels = groups.into_iter().take(GROUPS).flat_map(|panels| panels.into_iter().take(PANELS)).collect();
    let (title, about) = (about.scenario.clone(), about.on_seeds());
    Policies { title, about, names: policies.to_vec(), panels, note }
}

/// What is to be said of that which is not shown; the panels are those of each service.
fn note(groups: &[Vec<Panel>]) -> Option<String> {
    if groups.is_empty() {
        return Some("nothing that is drawn here differs by more than 1 % between the policies".to_owned());
    }
    let services = groups.len().saturating_sub(GROUPS);
    let metrics: usize = groups.iter().take(GROUPS).map(|panels| panels.len().saturating_sub(PANELS)).sum();
    let hidden = [(metrics, "metric"), (services, "service")].into_iter().filter(|(count, _)| *count > 0);
    let hidden: Vec<String> = hidden.map(|(count, thing)| counted(count as u32, thing)).collect();
    (!hidden.is_empty()).then(|| format!("differences not shown for want of room: {}", hidden.join(" and ")))
}

/// Whether the policies are so far apart that it can be seen, or have a value in different runs.
fn differs(policies: &[String], lines: &[&Line]) -> bool {
    let under = |policy: &String| -> Vec<(usize, &LineValue)> {
        lines.iter().filter(|line| line.policy == *policy).map(|line| (line.runs, &line.value)).collect()
    };
    let means = lines.iter().filter_map(|line| line.value.mean());
    let most = means.fold(0.0, f64::max);
    let mut under = policies.iter().map(under);
    let Some(first) = under.next() else { return false };
    under.any(|other| match (&first[..], &other[..]) {
        ([(first_runs, LineValue::Numbers { .. })], [(runs, LineValue::Numbers { difference, .. })]) => {
            first_runs != runs || difference.is_none_or(|difference| difference.value.abs() > most * UNSEEN)
        }
        _ => first != other,
    })
}

/// A metric under every policy, from its lines.
fn panel(service: &str, policies: &[String], lines: &[&Line]) -> Panel {
    let (metric, kind) = (&lines[0].metric, lines[0].kind);
    let means = lines.iter().filter_map(|line| line.value.mean());
    let (factor, unit) = match kind {
        Kind::Duration if means.fold(0.0, f64::max) < 1e3 => (1.0, "ms"),
        kind => scale(kind),
    };
    let of = if service.is_empty() { String::new() } else { format!("of {service}") };
    let beside = [&*of, unit].into_iter().filter(|part| !part.is_empty()).collect::<Vec<&str>>().join(" · ");
    let is_counted = lines.iter().any(|line| line.runs != lines[0].runs);
    let of = |policy: &String| cell(lines.iter().filter(|line| line.policy == *policy), factor, is_counted);
    let cells = policies.iter().map(of);
    Panel { title: metric.clone(), beside, whole: kind == Kind::Count, cells: cells.collect() }
}

/// A metric under one policy, from its lines, with numbers multiplied by `factor`; `is_counted`: it is told of how many runs.
fn cell<'a>(lines: impl Iterator<Item = &'a &'a Line>, factor: f64, is_counted: bool) -> Cell {
    let mut words = Vec::new();
    for Line { kind, runs, value, .. } in lines {
        match value {
            LineValue::Word(word) => words.push((word.clone(), *runs)),
            LineValue::Numbers { mean, difference, .. } => {
                let labelled = |estimate: Estimate, text| Labelled { estimate: estimate.map(|n| n * factor), text };
                let of_runs = if is_counted { format!(", {}", counted(*runs as u32, "run")) } else { String::new() };
                let value = labelled(mean.not_negative(), amount(*kind, mean.value) + &of_runs);
                let difference = difference.map(|difference| labelled(difference, signed(*kind, &difference)));
                return Cell::Number(value, difference);
            }
        }
    }
    if words.is_empty() { Cell::None } else { Cell::Words(counted_words(&words)) }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{comparison, numbers, words};
    use super::super::lines::lines;
    use super::*;
    use crate::experiment::compare;
    use crate::metrics::MetricPath;

    fn drawn(rows: impl IntoIterator<Item = (&'static str, &'static str, [compare::Cell; 2])>) -> Policies {
        let comparison = comparison(rows);
        let about = Repeated { scenario: "shop".into(), seed: 1, seeds: 2 };
        shown(&about, &comparison.policies, &lines(&comparison))
    }

    fn texts(shown: &Policies) -> String {
        let texts = shown.panels.iter().map(|panel| {
            let cells = panel.cells.iter().map(|cell| match cell {
                Cell::None => "–".to_owned(),
                Cell::Words(words) => words.clone(),
                Cell::Number(value, None) => value.text.clone(),
                Cell::Number(value, Some(difference)) => format!("{} ({})", value.text, difference.text),
            });
            format!("{} [{}]: {}\n", panel.title, panel.beside, cells.collect::<Vec<String>>().join(" | "))
        });
        texts.collect()
    }

    #[test]
    fn the_chart_shows_what_differs_of_each_service() {
        let failed = |more: f64| [numbers(&[5.0, 7.0], &[]), numbers(&[5.0 + more, 7.0 + more], &[more, more])];
        let shown = drawn([
            ("web", "update.outcome", [words(&[("completed", 2)]), words(&[("completed", 1), ("paused", 1)])]),
            ("web", "requests.failed", failed(3.0)),
            ("web", "downtime.total", [numbers(&[250.0, 250.0], &[]), numbers(&[500.0, 500.0], &[250.0, 250.0])]),
            ("web", "peak_tasks", [numbers(&[4.0, 4.0], &[]), numbers(&[4.0, 4.0], &[0.0, 0.0])]),
            ("db", "requests.failed", failed(0.05)),
            ("db", "update.detect", [numbers(&[1500.0, 1500.0], &[]), compare::Cell::None]),
            ("db", "update.duration", [numbers(&[1500.0], &[]), numbers(&[1500.0], &[])]),
            ("db", "update.restore", [numbers(&[1500.0, 1500.0], &[]), numbers(&[1500.0], &[0.0])]),
            ("", "nodes.node2.empty", [numbers(&[0.0, 0.0], &[]), numbers(&[2e4, 2e4], &[2e4, 2e4])]),
        ]);
        insta::assert_snapshot!(texts(&shown), @"
        update.outcome [of web]: completed | completed 1, paused 1
        requests.failed [of web]: 6 | 9 (+3 ± 0)
        downtime.total [of web · ms]: 250.0 ms | 500.0 ms (+250.0 ms ± 0 s)
        update.duration [of db · s]: 1.50 s | 1.50 s
        update.detect [of db · s]: 1.50 s | –
        update.restore [of db · s]: 1.50 s, 2 runs | 1.50 s, 1 run (0)
        nodes.node2.empty [s]: 0 s | 20.00 s (+20.00 s ± 0 s)
        ");
        assert_eq!((shown.note, &*shown.about), (None, "means of 2 seeds from 1"));
    }

    #[test]
    fn where_nothing_differs_the_chart_says_so() {
        let same = [numbers(&[1.0, 2.0], &[]), numbers(&[1.0, 2.0], &[0.0, 0.0])];
        let shown = drawn([("web", "requests.failed", same)]);
        let note = "nothing that is drawn here differs by more than 1 % between the policies";
        assert_eq!((shown.panels.len(), shown.note.as_deref()), (0, Some(note)));
    }

    #[test]
    fn what_has_no_room_is_counted() {
        let differing = || [numbers(&[1.0], &[]), numbers(&[2.0], &[1.0])];
        let told = |services: usize, metrics: usize| {
            let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
            let numeric =
                TELLING.iter().filter(|name| MetricPath::parse(name).is_ok_and(|path| path.kind().is_numeric()));
            let metrics: Vec<&str> = numeric.copied().take(metrics).collect();
            let of = |service| metrics.iter().map(move |metric| (service, *metric, differing())).collect::<Vec<_>>();
            let shown = drawn(names[..services].iter().copied().flat_map(of));
            (shown.panels.len(), shown.note)
        };
        let note = |text: &str| Some(format!("differences not shown for want of room: {text}"));
        assert_eq!(told(8, 6), (48, None));
        assert_eq!(told(1, 7), (6, note("1 metric")));
        assert_eq!(told(10, 1), (8, note("2 services")));
        assert_eq!(told(9, 8), (48, note("16 metrics and 1 service")));
    }

    #[test]
    fn telling_metrics_are_metrics() {
        assert!(TELLING.iter().all(|name| MetricPath::parse(name).is_ok()));
    }
}
