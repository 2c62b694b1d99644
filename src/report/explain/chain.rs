//! The chain of events and decisions, line by line.

use std::collections::BTreeSet;

use super::super::story::seconds;
use super::words::{Speaker, ended};
use super::{Event, Explain, Scope, Tasks, of_decision, waits};
use crate::kernel::Time;
use crate::model::command::Command;
use crate::model::decision::Decision;
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
}

/// All that is in scope, what is waited for at its end, and the rules that were named.
pub(super) fn text(explain: &Explain<'_>, scope: &Scope, end: Time) -> String {
    let (from, to) = scope.between.unwrap_or((Time::ZERO, end));
    let mut tasks = Tasks::default();
    let mut lines = Vec::new();
    let mut until = 0;
    for (at, event) in explain.events.iter().take_while(|(at, _)| *at <= to) {
        until += 1;
        if let Event::Task(task) = event {
            tasks.note(*at, task);
        }
        if *at >= from {
            lines.extend(line(explain, &tasks, scope, *at, event));
        }
    }
    let at = to.min(end);
    let waits = waits::at(explain.plan, scope, &explain.events[..until], &tasks, at);
    lines.extend(waits.into_iter().map(|(text, because, rule)| Line { at, text, because, rule: Some(rule) }));
    if lines.is_empty() { "nothing was decided then, and nothing is waited for\n".to_owned() } else { written(&lines) }
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

fn line(explain: &Explain<'_>, tasks: &Tasks, scope: &Scope, at: Time, event: &Event) -> Option<Line> {
    let plan = explain.plan;
    let speaker = Speaker { plan, tasks };
    let is_asked_for = |service: ServiceId, slot: Option<Slot>| {
        scope.service.is_none_or(|asked| asked == service) && (scope.slot.is_none() || scope.slot == slot)
    };
    let told = |text: String, rule| Some(Line { at, text, because: String::new(), rule });
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
        Event::Spec(..) | Event::UpdaterEnds(_) | Event::ServiceRemoved(_) => None,
        Event::Status(service, Some(status)) if is_asked_for(service, scope.slot) => {
            let UpdateStatus { state, message } = status;
            told(format!("{}: {}: {message}", plan.services[service], state.name()), Some(status_rule(message)))
        }
        Event::Status(service, None) if is_asked_for(service, scope.slot) => {
            told(format!("{}: its update status is cleared", plan.services[service]), Some(Rule::Operator))
        }
        Event::Status(..) => None,
        Event::Task(ref task) if is_asked_for(task.service, Some(task.slot)) => {
            let (what, rule) = task_event(task, tasks.get(task.task).is_some_and(|row| row.ran.is_some()))?;
            told(format!("{} {what}", speaker.task(task.task)), Some(rule))
        }
        Event::Task(_) => None,
        Event::Decision(service, ref decision) => {
            let words = of_decision(plan, tasks, service, decision);
            let slot_of = |task: TaskId| tasks.get(task).map(|row| row.first.slot);
            let slot = match *decision {
                Decision::Skips { slot, .. } => Some(slot),
                _ => words.task.and_then(slot_of),
            };
            if !is_asked_for(service, slot.or(scope.slot)) {
                return None;
            }
            // What is of no task is of the service.
            let of = if words.task.is_none() { format!("{}: ", plan.services[service]) } else { String::new() };
            let (text, because) = (format!("{of}{}", words.what), words.because);
            Some(Line { at, text, because, rule: Some(decision.rule()) })
        }
    }
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
