//! What the metrics mean, in a few words for readers.

/// What the metric of this name means; of a group such as `requests.by_cause.killed`, what the group means.
pub fn of(metric: &str) -> Option<&'static str> {
    let is_of = |name: &str| metric == name || metric.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    MEANINGS.iter().find(|(name, _)| is_of(name)).map(|(_, meaning)| *meaning)
}

/// In the order of `summary.json`; a group's own line comes after those of its members that have one.
const MEANINGS: [(&str, &str); 36] = [
    ("never_ready", "whether the desired replicas were never all in rotation; then all is measured from the creation"),
    ("requests.total", "requests that were sent within the window and have ended; one that is tried again counts once"),
    ("requests.ok", "those that were answered without an error"),
    ("requests.failed", "those that were not answered, or with an error"),
    ("requests.failed_share", "failed / total"),
    ("requests.availability", "ok / total"),
    (
        "requests.per_second",
        "answers per second over the client's own run, as ab prints it; of several clients the sum",
    ),
    ("requests.by_outcome", "by what the client saw"),
    ("requests.by_cause", "failed, by why"),
    ("requests.by_version", "by the image of the task that they were sent to: the exposure to a bad version"),
    ("requests.by_client", "by the client that sent them"),
    ("requests.unfinished", "sent and not ended when the run ended; in no other number"),
    ("requests.latency.p50", "median of the time from sending to the answer, nearest rank"),
    ("requests.latency.p90", "nine of ten answers came at least as fast"),
    ("requests.latency.p99", "99 of 100 answers came at least as fast"),
    ("requests.latency.p99_9", "999 of 1,000 answers came at least as fast"),
    ("requests.latency.max", "the slowest answer"),
    ("uptime_share", "1 - downtime / window"),
    ("downtime.total", "time with replicas desired and none in rotation"),
    ("downtime.count", "how often that began"),
    ("downtime.longest", "the longest of these times"),
    ("degraded", "time with fewer tasks in rotation than desired, downtime included"),
    ("missing_replica", "the same, weighted by how many are missing"),
    ("peak_tasks", "most tasks in STARTING or RUNNING at once"),
    ("error_budget_used", "failed requests over those that the objective allows; 1 is all of it"),
    ("final_update_status", "Swarm's update status at the end of the run"),
    ("update.kind", "update, or rollback by the operator"),
    ("update.from", "image before"),
    ("update.to", "image that the operator asked for"),
    ("update.start", "when the operator wrote the specification"),
    ("update.last_running", "when a task created by it last reached RUNNING"),
    ("update.end", "when the outcome was settled"),
    ("update.duration", "from the command to the outcome, with the last watch for failures"),
    ("update.outcome", "first status that does not move on by itself, after any automatic rollback"),
    ("update.detect", "from the creation of its first task that ended by itself to paused or rollback_started"),
    ("update.restore", "from there to all desired replicas in rotation, all of one version"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::MetricPath;

    #[test]
    fn every_metric_has_a_meaning_and_no_meaning_is_in_vain() {
        let names: Vec<String> = MetricPath::all().map(|metric| metric.to_string()).collect();
        let without: Vec<&String> = names.iter().filter(|name| of(name).is_none()).collect();
        assert!(without.is_empty(), "{without:?}");
        let groups = ["requests.by_version", "requests.by_client"];
        for (name, meaning) in MEANINGS {
            assert_eq!(of(name), Some(meaning));
            let is_used = names.iter().any(|metric| of(metric) == Some(meaning));
            assert!(is_used || groups.contains(&name), "{name}");
        }
        assert_eq!(of("requests.by_version.app:1.total"), of("requests.by_version"));
        assert_eq!(of("requests.totally"), None);
    }
}
