//! What becomes of connections that enter at one place: so large a share of them each.

use crate::kernel::IdVec;
use crate::model::request::{Cause, Failure, Route};
use crate::model::{EntryId, ImageId, TaskId};

use super::super::Routing;
use super::super::server::State;
use super::backend::{Backend, Work};

/// What traffic in bulk asks of the network beyond the route of one connection.
pub trait Rotations: Routing {
    /// A number that is another whenever [`Rotations::backends`] or anything that [`Routing::connects`] says of the entry has changed.
    fn revision(&self, entry: EntryId) -> u64;
    /// Tasks that get connections which enter here, each as many.
    fn backends(&self, entry: EntryId) -> &[TaskId];
    /// What becomes of connections that enter here if no task gets them.
    fn closed(&self, entry: EntryId) -> Option<Route>;
}

/// One way into a service.
#[derive(Debug, Default)]
pub(super) struct Rotation {
    /// The network's revision that it is made from; `None`: it must be made anew.
    pub(super) revision: Option<u64>,
    pub(super) backends: Vec<TaskId>,
    /// Shares that add up to 1.
    pub(super) fates: Vec<(Fate, f64)>,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    /// A task of this image takes it, whichever.
    Taken(ImageId),
    /// This task takes it, which reacts to requests.
    TakenBy(TaskId),
    /// It fails at once.
    Fails(Option<ImageId>, Failure, Cause),
    /// Nobody answers, at the address of this task or of the node itself.
    Silence(Option<TaskId>),
}

impl Rotation {
    /// Makes the shares from what the network says.
    pub(super) fn make<N: Rotations>(
        &mut self,
        entry: EntryId,
        tasks: &IdVec<TaskId, Backend>,
        works: &IdVec<ImageId, Work>,
        network: &N,
    ) {
        self.fates.clear();
        self.backends.clear();
        let fate = match network.closed(entry) {
            Some(Route::Silence) => Fate::Silence(None),
            Some(Route::Refused) => Fate::Fails(None, Failure::Refused, Cause::NodeLost),
            Some(Route::Nobody | Route::Task(_)) => Fate::Fails(None, nobody(entry, network), Cause::NoTask),
            None => {
                self.backends.extend_from_slice(network.backends(entry));
                let share = 1.0 / self.backends.len() as f64;
                for task in &self.backends {
                    add(&mut self.fates, fate(entry, *task, tasks, works, network), share);
                }
                return;
            }
        };
        self.fates.push((fate, 1.0));
    }

    /// Whether all connections find a task that listens.
    pub(super) fn is_settled(&self) -> bool {
        self.fates.iter().all(|(fate, _)| matches!(fate, Fate::Taken(_)))
    }

    /// Share of the connections that one backend gets.
    pub(super) fn share(&self) -> f64 {
        1.0 / self.backends.len() as f64
    }
}

/// How a connection fails if there is no backend.
fn nobody<N: Rotations>(entry: EntryId, network: &N) -> Failure {
    use crate::model::client::Access;
    if network.access(entry) == Access::DnsRoundRobin { Failure::NoBackend } else { Failure::Refused }
}

/// What becomes of a connection that goes to a task (data-plane rule 83).
pub(super) fn fate<N: Rotations>(
    entry: EntryId,
    task: TaskId,
    tasks: &IdVec<TaskId, Backend>,
    works: &IdVec<ImageId, Work>,
    network: &N,
) -> Fate {
    let Some(Backend { state, image, .. }) = tasks.get(task) else { return Fate::Silence(Some(task)) };
    let cause = match *state {
        _ if !network.connects(entry, task) => return Fate::Silence(Some(task)),
        State::Serving if works[*image].application.reacts_to_requests() => return Fate::TakenBy(task),
        State::Serving => return Fate::Taken(*image),
        State::Removed | State::Lost => return Fate::Silence(Some(task)),
        State::Booting => Cause::Booting,
        State::Draining => Cause::Stopping,
        State::Ended(cause) => cause,
    };
    Fate::Fails(Some(*image), Failure::Refused, cause)
}

fn add(fates: &mut Vec<(Fate, f64)>, fate: Fate, share: f64) {
    match fates.iter_mut().find(|(known, _)| *known == fate) {
        Some((_, sum)) => *sum += share,
        None => fates.push((fate, share)),
    }
}
