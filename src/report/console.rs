//! The numbers of a run for the terminal: a row for each metric, under the name that it has everywhere.

use super::table::Table;
use crate::kernel::Span;
use crate::metrics::path::Value;
use crate::metrics::summary::{Requests, Totals};
use crate::metrics::{MetricPath, ServiceSummary, Summary};
use crate::model::request::Cause;

/// What is shown where a column has a value, and whether it is shown although that is 0 everywhere.
const METRICS: [(&str, bool); 24] = [
    ("requests.total", true),
    ("requests.failed", true),
    ("requests.by_cause.no-task", false),
    ("requests.by_cause.booting", false),
    ("requests.by_cause.stopping", false),
    ("requests.by_cause.killed", false),
    ("requests.by_cause.node-lost", false),
    ("requests.by_cause.stale-entry", false),
    ("requests.by_cause.overload", false),
    ("requests.by_cause.application", false),
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
    ("final_update_status", false),
];

/// The numbers of a run: a table of metrics, without rows for requests if nobody sends any, then what each version served, what
/// each client saw if there are several, what became of each update, and how long drained nodes took to be empty.
pub fn summary(summary: &Summary) -> String {
    let tables = [Some(metrics(summary)), versions(summary), clients(summary), updates(summary), nodes(summary)];
    let mut texts: Vec<String> = tables.into_iter().flatten().map(|table| table.to_string()).collect();
    if summary.services.iter().all(|service| service.requests.is_none()) {
        texts.insert(1, "no clients: requests are not counted\n".to_owned());
    }
    texts.join("\n")
}

/// A column for each service, and one for their totals if there are several.
fn metrics(summary: &Summary) -> Table {
    let mut columns: Vec<_> = summary.services.iter().map(Column::service).collect();
    if summary.services.len() > 1 {
        columns.push(Column { head: "total", numbers: Numbers::Totals(&summary.totals) });
    }
    table(&columns)
}

/// How many requests met each version: the exposure to a bad one.
fn versions(summary: &Summary) -> Option<Table> {
    let mut table = Table::new(["served by", "requests", "ok", "failed"]);
    let mut any = false;
    for service in &summary.services {
        for version in service.requests.iter().flat_map(|requests| &requests.by_version) {
            let counts = [version.total, version.ok, version.failed].map(|count| count.to_string());
            table.row([format!("{} {}", service.name, version.image)].into_iter().chain(counts));
            any = true;
        }
        let nobody = service.requests.iter().map(unserved).find(|count| *count > 0);
        if let Some(count) = nobody.map(|count| count.to_string()) {
            table.row([format!("{} nobody", service.name), count.clone(), "0".to_owned(), count]);
            any = true;
        }
    }
    any.then_some(table)
}

/// Requests that were sent to no task.
fn unserved(requests: &Requests) -> u64 {
    requests.total - requests.by_version.iter().map(|version| version.total).sum::<u64>()
}

/// How long the nodes that were drained took to be really empty.
fn nodes(summary: &Summary) -> Option<Table> {
    let mut drained = summary.nodes.iter().filter(|node| node.empty.is_some()).peekable();
    drained.peek()?;
    let mut table = Table::new(["drained", "empty after"]);
    drained.for_each(|node| table.row([node.name.clone(), readable(node.empty.map(Value::Duration))]));
    Some(table)
}

fn clients(summary: &Summary) -> Option<Table> {
    let of_service =
        |service: &'_ ServiceSummary| service.requests.as_ref().map_or(0, |requests| requests.by_client.len());
    if summary.services.iter().map(of_service).sum::<usize>() < 2 {
        return None;
    }
    let mut table = Table::new(["client", "requests", "failed", "per second"]);
    for client in summary.services.iter().flat_map(|service| &service.requests).flat_map(|requests| &requests.by_client)
    {
        let rate = readable(Some(Value::Rate(client.per_second)));
        table.row([client.client.clone(), client.total.to_string(), client.failed.to_string(), rate]);
    }
    Some(table)
}

fn updates(summary: &Summary) -> Option<Table> {
    let mut table = Table::new(["", "from", "to", "start", "duration", "detect", "restore", "outcome"]);
    let mut any = false;
    for service in &summary.services {
        for update in &service.updates {
            let span = |span: Option<Span>| readable(span.map(Value::Duration));
            table.row([
                format!("{} {}", service.name, update.kind.name()),
                update.from.clone(),
                update.to.clone(),
                span(Some(update.start.since_start())),
                span(update.duration()),
                span(update.detect),
                span(update.restore),
                update.outcome.name().to_owned(),
            ]);
            any = true;
        }
    }
    any.then_some(table)
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
    fn service(service: &'a ServiceSummary) -> Column<'a> {
        Column { head: &service.name, numbers: Numbers::Service(service) }
    }

    /// From when to when it was measured.
    fn window(&self) -> String {
        match self.numbers {
            Numbers::Service(service) => {
                service.window.map(|at| format!("{:.2}", at.since_start().as_secs_f64())).join("–") + " s"
            }
            Numbers::Totals(_) => readable(None),
        }
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
    table.row(["window".to_owned()].into_iter().chain(columns.iter().map(Column::window)));
    for (name, always) in METRICS {
        let metric = MetricPath::parse(name).expect("a metric of this name exists");
        let values: Vec<_> = columns.iter().map(|column| column.value(&metric)).collect();
        let is_shown = |value: &Value<'_>| always || !matches!(value, Value::Count(0));
        if values.iter().flatten().any(is_shown) {
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
        _ => {
            let cause = metric.strip_prefix("requests.by_cause.")?;
            let cause = Cause::ALL.into_iter().find(|known| known.name() == cause)?;
            requests.map(|requests| Value::Count(requests.by_cause[cause as usize]))
        }
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
            vain: Vec::new(),
            services: vec![web, db],
            totals,
            nodes: Vec::new(),
        };
        insta::assert_snapshot!(summary(&run), @"
                                                 web             db      total
        window                          1.50–11.50 s   1.50–11.50 s          –
        requests.total                            10              –         10
        requests.failed                            3              –          3
        requests.by_cause.no-task                 20              –         20
        requests.by_cause.booting                 21              –         21
        requests.by_cause.stopping                22              –         22
        requests.by_cause.killed                  23              –         23
        requests.by_cause.node-lost               24              –         24
        requests.by_cause.stale-entry             25              –         25
        requests.by_cause.overload                26              –         26
        requests.by_cause.application             27              –         27
        requests.availability               70.000 %              –   70.000 %
        error_budget_used                  150.000 %              –          –
        requests.per_second                  12.5 /s              –    12.5 /s
        requests.latency.p50                  1.0 ms              –     1.0 ms
        requests.latency.p99                  3.0 ms              –     3.0 ms
        requests.latency.max                  5.0 ms              –     5.0 ms
        uptime_share                        75.000 %       75.000 %          –
        downtime.total                        2.50 s            0 s     2.50 s
        downtime.count                             2              0          2
        downtime.longest                      1.50 s            0 s     1.50 s
        degraded                              4.00 s            0 s     4.00 s
        missing_replica                       6.50 s            0 s     6.50 s
        peak_tasks                                 5              5          –
        final_update_status                completed              –          –

        served by     requests   ok   failed
        web app:1.0          9    7        2
        web nobody           1    0        1

                          from        to     start   duration   detect   restore              outcome
        web update     app:1.0   app:2.0   10.00 s    10.00 s   3.00 s    4.00 s   rollback_completed
        web rollback   app:1.0   app:2.0   10.00 s          –        –         –           unfinished
        ");
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
