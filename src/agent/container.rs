//! One task on its node: from ACCEPTED to RUNNING, and down again.

use super::{Effect, Outbox, Timer};
use crate::kernel::{Dist, Span, Stream, Streams, Time};
use crate::model::image::{ImageBehavior, Outcome, Stop};
use crate::model::latencies::Latencies;
use crate::model::task::{Message, Status, TaskError, TaskState};
use crate::model::wire::Report;
use crate::model::{ImageId, NodeId, TaskId};

/// Exit code of a container that was lost with its node.
///
/// Source: moby: daemon/container/state.go; recorded on a real engine (control-plane N18).
const EXIT_CODE_OF_LOST: u8 = 255;

/// What an agent is told of a task when it gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskSetup {
    /// Node of the agent.
    pub node: NodeId,
    /// Image of the container.
    pub image: ImageId,
    /// How many tasks of the image were created before this one: chance is drawn by it.
    pub ordinal: u32,
    /// Time between the stop signal and SIGKILL, in whole seconds.
    pub grace_period: Span,
    /// Whether the task is attached to a network other than the node's own bridge (data-plane rule 31).
    pub has_service_binding: bool,
}

/// A task and its container.
#[derive(Clone, Debug)]
pub(super) struct Container {
    task: TaskId,
    node: NodeId,
    prepare: Span,
    start: Span,
    /// Process up to its listening.
    boot: Span,
    /// Stop signal to the end of the process.
    stop: Span,
    /// Whether the process does nothing at the stop signal, and is killed when the grace period is over.
    ignores_stop: bool,
    fate: Fate,
    has_service_binding: bool,
    desired: TaskState,
    /// What was reported last.
    status: Status,
    step: Step,
    /// Grows with every step, so that the timer of a cancelled one is known.
    epoch: u32,
    /// Whether there is a process.
    has_process: bool,
    /// Whether the load balancers have been told of it and of no end.
    active: bool,
}

/// What becomes of the container by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Run,
    FailPrepare,
    FailStart,
    Exit { after: Span, code: u8 },
}

/// What is under way. At most one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing: the next step takes no time, or waits for another assignment.
    None,
    Prepare {
        until: Time,
    },
    Start,
    /// Waits for the process to end.
    Wait,
    /// A cancelled step is to be tried again; `prepared` is when a preparation will be done, which goes on meanwhile.
    Pause {
        prepared: Time,
    },
    /// Out of rotation; the stop signal comes when the load balancers have settled.
    Settle,
    /// The stop signal was sent.
    Stop,
    /// The node has no power, or its daemon is shut down and the process is stopping. What comes next is decided when it has power again.
    Off,
}

impl Container {
    pub(super) fn new(
        task: TaskId,
        desired: TaskState,
        setup: TaskSetup,
        image: &ImageBehavior,
        streams: &Streams,
    ) -> Container {
        let key = (setup.image.0, setup.ordinal);
        let draw = |stream, dist: &Dist| match dist {
            Dist::Constant(span) => *span,
            dist => dist.sample(streams.keyed(stream, key.0, key.1)),
        };
        let special = image.tasks.get(&setup.ordinal);
        let is_struck =
            || image.fail_share >= 1.0 || share(streams.keyed(Stream::Fate, key.0, key.1)) < image.fail_share;
        let outcome = match special.and_then(|special| special.outcome.as_ref()) {
            _ if image.fails_on.contains(&setup.node) => &Outcome::FailStart,
            Some(outcome) => outcome,
            None if image.outcome == Outcome::Run || !is_struck() => &Outcome::Run,
            None => &image.outcome,
        };
        let fate = match outcome {
            Outcome::Run => Fate::Run,
            Outcome::FailPrepare => Fate::FailPrepare,
            Outcome::FailStart => Fate::FailStart,
            Outcome::Exit { after, code } => Fate::Exit { after: draw(Stream::Exit, after), code: *code },
        };
        let own = |span: Option<Span>, stream, dist| span.unwrap_or_else(|| draw(stream, dist));
        let special = special.cloned().unwrap_or_default();
        let stop = match (special.stop, &image.stop) {
            (Some(span), _) => Some(span),
            (None, Stop::After(dist)) => Some(draw(Stream::Stop, dist)),
            (None, Stop::Ignore) => None,
        };
        let ends_in_time = stop.filter(|stop| *stop <= setup.grace_period);
        Container {
            task,
            node: setup.node,
            prepare: own(special.prepare, Stream::Prepare, &image.prepare),
            start: own(special.start, Stream::Start, &image.start),
            boot: own(special.boot, Stream::Boot, &image.boot),
            stop: ends_in_time.unwrap_or(setup.grace_period),
            ignores_stop: stop.is_none(),
            fate,
            has_service_binding: setup.has_service_binding,
            desired,
            status: Status { state: TaskState::Assigned, message: Message::SchedulerAssigned, err: None },
            step: Step::None,
            epoch: 0,
            has_process: false,
            active: false,
        }
    }

    /// The node that the container is on.
    pub(super) fn node(&self) -> NodeId {
        self.node
    }

    /// What was reported last, to be reported once more.
    pub(super) fn report_again(&self) -> Report {
        Report { task: self.task, status: self.status }
    }

    /// The node loses its power: whatever was under way is no more.
    pub(super) fn lose_power(&mut self, out: &mut Outbox) {
        if std::mem::replace(&mut self.has_process, false) {
            out.effects.push(Effect::PowerLost(self.task));
        }
        self.active = false;
        self.epoch += 1;
        self.step = Step::Off;
    }

    /// The daemon is shut down: no load balancer sends anything any more, and the process gets its stop signal at once.
    pub(super) fn stop_with_daemon(&mut self, now: Time, out: &mut Outbox) {
        self.disable(out);
        self.drain(out);
        self.begin(Step::Off, now.saturating_add(self.stop), out);
    }

    /// An assignment says what is desired now. That never goes back; a change cancels the step under way.
    ///
    /// Source: agent/task.go `run` (control-plane W6 to W8).
    pub(super) fn desire(&mut self, now: Time, desired: TaskState, latencies: &Latencies, out: &mut Outbox) {
        if desired <= self.desired {
            return;
        }
        self.desired = desired;
        let prepared = match self.step {
            Step::None => return out.steps.push(self.task),
            // A further change ends the pause.
            Step::Pause { prepared } => return self.resume(now, prepared, latencies, out),
            // A stop under way is not affected (data-plane rules 32 and 35).
            Step::Settle | Step::Stop | Step::Off => return,
            Step::Prepare { until } => until,
            Step::Start | Step::Wait => now,
        };
        if !latencies.agent_retry.is_zero() {
            self.begin(Step::Pause { prepared }, now + latencies.agent_retry, out);
        } else if desired >= TaskState::Shutdown {
            self.step = Step::None;
            out.steps.push(self.task);
        }
    }

    /// Makes one step that takes no time, or begins one that does.
    ///
    /// Source: agent/exec/controller.go `Do` (control-plane W1).
    pub(super) fn advance(&mut self, now: Time, latencies: &Latencies, out: &mut Outbox) {
        let has_rebooted = self.step == Step::Off;
        if has_rebooted {
            self.end_process(out);
            self.step = Step::None;
        }
        if self.step != Step::None || self.status.state.is_terminal() {
            return;
        }
        if self.desired >= TaskState::Shutdown {
            return self.begin_shutdown(now, latencies, out);
        }
        match self.status.state {
            TaskState::Preparing if has_rebooted => self.begin_prepare(now, out),
            TaskState::Starting | TaskState::Running if has_rebooted => {
                self.report(TaskState::Failed, self.status.message, Some(TaskError::Exit(EXIT_CODE_OF_LOST)), out);
            }
            TaskState::Assigned => {
                self.report(TaskState::Accepted, Message::Accepted, None, out);
                out.steps.push(self.task);
            }
            TaskState::Accepted => {
                self.report(TaskState::Preparing, Message::Preparing, None, out);
                self.begin_prepare(now, out);
            }
            TaskState::Ready if self.desired > TaskState::Ready => {
                self.report(TaskState::Starting, Message::Starting, None, out);
                self.has_process = true;
                self.begin(Step::Start, now.saturating_add(self.start), out);
            }
            _ => {}
        }
    }

    /// The timer of a step is due.
    pub(super) fn end_step(&mut self, now: Time, epoch: u32, latencies: &Latencies, out: &mut Outbox) {
        if epoch != self.epoch {
            return;
        }
        match self.step {
            Step::Prepare { .. } => self.end_prepare(out),
            Step::Start => self.end_start(now, out),
            Step::Pause { prepared } => self.resume(now, prepared, latencies, out),
            Step::Settle => self.send_stop_signal(now, out),
            Step::Stop => self.end_shutdown(out),
            Step::Off => self.end_process(out),
            Step::None | Step::Wait => {}
        }
    }

    /// Whether a timer of this container still means something.
    pub(super) fn awaits(&self, timer: Timer) -> bool {
        match timer {
            Timer::Step { epoch, .. } => epoch == self.epoch,
            Timer::Boot { .. } => self.has_process,
            Timer::Exit { .. } => self.has_process && self.step != Step::Stop,
        }
    }

    /// The process has booted, if it was not stopped before.
    pub(super) fn listen(&mut self, out: &mut Outbox) {
        if self.has_process && self.step != Step::Stop {
            out.effects.push(Effect::Listening(self.task));
        }
    }

    /// The process ends as its image says.
    pub(super) fn end_by_itself(&mut self, out: &mut Outbox) {
        if let Fate::Exit { code, .. } = self.fate {
            self.exit(code, out);
        }
    }

    /// The process ends by itself. Once it has got the stop signal, its end is that of `stop`. While a stop is prepared the task
    /// ends as SHUTDOWN all the same.
    ///
    /// Source: controller.go `Wait` (data-plane rules 24, 38).
    pub(super) fn exit(&mut self, code: u8, out: &mut Outbox) {
        if !self.has_process || self.step == Step::Stop {
            return;
        }
        self.end_process(out);
        if self.step != Step::Wait {
            return;
        }
        self.step = Step::None;
        if code == 0 {
            self.report(TaskState::Complete, Message::Finished, None, out);
        } else {
            self.report(TaskState::Failed, Message::Started, Some(TaskError::Exit(code)), out);
        }
    }

    fn begin_prepare(&mut self, now: Time, out: &mut Outbox) {
        let until = now.saturating_add(self.prepare);
        self.begin(Step::Prepare { until }, until, out);
    }

    fn end_prepare(&mut self, out: &mut Outbox) {
        self.step = Step::None;
        if self.fate == Fate::FailPrepare {
            return self.report(TaskState::Rejected, Message::Preparing, Some(TaskError::PrepareFailed), out);
        }
        self.report(TaskState::Ready, Message::Prepared, None, out);
        out.steps.push(self.task);
    }

    fn end_start(&mut self, now: Time, out: &mut Outbox) {
        self.step = Step::None;
        if self.fate == Fate::FailStart {
            self.end_process(out);
            return self.report(TaskState::Failed, Message::Starting, Some(TaskError::StartFailed), out);
        }
        match self.boot.is_zero() {
            true => self.listen(out),
            false => out.timers.push((now.saturating_add(self.boot), Timer::Boot { task: self.task })),
        }
        self.active = true;
        out.effects.push(Effect::Activated(self.task));
        self.report(TaskState::Running, Message::Started, None, out);
        self.step = Step::Wait;
        if let Fate::Exit { after, .. } = self.fate {
            out.timers.push((now.saturating_add(after), Timer::Exit { task: self.task }));
        }
    }

    /// A cancelled step is tried again. A preparation has gone on meanwhile (control-plane W7).
    fn resume(&mut self, now: Time, prepared: Time, latencies: &Latencies, out: &mut Outbox) {
        self.step = Step::None;
        if self.desired >= TaskState::Shutdown {
            self.begin_shutdown(now, latencies, out);
        } else if prepared > now {
            self.begin(Step::Prepare { until: prepared }, prepared, out);
        } else {
            self.end_prepare(out);
        }
    }

    /// Leaves rotation and lets the load balancers settle, also when there is nothing to stop.
    ///
    /// Source: controller.go `Shutdown` (control-plane W13, data-plane rules 30 to 32).
    fn begin_shutdown(&mut self, now: Time, latencies: &Latencies, out: &mut Outbox) {
        if self.has_service_binding {
            self.disable(out);
            if !latencies.load_balancer_settle.is_zero() {
                return self.begin(Step::Settle, now + latencies.load_balancer_settle, out);
            }
        }
        self.send_stop_signal(now, out);
    }

    fn send_stop_signal(&mut self, now: Time, out: &mut Outbox) {
        if self.has_process {
            self.drain(out);
            self.begin(Step::Stop, now.saturating_add(self.stop), out);
        } else {
            self.end_shutdown(out);
        }
    }

    fn end_shutdown(&mut self, out: &mut Outbox) {
        self.step = Step::None;
        self.end_process(out);
        self.report(TaskState::Shutdown, Message::Shutdown, None, out);
    }

    fn end_process(&mut self, out: &mut Outbox) {
        if std::mem::replace(&mut self.has_process, false) {
            self.active = false;
            out.effects.extend([Effect::ProcessEnded(self.task), Effect::SandboxRemoved(self.task)]);
        }
    }

    fn drain(&self, out: &mut Outbox) {
        if self.has_process && !self.ignores_stop {
            out.effects.push(Effect::Draining(self.task));
        }
    }

    fn disable(&mut self, out: &mut Outbox) {
        if std::mem::replace(&mut self.active, false) {
            out.effects.push(Effect::Disabled(self.task));
        }
    }

    fn begin(&mut self, step: Step, until: Time, out: &mut Outbox) {
        self.step = step;
        self.epoch += 1;
        out.timers.push((until, Timer::Step { task: self.task, epoch: self.epoch }));
    }

    fn report(&mut self, state: TaskState, message: Message, err: Option<TaskError>, out: &mut Outbox) {
        self.status = Status { state, message, err };
        out.reports.push(self.report_again());
    }
}

/// The uniform number as a share from 0 up to, not including, 1.
fn share(u: u64) -> f64 {
    (u >> 11) as f64 / (1u64 << 53) as f64
}
