//! What the tests of this directory are fed with: a small plan, requests, and records in order.

use crate::kernel::{IdVec, Time};
use crate::model::client::{ClientSpec, Load};
use crate::model::image::ImageBehavior;
use crate::model::latencies::Latencies;
use crate::model::node::NodeSpec;
use crate::model::request::{Request, RequestOutcome};
use crate::model::task::{Message, Slot, Status, TaskState};
use crate::model::update::{UpdateMessage, UpdateState, UpdateStatus};
use crate::model::{ClientId, ImageId, NodeId, ServiceId, TaskId};
use crate::observe::{Observer, Record, SpecCause, TaskRecord};
use crate::sim::Plan;
use crate::sim::plan::{End, Image, Node};

/// The service `web`.
pub(super) const WEB: ServiceId = ServiceId(0);
/// The image `app:1`.
pub(super) const OLD: ImageId = ImageId(0);
/// The image `app:2`.
pub(super) const NEW: ImageId = ImageId(1);

/// Services `web`, with two clients, and `db`, with none; images `app:1`, `app:2` and `app:3`; node `node1`.
pub(super) fn plan() -> Plan {
    let image = |name: &str| Image { name: name.into(), behavior: ImageBehavior::default() };
    let client = |name: &str| ClientSpec {
        name: name.into(),
        service: WEB,
        from: Time::ZERO,
        until: Time::MAX,
        load: Load::Open { gap: Default::default() },
    };
    Plan {
        name: "test".into(),
        seed: 7,
        end: End::At(Time::from_millis(60_000)),
        nodes: IdVec::from_iter([Node { name: "node1".into(), spec: NodeSpec::default() }]),
        images: ["app:1", "app:2", "app:3"].map(image).into_iter().collect(),
        services: ["web", "db"].map(String::from).into_iter().collect(),
        clients: ["one", "two"].map(client).into_iter().collect(),
        commands: Vec::new(),
        latencies: Latencies::NONE,
        task_history_limit: None,
        measure_from: None,
        slo: IdVec::new(),
    }
}

/// A request to `web` with its times in milliseconds; `image` is that of its task.
pub(super) fn request(client: u32, sent: u64, ended: u64, image: Option<u32>, outcome: RequestOutcome) -> Request {
    Request {
        client: ClientId(client),
        service: WEB,
        task: image.map(|image| (TaskId(0), ImageId(image))),
        sent: Time::from_millis(sent),
        ended: Time::from_millis(ended),
        outcome,
    }
}

/// Feeds an observer with a story told in milliseconds, and tells it of the end of each instant.
pub(super) struct Feed<O> {
    pub(super) observer: O,
    now: Time,
    tasks: IdVec<TaskId, TaskRecord>,
}

impl<O: Observer> Feed<O> {
    pub(super) fn new(observer: O) -> Feed<O> {
        Feed { observer, now: Time::ZERO, tasks: IdVec::new() }
    }

    /// Goes on to this instant; the last one ends.
    pub(super) fn at(&mut self, ms: u64) -> &mut Self {
        if Time::from_millis(ms) > self.now {
            self.observer.instant(self.now, &IdVec::filled(2, 0));
            self.now = Time::from_millis(ms);
        }
        self
    }

    /// The run ends at this instant.
    pub(super) fn end(mut self, ms: u64) -> O {
        self.at(ms).observer.instant(Time::from_millis(ms), &IdVec::filled(2, 0));
        self.observer
    }

    pub(super) fn record(&mut self, record: Record) -> &mut Self {
        self.observer.record(self.now, &record);
        self
    }

    pub(super) fn spec(&mut self, cause: SpecCause, desired: u32, image: ImageId) -> &mut Self {
        self.record(Record::Spec { service: WEB, desired, image, cause })
    }

    pub(super) fn clear_status(&mut self) -> &mut Self {
        self.record(Record::UpdateStatus { service: WEB, status: None })
    }

    pub(super) fn status(&mut self, state: UpdateState, message: UpdateMessage) -> &mut Self {
        self.record(Record::UpdateStatus { service: WEB, status: Some(UpdateStatus { state, message }) })
    }

    /// The next task is created, in slot 1.
    pub(super) fn create(&mut self, image: ImageId) -> &mut Self {
        let status = Status { state: TaskState::New, message: Message::Created, err: None };
        let task = TaskRecord {
            task: TaskId(self.tasks.len() as u32),
            service: WEB,
            slot: Slot::Replica(1),
            image,
            node: Some(NodeId(0)),
            status,
            desired: TaskState::Running,
            created: true,
        };
        self.tasks.push(task);
        self.record(Record::Task(task))
    }

    /// A task's observed state changes.
    pub(super) fn state(&mut self, task: u32, state: TaskState) -> &mut Self {
        self.change(task, |record| record.status.state = state)
    }

    /// A task's desired state changes.
    pub(super) fn desire(&mut self, task: u32, desired: TaskState) -> &mut Self {
        self.change(task, |record| record.desired = desired)
    }

    /// A task is deleted.
    pub(super) fn remove_task(&mut self, task: u32) -> &mut Self {
        self.record(Record::TaskRemoved { task: TaskId(task), service: WEB })
    }

    /// A task enters or leaves rotation.
    pub(super) fn rotate(&mut self, task: u32, entered: bool) -> &mut Self {
        let TaskRecord { task, service, image, .. } = self.tasks[TaskId(task)];
        self.record(Record::Rotation { task, service, image, entered })
    }

    /// The next task is created, runs and enters rotation, all at once.
    pub(super) fn start(&mut self, image: ImageId) -> &mut Self {
        let task = self.tasks.len() as u32;
        self.create(image).state(task, TaskState::Starting).state(task, TaskState::Running).rotate(task, true)
    }

    /// A task leaves rotation and is stopped, all at once.
    pub(super) fn stop(&mut self, task: u32) -> &mut Self {
        self.desire(task, TaskState::Shutdown).rotate(task, false).state(task, TaskState::Shutdown)
    }

    pub(super) fn request(&mut self, request: Request) -> &mut Self {
        self.observer.request(&request);
        self
    }

    fn change(&mut self, task: u32, change: impl FnOnce(&mut TaskRecord)) -> &mut Self {
        let record = &mut self.tasks[TaskId(task)];
        record.created = false;
        change(record);
        let record = *record;
        self.record(Record::Task(record))
    }
}
