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
}

impl Fit {
    pub(super) fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.start.is_empty() && self.stop.is_empty()
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
                if task.is("running") {
                    let fit = fits.entry(task.task.spec.image()).or_default();
                    match before.and_then(|before| self.start(before, task)) {
                        Some(start) => fit.start.push(start),
                        None => fit.whole.push(self.whole(task)),
                    }
                }
                if let Some(stop) = before.and_then(|before| self.stop(before, task)) {
                    fits.entry(tasks[number - 1].task.spec.image()).or_default().stop.push(stop);
                }
            }
        }
    }

    /// Creation to RUNNING without scheduling, the batch of assignments and the wait for the first probe.
    fn whole(&self, task: &Moments<'_>) -> Span {
        let swarm = SCHEDULING + Latencies::SWARM.assignment_batch + self.first_probe(task);
        task.since.saturating_sub(task.created).saturating_sub(swarm)
    }

    /// The start alone, of a task that was prepared while its predecessor ended or its restart was delayed.
    fn start(&self, before: &Moments<'_>, task: &Moments<'_>) -> Option<Span> {
        let swarm = Latencies::SWARM.assignment_batch + self.first_probe(task);
        let ordered = if before.is("shutdown") && before.since > task.created && !self.starts_first() {
            before.since + BATCH_WAIT
        } else if (before.is("failed") || before.is("complete")) && before.since <= task.created {
            let policy = before.task.spec.restart_policy.as_ref();
            task.created + policy.and_then(|policy| policy.delay).map_or(defaults::RESTART_DELAY, span)
        } else {
            return None;
        };
        Some(task.since.saturating_sub(ordered + swarm))
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
