//! `rollsim init`: what it writes runs, and nothing of the user's is lost.

use std::fs;

use super::{output, text};

const STACK: &str =
    "services:\n  db: {image: 'postgres:16'}\n  api:\n    image: registry:5000/api:1\n    ports: ['80:80']\n";

#[test]
fn a_drafted_scenario_runs_at_once() {
    let here = tempfile::tempdir().expect("a folder");
    fs::write(here.path().join("shop.yml"), STACK).expect("it can be written");
    let drafted = output(&["init", "shop.yml"], here.path());
    assert_eq!(drafted.status.code(), Some(0), "{}", text(&drafted.stderr));
    assert!(text(&drafted.stderr).contains("rollsim run shop.scenario.yaml"), "{}", text(&drafted.stderr));
    let run = output(&["run", "shop.scenario.yaml", "--no-report"], here.path());
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let line = "$ docker service update --image registry:5000/api:bad shop_api";
    assert!(text(&run.stdout).contains(line), "{}", text(&run.stdout));
}

#[test]
fn a_scenario_that_is_there_is_overwritten_only_by_force() {
    let here = tempfile::tempdir().expect("a folder");
    fs::write(here.path().join("shop.yml"), STACK).expect("it can be written");
    let scenario = here.path().join("shop.scenario.yaml");
    fs::write(&scenario, "mine").expect("it can be written");
    assert_eq!(output(&["init", "shop.yml"], here.path()).status.code(), Some(2));
    assert_eq!(fs::read_to_string(&scenario).expect("it is there"), "mine");
    assert_eq!(output(&["init", "shop.yml", "--force"], here.path()).status.code(), Some(0));
    assert_ne!(fs::read_to_string(&scenario).expect("it is there"), "mine");
}
