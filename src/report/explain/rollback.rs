//! Why nothing was rolled back: the question that is asked most, answered directly.

use super::super::names::{counted, of_image_in_short};
use super::super::story::seconds;
use super::words::{Speaker, action, ended};
use super::{End, Event, Explain, Row, Scope, Tasks, of_decision, waits};
use crate::kernel::Time;
use crate::model::decision::{Decision, Verdict};
use crate::model::rule::Rule;
use crate::model::service::UpdateConfig;
use crate::model::task::{Creation, Creator};
use crate::model::update::UpdateState;
use crate::model::{ServiceId, TaskId, defaults};
use crate::observe::SpecCause;

/// How many tasks are told of one by one.
const MOST: usize = 4;

/// An update by the operator, and what became of it until the next one.
struct Update<'a> {
    service: ServiceId,
    from: Time,
    to: Time,
    /// All events up to its end, and where its own begin.
    before: &'a [(Time, Event)],
    events: &'a [(Time, Event)],
}

/// The answer for each update of the services.
pub(super) fn text(explain: &Explain<'_>, service: Option<ServiceId>, end: Time) -> String {
    let mut answers = Vec::new();
    for id in explain.plan.services.ids().filter(|id| service.is_none_or(|asked| asked == *id)) {
        answers.extend(updates(explain, id, end).iter().map(|update| answer(explain, update)));
    }
    match (&*answers, service) {
        ([], Some(id)) => format!("{}: it was not updated\n", explain.plan.services[id]),
        ([], None) => "no service was updated\n".to_owned(),
        (answers, _) => answers.join("\n"),
    }
}

/// The updates of a service, each up to the next specification that an operator wrote.
fn updates<'a>(explain: &'a Explain<'_>, service: ServiceId, end: Time) -> Vec<Update<'a>> {
    let mut starts = Vec::new();
    for (index, (at, event)) in explain.events.iter().enumerate() {
        if let Event::Spec(of, cause) = event
            && *of == service
            && *cause != SpecCause::AutomaticRollback
        {
            starts.push((index, *at, *cause));
        }
    }
    let mut updates = Vec::new();
    for (number, (index, from, cause)) in starts.iter().enumerate() {
        let (last, to) = starts.get(number + 1).map_or((explain.events.len(), end), |(next, at, _)| (*next, *at));
        if *cause == SpecCause::Update {
            let before = &explain.events[..last];
            updates.push(Update { service, from: *from, to, before, events: &before[*index..] });
        }
    }
    updates
}

/// What came of an update in one sentence, and then what became of the tasks that ended.
fn answer(explain: &Explain<'_>, update: &Update<'_>) -> String {
    let name = &explain.plan.services[update.service];
    let (why, rule) = reason(explain, update);
    let mut text = format!("{name}: the update at {} {why} [{}]\n", seconds(update.from), rule.number());
    let ends = ends(explain, update);
    for (task, row, end) in ends.iter().take(MOST) {
        let speaker = Speaker { plan: explain.plan, tasks: &explain.tasks };
        let (what, rule) = judgement(explain, update, *task, row, end);
        let (time, name) = (seconds(end.at), speaker.task(*task));
        text += &format!("  {time}  {name} has ended: {}\n    {what} [{}]\n", ended(end.status), rule.number());
    }
    if ends.len() > MOST {
        text += &format!("  and {} that ended later\n", counted((ends.len() - MOST) as u32, "task"));
    }
    text
}

/// Why there was no rollback, or when there was.
fn reason(explain: &Explain<'_>, update: &Update<'_>) -> (String, Rule) {
    if let Some(at) = find(update, |event| matches!(event, Event::Spec(_, SpecCause::AutomaticRollback)).then_some(()))
    {
        let ended = last_status(update);
        let then = match ended {
            Some((at, UpdateState::Completed)) => format!(
                "; that the status is completed since {} comes of what was left to do then ({})",
                seconds(at),
                Rule::FollowUp.number()
            ),
            Some((at, state)) => format!("; the status is {} since {}", state.name(), seconds(at)),
            None => String::new(),
        };
        return (format!("was rolled back at {}{then}", seconds(at.0)), Rule::RollBack);
    }
    let Some((_, config)) = find(update, |event| match event {
        Event::Decision(_, Decision::UpdateBegins { config, is_rollback: false, .. }) => Some(*config),
        _ => None,
    }) else {
        return ("changed nothing that tasks run, so that nothing was to be updated".to_owned(), Rule::NothingDirty);
    };
    let counted = failed(update, &config).or_else(|| not_counted(explain, update, &config));
    counted.unwrap_or_else(|| nothing_ended(explain, update))
}

/// Failures were counted.
fn failed(update: &Update<'_>, config: &UpdateConfig) -> Option<(String, Rule)> {
    let counts = |acted: bool| {
        update.events.iter().rev().find_map(|(at, event)| match event {
            Event::Decision(_, Decision::Failure { verdict: Verdict::Counts { failures, dirty, acts, .. }, .. }) => {
                (*acts == acted).then_some((*at, *failures, *dirty))
            }
            _ => None,
        })
    };
    if find(update, |event| matches!(event, Event::Decision(_, Decision::CannotRollBack { .. })).then_some(()))
        .is_some()
    {
        return Some(("was to be rolled back, but there is no previous specification".to_owned(), Rule::RollBack));
    }
    if let Some((at, failures, dirty)) = counts(true) {
        let of = counted(dirty, "slot");
        let why = format!(
            "was paused at {}, when {failures} of {of} had failed: its failure_action is {}, not rollback",
            seconds(at),
            action(config.failure_action)
        );
        return Some((why, Rule::TooManyFailures));
    }
    counts(false).map(|(_, failures, dirty)| {
        let (of, ratio) = (counted(dirty, "slot"), config.max_failure_ratio);
        let why = format!(
            "was not rolled back: {failures} of {of} failed, which is not above its max_failure_ratio of {ratio}"
        );
        (why, Rule::TooManyFailures)
    })
}

/// Tasks have ended, but no end was counted: the reason of the first that the update made, or else of the first.
fn not_counted(explain: &Explain<'_>, update: &Update<'_>, config: &UpdateConfig) -> Option<(String, Rule)> {
    let ends = ends(explain, update);
    let is_made = |row: &Row| matches!(row.first.created, Some(Creation { by: Creator::Updater { .. }, .. }));
    let (task, row, end) = ends.iter().find(|(_, row, _)| is_made(row)).or_else(|| ends.first())?;
    let (_, rule) = judgement(explain, update, *task, row, end);
    let because = match rule {
        Rule::Continue => "its failure_action is continue".to_owned(),
        Rule::Complete => "the update had ended by then".to_owned(),
        Rule::WorkersFinish => "all slots were handed out, and its workers never finished".to_owned(),
        Rule::Restart => "only tasks count that the update itself made".to_owned(),
        _ => {
            let monitor = config.monitor.unwrap_or(defaults::MONITOR);
            format!("it came more than its monitor of {monitor} after the task had come up")
        }
    };
    Some((format!("was not rolled back: no end of a task counted; the first did not, because {because}"), rule))
}

/// No task has ended by itself.
fn nothing_ended(explain: &Explain<'_>, update: &Update<'_>) -> (String, Rule) {
    match last_status(update) {
        Some((at, UpdateState::Completed)) => {
            (format!("was completed at {}: no task of it ended by itself", seconds(at)), Rule::Complete)
        }
        _ => {
            let scope = Scope { service: Some(update.service), ..Scope::default() };
            let mut tasks = Tasks::default();
            for (at, event) in update.before {
                if let Event::Task(task) = event {
                    tasks.note(*at, task);
                }
            }
            let waits = waits::at(explain.plan, &scope, update.before, &tasks, update.to);
            let waits = waits.into_iter().next();
            let (then, rule) = waits.map_or((String::new(), Rule::AwaitRunning), |(text, because, rule)| {
                (format!("; {text}: {because}"), rule)
            });
            (format!("was not rolled back: no task of it ended, and one that never starts cannot fail{then}"), rule)
        }
    }
}

/// Tasks of the new version that ended by themselves, in order of their ends.
fn ends(explain: &Explain<'_>, update: &Update<'_>) -> Vec<(TaskId, Row, End)> {
    let rows = explain.tasks.rows.iter();
    let mut ends: Vec<(TaskId, Row, End)> = rows
        .filter(|(_, row)| row.first.service == update.service)
        .filter_map(|(task, row)| Some((task, *row, row.ended.filter(|end| end.by_itself)?)))
        .filter(|(_, _, end)| update.from <= end.at && end.at <= update.to)
        .collect();
    ends.sort_by_key(|(task, _, end)| (end.at, *task));
    ends
}

/// What the updater made of the end of a task, or why it never looked at it.
fn judgement(explain: &Explain<'_>, update: &Update<'_>, task: TaskId, row: &Row, end: &End) -> (String, Rule) {
    let decisions = update.events.iter().rev();
    let failure = decisions.filter_map(|(_, event)| match event {
        Event::Decision(service, decision @ Decision::Failure { task: of, .. }) if *of == task => {
            Some((*service, *decision))
        }
        _ => None,
    });
    if let Some((service, decision)) = failure.into_iter().next() {
        let words = of_decision(explain.plan, &explain.tasks, service, &decision);
        return (format!("{}, because {}", words.what, words.because), decision.rule());
    }
    match row.first.created.map(|created| created.by) {
        Some(Creator::Updater { .. }) => {
            let until_then = update.events.iter().take_while(|(at, _)| *at <= end.at).count();
            let then = Update { events: &update.events[..until_then], ..*update };
            let over = last_status(&then).map_or_else(String::new, |(at, state)| {
                format!(": its status was {} since {}", state.name(), seconds(at))
            });
            (format!("it does not count, because the update that made it had ended{over}"), Rule::Complete)
        }
        Some(Creator::RestartSupervisor) => {
            let why = "it does not count, because the restart supervisor made it, not the update";
            (why.to_owned(), Rule::Restart)
        }
        Some(Creator::Orchestrator) | None => {
            let image = of_image_in_short(&explain.plan.images[row.first.image].name);
            (
                format!("it does not count, because the update did not make it: it is an earlier task of {image}"),
                Rule::Restart,
            )
        }
    }
}

/// The last update status that was written.
fn last_status(update: &Update<'_>) -> Option<(Time, UpdateState)> {
    update.events.iter().rev().find_map(|(at, event)| match event {
        Event::Status(service, Some(status)) if *service == update.service => Some((*at, status.state)),
        _ => None,
    })
}

/// The first event of the update's own service that is one of those asked for.
fn find<T>(update: &Update<'_>, pick: impl Fn(&Event) -> Option<T>) -> Option<(Time, T)> {
    update.events.iter().find_map(|(at, event)| {
        let is_own = match event {
            Event::Spec(service, _) | Event::Status(service, _) | Event::Decision(service, _) => {
                *service == update.service
            }
            _ => false,
        };
        if is_own { pick(event).map(|found| (*at, found)) } else { None }
    })
}
