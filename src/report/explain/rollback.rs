//! Why nothing was rolled back: the question that is asked most, answered directly.

use std::collections::BTreeSet;

use super::super::names::{counted, of_image_in_short};
use super::super::story::seconds;
use super::known::{End, Known, Row};
use super::words::{Speaker, ended, no_rollback};
use super::{Event, Explain, Scope, waits};
use crate::kernel::Time;
use crate::model::decision::{Decision, Verdict};
use crate::model::rule::Rule;
use crate::model::service::{FailureAction, UpdateConfig};
use crate::model::task::{Creation, Creator};
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
    /// What the operator did then; `None`: nothing more.
    next: Option<Next>,
    /// All events up to its end, and those since its beginning, of whatever service.
    before: &'a [(Time, Event)],
    events: &'a [(Time, Event)],
}

impl Update<'_> {
    /// What befell its own service.
    fn own(&self) -> impl DoubleEndedIterator<Item = (Time, &Event)> {
        let own = self.events.iter().filter(|(_, event)| event.service() == Some(self.service));
        own.map(|(at, event)| (*at, event))
    }

    /// By what it goes; `None`: nothing is out of date.
    fn config(&self) -> Option<UpdateConfig> {
        let own = self.own().find_map(|(_, event)| match *event {
            Event::Decision(_, Decision::UpdateBegins { config, is_rollback: false, .. }) => Some(Some(config)),
            Event::Decision(_, Decision::NothingToUpdate) => Some(None),
            _ => None,
        });
        own.unwrap_or_else(|| self.at_work())
    }

    /// The configuration of the updater that it finds at work. A command that leaves the service as it is does not end that.
    fn at_work(&self) -> Option<UpdateConfig> {
        let mut at_work = None;
        for (_, event) in &self.before[..self.before.len() - self.events.len()] {
            match *event {
                Event::Decision(service, Decision::UpdateBegins { run, config, is_rollback: false, .. })
                    if service == self.service =>
                {
                    at_work = Some((run, config));
                }
                Event::UpdaterEnds(run) => at_work = at_work.filter(|(of, _)| *of != run),
                Event::Leadership(_) => at_work = None,
                _ => {}
            }
        }
        at_work.map(|(_, config)| config)
    }

    /// The last update status that was written.
    fn last_status(&self) -> Option<(Time, UpdateState)> {
        self.own().rev().find_map(|(at, event)| match event {
            Event::Status(_, Some(status)) => Some((at, status.state)),
            _ => None,
        })
    }

    /// The ends of tasks that were counted.
    fn counts(&self) -> impl DoubleEndedIterator<Item = (Time, Counts)> {
        self.own().filter_map(|(at, event)| match *event {
            Event::Decision(
                _,
                Decision::Failure { task, verdict: Verdict::Counts { failures, dirty, ratio, acts }, .. },
            ) => Some((at, Counts { task, failures, dirty, ratio, acts })),
            _ => None,
        })
    }
}

/// An end that was counted.
struct Counts {
    task: TaskId,
    failures: u32,
    dirty: u32,
    ratio: f32,
    acts: bool,
}

/// What ends an update from outside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Update,
    ManualRollback,
    Removal,
}

/// Why there was no rollback, or when there was.
struct Reason {
    why: String,
    rule: Rule,
    /// The task whose end decided it.
    decided_by: Option<TaskId>,
}

/// Whether the end of a task counts.
struct Judgement {
    /// That it does or does not, and why.
    what: String,
    /// Only why.
    because: String,
    rule: Rule,
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

/// The updates of a service, each up to what the operator did next.
fn updates<'a>(explain: &'a Explain<'_>, service: ServiceId, end: Time) -> Vec<Update<'a>> {
    let mut starts = Vec::new();
    let events = explain.events.iter().enumerate();
    for (index, (at, event)) in events.filter(|(_, (_, event))| event.service() == Some(service)) {
        let next = match event {
            Event::Spec { cause: SpecCause::Update, .. } => Next::Update,
            Event::Spec { cause: SpecCause::ManualRollback, .. } => Next::ManualRollback,
            Event::ServiceRemoved(_) => Next::Removal,
            _ => continue,
        };
        starts.push((index, *at, next));
    }
    let mut updates = Vec::new();
    for (number, (index, from, _)) in starts.iter().enumerate().filter(|(_, (.., what))| *what == Next::Update) {
        let next = starts.get(number + 1);
        let (last, to) = next.map_or((explain.events.len(), end), |(index, at, _)| (*index, *at));
        let before = &explain.events[..last];
        let next = next.map(|(.., next)| *next);
        updates.push(Update { service, from: *from, to, next, before, events: &before[*index..] });
    }
    updates
}

/// What came of an update in one sentence, and then what became of the tasks that ended.
fn answer(explain: &Explain<'_>, update: &Update<'_>) -> String {
    let name = &explain.plan.services[update.service];
    let Reason { why, rule, decided_by } = reason(explain, update);
    let mut text = format!("{name}: the update at {} {why} [{}]\n", seconds(update.from), rule.number());
    let ends = ends(explain, update);
    // The end that decided stands there, however late it came.
    let decided_at = ends.iter().position(|(task, ..)| Some(*task) == decided_by).unwrap_or(0);
    let first = if decided_at <= MOST { MOST.max(decided_at + 1).min(ends.len()) } else { MOST - 1 };
    for (index, (task, row, end)) in ends.iter().enumerate() {
        if index >= first && index != decided_at {
            continue;
        }
        if index > first {
            text += &format!("  and {} that ended between\n", counted((index - first) as u32, "task"));
        }
        let speaker = Speaker { plan: explain.plan, known: &explain.known };
        let Judgement { what, rule, .. } = judgement(explain, update, *task, row, end);
        let (time, name) = (seconds(end.at), speaker.task(*task));
        text += &format!("  {time}  {name} has ended: {}\n    {what} [{}]\n", ended(end.status), rule.number());
    }
    let last = first.max(decided_at + 1);
    if ends.len() > last {
        text += &format!("  and {} that ended later\n", counted((ends.len() - last) as u32, "task"));
    }
    text
}

/// Why there was no rollback, or when there was.
fn reason(explain: &Explain<'_>, update: &Update<'_>) -> Reason {
    let is_rolled_back = |event: &Event| matches!(event, Event::Spec { cause: SpecCause::AutomaticRollback, .. });
    if let Some((at, _)) = update.own().find(|(_, event)| is_rolled_back(event)) {
        let then = match update.last_status() {
            Some((at, UpdateState::Completed)) => format!(
                "; that the status is completed since {} comes of what was left to do then ({})",
                seconds(at),
                Rule::FollowUp.number()
            ),
            Some((at, state)) => format!("; the status is {} since {}", state.name(), seconds(at)),
            None => String::new(),
        };
        let decided = update.counts().map(|(_, counts)| counts).find(|counts| counts.acts);
        let when = decided.as_ref().map_or_else(String::new, |Counts { failures, dirty, ratio, .. }| {
            let of = counted(*dirty, "slot");
            format!(", when {failures} of {of} had failed, more than its max_failure_ratio of {ratio}")
        });
        let why = format!("was rolled back at {}{when}{then}", seconds(at));
        return Reason { why, rule: Rule::RollBack, decided_by: decided.map(|counts| counts.task) };
    }
    let Some(config) = update.config() else {
        let why = "changed nothing that tasks run, so that nothing was to be updated".to_owned();
        return Reason { why, rule: Rule::NothingDirty, decided_by: None };
    };
    let counted = failed(update, &config).or_else(|| not_counted(explain, update, &config));
    counted.unwrap_or_else(|| nothing_ended(explain, update))
}

/// Failures were counted.
fn failed(update: &Update<'_>, config: &UpdateConfig) -> Option<Reason> {
    let acted = update.counts().rfind(|(_, counts)| counts.acts);
    let cannot = update.own().find_map(|(_, event)| match *event {
        Event::Decision(_, Decision::CannotRollBack { cause, .. }) => Some(cause),
        _ => None,
    });
    if let Some(cause) = cannot {
        let why = format!("was to be rolled back, but {}", no_rollback(cause));
        return Some(Reason { why, rule: Rule::RollBack, decided_by: acted.map(|(_, counts)| counts.task) });
    }
    if let Some((at, Counts { task, failures, dirty, .. })) = acted {
        let of = counted(dirty, "slot");
        // While the update status is cleared nothing is written.
        let is_paused = update.last_status().is_some();
        let what = if is_paused { "was paused" } else { "went no further" };
        let why = format!(
            "{what} at {}, when {failures} of {of} had failed: its failure_action is {}, not rollback",
            seconds(at),
            config.failure_action.name()
        );
        return Some(Reason { why, rule: Rule::TooManyFailures, decided_by: Some(task) });
    }
    let (_, Counts { task, failures, dirty, .. }) = update.counts().last()?;
    let (head, of, ratio) = (not_rolled_back(update), counted(dirty, "slot"), config.max_failure_ratio);
    let why = format!("{head}: {failures} of {of} failed, which is not above its max_failure_ratio of {ratio}");
    Some(Reason { why, rule: Rule::TooManyFailures, decided_by: Some(task) })
}

/// Tasks have ended, but no end was counted: because none is, or for the reason of the first that the update made, or else of the
/// first.
fn not_counted(explain: &Explain<'_>, update: &Update<'_>, config: &UpdateConfig) -> Option<Reason> {
    let ends = ends(explain, update);
    let is_made = |row: &Row| matches!(row.first.created, Some(Creation { by: Creator::Updater { .. }, .. }));
    let (task, row, end) = ends.iter().find(|(_, row, _)| is_made(row)).or_else(|| ends.first())?;
    if config.failure_action == FailureAction::Continue {
        let why = format!("{}: its failure_action is continue, and no failure is looked at", not_rolled_back(update));
        return Some(Reason { why, rule: Rule::Continue, decided_by: None });
    }
    let Judgement { because, rule, .. } = judgement(explain, update, *task, row, end);
    let of = Speaker { plan: explain.plan, known: &explain.known }.task(*task);
    let why = format!("{}: no end of a task counted; that of {of} did not, because {because}", not_rolled_back(update));
    Some(Reason { why, rule, decided_by: Some(*task) })
}

/// That an update was not rolled back, and what the operator did if it had not ended by then.
fn not_rolled_back(update: &Update<'_>) -> String {
    let then = match (update.last_status(), update.next) {
        (Some((at, UpdateState::Completed)), _) => format!(" but completed at {}", seconds(at)),
        (Some((_, UpdateState::Updating)), None) => " and is not complete".to_owned(),
        (_, None) | (Some((_, UpdateState::Paused | UpdateState::RollbackCompleted)), _) => String::new(),
        (_, Some(Next::Update)) => format!(" until an operator updated the service again at {}", seconds(update.to)),
        (_, Some(Next::ManualRollback)) => format!(" until an operator did so at {}", seconds(update.to)),
        (_, Some(Next::Removal)) => format!(" until an operator removed the service at {}", seconds(update.to)),
    };
    format!("was not rolled back{then}")
}

/// No task has ended by itself.
fn nothing_ended(explain: &Explain<'_>, update: &Update<'_>) -> Reason {
    let (why, rule) = match update.last_status() {
        Some((at, UpdateState::Completed)) => (
            format!("was not rolled back but completed at {}: no task of it ended by itself", seconds(at)),
            Rule::Complete,
        ),
        _ => {
            let scope = Scope { service: Some(update.service), ..Scope::default() };
            let mut known = Known::default();
            update.before.iter().for_each(|(at, event)| _ = known.note(*at, event));
            let waits = waits::at(explain.plan, &scope, update.before, &known, update.to);
            let then = if update.next.is_some() { "as it stood then, " } else { "" };
            let (then, rule) = match waits.into_iter().next() {
                Some((text, because, Rule::AwaitRunning)) => {
                    let then = format!(", and one that never starts cannot fail; {then}{text}: {because}");
                    (then, Rule::AwaitRunning)
                }
                Some((text, because, rule)) => (format!("; {then}{text}: {because}"), rule),
                None => (String::new(), Rule::Failure),
            };
            (format!("{}: no task of it ended{then}", not_rolled_back(update)), rule)
        }
    };
    Reason { why, rule, decided_by: None }
}

/// Tasks that ended by themselves, or whose end was counted, in order of their ends.
fn ends(explain: &Explain<'_>, update: &Update<'_>) -> Vec<(TaskId, Row, End)> {
    let rows = explain.known.tasks.iter();
    let counted: BTreeSet<TaskId> = update.counts().map(|(_, counts)| counts.task).collect();
    let mut ends: Vec<(TaskId, Row, End)> = rows
        .filter(|(_, row)| row.first.service == update.service)
        .filter_map(|(task, row)| Some((task, *row, row.ended?)))
        .filter(|(task, _, end)| end.by_itself || counted.contains(task))
        .filter(|(_, _, end)| update.from <= end.at && end.at <= update.to)
        .collect();
    ends.sort_by_key(|(task, _, end)| (end.at, *task));
    ends
}

/// What the updater made of the end of a task, or why it never looked at it.
fn judgement(explain: &Explain<'_>, update: &Update<'_>, task: TaskId, row: &Row, end: &End) -> Judgement {
    let failure = update.own().rev().find_map(|(at, event)| match *event {
        Event::Decision(_, Decision::Failure { task: of, verdict, .. }) if of == task => Some((at, verdict)),
        _ => None,
    });
    if let Some((at, verdict)) = failure {
        let (what, because) = Speaker { plan: explain.plan, known: &explain.known }.verdict(task, verdict);
        // While the workers finish nothing is looked at.
        let when = match verdict {
            Verdict::Counts { .. } if at > end.at => {
                let rule = Rule::WorkersFinish.number();
                format!(", but only at {}, when the workers have finished ({rule})", seconds(at))
            }
            _ => String::new(),
        };
        return Judgement { what: format!("it {what}{when}, because {because}"), because, rule: verdict.rule() };
    }
    let (because, rule) = match row.first.created.map(|created| created.by) {
        Some(Creator::Updater { run }) => {
            let (how, rule) = how_it_ended(update, run, end.at);
            (format!("the update that made it {how}"), rule)
        }
        Some(Creator::RestartSupervisor) => {
            ("the restart supervisor made it, not the update".to_owned(), Rule::Failure)
        }
        Some(Creator::Orchestrator) if row.first.status_at >= update.from => {
            ("it was made where there was none, outside the update".to_owned(), Rule::Failure)
        }
        Some(Creator::Orchestrator) | None => {
            let image = of_image_in_short(&explain.plan.images[row.first.image].name);
            (format!("the update did not make it: it is an earlier task of {image}"), Rule::Failure)
        }
    };
    Judgement { what: format!("it does not count, because {because}"), because, rule }
}

/// How an updater had ended by `now`.
fn how_it_ended(update: &Update<'_>, run: u32, now: Time) -> (String, Rule) {
    let not_looked_at = ("was not over, and had not looked at it".to_owned(), Rule::WorkersFinish);
    let mut how = not_looked_at.clone();
    let (mut acted, mut status) = (false, None);
    for (at, event) in update.before.iter().take_while(|(at, _)| *at <= now) {
        let at = seconds(*at);
        match *event {
            Event::Status(service, of) if service == update.service => status = of.map(|status| status.state),
            Event::Decision(_, Decision::Failure { run: of, verdict: Verdict::Counts { acts: true, .. }, .. }) => {
                acted |= of == run;
            }
            Event::Decision(_, Decision::CannotRollBack { run: of, .. }) if of == run => {
                return (format!("ended at {at}, for it could not roll back"), Rule::RollBack);
            }
            Event::Decision(_, Decision::UpdateCancelled { run: of }) if of == run && !acted => {
                return (format!("was ended by an operator at {at}"), Rule::Cancel);
            }
            Event::UpdaterEnds(of) if of == run => {
                return match (acted, status) {
                    (false, _) => (format!("was completed at {at}"), Rule::Complete),
                    (true, Some(UpdateState::RollbackStarted)) => (format!("was rolled back at {at}"), Rule::RollBack),
                    (true, _) => (format!("was paused, and ended at {at}"), Rule::Pause),
                };
            }
            Event::Leadership(_) => how = (format!("was lost with its leader at {at}"), Rule::NewLeader),
            Event::Decision(_, Decision::UpdateBegins { run: of, .. }) if of == run => how = not_looked_at.clone(),
            _ => {}
        }
    }
    how
}
