//! Scenarios made of recordings of a real cluster: what docker would have printed goes in, and what the containers took comes out.

use std::fs;
use std::path::Path;

use rollsim::diag::SourceFile;
use rollsim::kernel::Dist;
use rollsim::model::command::Command;
use rollsim::model::defaults;
use rollsim::model::image::{Outcome, Stop};
use rollsim::model::service::{RestartPolicy, ServiceSpec, UpdateConfig};
use rollsim::scenario::import::import;
use rollsim::scenario::{self, Loaded};
use serde_json::{Value, json};

fn recording(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/runs").join(name);
    serde_json::from_str(&fs::read_to_string(path).expect("the recording is there")).expect("it is JSON")
}

/// Docker's form of an instant, in seconds since the start of the recording.
fn timestamp(seconds: &Value) -> String {
    let seconds = seconds.as_f64().expect("a number") + 1000.0;
    format!("2026-01-01T{:02}:{:02}:{:09.6}Z", (seconds / 3600.0) as u32, (seconds / 60.0) as u32 % 60, seconds % 60.0)
}

/// What was the case at an instant of the list `history` of an object: its last entry until then.
fn last(history: &Value, until: f64) -> Option<&Value> {
    let mut entries = history.as_array()?.iter();
    entries.rfind(|entry| entry["seen_t"].as_f64().is_some_and(|seen| seen <= until))
}

/// What `docker service inspect`, the tasks API and `docker node inspect` print at an instant.
fn printed(recording: &Value, until: f64) -> [String; 3] {
    let entries = |name: &str| recording[name].as_array().expect("a list").clone();
    let mut services: Vec<Value> = Vec::new();
    for change in entries("spec_changes").iter().filter(|change| change["seen_t"].as_f64() <= Some(until)) {
        services.retain(|known| known["ID"] != change["service"]);
        services.push(json!({"ID": change["service"], "Spec": change["spec"]}));
    }
    let mut nodes: Vec<Value> = Vec::new();
    for node in entries("nodes").iter().filter(|node| node["seen_t"].as_f64() <= Some(until)) {
        nodes.retain(|known| known["ID"] != node["node"]);
        let role = if node["node"].as_str().expect("a name").starts_with("manager") { "manager" } else { "worker" };
        nodes.push(json!({
            "ID": node["node"],
            "Spec": {"Role": role, "Availability": node["availability"], "Labels": {}},
            "Description": {"Hostname": node["node"], "Resources": {"NanoCPUs": 2_500_000_000u64, "MemoryBytes": 1 << 30}},
            "Status": {"State": node["state"]},
        }));
    }
    let task = |task: &Value| {
        let status = last(&task["history"], until)?;
        let spec = services.iter().find(|service| service["ID"] == task["service"])?["Spec"]["TaskTemplate"].clone();
        let mut spec = spec;
        spec["ContainerSpec"]["Image"] = task["image"].clone();
        Some(json!({
            "ID": task["id"], "CreatedAt": timestamp(&task["created_at"]), "ServiceID": task["service"],
            "Slot": task["slot"].as_u64().unwrap_or(0), "NodeID": task["node"], "Spec": spec,
            "Status": {
                "Timestamp": timestamp(&status["t"]), "State": status["state"],
                "Message": status["message"].as_str().unwrap_or_default(), "Err": status["err"].as_str().unwrap_or_default(),
                "ContainerStatus": {"ExitCode": status["exit_code"].as_i64().unwrap_or_default()},
            },
        }))
    };
    let tasks: Vec<Value> = entries("tasks").iter().filter_map(task).collect();
    [json!(services), json!(tasks), json!(nodes)].map(|list| list.to_string())
}

fn imported(recording: &Value, until: f64) -> Loaded {
    let [services, tasks, nodes] = printed(recording, until).map(|text| SourceFile { name: "docker".to_owned(), text });
    let text = import(&services, Some(&tasks), Some(&nodes)).expect("it can be imported").text;
    let source = SourceFile { name: "imported.json".to_owned(), text };
    scenario::load(&source, &[]).unwrap_or_else(|problems| panic!("{}\n{}", problems[0].render(false), source.text))
}

/// When the services of a recording were removed, or its end.
fn end(recording: &Value) -> f64 {
    let removed =
        recording["tasks"].as_array().expect("a list").iter().filter_map(|task| task["removed_seen_t"].as_f64());
    removed.fold(1e6, f64::min) - 0.001
}

/// The middle of what the agents logged between two of their entries, in seconds; of tasks of this image.
fn logged(recording: &Value, image: &str, from: &str, to: &str) -> Option<f64> {
    let mut spans = Vec::new();
    for task in recording["tasks"].as_array()?.iter().filter(|task| task["image"] == image) {
        let log = task["agent_log"].as_array()?;
        let at = |name: &str| {
            let is_it = |entry: &&Value| match name.strip_suffix(" received") {
                Some(desired) => entry["received_desired"] == desired,
                None => entry["state"] == name,
            };
            log.iter().find(is_it).and_then(|entry| entry["t"].as_f64())
        };
        spans.extend(at(from).zip(at(to)).map(|(from, to)| to - from));
    }
    spans.sort_by(f64::total_cmp);
    (!spans.is_empty()).then(|| spans[(spans.len() - 1) / 2])
}

#[test]
fn start_and_stop_are_those_that_the_agents_logged() {
    for name in [
        "a1-rolling-p2-d5-fast-stop",
        "a2-rolling-p2-d5-slow-stop",
        "f-redis-delay10",
        "o1-overlay-dnsrr",
        "k-start-first",
    ] {
        let recording = recording(&format!("{name}.json"));
        let loaded = imported(&recording, end(&recording));
        let networked = if name.starts_with('o') { 2.0 } else { 0.0 };
        let images: Vec<&String> = recording["images"].as_object().expect("a mapping").keys().collect();
        let [old, new] = [0, 1].map(|number| {
            let mut known = loaded.plan.images.values();
            known.find(|known| &known.name == images[number]).map(|known| known.behavior.clone())
        });
        let Some(Stop::After(stop)) = old.map(|old| old.stop) else { panic!("{name}: the old image stopped") };
        let real = logged(&recording, images[0], "shutdown received", "shutdown").expect("tasks stopped");
        // Of this the agent's pause is 1 s, and the load balancer takes 2 s.
        assert_near(&stop, real - 1.0 - networked, name);
        let real = logged(&recording, images[1], "starting", "running").expect("tasks started");
        assert_near(&new.expect("the new image is there").start, real, name);
    }
}

#[test]
fn images_fail_as_their_tasks_did() {
    let outcome = |name: &str, image: &str| {
        let recording = recording(&format!("{name}.json"));
        let loaded = imported(&recording, end(&recording));
        let image = loaded.plan.images.values().find(|known| known.name == image).expect("the image is there");
        (image.behavior.outcome.clone(), image.behavior.fail_share)
    };
    let exit = |name: &str, image: &str, seconds: f64, code: u8| match outcome(name, image) {
        (Outcome::Exit { after, code: fitted }, 1.0) => {
            assert_near(&after, seconds, name);
            assert_eq!(fitted, code, "{name}");
        }
        other => panic!("{name}: {other:?}"),
    };
    // No task that runs tells their preparation and start apart from the time that they were up.
    exit("a3-failure-rollback", "app:bad", 0.5, 1);
    exit("v-restart-conditions", "job:ok", 4.8, 0);
    assert_eq!(outcome("u-missing-image", "app:nonexistent"), (Outcome::FailPull, 1.0));
    assert_eq!(outcome("a1-rolling-p2-d5-fast-stop", "app:v2"), (Outcome::Run, 1.0));
}

/// Within 150 ms, which is what batches and polls add, or 10 %.
fn assert_near(fitted: &Dist, real: f64, name: &str) {
    let fitted = fitted.sample(1 << 63).as_secs_f64();
    assert!((fitted - real).abs() <= f64::max(0.15, real * 0.1), "{name}: fitted {fitted}, logged {real}");
}

/// The specification that a service gets of what `docker service inspect` prints.
fn spec(service: &Value) -> ServiceSpec {
    let printed = SourceFile { name: "service".to_owned(), text: json!([service]).to_string() };
    let text = import(&printed, None, None).expect("it can be imported").text;
    let source = SourceFile { name: "imported.json".to_owned(), text };
    let loaded = scenario::load(&source, &[]).unwrap_or_else(|problems| panic!("{}", problems[0].render(false)));
    let Command::ServiceCreate { spec, .. } = &loaded.plan.commands[0].command else { panic!("a service is created") };
    (**spec).clone()
}

/// docker prints what is unset, or what counts instead.
#[test]
fn defaults_that_docker_fills_in_change_nothing() {
    let cases = recording("../../compose/l-defaults.json");
    for case in cases["cases"].as_array().expect("a list") {
        let name = case["case"].as_str().expect("a name");
        let config = |config: Option<UpdateConfig>| {
            let config = config.unwrap_or(defaults::UPDATE_CONFIG);
            UpdateConfig { monitor: Some(config.monitor.unwrap_or(defaults::MONITOR)), ..config }
        };
        let restart = |policy: Option<RestartPolicy>| {
            let policy = policy.unwrap_or_default();
            RestartPolicy { delay: Some(policy.delay.unwrap_or(defaults::RESTART_DELAY)), ..policy }
        };
        let known = |spec: ServiceSpec| {
            let grace = spec.task.container.stop_grace_period.unwrap_or(defaults::STOP_GRACE_PERIOD);
            (spec.mode, config(spec.update), config(spec.rollback), restart(spec.task.restart), grace)
        };
        let [raw, filled] = ["raw", "with_defaults"].map(|kind| known(spec(&case[kind])));
        assert_eq!(raw, filled, "{name}");
        let said = &case["with_defaults"]["Spec"]["UpdateConfig"];
        assert_eq!(json!(filled.1.delay.as_nanos()), said.get("Delay").cloned().unwrap_or(json!(0)), "{name}");
        assert_eq!(json!(filled.1.parallelism), said["Parallelism"], "{name}");
    }
}

#[test]
fn what_docker_did_not_print_is_refused() {
    let file = |text: &str| SourceFile { name: "services.json".to_owned(), text: text.to_owned() };
    let refused = |text: &str| import(&file(text), None, None).expect_err("it is refused").to_string();
    assert_eq!(refused("[]"), "there is no service in `services.json`");
    assert!(refused("ID  NAME").starts_with("`services.json` is not what docker prints: "));
    assert!(refused("[{\"ID\": \"x\"}]").contains("missing field `Spec`"));
}
