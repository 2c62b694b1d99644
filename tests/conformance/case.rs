//! A recorded case: what it says.

use std::collections::{BTreeMap, BTreeSet};

use rollsim::model::node::Availability;
use rollsim::model::service::{FailureAction, Order, RestartCondition};
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
    pub actions: Vec<Action>,
    pub end_ms: u64,
    pub agreement: Option<Agreement>,
    pub trace: Option<Recorded>,
}

#[derive(Deserialize)]
pub struct Cluster {
    pub nodes: Vec<NodeCase>,
}

#[derive(Deserialize)]
pub struct Agreement {
    pub same_outcome_runs: u64,
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
    pub runs: u64,
    pub events: Vec<Value>,
}

/// A node which states no resources has none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeCase {
    pub name: String,
    #[serde(default, deserialize_with = "availability")]
    pub availability: Availability,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub nano_cpus: u64,
    #[serde(default)]
    pub memory_bytes: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageCase {
    pub prepare_ms: u64,
    pub start_ms: u64,
    pub stop_ms: u64,
    pub outcome: Value,
    #[serde(default)]
    pub tasks: BTreeMap<String, Value>,
    #[serde(default)]
    pub fails_on: BTreeSet<String>,
}

#[derive(Deserialize)]
pub struct ServiceCase {
    pub name: String,
    pub mode: String,
    #[serde(flatten)]
    pub spec: SpecCase,
}

/// What a service states, or an action changes of it.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct SpecCase {
    pub image: Option<String>,
    pub replicas: Option<u32>,
    pub update: UpdateCase,
    pub rollback: UpdateCase,
    pub restart: RestartCase,
    pub constraints: Option<Vec<String>>,
    pub preferences: Option<Vec<String>>,
    pub reservations: Option<Reservations>,
    pub max_replicas_per_node: Option<u32>,
    pub host_ports: Option<Vec<u16>>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(default, deny_unknown_fields)]
pub struct Reservations {
    pub nano_cpus: u64,
    pub memory_bytes: u64,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(default, deny_unknown_fields)]
pub struct UpdateCase {
    pub parallelism: Option<u32>,
    pub delay_ms: Option<u64>,
    #[serde(deserialize_with = "failure_action")]
    pub failure_action: Option<FailureAction>,
    pub monitor_ms: Option<u64>,
    pub max_failure_ratio: Option<f32>,
    #[serde(deserialize_with = "order")]
    pub order: Option<Order>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(default, deny_unknown_fields)]
pub struct RestartCase {
    #[serde(deserialize_with = "condition")]
    pub condition: Option<RestartCondition>,
    pub delay_ms: Option<u64>,
    pub max_attempts: Option<u32>,
    pub window_ms: Option<u64>,
}

#[derive(Deserialize)]
pub struct Action {
    pub at_ms: u64,
    #[serde(rename = "do")]
    pub verb: String,
    pub service: Option<String>,
    pub node: Option<NodeRef>,
    #[serde(default, deserialize_with = "some_availability")]
    pub to: Option<Availability>,
    pub labels: Option<BTreeMap<String, String>>,
    pub gap_ms: Option<u64>,
    #[serde(flatten)]
    pub change: SpecCase,
}

/// The node of an action: one by name, or one that joins.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum NodeRef {
    Name(String),
    New(NodeCase),
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

fn availability<'de, D: serde::Deserializer<'de>>(text: D) -> Result<Availability, D::Error> {
    match String::deserialize(text)?.as_str() {
        "active" => Ok(Availability::Active),
        "pause" => Ok(Availability::Pause),
        "drain" => Ok(Availability::Drain),
        other => Err(serde::de::Error::custom(format!("availability {other}"))),
    }
}

fn some_availability<'de, D: serde::Deserializer<'de>>(text: D) -> Result<Option<Availability>, D::Error> {
    availability(text).map(Some)
}

impl Action {
    /// The name of the action's node.
    pub fn node_name(&self) -> Option<&str> {
        Some(match self.node.as_ref()? {
            NodeRef::Name(name) => name,
            NodeRef::New(node) => &node.name,
        })
    }
}

impl Case {
    /// The nodes and when they join, in that order.
    pub fn nodes(&self) -> impl Iterator<Item = (u64, &NodeCase)> {
        let added = self.actions.iter().filter_map(|action| match &action.node {
            Some(NodeRef::New(node)) => Some((action.at_ms, node)),
            _ => None,
        });
        self.cluster.nodes.iter().map(|node| (0, node)).chain(added)
    }

    /// The specification of each service and what actions change of it.
    pub fn specs(&self) -> impl Iterator<Item = &SpecCase> {
        self.services.iter().map(|service| &service.spec).chain(self.actions.iter().map(|action| &action.change))
    }

    /// In how many runs each outcome was recorded, the most frequent first.
    pub fn recorded_runs(&self) -> impl Iterator<Item = u64> {
        let first = self.agreement.iter().map(|agreement| agreement.same_outcome_runs);
        first.chain(self.trace.iter().flat_map(|trace| &trace.alternatives).map(|other| other.runs))
    }

    /// The events of every recorded outcome, the most frequent first.
    pub fn recorded_outcomes(&self) -> Vec<Vec<Event>> {
        let Some(trace) = &self.trace else { return Vec::new() };
        let outcomes = std::iter::once(&trace.events).chain(trace.alternatives.iter().map(|other| &other.events));
        outcomes.map(|events| events.iter().map(Event::read).collect()).collect()
    }
}
