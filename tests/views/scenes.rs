//! Each recorded scene is read into cells, and the formatter prints it again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rollsim::kernel::{Span, Time};
use rollsim::model::ImageId;
use rollsim::model::engine::Engine;
use rollsim::model::node::{Availability, ManagerStatus, NodeState};
use rollsim::model::service::{EndpointMode, FailureAction, Mode, Order, ServiceSpec, UpdateConfig};
use rollsim::model::update::UpdateState;
use rollsim::report::docker::inspect::{self, ServiceDetails, StatusDetails};
use rollsim::report::docker::ls::{self, ServiceRow, StackRow};
use rollsim::report::docker::node_ls::{self, NodeRow};
use rollsim::report::docker::ps::{self, TaskRow};
use rollsim::report::docker::release;
use rollsim::scenario::duration::parse_span;
use serde_json::Value;

use crate::table::{Row, age, rows, state};

/// An instant that is later than anything recorded is old.
const NOW: Time = Time::from_millis(1_000_000_000);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded")
}

/// A recorded scene: the time in its run, the scenario, the command's words and what was printed.
struct Scene {
    name: String,
    at: f64,
    scenario: String,
    command: Vec<String>,
    printed: String,
}

/// All scenes, by name. Their text ends with an empty line.
fn scenes() -> Vec<Scene> {
    let entries = fs::read_dir(folder().join("cli/scenes")).expect("the scenes are there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    paths.sort();
    let scene = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a scene is text");
        let (first, rest) = text.split_once('\n').expect("a first line");
        let (command, printed) = rest.split_once('\n').expect("a command");
        let (at, scenario) =
            first.strip_prefix("# t=").and_then(|first| first.split_once("s of scenario ")).expect("a moment");
        Scene {
            name: path.file_name().expect("a name").to_string_lossy().into_owned(),
            at: at.parse().expect("seconds"),
            scenario: scenario.to_owned(),
            command: command.split(' ').skip(2).map(str::to_owned).collect(),
            printed: printed.to_owned(),
        }
    };
    paths.into_iter().map(scene).collect()
}

fn task_rows(printed: &str) -> Vec<TaskRow> {
    let row = |cells: Row| {
        let current = &cells["CURRENT STATE"];
        let (word, ago) = current.split_once(' ').expect("state and age");
        assert_eq!(cells["PORTS"], "");
        TaskRow {
            id: cells["ID"].clone(),
            name: cells["NAME"].trim_start_matches(r" \_ ").to_owned(),
            image: cells["IMAGE"].clone(),
            node: cells["NODE"].clone(),
            desired: state(&cells["DESIRED STATE"]),
            state: state(word),
            age: age(ago),
            error: cells["ERROR"].trim_matches('"').to_owned(),
            ports: Vec::new(),
        }
    };
    rows(printed).into_iter().map(row).collect()
}

fn service_rows(printed: &str) -> Vec<ServiceRow> {
    let row = |cells: Row| {
        let replicas = &cells["REPLICAS"];
        let (running, desired) = replicas.split_once('/').expect("running/desired");
        assert_eq!(cells["PORTS"], "");
        ServiceRow {
            id: cells["ID"].clone(),
            name: cells["NAME"].clone(),
            is_global: cells["MODE"] == "global",
            running: running.parse().expect("a number"),
            desired: desired.parse().expect("a number"),
            max_per_node: 0,
            image: cells["IMAGE"].clone(),
            ports: Vec::new(),
        }
    };
    rows(printed).into_iter().map(row).collect()
}

fn node_rows(printed: &str) -> Vec<NodeRow> {
    let row = |cells: Row| NodeRow {
        id: cells["ID"].trim_end_matches(" *").to_owned(),
        is_self: cells["ID"].ends_with('*'),
        hostname: cells["HOSTNAME"].clone(),
        state: match cells["STATUS"].as_str() {
            "Ready" => NodeState::Ready,
            "Down" => NodeState::Down,
            other => panic!("status {other}"),
        },
        availability: match cells["AVAILABILITY"].as_str() {
            "Active" => Availability::Active,
            "Pause" => Availability::Pause,
            "Drain" => Availability::Drain,
            other => panic!("availability {other}"),
        },
        manager: match cells["MANAGER STATUS"].as_str() {
            "Leader" => Some(ManagerStatus::Leader),
            "" => None,
            other => panic!("manager status {other}"),
        },
        engine_version: cells["ENGINE VERSION"].clone(),
    };
    rows(printed).into_iter().map(row).collect()
}

fn stack_rows(printed: &str) -> Vec<StackRow> {
    let row =
        |cells: Row| StackRow { name: cells["NAME"].clone(), services: cells["SERVICES"].parse().expect("a number") };
    rows(printed).into_iter().map(row).collect()
}

/// Labels and values of `inspect --pretty`, those of a section under `Section/Label`.
fn fields(printed: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut section = String::new();
    for line in printed.lines().filter(|line| !line.is_empty()) {
        let (label, value) = line.split_once(':').unwrap_or_else(|| panic!("`{line}` has no label"));
        match label.strip_prefix(' ') {
            Some(label) => _ = fields.insert(format!("{section}/{label}"), value.trim().to_owned()),
            None => {
                section = label.to_owned();
                fields.insert(section.clone(), value.trim().to_owned());
            }
        }
    }
    fields
}

fn update_config(fields: &BTreeMap<String, String>, section: &str, order: &str) -> UpdateConfig {
    let field = |label: &str| fields.get(&format!("{section}/{label}")).map(String::as_str);
    let span = |text: &str| parse_span(text).expect("a duration");
    UpdateConfig {
        parallelism: field("Parallelism").expect("parallelism").parse().expect("a number"),
        delay: field("Delay").map_or(Span::ZERO, span),
        failure_action: match field("On failure") {
            Some("pause") => FailureAction::Pause,
            Some("continue") => FailureAction::Continue,
            Some("rollback") => FailureAction::Rollback,
            other => panic!("failure action {other:?}"),
        },
        monitor: field("Monitoring Period").map(span),
        max_failure_ratio: field("Max failure ratio").expect("a ratio").parse().expect("a number"),
        order: match field(order) {
            Some("stop-first") => Order::StopFirst,
            Some("start-first") => Order::StartFirst,
            other => panic!("order {other:?}"),
        },
    }
}

fn details(printed: &str) -> ServiceDetails {
    let fields = fields(printed);
    let field = |label: &str| fields.get(label).map(String::as_str);
    let mut spec = ServiceSpec::replicated(ImageId(0), 0);
    spec.mode = match field("Service Mode/Replicas") {
        Some(replicas) => Mode::Replicated { replicas: replicas.parse().expect("a number") },
        None => Mode::Global,
    };
    spec.update = Some(update_config(&fields, "UpdateConfig", "Update order"));
    spec.rollback = Some(update_config(&fields, "RollbackConfig", "Rollback order"));
    let constraints = field("Placement/Constraints").map(|list| list.trim_matches(['[', ']']).split(' '));
    spec.task.placement.constraints = constraints.into_iter().flatten().map(str::to_owned).collect();
    spec.task.networks = field("Networks").into_iter().flat_map(|names| names.split(' ')).map(str::to_owned).collect();
    let init = field("ContainerSpec/Init").expect("made by the client");
    std::sync::Arc::make_mut(&mut spec.task.container.settings).insert("init".to_owned(), init.to_owned());
    spec.endpoint.mode = match field("Endpoint Mode") {
        Some("vip") => EndpointMode::Vip,
        Some("dnsrr") => EndpointMode::DnsRoundRobin,
        other => panic!("endpoint mode {other:?}"),
    };
    let at = |label: &str| field(label).map(|text| Time::ZERO + (NOW - Time::ZERO).saturating_sub(age(text)));
    let status = field("UpdateStatus/State").map(|word| StatusDetails {
        state: UpdateState::ALL.into_iter().find(|state| state.name() == word).expect("a state"),
        started: at("UpdateStatus/Started").expect("a beginning"),
        completed: at("UpdateStatus/Completed"),
        message: field("UpdateStatus/Message").expect("a message").to_owned(),
    });
    ServiceDetails {
        id: field("ID").expect("an id").to_owned(),
        name: field("Name").expect("a name").to_owned(),
        image: field("ContainerSpec/Image").expect("an image").to_owned(),
        spec: Rc::new(spec),
        previous: None,
        status,
        created: Time::ZERO,
        updated: Time::ZERO,
    }
}

/// What the formatter makes of the cells of a scene.
fn printed_again(scene: &Scene) -> String {
    let words: Vec<&str> = scene.command.iter().map(String::as_str).collect();
    match words[..] {
        ["service", "ps", _] => ps::table(&task_rows(&scene.printed), false),
        ["service", "ls"] => ls::services(&service_rows(&scene.printed)),
        ["node", "ls"] => node_ls::table(&node_rows(&scene.printed)),
        ["service", "inspect", "--pretty", _] => inspect::pretty(&details(&scene.printed), NOW),
        _ => panic!("{}: {words:?}", scene.name),
    }
}

#[test]
fn each_scene_is_printed_again_byte_for_byte() {
    let scenes = scenes();
    assert_eq!(scenes.len(), 138);
    for scene in scenes {
        assert_eq!(printed_again(&scene), scene.printed, "{}", scene.name);
    }
}

#[test]
fn tables_of_a_stack_are_printed_again_byte_for_byte() {
    let text = fs::read_to_string(folder().join("cli/16-stack.txt")).expect("a recording");
    let mut compared = 0;
    for (command, printed) in text.split("\n$ docker ").filter_map(|block| block.split_once('\n')) {
        let again = match command.trim_start_matches("$ docker ") {
            "stack ls" => ls::stacks(&stack_rows(printed), release::of(Engine::V20_10)),
            "stack services st" => ls::services(&service_rows(printed)),
            "stack ps st" => ps::table(&task_rows(printed), false),
            _ => continue,
        };
        assert_eq!(again, printed, "{command}");
        compared += 1;
    }
    assert_eq!(compared, 3);
}

/// The rows that follow from the tasks of a recorded run, without those of services of other names.
fn rows_of_run(run: &Value, service: &str, at: f64) -> Vec<TaskRow> {
    let seconds = |value: &Value| value.as_f64().expect("seconds");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    // What was so at the moment: the last entry that is not later.
    let then = |entries: &Value, time: &str| {
        let entries = entries.as_array().expect("a list");
        entries.iter().rfind(|entry| seconds(&entry[time]) <= at).cloned()
    };
    let tasks = run["tasks"].as_array().expect("tasks").iter();
    let mut tasks: Vec<&Value> =
        tasks.filter(|task| task["service"] == service && seconds(&task["created_at"]) <= at).collect();
    tasks.sort_by(|a, b| seconds(&b["created_at"]).total_cmp(&seconds(&a["created_at"])));
    let row = |task: &&Value| {
        let status = then(&task["history"], "t").expect("a status");
        TaskRow {
            id: text(&task["id"]),
            name: format!("{service}.{}", task["slot"]),
            image: text(&task["image"]),
            node: text(&task["node"]),
            desired: state(&text(&then(&task["desired"], "updated_at").expect("a desired state")["state"])),
            state: state(&text(&status["state"])),
            age: Span::from_nanos(((at - seconds(&status["t"])) * 1e9) as u64),
            error: text(&status["err"]),
            ports: Vec::new(),
        }
    };
    let mut rows: Vec<TaskRow> = tasks.iter().map(row).collect();
    ps::sort(&mut rows);
    rows
}

#[test]
fn rows_follow_from_the_tasks_of_the_run_of_which_they_were_printed() {
    let mut compared = 0;
    for scene in scenes().iter().filter(|scene| scene.command[1] == "ps") {
        let path = folder().join("runs").join(format!("{}.json", scene.scenario));
        let run: Value = serde_json::from_str(&fs::read_to_string(path).expect("a run")).expect("JSON");
        if run["chosen_run"] != 1 {
            continue;
        }
        let (printed, mut rows) = (task_rows(&scene.printed), rows_of_run(&run, &scene.command[2], scene.at));
        assert_eq!(printed.len(), rows.len(), "{}", scene.name);
        for (row, printed) in rows.iter_mut().zip(&printed) {
            let apart = row.age.as_secs_f64() - printed.age.as_secs_f64();
            assert!((-1.0..2.0).contains(&apart), "{}: {}: {apart} s apart", scene.name, row.id);
            row.age = printed.age;
        }
        assert_eq!(ps::table(&rows, false), scene.printed, "{}", scene.name);
        compared += 1;
    }
    assert_eq!(compared, 5);
}
