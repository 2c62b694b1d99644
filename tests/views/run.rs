//! Views of simulated runs: what the store says is what docker would print.

use rollsim::diag::SourceFile;
use rollsim::experiment;
use rollsim::kernel::{Span, Time};
use rollsim::model::task::TaskState;
use rollsim::report::docker::progress::Message;
use rollsim::report::docker::ps::TaskRow;
use rollsim::report::docker::views::TaskFilter;
use rollsim::report::docker::watch::{Audience, Sight, Watch};
use rollsim::report::docker::{Cluster, inspect, inspect_json};
use rollsim::scenario;
use rollsim::sim::Plan;
use serde_json::{Value, json};

/// The plan of a scenario of two nodes, where starting takes 1.5 s and stopping 0.1 s.
fn plan(services: Value, timeline: &[(&str, &str)]) -> Plan {
    let command = |(at, line): &(&str, &str)| match line.starts_with("docker") {
        true => json!({"at": at, "run": line}),
        false => json!({"at": at, "fault": line}),
    };
    let app = json!({"prepare": "1s", "start": "500ms", "stop": "100ms"});
    let text = json!({
        "rollsim": 1,
        "duration": "120s",
        "cluster": {"managers": 1, "workers": 1},
        "images": {"app:1": app, "app:2": {"like": "app:1"}, "app:bad": {"like": "app:1", "outcome": "fail-start"}},
        "services": services,
        "timeline": timeline.iter().map(command).collect::<Vec<_>>(),
    });
    let file = SourceFile { name: "test".to_owned(), text: text.to_string() };
    let loaded = scenario::load(&file, &[]);
    loaded.unwrap_or_else(|problems| panic!("{:?}", problems.iter().map(ToString::to_string).collect::<Vec<_>>())).plan
}

fn web(deploy: Value) -> Value {
    json!({"web": {"image": "app:1", "deploy": deploy}})
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

/// The cluster at an instant of a run of the plan.
fn cluster(plan: &Plan, seconds: u64) -> Cluster<'_> {
    experiment::observe_until(plan, Some(at(seconds)), Cluster::new(plan)).expect("the run is not over").0
}

fn rows(cluster: &Cluster<'_>, seconds: u64, filters: &[&str]) -> Vec<TaskRow> {
    let mut filter = TaskFilter::default();
    filters.iter().for_each(|text| filter.add(text).expect("a filter"));
    cluster.task_rows(at(seconds), &cluster.services().collect::<Vec<_>>(), &filter)
}

/// Cli-and-compose c.3: old and new tasks count alike.
#[test]
fn with_start_first_more_tasks_run_than_are_wanted() {
    let deploy = json!({"replicas": 3, "update_config": {"order": "start-first"}});
    let plan = plan(web(deploy), &[("10s", "docker service update --image app:2 web")]);
    let running = |cluster: &Cluster<'_>| {
        let services: Vec<_> = cluster.services().collect();
        cluster.service_rows(&services).iter().map(|row| format!("{}/{}", row.running, row.desired)).collect::<String>()
    };
    assert_eq!(running(&cluster(&plan, 9)), "3/3");
    let most = (10..15).map(|seconds| running(&cluster(&plan, seconds))).max();
    assert_eq!(most.as_deref(), Some("4/3"));
}

/// Cli-and-compose c.2, c.3: a task on a dead node keeps what it was seen as.
#[test]
fn a_task_on_a_node_that_is_down_still_counts_as_running() {
    let plan = plan(web(json!({"replicas": 2})), &[("10s", "node crash worker1")]);
    let cluster = cluster(&plan, 60);
    let lost = rows(&cluster, 60, &["node=worker1"]);
    assert_eq!(lost.len(), 1);
    assert_eq!((lost[0].state, lost[0].desired), (TaskState::Running, TaskState::Shutdown));
    assert!(lost[0].age > Span::from_secs(50), "{}", lost[0].age);
    let services: Vec<_> = cluster.services().collect();
    assert_eq!(cluster.service_rows(&services)[0].running, 3);
}

#[test]
fn the_node_of_a_task_is_an_id_once_the_node_was_removed() {
    let timeline = [
        ("10s", "docker node update --availability drain worker1"),
        ("30s", "node stop worker1"),
        ("60s", "docker node rm worker1"),
    ];
    let plan = plan(web(json!({"replicas": 2})), &timeline);
    let of_shutdown = |seconds| {
        let cluster = cluster(&plan, seconds);
        (rows(&cluster, seconds, &["desired-state=shutdown"])[0].node.clone(), cluster.node_rows().len())
    };
    assert_eq!(of_shutdown(20), ("worker1".to_owned(), 2));
    let (node, nodes) = of_shutdown(70);
    assert_eq!((node.len(), nodes), (25, 1));
}

#[test]
fn of_several_filters_each_must_fit_and_of_one_any() {
    let plan = plan(json!({"web": {"image": "app:1", "deploy": {"replicas": 10}}, "db": {"image": "app:1"}}), &[]);
    let cluster = cluster(&plan, 10);
    let names = |filters: &[&str]| rows(&cluster, 10, filters).into_iter().map(|row| row.name).collect::<Vec<_>>();
    assert_eq!(names(&["name=web.1"]), ["web.1", "web.10"]);
    assert_eq!(names(&["name=web.1.", "name=db"]), ["db.1", "web.1"]);
    assert_eq!(names(&["name=web.1", "desired-state=shutdown"]), Vec::<String>::new());
    assert_eq!(names(&["desired-state=RUNNING"]).len(), 11);
    let id = &rows(&cluster, 10, &["name=db"])[0].id;
    assert_eq!(names(&[&format!("id={}", &id[..6])]), ["db.1"]);
    for wrong in ["desired-state=walking", "colour=red", "name"] {
        assert!(TaskFilter::default().add(wrong).is_err(), "{wrong}");
    }
}

/// Control-plane A3, A4: what a rollback returns to, and what it takes away.
#[test]
fn an_inspected_service_shows_its_previous_spec_and_since_when_it_is_updated() {
    let timeline =
        [("10s", "docker service update --image app:2 --replicas 3 web"), ("60s", "docker service rollback web")];
    let plan = plan(web(json!({"replicas": 2})), &timeline);
    let object = |seconds| -> Value {
        let cluster = cluster(&plan, seconds);
        let details = cluster.details(cluster.service("web").expect("it is there")).expect("it is there");
        serde_json::from_str::<Value>(&inspect_json::json(&[details])).expect("JSON")[0].clone()
    };
    let (image, replicas) = ("/TaskTemplate/ContainerSpec/Image", "/Mode/Replicated/Replicas");
    assert_eq!(object(5).get("PreviousSpec"), None);
    let updated = object(50);
    assert_eq!(updated["Spec"].pointer(replicas), Some(&json!(3)));
    assert_eq!(updated["PreviousSpec"].pointer(image), Some(&json!("app:1")));
    assert_eq!(updated["UpdateStatus"]["State"], "completed");
    assert_eq!(updated["UpdateStatus"]["StartedAt"], "1970-01-01T00:00:10Z");
    assert!(updated["UpdateStatus"]["CompletedAt"].as_str().expect("it is completed") > "1970-01-01T00:00:15Z");
    let back = object(61);
    assert_eq!(back["Spec"].pointer(replicas), Some(&json!(2)));
    assert_eq!(back["PreviousSpec"].pointer(image), Some(&json!("app:2")));
    assert_eq!(back["UpdateStatus"]["StartedAt"], "1970-01-01T00:01:00Z");
    assert_eq!(back["UpdatedAt"], "1970-01-01T00:01:00Z");
    assert_eq!(back["CreatedAt"], "1970-01-01T00:00:00Z");
}

#[test]
fn what_docker_would_print_is_what_rollsim_imports() {
    let plan = plan(web(json!({"replicas": 2, "update_config": {"delay": "10s", "failure_action": "rollback"}})), &[]);
    let cluster = cluster(&plan, 20);
    let details = cluster.details(cluster.service("web").expect("it is there")).expect("it is there");
    let text = inspect_json::json(std::slice::from_ref(&details));
    let services = SourceFile { name: "services.json".to_owned(), text };
    let imported = scenario::import::import(&services, None, None).expect("it can be imported");
    let again =
        scenario::load(&SourceFile { name: "again".to_owned(), text: imported.text }, &[]).expect("it can be run");
    let cluster = self::cluster(&again.plan, 20);
    let twin = cluster.details(cluster.service("web").expect("it is there")).expect("it is there");
    let without_id = |page: String| page.split_once("Name:").map(|(_, rest)| rest.to_owned());
    assert_eq!(without_id(inspect::pretty(&twin, at(20))), without_id(inspect::pretty(&details, at(20))));
}

/// Keeps what is seen, as text.
#[derive(Debug, Default)]
struct Notes(Vec<String>);

impl Audience for Notes {
    fn show(&mut self, at: Time, sight: Sight) {
        let seconds = at.since_start().as_secs_f64();
        let text = match sight {
            Sight::Prompt(line) | Sight::Error(line) => line,
            Sight::Message(Message::Text(text)) => text,
            Sight::Message(Message::Line { id, text, bar: None }) => format!("{id}: {text}"),
            Sight::Message(Message::Line { .. }) => return,
        };
        if self.0.last().and_then(|last| last.split_once(' ')).is_none_or(|(_, last)| last != text) {
            self.0.push(format!("{seconds:.1} {text}"));
        }
    }
}

/// What is seen of a run, each line once where it is said again and again.
fn seen(plan: &Plan) -> Vec<String> {
    let (watch, end) =
        experiment::observe_until(plan, None, Watch::new(plan, Notes::default())).expect("it runs to its end");
    watch.finish(end).0
}

fn told(plan: &Plan, text: &str) -> Option<String> {
    seen(plan).into_iter().find(|line| line.contains(text))
}

/// Cli-and-compose c.1: docker/cli issue 6752.
#[test]
fn an_update_that_is_rolled_back_is_no_error_for_the_client() {
    let deploy = json!({"replicas": 2, "update_config": {"failure_action": "rollback"}});
    let plan = plan(web(deploy), &[("10s", "docker service update --image app:bad web")]);
    let seen = seen(&plan);
    assert_eq!(seen[..2], ["10.0 [10s] $ docker service update --image app:bad web", "10.0 web"]);
    assert!(
        seen.iter().any(|line| line.contains("overall progress: rolling back update: 2 out of 2 tasks")),
        "{seen:#?}"
    );
    assert!(seen.last().is_some_and(|last| last.ends_with("verify: Service web converged")), "{seen:#?}");
}

#[test]
fn a_paused_update_ends_the_waiting_with_an_error() {
    let plan = plan(web(json!({"replicas": 2})), &[("10s", "docker service update --image app:bad web")]);
    let error = seen(&plan).pop().expect("something is seen");
    assert!(
        error.contains("service update paused: update paused due to failure or early termination of task "),
        "{error}"
    );
}

#[test]
fn the_client_waits_for_the_services_of_one_line_in_turn_and_not_for_what_is_detached() {
    let services = json!({"a": {"image": "app:1"}, "b": {"image": "app:1"}});
    let timeline = [("10s", "docker service scale a=2 b=2"), ("60s", "docker service update -d --image app:2 a")];
    let plan = plan(services, &timeline);
    let seen = seen(&plan);
    assert_eq!(seen[1..3], ["10.0 a scaled to 2", "10.0 b scaled to 2"]);
    let converged: Vec<&String> = seen.iter().filter(|line| line.contains("converged")).collect();
    assert_eq!(converged.len(), 2, "{seen:#?}");
    assert!(converged[0].ends_with("Service a converged") && converged[1].ends_with("Service b converged"));
    assert_eq!(seen.last().map(String::as_str), Some("60.0 [1m0s] $ docker service update -d --image app:2 a"));
}

#[test]
fn a_new_command_and_the_removal_of_the_service_end_the_waiting() {
    let stuck = "docker service update --constraint-add node.labels.zone==a web";
    let with = |next: &'static str| plan(web(json!({"replicas": 1})), &[("10s", stuck), ("20s", next)]);
    let interrupted = with("docker service update --constraint-rm node.labels.zone==a web");
    assert!(told(&interrupted, "Operation continuing in background.").is_some_and(|line| line.starts_with("20.0")));
    assert!(told(&interrupted, "Use `docker service ps web` to check progress.").is_some());
    let removed = with("docker service rm web");
    assert!(told(&removed, "service web not found").is_some_and(|line| line.starts_with("20.")));
}

#[test]
fn what_the_managers_refuse_is_told() {
    let plan = plan(web(json!({"replicas": 1})), &[("10s", "docker service rollback web")]);
    let line = told(&plan, "Error response from daemon");
    assert_eq!(line.as_deref(), Some("10.0 Error response from daemon: service web does not have a previous spec"));
}
