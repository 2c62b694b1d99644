//! Forged records, to see that each promise can be broken.

use super::{Promise, Promises};
use crate::kernel::{Dist, IdVec, Span, Time};
use crate::model::client::{Access, ClientSpec, Connect, Load};
use crate::model::command::{Command, SpecChange};
use crate::model::engine::Engine;
use crate::model::image::ImageBehavior;
use crate::model::latencies::Latencies;
use crate::model::node::{Availability, NodeSpec, NodeState, Role};
use crate::model::request::{Request, Weight};
use crate::model::service::{Mode, ServiceSpec};
use crate::model::task::{Creation, Creator, Message, Slot, Status, TaskState};
use crate::model::update::{UpdateMessage, UpdateState, UpdateStatus};
use crate::model::{ClientId, ImageId, NodeId, ServiceId, TaskId};
use crate::observe::{Observer, Record, Shift, SpecCause, TaskRecord};
use crate::sim::Plan;
use crate::sim::plan::{End, Image, Node, TieOrder, TimedCommand};

/// The service of these tests.
pub(super) const WEB: ServiceId = ServiceId(0);

/// A plan and the records of a run of it, both made up.
pub(super) struct Forged {
    plan: Plan,
    now: Time,
    tasks: IdVec<TaskId, TaskRecord>,
    told: Vec<(Time, Told)>,
}

enum Told {
    Record(Record),
    Shift(Shift),
    Request(Request),
}

impl Forged {
    /// Nodes n1 and n2, and a service that was just created.
    pub(super) fn new(spec: ServiceSpec) -> Forged {
        let node = |name: &str| Node {
            name: name.to_owned(),
            spec: NodeSpec::default(),
            is_member: true,
            staleness: Span::ZERO,
        };
        let image = |name: &str| Image { name: name.to_owned(), behavior: ImageBehavior::default() };
        let plan = Plan {
            name: "forged".to_owned(),
            seed: 1,
            end: End::At(Time::ZERO),
            nodes: ["n1", "n2"].map(node).into_iter().collect(),
            images: ["app:1", "app:2"].map(image).into_iter().collect(),
            services: IdVec::from_iter(["web".to_owned()]),
            clients: IdVec::from_iter([client()]),
            commands: Vec::new(),
            engine: Engine::Current,
            latencies: Latencies::NONE,
            ties: TieOrder::Fixed,
            task_history_limit: None,
            grade: Default::default(),
            measure_from: None,
            slo: IdVec::new(),
        };
        let mut forged = Forged { plan, now: Time::ZERO, tasks: IdVec::new(), told: Vec::new() };
        let desired = match spec.mode {
            Mode::Replicated { replicas } => replicas,
            Mode::Global => 2,
        };
        forged.command(Command::ServiceCreate { service: WEB, spec: Box::new(spec) });
        forged.record(Record::Spec { service: WEB, desired, image: ImageId(0), version: 0, cause: SpecCause::Create });
        forged
    }

    pub(super) fn at(&mut self, ms: u64) -> &mut Self {
        self.now = Time::from_millis(ms);
        self
    }

    pub(super) fn record(&mut self, record: Record) -> &mut Self {
        self.told.push((self.now, Told::Record(record)));
        self
    }

    pub(super) fn request(&mut self, request: Request) -> &mut Self {
        self.told.push((self.now, Told::Request(request)));
        self
    }

    pub(super) fn command(&mut self, command: Command) -> &mut Self {
        let index = self.plan.commands.len() as u32;
        self.plan.commands.push(TimedCommand { at: self.now, line: String::new(), command });
        self.record(Record::Command { index })
    }

    /// The node has so many bytes of memory.
    pub(super) fn give_memory(&mut self, node: u32, bytes: u64) -> &mut Self {
        self.plan.nodes[NodeId(node)].spec.memory = Some(bytes);
        self
    }

    /// The operator's update makes this version.
    pub(super) fn update(&mut self, change: SpecChange, version: u64) -> &mut Self {
        self.command(Command::ServiceUpdate { service: WEB, change: Box::new(change) });
        let cause = SpecCause::Update;
        self.record(Record::Spec { service: WEB, desired: 0, image: ImageId(0), version, cause }).status(None)
    }

    /// A rollback brings this version back.
    pub(super) fn roll_back(&mut self, version: u64) -> &mut Self {
        let cause = SpecCause::AutomaticRollback;
        self.record(Record::Spec { service: WEB, desired: 0, image: ImageId(0), version, cause })
            .status(Some(UpdateState::RollbackStarted))
    }

    pub(super) fn status(&mut self, state: Option<UpdateState>) -> &mut Self {
        let status = state.map(|state| UpdateStatus { state, message: UpdateMessage::InProgress });
        self.record(Record::UpdateStatus { service: WEB, status })
    }

    pub(super) fn updater(&mut self, run: u32, is_rollback: bool, begins: bool) -> &mut Self {
        self.record(Record::Updater { service: WEB, run, is_rollback, begins })
    }

    pub(super) fn set_availability(&mut self, node: u32, availability: Availability) -> &mut Self {
        let (node, availability) = (NodeId(node), Some(availability));
        let (label_add, label_rm) = (Vec::new(), Vec::new());
        self.command(Command::NodeUpdate { node, role: None, availability, label_add, label_rm });
        self.record(Record::Node { node, state: Some(NodeState::Ready), role: Role::Worker })
    }

    /// The next task is created in this slot.
    pub(super) fn create(&mut self, slot: u32, by: Creator, spec_version: u64) -> &mut Self {
        let task = TaskRecord {
            task: TaskId(self.tasks.len() as u32),
            service: WEB,
            slot: Slot::Replica(slot),
            image: ImageId(0),
            node: None,
            status: Status { state: TaskState::New, message: Message::Created, err: None },
            status_at: Time::ZERO,
            desired: TaskState::Running,
            created: Some(Creation { by, spec_version }),
        };
        self.tasks.push(task);
        self.record(Record::Task(task))
    }

    pub(super) fn state(&mut self, task: u32, state: TaskState) -> &mut Self {
        self.write(task, |row| row.status.state = state)
    }

    pub(super) fn desire(&mut self, task: u32, desired: TaskState) -> &mut Self {
        self.write(task, |row| row.desired = desired)
    }

    pub(super) fn assign(&mut self, task: u32, node: u32) -> &mut Self {
        self.write(task, |row| (row.node, row.status.state) = (Some(NodeId(node)), TaskState::Assigned))
    }

    pub(super) fn remove(&mut self, task: u32) -> &mut Self {
        self.record(Record::TaskRemoved { task: TaskId(task), service: WEB })
    }

    pub(super) fn rotate(&mut self, task: u32, entered: bool) -> &mut Self {
        let image = ImageId(0);
        self.record(Record::Rotation { task: TaskId(task), service: WEB, image, entered })
    }

    /// What the load balancer of a node does with a task from now on.
    pub(super) fn shift(&mut self, node: u32, task: u32, weight: Weight) -> &mut Self {
        let (access, node, task) = (Access::Vip, Some(NodeId(node)), TaskId(task));
        self.told.push((self.now, Told::Shift(Shift { access, node, task, weight })));
        self
    }

    /// How the client reaches the service, to change it.
    pub(super) fn connect(&mut self) -> &mut Connect {
        &mut self.plan.clients[ClientId(0)].connect
    }

    /// The promises that an onlooker finds broken, in order.
    pub(super) fn broken(&self) -> Vec<Promise> {
        let mut promises = Promises::new(&self.plan);
        let in_flight = IdVec::filled(1, 0);
        let mut last = Time::ZERO;
        for (time, told) in &self.told {
            if *time > last {
                promises.instant(last, &in_flight);
                last = *time;
            }
            match told {
                Told::Record(record) => promises.record(*time, record),
                Told::Shift(shift) => promises.shift(*time, shift),
                Told::Request(request) => promises.request(request),
            }
        }
        promises.instant(last, &in_flight);
        promises.broken().iter().map(|broken| broken.promise).collect()
    }

    fn write(&mut self, task: u32, change: impl FnOnce(&mut TaskRecord)) -> &mut Self {
        let row = &mut self.tasks[TaskId(task)];
        row.created = None;
        change(row);
        let row = *row;
        self.record(Record::Task(row))
    }
}

/// A client whose connections enter at n1.
fn client() -> ClientSpec {
    ClientSpec {
        name: "users".to_owned(),
        service: WEB,
        from: Time::ZERO,
        until: Time::MAX,
        load: Load::Open { gap: Dist::Constant(Span::from_millis(100)) },
        connect: Connect { access: Access::Vip, nodes: vec![NodeId(0)], ..Connect::default() },
    }
}

/// A service of so many replicas.
pub(super) fn replicated(replicas: u32) -> ServiceSpec {
    ServiceSpec::replicated(ImageId(0), replicas)
}
