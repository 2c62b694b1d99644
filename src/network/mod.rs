//! The network: which tasks the load balancers of which nodes know, and who can reach whom.
//!
//! Each node has an IPVS of its own for each service (ingress.rs), which learns of backends by gossip (networkdb.rs) from the
//! nodes that run them, and of nothing else: what the managers think of a task does not count (data-plane rule 67). Only the load
//! balancers that clients use are kept, as *entries*. How long packets of a request take is the clients' and tasks' affair.

mod ingress;
mod link;
mod networkdb;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::kernel::{IdVec, Span, Streams, Time};
use crate::model::client::{Access, ClientSpec};
use crate::model::latencies::Latencies;
use crate::model::request::{Route, Weight};
use crate::model::{ClientId, EntryId, NodeId, ServiceId, TaskId};

use ingress::VirtualService;
use link::{Links, Machine};
use networkdb::NetworkDb;

/// What a node is to the rest of the network.
#[derive(Clone, Debug)]
pub struct Member {
    /// Whether it runs at the start.
    pub runs: bool,
    /// How much later than others it hears any news.
    pub staleness: Span,
}

/// The entries of clients, in the order of clients and their nodes; each entry stands once.
pub fn entries(clients: &IdVec<ClientId, ClientSpec>) -> (Vec<EntrySpec>, IdVec<ClientId, Vec<EntryId>>) {
    let mut entries: Vec<EntrySpec> = Vec::new();
    let mut add = |entry: EntrySpec| {
        let place = entries.iter().position(|known| *known == entry).unwrap_or_else(|| {
            entries.push(entry);
            entries.len() - 1
        });
        EntryId(place as u32)
    };
    let of_client = clients.values().map(|client| {
        let (service, access) = (client.service, client.connect.access);
        match client.connect.nodes[..] {
            [] => vec![add(EntrySpec { service, access, node: None })],
            ref nodes => nodes.iter().map(|node| add(EntrySpec { service, access, node: Some(*node) })).collect(),
        }
    });
    let of_client = of_client.collect();
    (entries, of_client)
}

/// A way into a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntrySpec {
    /// The service.
    pub service: ServiceId,
    /// What kind of load balancer.
    pub access: Access,
    /// On which node; `None`: on none, and it knows of every change at once.
    pub node: Option<NodeId>,
}

/// All that load balancers know.
#[derive(Debug)]
pub struct Network {
    db: NetworkDb,
    links: Links,
    staleness: IdVec<NodeId, Span>,
    endpoints: IdVec<TaskId, Endpoint>,
    entries: IdVec<EntryId, Entry>,
    /// What load balancers will hear, by time; the number keeps the order of what they hear at once.
    news: BinaryHeap<Reverse<(Time, u64, EntryId, News)>>,
    told: u64,
    /// Backends that load balancers treat otherwise now and nobody has asked for yet.
    shifts: VecDeque<(EntryId, TaskId, Weight)>,
    /// How often machines came or went, or changed sides.
    link_changes: u64,
}

/// A task as its own node has it.
#[derive(Clone, Copy, Debug)]
struct Endpoint {
    service: ServiceId,
    node: NodeId,
    level: Level,
}

impl Endpoint {
    const UNKNOWN: Endpoint = Endpoint { service: ServiceId(0), node: NodeId(0), level: Level::Unknown };
}

/// How far the backend of a task has come. It never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Unknown,
    Enabled,
    Disabled,
    Removed,
}

/// What a load balancer hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum News {
    /// Of a backend.
    Backend(TaskId, Level),
    /// That a node is gone, if nothing has changed since it was this number of [`View::change`].
    Missed(NodeId, u32),
    /// Likewise that a node is there, with all its backends.
    Back(NodeId, u32),
}

/// The load balancer of one node for one service.
#[derive(Debug)]
struct Entry {
    spec: EntrySpec,
    service: VirtualService,
    /// What it heard last of each task.
    levels: IdVec<TaskId, Level>,
    /// How it stands to each node.
    views: IdVec<NodeId, View>,
    machine: Machine,
}

/// What a load balancer thinks of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct View {
    /// Whether the two hear each other.
    talks: bool,
    /// Whether the node is taken to be gone.
    missed: bool,
    /// How often they ceased or began to hear each other.
    change: u32,
}

impl View {
    fn new(talks: bool) -> View {
        View { talks, missed: false, change: 0 }
    }

    /// Takes notice of whether they hear each other, and returns the number of the change, if it is one.
    fn set(&mut self, talks: bool) -> Option<u32> {
        if std::mem::replace(&mut self.talks, talks) == talks {
            return None;
        }
        self.change += 1;
        Some(self.change)
    }
}

impl Network {
    /// Load balancers without backends.
    pub fn new(
        entries: Vec<EntrySpec>,
        members: &IdVec<NodeId, Member>,
        latencies: &Latencies,
        streams: &Streams,
    ) -> Network {
        let links = Links::new(&members.values().map(|member| member.runs).collect());
        let entry = |spec: EntrySpec| Entry {
            spec,
            service: VirtualService::default(),
            levels: IdVec::new(),
            views: members
                .ids()
                .map(|node| View::new(spec.node.is_none_or(|own| own == node || links.talk(own, node))))
                .collect(),
            machine: spec.node.map_or(Machine::Up, |node| links.machine(node)),
        };
        let entries = entries.into_iter().map(entry).collect();
        Network {
            db: NetworkDb::new(latencies, members.len(), streams),
            links,
            staleness: members.values().map(|member| member.staleness).collect(),
            endpoints: IdVec::new(),
            entries,
            news: BinaryHeap::new(),
            told: 0,
            shifts: VecDeque::new(),
            link_changes: 0,
        }
    }

    /// The backend of a task is enabled on its node (data-plane rule 63). Backends that no client asks for are not kept.
    pub fn enable(&mut self, now: Time, task: TaskId, service: ServiceId, node: NodeId) {
        if self.entries.values().all(|entry| entry.spec.service != service) {
            return;
        }
        let endpoint = self.endpoints.entry(task, Endpoint::UNKNOWN);
        (endpoint.service, endpoint.node) = (service, node);
        self.announce(now, task, Level::Enabled);
    }

    /// The backend of a task is disabled on its node: weight 0 (data-plane rule 64).
    pub fn disable(&mut self, now: Time, task: TaskId) {
        self.announce(now, task, Level::Disabled);
    }

    /// The network sandbox of a task is gone, and its backend with it (data-plane rules 65, 66).
    pub fn remove(&mut self, now: Time, task: TaskId) {
        self.announce(now, task, Level::Removed);
    }

    /// The process of a task accepts connections at the ports of its node, or no longer: nobody else needs to know (data-plane
    /// rule 81).
    pub fn listen(&mut self, task: TaskId, service: ServiceId, node: NodeId, listens: bool) {
        for (id, entry) in self.entries.iter_mut() {
            if (entry.spec.access, entry.spec.service, entry.spec.node) == (Access::HostPort, service, Some(node)) {
                if listens {
                    entry.service.enable(task);
                } else {
                    entry.service.remove(task);
                }
                self.shifts.push_back((id, task, if listens { Weight::One } else { Weight::Zero }));
            }
        }
    }

    /// A node has lost its power, with all that ran on it. Nobody is told.
    pub fn crash(&mut self, now: Time, node: NodeId) {
        self.lose_containers(node);
        self.set_machine(now, node, Machine::Crashed);
    }

    /// The daemon of a node is shut down; it says so (data-plane rule 78).
    pub fn stop(&mut self, now: Time, node: NodeId) {
        self.set_machine(now, node, Machine::Stopped);
    }

    /// A node runs again, with none of the containers that it had.
    pub fn start(&mut self, now: Time, node: NodeId) {
        self.lose_containers(node);
        self.set_machine(now, node, Machine::Up);
        for entry in self.entries.ids().filter(|entry| self.entries[*entry].spec.node == Some(node)).collect::<Vec<_>>()
        {
            self.learn_all(entry, node);
        }
    }

    /// Whether a node has no power: it does not even refuse a connection.
    pub fn is_dark(&self, node: NodeId) -> bool {
        self.links.machine(node) == Machine::Crashed
    }

    /// Puts nodes on a side of a partition: only nodes of one side hear each other; all begin on side 0.
    pub fn set_side(&mut self, now: Time, nodes: &[NodeId], side: u32) {
        self.links.set_side(nodes, side);
        self.link_changes += 1;
        nodes.iter().for_each(|node| self.notice(now, *node, false));
    }

    /// When a load balancer hears something next; [`Time::MAX`]: never.
    pub fn next_news(&self) -> Time {
        self.news.peek().map_or(Time::MAX, |Reverse((at, ..))| *at)
    }

    /// Load balancers hear what is due by `now`.
    pub fn hear(&mut self, now: Time) {
        while self.next_news() <= now {
            let Some(Reverse((_, _, entry, news))) = self.news.pop() else { return };
            self.hear_one(entry, news);
        }
    }

    /// The first of the changes that nobody has asked for yet: what a load balancer does with a task from now on.
    pub fn next_shift(&mut self) -> Option<(EntryId, TaskId, Weight)> {
        self.shifts.pop_front()
    }

    /// Where the next connection that enters here goes.
    #[inline]
    pub fn route(&mut self, entry: EntryId, draw: impl FnOnce() -> u64) -> Route {
        let entry = &mut self.entries[entry];
        match entry.machine {
            Machine::Up => {
                let task = match entry.spec.access {
                    Access::DnsRoundRobin => entry.service.resolve(draw()),
                    Access::Direct | Access::Vip | Access::HostPort => entry.service.next(),
                };
                task.map_or(Route::Nobody, Route::Task)
            }
            Machine::Stopped => Route::Refused,
            Machine::Crashed => Route::Silence,
        }
    }

    /// Whether packets that enter here arrive at the node of a task, whatever has become of the task.
    #[inline]
    pub fn connects(&self, entry: EntryId, task: TaskId) -> bool {
        let here = self.entries[entry].spec.node;
        here.is_none_or(|here| self.links.connects(here, self.endpoints[task].node))
    }

    /// Whether the load balancer still has the backend, so that what belongs to a connection goes on to it.
    pub fn is_pinned(&self, entry: EntryId, task: TaskId) -> bool {
        self.entries[entry].service.contains(task)
    }

    /// What kind of load balancer this is.
    pub fn access(&self, entry: EntryId) -> Access {
        self.entries[entry].spec.access
    }

    /// On which node it is; `None`: on none.
    pub fn node(&self, entry: EntryId) -> Option<NodeId> {
        self.entries[entry].spec.node
    }

    /// A number that grows whenever [`Network::connects`] may say otherwise than before.
    pub fn link_changes(&self) -> u64 {
        self.link_changes
    }

    /// Tasks that get the connections which enter here, in turn or by chance.
    pub fn backends(&self, entry: EntryId) -> &[TaskId] {
        self.entries[entry].service.enabled()
    }

    /// What becomes of connections that enter here if no task gets them.
    pub fn closed(&self, entry: EntryId) -> Option<Route> {
        match self.entries[entry].machine {
            Machine::Up => self.entries[entry].service.is_closed().then_some(Route::Nobody),
            Machine::Stopped => Some(Route::Refused),
            Machine::Crashed => Some(Route::Silence),
        }
    }

    /// A backend changes on its own node; news of it go to all others.
    fn announce(&mut self, now: Time, task: TaskId, level: Level) {
        let Some(endpoint) = self.endpoints.get_mut(task).filter(|endpoint| endpoint.level < level) else { return };
        endpoint.level = level;
        let Endpoint { service, node, .. } = *endpoint;
        for id in self.entries.ids() {
            let spec = self.entries[id].spec;
            if spec.service != service || spec.access == Access::HostPort {
                continue;
            }
            match spec.node.filter(|own| *own != node) {
                Some(to) => {
                    let delay = self.db.delay(to, task, level as u32) + self.staleness[to];
                    self.tell(now, delay, id, News::Backend(task, level));
                }
                None => self.learn(id, task, level),
            }
        }
    }

    /// A load balancer hears something after `delay`, or now.
    fn tell(&mut self, now: Time, delay: Span, entry: EntryId, news: News) {
        if delay.is_zero() {
            return self.hear_one(entry, news);
        }
        self.told += 1;
        self.news.push(Reverse((now.saturating_add(delay), self.told, entry, news)));
    }

    fn hear_one(&mut self, entry: EntryId, news: News) {
        match news {
            News::Backend(task, level) => {
                if self.entries[entry].views[self.endpoints[task].node].talks {
                    self.learn(entry, task, level);
                }
            }
            News::Missed(node, change) => {
                let view = &mut self.entries[entry].views[node];
                if view.change == change {
                    view.missed = true;
                    self.tasks_on(entry, node).into_iter().for_each(|task| self.show(entry, task));
                }
            }
            News::Back(node, change) => {
                let view = &mut self.entries[entry].views[node];
                if view.change == change {
                    view.missed = false;
                    self.learn_all(entry, node);
                }
            }
        }
    }

    /// A load balancer learns how far the backend of a task has come, unless it knew better.
    fn learn(&mut self, entry: EntryId, task: TaskId, level: Level) {
        let known = self.entries[entry].levels.entry(task, Level::Unknown);
        if *known < level {
            *known = level;
            self.show(entry, task);
        }
    }

    /// Makes a backend what the load balancer knows of it; that of a node that is taken to be gone is hidden (data-plane rule 76).
    fn show(&mut self, id: EntryId, task: TaskId) {
        let entry = &mut self.entries[id];
        let level = match entry.views[self.endpoints[task].node].missed {
            true => Level::Removed,
            false => entry.levels[task],
        };
        let weight = match level {
            Level::Enabled => {
                entry.service.enable(task);
                Weight::One
            }
            Level::Disabled => {
                entry.service.disable(task);
                Weight::Zero
            }
            Level::Removed | Level::Unknown if entry.service.remove(task) => Weight::Gone,
            Level::Removed | Level::Unknown => return,
        };
        self.shifts.push_back((id, task, weight));
    }

    /// A load balancer learns how all backends of a node stand.
    fn learn_all(&mut self, entry: EntryId, node: NodeId) {
        for task in self.tasks_on(entry, node) {
            *self.entries[entry].levels.entry(task, Level::Unknown) = self.endpoints[task].level;
            self.show(entry, task);
        }
    }

    /// Tasks of the entry's service that have or had a backend on a node.
    fn tasks_on(&self, entry: EntryId, node: NodeId) -> Vec<TaskId> {
        let spec = self.entries[entry].spec;
        let is_there = |endpoint: &Endpoint| {
            endpoint.node == node && endpoint.service == spec.service && endpoint.level != Level::Unknown
        };
        match spec.access {
            Access::HostPort => Vec::new(),
            _ => self.endpoints.iter().filter(|(_, endpoint)| is_there(endpoint)).map(|(task, _)| task).collect(),
        }
    }

    /// The containers of a node are gone; it will not say so before it runs again.
    fn lose_containers(&mut self, node: NodeId) {
        for task in self.endpoints.ids() {
            let endpoint = &mut self.endpoints[task];
            if endpoint.node != node || endpoint.level == Level::Unknown {
                continue;
            }
            endpoint.level = Level::Removed;
            let service = endpoint.service;
            for entry in self.entries.ids() {
                let spec = self.entries[entry].spec;
                if spec.node.is_none() && spec.service == service {
                    self.learn(entry, task, Level::Removed);
                }
            }
        }
        let host_ports = |entry: &Entry| (entry.spec.access, entry.spec.node) == (Access::HostPort, Some(node));
        for (id, entry) in self.entries.iter_mut().filter(|(_, entry)| host_ports(entry)) {
            self.shifts.extend(entry.service.enabled().iter().map(|task| (id, *task, Weight::Zero)));
            entry.service = VirtualService::default();
        }
    }

    fn set_machine(&mut self, now: Time, node: NodeId, machine: Machine) {
        let is_leave = machine == Machine::Stopped && self.links.machine(node) == Machine::Up;
        self.links.set_machine(node, machine);
        self.link_changes += 1;
        for entry in self.entries.values_mut().filter(|entry| entry.spec.node == Some(node)) {
            entry.machine = machine;
        }
        self.notice(now, node, is_leave);
    }

    /// Something has changed between a node and others: those who hear each other no more will miss each other, those who hear each
    /// other again will notice. A node that leaves says so.
    fn notice(&mut self, now: Time, changed: NodeId, is_leave: bool) {
        for id in self.entries.ids() {
            let Some(own) = self.entries[id].spec.node else { continue };
            for node in self.links.nodes().filter(|node| *node != own && (own == changed || *node == changed)) {
                let talks = self.links.talk(own, node);
                let Some(change) = self.entries[id].views[node].set(talks) else { continue };
                let (delay, news) = if talks {
                    (self.db.time_to_reconnect(node, change), News::Back(node, change))
                } else if is_leave && node == changed {
                    (self.db.time_to_hear_of_leave(node, change), News::Missed(node, change))
                } else {
                    let believers = 1 + self.links.peers(own).count();
                    (self.db.time_to_miss(node, change, believers), News::Missed(node, change))
                };
                self.tell(now, delay + self.staleness[own], id, news);
            }
        }
    }
}
