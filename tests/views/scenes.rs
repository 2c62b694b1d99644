//! Each recorded scene is read into cells, and the formatter prints it again.

use std::fs;
use std::path::{Path, PathBuf};

use rollsim::kernel::Span;
use rollsim::model::engine::Engine;
use rollsim::report::docker::ps::{self, TaskRow};
use rollsim::report::docker::{inspect, ls, node_ls, release};
use serde_json::Value;

use crate::read::{NOW, details, node_rows, service_rows, stack_rows, task_rows};
use crate::table::state;
use crate::{files, folders};

/// A recorded scene: the time in its run, the run, the command's words and what was printed.
struct Scene {
    name: String,
    at: f64,
    run: PathBuf,
    command: Vec<String>,
    printed: String,
}

/// All scenes, by name. Their text ends with an empty line.
fn scenes() -> Vec<Scene> {
    folders()
        .iter()
        .flat_map(|folder| files(&folder.join("cli/scenes")).into_iter().map(|path| scene(folder, &path)))
        .collect()
}

fn scene(folder: &Path, path: &Path) -> Scene {
    let text = fs::read_to_string(path).expect("a scene is text");
    let (first, rest) = text.split_once('\n').expect("a first line");
    let (command, printed) = rest.split_once('\n').expect("a command");
    let (at, scenario) =
        first.strip_prefix("# t=").and_then(|first| first.split_once("s of scenario ")).expect("a moment");
    let runs = [folder.join("runs"), folder.to_owned()].map(|runs| runs.join(format!("{scenario}.json")));
    Scene {
        name: path.display().to_string(),
        at: at.parse().expect("seconds"),
        run: runs.into_iter().find(|run| run.exists()).expect("the run of a scene"),
        command: command.split(' ').skip(2).map(str::to_owned).collect(),
        printed: printed.to_owned(),
    }
}

/// What the formatter makes of what a command of docker printed; `None` if it is no view of ours.
fn printed_again(command: &[&str], printed: &str) -> Option<String> {
    let (flags, words): (Vec<&str>, Vec<&str>) = command.iter().partition(|word| word.starts_with('-'));
    let again = match (&words[..], &flags[..]) {
        (["service" | "stack" | "node", "ps", ..], []) => ps::table(&task_rows(printed), false),
        (["service" | "stack" | "node", "ps", ..], ["--no-trunc"]) => ps::table(&task_rows(printed), true),
        (["service", "ls"] | ["stack", "services", _], []) => ls::services(&service_rows(printed)),
        (["node", "ls"], []) => node_ls::table(&node_rows(printed)),
        (["stack", "ls"], []) => {
            let engine = if printed.contains("ORCHESTRATOR") { Engine::V20_10 } else { Engine::Current };
            ls::stacks(&stack_rows(printed), release::of(engine))
        }
        (["service", "inspect", _], ["--pretty"]) => inspect::pretty(&details(printed), NOW),
        _ => return None,
    };
    Some(again)
}

#[test]
fn each_scene_is_printed_again_byte_for_byte() {
    let scenes = scenes();
    assert!(scenes.len() >= 138, "{} scenes", scenes.len());
    for Scene { name, command, printed, .. } in scenes {
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let again = printed_again(&command, &printed).unwrap_or_else(|| panic!("{name}: {command:?}"));
        assert_eq!(again, printed, "{name}");
    }
}

#[test]
fn tables_of_a_stack_are_printed_again_byte_for_byte() {
    let mut compared = 0;
    for path in folders().iter().map(|folder| folder.join("cli/16-stack.txt")).filter(|path| path.exists()) {
        let text = fs::read_to_string(path).expect("a recording");
        for (command, printed) in text.split("\n$ docker ").filter_map(|block| block.split_once('\n')) {
            let words: Vec<&str> = command.trim_start_matches("$ docker ").split(' ').collect();
            if let Some(again) = printed_again(&words, printed) {
                assert_eq!(again, printed, "{command}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 3, "{compared} tables");
}

/// What docker can print and no recording has, by cli-and-compose c.2 to c.5.
#[test]
fn scenes_that_nobody_has_recorded_are_printed_again_too() {
    for text in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/views/scenes")) {
        let name = text.display().to_string();
        let text = fs::read_to_string(text).expect("a scene is text");
        let (command, printed) = text.split_once('\n').expect("a command");
        let words: Vec<&str> = command.split(' ').skip(2).collect();
        assert_eq!(printed_again(&words, printed).as_deref(), Some(printed), "{name}");
    }
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
        let run: Value = serde_json::from_str(&fs::read_to_string(&scene.run).expect("a run")).expect("JSON");
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
    assert!(compared >= 5, "{compared} scenes");
}
