//! What all orchestrators do with services.
//!
//! Source: manager/orchestrator/service.go.

use crate::manager::Cx;
use crate::model::decision::{Decision, StopCause};
use crate::model::task::{Slot, TaskState};
use crate::model::{ServiceId, TaskId};

/// All tasks of a service that is gone are to be removed, those that ended long ago included. `is_related` says which slots are
/// those of the orchestrator that asks.
///
/// Source: `SetServiceTasksRemove` (control-plane O16).
pub fn set_tasks_remove(service: ServiceId, is_related: fn(Slot) -> bool, cx: &mut Cx<'_>) {
    let tasks: Vec<TaskId> = cx.store.slots(service).iter().flatten().copied().collect();
    for task in tasks {
        let row = cx.store.task_ever(task);
        if is_related(row.slot) && row.desired <= TaskState::Remove {
            cx.store.decide(service, Decision::Stops { task, cause: StopCause::ServiceRemoved });
            cx.store.set_desired(task, TaskState::Remove);
        }
    }
    cx.store.commit();
}
