//! The command line: wiring, exit codes and messages.

mod init;
mod inputs;
mod plot;
mod reports;
mod trace;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/commands.in")
}

fn scenario() -> PathBuf {
    folder().join("folder/rollback.json")
}

fn rollsim(arguments: &[&str], directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollsim"));
    command.args(arguments).current_dir(directory).env_remove("CLICOLOR_FORCE");
    command
}

fn output(arguments: &[&str], directory: &Path) -> Output {
    rollsim(arguments, directory).output().expect("rollsim starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("rollsim speaks UTF-8")
}

/// All files of a folder by their names.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    entries
        .map(|entry| {
            let path = entry.expect("a folder can be listed").path();
            let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
            (name, fs::read(&path).expect("it can be read"))
        })
        .collect()
}

#[test]
fn commands_print_what_they_printed() {
    trycmd::TestCases::new().case("tests/cli/*.trycmd");
}

#[test]
fn the_readme_shows_what_commands_print() {
    trycmd::TestCases::new().case("README.md");
}

/// The one block of the README that cannot be a console's, for those take a backslash for a slash.
#[test]
fn the_readme_shows_docker_s_table_of_tasks_to_the_letter() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).expect("the README is there");
    let block = readme.split_once("```text\n$ rollsim ").expect("the block is there").1;
    let (command, rest) = block.split_once('\n').expect("a command");
    let (shown, _) = rest.split_once("```").expect("the block ends");
    let output = output(&command.split(' ').collect::<Vec<_>>(), root);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), shown));
}

/// The samples that the README shows are what the commands beside them write.
#[test]
fn the_charts_of_the_readme_are_drawn_again_alike() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = tempfile::tempdir().expect("a folder");
    let folder = out.path().to_str().expect("a path");
    let sweep = ["--vary", "update.parallelism=1,2,5", "--vary", "update.delay=0s,5s,10s"];
    let policies = ["60s", "2s"].map(|monitor| format!("{monitor}=scenarios/policies/monitor-{monitor}.json"));
    let compare = ["--policy", &policies[0], "--policy", &policies[1], "--seeds", "20"];
    for (command, scenario, more, sample) in [
        ("run", "numbers-api-rollback", &[][..], "timeline.svg"),
        ("compare", "numbers-api-rollback", &compare[..], "compare.svg"),
        ("sweep", "worker-parallelism", &sweep[..], "sweep.svg"),
    ] {
        let path = format!("scenarios/tutorials/{scenario}.json");
        let arguments = [&[command, &path, "--out", folder], more].concat();
        assert_eq!(output(&arguments, root).status.code(), Some(0));
        let drawn = fs::read(out.path().join(sample)).expect("the chart is there");
        let shown = fs::read(root.join("reports").join(scenario).join(sample)).expect("the sample is there");
        assert_eq!(text(&drawn), text(&shown), "reports/{scenario}/{sample}");
    }
}

#[test]
fn json_is_exactly_what_stands_in_summary_json() {
    let here = tempfile::tempdir().expect("a folder");
    let scenario = scenario();
    let output = output(&["run", scenario.to_str().expect("a path"), "--format", "json"], here.path());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let written = fs::read(here.path().join("reports/rollback/summary.json")).expect("the report is there");
    assert_eq!(text(&output.stdout), text(&written));
}

#[test]
fn reports_are_the_same_whatever_the_folder_and_the_directory() {
    let (here, there) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let scenario = scenario();
    let one = output(&["run", scenario.to_str().expect("a path"), "--out", "one"], here.path());
    fs::copy(&scenario, there.path().join("copy.json")).expect("it can be copied");
    let two = output(&["run", "copy.json", "--out", "two/deep"], there.path());
    assert_eq!((one.status.code(), two.status.code()), (Some(0), Some(0)));
    assert_eq!(text(&one.stdout), text(&two.stdout));
    let (one, two) = (files(&here.path().join("one")), files(&there.path().join("two/deep")));
    assert!(one.keys().any(|name| name == "tasks.csv"), "{:?}", one.keys());
    assert!(one == two, "{:?} and {:?} differ", one.keys(), two.keys());
}

#[test]
fn nothing_is_written_for_a_broken_scenario() {
    let here = tempfile::tempdir().expect("a folder");
    let (good, broken) = (scenario(), folder().join("broken.json"));
    let paths = [good.to_str().expect("a path"), broken.to_str().expect("a path")];
    let output = output(&["run", paths[0], paths[1]], here.path());
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""));
    assert!(files(here.path()).is_empty());
}

#[test]
fn a_dash_is_standard_input() {
    let here = tempfile::tempdir().expect("a folder");
    let mut child = rollsim(&["run", "-", "--no-report"], here.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("rollsim starts");
    let text_of_scenario = fs::read(scenario()).expect("it can be read");
    child.stdin.take().expect("a pipe").write_all(&text_of_scenario).expect("rollsim reads");
    let from_input = child.wait_with_output().expect("rollsim ends");
    let path = scenario();
    let from_file = output(&["run", path.to_str().expect("a path"), "--no-report"], here.path());
    assert_eq!(text(&from_input.stdout), text(&from_file.stdout));
}

#[test]
fn a_reader_who_goes_away_is_no_fault() {
    let here = tempfile::tempdir().expect("a folder");
    let path = scenario();
    let mut child = rollsim(&["run", path.to_str().expect("a path")], here.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("rollsim starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("rollsim ends");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
    assert!(here.path().join("reports/rollback/summary.json").is_file());
}

#[test]
fn quiet_leaves_only_the_result() {
    let here = tempfile::tempdir().expect("a folder");
    let path = scenario();
    let path = path.to_str().expect("a path");
    let (loud, quiet) = (output(&["run", path], here.path()), output(&["run", path, "--quiet"], here.path()));
    assert!(text(&loud.stderr).contains("report"), "{}", text(&loud.stderr));
    assert_eq!((text(&quiet.stdout), text(&quiet.stderr)), (text(&loud.stdout), ""));
}
