//! The operator's story of a run, in Docker's words and in short lines: commands, update status, tasks that fail, replicas that
//! come and go.

mod tell;

use std::collections::BTreeMap;

use crate::kernel::{IdVec, Span, Time};
use crate::model::node::{Leadership, NodeState, Reachability, Role};
use crate::model::request::Request;
use crate::model::task::{TaskError, TaskState};
use crate::model::update::{CommandError, UpdateStatus};
use crate::model::{ImageId, NodeId, ServiceId, TaskId};
use crate::observe::{Observer, Record, SpecCause, TaskRecord};
use crate::sim::Plan;
use crate::sim::plan::Node;

/// Tasks that reach RUNNING no further apart than this are told as one wave.
const WAVE_GAP: Span = Span::from_secs(1);

/// Collects what an operator would tell of the run.
#[derive(Clone, Debug)]
pub struct Story<'a> {
    plan: &'a Plan,
    events: Vec<(Time, Event)>,
    tasks: IdVec<TaskId, Seen>,
    services: IdVec<ServiceId, Watch>,
    /// What is known of the agents of nodes.
    nodes: IdVec<NodeId, Option<NodeState>>,
    /// How many nodes are unknown.
    unknown: u32,
    managers: IdVec<NodeId, Option<Reachability>>,
    /// Services to be looked at when the instant is over.
    changed: Vec<ServiceId>,
}

/// One line of the story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoryLine {
    /// When it happened; of a wave or of a count: when the last of it happened.
    pub at: Time,
    /// What happened.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Command(u32),
    Refused(CommandError),
    /// A command that has waited is carried out.
    Resumed(u32),
    Node(NodeId, NodeState),
    /// A new leader has not heard of so many nodes.
    Unknown(u32),
    /// It has heard of all of them, or given them up.
    Known,
    Leadership(Leadership),
    Manager(NodeId, ManagerEvent),
    Service(ServiceId, ServiceEvent),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum ManagerEvent {
    Joined,
    Left,
    Reachable,
    Unreachable,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum ServiceEvent {
    Created {
        desired: u32,
        image: ImageId,
    },
    Removed,
    Status(UpdateStatus),
    /// Tasks reached RUNNING.
    Running {
        image: ImageId,
        tasks: u32,
    },
    /// A task ended that was not asked to, or ended badly.
    Ended(TaskRecord),
    /// No node takes the task.
    Unplaced(TaskRecord),
    Down {
        desired: u32,
    },
    Up {
        desired: u32,
        in_rotation: u32,
        after: Span,
    },
    /// All desired replicas are in rotation, and nothing but one version.
    Whole {
        desired: u32,
        image: ImageId,
    },
}

/// What is remembered of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    state: TaskState,
    err: Option<TaskError>,
}

/// What is remembered of a service.
#[derive(Clone, Debug, Default)]
struct Watch {
    desired: u32,
    /// Tasks in rotation, by image; no zeros.
    in_rotation: BTreeMap<ImageId, u32>,
    /// Whether all replicas were in rotation at some time: before that nothing is down.
    ready: bool,
    whole: bool,
    down_since: Option<Time>,
    status: Option<UpdateStatus>,
    /// Index of its last event, if no command came since.
    last: Option<usize>,
}

impl<'a> Story<'a> {
    /// The story of a run of this plan.
    pub fn new(plan: &'a Plan) -> Story<'a> {
        let is_manager = |node: &Node| node.is_member && node.spec.role == Role::Manager;
        let reachability = |node: &Node| is_manager(node).then_some(Reachability::Reachable);
        Story {
            plan,
            events: Vec::new(),
            tasks: IdVec::new(),
            services: IdVec::filled(plan.services.len(), Watch::default()),
            nodes: plan.nodes.values().map(|node| node.is_member.then_some(NodeState::Ready)).collect(),
            unknown: 0,
            managers: plan.nodes.values().map(reachability).collect(),
            changed: Vec::new(),
        }
    }

    /// The lines in order of time, once the run has ended at `end`.
    pub fn finish(self, end: Time) -> Vec<StoryLine> {
        tell::lines(&self, end)
    }

    fn add(&mut self, now: Time, service: ServiceId, event: ServiceEvent) {
        self.services[service].last = Some(self.events.len());
        self.events.push((now, Event::Service(service, event)));
    }

    fn command(&mut self, now: Time, index: u32) {
        for service in self.services.values_mut() {
            service.last = None;
        }
        self.events.push((now, Event::Command(index)));
    }

    fn spec(&mut self, now: Time, service: ServiceId, desired: u32, image: ImageId, cause: SpecCause) {
        if cause == SpecCause::Create {
            self.add(now, service, ServiceEvent::Created { desired, image });
        }
        self.services[service].desired = desired;
        self.changed.push(service);
    }

    fn task(&mut self, now: Time, record: &TaskRecord) {
        let TaskRecord { task, service, image, status, .. } = *record;
        let new = Seen { state: status.state, err: status.err };
        let before = self.tasks.entry(task, Seen { state: TaskState::New, err: None });
        let old = std::mem::replace(before, new);
        if old.state != new.state {
            match new.state {
                TaskState::Running => self.running(now, service, image),
                TaskState::Complete | TaskState::Failed | TaskState::Rejected | TaskState::Orphaned => {
                    self.add(now, service, ServiceEvent::Ended(*record));
                }
                _ => {}
            }
        }
        let is_unplaced =
            |seen: &Seen| matches!(seen.err, Some(TaskError::NoSuitableNode(_) | TaskError::UnsuitableNode(_)));
        if is_unplaced(&new) && !is_unplaced(&old) {
            self.add(now, service, ServiceEvent::Unplaced(*record));
        }
    }

    /// The state of a node has changed. Of nodes that are unknown to a new leader only the number is told: most are heard of soon.
    fn node(&mut self, now: Time, node: NodeId, before: Option<NodeState>, state: Option<NodeState>) {
        let was_unknown = before == Some(NodeState::Unknown);
        self.unknown -= u32::from(was_unknown);
        match state {
            Some(NodeState::Unknown) => {
                self.unknown += 1;
                match self.events.last_mut() {
                    Some((at, Event::Unknown(nodes))) if *at == now => *nodes = self.unknown,
                    _ => self.events.push((now, Event::Unknown(self.unknown))),
                }
            }
            Some(NodeState::Ready) if was_unknown => {}
            state => self.events.extend(state.map(|state| (now, Event::Node(node, state)))),
        }
        if was_unknown && self.unknown == 0 {
            self.events.push((now, Event::Known));
        }
    }

    fn manager(&mut self, now: Time, node: NodeId, reachability: Option<Reachability>) {
        let before = std::mem::replace(&mut self.managers[node], reachability);
        let event = match (before, reachability) {
            (_, None) => ManagerEvent::Left,
            (None, Some(Reachability::Reachable)) => ManagerEvent::Joined,
            (_, Some(Reachability::Reachable)) => ManagerEvent::Reachable,
            (_, Some(Reachability::Unreachable)) => ManagerEvent::Unreachable,
        };
        self.events.push((now, Event::Manager(node, event)));
    }

    /// A task reached RUNNING: it belongs to the wave before it if nothing else happened to the service since.
    fn running(&mut self, now: Time, service: ServiceId, image: ImageId) {
        let last = self.services[service].last.map(|index| &mut self.events[index]);
        if let Some((at, Event::Service(_, ServiceEvent::Running { image: other, tasks }))) = last
            && *other == image
            && now <= *at + WAVE_GAP
        {
            *at = now;
            *tasks += 1;
        } else {
            self.add(now, service, ServiceEvent::Running { image, tasks: 1 });
        }
    }

    /// Tells what the instant came to for the replicas of a service.
    fn settle(&mut self, now: Time, service: ServiceId) {
        let watch = &mut self.services[service];
        let desired = watch.desired;
        let in_rotation: u32 = watch.in_rotation.values().sum();
        let only = watch.in_rotation.keys().next().filter(|_| watch.in_rotation.len() == 1).copied();
        let whole = only.filter(|_| desired > 0 && in_rotation >= desired);
        let was_whole = std::mem::replace(&mut watch.whole, whole.is_some());
        watch.ready |= desired > 0 && in_rotation >= desired;
        let is_down = watch.ready && desired > 0 && in_rotation == 0;
        let since = watch.down_since;
        watch.down_since = is_down.then(|| since.unwrap_or(now));
        match (since, whole) {
            (None, _) if is_down => self.add(now, service, ServiceEvent::Down { desired }),
            (Some(since), _) if !is_down && desired > 0 => {
                self.add(now, service, ServiceEvent::Up { desired, in_rotation, after: now - since });
            }
            (None, Some(image)) if !was_whole => self.add(now, service, ServiceEvent::Whole { desired, image }),
            _ => {}
        }
    }
}

impl Observer for Story<'_> {
    fn record(&mut self, now: Time, record: &Record) {
        match *record {
            Record::Command { index } => self.command(now, index),
            Record::CommandResumed { index } => self.events.push((now, Event::Resumed(index))),
            Record::CommandError { error, .. } => self.events.push((now, Event::Refused(error))),
            Record::Spec { service, desired, image, cause, .. } => self.spec(now, service, desired, image, cause),
            Record::ServiceRemoved { service } => {
                self.add(now, service, ServiceEvent::Removed);
                let watch = &mut self.services[service];
                (watch.desired, watch.down_since, watch.status) = (0, None, None);
            }
            Record::UpdateStatus { service, status } => {
                self.services[service].status = status;
                if let Some(status) = status {
                    self.add(now, service, ServiceEvent::Status(status));
                }
            }
            Record::Task(ref task) => self.task(now, task),
            Record::Desired { service, desired } => {
                self.services[service].desired = desired;
                self.changed.push(service);
            }
            Record::Node { node, state, .. } => {
                let before = std::mem::replace(&mut self.nodes[node], state);
                if before != state {
                    self.node(now, node, before, state);
                }
            }
            Record::Leadership(leadership) => self.events.push((now, Event::Leadership(leadership))),
            Record::Manager { node, reachability } => self.manager(now, node, reachability),
            Record::TaskRemoved { .. } | Record::ProcessEnded { .. } | Record::Updater { .. } => {}
            Record::Rotation { service, image, entered, .. } => {
                let tasks = self.services[service].in_rotation.entry(image).or_default();
                *tasks = if entered { *tasks + 1 } else { *tasks - 1 };
                if *tasks == 0 {
                    self.services[service].in_rotation.remove(&image);
                }
                self.changed.push(service);
            }
        }
    }

    fn request(&mut self, _request: &Request) {}

    fn instant(&mut self, now: Time, _in_flight: &IdVec<ServiceId, u32>) {
        let mut changed = std::mem::take(&mut self.changed);
        changed.sort_unstable();
        changed.dedup();
        changed.drain(..).for_each(|service| self.settle(now, service));
        self.changed = changed;
    }
}

/// A time to the millisecond: `12.345s`.
pub(super) fn seconds(time: Time) -> String {
    format!("{}.{:03}s", time.as_millis() / 1_000, time.as_millis() % 1_000)
}

/// The lines as text, one below the other, the times flush right.
pub fn text(lines: &[StoryLine]) -> String {
    let times: Vec<String> = lines.iter().map(|line| seconds(line.at)).collect();
    let width = times.iter().map(String::len).max().unwrap_or(0);
    times.iter().zip(lines).map(|(time, line)| format!("{time:>width$}  {}\n", line.text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::metrics::fixture::{Feed, NEW, OLD, WEB, plan};
    use crate::model::command::Command;
    use crate::model::task::{Explanation, Message, Slot, Status};
    use crate::model::update::{UpdateMessage, UpdateState};
    use crate::sim::plan::TimedCommand;

    fn told(plan: &Plan, end: u64, tell: impl FnOnce(&mut Feed<Story<'_>>)) -> String {
        let mut feed = Feed::new(Story::new(plan));
        tell(&mut feed);
        text(&feed.end(end).finish(Time::from_millis(end)))
    }

    fn with_command(at: u64, lines: &[&str]) -> Plan {
        let command = |line: &&str| TimedCommand {
            at: Time::from_millis(at),
            line: (*line).to_owned(),
            command: Command::ServiceRemove { service: WEB },
        };
        Plan { commands: lines.iter().map(command).collect(), ..plan() }
    }

    fn task(task: u32, slot: u32, state: TaskState, err: Option<TaskError>) -> Record {
        Record::Task(TaskRecord {
            task: TaskId(task),
            service: WEB,
            slot: Slot::Replica(slot),
            image: NEW,
            node: None,
            status: Status { state, message: Message::Created, err },
            status_at: Time::ZERO,
            desired: TaskState::Running,
            created: None,
        })
    }

    #[test]
    fn an_update_that_is_rolled_back_reads_as_docker_says_it() {
        let plan = with_command(10_000, &["docker service update --image app:2 web"]);
        let story = told(&plan, 30_000, |feed| {
            feed.spec(SpecCause::Create, 1, OLD).at(2_000).start(OLD);
            feed.at(10_000).record(Record::Command { index: 0 }).spec(SpecCause::Update, 1, NEW);
            feed.status(UpdateState::Updating, UpdateMessage::InProgress).stop(0);
            feed.at(12_345).record(task(1, 1, TaskState::Failed, Some(TaskError::Exit(1))));
            feed.status(UpdateState::RollbackStarted, UpdateMessage::RolledBack(TaskId(1)));
        });
        insta::assert_snapshot!(story, @"
         0.000s  web: created, 1 replica of app:1
         2.000s  web: 1 task running (app:1)
         2.000s  web: 1 of 1 replica in rotation (app:1)
        10.000s  $ docker service update --image app:2 web
        10.000s  web: updating: update in progress
        10.000s  web: down, 0 of 1 replica in rotation
        12.345s  web.1 task 1 (app:2) failed: task: non-zero exit (1)
        12.345s  web: rollback_started: update rolled back due to failure or early termination of task 1
        30.000s  web: rollback unfinished at the end of the run
        30.000s  web: down at the end of the run, since 10.000s
        ");
    }

    #[test]
    fn tasks_that_run_soon_after_each_other_are_one_wave() {
        let story = told(&plan(), 9_000, |feed| {
            feed.spec(SpecCause::Create, 4, NEW);
            for (at, id) in [(2_000, 0), (2_000, 1), (2_500, 2), (5_000, 3)] {
                feed.at(at).record(task(id, id, TaskState::Running, None));
            }
        });
        insta::assert_snapshot!(story, @"
        0.000s  web: created, 4 replicas of app:2
        2.500s  web: 3 tasks running (app:2)
        5.000s  web: 1 task running (app:2)
        ");
    }

    #[test]
    fn a_crash_loop_is_counted_after_a_handful() {
        let story = told(&plan(), 90_000, |feed| {
            for id in 0..40 {
                feed.at(u64::from(id) * 2_000 + 1_000).record(task(id, 1, TaskState::Running, None));
                feed.at(u64::from(id) * 2_000 + 2_000);
                feed.record(task(id, 1, TaskState::Failed, Some(TaskError::Exit(137))));
            }
        });
        insta::assert_snapshot!(story, @"
         1.000s  web: 1 task running (app:2)
         2.000s  web.1 task 0 (app:2) failed: task: non-zero exit (137)
         3.000s  web: 1 task running (app:2)
         4.000s  web.1 task 1 (app:2) failed: task: non-zero exit (137)
         5.000s  web: 1 task running (app:2)
         6.000s  web.1 task 2 (app:2) failed: task: non-zero exit (137)
         7.000s  web: 1 task running (app:2)
         8.000s  web.1 task 3 (app:2) failed: task: non-zero exit (137)
         9.000s  web: 1 task running (app:2)
        10.000s  web.1 task 4 (app:2) failed: task: non-zero exit (137)
        79.000s  web: 35 more tasks running (app:2) since 11.000s
        80.000s  web: 35 more tasks (app:2) failed: task: non-zero exit (137), since 12.000s
        ");
    }

    #[test]
    fn one_repetition_more_than_a_handful_is_told_as_it_is() {
        let story = told(&plan(), 90_000, |feed| {
            for id in 0..6 {
                feed.at(u64::from(id) * 2_000).record(task(id, 1, TaskState::Complete, None));
            }
        });
        assert!(story.ends_with("10.000s  web.1 task 5 (app:2) completed\n"), "{story}");
    }

    #[test]
    fn a_line_of_several_commands_is_told_once_and_a_refusal_names_the_service() {
        let line = "docker service scale web=3 db=2";
        let story = told(&with_command(5_000, &[line, line]), 6_000, |feed| {
            feed.at(5_000).record(Record::Command { index: 0 }).record(Record::Command { index: 1 });
            feed.record(Record::CommandError { index: 1, error: CommandError::ServiceNotFound(ServiceId(1)) });
        });
        insta::assert_snapshot!(story, @"
        5.000s  $ docker service scale web=3 db=2
        5.000s  refused: service db not found
        ");
    }

    #[test]
    fn what_is_down_or_unfinished_at_the_end_is_said() {
        let story = told(&plan(), 9_000, |feed| {
            feed.spec(SpecCause::Create, 1, OLD).start(OLD);
            feed.at(4_000).status(UpdateState::Updating, UpdateMessage::InProgress).stop(0);
            feed.record(task(1, 1, TaskState::Pending, Some(TaskError::NoSuitableNode(Explanation::default()))));
        });
        insta::assert_snapshot!(story, @"
        0.000s  web: created, 1 replica of app:1
        0.000s  web: 1 task running (app:1)
        0.000s  web: 1 of 1 replica in rotation (app:1)
        4.000s  web: updating: update in progress
        4.000s  web.1 task 1 (app:2) pending: no suitable node
        4.000s  web: down, 0 of 1 replica in rotation
        9.000s  web: update unfinished at the end of the run
        9.000s  web: down at the end of the run, since 4.000s
        ");
    }

    #[test]
    fn a_run_without_events_has_no_story() {
        assert_eq!(told(&plan(), 0, |_| ()), "");
    }
}
