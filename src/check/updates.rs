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
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        for service in touched {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{Forged, replicated};
    use crate::model::ImageId;
    use crate::model::command::SpecChange;
    use crate::model::service::UpdateConfig;

    const UPDATER: Creator = Creator::Updater { run: 1 };

    /// An update of three tasks to another image, by an updater with this configuration.
    fn updating(config: UpdateConfig) -> Forged {
        let mut spec = replicated(3);
        spec.update = Some(config);
        let mut forged = Forged::new(spec);
        for slot in 1..=3 {
            forged.create(slot, Creator::Orchestrator, 0);
        }
        let change = SpecChange { image: Some(ImageId(1)), ..SpecChange::default() };
        forged.at(1_000).update(change, 1).updater(1, false, true).status(Some(UpdateState::Updating));
        forged
    }

    #[test]
    fn one_slot_too_many_in_work_is_seen() {
        let two = UpdateConfig { parallelism: 2, ..defaults::UPDATE_CONFIG };
        let mut forged = updating(two);
        forged.create(1, UPDATER, 1).create(2, UPDATER, 1);
        assert_eq!(forged.broken(), []);
        assert_eq!(forged.create(3, UPDATER, 1).broken(), [Promise::Parallelism]);
        let all = UpdateConfig { parallelism: 0, ..defaults::UPDATE_CONFIG };
        assert_eq!(updating(all).create(1, UPDATER, 1).create(2, UPDATER, 1).create(3, UPDATER, 1).broken(), []);
    }

    #[test]
    fn what_others_create_is_outside() {
        let mut forged = updating(defaults::UPDATE_CONFIG);
        forged.create(1, UPDATER, 1).create(2, Creator::RestartSupervisor, 1).create(3, Creator::Orchestrator, 1);
        assert_eq!(forged.broken(), []);
    }

    /// Control-plane U16: the rest is counted from when the task runs.
    #[test]
    fn a_slot_taken_before_the_rest_is_over_is_seen() {
        let delay = Span::from_secs(10);
        let started = || {
            let mut forged = updating(UpdateConfig { delay, ..defaults::UPDATE_CONFIG });
            forged.create(1, UPDATER, 1).assign(3, 0).at(2_000).state(3, TaskState::Running);
            forged
        };
        assert_eq!(started().at(12_000).create(2, UPDATER, 1).broken(), []);
        assert_eq!(started().at(11_999).create(2, UPDATER, 1).broken(), [Promise::Parallelism]);
    }

    #[test]
    fn a_task_of_an_updater_that_has_ended_is_seen() {
        let mut forged = updating(defaults::UPDATE_CONFIG);
        forged.updater(1, false, false).create(1, UPDATER, 1);
        assert_eq!(forged.broken(), [Promise::Parallelism]);
    }

    #[test]
    fn a_status_out_of_turn_is_seen() {
        let mut forged = updating(defaults::UPDATE_CONFIG);
        assert_eq!(forged.status(Some(UpdateState::Completed)).broken(), []);
        assert_eq!(forged.status(Some(UpdateState::Updating)).broken(), [Promise::StatusesFollow]);
    }

    /// A rollback that has replaced slot 1 and completed; the task of the other image is or is not shut down.
    fn rolled_back(stops: bool) -> Forged {
        let mut forged = updating(defaults::UPDATE_CONFIG);
        forged.desire(0, TaskState::Shutdown).create(1, UPDATER, 1).updater(1, false, false);
        forged.at(2_000).roll_back(0).updater(2, true, true).create(1, Creator::Updater { run: 2 }, 0);
        if stops {
            forged.desire(3, TaskState::Shutdown);
        }
        forged.at(3_000).status(Some(UpdateState::RollbackCompleted)).updater(2, true, false);
        forged
    }

    #[test]
    fn a_rollback_that_leaves_another_version_is_seen() {
        assert_eq!(rolled_back(true).broken(), []);
        assert_eq!(rolled_back(false).broken(), [Promise::RolledBack]);
    }

    /// Control-plane U47.
    #[test]
    fn a_follow_up_run_has_until_its_end() {
        let mut forged = rolled_back(false);
        forged.updater(3, false, true).at(4_000);
        assert_eq!(forged.broken(), []);
        forged.status(Some(UpdateState::Completed)).updater(3, false, false);
        assert_eq!(forged.broken(), [Promise::RolledBack]);
    }

    #[test]
    fn a_follow_up_run_that_fails_leaves_what_it_finds() {
        let mut forged = rolled_back(false);
        forged.updater(3, false, true).at(4_000).status(Some(UpdateState::Paused)).updater(3, false, false);
        assert_eq!(forged.broken(), []);
    }
}
