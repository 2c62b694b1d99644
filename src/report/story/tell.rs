//! From events to lines: what repeats is counted, and everything gets its words.

use super::super::names::{counted, of_slot};
use super::{Event, ManagerEvent, ServiceEvent, Story, StoryLine, seconds};
use crate::kernel::{Span, Time};
use crate::model::command::Command;
use crate::model::node::Leadership;
use crate::model::task::{TaskError, TaskState};
use crate::model::update::{CommandError, UpdateState};
use crate::model::{ImageId, ServiceId};
use crate::observe::TaskRecord;
use crate::sim::Plan;
use crate::sim::plan::TimedCommand;

/// How often the same thing is told before the rest is only counted. A command, or a change of the update status, begins anew.
const HANDFUL: u32 = 5;

/// Lines, each with the index of the event that it tells.
type Lines = Vec<(usize, StoryLine)>;

/// What makes two events of a service the same to the reader.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Running(ImageId),
    Ended(ImageId, TaskState, Option<TaskError>),
    Unplaced(ImageId),
    Down,
    Up,
    Whole(ImageId),
}

/// Events of one kind since the last that was of none.
struct Repeat {
    kind: Kind,
    told: u32,
    untold: Option<Untold>,
}

/// Events that are only counted.
#[derive(Clone, Copy)]
struct Untold {
    /// Index of the first.
    first: usize,
    /// Index of the last.
    last: usize,
    /// How many tasks, or how many times.
    count: u32,
}

/// Tells what happened to one service.
struct Teller<'a> {
    story: &'a Story<'a>,
    service: ServiceId,
    repeats: Vec<Repeat>,
    lines: Lines,
}

/// All lines of the story, in order of time.
pub(super) fn lines(story: &Story<'_>, end: Time) -> Vec<StoryLine> {
    let mut lines = operator(story);
    for service in story.services.ids() {
        let teller = Teller { story, service, repeats: Vec::new(), lines: Lines::new() };
        lines.extend(teller.tell());
    }
    lines.sort_by_key(|(index, line)| (line.at, *index));
    let last_words = story.services.ids().flat_map(|service| last_words(story, service));
    let last_words: Vec<_> = last_words.map(|text| StoryLine { at: end, text }).collect();
    lines.into_iter().map(|(_, line)| line).chain(last_words).collect()
}

/// What the operator did.
fn operator(story: &Story<'_>) -> Lines {
    let mut lines = Lines::new();
    let mut before = None;
    for (index, (at, event)) in story.events.iter().enumerate() {
        let text = match event {
            Event::Command(command) => {
                let TimedCommand { line, command, .. } = &story.plan.commands[*command as usize];
                // One line may be several commands.
                let again = before.replace((*at, line)) == Some((*at, line));
                let prompt = if matches!(command, Command::Fault(_)) { "fault:" } else { "$" };
                (!line.is_empty() && !again).then(|| format!("{prompt} {line}"))
            }
            Event::Resumed(command) => Some(format!("carried out: {}", story.plan.commands[*command as usize].line)),
            Event::Refused(CommandError::NoEffect) => Some(refusal(story.plan, CommandError::NoEffect)),
            Event::Refused(error) => Some(format!("refused: {}", refusal(story.plan, *error))),
            Event::Node(node, state) => Some(format!("{}: {}", story.plan.nodes[*node].name, state.name())),
            Event::Unknown(nodes) => Some(format!("{} unknown to the new leader", counted(*nodes, "node"))),
            Event::Known => Some("no node unknown any more".to_owned()),
            Event::Leadership(leadership) => Some(leadership_text(story.plan, *leadership)),
            Event::Manager(node, event) => Some(format!("{}: {}", story.plan.nodes[*node].name, manager_text(*event))),
            Event::Service(..) => None,
        };
        lines.extend(text.map(|text| (index, StoryLine { at: *at, text })));
    }
    lines
}

impl Teller<'_> {
    fn tell(mut self) -> Lines {
        for (index, (_, event)) in self.story.events.iter().enumerate() {
            match event {
                Event::Service(service, event) if *service == self.service => self.event(index, event),
                Event::Command(_) => self.count(),
                Event::Service(..)
                | Event::Refused(_)
                | Event::Resumed(_)
                | Event::Node(..)
                | Event::Unknown(_)
                | Event::Known
                | Event::Leadership(_)
                | Event::Manager(..) => {}
            }
        }
        self.count();
        self.lines
    }

    fn event(&mut self, index: usize, event: &ServiceEvent) {
        let Some((kind, count)) = kind(event) else {
            self.count();
            return self.line(index, event);
        };
        let known = self.repeats.iter().position(|repeat| repeat.kind == kind).unwrap_or_else(|| {
            self.repeats.push(Repeat { kind, told: 0, untold: None });
            self.repeats.len() - 1
        });
        let repeat = &mut self.repeats[known];
        if repeat.told < HANDFUL {
            repeat.told += 1;
            self.line(index, event);
        } else {
            let untold = repeat.untold.get_or_insert(Untold { first: index, last: index, count: 0 });
            untold.last = index;
            untold.count += count;
        }
    }

    fn line(&mut self, index: usize, event: &ServiceEvent) {
        let text = text(self.story.plan, self.service, event);
        self.lines.push((index, StoryLine { at: self.story.events[index].0, text }));
    }

    /// Tells the count of what was not told.
    fn count(&mut self) {
        for Repeat { kind, untold, .. } in std::mem::take(&mut self.repeats) {
            let Some(Untold { first, last, count }) = untold else { continue };
            let (at, event) = self.story.events[last];
            match event {
                Event::Service(_, event) if first == last => self.line(last, &event),
                _ => {
                    let text = text_of_count(self.story.plan, self.service, kind, count);
                    let since = seconds(self.story.events[first].0);
                    self.lines.push((last, StoryLine { at, text: format!("{text} since {since}") }));
                }
            }
        }
    }
}

/// The kind of an event that may repeat, and how many tasks, or times, it is.
fn kind(event: &ServiceEvent) -> Option<(Kind, u32)> {
    match event {
        ServiceEvent::Running { image, tasks } => Some((Kind::Running(*image), *tasks)),
        ServiceEvent::Ended(task) => Some((Kind::Ended(task.image, task.status.state, task.status.err), 1)),
        ServiceEvent::Unplaced(task) => Some((Kind::Unplaced(task.image), 1)),
        ServiceEvent::Down { .. } => Some((Kind::Down, 1)),
        ServiceEvent::Up { .. } => Some((Kind::Up, 1)),
        ServiceEvent::Whole { image, .. } => Some((Kind::Whole(*image), 1)),
        ServiceEvent::Created { .. } | ServiceEvent::Removed | ServiceEvent::Status(_) => None,
    }
}

fn text(plan: &Plan, service: ServiceId, event: &ServiceEvent) -> String {
    let name = &plan.services[service];
    let image = |image: ImageId| &plan.images[image].name;
    match event {
        ServiceEvent::Created { desired, image: of } => {
            format!("{name}: created, {} of {}", counted(*desired, "replica"), image(*of))
        }
        ServiceEvent::Removed => format!("{name}: removed"),
        ServiceEvent::Status(status) => format!("{name}: {}: {}", status.state.name(), status.message),
        ServiceEvent::Running { image: of, tasks } => {
            format!("{name}: {} running ({})", counted(*tasks, "task"), image(*of))
        }
        ServiceEvent::Ended(task) => {
            format!("{} {}", task_name(plan, task), ending(task.status.state, task.status.err))
        }
        ServiceEvent::Unplaced(task) => {
            format!("{} {}", task_name(plan, task), ending(task.status.state, task.status.err))
        }
        ServiceEvent::Down { desired } => {
            format!("{name}: down, 0 of {} in rotation", counted(*desired, "replica"))
        }
        ServiceEvent::Up { desired, in_rotation, after } => {
            let after = Span::from_millis(after.as_millis());
            format!("{name}: up again after {after}, {in_rotation} of {} in rotation", counted(*desired, "replica"))
        }
        ServiceEvent::Whole { desired, image: of } => {
            format!("{name}: {desired} of {} in rotation ({})", counted(*desired, "replica"), image(*of))
        }
    }
}

/// The line for further events of a kind, up to the time since which they are counted.
fn text_of_count(plan: &Plan, service: ServiceId, kind: Kind, count: u32) -> String {
    let name = &plan.services[service];
    let image = |image: ImageId| &plan.images[image].name;
    let times = |what: &str| format!("{name}: {what} {count} more times");
    match kind {
        Kind::Running(of) => format!("{name}: {count} more tasks running ({})", image(of)),
        Kind::Ended(of, state, err) => {
            format!("{name}: {count} more tasks ({}) {},", image(of), ending(state, err))
        }
        Kind::Unplaced(of) => {
            format!("{name}: {count} more tasks ({}) pending: no suitable node,", image(of))
        }
        Kind::Down => times("down"),
        Kind::Up => times("up again"),
        Kind::Whole(of) => times(&format!("all replicas in rotation ({})", image(of))),
    }
}

/// `web.1 task 12 (app:2)`
fn task_name(plan: &Plan, task: &TaskRecord) -> String {
    let (slot, image) = (of_slot(plan, task.service, task.slot), &plan.images[task.image].name);
    format!("{slot} task {} ({image})", task.task.0)
}

/// `failed: task: non-zero exit (1)`
fn ending(state: TaskState, err: Option<TaskError>) -> String {
    let word = if state == TaskState::Complete { "completed" } else { state.name() };
    err.map_or_else(|| word.to_owned(), |err| format!("{word}: {err}"))
}

fn refusal(plan: &Plan, error: CommandError) -> String {
    error.text(|service| plan.services[service].as_str(), |node| plan.nodes[node].name.as_str())
}

fn leadership_text(plan: &Plan, leadership: Leadership) -> String {
    match leadership {
        Leadership::Leader(node) => format!("{}: leader", plan.nodes[node].name),
        Leadership::NoLeader => "no leader".to_owned(),
        Leadership::NoQuorum => "no quorum: too few managers".to_owned(),
    }
}

/// As `docker node ls` and `docker node promote` say it.
fn manager_text(event: ManagerEvent) -> &'static str {
    match event {
        ManagerEvent::Joined => "among the managers",
        ManagerEvent::Left => "not among the managers any more",
        ManagerEvent::Reachable => "reachable",
        ManagerEvent::Unreachable => "unreachable",
    }
}

/// What has not come to an end with the run.
fn last_words(story: &Story<'_>, service: ServiceId) -> impl Iterator<Item = String> {
    let (name, watch) = (&story.plan.services[service], &story.services[service]);
    let unfinished = watch.status.and_then(|status| match status.state {
        UpdateState::Updating => Some("update"),
        UpdateState::RollbackStarted => Some("rollback"),
        _ => None,
    });
    let unfinished = unfinished.map(|what| format!("{name}: {what} unfinished at the end of the run"));
    let down = watch.down_since.map(|since| format!("{name}: down at the end of the run, since {}", seconds(since)));
    unfinished.into_iter().chain(down)
}
