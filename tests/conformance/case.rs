//! A recorded case: what it says, and the plan that is built from it.

use std::collections::BTreeMap;

use rollsim::kernel::{Dist, IdVec, Span, Time};
use rollsim::model::command::{Command, RestartPolicyChange, SpecChange, UpdateConfigChange};
use rollsim::model::image::{ImageBehavior, Outcome, TaskOverride};
use rollsim::model::latencies::Latencies;
use rollsim::model::node::NodeSpec;
use rollsim::model::service::{FailureAction, Order, RestartCondition, RestartPolicy, ServiceSpec, UpdateConfig};
use rollsim::model::{ImageId, NodeId, ServiceId, defaults};
use rollsim::sim::Plan;
use rollsim::sim::plan::{End, Image, Node, TimedCommand};
use serde::Deserialize;
use serde_json::Value;

use super::trace::Event;

#[derive(Deserialize)]
pub struct Case {
    pub name: String,
    pub cluster: Cluster,
    pub images: BTreeMap<String, ImageCase>,
    pub services: Vec<ServiceCase>,
    #[serde(default)]
    pub actions: Vec<Value>,
    pub end_ms: u64,
    pub agreement: Option<Agreement>,
    pub trace: Option<Recorded>,
}

#[derive(Deserialize)]
pub struct Cluster {
    pub nodes: Vec<Value>,
}

#[derive(Deserialize)]
pub struct Agreement {
    pub distinct: BTreeMap<String, u32>,
}

#[derive(Deserialize)]
pub struct Recorded {
    pub events: Vec<Value>,
    #[serde(default)]
    pub alternatives: Vec<Alternative>,
}

#[derive(Deserialize)]
pub struct Alternative {
    pub events: Vec<Value>,
}

#[derive(Deserialize)]
pub struct ImageCase {
    prepare_ms: u64,
    start_ms: u64,
    stop_ms: u64,
    outcome: Value,
    #[serde(default)]
    tasks: BTreeMap<String, Value>,
    #[serde(default)]
    pub fails_on: Vec<String>,
}

#[derive(Deserialize)]
pub struct ServiceCase {
    pub name: String,
    mode: String,
    #[serde(default)]
    replicas: u32,
    image: String,
    update: UpdateCase,
    rollback: UpdateCase,
    restart: RestartCase,
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(default)]
struct UpdateCase {
    parallelism: Option<u32>,
    delay_ms: Option<u64>,
    #[serde(deserialize_with = "failure_action")]
    failure_action: Option<FailureAction>,
    monitor_ms: Option<u64>,
    max_failure_ratio: Option<f32>,
    #[serde(deserialize_with = "order")]
    order: Option<Order>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(default)]
struct RestartCase {
    #[serde(deserialize_with = "condition")]
    condition: Option<RestartCondition>,
    delay_ms: Option<u64>,
    max_attempts: Option<u32>,
    window_ms: Option<u64>,
}

#[derive(Deserialize)]
struct Action {
    at_ms: u64,
    #[serde(rename = "do")]
    verb: String,
    service: Option<String>,
    image: Option<String>,
    replicas: Option<u32>,
    #[serde(default)]
    update: UpdateCase,
    #[serde(default)]
    rollback: UpdateCase,
    #[serde(default)]
    restart: RestartCase,
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

fn failure_action<'de, D: serde::Deserializer<'de>>(text: D) -> Result<Option<FailureAction>, D::Error> {
    Ok(match String::deserialize(text)?.as_str() {
        "pause" => Some(FailureAction::Pause),
        "continue" => Some(FailureAction::Continue),
        "rollback" => Some(FailureAction::Rollback),
        other => return Err(serde::de::Error::custom(format!("failure action {other}"))),
    })
}

fn order<'de, D: serde::Deserializer<'de>>(text: D) -> Result<Option<Order>, D::Error> {
    Ok(match String::deserialize(text)?.as_str() {
        "stop-first" => Some(Order::StopFirst),
        "start-first" => Some(Order::StartFirst),
        other => return Err(serde::de::Error::custom(format!("order {other}"))),
    })
}

fn condition<'de, D: serde::Deserializer<'de>>(text: D) -> Result<Option<RestartCondition>, D::Error> {
    Ok(match String::deserialize(text)?.as_str() {
        "none" => Some(RestartCondition::None),
        "on-failure" => Some(RestartCondition::OnFailure),
        "any" => Some(RestartCondition::Any),
        other => return Err(serde::de::Error::custom(format!("restart condition {other}"))),
    })
}

impl ServiceCase {
    /// Whether a constraint tells nodes apart by their names.
    pub fn mentions_hostname(&self) -> bool {
        self.other.values().any(|value| value.to_string().contains("node.hostname"))
    }
}

impl UpdateCase {
    fn config(self) -> UpdateConfig {
        let default = defaults::UPDATE_CONFIG;
        UpdateConfig {
            parallelism: self.parallelism.unwrap_or(default.parallelism),
            delay: self.delay_ms.map_or(default.delay, Span::from_millis),
            failure_action: self.failure_action.unwrap_or(default.failure_action),
            monitor: self.monitor_ms.map(Span::from_millis),
            max_failure_ratio: self.max_failure_ratio.unwrap_or(default.max_failure_ratio),
            order: self.order.unwrap_or(default.order),
        }
    }

    fn change(self) -> UpdateConfigChange {
        UpdateConfigChange {
            parallelism: self.parallelism,
            delay: self.delay_ms.map(Span::from_millis),
            failure_action: self.failure_action,
            monitor: self.monitor_ms.map(|ms| Some(Span::from_millis(ms))),
            max_failure_ratio: self.max_failure_ratio,
            order: self.order,
        }
    }
}

impl Case {
    /// The plan of this case: no latencies, the case's own times, literal values.
    ///
    /// # Errors
    /// What the case contains that is not simulated yet.
    pub fn plan(&self) -> Result<Plan, String> {
        let images: IdVec<ImageId, Image> = self
            .images
            .iter()
            .map(|(name, image)| Ok(Image { name: name.clone(), behavior: behavior(image)? }))
            .collect::<Result<_, String>>()?;
        let mut commands = Vec::new();
        for (index, service) in (0..).zip(&self.services) {
            let spec = Box::new(self.service_spec(service)?);
            let command = Command::ServiceCreate { service: ServiceId(index), spec };
            commands.push(TimedCommand { at: Time::ZERO, line: String::new(), command });
        }
        for action in &self.actions {
            commands.push(self.command(action)?);
        }
        Ok(Plan {
            name: self.name.clone(),
            seed: 1,
            end: End::At(Time::from_millis(self.end_ms)),
            nodes: self.cluster.nodes.iter().map(node).collect::<Result<IdVec<NodeId, Node>, String>>()?,
            images,
            services: self.services.iter().map(|service| service.name.clone()).collect(),
            clients: IdVec::new(),
            commands,
            latencies: Latencies::NONE,
            task_history_limit: Some(defaults::TASK_HISTORY_LIMIT),
            measure_from: None,
            slo: IdVec::filled(self.services.len(), None),
        })
    }

    /// The events of every recorded outcome, the most frequent first.
    pub fn recorded_outcomes(&self) -> Vec<Vec<Event>> {
        let Some(trace) = &self.trace else { return Vec::new() };
        let outcomes = std::iter::once(&trace.events).chain(trace.alternatives.iter().map(|other| &other.events));
        outcomes.map(|events| events.iter().map(Event::read).collect()).collect()
    }

    fn image(&self, name: &str) -> ImageId {
        let index = self.images.keys().position(|image| image == name).expect("the case names its images");
        ImageId(index as u32)
    }

    /// Longer than every stop of the case: its images stop as they say.
    fn grace_period(&self) -> Span {
        let longest = self.images.values().map(|image| image.stop_ms).max().unwrap_or(0);
        Span::from_secs(longest / 1000 + 1)
    }

    fn service_spec(&self, service: &ServiceCase) -> Result<ServiceSpec, String> {
        refuse(&service.other, "service")?;
        if service.mode != "replicated" {
            return Err(format!("mode {} is not simulated yet", service.mode));
        }
        let restart = service.restart;
        let mut spec = ServiceSpec::replicated(self.image(&service.image), service.replicas);
        spec.task.container.stop_grace_period = Some(self.grace_period());
        spec.update = Some(service.update.config());
        spec.rollback = Some(service.rollback.config());
        spec.task.restart = Some(RestartPolicy {
            condition: restart.condition.unwrap_or(RestartCondition::Any),
            delay: restart.delay_ms.map(Span::from_millis),
            max_attempts: restart.max_attempts.unwrap_or(0),
            window: restart.window_ms.map(Span::from_millis),
        });
        Ok(spec)
    }

    fn command(&self, action: &Value) -> Result<TimedCommand, String> {
        let action: Action = serde_json::from_value(action.clone()).map_err(|error| error.to_string())?;
        refuse(&action.other, "action")?;
        let by_name = |name: &String| self.services.iter().position(|service| service.name == *name);
        let service = action.service.as_ref().and_then(by_name).map(|index| ServiceId(index as u32));
        let service = service.ok_or_else(|| format!("action {} is not simulated yet", action.verb));
        let command = match action.verb.as_str() {
            "update" | "scale" | "force" => Command::ServiceUpdate {
                service: service?,
                change: Box::new(SpecChange {
                    image: action.image.as_deref().map(|image| self.image(image)),
                    replicas: action.replicas,
                    update: action.update.change(),
                    rollback: action.rollback.change(),
                    restart: RestartPolicyChange {
                        condition: action.restart.condition,
                        delay: action.restart.delay_ms.map(Span::from_millis),
                        max_attempts: action.restart.max_attempts,
                        window: action.restart.window_ms.map(Span::from_millis),
                    },
                    force: action.verb == "force",
                    ..SpecChange::default()
                }),
            },
            "rollback" => Command::ServiceRollback { service: service? },
            "remove" => Command::ServiceRemove { service: service? },
            verb => return Err(format!("action {verb} is not simulated yet")),
        };
        Ok(TimedCommand { at: Time::from_millis(action.at_ms), line: String::new(), command })
    }
}

fn refuse(other: &BTreeMap<String, Value>, what: &str) -> Result<(), String> {
    match other.keys().next() {
        Some(key) => Err(format!("{key} of a {what} is not simulated yet")),
        None => Ok(()),
    }
}

fn node(node: &Value) -> Result<Node, String> {
    match node["availability"].as_str() {
        None | Some("active") => {}
        Some(other) => return Err(format!("availability {other} is not simulated yet")),
    }
    Ok(Node { name: node["name"].as_str().unwrap_or_default().to_owned(), spec: NodeSpec::default() })
}

fn behavior(image: &ImageCase) -> Result<ImageBehavior, String> {
    if !image.fails_on.is_empty() {
        return Err("fails_on of an image is not simulated yet".to_owned());
    }
    let constant = |ms| Dist::Constant(Span::from_millis(ms));
    let tasks = image.tasks.iter().map(|(ordinal, value)| {
        let ordinal = ordinal.parse().map_err(|_| format!("task {ordinal}"))?;
        Ok((ordinal, TaskOverride { outcome: Some(outcome(value)?), ..TaskOverride::default() }))
    });
    Ok(ImageBehavior {
        prepare: constant(image.prepare_ms),
        start: constant(image.start_ms),
        stop: constant(image.stop_ms),
        service_time: constant(0),
        outcome: outcome(&image.outcome)?,
        fail_share: 1.0,
        tasks: tasks.collect::<Result<_, String>>()?,
    })
}

fn outcome(value: &Value) -> Result<Outcome, String> {
    let exit = |after: &Value, code| {
        let after = Dist::Constant(Span::from_millis(after.as_u64().unwrap_or_default()));
        Ok(Outcome::Exit { after, code })
    };
    match value {
        Value::String(word) if word == "run" => Ok(Outcome::Run),
        Value::String(word) if word == "fail_prepare" => Ok(Outcome::FailPrepare),
        Value::String(word) if word == "fail_start" => Ok(Outcome::FailStart),
        Value::Object(map) if map.contains_key("fail_after_ms") => exit(&map["fail_after_ms"], 1),
        Value::Object(map) if map.contains_key("complete_after_ms") => exit(&map["complete_after_ms"], 0),
        other => Err(format!("outcome {other} is not simulated yet")),
    }
}
