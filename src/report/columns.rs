//! What stands in the columns of the CSV files: their headers, and `columns.json`, which explains them.

use serde_json::{Value, json};

/// A CSV file.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What a row is.
    row: &'static str,
    columns: &'static [Column],
}

/// A column: its name, the type of its values, their unit if they have one, and what they mean. An empty field is no value.
type Column = (&'static str, Type, &'static str, &'static str);

/// Type of the values of a column, in the words of Frictionless Table Schema.
#[derive(Clone, Copy, Debug)]
enum Type {
    Integer,
    Number,
    String,
}

use Type::{Integer, Number, String as Text};

impl Table {
    /// Names of the columns, in order.
    pub fn header(&self) -> Vec<&'static str> {
        self.columns.iter().map(|(name, ..)| *name).collect()
    }
}

/// Changes of tasks.
pub const TASKS: Table = Table {
    name: "tasks.csv",
    row: "a change of a task in the managers' store, in order",
    columns: &[
        ("t_ms", Number, "ms", "when, since the start of the run"),
        ("service", Text, "", "its service"),
        ("slot", Integer, "", "its slot; empty for a task of a global service, whose place is its node"),
        ("task", Integer, "", "which task: the ordinal of its creation, from 0"),
        ("image", Text, "", "its image"),
        ("node", Text, "", "its node, once it has one"),
        ("state", Text, "", "observed state; `removed` when the task is deleted, and all else says how it stood last"),
        ("desired", Text, "", "desired state"),
        ("message", Text, "", "what was done last, as docker inspect shows it"),
        ("err", Text, "", "what went wrong, as docker service ps shows it"),
    ],
};

/// Services over time.
pub const TIMELINE: Table = Table {
    name: "timeline.csv",
    row: "a service at a full second, or when one of desired, in_rotation and running has changed",
    columns: &[
        ("t_ms", Number, "ms", "when, since the start of the run"),
        ("service", Text, "", "the service"),
        ("desired", Integer, "tasks", "replicas wanted; 0 from its removal on"),
        (
            "in_rotation",
            Integer,
            "tasks",
            "tasks that the load balancer sends requests to; without ports those that run",
        ),
        ("running", Integer, "tasks", "tasks that the managers see as RUNNING, those included that are to be stopped"),
        ("in_flight", Integer, "requests", "requests that were sent and have not ended"),
        ("ok", Integer, "requests", "requests answered since the service's row before"),
        ("failed", Integer, "requests", "requests that failed since the service's row before"),
    ],
};

/// What happened beside the changes of tasks.
pub const EVENTS: Table = Table {
    name: "events.csv",
    row: "a command or fault of the timeline, a written update status, or a node seen in another state, in order",
    columns: &[
        ("t_ms", Number, "ms", "when, since the start of the run"),
        ("kind", Text, "", "command (or fault), update_status or node"),
        ("service", Text, "", "whose update status"),
        ("node", Text, "", "which node"),
        (
            "text",
            Text,
            "",
            "the line as it was written; the update status; the state of the node as the managers see it (ready, down, \
             unknown), or `removed`",
        ),
    ],
};

/// Requests over time.
pub const BINS: Table = Table {
    name: "requests-over-time.csv",
    row: "the requests of a service that ended within a time and were sent last to tasks of one image; equal times, wider in \
          longer runs; there is no row where none ended",
    columns: &[
        ("t_ms", Number, "ms", "when the time begins; who ends at this very instant belongs to the time before"),
        ("width_ms", Number, "ms", "its length"),
        ("service", Text, "", "the service"),
        ("image", Text, "", "image of the tasks; empty: sent to nobody"),
        ("ok", Integer, "requests", "answered"),
        ("http-error", Integer, "requests", "answered with an error"),
        ("refused", Integer, "requests", "the connection was refused"),
        ("reset", Integer, "requests", "the connection broke before the answer came"),
        ("timeout", Integer, "requests", "the client waited long enough"),
        ("no-backend", Integer, "requests", "there was nowhere to connect to"),
        (
            "p50_ms",
            Number,
            "ms",
            "median latency of the service's answers in this time, of all images; empty: there are none",
        ),
        ("p90_ms", Number, "ms", "its 90th percentile"),
        ("p99_ms", Number, "ms", "its 99th percentile"),
        ("p99_9_ms", Number, "ms", "its 99.9th percentile"),
        ("max_ms", Number, "ms", "longest latency"),
    ],
};

/// Single requests.
pub const REQUESTS: Table = Table {
    name: "requests.csv",
    row: "a request that has ended, by the time it was sent",
    columns: &[
        ("sent_ms", Number, "ms", "when it was sent first, since the start of the run"),
        ("latency_ms", Number, "ms", "from then to its end, in whole microseconds"),
        ("client", Text, "", "who sent it"),
        ("service", Text, "", "to whom"),
        ("image", Text, "", "image of the task that it was sent to last; empty: it was sent to nobody"),
        ("task", Integer, "", "that task, as in tasks.csv"),
        ("outcome", Text, "", "ok, http-error, refused, reset, timeout or no-backend"),
        (
            "cause",
            Text,
            "",
            "why it failed: no-task, booting, stopping, killed, node-lost, stale-entry, overload or application",
        ),
        ("weight", Integer, "requests", "how many requests the row stands for: 1, unless the rows are a sample"),
    ],
};

/// Metrics of many runs: what [`SEEDS`] and [`SWEEP`] end with.
const SEED: Column = ("seed", Integer, "", "seed of the run");
const SERVICE: Column = ("service", Text, "", "the service; empty for metrics of nodes");
const METRIC: Column = ("metric", Text, "", "name of the metric: its path in summary.json without the unit");
const UNIT: Column = ("unit", Text, "", "unit of the value: ms, share, count, per second or word");
const VALUE: Column = ("value", Text, "", "the value");

/// Metrics of the runs of several seeds.
pub const SEEDS: Table = Table {
    name: "seeds.csv",
    row: "a metric of a service or node in one run",
    columns: &[SEED, SERVICE, METRIC, UNIT, VALUE],
};

/// Metrics of the runs of a sweep, behind a column for each setting that varies, which is named by its path.
pub const SWEEP: Table = Table {
    name: "sweep.csv",
    row: "a metric of a service or node in one run of a sweep; before these columns stands one for each setting that varies, \
          named by its path",
    columns: &[SEED, SERVICE, METRIC, UNIT, VALUE],
};

/// Policies side by side.
pub const COMPARE: Table = Table {
    name: "compare.csv",
    row: "a metric under one policy",
    columns: &[
        ("policy", Text, "", "name of the policy"),
        SERVICE,
        METRIC,
        ("unit", Text, "", "unit of all numbers that follow: ms, share, count, per second or word"),
        ("value", Text, "", "a value that is no number; else empty"),
        ("runs", Integer, "runs", "how many runs had the value, or any number"),
        ("mean", Number, "as unit says", "mean over the seeds"),
        ("mean_low", Number, "as unit says", "lower end of its 95 % interval; empty: there is one run"),
        ("mean_high", Number, "as unit says", "upper end of its 95 % interval"),
        ("min", Number, "as unit says", "least of the seeds"),
        ("median", Number, "as unit says", "median of the seeds"),
        ("max", Number, "as unit says", "greatest of the seeds"),
        ("difference", Number, "as unit says", "mean of the differences to the first policy, seed by seed"),
        ("difference_low", Number, "as unit says", "lower end of its 95 % interval"),
        ("difference_high", Number, "as unit says", "upper end of its 95 % interval"),
    ],
};

/// All files that have columns.
const TABLES: [Table; 8] = [TASKS, TIMELINE, EVENTS, BINS, REQUESTS, SEEDS, SWEEP, COMPARE];

/// The text of `columns.json`: the columns of every CSV file that a report may have, after Frictionless Table Schema. It is the
/// same for every run.
pub fn json() -> String {
    let field = |&(name, kind, unit, meaning): &Column| {
        let kind = match kind {
            Integer => "integer",
            Number => "number",
            Text => "string",
        };
        match unit {
            "" => json!({"name": name, "type": kind, "description": meaning}),
            unit => json!({"name": name, "type": kind, "unit": unit, "description": meaning}),
        }
    };
    let resource = |table: &Table| {
        let fields: Vec<Value> = table.columns.iter().map(field).collect();
        json!({"path": table.name, "description": format!("Each row is {}.", table.row), "schema": {"fields": fields}})
    };
    let resources: Vec<Value> = TABLES.iter().map(resource).collect();
    format!("{:#}\n", json!({"resources": resources}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_every_file_is_explained_once() {
        let explained: Value = serde_json::from_str(&json()).expect("it is JSON");
        let resources = explained["resources"].as_array().expect("a list");
        assert_eq!(resources.len(), TABLES.len());
        for (table, resource) in TABLES.iter().zip(resources) {
            let fields = resource["schema"]["fields"].as_array().expect("a list");
            let names: Vec<&str> = fields.iter().filter_map(|field| field["name"].as_str()).collect();
            assert_eq!((resource["path"].as_str(), names), (Some(table.name), table.header()));
            for (number, field) in fields.iter().enumerate() {
                assert!(!field["description"].as_str().expect("a text").is_empty());
                assert!(!fields[..number].iter().any(|other| other["name"] == field["name"]), "{}", table.name);
            }
        }
    }
}
