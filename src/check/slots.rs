//! Live slots equal replicas.

use std::collections::BTreeMap;

use super::view::View;
use super::{Findings, Promise};
use crate::kernel::IdVec;
use crate::model::ServiceId;
use crate::model::service::{Mode, RestartCondition};
use crate::model::task::Slot;
use crate::observe::Record;

/// How the slots of each service stand.
pub(super) struct Slots {
    services: IdVec<ServiceId, Count>,
    standings: BTreeMap<(ServiceId, Slot), Standing>,
    /// Services to look at when the instant is over.
    touched: Vec<ServiceId>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    live: u32,
    resting: u32,
    /// Whether a resting slot is gone, and the service was not reconciled since.
    is_stale: bool,
}

/// How a slot stands (control-plane O3).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// A task of it is wanted.
    Live,
    /// No task of it is wanted, and the restart policy of one may have said so.
    Resting,
    /// No task of it is wanted.
    Dead,
}

impl Slots {
    pub(super) fn new(services: usize) -> Slots {
        Slots { services: IdVec::filled(services, Count::default()), standings: BTreeMap::new(), touched: Vec::new() }
    }

    /// Looks at a record that was taken note of.
    pub(super) fn after(&mut self, view: &View<'_>, record: &Record) {
        match *record {
            Record::Task(task) => self.look_at(view, task.service, task.slot),
            Record::TaskRemoved { task, service } => self.look_at(view, service, view.tasks[task].record.slot),
            Record::Spec { service, .. } | Record::UpdateStatus { service, .. } => {
                self.services[service].is_stale = false;
                self.touched.push(service);
            }
            _ => {}
        }
    }

    fn look_at(&mut self, view: &View<'_>, service: ServiceId, slot: Slot) {
        let new = standing(view, service, slot);
        let old = self.standings.insert((service, slot), new).unwrap_or(Standing::Dead);
        if old == new {
            return;
        }
        let count = &mut self.services[service];
        match old {
            Standing::Live => count.live -= 1,
            Standing::Resting => {
                count.resting -= 1;
                count.is_stale |= new == Standing::Dead;
            }
            Standing::Dead => {}
        }
        match new {
            Standing::Live => count.live += 1,
            Standing::Resting => count.resting += 1,
            Standing::Dead => {}
        }
        self.touched.push(service);
    }

    /// The instant is over.
    pub(super) fn instant(&mut self, view: &View<'_>, findings: &mut Findings) {
        self.touched.sort_unstable();
        self.touched.dedup();
        for service in self.touched.drain(..) {
            let (row, count) = (&view.services[service], self.services[service]);
            if !row.exists || count.resting > 0 || count.is_stale {
                continue;
            }
            let Mode::Replicated { replicas } = row.spec().mode else { continue };
            let name = &view.plan.services[service];
            let what = || format!("{name} has {} live slots and {replicas} replicas", count.live);
            findings.expect(Promise::LiveSlots, count.live == replicas, what);
        }
    }
}

fn standing(view: &View<'_>, service: ServiceId, slot: Slot) -> Standing {
    let tasks = view.services[service].slots.get(&slot).map_or(&[][..], Vec::as_slice);
    let is_limited = |task| {
        let policy = view.spec_of(&view.tasks[task]).task.restart;
        policy.is_some_and(|policy| policy.condition != RestartCondition::Any || policy.max_attempts > 0)
    };
    if tasks.iter().any(|task| view.tasks[*task].is_wanted()) {
        Standing::Live
    } else if tasks.iter().any(|task| is_limited(*task)) {
        Standing::Resting
    } else {
        Standing::Dead
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::{Forged, replicated};
    use crate::kernel::Span;
    use crate::model::command::{Command, Fault};
    use crate::model::service::{RestartPolicy, ServiceSpec};
    use crate::model::task::{Creator, TaskState};

    /// A service of two replicas and its tasks.
    fn two_tasks(spec: ServiceSpec) -> Forged {
        let mut forged = Forged::new(spec);
        forged.create(1, Creator::Orchestrator, 0).create(2, Creator::Orchestrator, 0);
        forged
    }

    #[test]
    fn a_slot_that_is_missing_or_one_too_many_is_seen() {
        assert_eq!(two_tasks(replicated(2)).broken(), []);
        assert_eq!(two_tasks(replicated(3)).broken(), [Promise::LiveSlots]);
        assert_eq!(two_tasks(replicated(1)).broken(), [Promise::LiveSlots]);
    }

    #[test]
    fn a_task_that_is_not_replaced_is_seen_when_the_instant_is_over() {
        let mut forged = two_tasks(replicated(2));
        forged.at(1).desire(0, TaskState::Shutdown).create(1, Creator::RestartSupervisor, 0);
        assert_eq!(forged.broken(), []);
        assert_eq!(forged.at(2).desire(1, TaskState::Shutdown).at(3).broken(), [Promise::LiveSlots]);
    }

    #[test]
    fn a_slot_that_its_restart_policy_leaves_dead_is_fine() {
        let mut spec = replicated(2);
        spec.task.restart = Some(RestartPolicy { max_attempts: 1, ..RestartPolicy::default() });
        assert_eq!(two_tasks(spec).at(1).desire(0, TaskState::Shutdown).broken(), []);
    }

    #[test]
    fn nobody_is_asked_while_no_manager_leads() {
        let mut forged = two_tasks(replicated(2));
        forged.at(1).command(Command::Fault(Fault::LeaderLost { gap: Span::from_secs(1) }));
        forged.at(2).desire(0, TaskState::Shutdown);
        assert_eq!(forged.broken(), []);
        assert_eq!(forged.at(2_000).remove(1).broken(), [Promise::LiveSlots]);
    }

    /// Control-plane O2: nobody looks at the service when what is not wanted goes.
    #[test]
    fn a_slot_that_was_resting_is_missed_at_the_next_reconcile() {
        let mut spec = replicated(2);
        spec.task.restart = Some(RestartPolicy { condition: RestartCondition::None, ..RestartPolicy::default() });
        let mut forged = two_tasks(spec);
        forged.at(1).desire(0, TaskState::Remove).at(2).remove(0);
        assert_eq!(forged.broken(), []);
        assert_eq!(forged.at(3).status(None).broken(), [Promise::LiveSlots]);
    }
}
