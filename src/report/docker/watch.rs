//! A run as an operator sees it who types the commands of its timeline and waits for each as docker's client does.

use std::collections::VecDeque;

use super::Cluster;
use super::progress::{Ending, Message, POLL, Progress};
use crate::kernel::{IdVec, Span, Time};
use crate::model::ServiceId;
use crate::model::command::Command;
use crate::model::request::Request;
use crate::observe::{Observer, Record, SpecCause, SpecWritten};
use crate::sim::Plan;

/// Something that the operator sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// A command is typed for which the client waits.
    Prompt(String),
    /// The client says something, or something happens elsewhere.
    Message(Message),
    /// The client fails with this.
    Error(String),
}

/// Who looks on.
pub trait Audience {
    /// Shows what is seen at an instant. Instants do not go back.
    fn show(&mut self, at: Time, sight: Sight);
}

/// Types the commands and waits.
#[derive(Debug)]
pub struct Watch<'p, A> {
    plan: &'p Plan,
    cluster: Cluster<'p>,
    audience: A,
    /// The command that is being carried out.
    command: Option<u32>,
    waiting: Option<Waiting>,
    /// Services of the same line that come next.
    queue: VecDeque<(ServiceId, String)>,
}

/// The client while it waits for a service.
#[derive(Debug)]
struct Waiting {
    service: ServiceId,
    progress: Progress,
    /// When it asks next.
    next: Time,
}

impl<'p, A: Audience> Watch<'p, A> {
    /// Shows a run of this plan to `audience`.
    pub fn new(plan: &'p Plan, audience: A) -> Watch<'p, A> {
        Watch { plan, cluster: Cluster::new(plan), audience, command: None, waiting: None, queue: VecDeque::new() }
    }

    /// The audience, once the run has ended.
    pub fn finish(mut self, end: Time) -> A {
        self.play(after(end));
        if self.waiting.is_some() {
            self.say(end, "the run ends here; the client would wait on".to_owned());
        }
        self.audience
    }

    fn say(&mut self, at: Time, text: String) {
        self.audience.show(at, Sight::Message(Message::Text(text)));
    }

    /// Asks as often as the client does before an instant, if it waits.
    fn play(&mut self, before: Time) {
        while let Some(waiting) = self.waiting.as_mut().filter(|waiting| waiting.next < before) {
            let at = waiting.next;
            waiting.next += POLL;
            let Some(polled) = self.cluster.polled(waiting.service) else {
                let name = self.cluster.name(waiting.service);
                self.audience.show(at, Sight::Error(format!("service {name} not found")));
                self.wait_for_next(at);
                continue;
            };
            let (messages, ending) = waiting.progress.poll(at, &polled);
            messages.into_iter().for_each(|message| self.audience.show(at, Sight::Message(message)));
            match ending {
                None => continue,
                Some(Ending::Done) => {}
                Some(Ending::Failed(why)) => self.audience.show(at, Sight::Error(why)),
            }
            self.wait_for_next(at);
        }
    }

    fn wait_for_next(&mut self, at: Time) {
        let release = self.cluster.release();
        self.waiting = self.queue.pop_front().map(|(service, reference)| Waiting {
            service,
            progress: Progress::new(reference, release),
            next: at,
        });
    }

    /// The operator types a command; what the client waited for goes on without it.
    fn begin(&mut self, now: Time, index: u32) {
        self.command = Some(index);
        let command = &self.plan.commands[index as usize];
        let before = index.checked_sub(1).map(|before| &self.plan.commands[before as usize]);
        let goes_on = before.is_some_and(|before| (before.at, &before.line) == (command.at, &command.line));
        if command.line.is_empty() || goes_on {
            return;
        }
        let clock = now.since_start();
        if !waits(&command.line) {
            let sign = if matches!(command.command, Command::Fault(_)) { "" } else { "$ " };
            self.say(now, format!("[{clock}] {sign}{}", command.line));
            return;
        }
        if let Some(waiting) = self.waiting.take() {
            self.queue.clear();
            for message in waiting.progress.interrupt() {
                self.audience.show(now, Sight::Message(message));
            }
        }
        self.audience.show(now, Sight::Prompt(format!("[{clock}] $ {}", command.line)));
    }

    /// The managers took what the command writes.
    fn accept(&mut self, now: Time, service: ServiceId) {
        let Some(command) = self.command.map(|index| &self.plan.commands[index as usize]) else { return };
        let name = self.cluster.name(service).to_owned();
        let (reference, said) = match &command.command {
            _ if !waits(&command.line) => return,
            Command::ServiceCreate { .. } => (self.cluster.id(service), self.cluster.id(service)),
            Command::ServiceUpdate { change, .. } if verb(&command.line) == Some("scale") => {
                (name.clone(), format!("{name} scaled to {}", change.replicas.unwrap_or_default()))
            }
            _ => (name.clone(), name),
        };
        self.say(now, said);
        self.queue.push_back((service, reference));
        if self.waiting.is_none() {
            self.wait_for_next(now);
        }
    }
}

/// The next instant: the store at the end of this one is asked too.
fn after(now: Time) -> Time {
    now.saturating_add(Span::from_nanos(1))
}

/// What a line does to services: `update` of `docker service update ...`.
fn verb(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().skip_while(|word| *word == "docker");
    words.next().filter(|group| *group == "service").and(words.next())
}

/// Whether the client waits until a service has become what the line says.
///
/// Source: cli: cli/command/service/{create,update,rollback,scale}.go (cli-and-compose a.3).
fn waits(line: &str) -> bool {
    let is_detached = line.split_whitespace().any(|word| ["-d", "--detach", "--detach=true"].contains(&word));
    !is_detached && matches!(verb(line), Some("create" | "update" | "rollback" | "scale"))
}

impl<A: Audience> Observer for Watch<'_, A> {
    fn record(&mut self, now: Time, record: &Record) {
        self.play(now);
        self.cluster.record(now, record);
        match *record {
            Record::Command { index } => self.begin(now, index),
            Record::CommandResumed { index } => self.command = Some(index),
            Record::CommandError { index, error } => {
                let text = error.text(|service| &self.plan.services[service], |node| &self.plan.nodes[node].name);
                if !self.plan.commands[index as usize].line.is_empty() {
                    self.audience.show(now, Sight::Error(format!("Error response from daemon: {text}")));
                }
            }
            _ => {}
        }
    }

    fn spec(&mut self, now: Time, written: &SpecWritten<'_>) {
        self.cluster.spec(now, written);
        if written.cause != SpecCause::AutomaticRollback {
            self.accept(now, written.service);
        }
    }

    fn request(&mut self, _request: &Request) {}

    fn instant(&mut self, now: Time, _in_flight: &IdVec<ServiceId, u32>) {
        self.play(after(now));
    }
}
