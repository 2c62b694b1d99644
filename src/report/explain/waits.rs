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
use crate::model::task::{TaskError, TaskState};
use crate::model::update::UpdateState;
use crate::model::{ServiceId, TaskId, defaults};
use crate::sim::Plan;

/// What waits, for what, and by which rule.
type Wait = (String, String, Rule);

/// What stands at an instant: who waits.
#[derive(Default)]
struct Standing {
    updaters: BTreeMap<(ServiceId, u32), Updater>,
    held_back: BTreeMap<TaskId, HeldBack>,
    /// Tasks that may run.
    started: BTreeSet<TaskId>,
    /// Tasks that are to stop.
    stopping: BTreeSet<TaskId>,
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

/// A task that the restart supervisor holds back.
#[derive(Clone, Copy)]
struct HeldBack {
    since: Time,
    delay: Span,
    /// The task that must stop first, if one must.
    predecessor: Option<TaskId>,
    /// Whether a new leader counts its delay.
    is_inherited: bool,
}

/// How many of a kind are told.
const MOST: usize = 4;

/// Everything that is waited for at `now`, after these events.
pub(super) fn at(plan: &Plan, scope: &Scope, events: &[(Time, Event)], tasks: &Tasks, now: Time) -> Vec<Wait> {
    let mut standing = Standing::default();
    for (at, event) in events {
        standing.note(*at, event);
    }
    if let Some(leadership) = standing.leaderless {
        return vec![(nobody_leads(leadership).to_owned(), String::new(), Rule::NoQuorum)];
    }
    let asked = Asked { speaker: Speaker { plan, tasks }, scope, now };
    let (updates, awaited) = standing.updates(&asked);
    let held_back = standing.held_back(&asked);
    let unplaced = standing.unplaced(&asked, &awaited);
    [standing.paused(&asked), few(updates), few(held_back), few(unplaced)].concat()
}

/// The first of many.
fn few(mut waits: Vec<Wait>) -> Vec<Wait> {
    if let Some((.., rule)) = waits.get(MOST) {
        let more = (format!("and {} more", waits.len() - MOST), String::new(), *rule);
        waits.truncate(MOST);
        waits.push(more);
    }
    waits
}

/// What was asked, and when.
struct Asked<'a> {
    speaker: Speaker<'a>,
    scope: &'a Scope,
    now: Time,
}

impl Asked<'_> {
    fn is_service(&self, service: ServiceId) -> bool {
        self.scope.service.is_none_or(|asked| asked == service)
    }

    fn is_task(&self, task: TaskId) -> bool {
        let slot_is = |row: &Row| self.scope.slot.is_none_or(|asked| asked == row.first.slot);
        self.speaker.tasks.get(task).is_some_and(|row| self.is_service(row.first.service) && slot_is(row))
    }
}

impl Standing {
    /// Updates that nobody goes on with.
    fn paused(&self, asked: &Asked<'_>) -> Vec<Wait> {
        let goes_on = |service| self.updaters.iter().any(|((of, _), updater)| *of == service && !updater.is_stopped);
        let is_paused = |(service, state): &(&ServiceId, &UpdateState)| {
            matches!(state, UpdateState::Paused | UpdateState::RollbackPaused) && !goes_on(**service)
        };
        let paused = self.statuses.iter().filter(|(service, _)| asked.is_service(**service)).filter(is_paused);
        let wait = |(service, state): (&ServiceId, &UpdateState)| {
            let name = &asked.speaker.plan.services[*service];
            let text = format!("{name}: nothing goes on until an operator updates the service again");
            (text, format!("the update status is {}", state.name()), Rule::Halted)
        };
        paused.map(wait).collect()
    }

    /// What updates wait for, and the tasks among it.
    fn updates(&self, asked: &Asked<'_>) -> (Vec<Wait>, BTreeSet<TaskId>) {
        let (mut waits, mut tasks) = (Vec::new(), BTreeSet::new());
        for ((service, _), updater) in self.updaters.iter().filter(|((service, _), _)| asked.is_service(*service)) {
            let name = &asked.speaker.plan.services[*service];
            // When those have rested that await no task.
            let mut rested = Vec::new();
            for (since, hand) in updater.workers.values() {
                let task = match *hand {
                    Hand::Awaits(task) => Some(task),
                    Hand::Keeps(task) => Some(task).filter(|task| !self.may_run(asked, *task)),
                    Hand::Rests => None,
                };
                match task {
                    None => rested.push(*since + updater.delay),
                    Some(task) if !asked.is_task(task) => {}
                    Some(task) if self.started.contains(&task) => waits.push(self.awaits_running(asked, task)),
                    Some(task) => waits.push(awaits_start(asked, task, *since)),
                }
                tasks.extend(task);
            }
            waits.extend(updater.rests(name, &rested, asked.now));
            if let Some(until) = updater.watches_until {
                let text = format!("{name}: the update is complete at {}, unless too many tasks fail", seconds(until));
                waits.push((text, "it watches for failures until then".to_owned(), Rule::LastWatch));
            }
        }
        (waits, tasks)
    }

    /// Tasks that are restarted, but not yet.
    fn held_back(&self, asked: &Asked<'_>) -> Vec<Wait> {
        let held_back = self.held_back.iter().filter(|(task, _)| asked.is_task(**task));
        let wait = |(task, held): (&TaskId, &HeldBack)| {
            let (name, until) = (asked.speaker.task(*task), held.since + held.delay);
            let why = "the restart delay has not passed";
            match held.predecessor {
                _ if held.is_inherited => {
                    let why = format!("{why}, which a new leader counts from its last report");
                    (format!("{name} is held back"), why, Rule::HeldBack)
                }
                Some(old) if until <= asked.now => {
                    let end = seconds(held.since + defaults::OLD_TASK_TIMEOUT);
                    let old = asked.speaker.task(old);
                    let why = format!("{old} has not stopped; at {end} it is waited for no longer");
                    (format!("{name} is held back"), why, Rule::DelayedStart)
                }
                _ => (format!("{name} is held back until {}", seconds(until)), why.to_owned(), Rule::DelayedStart),
            }
        };
        held_back.map(wait).collect()
    }

    /// Tasks without a node, but those that updates wait for.
    fn unplaced(&self, asked: &Asked<'_>, awaited: &BTreeSet<TaskId>) -> Vec<Wait> {
        let rows = asked.speaker.tasks.rows.iter();
        let unplaced = rows.filter(|(task, row)| {
            row.last.status.state == TaskState::Pending
                && asked.is_task(*task)
                && !self.stopping.contains(task)
                && !awaited.contains(task)
        });
        let wait = |(task, row): (TaskId, &Row)| {
            let rule = match row.last.status.err? {
                TaskError::UnsuitableNode(_) => Rule::Confirm,
                _ => Rule::Unplaced,
            };
            let why = format!("it is {} since {}", ended(row.last.status), seconds(row.since));
            Some((format!("{} waits for a node", asked.speaker.task(task)), why, rule))
        };
        unplaced.filter_map(wait).collect()
    }

    fn note(&mut self, at: Time, event: &Event) {
        match *event {
            Event::UpdaterEnds(run) => self.updaters.retain(|(_, other), _| *other != run),
            Event::Status(service, Some(status)) => _ = self.statuses.insert(service, status.state),
            Event::Status(service, None) | Event::ServiceRemoved(service) => _ = self.statuses.remove(&service),
            Event::Leadership(leadership) => {
                // What a leader has in mind goes with it.
                self.updaters.clear();
                self.held_back.values_mut().for_each(|held| held.is_inherited = true);
                self.leaderless = (!matches!(leadership, Leadership::Leader(_))).then_some(leadership);
            }
            Event::Decision(_, Decision::Restarts { task, new, delay, waits, .. }) => {
                let predecessor = waits.then_some(task);
                self.held_back.insert(new, HeldBack { since: at, delay, predecessor, is_inherited: false });
                self.stop(task);
            }
            Event::Decision(_, Decision::Starts { task, .. }) => {
                self.held_back.remove(&task);
                self.started.insert(task);
            }
            Event::Decision(_, Decision::Stops { task, .. } | Decision::NotReplaced { task, .. }) => self.stop(task),
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

    /// A task of an update that may run and does not.
    fn awaits_running(&self, asked: &Asked<'_>, task: TaskId) -> Wait {
        let speaker = &asked.speaker;
        let text = format!("the update waits, without any timeout, until {} runs or has ended", speaker.task(task));
        let state = speaker.tasks.get(task).map_or_else(String::new, |row| {
            let (what, since) = (ended(row.last.status), seconds(row.since));
            match row.last.status.state {
                _ if self.stopping.contains(&task) => "it is to stop, and has not".to_owned(),
                TaskState::Preparing => format!("its image is pulled and its container made since {since}"),
                TaskState::Starting => {
                    format!("it is starting since {since}; with a health check it must get healthy first")
                }
                _ => format!("it is {what} since {since}"),
            }
        });
        (text, state, Rule::AwaitRunning)
    }

    fn stop(&mut self, task: TaskId) {
        self.held_back.remove(&task);
        self.stopping.insert(task);
    }

    /// Whether a task that an update keeps may run already.
    fn may_run(&self, asked: &Asked<'_>, task: TaskId) -> bool {
        let is_made_to_run = |row: &Row| row.first.desired >= TaskState::Running;
        self.started.contains(&task) || asked.speaker.tasks.get(task).is_some_and(is_made_to_run)
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
fn awaits_start(asked: &Asked<'_>, task: TaskId, since: Time) -> Wait {
    let until = seconds(since + defaults::OLD_TASK_TIMEOUT);
    let text = format!("the update waits until {} may start", asked.speaker.task(task));
    (text, format!("the task before it has not stopped; at {until} it is waited for no longer"), Rule::DelayedStart)
}
