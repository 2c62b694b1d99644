//! What is waited for at an instant.

use rollsim::kernel::{Span, Time};
use rollsim::report::explain::Scope;
use serde_json::{Value, json};

use super::{UPDATE, assert_says, bundled, exits, explained, web};

/// What is told of the millisecond.
fn standing(scenario: &Value, second: u64) -> String {
    let at = Time::ZERO + Span::from_secs(second);
    let between = Some((at + Span::from_millis(1), at + Span::from_millis(1)));
    explained(scenario, |explain, end| explain.chain(&Scope { between, ..Scope::default() }, end))
}

#[test]
fn what_an_update_waits_for() {
    let slow = web(&json!({"update_config": {"delay": "10s"}}), &json!({}), &[UPDATE]);
    assert_says(
        &standing(&slow, 21),
        &["the update waits until web.", " may start\n", "the task before it has not stopped; at 80."],
    );
    assert_says(&standing(&slow, 30), &["web: the update goes on at ", "because its worker rests for 10s [U16]"]);
    assert_says(&standing(&slow, 65), &["web: the update is complete at ", "unless too many tasks fail"]);
    let paused = web(&json!({}), &exits("2s"), &[UPDATE]);
    assert_says(&standing(&paused, 28), &["is held back until ", "because the restart delay has not passed [R14]"]);
    assert_says(&standing(&paused, 90), &["web: nothing goes on until an operator updates the service again", "[U6]"]);
}

#[test]
fn a_task_that_is_to_stop_and_those_that_wait_for_it() {
    let drained = bundled("operations/drain-during-update.json");
    assert_says(
        &standing(&drained, 34),
        &[
            "the update waits, without any timeout, until web.2 task 7 (app:2) runs or has ended because it is to stop, and has not [U22]",
            "web.5 task 8 (app:2) is held back because web.5 task 4 (app:1) has not stopped; at 92.000s it is waited for no longer",
        ],
    );
}

#[test]
fn an_unhealthy_start_and_a_pull_are_waited_for() {
    let checked = bundled("questions/health-starting-timeline.json");
    assert_says(
        &standing(&checked, 45),
        &["it is starting since 43.900s; with a health check it must get healthy first [U22]"],
    );
    let pulled = bundled("questions/slow-pull-stop-first.json");
    assert_says(&standing(&pulled, 45), &["because its image is pulled and its container made since 40.200s [U22]"]);
}

#[test]
fn tasks_without_a_node_are_told_in_short() {
    let nowhere = json!({"replicas": 6, "placement": {"constraints": ["node.labels.no==where"]}});
    let told = standing(&web(&nowhere, &json!({}), &[]), 30);
    assert_says(
        &told,
        &[
            "web.4 task 3 (web:1) waits for a node because it is pending: no suitable node (scheduling constraints not \
             satisfied on 3 nodes) since 0.000s [S30]",
            "and 2 more [S30]",
        ],
    );
    assert!(!told.contains("web.5"), "{told}");
}

#[test]
fn without_a_leader_nothing_goes_on() {
    let lost = bundled("operations/leader-lost-mid-rollout.json");
    assert_says(&standing(&lost, 45), &["nobody leads the swarm: nothing is decided until somebody does [Q6]"]);
    assert_says(&standing(&lost, 48), &["the update waits until web.1 task 8 (app:2) may start"]);
    let quorum = bundled("operations/quorum-lost-mid-rollout.json");
    assert_says(&standing(&quorum, 61), &["too few managers are there: nothing is decided until there are more [Q6]"]);
}

#[test]
fn at_rest_nothing_is_waited_for() {
    let told = standing(&web(&json!({}), &json!({}), &[]), 30);
    assert_eq!(told, "nothing was decided then, and nothing is waited for\n");
}
