//! Lints on how many tasks are worked on at once, and whether there is room for them.

use crate::diag::Code;
use crate::model::service::{Order, Resources};
use crate::sim::plan::Node;

use super::{Case, Finding};

impl Case<'_> {
    /// Tasks of the service that its update works on at once.
    fn at_once(&self, parallelism: u32) -> u64 {
        let tasks = self.tasks();
        if parallelism == 0 { tasks } else { tasks.min(parallelism.into()) }
    }

    /// The most tasks with such reservations that the nodes can hold beside the other services; `None`: any number.
    ///
    /// It is a bound: each node by itself, and all of them less what the other services reserve, wherever that lies.
    fn room(&self, reserved: &Resources) -> Option<u64> {
        let others = |of: fn(&Resources) -> u64| {
            let others = self.specs.iter().filter(|(service, _)| *service != self.service);
            let specs = others.filter_map(|(_, spec)| spec.as_ref());
            specs.map(|spec| self.tasks_of(spec).saturating_mul(of(&spec.task.resources))).fold(0, u64::saturating_add)
        };
        let fit = |of: fn(&Resources) -> u64, has: fn(&Node) -> Option<u64>| {
            let each = of(reserved);
            let total = self.nodes().map(has).try_fold(0u64, |sum, has| Some(sum.saturating_add(has?)))?;
            total.saturating_sub(others(of)).checked_div(each)
        };
        let on_node = |node: &Node| {
            let cpus = node.spec.nano_cpus.and_then(|has| has.checked_div(reserved.reserve_nano_cpus));
            let memory = node.spec.memory.and_then(|has| has.checked_div(reserved.reserve_memory));
            cpus.into_iter().chain(memory).min()
        };
        let each_node = self.nodes().map(on_node).try_fold(0u64, |sum, fits| Some(sum.saturating_add(fits?)));
        let cpus = fit(|of| of.reserve_nano_cpus, |node| node.spec.nano_cpus);
        let memory = fit(|of| of.reserve_memory, |node| node.spec.memory);
        [each_node, cpus, memory].into_iter().flatten().min()
    }
}

/// Of one task there is nothing to roll: that is [`super::order::one_replica`].
///
/// Source: control-plane U10.
pub(super) fn all_at_once(case: &Case<'_>) -> Option<Finding> {
    let configured = case.update();
    let (parallelism, tasks) = (configured.config.parallelism, case.tasks());
    if tasks < 2 || case.at_once(parallelism) < tasks {
        return None;
    }
    let means = if parallelism == 0 { " (all)" } else { "" };
    let follows = match configured.config.order {
        Order::StopFirst => "nobody serves until the new ones run",
        Order::StartFirst => "twice as many run, and a bad version meets everybody",
    };
    let message = format!("parallelism {parallelism}{means} updates the {tasks} tasks all at once: {follows}");
    Some(case.found(Code::AllAtOnce, format!("{}.parallelism", configured.path), &message))
}

/// Source: control-plane U22, R17.
pub(super) fn surge_reservations(case: &Case<'_>) -> Option<Finding> {
    let configured = case.start_first()?;
    let reserved = case.spec.task.resources;
    let (tasks, surge) = (case.tasks(), case.at_once(configured.config.parallelism));
    let room = case.room(&reserved)?;
    if room >= tasks + surge {
        return None;
    }
    let message =
        format!("start-first runs {} tasks at once, and what each reserves fits the nodes {room} times", tasks + surge);
    Some(case.found(Code::SurgeReservations, "deploy.resources.reservations", &message))
}
