//! `rollsim explain`: why a run went as it did.

use clap::Args;

use super::input::{self, Inputs, all_at_once, there_is};
use super::{Failure, Outcome, Terminal};
use crate::experiment;
use crate::kernel::Time;
use crate::model::ServiceId;
use crate::model::task::Slot;
use crate::report::explain::{Explain, Scope};
use crate::scenario::duration::parse_span;
use crate::sim::Plan;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The scenario; `-` is standard input.
    #[arg(value_name = "SCENARIO")]
    scenario: String,
    #[command(flatten)]
    changes: input::Changes,
    /// Only this service.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Only this slot of the service: its number, or the node of a global service.
    #[arg(long, value_name = "N")]
    slot: Option<String>,
    /// Only from one time to another, such as 20s 30s.
    #[arg(long, num_args = 2, value_names = ["FROM", "TO"], allow_hyphen_values = true)]
    between: Option<Vec<String>>,
    /// Answer only why nothing was rolled back.
    #[arg(long, conflicts_with_all = ["slot", "between"])]
    why_no_rollback: bool,
}

pub(super) fn explain(options: &Options, terminal: &Terminal) -> Result<Outcome, Failure> {
    let mut inputs = Inputs::new(&options.changes, terminal);
    let scenario = inputs.scenario(&options.scenario)?;
    inputs.finish()?;
    let Some(scenario) = scenario else { return Ok(Outcome::Done) };
    terminal.warnings(&scenario.warnings);
    let (summary, explained) = experiment::observe(&scenario, Explain::new(&scenario.plan));
    let scope = scope(options, &scenario.plan, &explained, summary.end)?;
    let text = if options.why_no_rollback {
        explained.why_no_rollback(scope.service, summary.end)
    } else {
        explained.chain(&scope, summary.end)
    };
    terminal.result(&format!("{}, seed {}\n\n{text}", scenario.plan.name, scenario.plan.seed))?;
    Ok(Outcome::Done)
}

/// What was asked for, or everything that is wrong with the question.
fn scope(options: &Options, plan: &Plan, explained: &Explain<'_>, end: Time) -> Result<Scope, Failure> {
    let mut wrong = Vec::new();
    let service = service(options, plan, &mut wrong);
    let slot = options.slot.as_deref().and_then(|text| slot(text, service, plan, explained, &mut wrong));
    let between = match options.between.as_deref() {
        Some([from, to]) => between(from, to, end, &mut wrong),
        _ => None,
    };
    all_at_once(&wrong)?;
    Ok(Scope { service, slot, between })
}

fn service(options: &Options, plan: &Plan, wrong: &mut Vec<String>) -> Option<ServiceId> {
    let known = || there_is(plan.services.values().map(String::as_str));
    match &options.service {
        Some(name) => {
            let found = plan.services.iter().find(|(_, known)| *known == name);
            if found.is_none() {
                wrong.push(format!("error: --service {name}: the scenario has no such service; {}", known()));
            }
            found.map(|(id, _)| id)
        }
        None if options.slot.is_some() && plan.services.len() != 1 => {
            wrong.push(format!("error: --slot needs --service: {}", known()));
            None
        }
        None => options.slot.is_some().then_some(ServiceId(0)),
    }
}

/// A slot in which the service had a task.
fn slot(
    text: &str,
    service: Option<ServiceId>,
    plan: &Plan,
    explained: &Explain<'_>,
    wrong: &mut Vec<String>,
) -> Option<Slot> {
    let number = text.parse().ok().map(Slot::Replica);
    let node = plan.nodes.iter().find(|(_, node)| node.name == text).map(|(id, _)| Slot::Node(id));
    // A node may have a number for a name: then it can mean both.
    let mut meant = number.into_iter().chain(node).peekable();
    if meant.peek().is_none() {
        wrong.push(format!("error: --slot {text}: neither the number of a slot nor a node"));
        return None;
    }
    let service = service?;
    let slots = explained.slots(service);
    let slot = meant.find(|slot| slots.contains(slot));
    if slot.is_none() {
        let known = match slots.last() {
            // Numbers are given out from 1, the smallest that is free first.
            Some(Slot::Replica(last)) if *last > 1 => format!("its slots are 1 to {last}"),
            Some(Slot::Replica(only)) => format!("its slot is {only}"),
            _ => there_is(
                plan.nodes.iter().filter(|(id, _)| slots.contains(&Slot::Node(*id))).map(|(_, node)| &*node.name),
            ),
        };
        wrong.push(format!("error: --slot {text}: {} never had a task there; {known}", plan.services[service]));
    }
    slot
}

/// A stretch of the run.
fn between(from: &str, to: &str, end: Time, wrong: &mut Vec<String>) -> Option<(Time, Time)> {
    let mut time = |text: &str| {
        let says =
            |why| format!("error: --between {text}: {why}; say the time since the start of the run, such as 20s");
        let span = parse_span(text).map_err(|why| wrong.push(says(why)));
        span.ok().map(|span| Time::ZERO + span)
    };
    let (first, last) = (time(from), time(to));
    let (first, last) = (first?, last?);
    if first > last {
        wrong.push(format!("error: --between {from} {to}: it ends before it begins; say --between {to} {from}"));
    } else if first > end {
        let end = end - Time::ZERO;
        wrong.push(format!("error: --between {from} {to} is after the end of the run, which is at {end}"));
    }
    Some((first, last))
}
