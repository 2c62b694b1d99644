//! What commands say below their results, and the files that they write.

use std::fs;
use std::process::Command;

use super::{files, folder, output, scenario, text};

#[test]
fn a_run_lists_the_expectations_that_failed() {
    let here = tempfile::tempdir().expect("a folder");
    let (holds, fails) = (scenario(), folder().join("disappointed.json"));
    let run = |path: &std::path::Path| {
        let output = output(&["run", path.to_str().expect("a path"), "--no-report"], here.path());
        assert_eq!(output.status.code(), Some(0));
        text(&output.stdout).to_owned()
    };
    assert!(!run(&holds).contains("expected"));
    let place = fails.display();
    let first = format!("{place}:10:56: web: expected downtime.total > 10s, got 0s");
    let second = format!("{place}:10:85: web: expected update_status: paused, got never written");
    assert!(run(&fails).ends_with(&format!("\n\n{first}\n{second}\n\n")), "{}", run(&fails));
}

#[test]
fn scenarios_of_one_name_are_not_reported_into_one_folder() {
    let here = tempfile::tempdir().expect("a folder");
    for name in ["a.json", "b.json"] {
        fs::copy(scenario(), here.path().join(name)).expect("it can be copied");
    }
    let refused = output(&["run", "a.json", "b.json"], here.path());
    assert_eq!((refused.status.code(), text(&refused.stdout)), (Some(2), ""));
    assert!(text(&refused.stderr).contains("`a.json` and `b.json` are both named `rollback`"));
    assert_eq!(output(&["run", "a.json", "b.json", "--no-report"], here.path()).status.code(), Some(0));
}

#[test]
fn a_report_leaves_nothing_of_an_older_one() {
    let here = tempfile::tempdir().expect("a folder");
    let path = scenario();
    let names = |arguments: &[&str]| {
        let arguments = [arguments, &[path.to_str().expect("a path"), "--out", "out"]].concat();
        assert_eq!(output(&arguments, here.path()).status.code(), Some(0));
        files(&here.path().join("out")).into_keys().collect::<Vec<String>>().join(" ")
    };
    let run = "columns.json events.csv report.html requests-over-time.csv requests.csv requests.png requests.svg \
               summary.json tasks.csv timeline.csv timeline.png timeline.svg trace.json";
    assert_eq!(names(&["run", "--seeds", "2"]), run.replace("summary", "seeds.csv summary"));
    assert_eq!(names(&["run"]), run);
    let sweep = ["sweep", "--vary", "update.delay=0s,1s"];
    assert!(names(&sweep).contains("sweep.csv sweep.json sweep.png sweep.svg"));
    assert!(!names(&["sweep", "--vary", "update.delay=0s"]).contains("sweep.png"));
    assert!(
        names(&["compare", "--policy", "a", "--policy", "b"])
            .contains("compare.csv compare.json compare.png compare.svg")
    );
}

#[test]
fn a_test_tells_how_many_scenarios_expect_nothing() {
    let here = tempfile::tempdir().expect("a folder");
    fs::copy(scenario(), here.path().join("a.json")).expect("it can be copied");
    let aimless = r#"{"rollsim": 1, "services": {"web": {"image": "app:1"}}}"#;
    fs::write(here.path().join("b.json"), aimless).expect("it can be written");
    let told = output(&["test", "a.json", "b.json"], here.path());
    assert_eq!((told.status.code(), text(&told.stderr)), (Some(0), "2 passed, 0 failed; 1 without expectations\n"));
}

#[test]
fn the_worst_seed_is_told_with_the_reason() {
    let here = tempfile::tempdir().expect("a folder");
    let path = scenario();
    let output = output(&["run", path.to_str().expect("a path"), "--no-report", "--seeds", "3"], here.path());
    let line = "\nworst seed: 1, as bad as any other; told below; again with: rollsim run ";
    assert!(text(&output.stdout).contains(line), "{}", text(&output.stdout));
}

/// A disk that fills up is played by a limit to the size of files: the first write beyond it fails.
#[cfg(unix)]
#[test]
fn a_report_that_does_not_fit_is_one_error_and_leaves_the_older_one() {
    let here = tempfile::tempdir().expect("a folder");
    let path = scenario();
    let path = path.to_str().expect("a path");
    let run = ["run", path, "--out", "out", "--quiet"];
    let limited = |seed: &str| {
        let limit = "trap '' XFSZ; ulimit -f 8; exec \"$@\"";
        let rollsim = env!("CARGO_BIN_EXE_rollsim");
        let arguments = [&["-c", limit, "sh", rollsim], &run[..], &["--seed", seed]].concat();
        Command::new("sh").args(arguments).current_dir(here.path()).output().expect("sh starts")
    };
    for older in [false, true] {
        if older {
            assert_eq!(output(&run, here.path()).status.code(), Some(0));
        }
        let before = older.then(|| files(&here.path().join("out")));
        let failed = limited("2");
        assert_eq!(failed.status.code(), Some(3));
        let error = text(&failed.stderr);
        assert!(error.starts_with("error: cannot write out/") && error.lines().count() == 1, "{error}");
        let after = here.path().join("out").exists().then(|| files(&here.path().join("out")));
        assert!(before == after, "the older report has changed");
        assert_eq!(fs::read_dir(here.path()).expect("it can be listed").count(), usize::from(older));
    }
}

#[test]
fn a_place_that_cannot_be_written_to_is_one_error() {
    let here = tempfile::tempdir().expect("a folder");
    fs::write(here.path().join("file"), "mine").expect("it can be written");
    let path = scenario();
    let failed = output(&["run", path.to_str().expect("a path"), "--out", "file/out", "--quiet"], here.path());
    let error = text(&failed.stderr);
    assert_eq!(failed.status.code(), Some(3));
    assert_eq!(error, "error: cannot write file/out: not a directory\n");
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_does_not_fit_is_one_error() {
    let path = scenario();
    let full = fs::File::create("/dev/full").expect("the device is there");
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollsim"));
    let arguments = ["run", path.to_str().expect("a path"), "--no-report", "--quiet"];
    let failed = command.args(arguments).stdout(full).output().expect("rollsim starts");
    let error = text(&failed.stderr);
    assert_eq!(failed.status.code(), Some(3));
    assert!(error.starts_with("error: cannot write to standard output: ") && error.lines().count() == 1, "{error}");
}

#[test]
fn the_rows_of_requests_are_as_asked_for() {
    let here = tempfile::tempdir().expect("a folder");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("scenarios/tutorials/numbers-api-rollback.json").display().to_string();
    let total = 15_000;
    let rows = |rows: &str, more: &[&str]| {
        let until = format!("traffic.clients.numbers-web={{service: numbers-api, concurrency: 30, requests: {total}}}");
        let arguments = [&["run", &path, "--set", &until, "--out", "out", "--requests", rows], more].concat();
        let run = output(&arguments, here.path());
        assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
        let csv = files(&here.path().join("out")).remove("requests.csv");
        let weights = csv.map(|csv| {
            let lines = text(&csv).lines().skip(1).map(|line| line.rsplit(',').next().expect("a weight").parse());
            lines.map(|weight| weight.expect("a number")).collect::<Vec<usize>>()
        });
        (weights, text(&run.stderr).contains("there is no requests.csv"))
    };
    assert_eq!(rows("full", &[]), (Some(vec![1; total]), false));
    let (sample, _) = rows("sample", &[]);
    let sample = sample.expect("there is a sample");
    assert!(sample.len() < 10_000 && sample.iter().all(|weight| *weight == 2), "{} rows", sample.len());
    assert_eq!(rows("none", &[]), (None, false));
    assert_eq!(rows("full", &["--set", "traffic.mode=aggregate"]), (None, true));
}

#[test]
fn ndjson_has_every_record_in_order() {
    let here = tempfile::tempdir().expect("a folder");
    let path = scenario();
    let arguments = ["run", path.to_str().expect("a path"), "--format", "ndjson", "--requests", "full", "--out", "out"];
    let run = output(&arguments, here.path());
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let parse = |line| serde_json::from_str::<serde_json::Value>(line).expect("each line is JSON");
    let lines: Vec<serde_json::Value> = text(&run.stdout).lines().map(parse).collect();
    assert!(lines.is_sorted_by_key(|line| line["t_ms"].as_f64()), "they are not in order");
    let count = |record: &str| lines.iter().filter(|line| line["record"] == record).count();
    let report = files(&here.path().join("out"));
    let rows = |name: &str| text(&report[name]).lines().count() - 1;
    assert_eq!(count("task") + count("task_removed"), rows("tasks.csv"));
    assert_eq!(count("request"), rows("requests.csv"));
    for kind in
        ["command", "spec", "update_status", "updater", "decision", "rotation", "agent_reported", "process_ended"]
    {
        assert!(count(kind) > 0, "{kind}");
    }
    let is_typed = |line: &serde_json::Value| line["record"] != "command" || line["line"] != "";
    assert!(lines.iter().all(is_typed), "a command that nobody gave");
}
