//! Why nothing was rolled back, where more than one service is updated.

use serde_json::{Value, json};

use super::{UPDATE, assert_says, exits, web, why_no_rollback};

/// `web` is updated under this configuration and `api`, which fails and is paused, two seconds later.
fn beside_one_that_fails(config: &Value, web2: &Value) -> Value {
    let then = ("22s", "service update --image api:2 api");
    let mut scenario = web(&json!({"update_config": config}), web2, &[UPDATE, then]);
    scenario["images"]["api:1"] = json!({"like": "web:1"});
    scenario["images"]["api:2"] = json!({"like": "web:1", "outcome": exits("2s")["outcome"]});
    scenario["services"]["api"] = json!({"image": "api:1", "deploy": {"replicas": 3}});
    scenario
}

/// The answer for one of several services.
fn answer_for<'a>(all: &'a str, service: &str) -> &'a str {
    all.split("\n\n").find(|answer| answer.starts_with(&format!("{service}: "))).expect("it was updated")
}

#[test]
fn the_failures_of_one_service_are_not_those_of_another() {
    let config = json!({"failure_action": "rollback", "delay": "5s"});
    let why = why_no_rollback(&beside_one_that_fails(&config, &json!({})));
    assert_says(
        answer_for(&why, "web"),
        &["was not rolled back but completed at ", "no task of it ended by itself [U33]"],
    );
    let paused = "was paused at 26.400s, when 1 of 3 slots had failed: its failure_action is pause, not rollback [U26]";
    assert_says(answer_for(&why, "api"), &[paused]);
}

#[test]
fn an_update_that_continues_is_not_paused_by_another() {
    let why = why_no_rollback(&beside_one_that_fails(&json!({"failure_action": "continue"}), &exits("2s")));
    let goes_on = "was not rolled back but completed at 32.200s: its failure_action is continue, and no failure is looked at [U30]";
    assert_says(answer_for(&why, "web"), &[goes_on]);
}

/// Control-plane U2, U31, U32: the updater goes on, but has no status to write to.
#[test]
fn an_update_that_leaves_the_service_as_it_is_does_not_end_the_one_before() {
    let as_it_is = ("21s", "service update web");
    let of = |action: &str| {
        let config = json!({"update_config": {"failure_action": action}});
        why_no_rollback(&web(&config, &exits("2s"), &[UPDATE, as_it_is]))
    };
    let cleared =
        "the update at 21.000s was to be rolled back, but an operator wrote the service meanwhile, which cleared";
    assert_says(&of("rollback"), &[cleared]);
    assert_says(&of("pause"), &["the update at 21.000s went no further at 24.400s, when 1 of 3 slots had failed"]);
}

#[test]
fn an_update_that_is_rolled_back_tells_its_own_failures() {
    let config = json!({"failure_action": "rollback", "max_failure_ratio": 0.5});
    let why = why_no_rollback(&beside_one_that_fails(&config, &exits("4s")));
    assert_says(answer_for(&why, "web"), &["when 2 of 3 slots had failed, more than its max_failure_ratio of 0.5"]);
}
