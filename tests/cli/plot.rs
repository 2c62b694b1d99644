//! `rollsim plot`: charts come back from a report's files, byte for byte, or what is wrong with these is told.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{files, output, scenario, text};

/// Runs a command that succeeds and writes into the folder `out`.
fn report(arguments: &[&str], here: &Path) {
    let path = scenario();
    let arguments = [&arguments[..1], &[path.to_str().expect("a path")], &arguments[1..], &["--out", "out"]].concat();
    let output = output(&arguments, here);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

/// The charts of a folder by their names.
fn charts(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let is_chart = |name: &str| name.ends_with(".svg") || name.ends_with(".png");
    files(folder).into_iter().filter(|(name, _)| is_chart(name)).collect()
}

#[test]
fn plot_draws_the_charts_of_a_run_again_byte_for_byte() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let here = tempfile::tempdir().expect("a folder");
    for name in ["operations/global-update", "operations/node-lost-and-back", "tutorials/numbers-api-rollback"] {
        let [report, charts] = ["report", "charts"].map(|kind| here.path().join(kind).join(name));
        let path = root.join("scenarios").join(name).with_extension("json");
        let argument = |path: &Path| path.to_str().expect("a path").to_owned();
        let (path, to) = (argument(&path), argument(&report));
        assert_eq!(output(&["run", &path, "--out", &to, "--requests", "none"], here.path()).status.code(), Some(0));
        let plot = output(&["plot", &to, "--out", &argument(&charts)], here.path());
        assert_eq!((plot.status.code(), text(&plot.stdout)), (Some(0), ""));
        let drawn = self::charts(&charts);
        assert!(drawn.contains_key("timeline.svg") && drawn == self::charts(&report), "{name}");
    }
}

/// Removes the charts of the folder `out`, of these names; the same are there when they were drawn again.
fn come_back(here: &Path, names: &str) {
    let out = here.join("out");
    let written = charts(&out);
    assert_eq!(written.keys().map(String::as_str).collect::<Vec<&str>>().join(" "), names);
    written.keys().for_each(|name| fs::remove_file(out.join(name)).expect("it is there"));
    let plot = output(&["plot", "out"], here);
    assert_eq!((plot.status.code(), text(&plot.stdout)), (Some(0), ""), "{}", text(&plot.stderr));
    assert!(charts(&out) == written);
}

#[test]
fn plot_draws_all_reports_of_a_folder_again_byte_for_byte() {
    let here = tempfile::tempdir().expect("a folder");
    report(&["sweep", "--vary", "update.delay=0s,1s", "--vary", "deploy.replicas=2,3", "--seeds", "2"], here.path());
    come_back(here.path(), "sweep.png sweep.svg");
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/policies");
    let [stop, start] = ["stop-first", "start-first"].map(|name| {
        let path = policies.join(name).with_extension("json");
        format!("{name}={}", path.display())
    });
    report(&["compare", "--policy", &stop, "--policy", &start, "--seeds", "3"], here.path());
    let svg = fs::read_to_string(here.path().join("out/compare.svg")).expect("it is there");
    assert!(svg.contains("\npeak_tasks\n"), "nothing differs");
    report(&["run"], here.path());
    come_back(
        here.path(),
        "compare.png compare.svg requests.png requests.svg sweep.png sweep.svg timeline.png timeline.svg",
    );
}

#[test]
fn plot_draws_a_line_again_and_another_metric_of_it() {
    let here = tempfile::tempdir().expect("a folder");
    let sweep = ["sweep", "--vary", "deploy.replicas=1..3/1", "--seeds", "3", "--metric"];
    report(&[&sweep[..], &["requests.latency.max"]].concat(), here.path());
    come_back(here.path(), "sweep.png sweep.svg");
    let asked = ["plot", "out", "--metric", "missing_replica", "--out", "other"];
    assert_eq!(output(&asked, here.path()).status.code(), Some(0));
    report(&[&sweep[..], &["missing_replica"]].concat(), here.path());
    assert!(charts(&here.path().join("out")) == charts(&here.path().join("other")));
    let refused = |metric: &str, told: &str| {
        let refused = output(&["plot", "out", "--metric", metric], here.path());
        assert_eq!((refused.status.code(), text(&refused.stderr)), (Some(2), told));
    };
    refused("update.outcome", "error: `update.outcome` is no number: it cannot be drawn\n");
    refused("update[7].detect", "error: out/sweep.csv has no value of `update[7].detect`\n");
}

#[test]
fn of_several_services_the_first_that_has_the_metric_is_drawn_both_times() {
    let here = tempfile::tempdir().expect("a folder");
    let two = r#"{"rollsim": 1, "name": "two", "duration": "20s",
        "services": {"silent": {"image": "app:1"}, "first": {"image": "app:1"}, "second": {"image": "app:1"}},
        "traffic": {"clients": {"few": {"service": "first", "rate": "5/s"}, "many": {"service": "second", "rate": "50/s"}}}}"#;
    fs::write(here.path().join("two.json"), two).expect("it can be written");
    let sweep = ["sweep", "two.json", "--vary", "traffic.clients.few.rate=5/s,10/s,20/s", "--metric", "requests.total"];
    let sweep = output(&[&sweep[..], &["--seeds", "2", "--out", "out"]].concat(), here.path());
    assert_eq!(sweep.status.code(), Some(0), "{}", text(&sweep.stderr));
    come_back(here.path(), "sweep.png sweep.svg");
}

#[test]
fn plot_leaves_no_chart_of_an_older_report() {
    let here = tempfile::tempdir().expect("a folder");
    let silent = r#"{"rollsim": 1, "name": "silent", "services": {"web": {"image": "app:1"}}}"#;
    fs::write(here.path().join("silent.json"), silent).expect("it can be written");
    let out = here.path().join("out");
    assert_eq!(output(&["run", "silent.json", "--out", "out"], here.path()).status.code(), Some(0));
    let written = files(&out);
    fs::write(out.join("requests.svg"), "of an older report").expect("it can be written");
    assert_eq!(output(&["plot", "out"], here.path()).status.code(), Some(0));
    assert!(files(&out) == written, "{:?}", files(&out).keys());
}

/// Replaces a text where a file of the folder `out` has it first, and returns the line's number.
fn damage(here: &Path, name: &str, from: &str, to: &str) -> usize {
    let path = here.join("out").join(name);
    let good = fs::read_to_string(&path).expect("it is there");
    fs::write(path, good.replacen(from, to, 1)).expect("it can be written");
    good.split(from).next().expect("there is a first part").lines().count()
}

/// `rollsim plot out` is refused, and this is told.
fn refused(here: &Path, told: &str) {
    let refused = output(&["plot", "out"], here);
    assert_eq!((refused.status.code(), text(&refused.stderr)), (Some(2), &*format!("error: {told}\n")));
}

#[test]
fn plot_tells_where_the_report_of_a_run_is_damaged() {
    let here = tempfile::tempdir().expect("a folder");
    report(&["run"], here.path());
    let line = damage(here.path(), "tasks.csv", ",running,", ",ruining,");
    refused(here.path(), &format!("out/tasks.csv:{line}: `ruining` cannot be the desired"));
    fs::remove_file(here.path().join("out/events.csv")).expect("it is there");
    refused(here.path(), "out/events.csv is not there, but the report needs it");
    damage(here.path(), "summary.json", "\"seed\"", "\"need\"");
    refused(here.path(), "out/summary.json:1: `seed` is missing or makes no sense");
}

/// Numbers that no run writes, each alone in a report: the file, what stands in its first line that has it, what instead, and what
/// is said of it.
const IMPOSSIBLE: &[(&str, &str, &str, &str)] = &[
    (
        "summary.json",
        "\"schema_version\": 1",
        "\"schema_version\": 7",
        " has schema_version 7; this rollsim reads version 1",
    ),
    ("summary.json", "\"schema_version\": 1", "\"version\": 1", ":1: `schema_version` is missing or makes no sense"),
    ("summary.json", "\"end_ms\": 60000", "\"end_ms\": 18446744073709", ":1: `end_ms` is missing or makes no sense"),
    ("timeline.csv", "\n60000,", "\n60001,", ":68: `60001` cannot be the t_ms"),
    ("timeline.csv", "\n1650,", "\n999,", ":4: `999` cannot be the t_ms"),
    ("timeline.csv", ",0,20\n", ",0,18446744073709551615\n", ":3: `18446744073709551615` cannot be the failed"),
    ("events.csv", "\n20000,", "\n70000,", ":2: `70000` cannot be the t_ms"),
    ("tasks.csv", "\n0,web,1,0,", "\n0,web,1,4294967295,", ":2: `4294967295` cannot be the task"),
    ("tasks.csv", "\n0,web,1,0,", "\n0,web,7,0,", ":4: `1` cannot be the slot"),
    ("tasks.csv", ",running,pending task scheduling,\n", "\n", ":4: there are 7 values for 10 columns"),
    ("requests-over-time.csv", "\n0,1000,", "\n0,0,", ":2: `0` cannot be the width_ms"),
    ("requests-over-time.csv", "\n1000,1000,", "\n1000,18000000000000,", ":3: `18000000000000` cannot be the width_ms"),
    ("requests-over-time.csv", "\n1000,1000,", "\n18000000000000,1000,", ":3: `18000000000000` cannot be the t_ms"),
    ("requests-over-time.csv", "\n1000,1000,", "\n1001,1000,", ":3: `1001` cannot be the t_ms"),
    ("requests-over-time.csv", "\n2000,1000,", "\n0,1000,", ":5: `0` cannot be the t_ms"),
];

#[test]
fn plot_refuses_numbers_that_no_run_writes() {
    let here = tempfile::tempdir().expect("a folder");
    report(&["run"], here.path());
    for (name, from, to, told) in IMPOSSIBLE {
        let path = here.path().join("out").join(name);
        let good = fs::read(&path).expect("it is there");
        damage(here.path(), name, from, to);
        refused(here.path(), &format!("out/{name}{told}"));
        fs::write(&path, good).expect("it can be written");
    }
    damage(here.path(), "summary.json", "\"end_ms\": 60000", "\"end_ms\": 0");
    refused(here.path(), "out/timeline.csv:3: `1000` cannot be the t_ms");
}

#[test]
fn a_task_is_of_one_service() {
    let here = tempfile::tempdir().expect("a folder");
    let two = r#"{"rollsim": 1, "name": "two", "services": {"one": {"image": "app:1"}, "two": {"image": "app:1"}}}"#;
    fs::write(here.path().join("two.json"), two).expect("it can be written");
    assert_eq!(output(&["run", "two.json", "--out", "out"], here.path()).status.code(), Some(0));
    damage(here.path(), "tasks.csv", "\n0,one,", "\n0,two,");
    refused(here.path(), "out/tasks.csv:3: `one` cannot be the service");
}

#[test]
fn a_sweep_without_a_chart_says_why() {
    let here = tempfile::tempdir().expect("a folder");
    let told = |sweep: &[&str], plot: &[&str]| {
        report(&[&["sweep", "--vary"], sweep].concat(), here.path());
        let plot = output(&[&["plot", "out"], plot].concat(), here.path());
        (plot.status.code(), text(&plot.stderr).to_owned())
    };
    let none = |why: &str| (Some(0), format!("charts: out: none of the sweep, for {why}\n"));
    let words = ["deploy.replicas=2,3", "--metric", "update.outcome"];
    assert_eq!(told(&words, &[]), none("its metrics are words"));
    assert_eq!(
        told(&["deploy.replicas=2", "--metric", "peak_tasks"], &[]),
        none("not one or two of its settings vary")
    );
    let never = ["deploy.replicas=2,3", "--metric", "update[7].detect"];
    assert_eq!(told(&never, &[]), none("no run has a value of its metric"));
    assert_eq!(told(&words, &["--metric", "peak_tasks"]), (Some(0), "charts: out: sweep.svg, sweep.png\n".to_owned()));
}

#[test]
fn plot_tells_where_the_report_of_a_sweep_is_damaged() {
    let here = tempfile::tempdir().expect("a folder");
    report(&["sweep", "--vary", "deploy.replicas=2,3", "--metric", "peak_tasks"], here.path());
    let line = damage(here.path(), "sweep.csv", "peak_tasks,count,", "peak_tasks,count,-");
    refused(here.path(), &format!("out/sweep.csv:{line}: `-2` cannot be the value"));
    damage(here.path(), "sweep.csv", "peak_tasks,count,-2", "peak_tasks,count,1.7e308");
    refused(here.path(), &format!("out/sweep.csv:{line}: `1.7e308` cannot be the value"));
    damage(here.path(), "sweep.csv", "2,1,web,peak_tasks", "7,1,web,peak_tasks");
    refused(here.path(), &format!("out/sweep.csv:{line}: `7` cannot be the deploy.replicas"));
    damage(here.path(), "sweep.json", "\"3\"", "\"3\", \"4\"");
    refused(here.path(), "out/sweep.json:1: `digests` is missing or makes no sense");
}

#[test]
fn plot_tells_where_the_report_of_a_comparison_is_damaged() {
    let here = tempfile::tempdir().expect("a folder");
    report(&["compare", "--policy", "a", "--policy", "b", "--seeds", "2"], here.path());
    let line = damage(here.path(), "compare.csv", "downtime.total,ms,,2,0", "downtime.total,ms,,2,inf");
    refused(here.path(), &format!("out/compare.csv:{line}: `inf` cannot be the mean"));
    damage(here.path(), "compare.csv", "downtime.total,ms,,2,inf", "downtime.total,ms,,2,7");
    refused(here.path(), &format!("out/compare.csv:{line}: `7` cannot be the mean"));
    damage(here.path(), "compare.csv", "\na,web,", "\nc,web,");
    refused(here.path(), "out/compare.csv:2: `c` cannot be the policy");
    damage(here.path(), "compare.json", "\"seeds\": 2", "\"seeds\": two");
    refused(here.path(), "out/compare.json:8:13: expected ident");
    damage(here.path(), "compare.json", "two", "2");
    damage(here.path(), "compare.json", "\"schema_version\": 1", "\"schema_version\": 7");
    refused(here.path(), "out/compare.json has schema_version 7; this rollsim reads version 1");
}

#[test]
fn plot_tells_what_it_looked_for() {
    let here = tempfile::tempdir().expect("a folder");
    refused(here.path(), "out holds no report of this version: there is no summary.json, sweep.json or compare.json");
    report(&["run"], here.path());
    let refused = output(&["plot", "out", "--metric", "downtime.total"], here.path());
    let told = "error: --metric is for the chart of a sweep; out holds none\n";
    assert_eq!((refused.status.code(), text(&refused.stderr)), (Some(2), told));
}
