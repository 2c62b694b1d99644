//! What the managers' store says while a run goes on, with the instants that docker shows.

use std::rc::Rc;

use super::id::Ids;
use crate::kernel::{IdVec, Time};
use crate::metrics::node_log::NodeLogs;
use crate::model::request::Request;
use crate::model::service::ServiceSpec;
use crate::model::update::{UpdateState, UpdateStatus};
use crate::model::{NodeId, ServiceId, TaskId};
use crate::observe::{Observer, Record, SpecCause, SpecWritten, TaskRecord};
use crate::sim::Plan;

/// Follows the store of a run.
#[derive(Clone, Debug)]
pub struct Cluster<'a> {
    pub(super) plan: &'a Plan,
    pub(super) ids: Ids,
    pub(super) node_ids: IdVec<NodeId, String>,
    /// `None`: not there, or not any more.
    pub(super) services: IdVec<ServiceId, Option<Service>>,
    /// `None`: not there any more, or made for a service that is not.
    pub(super) tasks: IdVec<TaskId, Option<Task>>,
    pub(super) nodes: NodeLogs<'a>,
}

/// A service.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// What it is to be.
    pub(super) spec: Rc<ServiceSpec>,
    /// What a rollback would return to.
    pub(super) previous: Option<Rc<ServiceSpec>>,
    /// How far its update is.
    pub(super) status: Option<Status>,
    pub(super) created: Time,
    /// When it was written last.
    pub(super) updated: Time,
}

/// Status of an update.
#[derive(Clone, Copy, Debug)]
pub(super) struct Status {
    pub(super) status: UpdateStatus,
    /// When the update began, or the rollback that an operator asked for.
    pub(super) started: Time,
    pub(super) completed: Option<Time>,
}

/// A task.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) record: TaskRecord,
    /// What it was made from.
    pub(super) spec: Rc<ServiceSpec>,
    /// Whether it must be replaced to become what is wanted.
    pub(super) is_dirty: bool,
}

impl<'a> Cluster<'a> {
    /// The store at the start of a run of this plan.
    pub fn new(plan: &'a Plan) -> Cluster<'a> {
        let ids = Ids::new(plan.seed);
        Cluster {
            plan,
            node_ids: plan.nodes.ids().map(|node| ids.node(node)).collect(),
            ids,
            services: IdVec::filled(plan.services.len(), None),
            tasks: IdVec::new(),
            nodes: NodeLogs::new(plan),
        }
    }

    fn task(&mut self, record: &TaskRecord) {
        if record.created.is_some() {
            let spec = self.services[record.service].as_ref().map(|service| Rc::clone(&service.spec));
            self.tasks.push(spec.map(|spec| Task { record: *record, spec, is_dirty: false }));
        } else if let Some(task) = &mut self.tasks[record.task] {
            task.record = *record;
        }
    }

    /// An updater keeps the instant at which the update began; only a new status has a new one.
    ///
    /// Source: manager/orchestrator/update/updater.go `startUpdate`, `pauseUpdate`, `rollbackUpdate`, `completeUpdate`;
    /// manager/controlapi/service.go `UpdateService`.
    fn status(&mut self, now: Time, service: ServiceId, status: Option<UpdateStatus>) {
        let Some(service) = &mut self.services[service] else { return };
        service.updated = now;
        let before = service.status;
        service.status = status.map(|status| Status {
            status,
            started: before.map_or(now, |before| before.started),
            completed: match status.state {
                UpdateState::Completed | UpdateState::RollbackCompleted => Some(now),
                _ => None,
            },
        });
    }
}

impl Observer for Cluster<'_> {
    fn record(&mut self, now: Time, record: &Record) {
        self.nodes.record(now, record);
        match *record {
            Record::Task(ref task) => self.task(task),
            Record::TaskRemoved { task, .. } => self.tasks[task] = None,
            Record::UpdateStatus { service, status } => self.status(now, service, status),
            Record::ServiceRemoved { service } => self.services[service] = None,
            Record::Spec { service, cause: SpecCause::ManualRollback, .. } => {
                if let Some(service) = &mut self.services[service] {
                    service.status = None;
                }
            }
            _ => {}
        }
    }

    fn spec(&mut self, now: Time, written: &SpecWritten<'_>) {
        let (spec, previous) = (Rc::clone(written.spec), written.previous.cloned());
        let before = self.services[written.service].take();
        let (status, created) = before.map_or((None, now), |before| (before.status, before.created));
        self.services[written.service] = Some(Service { spec, previous, status, created, updated: now });
        for task in self.tasks.values_mut().flatten().filter(|task| task.record.service == written.service) {
            task.is_dirty = false;
        }
        for dirty in &written.dirty {
            self.tasks[*dirty].iter_mut().for_each(|task| task.is_dirty = true);
        }
    }

    fn request(&mut self, _request: &Request) {}

    fn instant(&mut self, _now: Time, _in_flight: &IdVec<ServiceId, u32>) {}
}
