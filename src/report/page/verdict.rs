//! The run in one sentence, and the four questions that everybody asks first.

use serde::Serialize;

use super::super::console::readable;
use super::super::names;
use crate::kernel::{IdVec, Span};
use crate::metrics::path::Value;
use crate::metrics::summary::{ServiceSummary, Summary, Update, UpdateKind, UpdateOutcome};
use crate::metrics::task_log::TaskChange;
use crate::model::TaskId;
use crate::model::node::NodeState;
use crate::model::task::{TaskError, TaskState};
use crate::model::update::UpdateState;
use crate::sim::Plan;

/// What the reader of a service's section is told first.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    /// One sentence.
    pub(super) headline: String,
    /// Was it down, for how long, who noticed, what was rolled back.
    pub(super) answers: [Answer; 4],
}

/// A question that everybody asks first.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    question: &'static str,
    answer: String,
    detail: String,
    tone: Tone,
}

/// Whether an answer is good news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Tone {
    Good,
    Bad,
    Plain,
}

/// What became of the tasks that an update brought, or of all of a service that had no update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fate {
    /// Whether one of them reached RUNNING.
    ran: bool,
    /// How many ended though they were meant to run.
    ended: u32,
    /// How the first of these ended.
    first: Option<(TaskState, Option<TaskError>)>,
    /// Whether no node took one of them.
    unplaced: bool,
}

/// An update with the fate of its tasks.
struct Told<'a> {
    update: &'a Update,
    fate: Fate,
}

/// What to say of a service.
pub(super) fn of(service: &ServiceSummary, run: &Summary, plan: &Plan, tasks: &[TaskChange]) -> Verdict {
    let told = told(service, plan, tasks);
    let lost = if told.is_none() { Fate::of(tasks.iter(), service, None, plan) } else { Fate::default() };
    let replaced = lost.words(&service.name).map(|words| format!("{words} outside of any update"));
    let sentences = [rollout(service, told.as_ref()).or(replaced), Some(downtime(service)), requests(service)];
    Verdict {
        headline: sentences.into_iter().flatten().collect::<Vec<_>>().join("; "),
        answers: [
            was_down(service),
            how_long(service),
            who_noticed(service, told.as_ref(), lost, run),
            rolled_back(service, told.as_ref()),
        ],
    }
}

/// The update to tell of: the first that did not go well, else the last.
fn told<'a>(service: &'a ServiceSummary, plan: &Plan, tasks: &[TaskChange]) -> Option<Told<'a>> {
    let all = service.updates.iter().enumerate().map(|(number, update)| {
        let next = service.updates.get(number + 1).map(|next| next.start);
        let within = |change: &&TaskChange| change.at >= update.start && next.is_none_or(|next| change.at < next);
        Told { update, fate: Fate::of(tasks.iter().filter(within), service, Some(&update.to), plan) }
    });
    let mut last = None;
    for told in all {
        if !told.went_well() {
            return Some(told);
        }
        last = Some(told);
    }
    last
}

impl Fate {
    /// Of the tasks of this image, or of any, that are created among these changes.
    fn of<'a>(
        changes: impl Iterator<Item = &'a TaskChange>,
        service: &ServiceSummary,
        image: Option<&str>,
        plan: &Plan,
    ) -> Fate {
        let mut fate = Fate::default();
        let mut is_new: IdVec<TaskId, bool> = IdVec::new();
        for TaskChange { task, .. } in changes {
            let is_other = image.is_some_and(|image| plan.images[task.image].name != image);
            if plan.services[task.service] != service.name || is_other {
                continue;
            }
            let is_new = is_new.entry(task.task, false);
            *is_new |= task.created.is_some();
            if !*is_new {
                continue;
            }
            let err = task.status.err;
            fate.unplaced |= matches!(err, Some(TaskError::NoSuitableNode(_) | TaskError::UnsuitableNode(_)));
            match task.status.state {
                TaskState::Running => fate.ran = true,
                state @ (TaskState::Complete | TaskState::Failed | TaskState::Rejected)
                    if task.desired <= TaskState::Running =>
                {
                    *is_new = false;
                    fate.ended += 1;
                    fate.first.get_or_insert((state, err));
                }
                _ => {}
            }
        }
        fate
    }

    /// What befell the image; `None`: its tasks ran.
    fn words(self, image: &str) -> Option<String> {
        let some = format!("{} task{} of {image}", grouped(self.ended.into()), plural(self.ended));
        match self.first {
            None if self.unplaced && !self.ran => Some(format!("{image} found no suitable node")),
            None => None,
            Some((_, Some(TaskError::Unhealthy(_)))) if !self.ran => Some(format!("{image} never became healthy")),
            Some((_, Some(TaskError::Unhealthy(_)))) => Some(format!("{some} became unhealthy")),
            Some((_, Some(TaskError::PullFailed))) => Some(format!("{image} could not be pulled")),
            Some((_, Some(TaskError::PrepareFailed))) => Some(format!("containers of {image} could not be created")),
            Some((_, Some(TaskError::StartFailed))) => Some(format!("containers of {image} could not be started")),
            Some((_, Some(TaskError::Exit(code)))) => Some(format!("{some} exited with code {code}")),
            Some((TaskState::Complete, _)) => Some(format!("{some} ended by themselves")),
            Some((state, _)) => Some(format!("{some} {}", state.name())),
        }
    }
}

impl Told<'_> {
    fn went_well(&self) -> bool {
        self.update.outcome == UpdateOutcome::Completed && self.fate.ended == 0
    }

    fn is_bad(&self) -> bool {
        self.fate.ended > 0 || self.fate.unplaced
    }

    /// The image that it brings, or what else it is.
    fn name(&self) -> String {
        let Update { from, to, .. } = self.update;
        let short = names::of_image_in_short(to);
        if from == to { format!("the new {short}") } else { short.to_owned() }
    }

    fn after(&self) -> String {
        self.update.duration().map_or_else(String::new, |span| format!(" after {}", length(span)))
    }
}

/// What became of the updates.
fn rollout(service: &ServiceSummary, told: Option<&Told<'_>>) -> Option<String> {
    let told = told?;
    let (name, after) = (told.name(), told.after());
    if told.went_well() && service.updates.len() > 1 {
        return Some(match service.updates.len() {
            2 => "both updates completed".to_owned(),
            count => format!("all {count} updates completed"),
        });
    }
    let words = told.fate.words(&name);
    let led_to = |what: &str| match &words {
        Some(words) => format!("{words}; {what}{after}"),
        None => format!("{name}: {what}{after}"),
    };
    Some(match (told.update.outcome, told.update.kind) {
        (UpdateOutcome::RollbackCompleted, UpdateKind::Update) => led_to("rolled back"),
        (UpdateOutcome::RollbackCompleted | UpdateOutcome::Completed, UpdateKind::Rollback) => match &words {
            Some(words) => format!("{words}, yet the rollback to it completed{after}"),
            None => format!("rolled back to {name} by the operator{}", after.replace("after", "in")),
        },
        (UpdateOutcome::RollbackPaused, _) => led_to("the rollback paused"),
        (UpdateOutcome::Paused, _) => led_to("the update paused"),
        (UpdateOutcome::Superseded, _) => led_to("the operator wrote another specification"),
        (UpdateOutcome::Unfinished, _) => led_to("unfinished at the end of the run"),
        (UpdateOutcome::Completed, UpdateKind::Update) => match &words {
            Some(words) => format!("{words}, yet the update completed{after}"),
            None => format!("{name} was rolled out{}", after.replace("after", "in")),
        },
    })
}

fn downtime(service: &ServiceSummary) -> String {
    let (name, total) = (&service.name, length(service.downtime.total));
    match service.downtime.count() {
        _ if service.never_ready => format!("{name} never had all its replicas in rotation"),
        0 => format!("{name} was never down"),
        1 => format!("{name} was down for {total}"),
        count => format!("{name} was down {count} times, {total} in all"),
    }
}

fn requests(service: &ServiceSummary) -> Option<String> {
    let requests = service.requests.as_ref()?;
    Some(format!("{} of {} requests failed", grouped(requests.failed), grouped(requests.total)))
}

fn was_down(service: &ServiceSummary) -> Answer {
    let (answer, tone) = match service.downtime.count() {
        _ if service.never_ready => ("It was never ready".to_owned(), Tone::Bad),
        0 => ("No".to_owned(), Tone::Good),
        1 => ("Yes".to_owned(), Tone::Bad),
        count => (format!("Yes, {count} times"), Tone::Bad),
    };
    let detail = match service.degraded {
        Span::ZERO => "all replicas were in rotation throughout".to_owned(),
        degraded => format!("fewer replicas in rotation than desired for {}", length(degraded)),
    };
    Answer { question: "Was it down?", answer, detail, tone }
}

fn how_long(service: &ServiceSummary) -> Answer {
    let (total, count) = (service.downtime.total, service.downtime.count());
    let longest = format!("longest {}, ", length(service.downtime.longest));
    let longest = if count > 1 { longest.as_str() } else { "" };
    let detail = match &service.requests {
        None => format!("{longest}no clients"),
        Some(requests) => {
            let share = readable(requests.failed_share.map(Value::Share));
            format!("{longest}{} of {} requests failed, {share}", grouped(requests.failed), grouped(requests.total))
        }
    };
    let lost = service.requests.as_ref().is_some_and(|requests| requests.failed > 0);
    let tone = if count > 0 || lost { Tone::Bad } else { Tone::Good };
    Answer { question: "How long?", answer: length(total), detail, tone }
}

fn who_noticed(service: &ServiceSummary, told: Option<&Told<'_>>, lost: Fate, run: &Summary) -> Answer {
    let (answer, detail, tone) = noticed(service, told, lost, run);
    Answer { question: "Who noticed?", answer, detail, tone }
}

fn noticed(service: &ServiceSummary, told: Option<&Told<'_>>, lost: Fate, run: &Summary) -> (String, String, Tone) {
    if let Some((told, detect)) = told.and_then(|told| told.update.detect.map(|detect| (told, detect))) {
        let is_sign = |state| matches!(state, UpdateState::Paused | UpdateState::RollbackStarted);
        let sign = service.update_status.iter().find(|status| status.at >= told.update.start && is_sign(status.state));
        let message = sign.map_or_else(String::new, |status| status.message.clone());
        return (format!("Swarm, after {}", length(detect)), message, Tone::Plain);
    }
    let went_down = run.nodes.iter().find_map(|node| {
        let down = node.log.changes().iter().find(|(_, status)| status.state == Some(NodeState::Down))?;
        Some((&node.name, down.0))
    });
    let by_hand = service.updates.iter().find(|update| update.kind == UpdateKind::Rollback);
    let hurt = service.downtime.count() > 0 || service.requests.as_ref().is_some_and(|requests| requests.failed > 0);
    let status = service.final_update_status.map(|state| format!("update status at the end: {}", state.name()));
    match (went_down, by_hand) {
        (_, Some(by_hand)) if told.is_some_and(Told::is_bad) => {
            let at = length(by_hand.start.since_start());
            ("The operator".to_owned(), format!("docker service rollback at {at}"), Tone::Plain)
        }
        (Some((node, at)), _) => {
            let at = length(at.since_start());
            ("The managers".to_owned(), format!("{node} missed its heartbeats: down at {at}"), Tone::Plain)
        }
        _ if lost.ended > 0 => {
            let detail = format!("it replaced {} task{} that ended", grouped(lost.ended.into()), plural(lost.ended));
            ("Swarm".to_owned(), detail, Tone::Plain)
        }
        _ if told.is_some_and(Told::is_bad) => {
            ("Nobody".to_owned(), status.unwrap_or_else(|| "no update status".to_owned()), Tone::Bad)
        }
        _ if hurt => {
            let detail = status.unwrap_or_else(|| "no task of an update failed".to_owned());
            ("Only the clients".to_owned(), detail, Tone::Bad)
        }
        _ => ("Nothing to notice".to_owned(), status.unwrap_or_default(), Tone::Good),
    }
}

fn rolled_back(service: &ServiceSummary, told: Option<&Told<'_>>) -> Answer {
    let status = service
        .final_update_status
        .map_or_else(|| "no update status".to_owned(), |state| format!("update status at the end: {}", state.name()));
    let restored = |update: &Update| match update.restore {
        Some(span) => format!("all replicas of one version again after {}", length(span)),
        None => "not restored by the end of the run".to_owned(),
    };
    let (answer, detail, tone) = match told.map(|told| (told.update, told.update.outcome)) {
        Some((update, UpdateOutcome::RollbackCompleted)) if update.kind == UpdateKind::Update => {
            (way(&update.to, &update.from), restored(update), Tone::Plain)
        }
        Some((update, UpdateOutcome::RollbackPaused)) => {
            (format!("{}, in part", way(&update.to, &update.from)), "the rollback paused".to_owned(), Tone::Bad)
        }
        Some((_, UpdateOutcome::Paused)) => {
            ("Nothing".to_owned(), "the update paused: what is new stays".to_owned(), Tone::Bad)
        }
        _ => match service.updates.iter().find(|update| update.kind == UpdateKind::Rollback) {
            Some(update) => (way(&update.from, &update.to), "by the operator".to_owned(), Tone::Plain),
            None => ("Nothing".to_owned(), status, Tone::Plain),
        },
    };
    Answer { question: "What was rolled back?", answer, detail, tone }
}

fn plural(count: u32) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// From one image to another; of the second only the tag, if the rest is the same: `web:2 → 1`.
fn way(from: &str, to: &str) -> String {
    let [from, to] = [from, to].map(names::of_image_in_short);
    match (from.split_once(':'), to.split_once(':')) {
        (Some((name, _)), Some((other, tag))) if name == other => format!("{from} → {tag}"),
        _ => format!("{from} → {to}"),
    }
}

/// With a space that no line breaks at.
fn length(span: Span) -> String {
    readable(Some(Value::Duration(span))).replace(' ', "\u{a0}")
}

/// With commas between thousands: `12,000`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::metrics::fixture::{Feed, NEW, OLD, plan, summary};
    use crate::metrics::summary::Downtime;
    use crate::metrics::task_log::TaskLog;
    use crate::model::task::{Message, Slot, Status};
    use crate::observe::{Record, SpecCause, TaskRecord};

    /// Headline and answers for an update at 10 s to app:2, whose tasks the log tells of.
    fn told(change: impl FnOnce(&mut ServiceSummary), tell: impl FnOnce(&mut Feed<TaskLog>)) -> [String; 5] {
        let mut run = summary();
        run.services[0].updates.truncate(1);
        (run.services[0].updates[0].from, run.services[0].updates[0].to) = ("app:1".into(), "app:2".into());
        run.services[0].downtime = Downtime::default();
        change(&mut run.services[0]);
        let mut feed = Feed::new(TaskLog::new());
        feed.spec(SpecCause::Create, 1, OLD).start(OLD).at(10_000).create(NEW);
        tell(&mut feed);
        let verdict = of(&run.services[0], &run, &plan(), feed.end(20_000).changes());
        let [down, long, noticed, undone] = verdict.answers.map(|answer| answer.answer.replace('\u{a0}', " "));
        [verdict.headline.replace('\u{a0}', " "), down, long, noticed, undone]
    }

    fn fails(err: Option<TaskError>) -> impl FnOnce(&mut Feed<TaskLog>) {
        move |feed| {
            feed.at(13_000).record(Record::Task(TaskRecord {
                task: TaskId(1),
                service: crate::metrics::fixture::WEB,
                slot: Slot::Replica(1),
                image: NEW,
                node: None,
                status: Status { state: TaskState::Failed, message: Message::Started, err },
                status_at: Time::from_millis(13_000),
                desired: TaskState::Running,
                created: None,
            }));
        }
    }

    #[test]
    fn a_version_that_never_became_healthy_is_rolled_back() {
        let told = told(|_| (), fails(Some(TaskError::Unhealthy(137))));
        let headline =
            "app:2 never became healthy; rolled back after 10.00 s; web was never down; 3 of 10 requests failed";
        assert_eq!(told, [headline, "No", "0 s", "Swarm, after 3.00 s", "app:2 → 1"]);
    }

    #[test]
    fn a_version_that_dies_unnoticed_is_told() {
        let change = |service: &mut ServiceSummary| {
            service.downtime = Downtime::new(vec![[Time::from_millis(3_000), Time::from_millis(4_500)]; 2]);
            (service.updates[0].outcome, service.updates[0].detect) = (UpdateOutcome::Completed, None);
        };
        let told = told(change, fails(Some(TaskError::Exit(1))));
        let headline = "1 task of app:2 exited with code 1, yet the update completed after 10.00 s; \
                        web was down 2 times, 3.00 s in all; 3 of 10 requests failed";
        assert_eq!(told, [headline, "Yes, 2 times", "3.00 s", "Nobody", "Nothing"]);
    }

    #[test]
    fn an_update_that_went_well() {
        let change = |service: &mut ServiceSummary| {
            service.requests = None;
            (service.updates[0].outcome, service.updates[0].detect) = (UpdateOutcome::Completed, None);
        };
        let told = told(change, |feed| {
            feed.state(1, TaskState::Running);
        });
        let headline = "app:2 was rolled out in 10.00 s; web was never down";
        assert_eq!(told, [headline, "No", "0 s", "Nothing to notice", "Nothing"]);
    }

    #[test]
    fn a_service_that_is_not_updated_speaks_of_what_its_clients_saw() {
        let told = told(|service| service.updates.clear(), |_| ());
        assert_eq!(told, ["web was never down; 3 of 10 requests failed", "No", "0 s", "Only the clients", "Nothing"]);
    }

    #[test]
    fn tasks_that_end_outside_of_any_update_are_told() {
        let told = told(|service| service.updates.clear(), fails(Some(TaskError::Unhealthy(137))));
        let headline =
            "1 task of web became unhealthy outside of any update; web was never down; 3 of 10 requests failed";
        assert_eq!(told, [headline, "No", "0 s", "Swarm", "Nothing"]);
    }

    #[test]
    fn thousands_have_commas() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
