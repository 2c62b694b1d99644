//! How long containers take, fitted from the history of tasks.
//!
//! A task tells two instants: when it was created, and when its last state began. Of a task that runs in a slot where another
//! one ended, that is enough to tell start and stop apart from what Swarm's machinery takes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::docker::{InspectedService, InspectedTask};
use super::{span, timestamp};
use crate::kernel::Span;
use crate::model::defaults;
use crate::model::health;
use crate::model::latencies::Latencies;

/// A task is looked at this long after the last change, before it is placed.
///
/// Source: manager/scheduler/scheduler.go `commitDebounceGap` (control-plane W14a).
const SCHEDULING: Span = Span::from_millis(50);
/// Mean wait of a report for the batch that it is written with: half of the interval.
///
/// Source: manager/dispatcher/dispatcher.go `maxBatchInterval` (control-plane N10).
const BATCH_WAIT: Span = Span::from_millis(50);
/// Most values of a distribution that is written out.
const MOST_VALUES: usize = 9;

/// What the tasks of an image have shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Fit {
    /// From its creation to RUNNING, less what Swarm takes: `prepare` and `start` together.
    whole: Vec<Span>,
    /// `start` alone.
    start: Vec<Span>,
    /// Stop signal to exit.
    stop: Vec<Span>,
    /// How many tasks run.
    run: u32,
    /// How long the tasks were there that were stopped.
    stopped: Vec<Span>,
    /// How long those were there at most that failed by themselves.
    longest: Span,
    /// How many of them failed by themselves before they ran, by the outcome that a scenario says.
    failed: BTreeMap<&'static str, u32>,
    /// Those that exited by themselves.
    exits: Vec<Exit>,
}

/// The end of a task that exited by itself.
#[derive(Clone, Copy, Debug)]
struct Exit {
    /// From the beginning of its start, or of all of it.
    life: Span,
    /// Whether `life` is without `prepare`.
    was_prepared: bool,
    code: u8,
}

impl Fit {
    pub(super) fn is_empty(&self) -> bool {
        self.whole.is_empty()
            && self.start.is_empty()
            && self.stop.is_empty()
            && self.failed.is_empty()
            && self.exits.is_empty()
    }

    /// What befalls most of the tasks that failed by themselves, and what share of all they are.
    fn outcome(&self) -> Option<(Value, f64)> {
        let exits = self.exits.len() as u32;
        let (word, count) = self.failed.iter().max_by_key(|(_, count)| **count).unwrap_or((&"", &0));
        // A task that was stopped shows that it did not fail only if it was there for longer than those that did.
        let outlived = self.stopped.iter().filter(|life| **life > self.longest).count() as u32;
        let all = self.run + outlived + exits + self.failed.values().sum::<u32>();
        let share = |count: u32| (f64::from(count) / f64::from(all) * 1_000.0).round() / 1_000.0;
        if *count > exits {
            return Some((json!(word), share(*count)));
        }
        let start = median(&self.start).or(median(&self.whole)).unwrap_or(Span::ZERO);
        let whole = median(&self.whole).unwrap_or(start);
        let up = |exit: &Exit| exit.life.saturating_sub(if exit.was_prepared { start } else { whole });
        let after = distribution(&self.exits.iter().map(up).collect::<Vec<Span>>())?;
        let code = self.exits[self.exits.len() - 1].code;
        Some((json!({"exit": {"after": after, "code": code}}), share(exits)))
    }

    /// The image as a scenario has it. Where nothing tells `prepare` from `start`, it is all `start`.
    pub(super) fn to_image(&self) -> Value {
        let mut image = Map::new();
        if let Some(whole) = median(&self.whole) {
            let prepare = median(&self.start).map_or(Span::ZERO, |start| whole.saturating_sub(start));
            image.insert("prepare".to_owned(), prepare.to_string().into());
        }
        let start = if self.start.is_empty() { &self.whole } else { &self.start };
        for (key, times) in [("start", start), ("stop", &self.stop)] {
            image.extend(distribution(times).map(|distribution| (key.to_owned(), distribution)));
        }
        if let Some((outcome, share)) = self.outcome() {
            image.insert("outcome".to_owned(), outcome);
            image.extend((share < 1.0).then(|| ("fail_share".to_owned(), json!(share))));
        }
        Value::Object(image)
    }
}

/// The middle one; of two the shorter.
fn median(times: &[Span]) -> Option<Span> {
    let mut sorted = times.to_vec();
    sorted.sort();
    (!sorted.is_empty()).then(|| sorted[(sorted.len() - 1) / 2])
}

/// One value as it is, several as evenly spaced ones among them.
fn distribution(times: &[Span]) -> Option<Value> {
    let mut sorted = times.to_vec();
    sorted.sort();
    let count = sorted.len().min(MOST_VALUES);
    let picked = (0..count).map(|i| sorted[(2 * i + 1) * sorted.len() / (2 * count)].to_string());
    let picked: Vec<String> = picked.collect();
    match picked.as_slice() {
        [] => None,
        [one] => Some(json!(one)),
        several => Some(json!({"empirical": several})),
    }
}

/// A task and its instants.
struct Moments<'a> {
    task: &'a InspectedTask,
    created: Span,
    /// When its state began.
    since: Span,
}

impl Moments<'_> {
    fn is(&self, state: &str) -> bool {
        self.task.status.state == state
    }

    /// How it failed before it ran, if it did.
    ///
    /// Source: swarmkit: agent/exec/controller.go `Do`; moby: daemon/cluster/executor/container/controller.go `Prepare`
    /// (control-plane W9, W10).
    fn failure(&self) -> Option<&'static str> {
        let status = &self.task.status;
        match (status.state.as_str(), status.message.as_str()) {
            ("rejected", _) if status.err.contains("No such image") || status.err.contains("pull") => Some("fail-pull"),
            ("rejected", _) => Some("fail-prepare"),
            ("failed", "starting") if !status.err.contains("non-zero exit") => Some("fail-start"),
            _ => None,
        }
    }
}

/// The tasks of a service by their slots, in the order of their creation.
pub(super) struct Tasks<'a> {
    service: &'a InspectedService,
    slots: BTreeMap<(u64, &'a str), Vec<Moments<'a>>>,
}

impl<'a> Tasks<'a> {
    pub(super) fn of(service: &'a InspectedService, tasks: &'a [InspectedTask]) -> Tasks<'a> {
        let mut slots: BTreeMap<_, Vec<Moments<'a>>> = BTreeMap::new();
        for task in tasks.iter().filter(|task| task.service_id == service.id) {
            let instants = (timestamp::parse(&task.created_at), timestamp::parse(&task.status.timestamp));
            let (Some(created), Some(since)) = instants else { continue };
            // The slot of a global service is the node.
            let node = if task.slot == 0 { task.node_id.as_str() } else { "" };
            slots.entry((task.slot, node)).or_default().push(Moments { task, created, since });
        }
        slots.values_mut().for_each(|tasks| tasks.sort_by_key(|task| task.created));
        Tasks { service, slots }
    }

    /// Adds what they show to the fits of their images.
    pub(super) fn fit_into(&self, fits: &mut BTreeMap<String, Fit>) {
        for tasks in self.slots.values() {
            for (number, task) in tasks.iter().enumerate() {
                let before = number.checked_sub(1).map(|before| &tasks[before]);
                let fit = fits.entry(task.task.spec.image()).or_default();
                let life = task.since.saturating_sub(task.created);
                if task.is("failed") || task.is("complete") || task.is("rejected") {
                    fit.longest = fit.longest.max(life);
                }
                if let Some(outcome) = task.failure() {
                    *fit.failed.entry(outcome).or_default() += 1;
                } else if task.is("shutdown") {
                    fit.stopped.push(life);
                } else if task.is("running") {
                    fit.run += 1;
                    let (took, was_prepared) = self.took(before, task);
                    let took = took.saturating_sub(self.first_probe(task));
                    if was_prepared { &mut fit.start } else { &mut fit.whole }.push(took);
                } else if task.is("failed") || task.is("complete") {
                    let (life, was_prepared) = self.took(before, task);
                    let code = u8::try_from(task.task.status.container_status.exit_code);
                    let code = code.unwrap_or(u8::from(task.is("failed")));
                    fit.exits.push(Exit { life, was_prepared, code });
                }
                if let Some(stop) = before.and_then(|before| self.stop(before, task)) {
                    fits.entry(tasks[number - 1].task.spec.image()).or_default().stop.push(stop);
                }
            }
        }
    }

    /// How long a task took to its last state, without scheduling and the batch of assignments: from its start, if it was
    /// prepared by then, which is the other value; else from its creation.
    fn took(&self, before: Option<&Moments<'_>>, task: &Moments<'_>) -> (Span, bool) {
        let start = before.and_then(|before| self.start(before, task));
        let from = start.unwrap_or(task.created + SCHEDULING);
        (task.since.saturating_sub(from + Latencies::SWARM.assignment_batch), start.is_some())
    }

    /// When the start was ordered of a task that was prepared while its predecessor ended or its restart was delayed.
    fn start(&self, before: &Moments<'_>, task: &Moments<'_>) -> Option<Span> {
        if before.is("shutdown") && before.since > task.created && !self.starts_first() {
            Some(before.since + BATCH_WAIT)
        } else if (before.is("failed") || before.is("complete")) && before.since <= task.created {
            let policy = before.task.spec.restart_policy.as_ref();
            Some(task.created + policy.and_then(|policy| policy.delay).map_or(defaults::RESTART_DELAY, span))
        } else {
            None
        }
    }

    /// From the stop signal to the end of the task before, which this one replaced.
    fn stop(&self, before: &Moments<'_>, task: &Moments<'_>) -> Option<Span> {
        let Latencies { assignment_batch, agent_retry, load_balancer_settle, .. } = Latencies::SWARM;
        let ordered = match self.starts_first() {
            false => Some(task.created),
            true => task.is("running").then(|| task.since + BATCH_WAIT),
        };
        let settle = if self.service.spec.is_networked() { load_balancer_settle } else { Span::ZERO };
        let ordered = ordered.filter(|ordered| before.is("shutdown") && before.since > *ordered)?;
        Some((before.since - ordered).saturating_sub(assignment_batch + agent_retry + settle))
    }

    fn starts_first(&self) -> bool {
        self.service.spec.update_config.as_ref().is_some_and(|config| config.order == "start-first")
    }

    /// How long a task waits for the first probe of its health check, if its service has one.
    fn first_probe(&self, task: &Moments<'_>) -> Span {
        let Some(check) = &task.task.spec.container_spec.healthcheck else { return Span::ZERO };
        if !check.is_on() {
            return Span::ZERO;
        }
        let (wait, default) = match check.start_period {
            ..=0 => (check.interval, health::DEFAULT_PROBE),
            _ => (check.start_interval, health::DEFAULT_START_INTERVAL),
        };
        if wait > 0 { span(wait) } else { default }
    }
}
