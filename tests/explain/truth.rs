//! What is told of the bundled scenarios, where something else would be easily said and false.

use rollsim::kernel::{Span, Time};
use rollsim::report::explain::Scope;

use super::{assert_says, bundled, explained, says, why_no_rollback};

/// What happens in a bundled scenario between two instants, and what is waited for at the second.
fn told(name: &str, from: u64, to: u64) -> String {
    let at = |millis| Time::ZERO + Span::from_millis(millis);
    let scope = Scope { between: Some((at(from), at(to))), ..Scope::default() };
    explained(&bundled(name), |explain, end| explain.chain(&scope, end))
}

fn assert_never_says(text: &str, part: &str) {
    assert!(!says(text, part), "`{part}` is in:\n{text}");
}

#[test]
fn an_updater_that_died_with_its_leader_waits_no_more() {
    let lost = told("operations/leader-lost-mid-rollout.json", 93_000, 99_000);
    assert_eq!(lost.lines().last(), Some("nothing was decided then, and nothing is waited for"));
    let lost = told("operations/quorum-lost-mid-rollout.json", 120_000, 120_000);
    assert_says(&lost, &["the update waits until web.6 task 9 (app:2) may start"]);
    assert_never_says(&lost, "web.1 task 8");
}

#[test]
fn while_nobody_leads_nothing_else_is_waited_for() {
    let lost = told("operations/quorum-lost-mid-rollout.json", 50_000, 50_000);
    assert_eq!(
        lost.lines().next(),
        Some("50.000s  too few managers are there: nothing is decided until there are more [Q6]")
    );
    let lost = told("operations/all-managers-lost-and-back.json", 100_000, 100_000);
    assert_says(&lost, &["nothing is decided until"]);
    let found = told("operations/quorum-lost-mid-rollout.json", 94_000, 95_000);
    assert_says(&found, &["node1: leads the swarm from now on [I1]", "web.1 task 8 (app:2) may start"]);
}

/// Control-plane U27: the worker rests, but nothing comes after that.
#[test]
fn a_paused_update_does_not_go_on() {
    for (name, at, end) in
        [("tutorials/redis-paused.json", 30_000, "34.500s"), ("operations/drain-during-update.json", 40_000, "40.300s")]
    {
        let told = told(name, at, at);
        assert_never_says(&told, "the update goes on");
        assert_says(&told, &[&format!("the update ends at {end}"), "and it hands out no more slots [U27]"]);
        assert_says(&told, &["nothing goes on until an operator updates the service again"]);
    }
}

/// Control-plane U13: after the last slot the worker rests, too.
#[test]
fn an_update_without_slots_left_goes_on_to_its_last_watch() {
    let told = told("tutorials/redis.json", 58_000, 58_000);
    assert_says(&told, &["the update begins its last watch at 63.500s", "and all slots are handed out [U13]"]);
}

/// Control-plane R1 has two cases.
#[test]
fn a_task_that_is_held_back_when_its_node_is_drained_has_not_ended() {
    let told = told("operations/drain-during-update.json", 32_000, 32_000);
    let later = "web.2 task 7 (app:2) is replaced later because web.2 task 7 (app:2) is on worker1, which is drained;";
    assert_says(&told, &[later]);
}

#[test]
fn the_end_that_decided_is_always_told() {
    let why = why_no_rollback(&bundled("tutorials/worker-rollback.json"));
    assert_says(&why, &["43.200s worker.2 task 14 (worker:bugged) has ended: failed", "3 of 10 slots, 0.300 > max_"]);
    let why = why_no_rollback(&bundled("operations/drain-during-update.json"));
    assert_says(
        &why,
        &["35.300s web.2 task 7 (app:2) has ended: shutdown", "1 of 6 slots, 0.167 > max_failure_ratio 0"],
    );
}

#[test]
fn what_an_operator_did_about_an_update_is_told() {
    let why = why_no_rollback(&bundled("operations/rollback-of-unschedulable.json"));
    assert_says(&why, &["was not rolled back until an operator did so at 60.000s: no task of it ended"]);
    let why = why_no_rollback(&bundled("operations/start-first-without-room.json"));
    assert_says(&why, &["was not rolled back until an operator updated the service again at 120.000s: no task of it"]);
}

/// Control-plane U32: an updater that rolled back judges no more.
#[test]
fn how_an_updater_ended_is_told_with_its_own_rule() {
    let why = why_no_rollback(&bundled("tutorials/numbers-api-rollback.json"));
    let late = "it does not count, because the update that made it was rolled back at 36.600s [U32]";
    assert_says(&why, &[late]);
}

#[test]
fn a_task_that_ended_is_removed_and_not_stopped() {
    let told = told("tutorials/worker-rollback.json", 120_000, 120_000);
    assert_says(&told, &["worker.1 task 0 (worker:1.0) is to stop", "worker.2 task 1 (worker:1.0) is to be removed"]);
}

#[test]
fn what_is_wrong_with_a_node_is_told() {
    let told = told("operations/global-update.json", 75_000, 125_000);
    assert_says(
        &told,
        &[
            "is to stop because node4 is drained [G6]",
            "is rejected because node3 does not meet the constraints of its service any more [C2]",
            "is not replaced because it has ended, and node3 does not meet the constraints of the service [G9]",
        ],
    );
}
