//! Lints: what is right by the letter and likely to go wrong in a cluster.
//!
//! They look at the scenario as it is understood: at each service as it is at time 0, and again after every command of the
//! timeline that changes it. What a service had before is not told again.

mod capacity;
mod failures;
mod order;
mod places;
mod stopping;

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostic};
use crate::kernel::{IdVec, Time};
use crate::model::ServiceId;
use crate::model::command::Command;
use crate::model::defaults;
use crate::model::image::ImageBehavior;
use crate::model::node::Availability;
use crate::model::service::{Mode, Order, ServiceSpec, UpdateConfig};
use crate::model::spec_change;
use crate::sim::Plan;
use crate::sim::plan::Node;

use super::read::MOST_PROBLEMS;
use super::source;
use places::{Origin, Origins};

/// What makes one remark on a service, or none. In the order of their codes.
const RULES: [fn(&Case<'_>) -> Option<Finding>; 15] = [
    order::start_first_with_host_port,
    order::start_first_with_max_replicas,
    order::start_first_for_global,
    order::start_first_without_health_check,
    failures::breaks_unseen,
    failures::ignored,
    failures::pauses,
    failures::rollback_rolls_back,
    stopping::restart_window,
    order::one_replica,
    stopping::grace_period,
    capacity::all_at_once,
    failures::ratio_too_small,
    failures::delay_above_monitor,
    capacity::surge_reservations,
];

/// A remark, and the key that it is about.
struct Finding {
    code: Code,
    /// Path below the service. If it is not there, what lies nearest above it is shown.
    path: String,
    message: String,
    help: Option<&'static str>,
}

/// A service at one moment of the scenario.
struct Case<'a> {
    plan: &'a Plan,
    /// All services at that moment.
    specs: &'a IdVec<ServiceId, Option<ServiceSpec>>,
    service: ServiceId,
    spec: &'a ServiceSpec,
}

/// One of the two configurations of a service, and its path.
struct Configured {
    path: &'static str,
    config: UpdateConfig,
}

impl Case<'_> {
    fn name(&self) -> &str {
        &self.plan.services[self.service]
    }

    /// How the service is updated: what it says, or Swarm's defaults.
    fn update(&self) -> Configured {
        Configured { path: "deploy.update_config", config: self.spec.update.unwrap_or(defaults::UPDATE_CONFIG) }
    }

    /// How it is updated and how it is rolled back.
    fn configs(&self) -> [Configured; 2] {
        let config = self.spec.rollback.unwrap_or(defaults::UPDATE_CONFIG);
        [self.update(), Configured { path: "deploy.rollback_config", config }]
    }

    /// The configuration that starts the new task first, if one does.
    fn start_first(&self) -> Option<Configured> {
        self.configs().into_iter().find(|configured| configured.config.order == Order::StartFirst)
    }

    fn is_global(&self) -> bool {
        self.spec.mode == Mode::Global
    }

    /// Nodes that take tasks. Constraints are not looked at, so this is the most that there can be.
    fn nodes(&self) -> impl Iterator<Item = &Node> {
        let takes = |node: &&Node| node.is_member && node.spec.availability == Availability::Active;
        self.plan.nodes.values().filter(takes)
    }

    /// How many tasks the service has.
    fn tasks(&self) -> u64 {
        self.tasks_of(self.spec)
    }

    /// How many tasks any service has.
    fn tasks_of(&self, spec: &ServiceSpec) -> u64 {
        match spec.mode {
            Mode::Replicated { replicas } => replicas.into(),
            Mode::Global => self.nodes().count() as u64,
        }
    }

    /// How the containers of its image behave.
    fn behavior(&self) -> &ImageBehavior {
        &self.plan.images[self.spec.task.container.image].behavior
    }

    fn found(&self, code: Code, path: impl Into<String>, message: &str) -> Finding {
        Finding { code, path: path.into(), message: format!("{}: {message}", self.name()), help: None }
    }
}

/// The remarks on a scenario: on its services at the start, then as the timeline changes them; [`MOST_PROBLEMS`] of them at most.
pub(super) fn lint(root: &source::Node, plan: &Plan) -> Vec<Diagnostic> {
    let (mut cluster, origins) = (Services::new(plan), Origins::of(root));
    let own = plan.commands.iter().take_while(|timed| timed.at == Time::ZERO && timed.line.is_empty());
    let own: Vec<_> = own.collect();
    for timed in &own {
        cluster.apply(&timed.command);
    }
    // Only now, because services share the nodes.
    for service in plan.services.ids() {
        cluster.look_at(service, &origins.service(&plan.services[service]));
    }
    for timed in &plan.commands[own.len()..] {
        if let Some(service) = cluster.apply(&timed.command) {
            cluster.look_at(service, &origins.line(&timed.line));
        }
    }
    cluster.told
}

/// The services at the current place of the timeline, and what was told of them.
struct Services<'a> {
    plan: &'a Plan,
    specs: IdVec<ServiceId, Option<ServiceSpec>>,
    previous: IdVec<ServiceId, Option<ServiceSpec>>,
    known: BTreeSet<(ServiceId, Code)>,
    told: Vec<Diagnostic>,
}

impl<'a> Services<'a> {
    fn new(plan: &'a Plan) -> Services<'a> {
        let none = || IdVec::filled(plan.services.len(), None);
        Services { plan, specs: none(), previous: none(), known: BTreeSet::new(), told: Vec::new() }
    }

    /// Does to the specifications what a command does; the service that it makes or changes.
    fn apply(&mut self, command: &Command) -> Option<ServiceId> {
        match command {
            Command::ServiceCreate { service, spec } => {
                self.specs[*service] = Some((**spec).clone());
                Some(*service)
            }
            Command::ServiceUpdate { service, change } => {
                let spec = self.specs[*service].as_mut()?;
                self.previous[*service] = Some(spec.clone());
                spec_change::apply(change, spec);
                Some(*service)
            }
            Command::ServiceDeploy { service, spec: new } => {
                let spec = self.specs[*service].as_mut()?;
                self.previous[*service] = Some(spec.clone());
                spec_change::deploy(new, spec);
                Some(*service)
            }
            Command::ServiceRollback { service } => {
                if self.previous[*service].is_some() {
                    std::mem::swap(&mut self.specs[*service], &mut self.previous[*service]);
                }
                None
            }
            Command::ServiceRemove { service } => {
                self.specs[*service] = None;
                None
            }
            Command::NodeUpdate { .. } | Command::NodeRemove { .. } | Command::ForceNewCluster | Command::Fault(_) => {
                None
            }
        }
    }

    /// Tells what there is to say of a service and has not been said yet.
    fn look_at(&mut self, service: ServiceId, origin: &Origin<'_>) {
        let Some(spec) = &self.specs[service] else { return };
        let case = Case { plan: self.plan, specs: &self.specs, service, spec };
        for finding in RULES.iter().filter_map(|rule| rule(&case)) {
            if self.told.len() < MOST_PROBLEMS && self.known.insert((service, finding.code)) {
                let place = origin.place(&finding.path);
                let diagnostic = Diagnostic::new(finding.code, &place, finding.message);
                self.told.push(diagnostic.help(finding.help.map(str::to_owned)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
