//! Every test that tests/test-list.md names exists, and every row names one or says why not.

use std::fs;
use std::path::Path;

const LIST: &str = "tests/test-list.md";

fn read(path: &str) -> Option<String> {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok()
}

/// What is wrong with a test that is named by the path of its file and, after `::`, its function.
fn fault(test: &str) -> Option<String> {
    let (path, function) = test.split_once("::").unwrap_or((test, ""));
    let Some(text) = read(path) else { return Some(format!("{test}: there is no such file")) };
    let is_there = function.is_empty() || text.contains(&format!("#[test]\nfn {function}()"));
    let is_inside = || text.contains(&format!("    #[test]\n    fn {function}()"));
    (!is_there && !is_inside()).then(|| format!("{test}: there is no such test"))
}

#[test]
fn every_row_names_tests_that_exist_or_says_why_there_is_none() {
    let text = read(LIST).expect("the list is there");
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).collect();
    let rows: Vec<(&str, &str)> = rows
        .into_iter()
        .filter_map(|line| line.trim_matches(['|', ' ']).split_once(" | "))
        .filter(|(upstream, _)| *upstream != "upstream")
        .collect();
    assert!(rows.len() > 80, "only {} rows", rows.len());
    let mut faults = Vec::new();
    for (upstream, here) in rows {
        let tests: Vec<&str> = here.split('`').skip(1).step_by(2).collect();
        if tests.is_empty() != here.starts_with("not held: ") {
            faults.push(format!("{upstream}: names no test and does not say why"));
        }
        faults.extend(tests.into_iter().filter_map(fault));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_test_that_is_not_there_is_found_out() {
    assert_eq!(fault("tests/scripts/stop-first.txt"), None);
    assert_eq!(fault("tests/test_list.rs::a_test_that_is_not_there_is_found_out"), None);
    assert!(fault("tests/test_list.rs::nobody_wrote_this").is_some() && fault("src/nothing.rs::it").is_some());
}
