//! What tests are fed with: a small plan, requests, records in order, and a summary.

use super::summary::{
    ClientRequests, Downtime, Latency, Requests, ServiceSummary, StatusChange, Summary, Totals, Update, UpdateKind,
    UpdateOutcome, VersionRequests,
};
use crate::kernel::{IdVec, Span, Time};
use crate::model::client::{ClientSpec, Connect, Load};
use crate::model::engine::Engine;
use crate::model::image::ImageBehavior;
use crate::model::latencies::Latencies;
use crate::model::node::NodeSpec;
use crate::model::request::{Cause, Failure, Request, RequestOutcome};
use crate::model::task::{Creation, Creator, Message, Slot, Status, TaskState};
use crate::model::update::{UpdateMessage, UpdateState, UpdateStatus};
use crate::model::{ClientId, ImageId, NodeId, ServiceId, TaskId};
use crate::observe::{Observer, Record, SpecCause, TaskRecord};
use crate::sim::Plan;
use crate::sim::plan::{End, Image, Node, TieOrder};

/// The service `web`.
pub(crate) const WEB: ServiceId = ServiceId(0);
/// The image `app:1`.
pub(crate) const OLD: ImageId = ImageId(0);
/// The image `app:2`.
pub(crate) const NEW: ImageId = ImageId(1);

/// An answer.
pub(crate) const OK: RequestOutcome = RequestOutcome::Ok;
/// A request that finds no task.
pub(crate) const REFUSED: RequestOutcome = RequestOutcome::Failed(Failure::Refused, Cause::NoTask);
/// A request whose task ends.
pub(crate) const RESET: RequestOutcome = RequestOutcome::Failed(Failure::Reset, Cause::Stopping);

/// Services `web`, with two clients, and `db`, with none; images `app:1`, `app:2` and `app:3`; node `node1`.
pub(crate) fn plan() -> Plan {
    let image = |name: &str| Image { name: name.into(), behavior: ImageBehavior::default() };
    let client = |name: &str| ClientSpec {
        name: name.into(),
        service: WEB,
        from: Time::ZERO,
        until: Time::MAX,
        load: Load::Open { gap: Default::default() },
        connect: Connect::default(),
    };
    Plan {
        name: "test".into(),
        seed: 7,
        end: End::At(Time::from_millis(60_000)),
        nodes: IdVec::from_iter([Node {
            name: "node1".into(),
            spec: NodeSpec::default(),
            is_member: true,
            staleness: Span::ZERO,
        }]),
        images: ["app:1", "app:2", "app:3"].map(image).into_iter().collect(),
        services: ["web", "db"].map(String::from).into_iter().collect(),
        clients: ["one", "two"].map(client).into_iter().collect(),
        commands: Vec::new(),
        engine: Engine::Current,
        latencies: Latencies::NONE,
        ties: TieOrder::Fixed,
        task_history_limit: None,
        grade: Default::default(),
        measure_from: None,
        slo: IdVec::new(),
    }
}

/// A request to `web` with its times in milliseconds; `image` is that of its task.
pub(crate) fn request(client: u32, sent: u64, ended: u64, image: Option<u32>, outcome: RequestOutcome) -> Request {
    Request {
        client: ClientId(client),
        service: WEB,
        task: image.map(|image| (TaskId(0), ImageId(image))),
        sent: Time::from_millis(sent),
        ended: Time::from_millis(ended),
        outcome,
    }
}

/// A service with a value for every metric, each another.
pub(crate) fn service() -> ServiceSummary {
    let (at, ms) = (Time::from_millis, Span::from_millis);
    let update = Update {
        kind: UpdateKind::Update,
        from: "app:1.0".into(),
        to: "app:2.0".into(),
        start: at(10_000),
        last_running: Some(at(12_000)),
        end: Some(at(20_000)),
        outcome: UpdateOutcome::RollbackCompleted,
        detect: Some(ms(3_000)),
        restore: Some(ms(4_000)),
    };
    let unfinished = Update {
        kind: UpdateKind::Rollback,
        last_running: None,
        end: None,
        outcome: UpdateOutcome::Unfinished,
        detect: None,
        restore: None,
        ..update.clone()
    };
    let status = |time, state, message: &str| StatusChange { at: at(time), state, message: message.into() };
    ServiceSummary {
        name: "web".into(),
        window: [at(1_500), at(11_500)],
        never_ready: false,
        requests: Some(Requests {
            total: 10,
            ok: 7,
            failed: 3,
            failed_share: Some(0.3),
            availability: Some(0.7),
            per_second: 12.5,
            by_outcome: [7, 3, 1, 2, 4, 5],
            by_cause: [20, 21, 22, 23, 24, 25, 26, 27],
            by_version: vec![VersionRequests { image: "app:1.0".into(), total: 9, ok: 7, failed: 2 }],
            by_client: vec![ClientRequests { client: "users".into(), total: 10, failed: 3, per_second: 12.5 }],
            unfinished: 1,
            latency: Some(Latency { p50: ms(1), p90: ms(2), p99: ms(3), p99_9: ms(4), max: ms(5) }),
        }),
        uptime_share: Some(0.75),
        downtime: Downtime::new(vec![[at(3_000), at(4_500)], [at(7_000), at(8_000)]]),
        degraded: ms(4_000),
        missing_replica: ms(6_500),
        peak_tasks: 5,
        error_budget_used: Some(1.5),
        update_status: vec![
            status(10_000, UpdateState::Updating, "update in progress"),
            status(20_000, UpdateState::Completed, "update completed"),
        ],
        final_update_status: Some(UpdateState::Completed),
        updates: vec![update, unfinished],
    }
}

/// A run without nodes, of that service alone.
pub(crate) fn summary() -> Summary {
    let service = service();
    let totals = Totals {
        requests: service.requests.clone(),
        downtime: service.downtime.clone(),
        degraded: service.degraded,
        missing_replica: service.missing_replica,
    };
    Summary {
        scenario: "test".into(),
        digest: String::new(),
        seed: 1,
        fingerprint: String::new(),
        end: Time::ZERO,
        warnings: Vec::new(),
        vain: Vec::new(),
        services: vec![service],
        totals,
        nodes: Vec::new(),
    }
}

/// Feeds an observer with a story told in milliseconds, and tells it of the end of each instant.
pub(crate) struct Feed<O> {
    pub(crate) observer: O,
    now: Time,
    tasks: IdVec<TaskId, TaskRecord>,
}

impl<O: Observer> Feed<O> {
    pub(crate) fn new(observer: O) -> Feed<O> {
        Feed { observer, now: Time::ZERO, tasks: IdVec::new() }
    }

    /// Goes on to this instant; the last one ends.
    pub(crate) fn at(&mut self, ms: u64) -> &mut Self {
        if Time::from_millis(ms) > self.now {
            self.observer.instant(self.now, &IdVec::filled(2, 0));
            self.now = Time::from_millis(ms);
        }
        self
    }

    /// The run ends at this instant.
    pub(crate) fn end(mut self, ms: u64) -> O {
        self.at(ms).observer.instant(Time::from_millis(ms), &IdVec::filled(2, 0));
        self.observer
    }

    pub(crate) fn record(&mut self, record: Record) -> &mut Self {
        self.observer.record(self.now, &record);
        self
    }

    pub(crate) fn spec(&mut self, cause: SpecCause, desired: u32, image: ImageId) -> &mut Self {
        self.record(Record::Spec { service: WEB, desired, image, version: 0, cause })
    }

    pub(crate) fn clear_status(&mut self) -> &mut Self {
        self.record(Record::UpdateStatus { service: WEB, status: None })
    }

    pub(crate) fn status(&mut self, state: UpdateState, message: UpdateMessage) -> &mut Self {
        self.record(Record::UpdateStatus { service: WEB, status: Some(UpdateStatus { state, message }) })
    }

    /// The next task is created, in slot 1.
    pub(crate) fn create(&mut self, image: ImageId) -> &mut Self {
        let status = Status { state: TaskState::New, message: Message::Created, err: None };
        let task = TaskRecord {
            task: TaskId(self.tasks.len() as u32),
            service: WEB,
            slot: Slot::Replica(1),
            image,
            node: Some(NodeId(0)),
            status,
            status_at: self.now,
            desired: TaskState::Running,
            created: Some(Creation { by: Creator::Orchestrator, spec_version: 0 }),
        };
        self.tasks.push(task);
        self.record(Record::Task(task))
    }

    /// A task's observed state changes.
    pub(crate) fn state(&mut self, task: u32, state: TaskState) -> &mut Self {
        self.change(task, |record| record.status.state = state)
    }

    /// A task's desired state changes.
    pub(crate) fn desire(&mut self, task: u32, desired: TaskState) -> &mut Self {
        self.change(task, |record| record.desired = desired)
    }

    /// A task is deleted.
    pub(crate) fn remove_task(&mut self, task: u32) -> &mut Self {
        self.record(Record::TaskRemoved { task: TaskId(task), service: WEB })
    }

    /// A task enters or leaves rotation.
    pub(crate) fn rotate(&mut self, task: u32, entered: bool) -> &mut Self {
        let TaskRecord { task, service, image, .. } = self.tasks[TaskId(task)];
        self.record(Record::Rotation { task, service, image, entered })
    }

    /// The next task is created, runs and enters rotation, all at once.
    pub(crate) fn start(&mut self, image: ImageId) -> &mut Self {
        let task = self.tasks.len() as u32;
        self.create(image).state(task, TaskState::Starting).state(task, TaskState::Running).rotate(task, true)
    }

    /// A task leaves rotation and is stopped, all at once.
    pub(crate) fn stop(&mut self, task: u32) -> &mut Self {
        self.desire(task, TaskState::Shutdown).rotate(task, false).state(task, TaskState::Shutdown)
    }

    pub(crate) fn request(&mut self, request: Request) -> &mut Self {
        self.observer.request(&request);
        self
    }

    fn change(&mut self, task: u32, change: impl FnOnce(&mut TaskRecord)) -> &mut Self {
        let record = &mut self.tasks[TaskId(task)];
        record.created = None;
        change(record);
        let record = *record;
        self.record(Record::Task(record))
    }
}
