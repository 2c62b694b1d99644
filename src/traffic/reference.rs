//! The slow way to simulate requests, one event at a time, for the tests of the fast one.

use std::collections::VecDeque;

use crate::kernel::dist::open_unit;
use crate::kernel::id::Id;
use crate::kernel::{IdVec, Span, Stream, StreamRng, Streams, Time};
use crate::model::client::{ClientSpec, Load};
use crate::model::image::Application;
use crate::model::request::{Cause, Failure, Request, RequestOutcome};
use crate::model::{ClientId, ImageId, ServiceId, TaskId};

/// Something that happens to a task.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Enter(ServiceId, TaskId, ImageId),
    Leave(ServiceId, TaskId),
    Kill(TaskId),
}

/// All that a run needs to know.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) clients: IdVec<ClientId, ClientSpec>,
    pub(super) applications: IdVec<ImageId, Application>,
    pub(super) services: usize,
    /// In order of time.
    pub(super) changes: Vec<(Time, Change)>,
    pub(super) seed: u64,
    pub(super) end: Time,
}

/// Every request that ended by the end of the case, and how many did not, by service.
pub(super) fn run(case: &Case) -> (Vec<Request>, IdVec<ServiceId, u32>) {
    let mut world = World::new(case);
    while let Some(now) = world.next_instant().filter(|now| *now <= case.end) {
        world.now = now;
        world.finish();
        while let Some(&(at, change)) = world.changes.front()
            && at == now
        {
            world.changes.pop_front();
            world.change(change);
        }
        if now == case.end {
            break;
        }
        while world.send_one() {
            world.finish();
        }
    }
    let mut in_flight = IdVec::filled(case.services, 0);
    for task in &world.tasks {
        in_flight[task.service] += task.queue.len() as u32;
    }
    (world.ended, in_flight)
}

struct World<'a> {
    case: &'a Case,
    now: Time,
    changes: VecDeque<(Time, Change)>,
    clients: Vec<Client>,
    tasks: Vec<Task>,
    rotations: Vec<Rotation>,
    ended: Vec<Request>,
}

struct Client {
    work: StreamRng,
    pace: StreamRng,
    sent: u64,
    /// Open loop: the next arrival.
    arrival: Time,
    /// Rate that changes: requests expected before it.
    expected: f64,
    /// Closed loop: when each user is ready; `None` while it waits for an answer or is with the thread.
    ready: Vec<Option<Time>>,
    /// Closed loop: the user whose request the thread prepares, and when it is done.
    thread: Option<(usize, Time)>,
}

struct Task {
    id: TaskId,
    service: ServiceId,
    image: ImageId,
    up: bool,
    /// In order of arrival; the first is being worked on.
    queue: Vec<Job>,
    /// When the first is done.
    done: Time,
}

struct Job {
    client: ClientId,
    user: usize,
    sent: Time,
    work: Span,
    think: Span,
}

/// Much as IPVS has it: a list and a pointer to whoever was served last; `None` is the list's head.
#[derive(Clone, Default)]
pub(super) struct Rotation {
    tasks: Vec<TaskId>,
    last: Option<usize>,
}

impl<'a> World<'a> {
    fn new(case: &'a Case) -> World<'a> {
        let streams = Streams::new(case.seed);
        let client = |(id, spec): (ClientId, &ClientSpec)| match &spec.load {
            Load::Open { gap } => {
                let mut pace = streams.of(Stream::Arrivals, id.0);
                let first = if gap.is_constant() { Span::ZERO } else { gap.sample(pace.draw()) };
                let work = streams.of(Stream::Service, id.0);
                let arrival = spec.from + first;
                Client { work, pace, sent: 0, arrival, expected: 0.0, ready: Vec::new(), thread: None }
            }
            Load::Varying { is_poisson, .. } => {
                let (pace, work) = (streams.of(Stream::Arrivals, id.0), streams.of(Stream::Service, id.0));
                let mut client =
                    Client { work, pace, sent: 0, arrival: Time::MAX, expected: 0.0, ready: Vec::new(), thread: None };
                client.arrive(spec, if *is_poisson { None } else { Some(0.0) });
                client
            }
            Load::Closed { concurrency, .. } => Client {
                work: streams.of(Stream::Service, id.0),
                pace: streams.of(Stream::Think, id.0),
                sent: 0,
                arrival: Time::MAX,
                expected: 0.0,
                ready: vec![Some(spec.from); *concurrency as usize],
                thread: None,
            },
        };
        World {
            case,
            now: Time::ZERO,
            changes: case.changes.iter().copied().collect(),
            clients: case.clients.iter().map(client).collect(),
            tasks: Vec::new(),
            rotations: vec![Rotation::default(); case.services],
            ended: Vec::new(),
        }
    }

    /// When anything happens next.
    fn next_instant(&self) -> Option<Time> {
        let changes = self.changes.iter().map(|(at, _)| *at);
        let ends = self.tasks.iter().filter(|task| !task.queue.is_empty()).map(|task| task.done);
        let arrivals = self.clients.iter().map(|client| client.arrival);
        let threads = self.clients.iter().filter_map(|client| client.thread.map(|(_, done)| done));
        let idle = self.clients.iter().filter(|client| client.thread.is_none());
        let ready = idle.flat_map(|client| client.ready.iter().flatten().copied());
        changes.chain(ends).chain(arrivals).chain(threads).chain(ready).min()
    }

    /// Ends what is done by now, and what was waiting behind it and takes no time.
    fn finish(&mut self) {
        while let Some(task) = self.tasks.iter_mut().find(|task| !task.queue.is_empty() && task.done == self.now) {
            let job = task.queue.remove(0);
            if let Some(next) = task.queue.first() {
                task.done = self.now + next.work;
            }
            let place = Some((task.id, task.image));
            self.end(job, place, RequestOutcome::Ok);
        }
    }

    fn end(&mut self, job: Job, task: Option<(TaskId, ImageId)>, outcome: RequestOutcome) {
        let Job { client, user, sent, think, .. } = job;
        let spec = &self.case.clients[client];
        let client_time = match &spec.load {
            Load::Closed { client_time, .. } => *client_time,
            Load::Open { .. } | Load::Varying { .. } => Span::ZERO,
        };
        let stuck = sent == self.now && client_time == Span::ZERO;
        let pause = if stuck { think.max(Span::from_millis(1)) } else { think };
        if let Some(ready) = self.clients[client.index()].ready.get_mut(user) {
            *ready = Some(self.now + pause);
        }
        self.ended.push(Request { client, service: spec.service, task, sent, ended: self.now, outcome });
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Enter(service, id, image) => {
                self.rotations[service.index()].enter(id);
                if !self.tasks.iter().any(|task| task.id == id) {
                    self.tasks.push(Task { id, service, image, up: true, queue: Vec::new(), done: Time::ZERO });
                }
            }
            Change::Leave(service, id) => self.rotations[service.index()].leave(id),
            Change::Kill(id) => {
                let Some(task) = self.tasks.iter_mut().find(|task| task.id == id) else { return };
                task.up = false;
                let place = Some((id, task.image));
                for job in std::mem::take(&mut task.queue) {
                    self.end(job, place, RequestOutcome::Failed(Failure::Reset, Cause::Application));
                }
            }
        }
    }

    /// Sends one request of this instant, or begins to; false if there is none.
    fn send_one(&mut self) -> bool {
        for (id, spec) in self.case.clients.iter() {
            let client = &mut self.clients[id.index()];
            match &spec.load {
                Load::Open { gap } if client.arrival == self.now => {
                    client.arrival = self.now + gap.sample(client.pace.draw());
                    if self.now < spec.until {
                        self.send(id, 0, Span::ZERO);
                    }
                    return true;
                }
                Load::Varying { is_poisson, .. } if client.arrival == self.now => {
                    client.arrive(spec, if *is_poisson { None } else { Some(1.0) });
                    if self.now < spec.until {
                        self.send(id, 0, Span::ZERO);
                    }
                    return true;
                }
                Load::Open { .. } | Load::Varying { .. } => {}
                Load::Closed { requests, think, client_time, .. } => {
                    if client.thread.is_none() {
                        let ready = client.ready.iter().enumerate();
                        let first = ready.filter_map(|(user, ready)| Some(((*ready)?, user))).min();
                        if let Some((_, user)) = first.filter(|(ready, _)| *ready <= self.now) {
                            client.ready[user] = None;
                            client.thread = Some((user, self.now + *client_time));
                        }
                    }
                    if let Some((user, _)) = client.thread.take_if(|(_, done)| *done == self.now) {
                        if self.now < spec.until && requests.is_none_or(|requests| client.sent < requests) {
                            let think = think.sample(client.pace.draw());
                            self.send(id, user, think);
                        }
                        return true;
                    }
                }
            }
        }
        false
    }

    fn send(&mut self, id: ClientId, user: usize, think: Span) {
        let client = &mut self.clients[id.index()];
        client.sent += 1;
        let draw = client.work.draw();
        let next = self.rotations[self.case.clients[id].service.index()].next();
        let task = next.and_then(|next| self.tasks.iter_mut().find(|task| task.id == next));
        let Some(task) = task else {
            let job = Job { client: id, user, sent: self.now, work: Span::ZERO, think };
            return self.end(job, None, RequestOutcome::Failed(Failure::Refused, Cause::NoTask));
        };
        if !task.up {
            let job = Job { client: id, user, sent: self.now, work: Span::ZERO, think };
            let place = Some((task.id, task.image));
            return self.end(job, place, RequestOutcome::Failed(Failure::Refused, Cause::Application));
        }
        let work = self.case.applications[task.image].service_time.sample(draw);
        if task.queue.is_empty() {
            task.done = self.now + work;
        }
        task.queue.push(Job { client: id, user, sent: self.now, work, think });
    }
}

impl Client {
    /// Moves the next arrival on by so many requests; `None`: by chance.
    fn arrive(&mut self, spec: &ClientSpec, requests: Option<f64>) {
        let Load::Varying { rate, .. } = &spec.load else { return };
        self.expected += requests.unwrap_or_else(|| -libm::log(open_unit(self.pace.draw())));
        self.arrival = rate.instant(self.expected).map_or(Time::MAX, |at| spec.from + at);
    }
}

impl Rotation {
    pub(super) fn enter(&mut self, task: TaskId) {
        self.tasks.push(task);
    }

    pub(super) fn next(&mut self) -> Option<TaskId> {
        let place = self.last.map_or(0, |last| last + 1);
        let place = if place < self.tasks.len() { place } else { 0 };
        self.last = (!self.tasks.is_empty()).then_some(place);
        self.tasks.get(place).copied()
    }

    pub(super) fn leave(&mut self, task: TaskId) {
        let Some(place) = self.tasks.iter().position(|member| *member == task) else { return };
        self.tasks.remove(place);
        if let Some(last) = self.last.filter(|last| place <= *last) {
            self.last = last.checked_sub(1);
        }
    }
}
