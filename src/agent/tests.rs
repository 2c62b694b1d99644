//! Containers from their assignment to their end: what is reported, and what load balancers and clients see.

use std::sync::Arc;

use super::*;
use crate::kernel::{Dist, Span};
use crate::model::image::{Outcome, Stop, TaskOverride};
use crate::model::service::HealthCheck;

/// A node with one image, and what its agent was told and said, with the milliseconds.
struct Bench {
    agents: Agents,
    out: Outbox,
    timers: Vec<(Time, Timer)>,
    now: Time,
    check: Option<HealthCheck>,
    grace_period: Span,
    has_service_binding: bool,
    said: Vec<String>,
}

fn image() -> ImageBehavior {
    ImageBehavior {
        prepare: Dist::Constant(Span::from_millis(500)),
        start: Dist::Constant(Span::from_millis(300)),
        ..ImageBehavior::default()
    }
}

fn check(interval: u64, retries: u32) -> HealthCheck {
    let test = vec!["CMD".to_owned(), "true".to_owned()];
    HealthCheck { test, interval: Some(Span::from_secs(interval)), retries: Some(retries), ..HealthCheck::default() }
}

impl Bench {
    fn new(image: ImageBehavior) -> Bench {
        let power = [Power::On, Power::On].into_iter().collect();
        let images = [image].into_iter().collect();
        Bench {
            agents: Agents::new(power, images, Engine::Current, Latencies::SWARM, Streams::new(1)),
            out: Outbox::default(),
            timers: Vec::new(),
            now: Time::ZERO,
            check: None,
            grace_period: Span::from_secs(10),
            has_service_binding: true,
            said: Vec::new(),
        }
    }

    fn assign(&mut self, task: u32, desired: TaskState) {
        self.assign_on(NodeId(0), task, desired);
    }

    fn assign_on(&mut self, node: NodeId, task: u32, desired: TaskState) {
        let setup = TaskSetup {
            node,
            image: ImageId(0),
            ordinal: task,
            grace_period: self.grace_period,
            has_service_binding: self.has_service_binding,
            healthcheck: self.check.as_ref(),
        };
        self.agents.assign(self.now, TaskId(task), desired, &setup, &mut self.out);
        self.settle();
    }

    /// Lets the agents act up to this instant.
    fn run_to(&mut self, millis: u64) {
        loop {
            self.timers.sort_by_key(|(time, _)| *time);
            let due = self.timers.first().filter(|(time, _)| *time <= Time::from_millis(millis));
            let Some((time, timer)) = due.copied() else { break };
            self.timers.remove(0);
            self.now = time;
            if self.agents.awaits(timer) {
                self.agents.timer(time, timer, &mut self.out);
                self.settle();
            }
        }
        self.now = Time::from_millis(millis);
    }

    fn settle(&mut self) {
        loop {
            let now = self.now.as_millis();
            self.timers.append(&mut self.out.timers);
            let effects = self
                .out
                .effects
                .drain(..)
                .map(|effect| format!("{now} {effect:?}").replace("TaskId(0)", "0").replace("TaskId(1)", "1"));
            self.said.extend(effects);
            for Report { task, status } in self.out.reports.drain(..) {
                let err = status.err.map_or(String::new(), |err| format!(": {err}"));
                self.said.push(format!("{now} {} ({}) {}{err}", status.state, task.0, status.message.text()));
            }
            if !self.out.has_steps() {
                return;
            }
            self.agents.step(self.now, &mut self.out);
        }
    }

    /// All that was said since the last call.
    fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    /// What was reported of states from STARTING on, and what clients saw.
    fn said_since_start(&mut self) -> Vec<String> {
        let mut said = self.said();
        said.retain(|line| {
            !["accepted", "preparing", "ready"].iter().any(|state| line.contains(&format!(" {state} ")))
        });
        said
    }
}

#[test]
fn a_container_listens_when_it_has_booted_and_is_running_before() {
    let mut bench = Bench::new(ImageBehavior { boot: Dist::Constant(Span::from_secs(2)), ..image() });
    bench.assign(0, TaskState::Running);
    bench.run_to(60_000);
    let expected = ["500 starting (0) starting", "800 Activated(0)", "800 running (0) started", "2800 Listening(0)"];
    assert_eq!(bench.said_since_start(), expected, "rule 20: no readiness delay");
}

#[test]
fn rules_30_to_37_a_stop_disables_settles_signals_and_ends_as_shutdown() {
    let mut bench = Bench::new(image());
    bench.assign(0, TaskState::Running);
    bench.run_to(10_000);
    bench.said();
    bench.assign(0, TaskState::Shutdown);
    bench.run_to(60_000);
    let expected = [
        "11000 Disabled(0)",
        "13000 Draining(0)",
        "13100 ProcessEnded(0, Stopped)",
        "13100 SandboxRemoved(0)",
        "13100 shutdown (0) shutdown",
    ];
    assert_eq!(bench.said(), expected);
}

#[test]
fn rule_31_without_a_service_binding_there_is_nothing_to_disable() {
    let mut bench = Bench::new(image());
    bench.has_service_binding = false;
    bench.assign(0, TaskState::Running);
    bench.run_to(10_000);
    bench.said();
    bench.assign(0, TaskState::Shutdown);
    bench.run_to(60_000);
    assert_eq!(bench.said()[..2], ["11000 Draining(0)", "11100 ProcessEnded(0, Stopped)"]);
}

#[test]
fn rule_35_a_process_that_ignores_the_signal_goes_on_until_it_is_killed() {
    let mut bench = Bench::new(ImageBehavior { stop: Stop::Ignore, ..image() });
    bench.assign(0, TaskState::Running);
    bench.run_to(10_000);
    bench.said();
    bench.assign(0, TaskState::Shutdown);
    bench.run_to(60_000);
    assert_eq!(bench.said()[..2], ["11000 Disabled(0)", "23000 ProcessEnded(0, Killed)"]);
}

#[test]
fn rule_5_a_start_cannot_be_cancelled_but_the_wait_for_health_can() {
    let stop_while_starting = |check: Option<HealthCheck>| {
        let mut bench = Bench::new(image());
        bench.check = check;
        bench.assign(0, TaskState::Running);
        bench.run_to(700);
        bench.assign(0, TaskState::Shutdown);
        bench.run_to(60_000);
        bench.said_since_start()
    };
    let ended = |at: u64| {
        vec![
            format!("{at} ProcessEnded(0, Stopped)"),
            format!("{at} SandboxRemoved(0)"),
            format!("{at} shutdown (0) shutdown"),
        ]
    };
    let started = ["500 starting (0) starting", "800 Listening(0)"].map(str::to_owned);
    let running =
        ["800 Activated(0)", "800 running (0) started", "800 Disabled(0)", "2800 Draining(0)"].map(str::to_owned);
    assert_eq!(stop_while_starting(None), [&started[..], &running, &ended(2_900)].concat());
    let checked = [&started[..], &["3800 Draining(0)".to_owned()], &ended(3_900)].concat();
    assert_eq!(stop_while_starting(Some(check(2, 3))), checked);
}

#[test]
fn rule_21_a_check_holds_starting_until_it_succeeds() {
    let mut bench = Bench::new(ImageBehavior { boot: Dist::Constant(Span::from_secs(3)), ..image() });
    bench.check = Some(check(2, 3));
    bench.assign(0, TaskState::Running);
    bench.run_to(60_000);
    let expected = ["500 starting (0) starting", "3800 Listening(0)", "4800 Activated(0)", "4800 running (0) started"];
    assert_eq!(bench.said_since_start(), expected, "the first probe, at 2.8 s, is refused");
    assert!(bench.timers.is_empty(), "probes that change nothing cost nothing");
}

#[test]
fn rule_21_never_healthy_is_stopped_and_failed_with_the_exit_code() {
    let mut bench = Bench::new(ImageBehavior { boot: Dist::Constant(Span::from_secs(3_600)), ..image() });
    bench.check = Some(check(2, 3));
    bench.assign(0, TaskState::Running);
    bench.run_to(60_000);
    // Unhealthy at 0.8 + 3 * 2 s; then 2 s, though no load balancer knew of it.
    let expected = [
        "500 starting (0) starting",
        "8800 Draining(0)",
        "8900 ProcessEnded(0, Stopped)",
        "8900 SandboxRemoved(0)",
        "8900 failed (0) starting: task: non-zero exit (143): dockerexec: unhealthy container",
    ];
    assert_eq!(bench.said_since_start(), expected);
}

#[test]
fn rule_21_an_exit_with_0_while_starting_counts_as_started_and_then_as_complete() {
    let exit = |code| Outcome::Exit { after: Dist::Constant(Span::from_secs(1)), code };
    let ends = |image: ImageBehavior| {
        let mut bench = Bench::new(image);
        bench.check = Some(check(2, 3));
        bench.assign(0, TaskState::Running);
        bench.run_to(60_000);
        let mut said = bench.said_since_start();
        said.retain(|line| line.contains(" (0) ") && !line.contains("starting (0)"));
        said
    };
    assert_eq!(
        ends(ImageBehavior { outcome: exit(0), ..image() }),
        ["1830 running (0) started", "1830 complete (0) finished"]
    );
    let failed = ["1830 failed (0) starting: task: non-zero exit (1)"];
    assert_eq!(ends(ImageBehavior { outcome: exit(1), ..image() }), failed);
    let never = Dist::Constant(Span::from_secs(3_600));
    let stopped = ImageBehavior { boot: never, stop_code: 0, ..image() };
    assert_eq!(ends(stopped), ["8900 running (0) started", "8900 complete (0) finished"]);
}

#[test]
fn rules_25_and_26_a_container_that_breaks_leaves_the_load_balancer_and_is_stopped() {
    let run = |image| {
        let mut bench = Bench::new(image);
        bench.check = Some(check(2, 2));
        bench.assign(0, TaskState::Running);
        bench.run_to(10_000);
        bench.said();
        bench.agents.condition_changed(bench.now, TaskId(0), Condition::Broken, &mut bench.out);
        bench.settle();
        bench.run_to(60_000);
        bench.said()
    };
    // Probes at 10.8 and 12.8 s.
    let expected = [
        "12800 Disabled(0)",
        "14800 Draining(0)",
        "14900 ProcessEnded(0, Stopped)",
        "14900 SandboxRemoved(0)",
        "14900 failed (0) started: task: non-zero exit (143): dockerexec: unhealthy container",
    ];
    assert_eq!(run(image()), expected);
    assert_eq!(run(ImageBehavior { stop_code: 0, ..image() }).pop(), Some("14900 complete (0) finished".to_owned()));
    let killed = run(ImageBehavior { stop: Stop::Ignore, ..image() }).pop();
    let err = "24800 failed (0) started: task: non-zero exit (137): dockerexec: unhealthy container";
    assert_eq!(killed.as_deref(), Some(err));
}

#[test]
fn rule_54_nothing_reverts_the_stop_of_an_unhealthy_container() {
    let mut bench = Bench::new(image());
    bench.check = Some(check(2, 1));
    bench.assign(0, TaskState::Running);
    bench.run_to(10_000);
    for (millis, condition) in [(10_000, Condition::Broken), (11_000, Condition::Fine)] {
        bench.run_to(millis);
        bench.agents.condition_changed(bench.now, TaskId(0), condition, &mut bench.out);
        bench.settle();
    }
    bench.run_to(60_000);
    let err = "12900 failed (0) started: task: non-zero exit (143): dockerexec: unhealthy container";
    assert_eq!(bench.said().last().map(String::as_str), Some(err));
}

#[test]
fn rule_55_checks_end_with_the_process() {
    let mut bench = Bench::new(image());
    bench.check = Some(check(2, 3));
    bench.assign(0, TaskState::Running);
    bench.run_to(10_000);
    bench.agents.condition_changed(bench.now, TaskId(0), Condition::Broken, &mut bench.out);
    bench.agents.crash(bench.now, TaskId(0), &mut bench.out);
    bench.settle();
    bench.said();
    bench.run_to(60_000);
    assert_eq!(bench.said(), ["10030 SandboxRemoved(0)", "10030 failed (0) started: task: non-zero exit (137)"]);
}

#[test]
fn a_shutdown_while_an_unhealthy_container_is_stopped_waits_for_the_same_end() {
    let mut bench = Bench::new(ImageBehavior { stop: Stop::Ignore, ..image() });
    bench.check = Some(check(2, 1));
    bench.assign(0, TaskState::Running);
    bench.run_to(10_000);
    bench.agents.condition_changed(bench.now, TaskId(0), Condition::Broken, &mut bench.out);
    bench.settle();
    bench.run_to(11_500);
    bench.said();
    bench.assign(0, TaskState::Shutdown);
    bench.run_to(60_000);
    let expected = ["22800 ProcessEnded(0, Killed)", "22800 SandboxRemoved(0)", "22800 shutdown (0) shutdown"];
    assert_eq!(bench.said(), expected, "killed 10 s after the first stop signal, at 12.8 s");
}

#[test]
fn rule_12_tasks_of_a_node_wait_for_the_same_pull_and_later_ones_need_none() {
    let mut bench = Bench::new(ImageBehavior { pull: Dist::Constant(Span::from_secs(20)), ..image() });
    let ready = |bench: &mut Bench| {
        let mut said = bench.said();
        said.retain(|line| line.contains(" ready "));
        said
    };
    bench.assign(0, TaskState::Ready);
    bench.run_to(5_000);
    bench.assign(1, TaskState::Ready);
    bench.assign_on(NodeId(1), 2, TaskState::Ready);
    bench.run_to(30_000);
    let expected = ["20500 ready (0) prepared", "20500 ready (1) prepared", "25500 ready (2) prepared"];
    assert_eq!(ready(&mut bench), expected);
    bench.assign(3, TaskState::Ready);
    bench.run_to(40_000);
    assert_eq!(ready(&mut bench), ["30500 ready (3) prepared"]);
}

#[test]
fn rule_12_a_pull_is_given_up_when_nobody_waits_for_it_any_more() {
    let mut bench = Bench::new(ImageBehavior { pull: Dist::Constant(Span::from_secs(20)), ..image() });
    for task in [0, 1] {
        bench.assign(task, TaskState::Ready);
    }
    bench.run_to(5_000);
    bench.assign(0, TaskState::Shutdown);
    bench.run_to(9_000);
    bench.assign(2, TaskState::Ready);
    bench.run_to(10_000);
    for task in [1, 2] {
        bench.assign(task, TaskState::Shutdown);
    }
    bench.run_to(10_900);
    bench.assign(3, TaskState::Ready);
    bench.run_to(30_000);
    // The others give it up after their pause, at 11 s.
    assert_eq!(bench.said().pop(), Some("20500 ready (3) prepared".to_owned()));

    let mut bench = Bench::new(ImageBehavior { pull: Dist::Constant(Span::from_secs(20)), ..image() });
    bench.assign(0, TaskState::Ready);
    bench.run_to(5_000);
    bench.assign(0, TaskState::Shutdown);
    bench.run_to(9_000);
    bench.assign(1, TaskState::Ready);
    bench.run_to(30_000);
    assert_eq!(bench.said().pop(), Some("29500 ready (1) prepared".to_owned()));
}

#[test]
fn rule_13_a_pull_that_fails_is_rejected_unless_the_node_has_the_image() {
    let fails = TaskOverride { outcome: Some(Outcome::FailPull), ..TaskOverride::default() };
    let tasks = Arc::new([(0, fails.clone()), (2, fails)].into());
    let mut bench = Bench::new(ImageBehavior { pull: Dist::Constant(Span::from_secs(20)), tasks, ..image() });
    bench.assign(0, TaskState::Ready);
    bench.run_to(20_000);
    assert_eq!(bench.said().pop(), Some("20000 rejected (0) preparing: pulling image failed".to_owned()));
    bench.assign(1, TaskState::Ready);
    bench.run_to(50_000);
    assert_eq!(bench.said().pop(), Some("40500 ready (1) prepared".to_owned()), "a failed pull leaves nothing behind");
    bench.assign(2, TaskState::Ready);
    bench.run_to(60_000);
    assert_eq!(bench.said().pop(), Some("50500 ready (2) prepared".to_owned()));
}

#[test]
fn rule_39_a_task_that_was_deleted_is_stopped_without_a_pause_and_without_a_word() {
    let mut bench = Bench::new(image());
    bench.assign(0, TaskState::Running);
    bench.run_to(10_000);
    bench.said();
    bench.agents.remove(bench.now, TaskId(0), &mut bench.out);
    bench.settle();
    bench.run_to(60_000);
    bench.agents.report_all(&mut bench.out);
    bench.settle();
    let expected =
        ["10000 Disabled(0)", "12000 Draining(0)", "12100 ProcessEnded(0, Stopped)", "12100 SandboxRemoved(0)"];
    assert_eq!(bench.said(), expected);
}

#[test]
fn rule_46_a_daemon_that_starts_again_finds_how_its_containers_ended() {
    let reboot = |image: ImageBehavior, crash: bool| {
        let mut bench = Bench::new(image);
        bench.check = Some(check(2, 3));
        bench.assign(0, TaskState::Running);
        bench.assign_on(NodeId(1), 1, TaskState::Running);
        bench.run_to(1_000);
        bench.said();
        for node in [NodeId(0), NodeId(1)] {
            match crash {
                true => bench.agents.power_off(bench.now, node, &mut bench.out),
                false => bench.agents.shut_down(bench.now, node, &mut bench.out),
            }
        }
        bench.settle();
        bench.run_to(30_000);
        bench.agents.power_on(NodeId(0), &mut bench.out);
        bench.settle();
        let mut said = bench.said();
        said.retain(|line| line.starts_with("30000"));
        said
    };
    let started = "30000 running (0) started";
    assert_eq!(reboot(image(), true)[..], [started, "30000 failed (0) started: task: non-zero exit (255)"]);
    assert_eq!(reboot(image(), false)[..], [started, "30000 failed (0) started: task: non-zero exit (143)"]);
    let well = ImageBehavior { stop_code: 0, ..image() };
    assert_eq!(reboot(well, false)[..], [started, "30000 complete (0) finished"]);
}
