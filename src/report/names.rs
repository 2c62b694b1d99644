//! Names as docker shows them.

use crate::model::ServiceId;
use crate::model::task::Slot;
use crate::sim::Plan;

/// Name of a slot's tasks: `web.1`, of a global service `web.node1`.
pub(super) fn of_slot(plan: &Plan, service: ServiceId, slot: Slot) -> String {
    let service = &plan.services[service];
    match slot {
        Slot::Replica(number) => format!("{service}.{number}"),
        Slot::Node(node) => format!("{service}.{}", plan.nodes[node].name),
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
