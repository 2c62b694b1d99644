//! One task on its node: from ACCEPTED to RUNNING, and down again.
//!
//! Two things go on side by side: the steps of the agent's task manager, of which an assignment cancels the one under way, and
//! the process, whose timers no assignment touches.

use super::health::{Health, Monitor};
use super::life::{Fate, Life, TaskSetup};
use super::pull::Pulls;
use super::{Effect, Ending, Outbox, ProcessEvent, Timer};
use crate::kernel::Time;
use crate::model::image::{Condition, KILLED_CODE};
use crate::model::latencies::Latencies;
use crate::model::task::{Message, Status, TaskError, TaskState};
use crate::model::wire::Report;
use crate::model::{ImageId, NodeId, TaskId};

/// Exit code of a container that was lost with its node.
///
/// Source: moby: daemon/container/state.go; recorded on a real engine (control-plane N18).
const EXIT_CODE_OF_LOST: u8 = 255;

/// Exit code of a container whose process could not be started.
///
/// Source: moby: daemon/errors.go `setExitCodeFromError` (data-plane rule 18).
const EXIT_CODE_OF_UNSTARTED: u8 = 128;

/// What a container may touch when it acts.
pub(super) struct Cx<'a> {
    pub(super) now: Time,
    pub(super) latencies: &'a Latencies,
    pub(super) pulls: &'a mut Pulls,
    pub(super) out: &'a mut Outbox,
}

/// A task and its container.
#[derive(Clone, Debug)]
pub(super) struct Container {
    task: TaskId,
    node: NodeId,
    image: ImageId,
    life: Life,
    has_service_binding: bool,
    desired: TaskState,
    /// What was reported last.
    status: Status,
    step: Step,
    /// Grows with every step that has a timer, so that the timer of a cancelled one is known.
    epoch: u32,
    process: Process,
    /// Whether the load balancers have been told of it and of no end.
    is_active: bool,
    /// Probes go on while somebody listens to what they say.
    monitor: Option<Monitor>,
    /// Grows whenever the probe that changes the status is another one.
    probe_epoch: u32,
    /// Whether it was stopped because it was unhealthy.
    is_unhealthy: bool,
    /// Whether the node's image is being pulled for it.
    is_pulling: bool,
    /// Whether the managers have deleted the task: nothing is reported any more.
    is_removed: bool,
}

/// What the task manager is doing. At most one thing is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing: the next step takes no time, or waits for another assignment.
    None,
    Prepare {
        until: Time,
    },
    Start,
    /// Waits for the first success of the health check.
    Gate,
    /// Waits for the process to end.
    Wait,
    /// A cancelled step is to be tried again; `prepared` is when a preparation will be done, which goes on meanwhile.
    Pause {
        prepared: Time,
    },
    /// Out of rotation; the stop signal comes when the load balancers have settled.
    Settle,
    /// The stop signal was sent; waits for the process to end.
    Stop,
    /// The node has no power, or its daemon is shut down. What comes next is decided when it has power again.
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Process {
    None,
    /// It is up, or about to be.
    Up,
    /// It has got the stop signal.
    Stopping,
    /// It has ended with this code; nobody has noticed.
    Ended(u8),
    /// It has ended with this code, and its sandbox is removed.
    Gone(u8),
}

impl Container {
    pub(super) fn new(task: TaskId, desired: TaskState, setup: &TaskSetup<'_>, life: Life) -> Container {
        Container {
            task,
            node: setup.node,
            image: setup.image,
            life,
            has_service_binding: setup.has_service_binding,
            desired,
            status: Status { state: TaskState::Assigned, message: Message::SchedulerAssigned, err: None },
            step: Step::None,
            epoch: 0,
            process: Process::None,
            is_active: false,
            monitor: None,
            probe_epoch: 0,
            is_unhealthy: false,
            is_pulling: false,
            is_removed: false,
        }
    }

    /// The node that the container is on.
    pub(super) fn node(&self) -> NodeId {
        self.node
    }

    /// Says once more what was reported last.
    pub(super) fn report_again(&self, out: &mut Outbox) {
        if !self.is_removed {
            out.reports.push(Report { task: self.task, status: self.status });
        }
    }

    /// The node loses its power: whatever was under way is no more.
    pub(super) fn lose_power(&mut self, out: &mut Outbox) {
        if matches!(self.process, Process::Up | Process::Stopping | Process::Ended(_)) {
            self.process = Process::Gone(EXIT_CODE_OF_LOST);
            out.effects.push(Effect::PowerLost(self.task));
        }
        self.is_active = false;
        self.halt();
    }

    /// The daemon is shut down: no load balancer sends anything any more, and the process gets its stop signal at once.
    pub(super) fn stop_with_daemon(&mut self, cx: &mut Cx<'_>) {
        self.disable(cx.out);
        self.halt();
        self.signal(cx);
    }

    fn halt(&mut self) {
        self.epoch += 1;
        self.step = Step::Off;
        self.monitor = None;
        self.is_pulling = false;
    }

    /// The task was deleted: its container is to go, without the pause after a cancelled step. Whether there is nothing to stop.
    ///
    /// Source: agent/worker.go `reconcileTaskState`, controller.go `Remove` (data-plane rule 39).
    pub(super) fn remove(&mut self, cx: &mut Cx<'_>) -> bool {
        self.is_removed = true;
        if matches!(self.process, Process::None | Process::Gone(_)) {
            self.cancel_pull(cx);
            return true;
        }
        if !matches!(self.step, Step::Settle | Step::Stop | Step::Off) {
            self.begin_shutdown(cx);
        }
        false
    }

    /// An assignment says what is desired now. That never goes back; a change cancels the step under way.
    ///
    /// Source: agent/task.go `run` (control-plane W6 to W8).
    pub(super) fn desire(&mut self, desired: TaskState, cx: &mut Cx<'_>) {
        if desired <= self.desired {
            return;
        }
        self.desired = desired;
        let prepared = match self.step {
            Step::None => return cx.out.steps.push(self.task),
            // A further change ends the pause.
            Step::Pause { prepared } => return self.resume(prepared, cx),
            // A stop under way is not affected (data-plane rules 32 and 35).
            Step::Settle | Step::Stop | Step::Off => return,
            // Nor is the start of a process (recorded on a real engine: it is RUNNING, and then stopped without a pause).
            Step::Start if !cx.latencies.agent_retry.is_zero() => return,
            Step::Prepare { until } => until,
            Step::Start | Step::Gate | Step::Wait => cx.now,
        };
        if !cx.latencies.agent_retry.is_zero() {
            self.monitor = None;
            self.pause(prepared, cx);
        } else if desired >= TaskState::Shutdown {
            self.monitor = None;
            self.step = Step::None;
            cx.out.steps.push(self.task);
        }
    }

    /// The step was cancelled, and is tried again after the agent's pause.
    fn pause(&mut self, prepared: Time, cx: &mut Cx<'_>) {
        self.begin(Step::Pause { prepared }, cx.now + cx.latencies.agent_retry, cx.out);
    }

    /// Makes one step that takes no time, or begins one that does.
    ///
    /// Source: agent/exec/controller.go `Do` (control-plane W1).
    pub(super) fn advance(&mut self, cx: &mut Cx<'_>) {
        let has_rebooted = self.step == Step::Off;
        if has_rebooted {
            self.step = Step::None;
            if matches!(self.process, Process::Up | Process::Stopping) {
                self.end_process(KILLED_CODE, Ending::Killed, cx.out);
            }
        }
        if self.step != Step::None || self.status.state.is_terminal() {
            return;
        }
        if self.desired >= TaskState::Shutdown {
            return self.begin_shutdown(cx);
        }
        match self.status.state {
            TaskState::Assigned => {
                self.report(TaskState::Accepted, Message::Accepted, None, cx.out);
                cx.out.steps.push(self.task);
            }
            TaskState::Accepted => {
                self.report(TaskState::Preparing, Message::Preparing, None, cx.out);
                self.begin_prepare(cx);
            }
            TaskState::Preparing if has_rebooted => self.begin_prepare(cx),
            TaskState::Ready if self.desired > TaskState::Ready => {
                self.report(TaskState::Starting, Message::Starting, None, cx.out);
                self.process = Process::Up;
                self.begin(Step::Start, cx.now.saturating_add(self.life.start), cx.out);
            }
            // The container is not one that was just created, so it counts as started (data-plane rules 16, 46).
            TaskState::Starting if has_rebooted => self.end_gate(cx.out),
            TaskState::Running => self.end_wait(cx.out),
            _ => {}
        }
    }

    /// The timer of a step is due.
    pub(super) fn end_step(&mut self, epoch: u32, cx: &mut Cx<'_>) {
        if epoch != self.epoch {
            return;
        }
        match self.step {
            Step::Prepare { .. } => self.end_prepare(cx.out),
            Step::Start => self.end_start(cx),
            Step::Pause { prepared } => self.resume(prepared, cx),
            Step::Settle => self.send_stop_signal(cx),
            Step::None | Step::Gate | Step::Wait | Step::Stop | Step::Off => {}
        }
    }

    /// Whether a timer of this container still means something.
    pub(super) fn awaits(&self, timer: Timer) -> bool {
        match timer {
            Timer::Step { epoch, .. } => epoch == self.epoch,
            Timer::Probe { epoch, .. } => epoch == self.probe_epoch && self.monitor.is_some(),
            Timer::Process { event: ProcessEvent::End, .. } => self.process == Process::Stopping,
            Timer::Process { event: ProcessEvent::Removal, .. } => matches!(self.process, Process::Ended(_)),
            Timer::Process { .. } => self.process == Process::Up,
        }
    }

    /// A timer of the process is due.
    pub(super) fn process_event(&mut self, event: ProcessEvent, cx: &mut Cx<'_>) {
        match (event, self.process) {
            (ProcessEvent::Boot, Process::Up) => cx.out.effects.push(Effect::Listening(self.task)),
            (ProcessEvent::Exit, _) => {
                if let Fate::Exit { code, .. } = self.life.fate {
                    self.exit(code, cx);
                }
            }
            (ProcessEvent::Signal, Process::Up) => self.signal(cx),
            (ProcessEvent::End, Process::Stopping) => {
                self.end_process(self.life.stop_code, self.life.ending, cx.out);
                self.notice_end(cx.out);
            }
            (ProcessEvent::Removal, Process::Ended(code)) => {
                self.remove_sandbox(code, cx.out);
                self.notice_end(cx.out);
            }
            _ => {}
        }
    }

    /// The process ends by itself. Once it has got the stop signal, its end is that of `stop`.
    pub(super) fn exit(&mut self, code: u8, cx: &mut Cx<'_>) {
        if self.process != Process::Up {
            return;
        }
        self.monitor = None;
        self.process = Process::Ended(code);
        cx.out.effects.push(Effect::ProcessEnded(self.task, Ending::Itself));
        let removed = cx.now + cx.latencies.sandbox_teardown;
        match removed == cx.now {
            true => self.process_event(ProcessEvent::Removal, cx),
            false => self.at(removed, ProcessEvent::Removal, cx.out),
        }
    }

    /// The condition of the container changes.
    pub(super) fn change_condition(&mut self, condition: Condition, cx: &mut Cx<'_>) {
        if let Some(monitor) = &mut self.monitor {
            monitor.change_condition(cx.now, condition);
            self.await_probe(cx.out);
        }
    }

    /// The probe that changes the health ends.
    ///
    /// Source: controller.go `Start`, `Wait`, `checkHealth` (data-plane rules 21, 25, 26).
    pub(super) fn end_probe(&mut self, epoch: u32, cx: &mut Cx<'_>) {
        let Some(monitor) = self.monitor.as_mut().filter(|_| epoch == self.probe_epoch) else { return };
        if monitor.change() == Health::Unhealthy {
            self.monitor = None;
            self.is_unhealthy = true;
            return self.stop_unhealthy(cx);
        }
        self.await_probe(cx.out);
        if self.step == Step::Gate {
            self.run(cx.out);
        }
    }

    /// Stops the container beside the step under way, which waits for its end.
    fn stop_unhealthy(&mut self, cx: &mut Cx<'_>) {
        if self.has_service_binding {
            self.disable(cx.out);
            let settled = cx.now + cx.latencies.load_balancer_settle;
            if settled > cx.now {
                return self.at(settled, ProcessEvent::Signal, cx.out);
            }
        }
        self.signal(cx);
    }

    fn begin_prepare(&mut self, cx: &mut Cx<'_>) {
        let Cx { now, pulls, .. } = cx;
        let until = match self.life.fate {
            Fate::FailPull if !pulls.is_local(*now, self.node, self.image) => {
                pulls.attempt(*now, self.node, self.image)
            }
            _ => {
                self.is_pulling = true;
                pulls.want(*now, self.node, self.image).saturating_add(self.life.prepare)
            }
        };
        self.begin(Step::Prepare { until }, until, cx.out);
    }

    fn end_prepare(&mut self, out: &mut Outbox) {
        self.step = Step::None;
        let has_image = std::mem::replace(&mut self.is_pulling, false);
        let err = match self.life.fate {
            Fate::FailPull if !has_image => TaskError::PullFailed,
            Fate::FailPrepare => TaskError::PrepareFailed,
            _ => {
                self.report(TaskState::Ready, Message::Prepared, None, out);
                return out.steps.push(self.task);
            }
        };
        self.report(TaskState::Rejected, Message::Preparing, Some(err), out);
    }

    fn cancel_pull(&mut self, cx: &mut Cx<'_>) {
        if std::mem::replace(&mut self.is_pulling, false) {
            cx.pulls.cancel(cx.now, self.node, self.image);
        }
    }

    /// The process is up, or could not be started.
    fn end_start(&mut self, cx: &mut Cx<'_>) {
        self.step = Step::None;
        if self.life.fate == Fate::FailStart {
            self.end_process(EXIT_CODE_OF_UNSTARTED, Ending::Itself, cx.out);
            return self.report(TaskState::Failed, Message::Starting, Some(TaskError::StartFailed), cx.out);
        }
        let listening = cx.now.saturating_add(self.life.boot);
        match self.life.boot.is_zero() {
            true => cx.out.effects.push(Effect::Listening(self.task)),
            false => self.at(listening, ProcessEvent::Boot, cx.out),
        }
        if let Fate::Exit { after, .. } = self.life.fate {
            self.at(cx.now.saturating_add(after), ProcessEvent::Exit, cx.out);
        }
        let is_unwanted = self.desired >= TaskState::Shutdown;
        match self.life.check {
            None => {
                self.run(cx.out);
                if is_unwanted {
                    self.step = Step::None;
                    cx.out.steps.push(self.task);
                }
            }
            // The wait for the first success ends as soon as it begins.
            Some(_) if is_unwanted => self.pause(cx.now, cx),
            Some(check) => {
                self.step = Step::Gate;
                self.monitor = Some(Monitor::new(check, cx.now, listening, self.life.probe));
                self.await_probe(cx.out);
            }
        }
    }

    /// Enters rotation and is RUNNING (data-plane rules 20, 21).
    fn run(&mut self, out: &mut Outbox) {
        self.is_active = true;
        out.effects.push(Effect::Activated(self.task));
        self.report(TaskState::Running, Message::Started, None, out);
        self.step = Step::Wait;
    }

    /// A cancelled step is tried again. A preparation has gone on meanwhile (control-plane W7).
    fn resume(&mut self, prepared: Time, cx: &mut Cx<'_>) {
        self.step = Step::None;
        if self.desired >= TaskState::Shutdown {
            self.begin_shutdown(cx);
        } else if prepared > cx.now {
            self.begin(Step::Prepare { until: prepared }, prepared, cx.out);
        } else {
            self.end_prepare(cx.out);
        }
    }

    /// Leaves rotation and lets the load balancers settle, also when there is nothing to stop.
    ///
    /// Source: controller.go `Shutdown` (control-plane W13, data-plane rules 30 to 32).
    fn begin_shutdown(&mut self, cx: &mut Cx<'_>) {
        self.monitor = None;
        self.cancel_pull(cx);
        if self.has_service_binding {
            self.disable(cx.out);
            if !cx.latencies.load_balancer_settle.is_zero() {
                return self.begin(Step::Settle, cx.now + cx.latencies.load_balancer_settle, cx.out);
            }
        }
        self.send_stop_signal(cx);
    }

    fn send_stop_signal(&mut self, cx: &mut Cx<'_>) {
        self.signal(cx);
        self.step = Step::Stop;
        if matches!(self.process, Process::None | Process::Gone(_)) {
            self.end_shutdown(cx.out);
        }
    }

    fn end_shutdown(&mut self, out: &mut Outbox) {
        self.step = Step::None;
        self.report(TaskState::Shutdown, Message::Shutdown, None, out);
    }

    /// The agent notices that the process has ended. While a stop is prepared the task ends as SHUTDOWN all the same.
    ///
    /// Source: controller.go `Start`, `Wait` (data-plane rules 21, 24, 38).
    fn notice_end(&mut self, out: &mut Outbox) {
        match self.step {
            Step::Gate => self.end_gate(out),
            Step::Wait => self.end_wait(out),
            Step::Stop => self.end_shutdown(out),
            _ => {}
        }
    }

    /// The process ended before it was healthy, or the daemon started again meanwhile. One that ended well counts as started.
    fn end_gate(&mut self, out: &mut Outbox) {
        if self.step == Step::Gate && self.process != Process::Gone(0) {
            return self.end_wait(out);
        }
        self.step = Step::None;
        self.report(TaskState::Running, Message::Started, None, out);
        out.steps.push(self.task);
    }

    /// The exit code decides what the task has come to.
    fn end_wait(&mut self, out: &mut Outbox) {
        let Process::Gone(code) = self.process else { return };
        self.step = Step::None;
        match code {
            0 => self.report(TaskState::Complete, Message::Finished, None, out),
            _ => {
                let err = if self.is_unhealthy { TaskError::Unhealthy(code) } else { TaskError::Exit(code) };
                self.report(TaskState::Failed, self.status.message, Some(err), out);
            }
        }
    }

    /// Sends the process its stop signal, if it has not got it yet.
    fn signal(&mut self, cx: &mut Cx<'_>) {
        if self.process != Process::Up {
            return;
        }
        self.process = Process::Stopping;
        self.monitor = None;
        if !self.life.ignores_stop {
            cx.out.effects.push(Effect::Draining(self.task));
        }
        self.at(cx.now.saturating_add(self.life.stop), ProcessEvent::End, cx.out);
    }

    /// The process ends, and its sandbox with it.
    fn end_process(&mut self, code: u8, ending: Ending, out: &mut Outbox) {
        out.effects.push(Effect::ProcessEnded(self.task, ending));
        self.remove_sandbox(code, out);
    }

    fn remove_sandbox(&mut self, code: u8, out: &mut Outbox) {
        self.process = Process::Gone(code);
        self.is_active = false;
        out.effects.push(Effect::SandboxRemoved(self.task));
    }

    fn disable(&mut self, out: &mut Outbox) {
        if std::mem::replace(&mut self.is_active, false) {
            out.effects.push(Effect::Disabled(self.task));
        }
    }

    fn begin(&mut self, step: Step, until: Time, out: &mut Outbox) {
        self.step = step;
        self.epoch += 1;
        out.timers.push((until, Timer::Step { task: self.task, epoch: self.epoch }));
    }

    fn at(&self, time: Time, event: ProcessEvent, out: &mut Outbox) {
        out.timers.push((time, Timer::Process { task: self.task, event }));
    }

    /// Sets the timer of the next probe that changes the health, if there is one.
    fn await_probe(&mut self, out: &mut Outbox) {
        self.probe_epoch += 1;
        if let Some(end) = self.monitor.and_then(|monitor| monitor.next_change()) {
            out.timers.push((end, Timer::Probe { task: self.task, epoch: self.probe_epoch }));
        }
    }

    fn report(&mut self, state: TaskState, message: Message, err: Option<TaskError>, out: &mut Outbox) {
        self.status = Status { state, message, err };
        self.report_again(out);
    }
}
