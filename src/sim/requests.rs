//! What passes between traffic, network and agents.

use super::Sim;
use crate::agent::{Effect, Ending};
use crate::kernel::Time;
use crate::model::client::Access;
use crate::model::request::{Cause, Route};
use crate::model::{EntryId, ImageId, NodeId, ServiceId, TaskId};
use crate::network::Network;
use crate::observe::{AgentEvent, Observer, Record, Shift};
use crate::traffic::{Notice, Reaction, Rotations, Routing};

use super::clients::Clients;

impl<O: Observer> Sim<'_, O> {
    /// Lets all requests happen before this instant. True if they did something to a task: then the clock is set back to that.
    pub(super) fn advance_traffic(&mut self) -> bool {
        if self.clients.is_idle() {
            return false;
        }
        let observer = &mut self.observer;
        loop {
            let stop = self.now.min(self.network.next_news());
            let reached = self.clients.advance(stop, &mut self.network, observer);
            let mut has_reacted = false;
            while let Some(Notice { task, what }) = self.clients.take_notice(reached) {
                has_reacted = true;
                match what {
                    Reaction::Crash => self.agents.crash(reached, task, &mut self.agents_out),
                    Reaction::Condition(condition) => {
                        self.agents.condition_changed(reached, task, condition, &mut self.agents_out);
                    }
                }
            }
            if has_reacted {
                self.now = reached;
            }
            if has_reacted || self.network.next_news() > self.now {
                self.clients.tell(observer);
                return has_reacted;
            }
            self.network.hear(reached);
            tell_shifts(reached, &mut self.network, &mut self.clients, observer);
        }
    }

    /// Carries to network, traffic and observer what happened to containers.
    pub(super) fn apply_effects(&mut self) {
        for effect in std::mem::take(&mut self.agents_out.effects) {
            match effect {
                Effect::Listening(task) => {
                    let Place { service, image, node } = self.place(task);
                    self.clients.listen(task, service, image);
                    self.network.listen(task, service, node, true);
                }
                Effect::Activated(task) => {
                    let Place { service, image, node } = self.place(task);
                    self.clients.boot(task, service, image);
                    self.network.enable(self.now, task, service, node);
                    self.rotate(task, true);
                }
                Effect::Disabled(task) => {
                    self.network.disable(self.now, task);
                    self.rotate(task, false);
                }
                Effect::Draining(task) => {
                    self.observer.agent(self.now, AgentEvent::StopSignal { task });
                    self.clients.drain(task);
                }
                Effect::ProcessEnded(task, ending) => self.end_process(task, ending),
                Effect::SandboxRemoved(task) => {
                    self.network.remove(self.now, task);
                    self.clients.remove(task);
                }
                Effect::PowerLost(task) => {
                    self.rotate(task, false);
                    self.emit(Record::ProcessEnded { task });
                    self.clients.lose(self.now, task);
                }
            }
        }
        tell_shifts(self.now, &mut self.network, &mut self.clients, &mut self.observer);
    }

    fn end_process(&mut self, task: TaskId, ending: Ending) {
        let Place { service, node, .. } = self.place(task);
        self.network.listen(task, service, node, false);
        self.rotate(task, false);
        self.emit(Record::ProcessEnded { task });
        let cause = match ending {
            Ending::Itself => Cause::Application,
            Ending::Stopped => Cause::Stopping,
            Ending::Killed => Cause::Killed,
        };
        self.clients.kill(self.now, task, cause, &mut self.observer);
    }

    fn place(&self, task: TaskId) -> Place {
        let row = self.manager.store.task_ever(task);
        Place { service: row.service, image: row.image, node: row.node.expect("a container is on a node") }
    }

    fn rotate(&mut self, task: TaskId, entered: bool) {
        if std::mem::replace(self.in_rotation.entry(task, false), entered) != entered {
            let Place { service, image, .. } = self.place(task);
            self.emit(Record::Rotation { task, service, image, entered });
        }
    }
}

/// Where a task's container belongs.
struct Place {
    service: ServiceId,
    image: ImageId,
    node: NodeId,
}

/// Tells observer and traffic what load balancers do with tasks from now on.
fn tell_shifts(now: Time, network: &mut Network, clients: &mut Clients, observer: &mut impl Observer) {
    while let Some((entry, task, weight)) = network.next_shift() {
        observer.shift(now, &Shift { access: network.access(entry), node: network.node(entry), task, weight });
        clients.shift(now, entry, task, weight, network);
    }
}

impl Routing for Network {
    #[inline]
    fn route(&mut self, entry: EntryId, draw: impl FnOnce() -> u64) -> Route {
        self.route(entry, draw)
    }

    #[inline]
    fn connects(&self, entry: EntryId, task: TaskId) -> bool {
        self.connects(entry, task)
    }

    fn is_pinned(&self, entry: EntryId, task: TaskId) -> bool {
        self.is_pinned(entry, task)
    }

    fn backends(&self, entry: EntryId) -> &[TaskId] {
        self.backends(entry)
    }

    fn access(&self, entry: EntryId) -> Access {
        self.access(entry)
    }
}

impl Rotations for Network {
    fn link_changes(&self) -> u64 {
        self.link_changes()
    }

    fn closed(&self, entry: EntryId) -> Option<Route> {
        self.closed(entry)
    }
}
