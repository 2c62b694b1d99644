//! The managers' store: services, nodes and tasks, with a feed of changes for those who watch.
//!
//! A transaction writes rows and ends with [`Store::commit`]; one that wrote nothing announces nothing. Watchers get the
//! changes of one transaction at a time, in order ([`Store::next_transaction`]).
//!
//! Source: manager/state/store/memory.go (control-plane M9). A transaction of ours is one commit however long it is; Swarm splits
//! batches after 200 changes, within the same instant.

use std::rc::Rc;

use super::orchestrator::task::{SpecId, Specs};
use crate::kernel::{IdVec, Time};
use crate::model::change::{Change, TaskView};
use crate::model::decision::Decision;
use crate::model::node::{Availability, NodeSpec, NodeState, Role};
use crate::model::service::ServiceSpec;
use crate::model::task::{Creation, Creator, Message, Slot, Status, TaskState};
use crate::model::update::UpdateStatus;
use crate::model::{ImageId, NodeId, ServiceId, TaskId};

/// A service as the managers know it.
///
/// Source: api/objects.proto `Service`.
#[derive(Clone, Debug)]
pub struct Service {
    /// What it is to be.
    pub spec: Rc<ServiceSpec>,
    /// Which task specification and endpoint that is, for comparison.
    pub spec_id: SpecId,
    /// Version of the specification: grows with every update, returns with a rollback (control-plane M6).
    pub spec_version: u64,
    /// What it was to be before, and the version of that.
    pub previous: Option<(Rc<ServiceSpec>, u64)>,
    /// How far the update is.
    pub update_status: Option<UpdateStatus>,
    /// Version of the stored object: grows with every write.
    pub version: u64,
}

/// A node as the managers know it.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its hostname.
    pub name: String,
    /// What the operator wants of it.
    pub spec: NodeSpec,
    /// Manager or worker now; `spec` says which it is to be.
    pub role: Role,
    /// What is known of its agent.
    pub state: NodeState,
}

impl Node {
    /// A node whose agent has a session, as what the specification says.
    pub fn new(name: String, spec: NodeSpec) -> Node {
        let role = spec.role;
        Node { name, spec, role, state: NodeState::Ready }
    }

    /// Whether tasks cannot stay on the node: it is down or drained.
    ///
    /// Source: manager/orchestrator/task.go `InvalidNode` (control-plane M8).
    pub fn is_invalid(&self) -> bool {
        self.state == NodeState::Down || self.spec.availability == Availability::Drain
    }
}

/// A task as the managers know it.
///
/// Source: api/objects.proto `Task`.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// Its service.
    pub service: ServiceId,
    /// Its place in the service.
    pub slot: Slot,
    /// Its node, once it has one.
    pub node: Option<NodeId>,
    /// What it runs.
    pub spec: SpecId,
    /// Version of the service's specification from which it was made.
    pub spec_version: u64,
    /// Its image.
    pub image: ImageId,
    /// How many tasks of that image were created before.
    pub ordinal: u32,
    /// When it was created.
    pub created_at: Time,
    /// Observed status.
    pub status: Status,
    /// When the status was written.
    pub status_at: Time,
    /// Desired state.
    pub desired: TaskState,
    /// Whether it is still in the store.
    pub exists: bool,
}

impl Task {
    /// What watchers look at in it.
    pub fn view(&self) -> TaskView {
        TaskView { state: self.status.state, desired: self.desired, node: self.node }
    }
}

/// A write, in the order of writing, for those who look on from outside.
#[derive(Clone, Debug)]
pub enum Written {
    /// A task, as it stands after the write; who created it, if the write did.
    Task(TaskId, Task, Option<Creation>),
    /// A task was deleted.
    TaskRemoved(TaskId, ServiceId),
    /// A service's update status.
    UpdateStatus(ServiceId, Option<UpdateStatus>),
    /// A service's specification, by an automatic rollback, and its version.
    RolledBack(ServiceId, Rc<ServiceSpec>, u64),
    /// An updater begins or has ended: its service, its number, whether it rolls back and whether it begins.
    Updater(ServiceId, u32, bool, bool),
    /// A decision about a service, which writes nothing by itself.
    Decision(ServiceId, Decision),
    /// A service was deleted.
    ServiceRemoved(ServiceId),
    /// A node, with what is known of its agent; `None`: it is no member of the cluster any more.
    Node(NodeId, Option<NodeState>, Role),
}

/// All objects, and what changed.
#[derive(Debug, Default)]
pub struct Store {
    services: IdVec<ServiceId, Option<Service>>,
    nodes: IdVec<NodeId, Option<Node>>,
    tasks: IdVec<TaskId, Task>,
    /// Tasks of each slot that are in the store, in order of creation; by service and number of the slot or of the node.
    slots: IdVec<ServiceId, Vec<Vec<TaskId>>>,
    /// Tasks that have each node, in order of creation, those that were deleted included.
    on_nodes: IdVec<NodeId, Vec<TaskId>>,
    specs: Specs,
    tasks_of_image: IdVec<ImageId, u32>,
    /// Changes not yet handed to watchers; transactions end with [`Change::Commit`].
    feed: Vec<Change>,
    /// How much of `feed` has been handed out.
    read: usize,
    /// Whether the open transaction wrote anything.
    open: bool,
    version: u64,
    commits: u64,
    written: Vec<Written>,
    /// Whether anybody wants to know of decisions.
    tells_decisions: bool,
}

impl Store {
    /// A store that knows the nodes of the cluster, and nothing else. `None`: a node that may join later.
    pub fn new(nodes: IdVec<NodeId, Option<Node>>, services: usize) -> Store {
        Store {
            on_nodes: IdVec::filled(nodes.len(), Vec::new()),
            nodes,
            services: IdVec::filled(services, None),
            slots: IdVec::filled(services, Vec::new()),
            ..Store::default()
        }
    }

    /// The service, unless it does not exist now.
    pub fn service(&self, id: ServiceId) -> Option<&Service> {
        self.services[id].as_ref()
    }

    /// All services.
    pub fn services(&self) -> impl Iterator<Item = (ServiceId, &Service)> {
        self.services.iter().filter_map(|(id, service)| Some((id, service.as_ref()?)))
    }

    /// The node, unless it is no member of the cluster now.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes[id].as_ref()
    }

    /// All nodes of the cluster.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter().filter_map(|(id, node)| Some((id, node.as_ref()?)))
    }

    /// Number of nodes that are, were or may become members of the cluster.
    pub fn node_ids(&self) -> usize {
        self.nodes.len()
    }

    /// The task, unless it was deleted.
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        Some(&self.tasks[id]).filter(|task| task.exists)
    }

    /// The task as it is, or as it was when it was deleted.
    pub fn task_ever(&self, id: TaskId) -> &Task {
        &self.tasks[id]
    }

    /// All tasks that ever had this node, in order of creation, those that were deleted included.
    pub fn tasks_ever_on_node(&self, node: NodeId) -> impl Iterator<Item = (TaskId, &Task)> {
        self.on_nodes[node].iter().map(|id| (*id, &self.tasks[*id]))
    }

    /// All tasks in the store, in order of creation.
    pub fn tasks(&self) -> impl Iterator<Item = (TaskId, &Task)> {
        self.tasks.iter().filter(|(_, task)| task.exists)
    }

    /// All tasks in the store that have this node, in order of creation.
    pub fn tasks_on_node(&self, node: NodeId) -> impl Iterator<Item = (TaskId, &Task)> {
        self.tasks_ever_on_node(node).filter(|(_, task)| task.exists)
    }

    /// Tasks in the store of each slot of a service, by slot number (index 0 is empty) or, for a global service, by node.
    pub fn slots(&self, service: ServiceId) -> &[Vec<TaskId>] {
        &self.slots[service]
    }

    /// Tasks in the store of one slot, in order of creation.
    pub fn tasks_in_slot(&self, service: ServiceId, slot: Slot) -> &[TaskId] {
        self.slots[service].get(slot_index(slot)).map_or(&[], Vec::as_slice)
    }

    /// Task specifications, told apart.
    pub fn specs(&self) -> &Specs {
        &self.specs
    }

    /// Writes a service back after `change`. Nothing is written if the service is gone or `change` says no.
    pub fn update_service(&mut self, id: ServiceId, change: impl FnOnce(&mut Service) -> bool) -> bool {
        let Some(mut service) = self.services[id].clone() else { return false };
        let (spec, status) = (Rc::clone(&service.spec), service.update_status);
        if !change(&mut service) {
            return false;
        }
        if !Rc::ptr_eq(&spec, &service.spec) {
            service.spec_id = self.specs.intern(&service.spec);
        }
        service.version = self.next_version();
        if status != service.update_status {
            self.written.push(Written::UpdateStatus(id, service.update_status));
        }
        self.services[id] = Some(service);
        self.announce(Change::ServiceUpdated(id));
        true
    }

    /// Creates a service.
    pub fn create_service(&mut self, id: ServiceId, spec: ServiceSpec) {
        let spec = Rc::new(spec);
        let spec_id = self.specs.intern(&spec);
        let version = self.next_version();
        let service = Service { spec, spec_id, spec_version: 0, previous: None, update_status: None, version };
        self.services[id] = Some(service);
        self.announce(Change::ServiceCreated(id));
    }

    /// Deletes a service. Its tasks stay.
    pub fn remove_service(&mut self, id: ServiceId) {
        self.services[id] = None;
        self.written.push(Written::ServiceRemoved(id));
        self.announce(Change::ServiceRemoved(id));
    }

    /// Notes decisions from now on.
    pub fn tell_decisions(&mut self) {
        self.tells_decisions = true;
    }

    /// Notes a decision about a service, if anybody wants to know. Nothing is written.
    #[inline]
    pub fn decide(&mut self, service: ServiceId, decision: Decision) {
        if self.tells_decisions {
            self.written.push(Written::Decision(service, decision));
        }
    }

    /// As [`Store::decide`], about the service of a task.
    #[inline]
    pub fn decide_on(&mut self, task: TaskId, decision: Decision) {
        self.decide(self.tasks[task].service, decision);
    }

    /// Notes that an automatic rollback has replaced a service's specification.
    pub fn note_rolled_back(&mut self, id: ServiceId) {
        if let Some(service) = &self.services[id] {
            self.written.push(Written::RolledBack(id, Rc::clone(&service.spec), service.spec_version));
        }
    }

    /// Notes that an updater begins or has ended. Nothing is written.
    pub fn note_updater(&mut self, service: ServiceId, run: u32, is_rollback: bool, begins: bool) {
        self.written.push(Written::Updater(service, run, is_rollback, begins));
    }

    /// Creates a task of `service` in `slot`, with the specification given.
    ///
    /// Source: manager/orchestrator/task.go `NewTask` (control-plane M4).
    pub fn create_task(&mut self, now: Time, new: NewTask) -> TaskId {
        let image = self.specs.get(new.spec).task.container.image;
        let ordinal = self.tasks_of_image.entry(image, 0);
        let task = Task {
            service: new.service,
            slot: new.slot,
            node: match new.slot {
                Slot::Replica(_) => None,
                Slot::Node(node) => Some(node),
            },
            spec: new.spec,
            spec_version: new.spec_version,
            image,
            ordinal: *ordinal,
            created_at: now,
            status: Status { state: TaskState::New, message: Message::Created, err: None },
            status_at: now,
            desired: new.desired,
            exists: true,
        };
        *ordinal += 1;
        let id = self.tasks.push(task);
        let (slots, index) = (&mut self.slots[new.service], slot_index(new.slot));
        if slots.len() <= index {
            slots.resize_with(index + 1, Vec::new);
        }
        slots[index].push(id);
        if let Some(node) = task.node {
            self.on_nodes[node].push(id);
        }
        let creation = Creation { by: new.by, spec_version: new.spec_version };
        self.written.push(Written::Task(id, task, Some(creation)));
        self.announce(Change::TaskCreated(id));
        id
    }

    /// Sets the desired state of a task that is in the store.
    pub fn set_desired(&mut self, id: TaskId, desired: TaskState) {
        self.write_task(id, |task| task.desired = desired);
    }

    /// Sets the observed status of a task that is in the store; `at` is when that was.
    pub fn set_status(&mut self, at: Time, id: TaskId, status: Status) {
        self.write_task(id, |task| {
            task.status = status;
            task.status_at = at;
        });
    }

    /// Gives a task its node, and the status that says so.
    pub fn assign(&mut self, now: Time, id: TaskId, node: NodeId, message: Message) {
        if let Err(place) = self.on_nodes[node].binary_search(&id) {
            self.on_nodes[node].insert(place, id);
        }
        self.write_task(id, |task| {
            task.node = Some(node);
            task.status = Status { state: TaskState::Assigned, message, err: None };
            task.status_at = now;
        });
    }

    /// Deletes a task, if it is still there.
    pub fn remove_task(&mut self, id: TaskId) {
        let task = &mut self.tasks[id];
        if !std::mem::replace(&mut task.exists, false) {
            return;
        }
        let (service, old) = (task.service, task.view());
        let index = slot_index(task.slot);
        self.slots[service][index].retain(|other| *other != id);
        self.written.push(Written::TaskRemoved(id, service));
        self.announce(Change::TaskRemoved { task: id, old });
    }

    /// Adds a node to the cluster.
    pub fn create_node(&mut self, id: NodeId, node: Node) {
        self.written.push(Written::Node(id, Some(node.state), node.role));
        self.nodes[id] = Some(node);
        self.announce(Change::NodeCreated(id));
    }

    /// Writes a node back after `change`; nothing is written if it is no member of the cluster.
    pub fn update_node(&mut self, id: NodeId, change: impl FnOnce(&mut Node)) {
        if let Some(node) = &mut self.nodes[id] {
            change(node);
            self.written.push(Written::Node(id, Some(node.state), node.role));
            self.announce(Change::NodeUpdated(id));
        }
    }

    /// Takes a node out of the cluster. Its tasks stay.
    pub fn remove_node(&mut self, id: NodeId) {
        let role = self.nodes[id].take().map_or(Role::Worker, |node| node.role);
        self.written.push(Written::Node(id, None, role));
        self.announce(Change::NodeRemoved(id));
    }

    /// Ends the transaction.
    pub fn commit(&mut self) {
        if std::mem::replace(&mut self.open, false) {
            self.feed.push(Change::Commit);
            self.commits += 1;
        }
    }

    /// Number of transactions that have ended.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// Moves the changes of the next transaction that watchers have not seen into `changes`, without the final
    /// [`Change::Commit`]. Returns whether there was one.
    pub fn next_transaction(&mut self, changes: &mut Vec<Change>) -> bool {
        debug_assert!(!self.open, "a transaction is open");
        changes.clear();
        let unread = &self.feed[self.read..];
        let Some(len) = unread.iter().position(|change| *change == Change::Commit) else {
            self.feed.clear();
            self.read = 0;
            return false;
        };
        changes.extend_from_slice(&unread[..len]);
        self.read += len + 1;
        true
    }

    /// Exchanges `written`, which is empty, for what was written since the last call, in order.
    pub fn take_written(&mut self, written: &mut Vec<Written>) {
        std::mem::swap(&mut self.written, written);
    }

    fn write_task(&mut self, id: TaskId, change: impl FnOnce(&mut Task)) {
        let task = &mut self.tasks[id];
        debug_assert!(task.exists);
        let old = task.view();
        change(task);
        let (task, new) = (*task, task.view());
        self.written.push(Written::Task(id, task, None));
        self.announce(Change::TaskUpdated { task: id, old, new });
    }

    fn announce(&mut self, change: Change) {
        self.open = true;
        self.feed.push(change);
    }

    fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }
}

/// Where the tasks of a slot stand among those of its service.
fn slot_index(slot: Slot) -> usize {
    match slot {
        Slot::Replica(number) => number as usize,
        Slot::Node(node) => node.0 as usize,
    }
}

/// What a new task is to be.
#[derive(Clone, Copy, Debug)]
pub struct NewTask {
    /// Its service.
    pub service: ServiceId,
    /// Its place.
    pub slot: Slot,
    /// What it runs.
    pub spec: SpecId,
    /// Version of the specification.
    pub spec_version: u64,
    /// Desired state.
    pub desired: TaskState,
    /// Who creates it.
    pub by: Creator,
}
