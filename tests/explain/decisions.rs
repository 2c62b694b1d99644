//! Each decision of managers and agents in a run that has it, with its cause and its rule.

use rollsim::model::rule::Rule;
use serde_json::{Value, json};

use super::{UPDATE, chain, exits, says, web};

/// A run that rolls back, and what it finds to do then. The process of `web:1` fails to start from its fourth task on.
fn rolled_back(rollback: &Value) -> Value {
    let deploy = json!({
        "replicas": 2, "restart_policy": {"condition": "none"}, "rollback_config": rollback,
        "update_config": {"order": "start-first", "failure_action": "rollback", "parallelism": 2}
    });
    let mut scenario = web(&deploy, &json!({"tasks": {"0": exits("2s")}}), &[UPDATE]);
    scenario["images"]["web:1"]["tasks"] = json!({"3": {"outcome": "fail-start"}, "4": {"outcome": "fail-start"}});
    scenario
}

/// A global service on two nodes, the second with an SSD.
fn global(constraint: &str, timeline: &[(&str, &str)]) -> Value {
    let deploy = json!({"mode": "global", "placement": {"constraints": [constraint]}});
    let mut scenario = web(&deploy, &json!({}), timeline);
    scenario["services"]["web"]["deploy"].as_object_mut().expect("a mapping").remove("replicas");
    scenario["cluster"] = json!({"nodes": {"node1": {"role": "manager"}, "node2": {"labels": {"disk": "ssd"}}}});
    scenario
}

/// Three managers that run no tasks, and two workers.
fn managed(deploy: &Value, timeline: &[(&str, &str)]) -> Value {
    let mut scenario = web(deploy, &json!({}), timeline);
    let manager = json!({"role": "manager", "availability": "drain"});
    scenario["cluster"] =
        json!({"nodes": {"node1": manager, "node2": manager, "node3": manager, "node4": {}, "node5": {}}});
    scenario
}

const LEADER_IS_LOST: (&str, &str) = ("30s", "fault node crash node1");

/// A run, and what is told of it.
type Run = (Value, &'static [&'static str]);

fn rollbacks() -> Vec<Run> {
    vec![
        // A rollback that leaves an old task behind, for its new one does not start: a follow-up run tries again, and fails too.
        (
            rolled_back(&json!({"order": "start-first", "failure_action": "continue"})),
            &[
                "is made because its slot had ended for good, and the service is rolled back [U48]",
                "the update begins with 1 of 2 slots: 1 slot at a time, start-first",
                "when the update before had ended [U47]",
                "web: nothing is rolled back because there is no previous specification [U32]",
            ],
        ),
        (
            rolled_back(&json!({"failure_action": "rollback"})),
            &["web: rollback_paused: rollback paused due to failure or early termination of task", "[U29]"],
        ),
    ]
}

/// Updates that are not alone.
fn updates() -> Vec<Run> {
    let slowly = json!({"update_config": {"delay": "20s"}});
    vec![
        (
            {
                let mut scenario = web(&slowly, &json!({}), &[UPDATE]);
                scenario["images"]["web:1"]["outcome"] = json!({"exit": {"after": "25s", "code": 1}});
                scenario
            },
            &[
                "web.1 is left alone by the update because the restart supervisor had made web.1 task 4 (web:2) there at 26.700s [U23]",
            ],
        ),
        (
            web(&slowly, &json!({}), &[UPDATE, ("30s", "service rm web")]),
            &[
                "is left alone by the update because the service was removed at 30.000s [U24]",
                "is to stop because the service was removed at 30.000s [O16]",
                "is forgotten because it was to be removed, and has stopped [T7]",
            ],
        ),
        (
            web(&slowly, &json!({}), &[UPDATE, ("45s", "service update --label-add a=b web")]),
            &[
                "web: its update status is cleared [A3]",
                "web: updating: update in progress [U8]",
                "because the service has another specification since 45.000s [U3]",
            ],
        ),
        (
            web(&json!({}), &json!({}), &[UPDATE, ("60s", "service rollback web"), ("90s", "service scale web=4")]),
            &[
                "web: rollback_started: manually requested rollback [A4]",
                "web: the update watches for failures for a last 5s because all slots that were handed out are done [U14]",
                "web: nothing is to be updated because the specification that was written at 90.000s leaves no slot out of date [U7]",
            ],
        ),
    ]
}

/// Updates that do not come to their end.
fn stuck() -> Vec<Run> {
    let impossible = ("20s", "service update --constraint-add node.labels.no==where --image web:2 web");
    let back = ("30s", "service update --constraint-rm node.labels.no==where --image web:1 web");
    let as_it_is = ("21s", "service update web");
    let rollback = json!({"update_config": {"failure_action": "rollback"}});
    vec![
        (
            web(&json!({}), &exits("2s"), &[UPDATE]),
            &[
                "web: paused: update paused due to failure or early termination of task 3 [U27]",
                "web: nothing goes on until an operator updates the service again because the update status is paused [U6]",
            ],
        ),
        (
            web(&json!({}), &json!({}), &[impossible, back]),
            &[
                "waits: no suitable node (scheduling constraints not satisfied on 3 nodes) [S30]",
                "web: the update in progress ends because the service has another specification since 30.000s [U3]",
                "ends without a node because no node takes it, and its service has gone on [S31]",
                "has ended: shutdown [S31]",
            ],
        ),
        (
            {
                let mut scenario = web(&json!({"replicas": 1}), &json!({"outcome": "fail-prepare"}), &[UPDATE]);
                scenario["images"]["web:1"]["stop"] = "ignore".into();
                scenario["services"]["web"]["stop_grace_period"] = "90s".into();
                scenario
            },
            &[
                "because the task before it has not stopped within 1m0s [R14]",
                "is replaced later because",
                "has ended: rejected: preparing container failed; it is held back, and is replaced when it could have started [R1]",
                "has ended: rejected: preparing container failed [W9]",
            ],
        ),
        (
            web(&rollback, &exits("2s"), &[UPDATE, as_it_is]),
            &[
                "web: nothing is rolled back because an operator wrote the service meanwhile, which cleared the update status [U32]",
            ],
        ),
    ]
}

/// Slots with tasks that are up to date, and without any.
fn kept_slots() -> Vec<Run> {
    vec![
        (
            {
                let first = json!({"tasks": {"0": exits("1s")}, "prepare": {"uniform": ["1s", "9s"]}});
                web(&json!({"update_config": {"parallelism": 0, "failure_action": "rollback"}}), &first, &[UPDATE])
            },
            &[
                "is not looked at yet because all slots are handed out; until the workers have finished nothing is looked at [U13]",
            ],
        ),
        (
            {
                let twice = [UPDATE, ("21s", "service update --label-add a=b web")];
                let order =
                    json!({"order": "start-first", "failure_action": "rollback", "parallelism": 3, "delay": "9s"});
                web(&json!({"update_config": order}), &exits("12s"), &twice)
            },
            &[
                "(web:2) is kept because it is up to date already; it is not monitored [U18]",
                "(web:2) has its slot, and is up to date [U18]",
            ],
        ),
        (
            {
                let again = ("23s", "service update --update-failure-action rollback web");
                let config =
                    json!({"failure_action": "continue", "order": "start-first", "parallelism": 3, "delay": "9s"});
                let web2 = json!({"tasks": {"0": {"outcome": "fail-start"}, "3": exits("1s")}});
                web(&json!({"update_config": config}), &web2, &[UPDATE, again])
            },
            &["does not count because the update had found it up to date and only kept it [U25]"],
        ),
        (
            web(
                &json!({}),
                &json!({}),
                &[("10s", "service scale web=1"), ("10.2s", "service update --label-add a=b web")],
            ),
            &["is forgotten because its slot is not in use [O5]"],
        ),
    ]
}

fn nodes() -> Vec<Run> {
    vec![
        (
            {
                let placement = json!({"placement": {"constraints": ["node.labels.disk==ssd"]}, "replicas": 1});
                let mut scenario = web(&placement, &json!({}), &[("10s", "node update --label-rm disk node2")]);
                scenario["cluster"]["nodes"]["node2"] = json!({"labels": {"disk": "ssd"}});
                scenario
            },
            &["is rejected because node2 does not meet the constraints of its service any more [C2]"],
        ),
        (
            {
                let mut scenario = web(
                    &json!({"replicas": 1}),
                    &json!({}),
                    &[
                        ("9s", "node update --availability drain node1"),
                        ("10s", "node update --availability active node1"),
                    ],
                );
                scenario["images"]["web:1"]["tasks"] = json!({"0": exits("5s")});
                scenario
            },
            &[
                "is replaced later because web.1 task 1 (web:1) is on node1, which is drained; it is held back, and is replaced when",
                "is made in its place, to start in 5s when the old one has stopped",
                "was down or drained while it was held back [R1]",
            ],
        ),
        (
            {
                let mut scenario = web(
                    &json!({}),
                    &json!({}),
                    &[("10s", "node update --availability drain node2"), ("11s", "fault node crash node2")],
                );
                scenario["images"]["web:1"]["stop"] = "ignore".into();
                scenario["services"]["web"]["stop_grace_period"] = "60s".into();
                scenario
            },
            &["may start because node2, where the task before it was, is down or gone [R14]"],
        ),
        (
            {
                let mut scenario = web(&json!({"replicas": 2}), &json!({}), &[("10s", "fault node crash node2")]);
                scenario["duration"] = "25h".into();
                scenario
            },
            &["(web:1) has ended: orphaned [N19]"],
        ),
        (
            web(&json!({"replicas": 2}), &json!({}), &[("10s", "fault node crash node2"), ("40s", "node rm node2")]),
            &["is on node2, which is down [O11]", "has ended: orphaned [A12]"],
        ),
    ]
}

fn global_services() -> Vec<Run> {
    vec![
        (
            global(
                "node.labels.disk==ssd",
                &[
                    ("10s", "node update --label-add disk=ssd node1"),
                    ("20s", "service update --constraint-add node.hostname!=node2 web"),
                ],
            ),
            &[
                "web.node2 task 0 (web:1) is made because the service is global, and has none on node2 [G4]",
                "web.node2 task 0 (web:1) is put on node2 because the node takes it, and its service is global [S22]",
                "web.node1 task 1 (web:1) is made because node1 has changed, and has no task of the service that is up to date [G6]",
                "is to stop because node2 does not meet the constraints of the service [G4]",
            ],
        ),
        (
            {
                let pause = ("5s", "node update --availability pause node2");
                let mut scenario = global("node.labels.disk==ssd", &[pause]);
                scenario["images"]["web:1"]["outcome"] = json!({"exit": {"after": "10s", "code": 0}});
                scenario
            },
            &["has ended: complete [W12]", "is not replaced because it has ended, and node2 is paused [G9]"],
        ),
        (
            global(
                "node.labels.disk==ssd",
                &[
                    ("10s", "node update --availability pause node2"),
                    ("20s", "service update --image web:2 web"),
                    ("30s", "node update --availability active node2"),
                    ("50s", "fault node crash node2"),
                    ("80s", "node rm node2"),
                ],
            ),
            &[
                "is to stop because node2 has changed, and it is out of date there [G6]",
                "node2: down [N4]",
                "is to stop because node2 is down [G6]",
                "node2: no member of the cluster any more [A12]",
                "and 1 other task, which have ended, are forgotten because their node is gone [G2]",
            ],
        ),
    ]
}

fn leaders() -> Vec<Run> {
    let slowly = json!({"update_config": {"delay": "20s"}});
    vec![
        (
            managed(&slowly, &[UPDATE, LEADER_IS_LOST, ("80s", "fault node start node1")]),
            &[
                "nobody leads the swarm: nothing is decided until somebody does [Q6]",
                "leads the swarm from now on [I1]",
                "node4: unknown [N8]",
                "node4: ready [N1]",
                "node1: down [N9]",
            ],
        ),
        (
            {
                let mut scenario = managed(&json!({}), &[("28s", "service rm web"), LEADER_IS_LOST]);
                scenario["images"]["web:1"]["stop"] = "ignore".into();
                scenario["services"]["web"]["stop_grace_period"] = "60s".into();
                scenario
            },
            &["is forgotten because its service is gone [I2]"],
        ),
        (
            {
                let mut scenario = managed(&json!({"restart_policy": {"delay": "8s"}}), &[LEADER_IS_LOST]);
                scenario["images"]["web:1"]["tasks"] = json!({"0": exits("26s")});
                scenario
            },
            &["found its delay over [I4]"],
        ),
    ]
}

fn runs() -> impl Iterator<Item = Run> {
    [rollbacks(), updates(), stuck(), kept_slots(), nodes(), global_services(), leaders()].into_iter().flatten()
}

#[test]
fn each_decision_tells_its_cause_and_its_rule() {
    let missing = runs().map(|(scenario, parts)| {
        let told = chain(&scenario);
        let missing: Vec<&str> = parts.iter().filter(|part| !says(&told, part)).copied().collect();
        if missing.is_empty() { String::new() } else { format!("{missing:#?} are not in:\n{told}") }
    });
    let missing: Vec<String> = missing.filter(|told| !told.is_empty()).collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// A rule that no run here tells is one that nobody has seen at work.
#[test]
fn each_rule_is_told_of_a_run() {
    let told: Vec<String> = runs().map(|(scenario, _)| chain(&scenario)).collect();
    // Some rules have a number in common, but each its own text.
    let is_told =
        |rule: &Rule| told.iter().any(|told| told.contains(&format!(" {} ({})\n", rule.says(), rule.source())));
    let missing: Vec<Rule> = Rule::ALL.iter().filter(|rule| !is_told(rule)).copied().collect();
    assert_eq!(missing, []);
}
