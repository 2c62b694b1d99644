//! What a run tells the outside: records of the control plane and of requests, given to an [`Observer`].

use std::rc::Rc;

use crate::kernel::{IdVec, Time};
use crate::model::client::Access;
use crate::model::decision::Decision;
use crate::model::node::{Leadership, NodeState, Reachability, Role};
use crate::model::request::{Batch, Request, Weight};
use crate::model::service::ServiceSpec;
use crate::model::task::{Creation, Slot, Status, TaskState};
use crate::model::update::{CommandError, UpdateStatus};
use crate::model::{ImageId, NodeId, ServiceId, TaskId};

/// Takes what happens in a run. It never changes the run: with or without observers the fingerprint is the same.
pub trait Observer {
    /// Something happened in the control plane or to a container. Records come in order of time.
    fn record(&mut self, now: Time, record: &Record);

    /// A specification was written; its [`Record::Spec`] has just been told.
    fn spec(&mut self, _now: Time, _written: &SpecWritten<'_>) {}

    /// An agent heard or did something, of which the managers learn later, if at all.
    fn agent(&mut self, _now: Time, _event: AgentEvent) {}

    /// A manager decided something about a service; what comes of it is told next. Only if [`Observer::wants_decisions`].
    fn decision(&mut self, _now: Time, _service: ServiceId, _decision: &Decision) {}

    /// Whether decisions are to be told.
    fn wants_decisions(&self) -> bool {
        false
    }

    /// A load balancer that clients use does otherwise with a task from now on. Requests that were sent before this instant and
    /// have ended were told.
    fn shift(&mut self, _now: Time, _shift: &Shift) {}

    /// A request has ended. Requests come in batches between records, each batch complete up to the next record's instant, not
    /// sorted within.
    fn request(&mut self, request: &Request);

    /// Requests have ended that are not told one by one ([`Grade`](crate::model::client::Grade)).
    fn requests(&mut self, _batch: &Batch) {}

    /// All that happens at this instant has happened, and all requests that were sent before it and have ended were told. Called
    /// for each instant that had a record, for each full second, and for the last instant of the run. `in_flight`: requests that
    /// were sent and have not ended, by service.
    fn instant(&mut self, now: Time, in_flight: &IdVec<ServiceId, u32>);
}

/// What an agent heard or did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentEvent {
    /// It was told what is desired of a task.
    Received {
        /// The task.
        task: TaskId,
        /// The desired state.
        desired: TaskState,
    },
    /// It reports a state of a task.
    Reported {
        /// The task.
        task: TaskId,
        /// The state.
        state: TaskState,
    },
    /// It sent the process of a task its stop signal, which the process heeds.
    StopSignal {
        /// The task.
        task: TaskId,
    },
}

/// The specification of a service after it was written.
#[derive(Clone, Debug)]
pub struct SpecWritten<'a> {
    /// The service.
    pub service: ServiceId,
    /// What it is to be.
    pub spec: &'a Rc<ServiceSpec>,
    /// What a rollback would return to.
    pub previous: Option<&'a Rc<ServiceSpec>>,
    /// Who wrote it.
    pub cause: SpecCause,
    /// Its tasks that must be replaced to become what is wanted (control-plane D1), in order of their slots.
    pub dirty: Vec<TaskId>,
}

/// What a load balancer does with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// What kind of load balancer it is.
    pub access: Access,
    /// On which node; `None`: on none.
    pub node: Option<NodeId>,
    /// The task.
    pub task: TaskId,
    /// What it does with the task from now on.
    pub weight: Weight,
}

/// Something that happened, other than a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Record {
    /// An operator's command begins; `index` in [`crate::sim::Plan::commands`].
    Command {
        /// Index of the command.
        index: u32,
    },
    /// A command that had to wait for a leader is carried out.
    CommandResumed {
        /// Index of the command.
        index: u32,
    },
    /// The managers refused the command.
    CommandError {
        /// Index of the command.
        index: u32,
        /// Why.
        error: CommandError,
    },
    /// A service was created, or its specification was written (by an operator, or by an automatic rollback).
    Spec {
        /// The service.
        service: ServiceId,
        /// Tasks that it wants now.
        desired: u32,
        /// Image of its tasks now.
        image: ImageId,
        /// Which of the service's specifications it is: a rollback brings an earlier version back (control-plane M6).
        version: u64,
        /// Who wrote it.
        cause: SpecCause,
    },
    /// A global service wants another number of tasks now, because nodes came, went or changed.
    Desired {
        /// The service.
        service: ServiceId,
        /// Tasks that it wants now.
        desired: u32,
    },
    /// A node was written by the managers.
    Node {
        /// The node.
        node: NodeId,
        /// What they know of its agent; `None`: it is no member of the cluster any more.
        state: Option<NodeState>,
        /// What it is now: a node that is to be demoted is a manager until raft has let it go (control-plane Q12).
        role: Role,
    },
    /// Who leads has changed. At the start it is the first manager of the plan.
    Leadership(Leadership),
    /// What is known of a manager has changed. At the start all managers are reachable.
    Manager {
        /// Its node.
        node: NodeId,
        /// Whether the others reach it; `None`: it is no manager any more.
        reachability: Option<Reachability>,
    },
    /// A service was removed.
    ServiceRemoved {
        /// The service.
        service: ServiceId,
    },
    /// A service's update status changed.
    UpdateStatus {
        /// The service.
        service: ServiceId,
        /// The status; `None`: cleared by an update.
        status: Option<UpdateStatus>,
    },
    /// An updater begins to work on a service's dirty slots, or has ended. One that is lost with its leader ends without a record.
    Updater {
        /// The service.
        service: ServiceId,
        /// Which updater: the number is its own among all of the run.
        run: u32,
        /// Whether it rolls back, by the service's rollback configuration.
        is_rollback: bool,
        /// Begins or has ended.
        begins: bool,
    },
    /// A task was created, or its observed state, desired state, node or error changed, in the managers' store.
    Task(TaskRecord),
    /// A task was deleted from the store.
    TaskRemoved {
        /// The task.
        task: TaskId,
        /// Its service.
        service: ServiceId,
    },
    /// The process of a task is gone.
    ProcessEnded {
        /// The task.
        task: TaskId,
    },
    /// A task entered or left rotation: the load balancer would send it requests. For a service without service binding: its
    /// process came up or ended.
    Rotation {
        /// The task.
        task: TaskId,
        /// Its service.
        service: ServiceId,
        /// Its image.
        image: ImageId,
        /// Entered or left.
        entered: bool,
    },
}

/// Why a specification was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecCause {
    /// `docker service create`, or a service of the scenario.
    Create,
    /// An update by the operator.
    Update,
    /// A rollback that the operator asked for.
    ManualRollback,
    /// A rollback by the updater.
    AutomaticRollback,
}

/// A task as it stands in the store after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskRecord {
    /// Ordinal of its creation.
    pub task: TaskId,
    /// Its service.
    pub service: ServiceId,
    /// Its slot.
    pub slot: Slot,
    /// Its image.
    pub image: ImageId,
    /// Its node, once it has one.
    pub node: Option<NodeId>,
    /// Observed status.
    pub status: Status,
    /// When the status was what it is: by the agent's clock, where an agent reported it.
    pub status_at: Time,
    /// Desired state.
    pub desired: TaskState,
    /// Who created it and from what, in the record of its creation only.
    pub created: Option<Creation>,
}

/// Two observers of the same run.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn record(&mut self, now: Time, record: &Record) {
        self.0.record(now, record);
        self.1.record(now, record);
    }

    fn spec(&mut self, now: Time, written: &SpecWritten<'_>) {
        self.0.spec(now, written);
        self.1.spec(now, written);
    }

    fn agent(&mut self, now: Time, event: AgentEvent) {
        self.0.agent(now, event);
        self.1.agent(now, event);
    }

    fn decision(&mut self, now: Time, service: ServiceId, decision: &Decision) {
        self.0.decision(now, service, decision);
        self.1.decision(now, service, decision);
    }

    fn wants_decisions(&self) -> bool {
        self.0.wants_decisions() || self.1.wants_decisions()
    }

    fn shift(&mut self, now: Time, shift: &Shift) {
        self.0.shift(now, shift);
        self.1.shift(now, shift);
    }

    fn request(&mut self, request: &Request) {
        self.0.request(request);
        self.1.request(request);
    }

    fn requests(&mut self, batch: &Batch) {
        self.0.requests(batch);
        self.1.requests(batch);
    }

    fn instant(&mut self, now: Time, in_flight: &IdVec<ServiceId, u32>) {
        self.0.instant(now, in_flight);
        self.1.instant(now, in_flight);
    }
}

/// An observer that may be missing.
impl<O: Observer> Observer for Option<O> {
    fn record(&mut self, now: Time, record: &Record) {
        if let Some(observer) = self {
            observer.record(now, record);
        }
    }

    fn spec(&mut self, now: Time, written: &SpecWritten<'_>) {
        if let Some(observer) = self {
            observer.spec(now, written);
        }
    }

    fn agent(&mut self, now: Time, event: AgentEvent) {
        if let Some(observer) = self {
            observer.agent(now, event);
        }
    }

    fn decision(&mut self, now: Time, service: ServiceId, decision: &Decision) {
        if let Some(observer) = self {
            observer.decision(now, service, decision);
        }
    }

    fn wants_decisions(&self) -> bool {
        self.as_ref().is_some_and(Observer::wants_decisions)
    }

    fn shift(&mut self, now: Time, shift: &Shift) {
        if let Some(observer) = self {
            observer.shift(now, shift);
        }
    }

    fn request(&mut self, request: &Request) {
        if let Some(observer) = self {
            observer.request(request);
        }
    }

    fn requests(&mut self, batch: &Batch) {
        if let Some(observer) = self {
            observer.requests(batch);
        }
    }

    fn instant(&mut self, now: Time, in_flight: &IdVec<ServiceId, u32>) {
        if let Some(observer) = self {
            observer.instant(now, in_flight);
        }
    }
}

/// No observer.
impl Observer for () {
    fn record(&mut self, _now: Time, _record: &Record) {}
    fn request(&mut self, _request: &Request) {}
    fn instant(&mut self, _now: Time, _in_flight: &IdVec<ServiceId, u32>) {}
}
