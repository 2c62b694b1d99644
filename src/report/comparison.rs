//! Policies side by side: a table for the terminal, `compare.csv`, and a chart, which is drawn from what stands there.

use std::collections::BTreeMap;
use std::io;

use serde_json::json;

use super::chart::compare::{self as chart, Labelled, Panel, Policies};
use super::columns::{self, COMPARE};
use super::estimate::Estimate;
use super::files::{self, File};
use super::repeated::Repeated;
use super::seeds::{OF_NODES, amount, counted_words, is_split, scale, unit};
use super::table::Table;
use crate::experiment::compare::{Cell, Comparison, Row};
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

/// A line of `compare.csv`: a metric under one policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The policy.
    pub policy: String,
    /// The service; empty: the metric is a node's.
    pub service: String,
    /// The metric's name.
    pub metric: String,
    /// What its values are.
    pub kind: Kind,
    /// How many runs have the value, or any number.
    pub runs: usize,
    /// What it is: a word, of which there may be several lines, or numbers.
    pub value: LineValue,
}

/// What a metric is under one policy.
#[derive(Clone, Debug, PartialEq)]
pub enum LineValue {
    /// A word.
    Word(String),
    /// Numbers, as they are written.
    Numbers {
        /// Mean over the seeds.
        mean: Estimate,
        /// Least, median and greatest of the seeds.
        spread: [f64; 3],
        /// Mean of the differences to the first policy, seed by seed.
        difference: Option<Estimate>,
    },
}

/// A comparison of policies: a column for each, and for each but the first its difference to the first on the same seeds.
pub fn table(comparison: &Comparison) -> String {
    let differs = |cell: &Cell| match cell {
        Cell::Number { difference, .. } => difference.is_some_and(|difference| !Estimate::of(&difference).is_nothing()),
        Cell::None | Cell::Words(_) => false,
    };
    let same_words = |row: &Row| {
        row.cells.iter().all(|cell| match (cell, &row.cells[0]) {
            (Cell::Words(words), Cell::Words(first)) => words == first,
            (Cell::None, Cell::None) | (Cell::Number { .. }, Cell::Number { .. }) => true,
            _ => false,
        })
    };
    let verdict = if comparison.rows.iter().all(|row| same_words(row) && !row.cells.iter().any(differs)) {
        "\nno difference: every run is the same under all policies\n"
    } else {
        ""
    };
    tables(comparison) + verdict
}

fn tables(comparison: &Comparison) -> String {
    let mut services: Vec<&str> = comparison.rows.iter().map(|row| &*row.service).collect();
    services.dedup();
    let tables = services.iter().map(|service| {
        let mut heads = vec![if service.is_empty() { OF_NODES } else { service }.to_owned()];
        for (number, policy) in comparison.policies.iter().enumerate() {
            heads.push(policy.clone());
            if number > 0 {
                heads.push(format!("{policy} − {}", comparison.policies[0]));
            }
        }
        let mut table = Table::new(heads);
        let is_nothing = |cell: &Cell| matches!(cell, Cell::Number { values, .. } if values.max == 0.0);
        for row in comparison.rows.iter().filter(|row| row.service == *service) {
            if !(is_split(&row.metric) && row.cells.iter().all(is_nothing)) {
                table.row(comparison_row(row));
            }
        }
        table.to_string()
    });
    tables.collect::<Vec<String>>().join("\n")
}

fn comparison_row(row: &Row) -> Vec<String> {
    let mut cells = vec![row.metric.clone()];
    for (number, cell) in row.cells.iter().enumerate() {
        let difference = match cell {
            Cell::None => {
                cells.push("–".to_owned());
                String::new()
            }
            Cell::Words(words) => {
                cells.push(counted_words(words));
                String::new()
            }
            Cell::Number { values, difference } => {
                cells.push(amount(row.kind, values.mean));
                difference.map_or(String::new(), |difference| signed(row.kind, &Estimate::of(&difference)))
            }
        };
        if number > 0 {
            cells.push(difference);
        }
    }
    cells
}

/// A difference with its interval: `+1.20 s ± 0.30 s`; `0` where every run is alike.
fn signed(kind: Kind, difference: &Estimate) -> String {
    if difference.is_nothing() {
        return "0".to_owned();
    }
    let sign = if difference.value < 0.0 { "−" } else { "+" };
    let amount = |value| match kind {
        // A difference of shares is no share: 2 % and 1 % differ by one point.
        Kind::Share => format!("{:.3} points", value * 100.0),
        _ => amount(kind, value),
    };
    let mean = amount(difference.value.abs());
    let interval = difference.half_width().map_or(String::new(), |width| format!(" ± {}", amount(width)));
    format!("{sign}{mean}{interval}")
}

/// The files of a comparison: `compare.csv`, `compare.json` with the digests of the policies, and the chart.
///
/// # Errors
/// None that can be met in practice: the contents are written to memory.
pub fn files(about: &Repeated, comparison: &Comparison, digests: &[&str]) -> io::Result<Vec<File>> {
    let lines = lines(comparison);
    let mut csv = Vec::new();
    write_csv(&lines, &mut csv)?;
    let policy = |(name, digest)| json!({"name": name, "digest": digest});
    let json = about.json([("policies", comparison.policies.iter().zip(digests).map(policy).collect())]);
    let mut files = vec![(COMPARE.name, csv), (files::COMPARE_JSON, json.into_bytes())];
    files.extend(drawn(about, &comparison.policies, &lines));
    files.push((files::COLUMNS, columns::json().into_bytes()));
    Ok(files)
}

/// The chart of a comparison, as files.
pub fn drawn(about: &Repeated, policies: &[String], lines: &[Line]) -> [File; 2] {
    let picture = chart::compare(&shown(about, policies, lines));
    [(files::COMPARE_SVG, picture.svg().into_bytes()), (files::COMPARE_PNG, picture.png())]
}

/// What `compare.csv` says: a line for each metric of each service under each policy.
fn lines(comparison: &Comparison) -> Vec<Line> {
    let as_written = |estimate: Estimate| estimate.map(rounded);
    let mut lines = Vec::new();
    for row in &comparison.rows {
        for (policy, cell) in comparison.policies.iter().zip(&row.cells) {
            let mut line = |runs: usize, value: LineValue| {
                let (policy, service, metric) = (policy.clone(), row.service.clone(), row.metric.clone());
                lines.push(Line { policy, service, metric, kind: row.kind, runs, value });
            };
            match cell {
                Cell::None => {}
                Cell::Words(words) => {
                    words.iter().for_each(|(word, runs)| line(*runs, LineValue::Word(word.clone())));
                }
                Cell::Number { values, difference } => {
                    let mean = as_written(Estimate::of(values));
                    let spread = [values.min, values.median, values.max].map(rounded);
                    let difference = difference.as_ref().map(Estimate::of).map(as_written);
                    line(values.count, LineValue::Numbers { mean, spread, difference });
                }
            }
        }
    }
    lines
}

/// A number with at most nine decimals, which reads again as it is written.
fn rounded(number: f64) -> f64 {
    libm::round(number * 1e9) / 1e9 + 0.0
}

/// Writes `compare.csv`. Durations are in milliseconds. A word has a row of its own: it stands in `value`, and `runs` counts those
/// that ended so.
fn write_csv(lines: &[Line], out: impl io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(COMPARE.header())?;
    let estimate = |estimate: Option<&Estimate>| {
        let [low, high] = estimate.and_then(|e| e.interval).map_or([None; 2], |bounds| bounds.map(Some));
        [estimate.map(|e| e.value), low, high]
    };
    for Line { policy, service, metric, kind, runs, value } in lines {
        let (word, numbers) = match value {
            LineValue::Word(word) => (&**word, [None; 9]),
            LineValue::Numbers { mean, spread: [min, median, max], difference } => {
                let [mean, low, high] = estimate(Some(mean));
                let [by, by_low, by_high] = estimate(difference.as_ref());
                ("", [mean, low, high, Some(*min), Some(*median), Some(*max), by, by_low, by_high])
            }
        };
        let texts = [policy, service, metric, unit(*kind), word].map(str::to_owned);
        let numbers = numbers.map(|number| number.map_or(String::new(), |number| number.to_string()));
        csv.write_record(texts.into_iter().chain([runs.to_string()]).chain(numbers))?;
    }
    csv.flush()
}

/// What the chart shows: of each service the first of the telling metrics that differ, and of the nodes any.
fn shown(about: &Repeated, policies: &[String], lines: &[Line]) -> Policies {
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
        let panels = lines.map(|lines| panel(named, policies, lines)).filter(differs);
        panels.take(PANELS).collect::<Vec<Panel>>()
    };
    let groups = services.iter().map(|service| panels(service, &TELLING)).chain([panels("", &of_nodes)]);
    let mut groups: Vec<Vec<Panel>> = groups.filter(|panels| !panels.is_empty()).collect();
    let note = match groups.len() {
        0 => Some("nothing that is drawn here differs by more than 1 % between the policies".to_owned()),
        count if count > GROUPS => Some(format!("what differs of {} more services is not shown", count - GROUPS)),
        _ => None,
    };
    groups.truncate(GROUPS);
    let panels = groups.into_iter().flatten().collect();
    let (title, about) = (about.scenario.clone(), about.on_seeds());
    Policies { title, about, names: policies.to_vec(), panels, note }
}

/// Whether the policies are so far apart that it can be seen.
fn differs(panel: &Panel) -> bool {
    let Some((first, others)) = panel.cells.split_first() else { return false };
    let most = panel.numbers().map(|(value, _)| value.estimate.value).fold(0.0, f64::max);
    others.iter().any(|cell| match (cell, first) {
        (chart::Cell::Number(_, difference), chart::Cell::Number(..)) => {
            difference.as_ref().is_some_and(|difference| difference.estimate.value.abs() > most * UNSEEN)
        }
        _ => cell != first,
    })
}

/// A metric under every policy, from its lines.
fn panel(service: &str, policies: &[String], lines: &[&Line]) -> Panel {
    let (metric, kind) = (&lines[0].metric, lines[0].kind);
    let means = lines.iter().filter_map(|line| match line.value {
        LineValue::Numbers { mean, .. } => Some(mean.value),
        LineValue::Word(_) => None,
    });
    let (factor, unit) = match kind {
        Kind::Duration if means.fold(0.0, f64::max) < 1e3 => (1.0, "ms"),
        kind => scale(kind),
    };
    let of = if service.is_empty() { String::new() } else { format!("of {service}") };
    let beside = [&*of, unit].into_iter().filter(|part| !part.is_empty()).collect::<Vec<&str>>().join(" · ");
    let cells = policies.iter().map(|policy| cell(lines.iter().filter(|line| line.policy == *policy), factor));
    Panel { title: metric.clone(), beside, whole: kind == Kind::Count, cells: cells.collect() }
}

/// A metric under one policy, from its lines, with numbers multiplied by `factor`.
fn cell<'a>(lines: impl Iterator<Item = &'a &'a Line>, factor: f64) -> chart::Cell {
    let mut words = Vec::new();
    for Line { kind, runs, value, .. } in lines {
        match value {
            LineValue::Word(word) => words.push((word.clone(), *runs)),
            LineValue::Numbers { mean, difference, .. } => {
                let labelled = |estimate: Estimate, text| Labelled { estimate: estimate.map(|n| n * factor), text };
                let value = labelled(mean.not_negative(), amount(*kind, mean.value));
                let difference = difference.map(|difference| labelled(difference, signed(*kind, &difference)));
                return chart::Cell::Number(value, difference);
            }
        }
    }
    if words.is_empty() { chart::Cell::None } else { chart::Cell::Words(counted_words(&words)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::statistics::Statistics;
    use crate::metrics::MetricPath;

    fn words(words: &[(&str, usize)]) -> Cell {
        Cell::Words(words.iter().map(|(word, runs)| ((*word).to_owned(), *runs)).collect())
    }

    fn numbers(values: &[f64], differences: &[f64]) -> Cell {
        Cell::Number { values: Statistics::of(values).expect("values"), difference: Statistics::of(differences) }
    }

    fn comparison<const N: usize>(rows: [(&str, &str, [Cell; 2]); N]) -> Comparison {
        let row = |(service, metric, cells): (&str, &str, [Cell; 2])| {
            let kind = MetricPath::parse(metric).expect("a metric").kind();
            Row { service: service.into(), metric: metric.into(), kind, cells: cells.into() }
        };
        Comparison { policies: vec!["a".into(), "b".into()], rows: rows.map(row).into() }
    }

    fn drawn<const N: usize>(rows: [(&str, &str, [Cell; 2]); N]) -> Policies {
        let comparison = comparison(rows);
        let about = Repeated { scenario: "shop".into(), seed: 1, seeds: 2 };
        shown(&about, &comparison.policies, &lines(&comparison))
    }

    #[test]
    fn words_of_a_comparison_have_rows_of_their_own() {
        let outcomes = [words(&[("completed", 2), ("paused", 1)]), Cell::None];
        let peaks = [numbers(&[1.0, 2.0], &[]), numbers(&[2.0, 2.0], &[1.0, 0.0])];
        let comparison = comparison([("web", "update.outcome", outcomes), ("web", "peak_tasks", peaks)]);
        let mut bytes = Vec::new();
        write_csv(&lines(&comparison), &mut bytes).expect("written");
        insta::assert_snapshot!(String::from_utf8(bytes).expect("text"), @r"
        policy,service,metric,unit,value,runs,mean,mean_low,mean_high,min,median,max,difference,difference_low,difference_high
        a,web,update.outcome,,completed,2,,,,,,,,,
        a,web,update.outcome,,paused,1,,,,,,,,,
        a,web,peak_tasks,count,,2,1.5,-4.853,7.853,1,1,2,,,
        b,web,peak_tasks,count,,2,2,2,2,2,2,2,0.5,-5.853,6.853
        ");
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
            ("db", "update.detect", [numbers(&[1500.0, 1500.0], &[]), Cell::None]),
            ("", "nodes.node2.empty", [numbers(&[0.0, 0.0], &[]), numbers(&[2e4, 2e4], &[2e4, 2e4])]),
        ]);
        let texts = shown.panels.iter().map(|panel| {
            let cells = panel.cells.iter().map(|cell| match cell {
                chart::Cell::None => "–".to_owned(),
                chart::Cell::Words(words) => words.clone(),
                chart::Cell::Number(value, None) => value.text.clone(),
                chart::Cell::Number(value, Some(difference)) => format!("{} ({})", value.text, difference.text),
            });
            format!("{} [{}]: {}\n", panel.title, panel.beside, cells.collect::<Vec<String>>().join(", "))
        });
        insta::assert_snapshot!(texts.collect::<String>(), @"
        update.outcome [of web]: completed, completed 1, paused 1
        requests.failed [of web]: 6, 9 (+3 ± 0)
        downtime.total [of web · ms]: 250.0 ms, 500.0 ms (+250.0 ms ± 0 s)
        update.detect [of db · s]: 1.50 s, –
        nodes.node2.empty [s]: 0 s, 20.00 s (+20.00 s ± 0 s)
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
    fn telling_metrics_are_metrics() {
        assert!(TELLING.iter().all(|name| MetricPath::parse(name).is_ok()));
    }
}
