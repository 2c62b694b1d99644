//! The numbers of a run for the terminal: a row for each metric, under the name that it has everywhere.

use super::table::Table;
use crate::kernel::Span;
use crate::metrics::path::Value;
use crate::metrics::summary::Totals;
use crate::metrics::{MetricPath, ServiceSummary, Summary};

/// What is shown, and whether it is shown although no column has a value.
const METRICS: [(&str, bool); 20] = [
    ("requests.total", true),
    ("requests.failed", true),
    ("requests.availability", true),
    ("error_budget_used", false),
    ("requests.per_second", true),
    ("requests.latency.p50", false),
    ("requests.latency.p99", false),
    ("requests.latency.max", false),
    ("uptime_share", true),
    ("downtime.total", true),
    ("downtime.count", true),
    ("downtime.longest", true),
    ("degraded", true),
    ("missing_replica", true),
    ("peak_tasks", true),
    ("update.to", false),
    ("update.outcome", false),
    ("update.detect", false),
    ("update.restore", false),
    ("final_update_status", false),
];

/// The metrics of a run: a column for each service, and one for their totals if there are several.
pub fn summary(summary: &Summary) -> Table {
    let mut columns: Vec<_> = summary.services.iter().map(|service| Column::service(&service.name, service)).collect();
    if summary.services.len() > 1 {
        columns.push(Column { head: "total", numbers: Numbers::Totals(&summary.totals) });
    }
    table(&columns)
}

/// The metrics of one service in several runs, a column with a head for each.
pub fn comparison<'a>(runs: impl IntoIterator<Item = (&'a str, &'a ServiceSummary)>) -> Table {
    let columns: Vec<_> = runs.into_iter().map(|(head, service)| Column::service(head, service)).collect();
    table(&columns)
}

/// A value with its unit for people: `99.900 %`, `12.34 s`, `–` for none.
pub fn readable(value: Option<Value<'_>>) -> String {
    match value {
        None => "–".to_owned(),
        Some(Value::Duration(span)) => duration(span),
        Some(Value::Share(share)) => percent(share),
        Some(Value::Count(count)) => count.to_string(),
        Some(Value::Rate(rate)) => format!("{rate:.1} /s"),
        Some(Value::Text(text)) => text.to_owned(),
        Some(Value::Bool(yes)) => (if yes { "yes" } else { "no" }).to_owned(),
    }
}

struct Column<'a> {
    head: &'a str,
    numbers: Numbers<'a>,
}

enum Numbers<'a> {
    Service(&'a ServiceSummary),
    Totals(&'a Totals),
}

impl<'a> Column<'a> {
    fn service(head: &'a str, service: &'a ServiceSummary) -> Column<'a> {
        Column { head, numbers: Numbers::Service(service) }
    }

    fn value(&self, metric: &MetricPath) -> Option<Value<'a>> {
        match self.numbers {
            Numbers::Service(service) => metric.value(service),
            Numbers::Totals(totals) => total(totals, &metric.to_string()),
        }
    }
}

fn table(columns: &[Column<'_>]) -> Table {
    let mut table = Table::new([""].into_iter().chain(columns.iter().map(|column| column.head)));
    for (name, always) in METRICS {
        let metric = MetricPath::parse(name).expect("a metric of this name exists");
        let values: Vec<_> = columns.iter().map(|column| column.value(&metric)).collect();
        if always || values.iter().any(Option::is_some) {
            table.row([name.to_owned()].into_iter().chain(values.into_iter().map(readable)));
        }
    }
    table
}

/// The value of a metric for all services together; `None` where their sum makes no sense.
fn total<'a>(totals: &'a Totals, metric: &str) -> Option<Value<'a>> {
    let requests = totals.requests.as_ref();
    let latency = requests.and_then(|requests| requests.latency);
    match metric {
        "requests.total" => requests.map(|requests| Value::Count(requests.total)),
        "requests.failed" => requests.map(|requests| Value::Count(requests.failed)),
        "requests.availability" => requests.and_then(|requests| requests.availability).map(Value::Share),
        "requests.per_second" => requests.map(|requests| Value::Rate(requests.per_second)),
        "requests.latency.p50" => latency.map(|latency| Value::Duration(latency.p50)),
        "requests.latency.p99" => latency.map(|latency| Value::Duration(latency.p99)),
        "requests.latency.max" => latency.map(|latency| Value::Duration(latency.max)),
        "downtime.total" => Some(Value::Duration(totals.downtime.total)),
        "downtime.count" => Some(Value::Count(totals.downtime.count())),
        "downtime.longest" => Some(Value::Duration(totals.downtime.longest)),
        "degraded" => Some(Value::Duration(totals.degraded)),
        "missing_replica" => Some(Value::Duration(totals.missing_replica)),
        _ => None,
    }
}

/// Three decimals; only what is nothing or all of it is written as 0 % or 100 %.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let percent = if 0.0 < share && share < 1.0 { percent.clamp(0.001, 99.999) } else { percent };
    format!("{percent:.3} %")
}

/// Seconds with two decimals; below a second milliseconds with one.
fn duration(span: Span) -> String {
    match span.as_secs_f64() {
        _ if span.is_zero() => "0 s".to_owned(),
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1_000.0),
        seconds => format!("{seconds:.2} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::metrics::fixture::service;
    use crate::metrics::summary::Downtime;

    fn idle() -> ServiceSummary {
        ServiceSummary {
            name: "db".to_owned(),
            requests: None,
            downtime: Downtime::default(),
            degraded: Span::ZERO,
            missing_replica: Span::ZERO,
            error_budget_used: None,
            updates: Vec::new(),
            final_update_status: None,
            ..service()
        }
    }

    #[test]
    fn several_services_have_totals_and_what_is_not_there_is_a_dash() {
        let (web, db) = (service(), idle());
        let totals = Totals {
            requests: web.requests.clone(),
            downtime: web.downtime.clone(),
            degraded: web.degraded,
            missing_replica: web.missing_replica,
        };
        let run = Summary {
            scenario: "test".into(),
            digest: String::new(),
            seed: 1,
            fingerprint: String::new(),
            end: Time::from_millis(60_000),
            warnings: Vec::new(),
            services: vec![web, db],
            totals,
            nodes: Vec::new(),
        };
        insta::assert_snapshot!(summary(&run), @"
                                       web         db      total
        requests.total                  10          –         10
        requests.failed                  3          –          3
        requests.availability     70.000 %          –   70.000 %
        error_budget_used        150.000 %          –          –
        requests.per_second        12.5 /s          –    12.5 /s
        requests.latency.p50        1.0 ms          –     1.0 ms
        requests.latency.p99        3.0 ms          –     3.0 ms
        requests.latency.max        5.0 ms          –     5.0 ms
        uptime_share              75.000 %   75.000 %          –
        downtime.total              2.50 s        0 s     2.50 s
        downtime.count                   2          0          2
        downtime.longest            1.50 s        0 s     1.50 s
        degraded                    4.00 s        0 s     4.00 s
        missing_replica             6.50 s        0 s     6.50 s
        peak_tasks                       5          5          –
        update.to                  app:2.0          –          –
        update.outcome          unfinished          –          –
        final_update_status      completed          –          –
        ");
    }

    #[test]
    fn policies_stand_side_by_side_and_empty_rows_are_left_out() {
        let runs = [idle(), idle()];
        let table = comparison([("slow", &runs[0]), ("fast", &runs[1])]).to_string();
        assert!(table.contains("slow") && table.contains("fast"));
        assert!(table.contains("requests.total") && !table.contains("update.detect"), "{table}");
    }

    #[test]
    fn a_share_is_rounded_to_all_or_nothing_only_if_it_is() {
        let shown = [0.0, 1e-9, 0.999, 1.0 - 1e-9, 1.0, 1.5].map(|share| readable(Some(Value::Share(share))));
        assert_eq!(shown, ["0.000 %", "0.001 %", "99.900 %", "99.999 %", "100.000 %", "150.000 %"]);
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        let shown = [0, 1_500, 999_900, 12_345_000].map(|us| readable(Some(Value::Duration(Span::from_micros(us)))));
        assert_eq!(shown, ["0 s", "1.5 ms", "999.9 ms", "12.35 s"]);
    }
}
