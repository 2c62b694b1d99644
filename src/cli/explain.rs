//! `rollsim explain`: why a run went as it did.

use clap::Args;

use super::input::{self, Inputs};
use super::{Failure, Outcome, Terminal};
use crate::experiment;
use crate::kernel::Time;
use crate::model::ServiceId;
use crate::model::task::Slot;
use crate::report::explain::{Explain, Scope};
use crate::scenario::Loaded;
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
    #[arg(long, num_args = 2, value_names = ["FROM", "TO"])]
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
    let scope = scope(options, &scenario)?;
    terminal.warnings(&scenario.warnings);
    let (summary, explained) = experiment::observe(&scenario, Explain::new(&scenario.plan));
    let text = if options.why_no_rollback {
        explained.why_no_rollback(scope.service, summary.end)
    } else {
        explained.chain(&scope, summary.end)
    };
    terminal.result(&format!("{}, seed {}\n\n{text}", scenario.plan.name, scenario.plan.seed))?;
    Ok(Outcome::Done)
}

/// What was asked for, or everything that is wrong with the question.
fn scope(options: &Options, scenario: &Loaded) -> Result<Scope, Failure> {
    let plan = &scenario.plan;
    let mut errors = Vec::new();
    let mut scope = Scope::default();
    match &options.service {
        Some(name) => match plan.services.iter().find(|(_, known)| *known == name) {
            Some((id, _)) => scope.service = Some(id),
            None => errors.push(format!("error: the scenario has no service `{name}`: {}", names(plan))),
        },
        None if options.slot.is_some() => match plan.services.len() {
            1 => scope.service = Some(ServiceId(0)),
            _ => errors.push(format!("error: --slot needs --service: {}", names(plan))),
        },
        None => {}
    }
    if let Some(slot) = &options.slot {
        let node = || plan.nodes.iter().find(|(_, node)| node.name == *slot).map(|(id, _)| Slot::Node(id));
        match slot.parse().map(Slot::Replica).ok().or_else(node) {
            Some(slot) => scope.slot = Some(slot),
            None => errors.push(format!("error: `{slot}` is no number of a slot, and no node")),
        }
    }
    if let Some([from, to]) = options.between.as_deref() {
        let mut time = |text: &str| match parse_span(text) {
            Ok(span) => Time::ZERO + span,
            Err(why) => {
                errors.push(format!("error: --between {text}: {why}"));
                Time::ZERO
            }
        };
        scope.between = Some((time(from), time(to)));
    }
    if errors.is_empty() { Ok(scope) } else { Err(Failure::Input(errors.join("\n"))) }
}

fn names(plan: &Plan) -> String {
    let names: Vec<&str> = plan.services.values().map(String::as_str).collect();
    format!("there is {}", names.join(", "))
}
