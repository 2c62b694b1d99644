//! Names as docker shows them.

use crate::kernel::IdVec;
use crate::model::task::Slot;
use crate::model::{ImageId, NodeId, ServiceId};
use crate::sim::Plan;

/// The names that charts write: those of a plan, or of a report that was read back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Name of the scenario.
    pub scenario: String,
    /// Seed of the run.
    pub seed: u64,
    /// Names of the nodes.
    pub nodes: IdVec<NodeId, String>,
    /// References of the images.
    pub images: IdVec<ImageId, String>,
    /// Names of the services.
    pub services: IdVec<ServiceId, String>,
    /// The operator's commands and faults as they were written; empty for the scenario's own services.
    pub commands: Vec<String>,
}

impl Names {
    /// The names of a plan.
    pub fn of(plan: &Plan) -> Names {
        Names {
            scenario: plan.name.clone(),
            seed: plan.seed,
            nodes: plan.nodes.values().map(|node| node.name.clone()).collect(),
            images: plan.images.values().map(|image| image.name.clone()).collect(),
            services: plan.services.clone(),
            commands: plan.commands.iter().map(|command| command.line.clone()).collect(),
        }
    }

    /// Name of a slot's tasks, as [`of_slot`] says.
    pub(super) fn slot(&self, service: ServiceId, slot: Slot) -> String {
        slot_name(&self.services[service], slot, |node| &self.nodes[node])
    }
}

/// Name of a slot's tasks: `web.1`, of a global service `web.node1`.
pub(super) fn of_slot(plan: &Plan, service: ServiceId, slot: Slot) -> String {
    slot_name(&plan.services[service], slot, |node| &plan.nodes[node].name)
}

fn slot_name<'a>(service: &str, slot: Slot, node: impl Fn(NodeId) -> &'a String) -> String {
    match slot {
        Slot::Replica(number) => format!("{service}.{number}"),
        Slot::Node(id) => format!("{service}.{}", node(id)),
    }
}

/// An image without registry and path: `app:1` of `registry.example.com/team/app:1`.
pub(super) fn of_image_in_short(image: &str) -> &str {
    image.rsplit('/').next().unwrap_or(image)
}

/// `1 task`, `2 tasks`.
pub(super) fn counted(count: u32, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}
