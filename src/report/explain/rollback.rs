//! Why nothing was rolled back: the question that is asked most, answered directly.

use std::collections::BTreeMap;

use super::super::names::counted;
use super::super::story::seconds;
use super::words::{Speaker, action, ended};
use super::{End, Event, Explain, Row, Scope, Tasks, waits};
use crate::kernel::Time;
use crate::model::decision::{Decision, Verdict};
use crate::model::rule::Rule;
use crate::model::task::Creator;
use crate::model::update::UpdateState;
use crate::model::{ServiceId, TaskId};
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
    let ends = ends(explain, update);
    let (why, rule) = reason(explain, update, &ends);
    let mut text = format!("{name}: the update at {} {why} [{}]\n", seconds(update.from), rule.number());
    let speaker = Speaker { plan: explain.plan, tasks: &explain.tasks };
    for (task, end, judgement) in told(&ends) {
        let (what, because) = in_words(&speaker, *task, *judgement);
        let (time, name, rule) = (seconds(end.at), speaker.task(*task), judgement.rule().number());
        let when = match judgement {
            Judgement::Of(at, Verdict::Counts { .. }) if *at > end.at => {
                let rule = Rule::WorkersFinish.number();
                format!(", but only at {}, when the workers have finished ({rule})", seconds(*at))
            }
            _ => String::new(),
        };
        text += &format!("  {time}  {name} has ended: {}\n", ended(end.status));
        text += &format!("    it {what}{when}, because {because} [{rule}]\n");
    }
    if ends.len() > MOST {
        text += &format!("  and {} more\n", ends.len() - MOST);
    }
    text
}

/// The ends that are told one by one: the first, and the one that decided.
fn told(ends: &[(TaskId, End, Judgement)]) -> impl Iterator<Item = &(TaskId, End, Judgement)> {
    let decides =
        |end: &(TaskId, End, Judgement)| matches!(end.2, Judgement::Of(_, Verdict::Counts { acts: true, .. }));
    let decided = ends.iter().position(decides).filter(|decided| *decided >= MOST);
    let first = MOST - usize::from(decided.is_some());
    ends.iter().take(first).chain(decided.map(|decided| &ends[decided]))
}

/// Why there was no rollback, or when there was.
fn reason(explain: &Explain<'_>, update: &Update<'_>, ends: &[(TaskId, End, Judgement)]) -> (String, Rule) {
    let mut counts = ends.iter().filter_map(|(_, _, judgement)| match *judgement {
        Judgement::Of(_, Verdict::Counts { failures, dirty, ratio, acts }) => {
            Some((acts, format!("{failures} of {}", counted(dirty, "slot")), ratio))
        }
        _ => None,
    });
    let acted = counts.clone().find(|(acts, ..)| *acts);
    let rolled_back = |event: &Event| matches!(event, Event::Spec(_, SpecCause::AutomaticRollback)).then_some(());
    if let Some((at, ())) = find(update, rolled_back) {
        let when = acted.map_or_else(String::new, |(_, failed, ratio)| {
            format!(", when {failed} had failed, more than its max_failure_ratio of {ratio}")
        });
        return (format!("was rolled back at {}{when}{}", seconds(at), after_rollback(update)), Rule::RollBack);
    }
    let Some((_, config)) = find(update, |event| match event {
        Event::Decision(_, Decision::UpdateBegins { config, is_rollback: false, .. }) => Some(*config),
        _ => None,
    }) else {
        return ("changed nothing that tasks run, so that nothing was to be updated".to_owned(), Rule::NothingDirty);
    };
    if let Some((_, failed, _)) = acted {
        let at = last_status(update).map_or(update.to, |(at, _)| at);
        let action = action(config.failure_action);
        let why = format!(
            "was paused at {}, when {failed} had failed: its failure_action is {action}, not rollback",
            seconds(at)
        );
        return (why, Rule::TooManyFailures);
    }
    let outcome = outcome(explain, update);
    if let Some((_, failed, ratio)) = counts.next_back() {
        let why = format!("{outcome}: {failed} failed, which is not above its max_failure_ratio of {ratio}");
        return (why, Rule::TooManyFailures);
    }
    not_counted(ends, &outcome).unwrap_or_else(|| nothing_ended(explain, update, &outcome))
}

/// What came after a rollback.
fn after_rollback(update: &Update<'_>) -> String {
    let cannot = |event: &Event| matches!(event, Event::Decision(_, Decision::CannotRollBack { .. })).then_some(());
    let then = match last_status(update) {
        Some((at, UpdateState::Completed)) => format!(
            "; that the status is completed since {} comes of what was left to do then ({})",
            seconds(at),
            Rule::FollowUp.number()
        ),
        Some((at, state)) => format!("; the status is {} since {}", state.name(), seconds(at)),
        None => String::new(),
    };
    let again = find(update, cannot).map_or_else(String::new, |(at, ())| {
        format!("; at {} it was to be rolled back again, but there was no previous specification any more", seconds(at))
    });
    format!("{then}{again}")
}

/// How an update stands that was neither rolled back nor paused for failures.
fn outcome(explain: &Explain<'_>, update: &Update<'_>) -> String {
    let removed = find(update, |event| matches!(event, Event::Removed(_)).then_some(()));
    match (last_status(update), removed) {
        (Some((at, UpdateState::Completed)), _) => format!("was not rolled back but completed at {}", seconds(at)),
        (_, Some((at, ()))) => format!("was not rolled back before the service was removed at {}", seconds(at)),
        _ if update.before.len() < explain.events.len() => {
            format!("was not rolled back before the next command at {}", seconds(update.to))
        }
        _ => "is not complete, and was not rolled back".to_owned(),
    }
}

/// Tasks have ended, but no end was counted: the reason of the first that the update made, or else of the first.
fn not_counted(ends: &[(TaskId, End, Judgement)], outcome: &str) -> Option<(String, Rule)> {
    let is_made = |judgement: &Judgement| matches!(judgement, Judgement::Of(..) | Judgement::Over(_));
    let (.., judgement) = ends.iter().find(|(.., judgement)| is_made(judgement)).or_else(|| ends.first())?;
    let because = match judgement {
        Judgement::Of(_, Verdict::ActionIsContinue) => "its failure_action is continue".to_owned(),
        Judgement::Of(_, Verdict::NotYet) => "no failure is looked at until its workers have finished".to_owned(),
        Judgement::Of(_, Verdict::Late { monitor, .. }) => {
            format!("the first came more than its monitor of {monitor} after the task had come up")
        }
        Judgement::Of(_, Verdict::Over) | Judgement::Over(_) => "the first came when the update was over".to_owned(),
        _ => "only tasks count that the update itself made".to_owned(),
    };
    Some((format!("{outcome}: no end of a task counted, because {because}"), judgement.rule()))
}

/// No task has ended by itself.
fn nothing_ended(explain: &Explain<'_>, update: &Update<'_>, outcome: &str) -> (String, Rule) {
    if matches!(last_status(update), Some((_, UpdateState::Completed))) {
        return (format!("{outcome}: no task of it ended by itself"), Rule::Complete);
    }
    let scope = Scope { service: Some(update.service), ..Scope::default() };
    let mut tasks = Tasks::default();
    for (at, event) in update.before {
        if let Event::Task(task) = event {
            tasks.note(*at, task);
        }
    }
    let waits = waits::at(explain.plan, &scope, update.before, &tasks, update.to);
    let (then, rule) = match waits.into_iter().next() {
        Some((text, because, Rule::AwaitRunning)) => {
            (format!(", and one that never starts cannot fail; {text}: {because}"), Rule::AwaitRunning)
        }
        Some((text, _, rule)) => (format!("; {text}"), rule),
        None => (String::new(), Rule::Failure),
    };
    (format!("{outcome}: no task of it ended by itself{then}"), rule)
}

/// What became of the end of a task.
#[derive(Clone, Copy)]
enum Judgement {
    /// The updater looked at it at this time.
    Of(Time, Verdict),
    /// The updater that made the task had ended; with the status of the time.
    Over(Option<(Time, UpdateState)>),
    /// The restart supervisor made the task.
    Restarted,
    /// The orchestrator made the task, after the update had begun.
    Added,
    /// The task is older than the update.
    Older,
}

impl Judgement {
    fn rule(&self) -> Rule {
        match self {
            Judgement::Of(_, verdict) => verdict.rule(),
            Judgement::Over(Some((_, UpdateState::Completed))) => Rule::Complete,
            Judgement::Over(Some((_, UpdateState::Paused))) => Rule::Pause,
            Judgement::Over(None | Some((_, UpdateState::Updating))) => Rule::Cancel,
            Judgement::Over(Some(_)) => Rule::RollBack,
            Judgement::Restarted | Judgement::Added | Judgement::Older => Rule::Failure,
        }
    }
}

/// What becomes of the end of a task, and why.
fn in_words(speaker: &Speaker<'_>, task: TaskId, judgement: Judgement) -> (&'static str, String) {
    let because = match judgement {
        Judgement::Of(_, verdict) => return speaker.verdict(task, verdict),
        Judgement::Over(Some((at, UpdateState::Completed))) => format!("the update was completed at {}", seconds(at)),
        Judgement::Over(Some((at, UpdateState::Paused))) => format!("the update was paused at {}", seconds(at)),
        Judgement::Over(None | Some((_, UpdateState::Updating))) => "the updater that made it had ended".to_owned(),
        Judgement::Over(Some(_)) => "the update was rolled back by then".to_owned(),
        Judgement::Restarted => "the restart supervisor made it, not the update".to_owned(),
        Judgement::Added => "it was made where there was none, outside the update".to_owned(),
        Judgement::Older => "it is older than the update".to_owned(),
    };
    ("does not count", because)
}

/// Tasks of the service that ended by themselves or whose end was counted, in order of their ends.
fn ends(explain: &Explain<'_>, update: &Update<'_>) -> Vec<(TaskId, End, Judgement)> {
    let mut verdicts: BTreeMap<TaskId, (Time, Verdict)> = BTreeMap::new();
    let mut statuses: Vec<(Time, UpdateState)> = Vec::new();
    for (at, event) in update.events {
        match *event {
            Event::Decision(_, Decision::Failure { task, verdict, .. }) => _ = verdicts.insert(task, (*at, verdict)),
            Event::Status(of, Some(status)) if of == update.service => statuses.push((*at, status.state)),
            _ => {}
        }
    }
    // What the updater made of the end of a task, or why it never looked at it.
    let judgement = |task: TaskId, row: &Row, end: End| match (verdicts.get(&task), row.first.created?.by) {
        (Some((at, verdict)), _) => Some(Judgement::Of(*at, *verdict)),
        (None, Creator::Updater { .. }) => {
            let then = statuses.partition_point(|(at, _)| *at <= end.at);
            Some(Judgement::Over(statuses[..then].last().copied()))
        }
        (None, Creator::RestartSupervisor) => Some(Judgement::Restarted),
        (None, Creator::Orchestrator) if row.first.status_at >= update.from => Some(Judgement::Added),
        (None, Creator::Orchestrator) => Some(Judgement::Older),
    };
    let rows = explain.tasks.rows.iter().filter(|(_, row)| row.first.service == update.service);
    let mut ends: Vec<(TaskId, End, Judgement)> = rows
        .filter_map(|(task, row)| Some((task, row, row.ended?)))
        .filter(|(.., end)| update.from <= end.at && end.at <= update.to)
        .filter_map(|(task, row, end)| Some((task, end, judgement(task, row, end)?)))
        .filter(|(_, end, judgement)| end.by_itself || matches!(judgement, Judgement::Of(_, Verdict::Counts { .. })))
        .collect();
    ends.sort_by_key(|(task, end, _)| (end.at, *task));
    ends
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
            Event::Spec(service, _)
            | Event::Status(service, _)
            | Event::Removed(service)
            | Event::Decision(service, _) => *service == update.service,
            _ => false,
        };
        if is_own { pick(event).map(|found| (*at, found)) } else { None }
    })
}
