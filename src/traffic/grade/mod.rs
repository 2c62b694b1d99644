//! Traffic in bulk: requests are counted and not advanced one by one.
//!
//! Between two changes of the system each connection of a client meets the same fates with the same shares, so that the requests of
//! such an interval are a few products ([`Rotation`]). The number that a client sends is drawn for the interval, or is what is to
//! be expected ([`Grade`]); what is a share of it is drawn or not likewise ([`chance`]). Counts are fractions on the way and whole
//! where they are told ([`account`]).
//!
//! `Departs:` tasks have as many requests at a time as come in the mean service time; that requests wait for each other is left
//! out, and with it all latencies and what follows from them, unless an image reacts to requests: then what exceeds its capacity
//! waits. Closed loops and clients that keep an address are not counted, for what they send next hangs on single answers.

mod account;
mod backend;
mod chance;
mod flow;
mod rotation;
mod wait;

use std::collections::VecDeque;

use crate::kernel::{IdVec, Span, Stream, Streams, Time};
use crate::model::client::{Access, Choice, ClientSpec, Grade};
use crate::model::image::Application;
use crate::model::request::{Batch, Cause, Failure, RequestOutcome, Weight};
use crate::model::{ClientId, EntryId, ImageId, ServiceId, TaskId};

use super::request::Patience;
use super::server::{Notice, State};
use account::Account;
use backend::{Backend, Inflow, Work};
use chance::Chance;
use flow::Flow;
use rotation::{Fate, Rotation, fate};
use wait::{Cohort, Cohorts, Wait};

pub use rotation::Rotations;

/// Longest interval while requests wait for something, or count for what becomes of a task: what they do is known to this
/// precision.
const STEP: Span = Span::from_millis(50);

/// All clients and the tasks that they call, in bulk.
#[derive(Debug)]
pub struct Bulk {
    now: Time,
    /// When the last step began, which ended at `now`.
    began: Time,
    clients: IdVec<ClientId, Source>,
    rotations: IdVec<EntryId, Rotation>,
    tasks: IdVec<TaskId, Backend>,
    works: IdVec<ImageId, Work>,
    cohorts: Cohorts,
    notices: VecDeque<Notice>,
    in_flight: IdVec<ServiceId, u32>,
    chance: Chance,
    /// Tasks that took requests within the step and react to them.
    touched: Vec<TaskId>,
    /// Room for what comes to a task by each way, and how much of it waits.
    ways: Vec<(Inflow, f64)>,
    /// What the rotations do not know yet.
    stale: Vec<(EntryId, TaskId, News)>,
    /// What the network said of its links last.
    link_changes: Option<u64>,
    /// Whether all connections find a task that listens and does not react to them.
    is_settled: bool,
}

/// What has changed between a way into a service and a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// Connections go there.
    Comes,
    /// No more connections go there.
    Leaves,
    /// Connections meet another fate there, if any go there.
    Changes,
}

/// A client.
#[derive(Debug)]
struct Source {
    service: ServiceId,
    flow: Flow,
    entries: Vec<EntryId>,
    choice: Choice,
    /// Whether the task is drawn for each connection.
    resolves: bool,
    /// Images whose tasks take its requests, each with its share, while all find one and chance does not say which.
    mix: Vec<(ImageId, f64)>,
    patience: Patience,
    /// Share of the requests that each image is too slow for.
    too_slow: IdVec<ImageId, f64>,
    account: Account,
}

/// So many requests that are sent at one instant by one way.
#[derive(Clone, Copy, Debug)]
struct Parcel {
    client: ClientId,
    count: f64,
    /// How many of them are sent in a second; 0: they are sent once.
    rate: f64,
    /// When the first of them was sent first.
    first: Time,
    /// When this attempt began.
    sent: Time,
    tries: u32,
    /// Packets that asked for a connection before.
    packets: u32,
}

impl Source {
    /// Share of its connections that each of its entries gets.
    fn share(&self) -> f64 {
        1.0 / self.entries.len() as f64
    }

    /// Finds out which images' tasks take its requests, if all of them find one.
    fn blend(&mut self, is_settled: bool, rotations: &IdVec<EntryId, Rotation>) {
        self.mix.clear();
        if !is_settled || self.choice == Choice::Random || self.resolves {
            return;
        }
        let share = self.share();
        for (image, part) in self.entries.iter().flat_map(|entry| rotations[*entry].images()) {
            match self.mix.iter_mut().find(|(known, _)| *known == image) {
                Some((_, sum)) => *sum += share * part,
                None => self.mix.push((image, share * part)),
            }
        }
    }
}

impl Bulk {
    /// The clients of a plan and where their connections enter, what its images do with requests, and the number of its services.
    /// `grade`: not [`Grade::Exact`].
    pub fn new(
        grade: Grade,
        clients: &IdVec<ClientId, ClientSpec>,
        entries: IdVec<ClientId, Vec<EntryId>>,
        applications: IdVec<ImageId, Application>,
        services: usize,
        streams: &Streams,
    ) -> Bulk {
        let works: IdVec<ImageId, Work> = applications.into_values().map(Work::new).collect();
        let mut rotations = IdVec::new();
        for (spec, entries) in clients.values().zip(entries.values()) {
            for entry in entries {
                rotations.entry(*entry, Rotation::new(spec.service)).service = spec.service;
            }
        }
        let source = |(spec, entries): (&ClientSpec, Vec<EntryId>)| Source {
            service: spec.service,
            flow: Flow::of(spec),
            entries,
            choice: spec.connect.choice,
            resolves: spec.connect.access == Access::DnsRoundRobin,
            mix: Vec::new(),
            patience: Patience::of(spec),
            too_slow: works
                .values()
                .map(|work| spec.connect.request_timeout.map_or(0.0, |timeout| work.longer_than(timeout)))
                .collect(),
            account: Account::default(),
        };
        Bulk {
            now: Time::ZERO,
            began: Time::ZERO,
            clients: clients.values().zip(entries.into_values()).map(source).collect(),
            rotations,
            tasks: IdVec::new(),
            works,
            cohorts: Cohorts::default(),
            notices: VecDeque::new(),
            in_flight: IdVec::filled(services, 0),
            chance: match grade {
                Grade::Aggregate => Chance::Drawn(streams.of(Stream::Counts, 0)),
                Grade::Expected | Grade::Exact => Chance::Mean,
            },
            touched: Vec::new(),
            ways: Vec::new(),
            stale: Vec::new(),
            link_changes: None,
            is_settled: false,
        }
    }

    /// Whether there are no clients: nothing will ever happen.
    pub fn is_idle(&self) -> bool {
        self.clients.is_empty()
    }

    /// Requests that were sent and have not ended, by service, to the nearest whole number.
    pub fn in_flight(&self) -> &IdVec<ServiceId, u32> {
        &self.in_flight
    }

    /// Sends all requests before `now`. Returns the instant that it got to: `now`, or an earlier one at which requests have done
    /// something to a task; its caller takes notice of that first.
    pub fn advance<N: Rotations>(&mut self, now: Time, network: &N) -> Time {
        self.refresh(network);
        while self.now < now && self.notices.is_empty() {
            self.began = self.now;
            let step = if self.is_settled { now } else { next_step(self.began) };
            self.now = now.min(step);
            self.step(self.began, self.now, network);
        }
        self.now
    }

    /// Tells of the requests that have ended by the instant up to which traffic was advanced, and counts those that have not.
    pub fn tell(&mut self, sink: &mut impl FnMut(&Batch)) {
        self.in_flight.values_mut().for_each(|count| *count = 0);
        for (id, client) in self.clients.iter_mut() {
            client.account.answer(self.began, self.now, &self.works);
            client.account.tell(id, client.service, self.now, sink);
            let held = client.account.in_hand() + self.cohorts.count(id);
            self.in_flight[client.service] += libm::floor(held + 0.5) as u32;
        }
    }

    /// The rotations learn what has changed.
    fn refresh<N: Rotations>(&mut self, network: &N) {
        let link_changes = Some(network.link_changes());
        let has_other_links = std::mem::replace(&mut self.link_changes, link_changes) != link_changes;
        if self.stale.is_empty() && !has_other_links {
            return;
        }
        let mut has_news = has_other_links;
        let mut stale = std::mem::take(&mut self.stale);
        for (entry, task, news) in stale.drain(..) {
            let has_it = self.rotations[entry].contains(task);
            has_news |= match news {
                News::Leaves => {
                    if has_it && self.tasks.get(task).is_some_and(|backend| backend.state == State::Serving) {
                        self.note_past(task, |way| way == entry);
                    }
                    self.rotations[entry].set(task, None)
                }
                News::Changes if !has_it => false,
                News::Comes | News::Changes => self.learn(entry, task, network),
            }
        }
        self.stale = stale;
        if has_other_links {
            for entry in self.rotations.ids() {
                let members: Vec<TaskId> = self.rotations[entry].members().collect();
                for task in members {
                    self.learn(entry, task, network);
                }
            }
        }
        if has_news {
            self.rotations.iter_mut().for_each(|(entry, rotation)| rotation.settle(entry, network));
            self.is_settled = self.rotations.values().all(Rotation::is_settled);
            self.clients.values_mut().for_each(|client| client.blend(self.is_settled, &self.rotations));
        }
    }

    /// A rotation learns what becomes of connections that go to a task. True if that is news.
    fn learn<N: Rotations>(&mut self, entry: EntryId, task: TaskId, network: &N) -> bool {
        let fate = fate(entry, task, &self.tasks, &self.works, network);
        self.rotations[entry].set(task, Some(fate))
    }

    /// A task that gets nothing more by these ways still has what came by them before.
    fn note_past(&mut self, task: TaskId, is_over: impl Fn(EntryId) -> bool) {
        let mut past = std::mem::take(&mut self.tasks[task].past);
        past.extend(self.inflows(task).filter(|inflow| is_over(inflow.entry)));
        self.tasks[task].past = past;
    }

    /// Sends what clients send from `from` to before `to`, and what they try again.
    fn step<N: Rotations>(&mut self, from: Time, to: Time, network: &N) {
        let seconds = (to - from).as_secs_f64();
        if !self.is_settled {
            self.begin_step(seconds);
        }
        let middle = from + Span::from_nanos((to - from).as_nanos() / 2);
        for client in self.clients.ids() {
            let source = &self.clients[client];
            let count = source.flow.arrivals(from, to, &mut self.chance);
            let rate = source.flow.rate(to);
            if count > 0.0 || rate > 0.0 {
                let parcel = Parcel { client, count, rate, first: from, sent: middle, tries: 0, packets: 0 };
                self.send(parcel, middle);
            }
        }
        self.wake(to, network);
        self.clients.values_mut().for_each(|client| client.account.add_up(from));
        self.end_step(seconds);
    }

    fn begin_step(&mut self, seconds: f64) {
        for rotation in self.rotations.values() {
            for task in rotation.reacting() {
                let backend = &mut self.tasks[task];
                if backend.begin_step(&self.works[backend.image], seconds) {
                    self.touched.push(task);
                }
            }
        }
    }

    fn end_step(&mut self, seconds: f64) {
        let mut touched = std::mem::take(&mut self.touched);
        for task in touched.drain(..) {
            let Bulk { tasks, works, notices, .. } = self;
            let backend = &mut tasks[task];
            let image = backend.image;
            backend.end_step(&works[image], seconds, |what| notices.push_back(Notice { task, what }));
            if backend.waiting() > 0.0 {
                let mut ways = self.take_ways(task);
                for (inflow, waiting) in ways.drain(..) {
                    self.clients[inflow.client].account.hold(image, waiting);
                }
                self.ways = ways;
            }
        }
        self.touched = touched;
    }

    /// Requests leave their client at `at`, by new connections.
    fn send(&mut self, parcel: Parcel, at: Time) {
        if self.clients[parcel.client].mix.is_empty() {
            return self.send_by_entries(parcel, at);
        }
        for place in 0..self.clients[parcel.client].mix.len() {
            let (image, share) = self.clients[parcel.client].mix[place];
            self.take(Parcel { count: parcel.count * share, rate: parcel.rate * share, ..parcel }, image, at);
        }
    }

    /// Likewise, where chance or the state of tasks decides what becomes of them.
    fn send_by_entries(&mut self, parcel: Parcel, at: Time) {
        let source = &self.clients[parcel.client];
        let (entries, share, is_drawn) = (source.entries.len(), source.share(), source.choice == Choice::Random);
        let mut left = parcel.count;
        for place in 0..entries {
            let count = match is_drawn {
                true => self.chance.binomial(left, 1.0 / (entries - place) as f64),
                false => parcel.count * share,
            };
            left -= count;
            let entry = self.clients[parcel.client].entries[place];
            self.enter(Parcel { count, rate: parcel.rate * share, ..parcel }, entry, at);
        }
    }

    /// Requests enter at one place.
    fn enter(&mut self, parcel: Parcel, entry: EntryId, at: Time) {
        let is_drawn = self.clients[parcel.client].resolves;
        let (mut left, mut left_share) = (parcel.count, 1.0);
        for number in 0.. {
            let Some((fate, share)) = self.rotations[entry].fate(number) else { return };
            let count = match is_drawn {
                true => self.chance.binomial(left, (share / left_share).min(1.0)),
                false => parcel.count * share,
            };
            (left, left_share) = (left - count, left_share - share);
            self.meet(Parcel { count, rate: parcel.rate * share, ..parcel }, entry, fate, at);
        }
    }

    /// Requests meet their fate at `at`.
    fn meet(&mut self, parcel: Parcel, entry: EntryId, fate: Fate, at: Time) {
        match fate {
            Fate::Taken(image) => self.take(parcel, image, at),
            Fate::TakenBy(task) => {
                let backend = &mut self.tasks[task];
                let image = backend.image;
                let fates = backend.take(&self.works[image].application, parcel.count);
                let part = |count: f64| Parcel { count, ..parcel };
                self.fail(part(fates.refused), Some(image), Failure::Refused, Cause::Overload, at);
                self.fail(part(fates.errors), Some(image), Failure::HttpError, Cause::Application, at);
                let answered = if parcel.count > 0.0 { fates.answered / parcel.count } else { 1.0 };
                self.take(Parcel { rate: parcel.rate * answered, ..part(fates.answered) }, image, at);
            }
            Fate::Refused(image, cause) => self.fail(parcel, Some(image), Failure::Refused, cause, at),
            Fate::Silence(task) => self.ask_again(parcel, entry, Some(task)),
            Fate::Nowhere(failure, cause) => self.fail(parcel, None, failure, cause, at),
            Fate::NoEntry => self.ask_again(parcel, entry, None),
        }
    }

    /// Tasks of an image take requests at `at`.
    fn take(&mut self, parcel: Parcel, image: ImageId, at: Time) {
        let Work { application, mean, .. } = &self.works[image];
        let (error_share, worked) = (application.error_share, Span::from_nanos((mean * 1e9) as u64));
        let Source { patience, too_slow, .. } = &self.clients[parcel.client];
        let (too_slow, given_up) = (too_slow[image], patience.request_ends(parcel.sent));
        let slow = self.chance.binomial(parcel.count, too_slow);
        let errors = self.chance.binomial(parcel.count - slow, error_share);
        let part = |count: f64| Parcel { count, ..parcel };
        self.fail(part(slow), Some(image), Failure::Timeout, Cause::Application, given_up);
        self.fail(part(errors), Some(image), Failure::HttpError, Cause::Application, at.saturating_add(worked));
        let rate = parcel.rate * self.works[image].answered(too_slow);
        self.clients[parcel.client].account.take(image, parcel.count - slow - errors, rate, parcel.first);
    }

    /// Requests fail at `at`: their clients try again after a pause, or give up.
    fn fail(&mut self, parcel: Parcel, image: Option<ImageId>, failure: Failure, cause: Cause, at: Time) {
        if parcel.count <= 0.0 {
            return;
        }
        let source = &mut self.clients[parcel.client];
        match source.patience.next_try(at, parcel.tries) {
            Some(next) => {
                let parcel = Parcel { sent: next, tries: parcel.tries + 1, rate: 0.0, packets: 0, ..parcel };
                self.cohorts.push(Cohort { at: next, parcel, entry: None, task: None, what: Wait::Retry });
            }
            None => source.account.end(image, RequestOutcome::Failed(failure, cause), parcel.count, parcel.first),
        }
    }
}

/// What befalls tasks.
impl Bulk {
    /// What requests do to a task at the instant up to which traffic was advanced. What was overtaken is left out.
    pub fn take_notice(&mut self) -> Option<Notice> {
        while let Some(notice) = self.notices.pop_front() {
            if self.tasks[notice.task].is_up() {
                return Some(notice);
            }
        }
        None
    }

    /// The process of a task is up. It need not listen yet.
    pub fn boot(&mut self, task: TaskId, service: ServiceId, image: ImageId) {
        self.come_up(task, service, image, State::Booting);
    }

    /// The process of a task listens.
    pub fn listen(&mut self, task: TaskId, service: ServiceId, image: ImageId) {
        self.come_up(task, service, image, State::Serving);
    }

    fn come_up(&mut self, task: TaskId, service: ServiceId, image: ImageId, state: State) {
        if self.clients.values().all(|client| client.service != service) {
            return;
        }
        let backend = self.tasks.entry(task, Backend::new(service, image, State::Removed));
        match backend.state {
            State::Serving => return,
            State::Booting => backend.state = state,
            _ => *backend = Backend::new(service, image, state),
        }
        self.note_change(service, task);
    }

    /// A task has got its stop signal and listens no longer; what it has goes on.
    pub fn drain(&mut self, task: TaskId) {
        if self.tasks.get(task).is_some_and(Backend::is_up) {
            self.note_past(task, |_| true);
            self.set_state(task, State::Draining);
        }
    }

    /// The process of a task ended: what it has not finished is reset. `cause`: why it ended, unless it had too much to do.
    pub fn kill(&mut self, task: TaskId, cause: Cause) {
        let Some(backend) = self.tasks.get(task).filter(|backend| backend.is_up()) else { return };
        let (cause, image) = (backend.end_cause(cause), backend.image);
        self.cut_off(task, |bulk, parcel, _| bulk.fail(parcel, Some(image), Failure::Reset, cause, bulk.now));
        self.set_state(task, State::Ended(cause));
    }

    /// The address of a task is gone: packets to it are lost.
    pub fn remove(&mut self, task: TaskId) {
        self.set_state(task, State::Removed);
    }

    /// A task is gone with its node, without a word: clients wait for what it has not finished.
    pub fn lose(&mut self, task: TaskId) {
        if self.tasks.get(task).is_some_and(Backend::is_up) {
            self.cut_off(task, |bulk, parcel, entry| {
                let at = bulk.clients[parcel.client].patience.request_ends(bulk.now);
                bulk.cohorts.push(Cohort { at, parcel, entry: Some(entry), task: Some(task), what: Wait::Silence });
            });
        }
        self.set_state(task, State::Lost);
    }

    /// A task meets connections otherwise from now on, if it is there.
    fn set_state(&mut self, task: TaskId, state: State) {
        if let Some(backend) = self.tasks.get_mut(task) {
            backend.state = state;
            let service = backend.service;
            self.note_change(service, task);
        }
    }

    /// Connections that go to a task meet another fate.
    fn note_change(&mut self, service: ServiceId, task: TaskId) {
        let ways = self.rotations.iter().filter(|(_, rotation)| rotation.service == service);
        self.stale.extend(ways.map(|(entry, _)| (entry, task, News::Changes)));
    }

    /// A load balancer does this with a task from `now` on.
    pub fn shift<N: Rotations>(&mut self, now: Time, entry: EntryId, task: TaskId, weight: Weight, network: &N) {
        self.stale.push((entry, task, if weight == Weight::One { News::Comes } else { News::Leaves }));
        if weight == Weight::Gone {
            self.forget(now, entry, task, network);
        }
    }

    /// What comes to a task now that it will answer, if it listens.
    fn inflows(&self, task: TaskId) -> impl Iterator<Item = Inflow> {
        let Backend { state, image, .. } = self.tasks[task];
        let known = move |entry: &EntryId| state == State::Serving && self.rotations[*entry].contains(task);
        self.clients.iter().flat_map(move |(client, source)| {
            let sent = source.flow.rate(self.now) * source.share();
            let answered = self.works[image].answered(source.too_slow[image]);
            source.entries.iter().copied().filter(known).map(move |entry| {
                let rate = sent * self.rotations[entry].share() * answered;
                Inflow { client, entry, rate, until: self.now }
            })
        })
    }

    /// What comes to a task, and how many of the requests that wait in it came so. The room for it is to be put back.
    fn take_ways(&mut self, task: TaskId) -> Vec<(Inflow, f64)> {
        let mut ways = std::mem::take(&mut self.ways);
        let sum: f64 = self.inflows(task).map(|inflow| inflow.rate).sum();
        let part = if sum > 0.0 { self.tasks[task].waiting() / sum } else { 0.0 };
        ways.extend(self.inflows(task).map(|inflow| (inflow, inflow.rate * part)));
        ways
    }

    /// A task loses the requests that it has, and they meet their fate, by client and entry: those that wait, and those that take
    /// longer than it is since they came.
    fn cut_off(&mut self, task: TaskId, mut meet: impl FnMut(&mut Bulk, Parcel, EntryId)) {
        let mut ways = self.take_ways(task);
        let Backend { image, past, .. } = &mut self.tasks[task];
        let image = *image;
        ways.extend(past.drain(..).map(|inflow| (inflow, 0.0)));
        for (Inflow { client, entry, rate, until }, waiting) in ways.drain(..) {
            let now = self.now;
            let mean = rate * self.works[image].excess(now.saturating_since(until).as_secs_f64());
            let most = waiting + self.chance.poisson(mean);
            let count = self.clients[client].account.lose(image, most, rate, until);
            if count > 0.0 {
                meet(self, Parcel { client, count, rate: 0.0, first: now, sent: now, tries: 0, packets: 0 }, entry);
            }
        }
        self.ways = ways;
    }
}

/// The first instant after `at` that is a whole number of steps from the start.
fn next_step(at: Time) -> Time {
    Time::ZERO + STEP * (at.as_nanos() / STEP.as_nanos() + 1)
}
