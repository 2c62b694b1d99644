//! The run in one sentence, and the four questions that everybody asks first.

mod fate;
mod noticed;
mod rollouts;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use serde::Serialize;

use super::super::console::readable;
use crate::kernel::{Span, Time};
use crate::metrics::path::Value;
use crate::metrics::summary::{ServiceSummary, Summary};
use crate::metrics::task_log::TaskChange;
use crate::model::ServiceId;
use crate::sim::Plan;
use fate::History;

/// How many services are told of beside the one that fared worst.
const MOST: usize = 3;

/// What the reader is told first.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    /// One sentence.
    pub(super) headline: String,
    /// How the other services fared; empty if there are none, or in the section of a service.
    pub(super) others: String,
    /// Was it down, for how long, who noticed, what was rolled back.
    pub(super) answers: [Answer; 4],
}

/// A question that everybody asks first.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    question: String,
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

/// A service and how it fared.
#[derive(Debug)]
pub(super) struct Fared<'a> {
    /// What it comes to.
    pub(super) service: &'a ServiceSummary,
    pub(super) id: ServiceId,
    history: History<'a>,
}

/// The services, the one that fared worst first: an update that went badly comes before downtime, and that before failed requests.
/// Of those that fared alike, one that was updated comes first, and then one with clients.
pub(super) fn worst_first<'a>(run: &'a Summary, plan: &Plan, tasks: &[TaskChange]) -> Vec<Fared<'a>> {
    let id = |service: &ServiceSummary| {
        let same = plan.services.iter().find(|(_, name)| **name == service.name);
        same.expect("a service of the run is one of its plan").0
    };
    let fared = |service| {
        let id = id(service);
        Fared { service, id, history: History::of(service, id, plan, tasks, run.end) }
    };
    let mut services: Vec<Fared<'_>> = run.services.iter().map(fared).collect();
    services.sort_by_key(|fared| {
        let Fared { service, history, .. } = fared;
        let bad = (history.bad().next().is_some(), service.downtime.total, failed(service));
        (Reverse(bad), service.updates.is_empty(), service.requests.is_none())
    });
    services
}

/// What to say of the run: of its services, the one that fared worst first.
pub(super) fn of_run(services: &[Fared<'_>], run: &Summary, tasks: &[TaskChange]) -> Option<Verdict> {
    let (worst, others) = services.split_first()?;
    let verdict = worst.verdict(run, tasks);
    Some(if others.is_empty() { verdict } else { verdict.naming(worst.service, others) })
}

impl Fared<'_> {
    /// What to say of the service.
    pub(super) fn verdict(&self, run: &Summary, tasks: &[TaskChange]) -> Verdict {
        let Fared { service, id, history } = self;
        let sentences = [rollouts::sentence(history), self.outside(), Some(downtime(service)), requests(service)];
        Verdict {
            headline: sentences.into_iter().flatten().collect::<Vec<_>>().join("; "),
            others: String::new(),
            answers: [
                was_down(service),
                how_long(service),
                noticed::answer(service, *id, history, run, tasks),
                rollouts::rolled_back(service, history),
            ],
        }
    }

    /// What befell tasks that no update brought, unless an update went badly.
    fn outside(&self) -> Option<String> {
        let words = self.history.outside.words(&self.service.name).filter(|_| self.history.bad().next().is_none())?;
        Some(if self.service.updates.is_empty() { words } else { format!("{words} outside of any update") })
    }

    /// How it fared, in few words; `None`: well.
    fn in_short(&self) -> Option<String> {
        let bad = self.history.bad().next().map(|rollout| rollouts::in_short(rollout).to_owned());
        let lost = requests(self.service).filter(|_| failed(self.service) > 0);
        let is_fine =
            bad.is_none() && lost.is_none() && self.service.downtime.count() == 0 && !self.service.never_ready;
        let parts = [Some(downtime(self.service)), bad, lost];
        (!is_fine).then(|| parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

impl Verdict {
    /// The same for a run with other services: says of which service it is, and how the others fared.
    fn naming(mut self, service: &ServiceSummary, others: &[Fared<'_>]) -> Verdict {
        self.answers[0].question = format!("Was {} down?", service.name);
        let badly: Vec<String> = others.iter().filter_map(Fared::in_short).collect();
        let well: Vec<&str> =
            others.iter().filter(|fared| fared.in_short().is_none()).map(|fared| fared.service.name.as_str()).collect();
        let mut sentences: Vec<String> = badly.iter().take(MOST).cloned().collect();
        if badly.len() > MOST {
            sentences.push(format!("{} more fared badly", grouped((badly.len() - MOST) as u64)));
        }
        match well[..] {
            [] => {}
            [one] => sentences.push(format!("{one} was never down")),
            [one, two] => sentences.push(format!("{one} and {two} were never down")),
            _ => sentences.push(format!("{} others were never down", grouped(well.len() as u64))),
        }
        self.others = sentences.join("; ");
        self
    }
}

fn failed(service: &ServiceSummary) -> u64 {
    service.requests.as_ref().map_or(0, |requests| requests.failed)
}

fn downtime(service: &ServiceSummary) -> String {
    let (name, total) = (&service.name, length(service.downtime.total));
    match service.downtime.count() {
        _ if service.never_ready => format!("{name} never had all its replicas in rotation"),
        0 => format!("{name} was never down"),
        1 => format!("{name} was down for {total}"),
        count => format!("{name} was down {} times, {total} in all", grouped(count)),
    }
}

fn requests(service: &ServiceSummary) -> Option<String> {
    let requests = service.requests.as_ref()?;
    Some(format!("{} of {} requests failed", grouped(requests.failed), grouped(requests.total)))
}

fn was_down(service: &ServiceSummary) -> Answer {
    let lost = failed(service);
    let (answer, tone) = match service.downtime.count() {
        _ if service.never_ready => ("It was never ready".to_owned(), Tone::Bad),
        0 if lost == 0 => ("No".to_owned(), Tone::Good),
        0 if lost == 1 => ("No, yet 1 request failed".to_owned(), Tone::Bad),
        0 => (format!("No, yet {} requests failed", grouped(lost)), Tone::Bad),
        1 => ("Yes".to_owned(), Tone::Bad),
        count => (format!("Yes, {} times", grouped(count)), Tone::Bad),
    };
    let detail = match service.degraded {
        Span::ZERO if service.peak_tasks == 0 => "no replica was desired".to_owned(),
        Span::ZERO => "all replicas were in rotation throughout".to_owned(),
        degraded => format!("fewer replicas in rotation than desired for {}", length(degraded)),
    };
    Answer { question: "Was it down?".to_owned(), answer, detail, tone }
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
    let tone = match (count, failed(service)) {
        (0, 0) => Tone::Good,
        (0, _) => Tone::Plain,
        _ => Tone::Bad,
    };
    Answer { question: "How long?".to_owned(), answer: length(total), detail, tone }
}

/// With a space that no line breaks at.
fn length(span: Span) -> String {
    readable(Some(Value::Duration(span))).replace(' ', "\u{a0}")
}

/// A point in time, written as its distance from the start.
fn moment(time: Time) -> String {
    length(time.since_start())
}

/// With commas between thousands: `12,000`.
fn grouped(number: u64) -> String {
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
