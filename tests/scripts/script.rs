//! Reads a script and makes a plan of it: the one place that knows the simulator's API.

use std::sync::Arc;

use rollsim::kernel::{Dist, IdVec, Span, Time};
use rollsim::model::command::{Command, Fault, SpecChange};
use rollsim::model::engine::Engine;
use rollsim::model::image::{ImageBehavior, Outcome, Stop};
use rollsim::model::latencies::Latencies;
use rollsim::model::node::{Availability, NodeSpec};
use rollsim::model::service::{FailureAction, Mode, Order, RestartCondition, ServiceSpec};
use rollsim::model::{ImageId, NodeId, ServiceId, defaults, spec_change};
use rollsim::scenario::duration::parse_span;
use rollsim::sim::Plan;
use rollsim::sim::plan::{End, Image, Node, TieOrder, TimedCommand};

use super::recorder::Entry;

/// A script and its plan.
pub struct Script {
    pub plan: Plan,
    lines: Vec<Line>,
}

struct Line {
    text: String,
    /// When what follows from the line is over: for a command its own instant.
    until: Time,
    /// Index of the command, if it is one.
    command: Option<u32>,
}

impl Script {
    /// Panics with the line that cannot be read.
    pub fn parse(text: &str) -> Script {
        let mut script = Script { plan: empty_plan(), lines: Vec::new() };
        let mut now = Time::ZERO;
        for line in text.lines() {
            script.read(line, &mut now).unwrap_or_else(|| panic!("cannot read `{line}`"));
        }
        script.plan.end = End::At(now);
        script.plan.slo = IdVec::filled(script.plan.services.len(), None);
        script
    }

    fn read(&mut self, line: &str, now: &mut Time) -> Option<()> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let command = match words[..] {
            [] | ["#", ..] => None,
            ["advance", span] => {
                *now += parse_span(span).ok()?;
                None
            }
            ["image", name, ref settings @ ..] => {
                let image = self.image(name);
                let behavior = &mut self.plan.images[image].behavior;
                settings.iter().try_for_each(|setting| describe(behavior, setting.split_once('=')?))?;
                None
            }
            ["service", "create", name, ref settings @ ..] => {
                let service = self.plan.services.push(name.to_owned());
                let is_global = settings.contains(&"mode=global");
                let change = self.change(settings)?;
                let mut spec = Box::new(ServiceSpec::replicated(change.image?, 1));
                spec_change::apply(&change, &mut spec);
                if is_global {
                    spec.mode = Mode::Global;
                }
                Some(Command::ServiceCreate { service, spec })
            }
            ["service", "update", name, ref settings @ ..] => {
                let change = Box::new(self.change(settings)?);
                Some(Command::ServiceUpdate { service: self.service(name)?, change })
            }
            ["service", "rollback", name] => Some(Command::ServiceRollback { service: self.service(name)? }),
            ["service", "rm", name] => Some(Command::ServiceRemove { service: self.service(name)? }),
            ["node", "update", name, availability] => Some(Command::NodeUpdate {
                node: self.node(name)?,
                role: None,
                availability: Some(self::availability(availability.strip_prefix("availability=")?)?),
                label_add: Vec::new(),
                label_rm: Vec::new(),
            }),
            ["node", "crash", name] => Some(Command::Fault(Fault::NodeCrash(self.node(name)?))),
            ["node", "start", name] => Some(Command::Fault(Fault::NodeStart(self.node(name)?))),
            _ => return None,
        };
        let index = command.is_some().then_some(self.plan.commands.len() as u32);
        self.lines.push(Line { text: line.to_owned(), until: *now, command: index });
        let timed = |command| TimedCommand { at: *now, line: line.to_owned(), command };
        self.plan.commands.extend(command.map(timed));
        Some(())
    }

    fn service(&self, name: &str) -> Option<ServiceId> {
        self.plan.services.iter().find(|(_, service)| *service == name).map(|(id, _)| id)
    }

    fn node(&self, name: &str) -> Option<NodeId> {
        self.plan.nodes.iter().find(|(_, node)| node.name == name).map(|(id, _)| id)
    }

    fn image(&mut self, name: &str) -> ImageId {
        let known = self.plan.images.iter().find(|(_, image)| image.name == name).map(|(id, _)| id);
        known.unwrap_or_else(|| {
            let behavior = ImageBehavior { stop: Stop::After(Dist::default()), ..ImageBehavior::default() };
            self.plan.images.push(Image { name: name.to_owned(), behavior })
        })
    }

    fn change(&mut self, settings: &[&str]) -> Option<SpecChange> {
        let mut change = SpecChange::default();
        for setting in settings {
            match setting.split_once('=')? {
                ("mode", "global") => {}
                ("image", name) => change.image = Some(self.image(name)),
                (key, value) => set(&mut change, key, value)?,
            }
        }
        Some(change)
    }

    /// The script with what came of each line below it.
    pub fn told(&self, entries: &[Entry]) -> String {
        let mut text = String::new();
        let mut entries = entries.iter().peekable();
        for line in &self.lines {
            text += &format!("{}\n", line.text);
            entries.next_if(|entry| line.command.is_some() && entry.command == line.command);
            while let Some(entry) = entries.next_if(|entry| entry.command.is_none() && entry.at <= line.until) {
                text += &format!("  {:>6}  {}\n", entry.at.since_start().to_string(), entry.text);
            }
        }
        assert!(entries.next().is_none(), "all is told");
        text
    }
}

fn empty_plan() -> Plan {
    let node = |number| Node {
        name: format!("node{number}"),
        spec: NodeSpec::default(),
        is_member: true,
        staleness: Span::ZERO,
    };
    Plan {
        name: String::new(),
        seed: 1,
        end: End::At(Time::ZERO),
        nodes: (1..=3).map(node).collect(),
        images: IdVec::new(),
        services: IdVec::new(),
        clients: IdVec::new(),
        commands: Vec::new(),
        engine: Engine::Current,
        latencies: Latencies::NONE,
        ties: TieOrder::Fixed,
        task_history_limit: Some(defaults::TASK_HISTORY_LIMIT),
        grade: Default::default(),
        measure_from: None,
        slo: IdVec::new(),
    }
}

/// Sets one property of an image; those of a single task begin with `tasks.N.`.
fn describe(behavior: &mut ImageBehavior, (key, value): (&str, &str)) -> Option<()> {
    let span = || parse_span(value).ok();
    if let Some((ordinal, key)) = key.strip_prefix("tasks.").and_then(|rest| rest.split_once('.')) {
        let task = Arc::make_mut(&mut behavior.tasks).entry(ordinal.parse().ok()?).or_default();
        match key {
            "outcome" => task.outcome = Some(outcome(value)?),
            "prepare" => task.prepare = Some(span()?),
            "start" => task.start = Some(span()?),
            "stop" => task.stop = Some(span()?),
            _ => return None,
        }
        return Some(());
    }
    match key {
        "outcome" => behavior.outcome = outcome(value)?,
        "prepare" => behavior.prepare = Dist::Constant(span()?),
        "start" => behavior.start = Dist::Constant(span()?),
        "stop" => behavior.stop = Stop::After(Dist::Constant(span()?)),
        _ => return None,
    }
    Some(())
}

/// `run`, `fail-prepare`, `fail-start` or `exit:AFTER:CODE`.
fn outcome(text: &str) -> Option<Outcome> {
    match text.split(':').collect::<Vec<_>>()[..] {
        ["run"] => Some(Outcome::Run),
        ["fail-prepare"] => Some(Outcome::FailPrepare),
        ["fail-start"] => Some(Outcome::FailStart),
        ["exit", after, code] => {
            let after = Dist::Constant(parse_span(after).ok()?);
            Some(Outcome::Exit { after, code: code.parse().ok()? })
        }
        _ => None,
    }
}

/// Sets one property of a change of a service.
fn set(change: &mut SpecChange, key: &str, value: &str) -> Option<()> {
    let span = || parse_span(value).ok();
    match key {
        "replicas" => change.replicas = Some(value.parse().ok()?),
        "force" => change.force = value.parse().ok()?,
        "restart.condition" => change.restart.condition = Some(condition(value)?),
        "restart.delay" => change.restart.delay = Some(span()?),
        "restart.max_attempts" => change.restart.max_attempts = Some(value.parse().ok()?),
        "restart.window" => change.restart.window = Some(span()?),
        _ => {
            let (section, key) = key.split_once('.')?;
            let config = match section {
                "update" => &mut change.update,
                "rollback" => &mut change.rollback,
                _ => return None,
            };
            match key {
                "parallelism" => config.parallelism = Some(value.parse().ok()?),
                "delay" => config.delay = Some(span()?),
                "monitor" => config.monitor = Some(Some(span()?)),
                "failure_action" => config.failure_action = Some(failure_action(value)?),
                "max_failure_ratio" => config.max_failure_ratio = Some(value.parse().ok()?),
                "order" => config.order = Some(order(value)?),
                _ => return None,
            }
        }
    }
    Some(())
}

fn availability(word: &str) -> Option<Availability> {
    let words = [("active", Availability::Active), ("pause", Availability::Pause), ("drain", Availability::Drain)];
    words.iter().find(|(name, _)| *name == word).map(|(_, availability)| *availability)
}

fn condition(word: &str) -> Option<RestartCondition> {
    let words =
        [("none", RestartCondition::None), ("on-failure", RestartCondition::OnFailure), ("any", RestartCondition::Any)];
    words.iter().find(|(name, _)| *name == word).map(|(_, condition)| *condition)
}

fn failure_action(word: &str) -> Option<FailureAction> {
    let words =
        [("pause", FailureAction::Pause), ("continue", FailureAction::Continue), ("rollback", FailureAction::Rollback)];
    words.iter().find(|(name, _)| *name == word).map(|(_, action)| *action)
}

fn order(word: &str) -> Option<Order> {
    let words = [("stop-first", Order::StopFirst), ("start-first", Order::StartFirst)];
    words.iter().find(|(name, _)| *name == word).map(|(_, order)| *order)
}
