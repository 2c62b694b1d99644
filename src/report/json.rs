//! `summary.json`.

use serde_json::{Map, Number, Value, json};

use crate::kernel::{Span, Time};
use crate::metrics::summary::{
    Downtime, Latency, Requests, SCHEMA_VERSION, ServiceSummary, StatusChange, Summary, Totals, Update,
};
use crate::model::request::{Cause, RequestOutcome};

/// Decimals of shares: one failure among a hundred million requests still shows.
const SHARE_DECIMALS: i32 = 9;

/// Decimals of rates.
const RATE_DECIMALS: i32 = 3;

/// The JSON Schema of `summary.json`.
pub const SUMMARY_SCHEMA: &str = include_str!("../../schemas/summary.schema.json");

/// The text of `summary.json`, with a line feed at its end. Keys always come in the same order; `null` stands for what there is
/// no value of.
pub fn summary(summary: &Summary) -> String {
    let services = summary.services.iter().map(|s| (s.name.clone(), service(s)));
    let nodes = summary.nodes.iter().map(|node| (node.name.clone(), json!({"empty_ms": node.empty.map(length)})));
    let warnings = summary.warnings.iter().chain(summary.vain.iter().map(|vain| &vain.text));
    let value = json!({
        "schema_version": SCHEMA_VERSION,
        "rollsim": env!("CARGO_PKG_VERSION"),
        "scenario": {"name": summary.scenario, "digest": summary.digest},
        "seed": summary.seed,
        "fingerprint": summary.fingerprint,
        "end_ms": point(summary.end),
        "warnings": warnings.collect::<Vec<_>>(),
        "services": services.collect::<Map<_, _>>(),
        "totals": totals(&summary.totals),
        "nodes": nodes.collect::<Map<_, _>>(),
    });
    format!("{value:#}\n")
}

fn service(service: &ServiceSummary) -> Value {
    json!({
        "window_ms": service.window.map(point),
        "never_ready": service.never_ready,
        "requests": service.requests.as_ref().map(requests),
        "uptime_share": service.uptime_share.map(share),
        "downtime": downtime(&service.downtime),
        "degraded_ms": length(service.degraded),
        "missing_replica_ms": length(service.missing_replica),
        "peak_tasks": service.peak_tasks,
        "error_budget_used": service.error_budget_used.map(share),
        "update_status": service.update_status.iter().map(status_change).collect::<Vec<_>>(),
        "final_update_status": service.final_update_status.map(|state| state.name()),
        "updates": service.updates.iter().map(update).collect::<Vec<_>>(),
    })
}

fn totals(totals: &Totals) -> Value {
    json!({
        "requests": totals.requests.as_ref().map(requests),
        "downtime": downtime(&totals.downtime),
        "degraded_ms": length(totals.degraded),
        "missing_replica_ms": length(totals.missing_replica),
    })
}

fn requests(requests: &Requests) -> Value {
    let by_outcome = RequestOutcome::names().zip(requests.by_outcome);
    let by_cause = Cause::ALL.map(Cause::name).into_iter().zip(requests.by_cause);
    let counts = |(name, count): (&str, u64)| (name.to_owned(), json!(count));
    let by_version = requests.by_version.iter().map(|version| {
        let counts = json!({"total": version.total, "ok": version.ok, "failed": version.failed});
        (version.image.clone(), counts)
    });
    let by_client = requests.by_client.iter().map(|client| {
        let per_second = rounded(client.per_second, RATE_DECIMALS);
        let numbers = json!({"total": client.total, "failed": client.failed, "per_second": per_second});
        (client.client.clone(), numbers)
    });
    json!({
        "total": requests.total,
        "ok": requests.ok,
        "failed": requests.failed,
        "failed_share": requests.failed_share.map(share),
        "availability": requests.availability.map(share),
        "per_second": rounded(requests.per_second, RATE_DECIMALS),
        "by_outcome": by_outcome.map(counts).collect::<Map<_, _>>(),
        "by_cause": by_cause.map(counts).collect::<Map<_, _>>(),
        "by_version": by_version.collect::<Map<_, _>>(),
        "by_client": by_client.collect::<Map<_, _>>(),
        "unfinished": requests.unfinished,
        "latency_ms": requests.latency.as_ref().map(latency),
    })
}

fn latency(latency: &Latency) -> Value {
    json!({
        "p50": length(latency.p50),
        "p90": length(latency.p90),
        "p99": length(latency.p99),
        "p99_9": length(latency.p99_9),
        "max": length(latency.max),
    })
}

fn downtime(downtime: &Downtime) -> Value {
    json!({
        "total_ms": length(downtime.total),
        "count": downtime.count(),
        "longest_ms": length(downtime.longest),
        "intervals_ms": downtime.intervals.iter().map(|interval| interval.map(point)).collect::<Vec<_>>(),
    })
}

fn status_change(change: &StatusChange) -> Value {
    json!({"t_ms": point(change.at), "state": change.state.name(), "message": change.message})
}

fn update(update: &Update) -> Value {
    json!({
        "kind": update.kind.name(),
        "from": update.from,
        "to": update.to,
        "start_ms": point(update.start),
        "last_running_ms": update.last_running.map(point),
        "end_ms": update.end.map(point),
        "duration_ms": update.duration().map(length),
        "outcome": update.outcome.name(),
        "detect_ms": update.detect.map(length),
        "restore_ms": update.restore.map(length),
    })
}

/// A point in time in milliseconds, as [`length`].
pub(super) fn point(time: Time) -> Number {
    length(time.since_start())
}

/// Milliseconds, rounded down to whole microseconds: an integer, or up to three decimals.
pub(super) fn length(span: Span) -> Number {
    match span.as_micros() {
        micros if micros.is_multiple_of(1_000) => (micros / 1_000).into(),
        micros => Number::from_f64(micros as f64 / 1e3).expect("a quotient of finite numbers is finite"),
    }
}

fn share(share: f64) -> Number {
    rounded(share, SHARE_DECIMALS)
}

/// The number with at most this many decimals; a whole one is written as an integer.
fn rounded(number: f64, decimals: i32) -> Number {
    let factor = libm::pow(10.0, f64::from(decimals));
    let rounded = libm::round(number * factor) / factor;
    if rounded == libm::trunc(rounded) {
        return Number::from(rounded as u64);
    }
    Number::from_f64(rounded).expect("a share or a rate is finite")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::fixture;
    use crate::metrics::node_log::{NodeLog, NodeStatus};
    use crate::metrics::summary::{NodeSummary, Vain};

    fn run() -> Summary {
        let log = || NodeLog::of(NodeStatus::default());
        let service = fixture::service();
        let db = ServiceSummary {
            name: "db".into(),
            never_ready: true,
            requests: None,
            uptime_share: None,
            error_budget_used: None,
            update_status: Vec::new(),
            final_update_status: None,
            updates: Vec::new(),
            downtime: Downtime::default(),
            ..service.clone()
        };
        Summary {
            scenario: "example".into(),
            digest: "0123".into(),
            seed: 7,
            fingerprint: "4567".into(),
            end: Time::from_nanos(11_500_000_999),
            warnings: vec!["a warning".into()],
            vain: vec![Vain { command: 1, text: "`x` at 5s: refused: y".into() }],
            totals: Totals {
                requests: service.requests.clone(),
                downtime: service.downtime.clone(),
                degraded: Span::from_secs(8),
                missing_replica: Span::from_secs(13),
            },
            services: vec![service, db],
            nodes: vec![
                NodeSummary { name: "node2".into(), empty: Some(Span::from_millis(2_500)), log: log() },
                NodeSummary { name: "node1".into(), empty: None, log: log() },
            ],
        }
    }

    #[test]
    fn the_whole_summary() {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../../tests/snapshots");
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| insta::assert_snapshot!("summary_json", summary(&run())));
    }

    #[test]
    fn milliseconds_have_up_to_three_decimals() {
        let text = |nanos| length(Span::from_nanos(nanos)).to_string();
        assert_eq!([0, 5_000_000, 1_250_000, 1_999, 7_001_000].map(text), ["0", "5", "1.25", "0.001", "7.001"]);
        assert_eq!(text(3_600_000_000_001_000), "3600000000.001");
    }

    #[test]
    fn shares_have_up_to_nine_decimals_and_rates_three() {
        assert_eq!([1.0, 0.0, 2.0 / 3.0, 0.25].map(|s| share(s).to_string()), ["1", "0", "0.666666667", "0.25"]);
        assert_ne!(share(99_999_999.0 / 100_000_000.0).to_string(), "1");
        assert_eq!(rounded(2_613.000_4, RATE_DECIMALS).to_string(), "2613");
    }
}
