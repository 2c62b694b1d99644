//! What is wrong with inputs: all of it is told at once, and what is right is used where it can be.

use std::fs;
use std::path::Path;

use super::{folder, output, scenario, text};

/// A folder with two scenarios that are right and, between them by name, two files that are not.
fn mixed() -> tempfile::TempDir {
    let here = tempfile::tempdir().expect("a folder");
    fs::copy(scenario(), here.path().join("a.json")).expect("it can be copied");
    fs::copy(folder().join("broken.json"), here.path().join("b.json")).expect("it can be copied");
    fs::write(here.path().join("c.json"), b"{\"rollsim\": 1, \"name\": \"caf\xe9\"}").expect("it can be written");
    fs::copy(scenario(), here.path().join("d.json")).expect("it can be copied");
    here
}

/// Exit code, standard output and standard error of a command.
fn told(arguments: &[&str], directory: &Path) -> (Option<i32>, String, String) {
    let output = output(arguments, directory);
    (output.status.code(), text(&output.stdout).to_owned(), text(&output.stderr).to_owned())
}

fn assert_all(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
}

#[test]
fn a_file_that_is_not_utf8_is_invalid_like_any_other() {
    let here = mixed();
    for command in ["run", "check", "test"] {
        let (code, _, errors) = told(&[command, "c.json"], here.path());
        assert_eq!((code, &*errors), (Some(2), "error: `c.json` is no text: byte 28 is not UTF-8\n"), "{command}");
    }
}

#[test]
fn valid_files_are_tested_and_checked_beside_invalid_ones() {
    let here = mixed();
    let wrong = [
        "unknown field `paralelism`",
        "service wbe not found",
        "`c.json` is no text",
        "error: 2 of 4 files are invalid: b.json, c.json\n",
    ];
    let files = ["a.json", "b.json", "c.json", "d.json"];
    let (code, results, errors) = told(&[&["test"], &files[..]].concat(), here.path());
    assert_eq!(code, Some(2), "{errors}");
    assert_all(&results, &["ok    a.json", "ok    d.json"]);
    assert_all(&errors, &[&["2 passed, 0 failed\n"], &wrong[..]].concat());
    let (code, results, errors) = told(&[&["check"], &files[..]].concat(), here.path());
    assert_eq!((code, &*results), (Some(2), "a.json: ok\nd.json: ok\n"));
    assert_all(&errors, &wrong);
}

#[test]
fn an_invalid_file_counts_for_more_than_a_failed_expectation() {
    let here = mixed();
    fs::copy(folder().join("disappointed.json"), here.path().join("e.json")).expect("it can be copied");
    let (code, _, errors) = told(&["test", "e.json", "c.json", "nowhere.json"], here.path());
    assert_eq!(code, Some(2));
    assert_all(&errors, &["0 passed, 1 failed", "no file `nowhere.json`", "2 of 3 files are invalid"]);
}

#[test]
fn a_run_tells_the_errors_of_all_files_before_it_begins() {
    let here = mixed();
    let (code, results, errors) = told(&["run", "a.json", "b.json", "nowhere.json", "c.json"], here.path());
    assert_eq!((code, &*results), (Some(2), ""));
    assert_all(&errors, &["service wbe", "`nowhere.json`", "`c.json`", "3 of 4 files are invalid"]);
}

#[test]
fn a_comparison_tells_the_errors_of_all_policies_each_once() {
    let here = mixed();
    fs::write(here.path().join("p.json"), "{\"deploy\": {\"replica\": 2}}").expect("it can be written");
    let policies = ["--policy", "p=p.json", "--policy", "q=nowhere.json", "--policy", "r=p.json"];
    let (code, results, errors) = told(&[&["compare", "a.json"], &policies[..]].concat(), here.path());
    assert_eq!((code, &*results), (Some(2), ""));
    assert_all(&errors, &["unknown field `replica`", "no file `nowhere.json`", "2 of 3 files are invalid"]);
    assert_eq!(errors.matches("unknown field").count(), 1, "{errors}");
}

#[test]
fn a_sweep_tells_the_errors_of_all_points() {
    let here = mixed();
    let (code, _, errors) = told(&["sweep", "a.json", "--vary", "deploy.replicas=1,many,-1"], here.path());
    assert_eq!(code, Some(2));
    assert_all(&errors, &["deploy.replicas=many", "deploy.replicas=-1", "error: the scenario has 2 errors"]);
}

#[test]
fn a_folder_is_no_file() {
    let here = mixed();
    fs::create_dir(here.path().join("deep")).expect("a folder");
    let message = "error: `deep` is a folder; the scenarios below it are run by: rollsim test deep\n";
    for arguments in [&["run", "deep"][..], &["compare", "deep", "--policy", "p", "--policy", "q"]] {
        assert_eq!(told(arguments, here.path()), (Some(2), String::new(), message.to_owned()), "{arguments:?}");
    }
    for command in ["check", "test"] {
        let (code, _, errors) = told(&[command, "deep"], here.path());
        assert_eq!((code, &*errors), (Some(2), "error: there is no scenario below these paths\n"), "{command}");
    }
}

#[test]
fn folders_are_searched_for_scenarios_but_not_hidden_ones() {
    let here = tempfile::tempdir().expect("a folder");
    for path in ["one.json", "deep/two.YAML", "deep/er/three.JSON", "deep/notes.txt", ".hidden/four.json"] {
        let path = here.path().join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::copy(scenario(), path).expect("it can be copied");
    }
    let (code, results, errors) = told(&["check", "."], here.path());
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(results, "./deep/er/three.JSON: ok\n./deep/two.YAML: ok\n./one.json: ok\n");
}

#[cfg(unix)]
#[test]
fn links_to_folders_are_not_followed() {
    let here = tempfile::tempdir().expect("a folder");
    fs::copy(scenario(), here.path().join("one.json")).expect("it can be copied");
    std::os::unix::fs::symlink(".", here.path().join("again")).expect("a link");
    std::os::unix::fs::symlink(scenario(), here.path().join("two.json")).expect("a link");
    let (code, results, _) = told(&["check", "."], here.path());
    assert_eq!((code, &*results), (Some(0), "./one.json: ok\n./two.json: ok\n"));
}

#[test]
fn policies_have_different_names_of_one_line_and_are_at_least_two() {
    let here = mixed();
    let refused = |policies: &[&str]| {
        let policies: Vec<&str> = policies.iter().flat_map(|policy| ["--policy", policy]).collect();
        let (code, _, errors) = told(&[&["compare", "a.json", "--no-report"], &policies[..]].concat(), here.path());
        if code == Some(2) { errors } else { String::new() }
    };
    assert!(refused(&["one"]).contains("at least two policies"));
    assert_eq!(refused(&["one", "two", "one"]), "error: two policies are named `one`\n");
    assert_all(&refused(&["one", "", "a\nb"]), &["name \"\" of a policy", "name \"a\\nb\" of a policy"]);
    assert_eq!(refused(&["one", "two"]), "");
}

#[test]
fn a_sweep_varies_settings_each_once_and_no_seed() {
    let here = mixed();
    let (code, _, errors) = told(&["sweep", "a.json", "--vary", "seed=1..9"], here.path());
    assert_eq!((code, &*errors), (Some(2), "error: `seed=1..9` varies the seed: use --seeds\n"));
    let twice = ["sweep", "a.json", "--vary", "update.delay=0s", "--vary", "update.delay=1s"];
    let (code, _, errors) = told(&twice, here.path());
    assert_eq!((code, &*errors), (Some(2), "error: `update.delay` varies twice: give all its values at once\n"));
}
