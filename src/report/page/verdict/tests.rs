//! What is told in every situation: of updates, of services without, and of runs with several services.

use super::*;
use crate::metrics::fixture::{Feed, NEW, OLD, WEB, plan, summary};
use crate::metrics::node_log::{NodeLog, NodeLogs};
use crate::metrics::summary::{Downtime, NodeSummary, StatusChange, Update, UpdateKind, UpdateOutcome};
use crate::metrics::task_log::TaskLog;
use crate::model::node::{NodeState, Role};
use crate::model::task::{Creation, Creator, Explanation, Message, Slot, Status, TaskError, TaskState};
use crate::model::update::UpdateState;
use crate::model::{ImageId, NodeId, TaskId};
use crate::observe::{Record, SpecCause, TaskRecord};

type Change = fn(&mut ServiceSummary);
type Tell = fn(&mut Feed<TaskLog>);

const FIXED: ImageId = ImageId(2);

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

/// A run of `web` with an update to app:2 from 10 s to 20 s that completes; 3 of 10 requests fail.
fn run(change: Change) -> Summary {
    let mut run = summary();
    run.end = at(60_000);
    let web = &mut run.services[0];
    web.window[1] = run.end;
    (web.downtime, web.degraded) = (Downtime::default(), Span::ZERO);
    web.updates = vec![update("app:1", "app:2", [10_000, 20_000], UpdateOutcome::Completed)];
    web.update_status.clear();
    change(web);
    run
}

fn update(from: &str, to: &str, [start, end]: [u64; 2], outcome: UpdateOutcome) -> Update {
    let (from, to) = (from.to_owned(), to.to_owned());
    let (kind, end) = (UpdateKind::Update, Some(at(end)));
    Update { kind, from, to, start: at(start), last_running: None, end, outcome, detect: None, restore: None }
}

/// Swarm stops the update with this status.
fn sign(web: &mut ServiceSummary, ms: u64, state: UpdateState) {
    web.update_status.push(StatusChange { at: at(ms), state, message: state.name().to_owned() });
}

/// A task of this image as it stands now, meant to be so.
fn task(feed: &mut Feed<TaskLog>, [task, desired]: [u32; 2], image: ImageId, state: TaskState, err: Option<TaskError>) {
    feed.record(Record::Task(TaskRecord {
        task: TaskId(task),
        service: WEB,
        slot: Slot::Replica(1),
        image,
        node: Some(NodeId(0)),
        status: Status { state, message: Message::Started, err },
        status_at: Time::ZERO,
        desired: if desired == 0 { TaskState::Running } else { TaskState::Shutdown },
        created: (state == TaskState::New).then_some(Creation { by: Creator::Orchestrator, spec_version: 0 }),
    }));
}

/// Task 1 is of app:2 and ends at 13 s.
fn fails(feed: &mut Feed<TaskLog>, err: TaskError) {
    feed.at(10_000).create(NEW).at(13_000);
    task(feed, [1, 0], NEW, TaskState::Failed, Some(err));
}

fn told(run: &Summary, tell: Tell) -> [String; 5] {
    let mut feed = Feed::new(TaskLog::new());
    feed.spec(SpecCause::Create, 1, OLD).start(OLD);
    tell(&mut feed);
    let log = feed.end(60_000);
    let verdict = of_run(&worst_first(run, &plan(), log.changes()), run, log.changes()).expect("there is a service");
    let [down, long, noticed, undone] = verdict.answers.map(|answer| answer.answer.replace('\u{a0}', " "));
    [verdict.headline.replace('\u{a0}', " "), down, long, noticed, undone]
}

const LOST: &str = "No, yet 3 requests failed";

/// What happens to the service, what its tasks do, and what is told: headline, was it down, how long, who noticed, what was rolled
/// back. The headline ends with a sentence on downtime and one on requests.
const UPDATES: [(Change, Tell, [&str; 5]); 16] = [
    // It goes well.
    (
        |web| web.requests = None,
        |feed| {
            feed.at(10_000).start(NEW);
        },
        ["app:2 was rolled out in 10.00 s; web was never down", "No", "0 s", "Nothing to notice", "Nothing"],
    ),
    // It never becomes healthy and is rolled back.
    (
        |web| {
            (web.updates[0].outcome, web.updates[0].detect) =
                (UpdateOutcome::RollbackCompleted, Some(Span::from_millis(3_000)));
            sign(web, 13_000, UpdateState::RollbackStarted);
        },
        |feed| fails(feed, TaskError::Unhealthy(137)),
        ["app:2 never became healthy; rolled back after 10.00 s; *", LOST, "0 s", "Swarm, after 3.00 s", "app:2 → 1"],
    ),
    // Tasks fail and the update goes on; one of them dies when it has just been told to stop.
    (
        |web| web.downtime = Downtime::new(vec![[at(3_000), at(4_500)], [at(5_000), at(6_500)]]),
        |feed| {
            fails(feed, TaskError::Exit(1));
            feed.at(13_000).create(NEW);
            task(feed, [2, 1], NEW, TaskState::Failed, Some(TaskError::Exit(1)));
        },
        [
            "2 tasks of app:2 exited with code 1, yet the update completed after 10.00 s; *",
            "Yes, 2 times",
            "3.00 s",
            "Only the clients",
            "Nothing",
        ],
    ),
    // The same without clients.
    (
        |web| web.requests = None,
        |feed| fails(feed, TaskError::PullFailed),
        [
            "app:2 could not be pulled, yet the update completed after 10.00 s; web was never down",
            "No",
            "0 s",
            "Nobody",
            "Nothing",
        ],
    ),
    // It is stopped for a task that did not end by itself.
    (
        |web| {
            web.updates[0].outcome = UpdateOutcome::Paused;
            sign(web, 20_000, UpdateState::Paused);
        },
        |_| (),
        ["the update to app:2 paused after 10.00 s; *", LOST, "0 s", "Swarm, at 20.00 s", "Nothing"],
    ),
    // Two bad updates in a row.
    (
        |web| {
            web.updates[0].outcome = UpdateOutcome::RollbackCompleted;
            web.updates.push(update("app:1", "app:3", [30_000, 35_000], UpdateOutcome::RollbackCompleted));
            sign(web, 13_000, UpdateState::RollbackStarted);
            sign(web, 33_000, UpdateState::RollbackStarted);
        },
        |feed| {
            fails(feed, TaskError::Exit(1));
            feed.at(30_000).create(FIXED);
            task(feed, [2, 0], FIXED, TaskState::Failed, Some(TaskError::StartFailed));
        },
        [
            "1 task of app:2 exited with code 1; rolled back after 10.00 s; \
             containers of app:3 could not be started; rolled back after 5.00 s; *",
            LOST,
            "0 s",
            "Swarm, at 13.00 s",
            "app:2 → 1, app:3 → 1",
        ],
    ),
    // It pauses, is resumed and pauses again, and another version comes in its place.
    (
        |web| {
            web.updates[0].outcome = UpdateOutcome::Paused;
            web.updates.push(update("app:2", "app:2", [30_000, 35_000], UpdateOutcome::Paused));
            web.updates.push(update("app:2", "app:3", [40_000, 45_000], UpdateOutcome::Completed));
            sign(web, 13_000, UpdateState::Paused);
            sign(web, 35_000, UpdateState::Paused);
        },
        |feed| {
            fails(feed, TaskError::Exit(1));
            feed.at(30_000).create(NEW).at(41_000).start(FIXED);
            task(feed, [2, 0], NEW, TaskState::Failed, Some(TaskError::Exit(1)));
        },
        [
            "2 tasks of app:2 exited with code 1; the update paused twice; then app:3 was rolled out in 5.00 s; *",
            LOST,
            "0 s",
            "Swarm, at 13.00 s",
            "Nothing",
        ],
    ),
    // No node takes it, and the operator rolls back.
    (
        |web| {
            web.updates[0].outcome = UpdateOutcome::Superseded;
            let rollback = update("app:2", "app:1", [20_000, 25_000], UpdateOutcome::RollbackCompleted);
            web.updates.push(Update { kind: UpdateKind::Rollback, ..rollback });
            sign(web, 20_000, UpdateState::RollbackStarted);
        },
        |feed| {
            feed.at(10_000).create(NEW);
            let explanation = Explanation { failures: [0; 5] };
            task(feed, [1, 0], NEW, TaskState::Pending, Some(TaskError::NoSuitableNode(explanation)));
        },
        [
            "app:2 found no suitable node; changed by the operator after 10.00 s; \
             then rolled back to app:1 by the operator in 5.00 s; *",
            LOST,
            "0 s",
            "The operator",
            "app:2 → 1",
        ],
    ),
    // The operator takes back a change that leaves the image alone.
    (
        |web| {
            let rollback = update("app:2", "app:2", [30_000, 30_000], UpdateOutcome::RollbackCompleted);
            web.updates.push(Update { kind: UpdateKind::Rollback, ..rollback });
        },
        |_| (),
        [
            "rolled back to the specification before by the operator in 0 s; *",
            LOST,
            "0 s",
            "Only the clients",
            "The specification",
        ],
    ),
    // Swarm ends a task after the update, by the operator's will.
    (
        |web| web.requests = None,
        |feed| {
            feed.at(10_000).start(NEW).at(30_000);
            task(feed, [1, 0], NEW, TaskState::Rejected, Some(TaskError::ConstraintsNotMet));
        },
        ["app:2 was rolled out in 10.00 s; web was never down", "No", "0 s", "Nothing to notice", "Nothing"],
    ),
    // Its tasks begin to die after the update.
    (
        |_| (),
        |feed| {
            feed.at(10_000).start(NEW).at(30_000);
            task(feed, [1, 0], NEW, TaskState::Failed, Some(TaskError::Exit(1)));
        },
        [
            "app:2 was rolled out in 10.00 s; after that 1 task of app:2 exited with code 1; *",
            LOST,
            "0 s",
            "Swarm",
            "Nothing",
        ],
    ),
    // The same, though one that was told to stop died before.
    (
        |_| (),
        |feed| {
            feed.at(10_000).start(NEW).at(15_000).create(NEW);
            task(feed, [2, 1], NEW, TaskState::Failed, Some(TaskError::Exit(1)));
            feed.at(30_000);
            task(feed, [1, 0], NEW, TaskState::Failed, Some(TaskError::Exit(1)));
        },
        [
            "app:2 was rolled out in 10.00 s; after that 2 tasks of app:2 exited with code 1; *",
            LOST,
            "0 s",
            "Swarm",
            "Nothing",
        ],
    ),
    // The service is removed meanwhile.
    (
        |web| {
            web.window[1] = at(22_000);
            (web.updates[0].outcome, web.updates[0].end) = (UpdateOutcome::Unfinished, None);
        },
        |_| (),
        [
            "the update to app:2 was ended by the removal of the service at 22.00 s; *",
            LOST,
            "0 s",
            "Only the clients",
            "Nothing",
        ],
    ),
    // Its tasks begin to die after the update, and another version comes after it.
    (
        |web| web.updates.push(update("app:2", "app:3", [40_000, 45_000], UpdateOutcome::Completed)),
        |feed| {
            feed.at(10_000).start(NEW).at(30_000);
            task(feed, [1, 0], NEW, TaskState::Failed, Some(TaskError::Exit(1)));
        },
        [
            "app:2 was rolled out in 10.00 s; after that 1 task of app:2 exited with code 1; \
             then app:3 was rolled out in 5.00 s; *",
            LOST,
            "0 s",
            "Swarm",
            "Nothing",
        ],
    ),
    // Three bad updates.
    (
        |web| {
            web.updates = [("app:2", 10), ("app:3", 20), ("app:4", 30)]
                .map(|(to, s)| update("app:1", to, [s * 1_000, s * 1_000 + 5_000], UpdateOutcome::RollbackCompleted))
                .into();
            [12_000, 22_000, 32_000].into_iter().for_each(|ms| sign(web, ms, UpdateState::RollbackStarted));
        },
        |_| (),
        [
            "the update to app:2 was rolled back after 5.00 s; the update to app:3 was rolled back after 5.00 s; \
             and 1 more update went badly; *",
            LOST,
            "0 s",
            "Swarm, at 12.00 s",
            "app:2 → 1, app:3 → 1, app:4 → 1",
        ],
    ),
    // Two updates that go well, and an old task that dies in between.
    (
        |web| web.updates.push(update("app:2", "app:3", [30_000, 35_000], UpdateOutcome::Completed)),
        |feed| {
            task(feed, [0, 0], OLD, TaskState::Complete, None);
        },
        [
            "both updates completed; 1 task of web ended by itself outside of any update; *",
            LOST,
            "0 s",
            "Swarm",
            "Nothing",
        ],
    ),
];

#[test]
fn what_became_of_the_updates_is_told_over_all_of_them() {
    for (change, tell, [headline, answers @ ..]) in UPDATES {
        let headline = headline.replace('*', "web was REST; 3 of 10 requests failed");
        let run = run(change);
        let rest = downtime(&run.services[0]).replace("web was ", "").replace('\u{a0}', " ");
        let expected = [&headline.replace("REST", &rest), answers[0], answers[1], answers[2], answers[3]];
        assert_eq!(told(&run, tell), expected);
    }
}

#[test]
fn a_service_that_is_not_updated_speaks_of_its_tasks_and_of_what_its_clients_saw() {
    let run = run(|web| web.updates.clear());
    let expected = ["web was never down; 3 of 10 requests failed", LOST, "0 s", "Only the clients", "Nothing"];
    assert_eq!(told(&run, |_| ()), expected);
    let headline = "1 task of web became unhealthy; web was never down; 3 of 10 requests failed";
    let told = told(&run, |feed| fails(feed, TaskError::Unhealthy(137)));
    assert_eq!(told, [headline, LOST, "0 s", "Swarm", "Nothing"]);
}

#[test]
fn a_service_without_replicas_is_not_said_to_have_had_them_in_rotation() {
    let details = [5, 0].map(|peak| {
        let mut run = run(|_| ());
        run.services[0].peak_tasks = peak;
        was_down(&run.services[0]).detail
    });
    assert_eq!(details, ["all replicas were in rotation throughout", "no replica was desired"]);
}

#[test]
fn the_first_node_that_is_lost_with_tasks_of_the_service_is_named() {
    let mut run = run(|web| (web.updates, web.final_update_status) = (Vec::new(), None));
    let mut plan = plan();
    plan.nodes.push(plan.nodes[NodeId(0)].clone());
    let mut logs = NodeLogs::new(&plan);
    for (node, down) in [(1, 30_000), (0, 40_000)] {
        let node = NodeId(node);
        logs.record(at(down), &Record::Node { node, state: Some(NodeState::Down), role: Role::Worker });
    }
    let logs = logs.finish().into_values().zip(["node1", "node2"]);
    run.nodes = logs.map(|(log, name)| NodeSummary { name: name.to_owned(), empty: None, log }).collect();
    let noticed = |run: &Summary| {
        let mut feed = Feed::new(TaskLog::new());
        feed.start(OLD);
        let log = feed.end(60_000);
        let [service] = &worst_first(run, &plan, log.changes())[..] else { panic!("one service") };
        let [_, _, noticed, _] = service.verdict(run, log.changes()).answers;
        [noticed.answer, noticed.detail.replace('\u{a0}', " ")]
    };
    assert_eq!(noticed(&run), ["The managers", "node1 down at 40.00 s"]);
    run.nodes[0].log = NodeLog::of(Default::default());
    assert_eq!(noticed(&run), ["Only the clients", "no task failed"]);
    run.services[0].requests = None;
    assert_eq!(noticed(&run), ["The managers", "node2 down at 30.00 s, without a task of web"]);
}

#[test]
fn a_run_is_told_by_the_service_that_fared_worst() {
    let mut run = run(|web| web.updates.clear());
    let web = run.services.remove(0);
    let mut plan = plan();
    let mut add = |name: &str, change: fn(&mut ServiceSummary)| {
        plan.services.push(name.to_owned());
        let mut service = ServiceSummary { name: name.to_owned(), ..web.clone() };
        change(&mut service);
        run.services.push(service);
    };
    add("idle", |service| service.requests = None);
    add("lossy", |_| ());
    add("down", |service| service.downtime = Downtime::new(vec![[at(3_000), at(4_500)]]));
    add("paused", |service| {
        service.updates = vec![update("app:1", "app:2", [10_000, 20_000], UpdateOutcome::Paused)];
        service.requests = None;
        sign(service, 20_000, UpdateState::Paused);
    });
    let services = worst_first(&run, &plan, &[]);
    let names: Vec<&str> = services.iter().map(|fared| fared.service.name.as_str()).collect();
    assert_eq!(names, ["paused", "down", "lossy", "idle"]);
    let verdict = of_run(&services, &run, &[]).expect("there are services");
    assert_eq!(
        verdict.headline.replace('\u{a0}', " "),
        "the update to app:2 paused after 10.00 s; paused was never down"
    );
    assert_eq!(verdict.answers[0].question, "Was paused down?");
    let others = "down was down for 1.50 s, 3 of 10 requests failed; lossy was never down, 3 of 10 requests failed; \
                  idle was never down";
    assert_eq!(verdict.others.replace('\u{a0}', " "), others);
    assert!(services[0].verdict(&run, &[]).others.is_empty());
}

#[test]
fn of_many_services_the_best_and_the_less_bad_are_counted() {
    let run = run(|web| web.updates.clear());
    let (bad, mut well) = (run.services[0].clone(), run.services[0].clone());
    well.requests = None;
    let run = Summary { services: [vec![bad; 6], vec![well; 3]].concat(), ..run };
    let verdict = of_run(&worst_first(&run, &plan(), &[]), &run, &[]).expect("there are services");
    assert!(verdict.others.ends_with("; 2 more fared badly; 3 others were never down"), "{}", verdict.others);
}

#[test]
fn thousands_have_commas() {
    assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
}
