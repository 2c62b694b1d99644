//! Why things happened: for every cause a run that has it, and what is told of it.

mod decisions;
mod rollback;
mod truth;
mod waits;

use std::fs;
use std::path::Path;

use rollsim::diag::SourceFile;
use rollsim::experiment;
use rollsim::kernel::{Span, Time};
use rollsim::report::explain::{Explain, Scope};
use rollsim::scenario::{self, Loaded};
use serde_json::{Value, json};

fn load(scenario: &Value) -> Loaded {
    let source = SourceFile { name: "scenario.json".to_owned(), text: scenario.to_string() };
    let told =
        |errors: Vec<rollsim::diag::Diagnostic>| errors.iter().map(|error| error.render(false)).collect::<String>();
    scenario::load(&source, &[]).unwrap_or_else(|errors| panic!("{}", told(errors)))
}

fn bundled(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
    serde_json::from_str(&fs::read_to_string(path).expect("it is there")).expect("it is JSON")
}

/// Three replicas of `web:1` on three nodes, with what is to be different.
fn web(service: &Value, web2: &Value, timeline: &[(&str, &str)]) -> Value {
    let commands = timeline.iter().map(|(at, line)| match line.strip_prefix("fault ") {
        Some(fault) => json!({"at": at, "fault": fault}),
        None => json!({"at": at, "run": format!("docker {line}")}),
    });
    let mut image = json!({"like": "web:1"});
    image.as_object_mut().expect("a mapping").extend(web2.as_object().expect("a mapping").clone());
    let mut web = json!({"image": "web:1", "deploy": {"replicas": 3}});
    for (key, value) in service.as_object().expect("a mapping") {
        web["deploy"][key] = value.clone();
    }
    json!({
        "rollsim": 1, "name": "web", "duration": "150s", "cluster": {"nodes": {"node1": {"role": "manager"}, "node2": {}, "node3": {}}},
        "images": {"web:1": {"prepare": "1s", "start": "500ms", "stop": "500ms"}, "web:2": image},
        "services": {"web": web},
        "timeline": commands.collect::<Vec<Value>>()
    })
}

fn explained(scenario: &Value, of: impl FnOnce(&Explain<'_>, Time) -> String) -> String {
    let scenario = load(scenario);
    let (summary, explain) = experiment::observe(&scenario, Explain::new(&scenario.plan));
    of(&explain, summary.end)
}

fn chain(scenario: &Value) -> String {
    explained(scenario, |explain, end| explain.chain(&Scope::default(), end))
}

fn why_no_rollback(scenario: &Value) -> String {
    explained(scenario, |explain, end| explain.why_no_rollback(None, end))
}

/// Whether a part is in the text, however it is broken into lines.
fn says(text: &str, part: &str) -> bool {
    let flat = |text: &str| text.split_whitespace().collect::<Vec<&str>>().join(" ");
    flat(text).contains(&flat(part))
}

fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(says(text, part), "`{part}` is not in:\n{text}");
    }
}

const UPDATE: (&str, &str) = ("20s", "service update --image web:2 web");

fn exits(after: &str) -> Value {
    json!({"outcome": {"exit": {"after": after, "code": 1}}})
}

/// The answer for one update to `web:2` under this configuration.
fn answer(config: &Value, web2: &Value) -> String {
    why_no_rollback(&web(&json!({"update_config": config}), web2, &[UPDATE]))
}

#[test]
fn the_failure_action_is_the_reason() {
    let paused = answer(&json!({}), &exits("2s"));
    assert_says(
        &paused,
        &["web: the update at 20.000s was paused at ", "its failure_action is pause, not rollback [U26]"],
    );
    assert_says(
        &paused,
        &[
            "it counts, because the update made it, and it ended 2s after it ran: 1 of 3 slots, 0.333 > max_failure_ratio 0 [U26]",
        ],
    );
    let went_on = answer(&json!({"failure_action": "continue"}), &exits("2s"));
    assert_says(&went_on, &["was not rolled back", "because failure_action is continue [U30]"]);
}

#[test]
fn once_it_is_rolled_back_nothing_counts() {
    let config = json!({"failure_action": "rollback", "parallelism": 2, "delay": "10s"});
    let why = answer(&config, &exits("2s"));
    assert_says(&why, &["does not count, because the update has been paused or rolled back already [U13]"]);
}

#[test]
fn the_ratio_is_the_reason() {
    let first_fails = json!({"tasks": {"0": exits("2s")}});
    let config = json!({"failure_action": "rollback", "max_failure_ratio": 0.5});
    let why = answer(&config, &first_fails);
    assert_says(&why, &["1 of 3 slots failed, which is not above its max_failure_ratio of 0.5 [U26]"]);
    assert_says(&why, &["0.333 is not above max_failure_ratio 0.5, so the update goes on"]);
}

#[test]
fn the_monitor_is_the_reason() {
    let config = json!({"failure_action": "rollback", "monitor": "1s", "delay": "10s"});
    let why = answer(&config, &json!({"tasks": {"0": exits("3s")}}));
    assert_says(&why, &["because it ended 3s after it ran, later than the monitor of 1s [U25]"]);
    let config = json!({"failure_action": "rollback", "monitor": "1s", "parallelism": 0});
    let why = answer(&config, &exits("10s"));
    assert_says(&why, &["because the update that made it was completed at "]);
}

#[test]
fn a_task_that_never_starts_is_the_reason() {
    let update = ("20s", "service update --image web:2 --constraint-add node.labels.no==where web");
    let config = json!({"update_config": {"failure_action": "rollback"}});
    let why = why_no_rollback(&web(&config, &json!({}), &[update]));
    assert_says(&why, &["one that never starts cannot fail; the update waits, without any timeout, until web."]);
    assert_says(
        &why,
        &["it is pending: no suitable node (scheduling constraints not satisfied on 3 nodes) since", "[U22]"],
    );
}

#[test]
fn who_made_the_task_is_the_reason() {
    let config = json!({"update_config": {"failure_action": "rollback", "parallelism": 0}});
    let fourth_fails = json!({"tasks": {"3": exits("2s")}});
    let why = why_no_rollback(&web(&config, &fourth_fails, &[UPDATE, ("60s", "fault node crash node3")]));
    assert_says(
        &why,
        &["no end of a task counted; that of web.", "because the restart supervisor made it, not the update [U25]"],
    );
}

#[test]
fn a_task_that_was_told_to_stop_can_be_the_reason() {
    let drained = bundled("operations/drain-during-update.json");
    assert_says(&why_no_rollback(&drained), &["was paused at 35.300s", "has ended: shutdown\n it counts, because"]);
}

#[test]
fn the_failure_that_decided_is_told_among_many() {
    let why = why_no_rollback(&bundled("tutorials/worker-rollback.json"));
    assert_says(
        &why,
        &["was rolled back at 43.200s, when 3 of 10 slots had failed, more than its max_failure_ratio of 0.2"],
    );
    assert_says(
        &why,
        &["it counts, because the update made it, and it ended 200ms after it ran: 3 of 10 slots, 0.300 >"],
    );
    let why = why_no_rollback(&bundled("tutorials/numbers-api-rollback.json"));
    assert_says(
        &why,
        &[
            "32.300s numbers-api.4 task 6",
            "it counts, but only at 36.600s, when the workers have finished (U13), because the update made it",
        ],
    );
}

#[test]
fn tasks_that_an_update_did_not_make_do_not_count() {
    let more = ("20s", "service update --image web:2 --replicas 5 web");
    let config = json!({"update_config": {"failure_action": "rollback"}});
    let added = json!({"tasks": {"0": exits("1s")}});
    let why = why_no_rollback(&web(&config, &added, &[more]));
    assert_says(&why, &["it does not count, because it was made where there was none, outside the update [U25]"]);
    let mut scenario = web(&json!({"update_config": {"delay": "20s"}}), &json!({}), &[UPDATE]);
    scenario["images"]["web:1"]["tasks"] = json!({"0": exits("25s")});
    assert_says(
        &why_no_rollback(&scenario),
        &["because the update did not make it: it is an earlier task of web:1 [U25]"],
    );
}

#[test]
fn an_update_that_goes_on_is_not_complete() {
    let mut scenario = web(&json!({"update_config": {"delay": "20s"}}), &json!({}), &[UPDATE]);
    scenario["duration"] = "30s".into();
    let why = why_no_rollback(&scenario);
    assert_says(&why, &["was not rolled back and is not complete: no task of it ended; web: the update goes on at "]);
    let again = [UPDATE, ("30s", "service update --image web:1 web")];
    let why = why_no_rollback(&web(&json!({"update_config": {"delay": "20s"}}), &json!({}), &again));
    assert_says(
        &why,
        &["was not rolled back until an operator updated the service again at 30.000s: no task of it ended; "],
    );
}

#[test]
fn a_service_that_is_removed_is_not_rolled_back() {
    let timeline = [UPDATE, ("28s", "service rm web")];
    let why = why_no_rollback(&web(&json!({"update_config": {"delay": "20s"}}), &json!({}), &timeline));
    assert_says(
        &why,
        &[
            "was not rolled back until an operator removed the service at 28.000s: no task of it ended; as it stood then, web: the update goes on at",
        ],
    );
    let told = chain(&web(&json!({}), &exits("2s"), &timeline));
    assert!(told.contains("web: paused") && !told.contains("nothing goes on until"), "{told}");
}

#[test]
fn nothing_failed_or_nothing_changed_or_it_was_rolled_back() {
    let config = json!({"failure_action": "rollback"});
    assert_says(
        &answer(&config, &json!({})),
        &["was not rolled back but completed at ", "no task of it ended by itself [U33]"],
    );
    let label = ("20s", "service update --label-add team=x web");
    let why = why_no_rollback(&web(&json!({}), &json!({}), &[label]));
    assert_says(&why, &["changed nothing that tasks run, so that nothing was to be updated [U7]"]);
    assert_eq!(why_no_rollback(&web(&json!({}), &json!({}), &[])), "no service was updated\n");
    assert_says(&answer(&config, &exits("2s")), &["was rolled back at ", "; the status is rollback_completed since "]);
    let why = why_no_rollback(&bundled("hello.json"));
    assert_says(
        &why,
        &["was rolled back at 26.200s", "completed since 39.600s comes of what was left to do then (U47)"],
    );
}

#[test]
fn an_update_tells_what_it_does_with_each_slot() {
    let config = |order: &str| json!({"update_config": {"order": order, "delay": "10s"}});
    let told = chain(&web(&config("stop-first"), &json!({}), &[UPDATE]));
    assert_says(
        &told,
        &[
            "20.000s  $ docker service update --image web:2 web\n",
            "web: the update begins with 3 of 3 slots: 1 slot at a time, stop-first, delay 10s, monitor 5s",
            "is to stop because its slot is updated, stop-first [U20]",
            "(web:2) may start because web.",
            " is done; the worker rests for 10s\n",
            "web: the update watches for failures for a last 11s\n",
            "web: completed: update completed [U33]",
            "\nRules, and where swarmkit has them:\n",
        ],
    );
    let told = chain(&web(&config("start-first"), &json!({}), &[UPDATE]));
    assert_says(&told, &["there is nothing to wait for [R14]", "(web:2) runs in its place [U21]"]);
}

#[test]
fn the_operator_and_the_nodes_tell_what_they_do_to_tasks() {
    let told = chain(&web(
        &json!({}),
        &json!({}),
        &[
            ("10s", "service scale web=5"),
            ("20s", "service scale web=3"),
            ("30s", "node update --availability drain node2"),
            ("50s", "fault node crash node3"),
            ("100s", "service rm web"),
        ],
    ));
    assert_says(
        &told,
        &[
            "(web:1) is made because the service wants 5 replicas since 10.000s, and has fewer [O6]",
            "is put on node2 because it comes first of the nodes that take it [S12]",
            "(web:1) runs [W10]",
            "(web:1) has ended: shutdown [W1]",
            "is to stop because the service wants 3 replicas since 20.000s [O8]",
            "to start when the old one has stopped because web.",
            "is on node2, which is drained [O17]",
            "node3: down [N4]\n",
            "is on node3, which is down [O11]",
            "because the service was removed at 100.000s [O16]",
            "is forgotten because it was to be removed, and has stopped [T7]",
        ],
    );
}

#[test]
fn restarts_tell_why_they_come_late_or_not_at_all() {
    let restart = |policy: Value, code: u32| {
        let mut scenario = web(&json!({"restart_policy": policy, "replicas": 1}), &json!({}), &[]);
        scenario["images"]["web:1"]["outcome"] = json!({"exit": {"after": "2s", "code": code}});
        chain(&scenario)
    };
    assert_says(
        &restart(json!({"condition": "none"}), 1),
        &["has ended: failed: task: non-zero exit (1), and its restart condition is none [R5]"],
    );
    let on_failure = restart(json!({"condition": "on-failure"}), 0);
    assert_says(
        &on_failure,
        &["has ended: complete, and it did not fail, and its restart condition is on-failure [R5]"],
    );
    let limited = restart(json!({"max_attempts": 2, "delay": "1s"}), 1);
    assert_says(
        &limited,
        &[
            "is made in its place, to start in 1s\n",
            "has ended: failed: task: non-zero exit (1) [R4]",
            ", and its max_attempts of 2 are used up [R5]",
        ],
    );
    assert_says(&limited, &["may start because its delay of 1s is over [R14]"]);
    let unlimited = restart(json!({"delay": "1s"}), 1);
    assert_says(&unlimited, &["because there are more tasks in its slot than are kept [T4]"]);
}

#[test]
fn global_services_tell_of_nodes() {
    let mut scenario = web(
        &json!({"mode": "global"}),
        &json!({}),
        &[("10s", "node update --availability drain node2"), ("20s", "node update --availability active node2")],
    );
    scenario["services"]["web"]["deploy"].as_object_mut().expect("a mapping").remove("replicas");
    let told = chain(&scenario);
    assert_says(&told, &["web.node2 task ", "is to stop because node2 is drained [G6]"]);
}

#[test]
fn only_what_is_asked_for_is_told() {
    let scenario = load(&web(&json!({}), &json!({}), &[UPDATE]));
    let (summary, explain) = experiment::observe(&scenario, Explain::new(&scenario.plan));
    let service = scenario.plan.services.ids().next();
    let slot = Some(rollsim::model::task::Slot::Replica(2));
    let told = explain.chain(&Scope { service, slot, between: None }, summary.end);
    assert!(told.contains("web.2 task") && !told.contains("web.1 task") && !told.contains("web.3 task"), "{told}");
    let between = Some((Time::ZERO, Time::ZERO + Span::from_secs(10)));
    let told = explain.chain(&Scope { between, ..Scope::default() }, summary.end);
    assert!(told.contains("[O6]") && !told.contains("docker service update"), "{told}");
}

/// Who listens changes nothing.
#[test]
fn a_run_that_is_explained_goes_the_same_way() {
    for name in ["hello.json", "operations/leader-lost-mid-rollout.json", "operations/global-update.json"] {
        let scenario = load(&bundled(name));
        let (explained, _) = experiment::observe(&scenario, Explain::new(&scenario.plan));
        assert_eq!(explained, experiment::measure(&scenario, scenario.plan.seed), "{name}");
    }
}
