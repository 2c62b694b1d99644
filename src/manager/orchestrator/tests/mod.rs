//! What the orchestrators, the restart supervisor, the updater and the reaper do together: a test for each thing that swarmkit's
//! own tests assert of them and that no test beside the code holds. tests/test-list.md has them all.

mod global;
mod init;
mod reaper;
mod replicated;
mod restart;
mod update;

use crate::kernel::{Span, Time};
use crate::manager::fixture::{Cluster, WEB, new_image};
use crate::manager::store::{NewTask, Service, Store, Task};
use crate::model::command::SpecChange;
use crate::model::service::{RestartCondition, RestartPolicy, ServiceSpec};
use crate::model::task::{Creator, Message, Slot, Status, TaskState};
use crate::model::update::UpdateState;
use crate::model::{ImageId, TaskId};

/// The new image.
const NEW: ImageId = ImageId(1);

/// The service with a restart policy without delay.
fn restarting(mut spec: ServiceSpec, condition: RestartCondition, max_attempts: u32) -> ServiceSpec {
    let delay = Some(Span::ZERO);
    spec.task.restart = Some(RestartPolicy { condition, delay, max_attempts, window: None });
    spec
}

/// A service of which all tasks run.
fn running(nodes: usize, spec: ServiceSpec) -> Cluster {
    let mut cluster = Cluster::of(nodes);
    cluster.create(WEB, spec).obey(100, |_| false);
    cluster
}

/// The images of the tasks of the service that are wanted, by slot.
fn wanted_images(cluster: &Cluster) -> Vec<u32> {
    wanted(cluster).iter().map(|task| task.image.0).collect()
}

/// The tasks of the service that are wanted, by slot.
fn wanted(cluster: &Cluster) -> Vec<Task> {
    let slots = cluster.manager.store.slots(WEB).iter().flatten();
    let rows = slots.map(|task| *cluster.manager.store.task_ever(*task));
    rows.filter(|task| task.desired <= TaskState::Running).collect()
}

/// Desired states of all tasks in the store, in order of creation.
fn desired(cluster: &Cluster) -> Vec<TaskState> {
    cluster.manager.store.tasks().map(|(_, task)| task.desired).collect()
}

fn status(cluster: &Cluster) -> Option<UpdateState> {
    let row = cluster.manager.store.service(WEB).expect("the service is there");
    row.update_status.map(|status| status.state)
}

/// An update of the image and nothing else, and one that changes nothing.
fn no_change() -> SpecChange {
    SpecChange { image: None, ..new_image() }
}

/// The store is written as by nobody: the observed state of a task.
fn set_state(store: &mut Store, now: Time, task: u32, state: TaskState) {
    store.set_status(now, TaskId(task), Status { state, message: Message::Started, err: None });
}

/// The store is written as by nobody: another task of the service.
fn add_task(store: &mut Store, now: Time, slot: Slot, desired: TaskState) {
    let Some(&Service { spec_id: spec, spec_version, .. }) = store.service(WEB) else { return };
    let by = Creator::Orchestrator;
    store.create_task(now, NewTask { service: WEB, slot, spec, spec_version, desired, by });
}
