//! The clients of a run, in the grade that its plan asks for.

use crate::kernel::{IdVec, Streams, Time};
use crate::model::client::Grade;
use crate::model::image::Application;
use crate::model::request::{Cause, Weight};
use crate::model::{ClientId, EntryId, ImageId, ServiceId, TaskId};
use crate::network::Network;
use crate::observe::Observer;
use crate::traffic::{Bulk, Notice, Traffic};

use super::Plan;

/// All clients and the tasks that they call. What each function does is said where the grades have it.
#[expect(clippy::large_enum_variant, reason = "a run has one of them")]
pub(super) enum Clients {
    /// Request by request.
    Exact(Traffic),
    /// Counted.
    Bulk(Bulk),
}

impl Clients {
    pub(super) fn new(
        plan: &Plan,
        entries: IdVec<ClientId, Vec<EntryId>>,
        applications: IdVec<ImageId, Application>,
        streams: &Streams,
    ) -> Clients {
        let services = plan.services.len();
        match plan.grade {
            Grade::Exact => Clients::Exact(Traffic::new(&plan.clients, entries, applications, services, streams)),
            grade => Clients::Bulk(Bulk::new(grade, &plan.clients, entries, applications, services, streams)),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        match self {
            Clients::Exact(traffic) => traffic.is_idle(),
            Clients::Bulk(bulk) => bulk.is_idle(),
        }
    }

    pub(super) fn is_unfinished(&self) -> bool {
        match self {
            Clients::Exact(traffic) => traffic.is_unfinished(),
            Clients::Bulk(_) => false,
        }
    }

    pub(super) fn in_flight(&self) -> &IdVec<ServiceId, u32> {
        match self {
            Clients::Exact(traffic) => traffic.in_flight(),
            Clients::Bulk(bulk) => bulk.in_flight(),
        }
    }

    pub(super) fn advance(&mut self, now: Time, network: &mut Network, observer: &mut impl Observer) -> Time {
        match self {
            Clients::Exact(traffic) => traffic.advance(now, network, &mut |request| observer.request(request)),
            Clients::Bulk(bulk) => bulk.advance(now, network),
        }
    }

    /// Tells of what is counted up to the instant that was reached; single requests were told on the way.
    pub(super) fn tell(&mut self, observer: &mut impl Observer) {
        match self {
            Clients::Exact(_) => {}
            Clients::Bulk(bulk) => bulk.tell(&mut |batch| observer.requests(batch)),
        }
    }

    pub(super) fn take_notice(&mut self, now: Time) -> Option<Notice> {
        match self {
            Clients::Exact(traffic) => traffic.take_notice(now),
            Clients::Bulk(bulk) => bulk.take_notice(),
        }
    }

    pub(super) fn boot(&mut self, task: TaskId, service: ServiceId, image: ImageId) {
        match self {
            Clients::Exact(traffic) => traffic.boot(task, service, image),
            Clients::Bulk(bulk) => bulk.boot(task, service, image),
        }
    }

    pub(super) fn listen(&mut self, task: TaskId, service: ServiceId, image: ImageId) {
        match self {
            Clients::Exact(traffic) => traffic.listen(task, service, image),
            Clients::Bulk(bulk) => bulk.listen(task, service, image),
        }
    }

    pub(super) fn drain(&mut self, task: TaskId) {
        match self {
            Clients::Exact(traffic) => traffic.drain(task),
            Clients::Bulk(bulk) => bulk.drain(task),
        }
    }

    pub(super) fn kill(&mut self, now: Time, task: TaskId, cause: Cause, observer: &mut impl Observer) {
        match self {
            Clients::Exact(traffic) => traffic.kill(now, task, cause, &mut |request| observer.request(request)),
            Clients::Bulk(bulk) => bulk.kill(task, cause),
        }
    }

    pub(super) fn remove(&mut self, task: TaskId) {
        match self {
            Clients::Exact(traffic) => traffic.remove(task),
            Clients::Bulk(bulk) => bulk.remove(task),
        }
    }

    pub(super) fn lose(&mut self, now: Time, task: TaskId) {
        match self {
            Clients::Exact(traffic) => traffic.lose(now, task),
            Clients::Bulk(bulk) => bulk.lose(task),
        }
    }

    pub(super) fn shift(&mut self, now: Time, entry: EntryId, task: TaskId, weight: Weight, network: &Network) {
        match self {
            Clients::Exact(traffic) => traffic.shift(now, entry, task, weight, network),
            Clients::Bulk(bulk) => bulk.shift(now, entry, task, weight, network),
        }
    }
}
