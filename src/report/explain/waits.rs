//! What updates, and tasks that are held back, wait for at an instant.

use std::collections::{BTreeMap, BTreeSet};

use super::super::story::seconds;
use super::words::{Speaker, ended};
use super::{Event, Scope, Tasks};
use crate::kernel::{Span, Time};
use crate::model::decision::Decision;
use crate::model::rule::Rule;
use crate::model::update::UpdateState;
use crate::model::{ServiceId, TaskId, defaults};
use crate::sim::Plan;

/// What waits, for what, and by which rule.
type Wait = (String, String, Rule);

/// An updater that has not ended.
#[derive(Default)]
struct Updater {
    /// What each of its workers did last.
    workers: BTreeMap<u32, (Time, Hand)>,
    /// Until when it watches.
    watches_until: Option<Time>,
}

#[derive(Clone, Copy)]
enum Hand {
    Awaits(TaskId),
    RestsFor(Span),
    Free,
}

/// Everything that is waited for at `now`, after these events.
pub(super) fn at(plan: &Plan, scope: &Scope, events: &[(Time, Event)], tasks: &Tasks, now: Time) -> Vec<Wait> {
    let mut updaters: BTreeMap<(ServiceId, u32), Updater> = BTreeMap::new();
    let mut held_back: BTreeMap<TaskId, (ServiceId, Time)> = BTreeMap::new();
    let mut started: BTreeSet<TaskId> = BTreeSet::new();
    let mut statuses: BTreeMap<ServiceId, UpdateState> = BTreeMap::new();
    for (at, event) in events {
        match *event {
            Event::UpdaterEnds(run) => updaters.retain(|(_, other), _| *other != run),
            Event::Status(service, status) => _ = statuses.insert(service, status.state),
            Event::Decision(service, Decision::Restarts { new, delay, .. }) => {
                held_back.insert(new, (service, *at + delay));
            }
            Event::Decision(_, Decision::Starts { task, .. }) => {
                held_back.remove(&task);
                started.insert(task);
            }
            Event::Decision(_, Decision::Stops { task, .. }) => _ = held_back.remove(&task),
            Event::Decision(service, ref decision) => note(&mut updaters, service, *at, decision),
            Event::Command(_) | Event::Refused(_) | Event::Spec(..) | Event::Task(_) | Event::Node(..) => {}
        }
    }
    let speaker = Speaker { plan, tasks };
    let is_asked_for = |service: ServiceId| scope.service.is_none_or(|asked| asked == service);
    let is_slot = |task: TaskId| scope.slot.is_none() || scope.slot == tasks.get(task).map(|row| row.first.slot);
    let mut waits = Vec::new();
    for ((service, _), updater) in updaters.iter().filter(|((service, _), _)| is_asked_for(*service)) {
        let name = &plan.services[*service];
        for (since, hand) in updater.workers.values() {
            waits.extend(match *hand {
                Hand::Awaits(task) if is_slot(task) => Some(awaits(&speaker, task, started.contains(&task), *since)),
                Hand::RestsFor(delay) if *since + delay > now => {
                    let until = seconds(*since + delay);
                    let text = format!("{name}: the update goes on at {until}");
                    Some((text, format!("its worker rests for {delay}"), Rule::Delay))
                }
                Hand::Awaits(_) | Hand::RestsFor(_) | Hand::Free => None,
            });
        }
        if let Some(until) = updater.watches_until {
            let text = format!("{name}: the update is complete at {}, unless too many tasks fail", seconds(until));
            waits.push((text, "it watches for failures until then".to_owned(), Rule::LastWatch));
        }
    }
    for (task, (service, until)) in held_back {
        if is_asked_for(service) && is_slot(task) {
            let text = format!("{} is held back until {}", speaker.task(task), seconds(until));
            waits.push((text, "the restart delay has not passed".to_owned(), Rule::DelayedStart));
        }
    }
    for (service, state) in statuses.into_iter().filter(|(service, _)| is_asked_for(*service)) {
        if matches!(state, UpdateState::Paused | UpdateState::RollbackPaused) {
            let text =
                format!("{}: nothing goes on until an operator updates the service again", plan.services[service]);
            waits.push((text, format!("the update status is {}", state.name()), Rule::TooManyFailures));
        }
    }
    waits
}

fn note(updaters: &mut BTreeMap<(ServiceId, u32), Updater>, service: ServiceId, at: Time, decision: &Decision) {
    let mut hand = |run: u32, worker: u32, hand: Hand| {
        updaters.entry((service, run)).or_default().workers.insert(worker, (at, hand));
    };
    match *decision {
        Decision::Replaces { run, worker, new, .. } => hand(run, worker, Hand::Awaits(new)),
        Decision::Keeps { run, worker, .. } | Decision::TooLate { run, worker, .. } => hand(run, worker, Hand::Free),
        Decision::SlotDone { run, worker, delay, .. } => hand(run, worker, Hand::RestsFor(delay)),
        Decision::LastWatch { run, monitor } => {
            updaters.entry((service, run)).or_default().watches_until = Some(at + monitor);
        }
        _ => {}
    }
}

/// What an update waits for that has made a task.
fn awaits(speaker: &Speaker<'_>, task: TaskId, may_start: bool, since: Time) -> Wait {
    let name = speaker.task(task);
    if !may_start {
        let until = seconds(since + defaults::OLD_TASK_TIMEOUT);
        let text = format!("the update waits until {name} may start");
        return (
            text,
            format!("the task before it has not stopped; at {until} it is waited for no longer"),
            Rule::DelayedStart,
        );
    }
    let text = format!("the update waits, without end, until {name} runs or has ended");
    let state = speaker
        .tasks
        .get(task)
        .map_or_else(String::new, |row| format!("it is {} since {}", ended(row.last.status), seconds(row.since)));
    (text, state, Rule::AwaitRunning)
}
