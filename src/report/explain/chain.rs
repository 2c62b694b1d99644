//! The chain of events and decisions, line by line.

use std::collections::BTreeSet;

use super::super::names::counted;
use super::super::story::seconds;
use super::known::Known;
use super::words::{Speaker, ended};
use super::{Event, Explain, Scope, of_decision, waits};
use crate::kernel::Time;
use crate::model::command::Command;
use crate::model::decision::{Decision, DeleteCause, StopCause};
use crate::model::node::{Leadership, NodeState};
use crate::model::rule::Rule;
use crate::model::task::{Message, Slot, TaskError, TaskState};
use crate::model::update::{UpdateMessage, UpdateStatus};
use crate::model::{ServiceId, TaskId};
use crate::observe::TaskRecord;

/// A line, with the rule by which it came about.
struct Line {
    at: Time,
    text: String,
    because: String,
    rule: Option<Rule>,
    /// Of what lines there is only one at an instant, however many tasks it is about.
    all: Option<All>,
}

/// What befalls many tasks of a service that have ended.
struct All {
    service: ServiceId,
    /// The task that stands for them.
    first: String,
    others: u32,
    /// What befalls them: `are forgotten`.
    what: &'static str,
    /// Why, if that is said otherwise of one.
    because: Option<&'static str>,
}

impl Line {
    fn new(at: Time, text: String, because: String, rule: Option<Rule>) -> Line {
        Line { at, text, because, rule, all: None }
    }
}

/// All that is in scope, what is waited for at its end, and the rules that were named.
pub(super) fn text(explain: &Explain<'_>, scope: &Scope, end: Time) -> String {
    let (from, to) = scope.between.unwrap_or((Time::ZERO, end));
    let mut known = Known::default();
    let mut lines = Vec::new();
    let mut until = 0;
    for (at, event) in explain.events.iter().take_while(|(at, _)| *at <= to) {
        until += 1;
        known.note(*at, event);
        if *at >= from
            && let Some(line) = line(explain, &known, scope, *at, event)
        {
            add(&mut lines, line);
        }
    }
    let at = to.min(end);
    let waits = waits::at(explain.plan, scope, &explain.events[..until], &known, at);
    // That nobody leads has just been told, perhaps.
    let is_new = |(text, ..): &waits::Wait| lines.last().is_none_or(|line| line.at != at || line.text != *text);
    let waits: Vec<waits::Wait> = waits.into_iter().filter(is_new).collect();
    lines.extend(waits.into_iter().map(|(text, because, rule)| Line::new(at, text, because, Some(rule))));
    if lines.is_empty() { "nothing was decided then, and nothing is waited for\n".to_owned() } else { written(&lines) }
}

/// Adds a line, or makes one of it and another that tells the same of another task.
fn add(lines: &mut Vec<Line>, line: Line) {
    let is_alike = |other: &&mut Line| match (&other.all, &line.all) {
        (Some(other), Some(all)) => other.service == all.service && other.what == all.what,
        _ => false,
    };
    let mut of_now = lines.iter_mut().rev().take_while(|other| other.at == line.at);
    let alike = of_now.find(|other| is_alike(other) && other.rule == line.rule);
    match alike {
        Some(Line { text, because, all: Some(all), .. }) => {
            all.others += 1;
            let others = counted(all.others, "other task");
            *text = format!("{} and {others}, which have ended, {}", all.first, all.what);
            if let Some(many) = all.because {
                *because = many.to_owned();
            }
        }
        _ => lines.push(line),
    }
}

fn written(lines: &[Line]) -> String {
    let times: Vec<String> = lines.iter().map(|line| seconds(line.at)).collect();
    let width = times.iter().map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    let mut rules: BTreeSet<Rule> = BTreeSet::new();
    for (time, line) in times.iter().zip(lines) {
        rules.extend(line.rule);
        let rule = line.rule.map_or_else(String::new, |rule| format!(" [{}]", rule.number()));
        text += &match &*line.because {
            "" => format!("{time:>width$}  {}{rule}\n", line.text),
            because => format!("{time:>width$}  {}\n{:width$}    because {because}{rule}\n", line.text, ""),
        };
    }
    if !rules.is_empty() {
        text += "\nRules, and where swarmkit has them:\n";
        for rule in rules {
            text += &format!("{:<4} {} ({})\n", rule.number(), rule.says(), rule.source());
        }
    }
    text
}

fn line(explain: &Explain<'_>, known: &Known, scope: &Scope, at: Time, event: &Event) -> Option<Line> {
    let plan = explain.plan;
    let speaker = Speaker { plan, known };
    let is_asked_for = |service: ServiceId, slot: Option<Slot>| {
        scope.service.is_none_or(|asked| asked == service) && (scope.slot.is_none() || scope.slot == slot)
    };
    let told = |text: String, rule| Some(Line::new(at, text, String::new(), rule));
    match *event {
        Event::Command(index) => {
            let timed = &plan.commands[index as usize];
            let prompt = if matches!(timed.command, Command::Fault(_)) { "fault:" } else { "$" };
            if timed.line.is_empty() { None } else { told(format!("{prompt} {}", timed.line), None) }
        }
        Event::Refused(error) => {
            let why = error.text(|service| plan.services[service].as_str(), |node| plan.nodes[node].name.as_str());
            told(format!("refused: {why}"), None)
        }
        Event::Node(node, before, state) => {
            let said = state.map_or("no member of the cluster any more", |state| state.name());
            told(format!("{}: {said}", plan.nodes[node].name), Some(node_rule(before, state)))
        }
        Event::Leadership(Leadership::Leader(node)) => {
            told(format!("{}: leads the swarm from now on", plan.nodes[node].name), Some(Rule::NewLeader))
        }
        Event::Leadership(leadership) => told(waits::nobody_leads(leadership).to_owned(), Some(Rule::NoQuorum)),
        Event::Spec { .. } | Event::UpdaterEnds(_) | Event::ServiceRemoved(_) => None,
        Event::Status(service, Some(status)) if is_asked_for(service, scope.slot) => {
            let UpdateStatus { state, message } = status;
            told(format!("{}: {}: {message}", plan.services[service], state.name()), Some(status_rule(message)))
        }
        Event::Status(service, None) if is_asked_for(service, scope.slot) => {
            told(format!("{}: its update status is cleared", plan.services[service]), Some(Rule::Operator))
        }
        Event::Status(..) => None,
        Event::Task(ref task) if is_asked_for(task.service, Some(task.slot)) => {
            let (what, rule) = task_event(task, known.task(task.task).is_some_and(|row| row.ran.is_some()))?;
            told(format!("{} {what}", speaker.task(task.task)), Some(rule))
        }
        Event::Task(_) => None,
        Event::Decision(service, ref decision) => {
            let words = of_decision(plan, known, service, decision);
            let slot_of = |task: TaskId| known.task(task).map(|row| row.first.slot);
            let slot = match *decision {
                Decision::Skips { slot, .. } => Some(slot),
                _ => words.task.and_then(slot_of),
            };
            if !is_asked_for(service, slot.or(scope.slot)) {
                return None;
            }
            // What is of no task is of the service.
            let of = if words.task.is_none() { format!("{}: ", plan.services[service]) } else { String::new() };
            let all = befalls_all(known, decision).map(|(task, what, because)| All {
                service,
                first: speaker.task(task),
                others: 0,
                what,
                because,
            });
            let (text, because) = (format!("{of}{}", words.what), words.because);
            Some(Line { all, ..Line::new(at, text, because, Some(decision.rule())) })
        }
    }
}

/// What is decided about a task that has ended, if it may be decided about many of them at once: what befalls them and, if that is
/// not said alike of one and of many, why.
fn befalls_all(known: &Known, decision: &Decision) -> Option<(TaskId, &'static str, Option<&'static str>)> {
    let (task, what, because) = match *decision {
        Decision::Stops { task, cause: StopCause::ServiceRemoved | StopCause::ScaledDown } => {
            (task, "are to be removed", None)
        }
        Decision::Deletes { task, cause } => {
            let because = match cause {
                DeleteCause::Removed => "they were to be removed, and have stopped",
                DeleteCause::ServiceGone => "their service is gone",
                DeleteCause::NodeGone => "their node is gone",
                DeleteCause::History | DeleteCause::DeadSlot => return None,
            };
            (task, "are forgotten", Some(because))
        }
        _ => return None,
    };
    known.task(task)?.ended.map(|_| (task, what, because))
}

/// What has become of a task, if that is worth a line, and by which rule.
fn task_event(task: &TaskRecord, has_run: bool) -> Option<(String, Rule)> {
    let status = task.status;
    let rule = match (status.state, status.err) {
        (TaskState::Running, _) => return Some(("runs".to_owned(), Rule::Starts)),
        (TaskState::Pending, Some(err)) => {
            let rule = if matches!(err, TaskError::UnsuitableNode(_)) { Rule::Confirm } else { Rule::Unplaced };
            return Some((format!("waits: {err}"), rule));
        }
        (TaskState::Complete, _) => Rule::Exits,
        (TaskState::Shutdown, _) if task.node.is_none() => Rule::Superseded,
        (TaskState::Shutdown, _) => Rule::AgentStops,
        (TaskState::Failed, _) => {
            if has_run {
                Rule::Exits
            } else {
                Rule::Starts
            }
        }
        (TaskState::Rejected, Some(TaskError::ConstraintsNotMet)) => Rule::Enforce,
        (TaskState::Rejected, _) => Rule::Prepares,
        (TaskState::Orphaned, _) if status.message == Message::NodeDeleted => Rule::NodeRemoved,
        (TaskState::Orphaned, _) => Rule::Orphaned,
        _ => return None,
    };
    Some((format!("has ended: {}", ended(status)), rule))
}

/// The rule by which an update status is written.
fn status_rule(message: UpdateMessage) -> Rule {
    match message {
        UpdateMessage::InProgress => Rule::InProgress,
        UpdateMessage::Paused(_) => Rule::Pause,
        UpdateMessage::RollbackPaused(_) => Rule::NoSecondRollback,
        UpdateMessage::RolledBack(_) => Rule::RollBack,
        UpdateMessage::ManualRollback => Rule::ManualRollback,
        UpdateMessage::Completed | UpdateMessage::RollbackCompleted => Rule::Complete,
    }
}

/// The rule by which a node's state has changed.
fn node_rule(before: Option<NodeState>, state: Option<NodeState>) -> Rule {
    match (before, state) {
        (_, None) => Rule::NodeRemoved,
        (_, Some(NodeState::Ready)) => Rule::NodeReady,
        (_, Some(NodeState::Unknown)) => Rule::NodeUnknown,
        (Some(NodeState::Unknown), Some(NodeState::Down)) => Rule::NodeNotBack,
        (_, Some(NodeState::Down)) => Rule::NodeDown,
    }
}
