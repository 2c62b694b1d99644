//! Updaters keep to their parallelism, statuses follow each other, and what was rolled back is rolled back.

use std::collections::{BTreeMap, BTreeSet};

use super::view::View;
use super::{Findings, Promise, slot_name, task_name};
use crate::kernel::{IdVec, Span, Time};
use crate::model::node::{Availability, NodeState};
use crate::model::service::TaskSpec;
use crate::model::task::TaskState;
use crate::model::task::{Creator, Slot};
use crate::model::update::UpdateState;
use crate::model::{ServiceId, TaskId, defaults};
use crate::observe::{Record, TaskRecord};

/// The updaters at work, and what completed rollbacks replaced.
pub(super) struct Updates {
    runs: BTreeMap<u32, Run>,
    rolled_back: IdVec<ServiceId, Option<RolledBack>>,
    /// Services to look at when the instant is over.
    touched: Vec<ServiceId>,
}

/// An updater at work.
struct Run {
    service: ServiceId,
    is_rollback: bool,
    /// `None`: all slots at once.
    parallelism: Option<u32>,
    delay: Span,
    /// Tasks that it made, and when they ran or had ended.
    made: Vec<(TaskId, Option<Time>)>,
    slots: BTreeSet<Slot>,
}

/// What a rollback replaced.
#[derive(Clone)]
struct RolledBack {
    slots: BTreeSet<Slot>,
    /// Whether an updater has followed.
    followed: bool,
}

impl Updates {
    pub(super) fn new(services: usize) -> Updates {
        Updates { runs: BTreeMap::new(), rolled_back: IdVec::filled(services, None), touched: Vec::new() }
    }

    /// Looks at a record before it is taken note of.
    pub(super) fn before(&mut self, view: &View<'_>, record: &Record, findings: &mut Findings) {
        if !view.has_leader() {
            self.runs.clear();
        }
        match *record {
            Record::Updater { service, run, is_rollback, begins: true } => {
                let spec = view.services[service].spec();
                let config = if is_rollback { spec.rollback } else { spec.update }.unwrap_or(defaults::UPDATE_CONFIG);
                let parallelism = Some(config.parallelism).filter(|parallelism| *parallelism > 0);
                let (made, slots) = (Vec::new(), BTreeSet::new());
                let run_now = Run { service, is_rollback, parallelism, delay: config.delay, made, slots };
                self.runs.insert(run, run_now);
                if let Some(rolled_back) = &mut self.rolled_back[service] {
                    rolled_back.followed = true;
                }
            }
            Record::Updater { service, run, begins: false, .. } => {
                self.runs.remove(&run);
                self.touched.push(service);
            }
            Record::Task(ref task) => self.task(view, task, findings),
            Record::TaskRemoved { task, .. } => self.came_up(view.now, task),
            Record::Spec { service, .. } | Record::ServiceRemoved { service } => self.rolled_back[service] = None,
            Record::UpdateStatus { service, status } => {
                self.status(view, service, status.map(|status| status.state), findings);
            }
            _ => {}
        }
    }

    fn task(&mut self, view: &View<'_>, task: &TaskRecord, findings: &mut Findings) {
        if self.rolled_back[task.service].is_some() {
            self.touched.push(task.service);
        }
        if let Some(Creator::Updater { run }) = task.created.map(|creation| creation.by) {
            self.made(view, run, task, findings);
        } else if task.status.state >= TaskState::Running {
            self.came_up(view.now, task.task);
        }
    }

    /// An updater takes a slot.
    fn made(&mut self, view: &View<'_>, number: u32, task: &TaskRecord, findings: &mut Findings) {
        let name = slot_name(view, task.service, task.slot);
        let Some(run) = self.runs.get_mut(&number).filter(|run| run.service == task.service) else {
            return findings
                .expect(Promise::Parallelism, false, || format!("an updater that is not at work takes {name}"));
        };
        run.made.retain(|(_, came_up)| came_up.is_none_or(|at| at.saturating_add(run.delay) > view.now));
        run.made.push((task.task, None));
        run.slots.insert(task.slot);
        let held = run.made.len();
        let keeps = run.parallelism.is_none_or(|most| held <= most as usize);
        findings.expect(Promise::Parallelism, keeps, || format!("{name} is one of {held} slots in work"));
    }

    /// A task runs, has ended or is gone: its worker goes on.
    fn came_up(&mut self, now: Time, task: TaskId) {
        let made = self.runs.values_mut().flat_map(|run| &mut run.made);
        for (_, came_up) in made.filter(|(made, _)| *made == task) {
            came_up.get_or_insert(now);
        }
    }

    /// Source: control-plane U34, U29, U38, U47.
    fn status(&mut self, view: &View<'_>, service: ServiceId, new: Option<UpdateState>, findings: &mut Findings) {
        use UpdateState::{Completed, Paused, RollbackCompleted, RollbackPaused, RollbackStarted, Updating};
        let old = view.services[service].status;
        let allowed: &[UpdateState] = match old {
            None => &[Updating, RollbackStarted],
            Some(Updating) => &[Paused, Completed, RollbackStarted],
            // Completed after a second failure in a rollback whose failure action is rollback (U29).
            Some(Paused) => &[RollbackStarted, Completed],
            Some(RollbackStarted) => &[RollbackStarted, RollbackPaused, RollbackCompleted],
            Some(RollbackPaused) => &[RollbackStarted, Paused, Completed],
            Some(Completed | RollbackCompleted) => &[RollbackStarted, Paused, Completed],
        };
        let follows = new.is_none_or(|new| allowed.contains(&new));
        let name = |state: Option<UpdateState>| state.map_or("no status", UpdateState::name);
        let what = || format!("{} goes from {} to {}", view.plan.services[service], name(old), name(new));
        findings.expect(Promise::StatusesFollow, follows, what);
        if new == Some(RollbackCompleted) {
            let run = self.runs.values().find(|run| run.service == service && run.is_rollback);
            let slots = run.map_or_else(BTreeSet::new, |run| run.slots.clone());
            self.rolled_back[service] = Some(RolledBack { slots, followed: false });
            self.touched.push(service);
        }
    }

    /// The instant is over.
    pub(super) fn instant(&mut self, view: &View<'_>, findings: &mut Findings) {
        for service in std::mem::take(&mut self.touched) {
            let Some(rolled_back) = &self.rolled_back[service] else { continue };
            let works = self.runs.values().any(|run| run.service == service);
            let has_completed = match view.services[service].status {
                Some(UpdateState::RollbackCompleted) => !rolled_back.followed,
                Some(UpdateState::Completed) => true,
                _ => false,
            };
            if works || !has_completed {
                continue;
            }
            for slot in &rolled_back.slots {
                look_at_rolled_back(view, service, *slot, findings);
            }
        }
    }
}

/// All tasks of the slot that are wanted are of the restored specification. A node that takes no tasks is left alone (G4).
fn look_at_rolled_back(view: &View<'_>, service: ServiceId, slot: Slot, findings: &mut Findings) {
    if let Slot::Node(node) = slot {
        let node = &view.nodes[node];
        if node.state != Some(NodeState::Ready) || node.spec.availability != Availability::Active {
            return;
        }
    }
    let row = &view.services[service];
    let wanted = row.spec();
    for &task in row.slots.get(&slot).into_iter().flatten() {
        let task = &view.tasks[task];
        let spec = view.spec_of(task);
        let holds = is_same(&spec.task, &wanted.task) && spec.endpoint == wanted.endpoint;
        let what = || format!("{} is of another specification", task_name(view, task.record.task));
        findings.expect(Promise::RolledBack, holds || !task.is_wanted(), what);
    }
}

/// Whether nothing differs but placement, for which no task is replaced (control-plane D2).
fn is_same(a: &TaskSpec, b: &TaskSpec) -> bool {
    TaskSpec { placement: b.placement.clone(), ..a.clone() } == *b
}
