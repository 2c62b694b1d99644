//! What becomes of connections that enter at one place: so large a share of them each.

use crate::kernel::IdVec;
use crate::model::client::Access;
use crate::model::request::{Cause, Failure, Route};
use crate::model::{EntryId, ImageId, ServiceId, TaskId};

use super::super::Routing;
use super::super::server::State;
use super::backend::{Backend, Work};

/// What traffic in bulk asks of the network beyond the route of one connection.
pub trait Rotations: Routing {
    /// A number that grows whenever [`Routing::connects`] may say otherwise than before.
    fn link_changes(&self) -> u64;
    /// What becomes of connections that enter here if no task gets them.
    fn closed(&self, entry: EntryId) -> Option<Route>;
}

/// One way into a service.
#[derive(Clone, Debug)]
pub(super) struct Rotation {
    pub(super) service: ServiceId,
    /// What becomes of all connections, if no task gets them.
    pub(super) closed: Option<Fate>,
    /// The fate of a connection that goes to a task, if any goes there.
    members: IdVec<TaskId, Option<Fate>>,
    /// How many members have each fate.
    fates: Vec<(Fate, u32)>,
    /// Members when the last step began.
    count: u32,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    /// A task of this image takes it, whichever.
    Taken(ImageId),
    /// This task takes it, which reacts to requests.
    TakenBy(TaskId),
    /// A task of this image refuses it, for this reason.
    Refused(ImageId, Cause),
    /// Nobody answers at the address of this task.
    Silence(TaskId),
    /// There is no task: it fails at once.
    Nowhere(Failure, Cause),
    /// Nobody answers where it enters.
    NoEntry,
}

impl Rotation {
    pub(super) fn new(service: ServiceId) -> Rotation {
        let (members, fates) = (IdVec::new(), Vec::new());
        Rotation { service, closed: Some(Fate::NoEntry), members, fates, count: 0 }
    }

    /// Whether connections go to a task.
    pub(super) fn contains(&self, task: TaskId) -> bool {
        self.members.get(task).is_some_and(Option::is_some)
    }

    /// Tasks to which connections go.
    pub(super) fn members(&self) -> impl Iterator<Item = TaskId> {
        self.members.iter().filter(|(_, fate)| fate.is_some()).map(|(task, _)| task)
    }

    /// Connections go to a task from now on and meet this fate; `None`: no longer. True if that is news.
    pub(super) fn set(&mut self, task: TaskId, fate: Option<Fate>) -> bool {
        let old = std::mem::replace(self.members.entry(task, None), fate);
        if old == fate {
            return false;
        }
        if let Some(fate) = fate {
            match self.fates.iter_mut().find(|(known, _)| *known == fate) {
                Some((_, count)) => *count += 1,
                None => self.fates.push((fate, 1)),
            }
        }
        if let Some(place) = self.fates.iter().position(|(known, _)| Some(*known) == old) {
            self.fates[place].1 -= 1;
            if self.fates[place].1 == 0 {
                self.fates.remove(place);
            }
        }
        true
    }

    /// From now on connections meet the fates that were set.
    pub(super) fn settle<N: Rotations>(&mut self, entry: EntryId, network: &N) {
        self.count = self.fates.iter().map(|(_, count)| count).sum();
        self.closed = network.closed(entry).map(|route| match route {
            Route::Silence => Fate::NoEntry,
            Route::Refused => Fate::Nowhere(Failure::Refused, Cause::NodeLost),
            Route::Nobody | Route::Task(_) if network.access(entry) == Access::DnsRoundRobin => {
                Fate::Nowhere(Failure::NoBackend, Cause::NoTask)
            }
            Route::Nobody | Route::Task(_) => Fate::Nowhere(Failure::Refused, Cause::NoTask),
        });
    }

    /// Whether all connections find a task that listens and does not react to them.
    pub(super) fn is_settled(&self) -> bool {
        self.closed.is_none() && self.fates.iter().all(|(fate, _)| matches!(fate, Fate::Taken(_)))
    }

    /// Images whose tasks take the connections, once all find one, each with its share.
    pub(super) fn images(&self) -> impl Iterator<Item = (ImageId, f64)> {
        let share = self.share();
        self.fates.iter().filter_map(move |(fate, count)| match fate {
            Fate::Taken(image) => Some((*image, f64::from(*count) * share)),
            _ => None,
        })
    }

    /// Fates by number, each with its share of the connections; the shares add up to 1.
    pub(super) fn fate(&self, number: usize) -> Option<(Fate, f64)> {
        if let Some(fate) = self.closed {
            return (number == 0).then_some((fate, 1.0));
        }
        let (fate, count) = self.fates.get(number)?;
        Some((*fate, f64::from(*count) * self.share()))
    }

    /// Members that react to requests.
    pub(super) fn reacting(&self) -> impl Iterator<Item = TaskId> {
        self.fates.iter().filter_map(|(fate, _)| if let Fate::TakenBy(task) = fate { Some(*task) } else { None })
    }

    /// Share of the connections that each member got in the last step.
    pub(super) fn share(&self) -> f64 {
        if self.closed.is_some() { 0.0 } else { 1.0 / f64::from(self.count) }
    }
}

/// What becomes of a connection that goes to a task (data-plane rule 83).
pub(super) fn fate<N: Rotations>(
    entry: EntryId,
    task: TaskId,
    tasks: &IdVec<TaskId, Backend>,
    works: &IdVec<ImageId, Work>,
    network: &N,
) -> Fate {
    let Some(Backend { state, image, .. }) = tasks.get(task) else { return Fate::Silence(task) };
    let cause = match *state {
        _ if !network.connects(entry, task) => return Fate::Silence(task),
        State::Serving if works[*image].application.reacts_to_requests() => return Fate::TakenBy(task),
        State::Serving => return Fate::Taken(*image),
        State::Removed | State::Lost => return Fate::Silence(task),
        State::Booting => Cause::Booting,
        State::Draining => Cause::Stopping,
        State::Ended(cause) => cause,
    };
    Fate::Refused(*image, cause)
}
