//! What updates, and tasks that are held back, wait for at an instant.

use std::collections::{BTreeMap, BTreeSet};

use super::super::story::seconds;
use super::words::{Speaker, ended};
use super::{Event, Row, Scope, Tasks};
use crate::kernel::{Span, Time};
use crate::model::decision::{Decision, Verdict};
use crate::model::node::Leadership;
use crate::model::rule::Rule;
use crate::model::service::FailureAction;
use crate::model::task::TaskState;
use crate::model::update::UpdateState;
use crate::model::{ServiceId, TaskId, defaults};
use crate::sim::Plan;

/// What waits, for what, and by which rule.
type Wait = (String, String, Rule);

/// What stands at an instant: who waits.
#[derive(Default)]
struct Standing {
    updaters: BTreeMap<(ServiceId, u32), Updater>,
    /// Tasks that are held back, and until when at least; under a new leader that is not said.
    held_back: BTreeMap<TaskId, (ServiceId, Option<Time>)>,
    /// Tasks that may run.
    started: BTreeSet<TaskId>,
    statuses: BTreeMap<ServiceId, UpdateState>,
    /// That nobody leads, if so.
    leaderless: Option<Leadership>,
}

/// An updater that has not ended.
#[derive(Default)]
struct Updater {
    /// How long its workers rest.
    delay: Span,
    /// Slots that it has not handed out yet.
    left: u32,
    /// Whether it is a rollback that would roll back: it is paused, but goes on to its end (control-plane U29).
    ends_in_spite: bool,
    /// Whether it was paused, and only finishes what is in hand (control-plane U27).
    is_stopped: bool,
    /// What each of its workers did last.
    workers: BTreeMap<u32, (Time, Hand)>,
    /// Until when it watches.
    watches_until: Option<Time>,
}

#[derive(Clone, Copy)]
enum Hand {
    Awaits(TaskId),
    /// For a task that is kept: it only has to be allowed to start.
    Keeps(TaskId),
    Rests,
}

/// Everything that is waited for at `now`, after these events.
pub(super) fn at(plan: &Plan, scope: &Scope, events: &[(Time, Event)], tasks: &Tasks, now: Time) -> Vec<Wait> {
    let mut standing = Standing::default();
    for (at, event) in events {
        standing.note(*at, event);
    }
    if let Some(leadership) = standing.leaderless {
        return vec![(nobody_leads(leadership).to_owned(), String::new(), Rule::NoQuorum)];
    }
    let speaker = Speaker { plan, tasks };
    let is_asked_for = |service: ServiceId| scope.service.is_none_or(|asked| asked == service);
    let is_slot = |task: TaskId| scope.slot.is_none() || scope.slot == tasks.get(task).map(|row| row.first.slot);
    let mut waits = Vec::new();
    for ((service, _), updater) in standing.updaters.iter().filter(|((service, _), _)| is_asked_for(*service)) {
        let name = &plan.services[*service];
        // When those have rested that await no task.
        let mut rested = Vec::new();
        for (since, hand) in updater.workers.values() {
            let task = match *hand {
                Hand::Awaits(task) => Some(task),
                Hand::Keeps(task) => Some(task).filter(|task| !standing.may_run(&speaker, *task)),
                Hand::Rests => None,
            };
            match task {
                None => rested.push(*since + updater.delay),
                Some(task) if !is_slot(task) => {}
                Some(task) if standing.started.contains(&task) => waits.push(awaits_running(&speaker, task)),
                Some(task) => waits.push(awaits_start(&speaker, task, *since)),
            }
        }
        waits.extend(updater.rests(name, &rested, now));
        if let Some(until) = updater.watches_until {
            let text = format!("{name}: the update is complete at {}, unless too many tasks fail", seconds(until));
            waits.push((text, "it watches for failures until then".to_owned(), Rule::LastWatch));
        }
    }
    for (task, (_, until)) in standing.held_back.iter().filter(|(task, (of, _))| is_asked_for(*of) && is_slot(**task)) {
        let (name, why) = (speaker.task(*task), "the restart delay has not passed");
        waits.push(match until {
            Some(until) => {
                (format!("{name} is held back until {}", seconds(*until)), why.to_owned(), Rule::DelayedStart)
            }
            None => (format!("{name} is held back"), format!("{why}, counted from its last report"), Rule::HeldBack),
        });
    }
    for (&service, state) in standing.statuses.iter().filter(|(service, _)| is_asked_for(**service)) {
        let goes_on = standing.updaters.iter().any(|((of, _), updater)| *of == service && !updater.is_stopped);
        if matches!(state, UpdateState::Paused | UpdateState::RollbackPaused) && !goes_on {
            let text =
                format!("{}: nothing goes on until an operator updates the service again", plan.services[service]);
            waits.push((text, format!("the update status is {}", state.name()), Rule::Halted));
        }
    }
    waits
}

impl Standing {
    fn note(&mut self, at: Time, event: &Event) {
        match *event {
            Event::UpdaterEnds(run) => self.updaters.retain(|(_, other), _| *other != run),
            Event::Status(service, Some(status)) => _ = self.statuses.insert(service, status.state),
            Event::Status(service, None) | Event::ServiceRemoved(service) => _ = self.statuses.remove(&service),
            Event::Leadership(leadership) => {
                // What a leader has in mind goes with it.
                self.updaters.clear();
                self.held_back.values_mut().for_each(|(_, until)| *until = None);
                self.leaderless = (!matches!(leadership, Leadership::Leader(_))).then_some(leadership);
            }
            Event::Decision(service, Decision::Restarts { new, delay, .. }) => {
                self.held_back.insert(new, (service, Some(at + delay)));
            }
            Event::Decision(_, Decision::Starts { task, .. }) => {
                self.held_back.remove(&task);
                self.started.insert(task);
            }
            Event::Decision(_, Decision::Stops { task, .. }) => _ = self.held_back.remove(&task),
            Event::Decision(service, ref decision) => self.note_updater(service, at, decision),
            Event::Command(_) | Event::Refused(_) | Event::Spec(..) | Event::Task(_) | Event::Node(..) => {}
        }
    }

    fn note_updater(&mut self, service: ServiceId, at: Time, decision: &Decision) {
        let (run, hand) = match *decision {
            Decision::UpdateBegins { run, .. } | Decision::LastWatch { run, .. } | Decision::Failure { run, .. } => {
                (run, None)
            }
            Decision::Replaces { run, worker, new, .. } => (run, Some((worker, Hand::Awaits(new)))),
            Decision::Keeps { run, worker, task } => (run, Some((worker, Hand::Keeps(task)))),
            Decision::Skips { run, worker, .. } | Decision::SlotDone { run, worker, .. } => {
                (run, Some((worker, Hand::Rests)))
            }
            _ => return,
        };
        let updater = self.updaters.entry((service, run)).or_default();
        updater.workers.extend(hand.map(|(worker, hand)| (worker, (at, hand))));
        match *decision {
            Decision::UpdateBegins { config, dirty, is_rollback, .. } => {
                updater.delay = config.delay;
                updater.left = dirty;
                updater.ends_in_spite = is_rollback && config.failure_action == FailureAction::Rollback;
            }
            Decision::Replaces { .. } | Decision::Keeps { .. } | Decision::Skips { .. } => updater.left -= 1,
            Decision::LastWatch { monitor, .. } => updater.watches_until = Some(at + monitor),
            Decision::Failure { verdict: Verdict::Counts { acts: true, .. }, .. } => {
                updater.left = 0;
                updater.is_stopped = !updater.ends_in_spite;
            }
            _ => {}
        }
    }

    /// Whether a task that an update keeps may run already.
    fn may_run(&self, speaker: &Speaker<'_>, task: TaskId) -> bool {
        let is_made_to_run = |row: &Row| row.first.desired >= TaskState::Running;
        self.started.contains(&task) || speaker.tasks.get(task).is_some_and(is_made_to_run)
    }
}

impl Updater {
    /// What is waited for by its workers that await no task, but rest or have `rested` at these times.
    fn rests(&self, name: &str, rested: &[Time], now: Time) -> Option<Wait> {
        let because = format!("its worker rests for {}", self.delay);
        if self.left > 0 {
            let until = rested.iter().filter(|at| **at > now).min()?;
            return Some((format!("{name}: the update goes on at {}", seconds(*until)), because, Rule::Delay));
        }
        // It goes on only when all have rested.
        let until = rested.iter().max().filter(|at| **at > now && rested.len() == self.workers.len())?;
        let (then, why, rule) = match self.is_stopped {
            true => ("the update ends", "it hands out no more slots", Rule::Pause),
            false => ("the update begins its last watch", "all slots are handed out", Rule::WorkersFinish),
        };
        Some((format!("{name}: {then} at {}", seconds(*until)), format!("{because}, and {why}"), rule))
    }
}

/// That nobody leads, in words.
pub(super) fn nobody_leads(leadership: Leadership) -> &'static str {
    match leadership {
        Leadership::NoQuorum => "too few managers are there: nothing is decided until there are more",
        Leadership::NoLeader | Leadership::Leader(_) => {
            "nobody leads the swarm: nothing is decided until somebody does"
        }
    }
}

/// A task of an update that is held back.
fn awaits_start(speaker: &Speaker<'_>, task: TaskId, since: Time) -> Wait {
    let until = seconds(since + defaults::OLD_TASK_TIMEOUT);
    let text = format!("the update waits until {} may start", speaker.task(task));
    (text, format!("the task before it has not stopped; at {until} it is waited for no longer"), Rule::DelayedStart)
}

/// A task of an update that may run and does not.
fn awaits_running(speaker: &Speaker<'_>, task: TaskId) -> Wait {
    let text = format!("the update waits, without any timeout, until {} runs or has ended", speaker.task(task));
    let state = speaker.tasks.get(task).map_or_else(String::new, |row| {
        let (what, since) = (ended(row.last.status), seconds(row.since));
        match row.last.status.state {
            TaskState::Preparing => format!("its image is pulled and its container made since {since}"),
            TaskState::Starting => {
                format!("it is starting since {since}; with a health check it must get healthy first")
            }
            _ => format!("it is {what} since {since}"),
        }
    });
    (text, state, Rule::AwaitRunning)
}
