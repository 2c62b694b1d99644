//! From names to dense ids: makes the plan of what a scenario says.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Place};
use crate::kernel::{IdVec, Span, Time};
use crate::model::client::Grade;
use crate::model::command::Command;
use crate::model::service::{Mode, PublishMode, ServiceSpec};
use crate::model::{ImageId, NodeId, ServiceId, defaults};
use crate::sim::plan::{End, Image, Node, Plan, TimedCommand};

use super::compose::Service;
use super::docker::{self, DockerCommand, LineError};
use super::engine;
use super::expect::{Check, Expect, Expectation, Expected};
use super::image::Behaviors;
use super::overlay::Overlaid;
use super::read::{Named, Problems, instead_of};
use super::schema::{Objective, Scenario};
use super::source::Spanned;
use super::stacks::{Stacks, short_names};
use super::timeline;
use super::traffic::{Client, check_client, check_images, lower_clients};

/// How long nothing may be pending before a run without `duration` ends.
const QUIET: Span = Span::from_secs(30);
/// Longest run without `duration`.
const LIMIT: Time = Time::from_millis(3_600_000);

/// What a scenario comes to.
pub(super) struct Lowered {
    /// The plan; of no use if there were errors.
    pub(super) plan: Plan,
    /// What must hold after the run.
    pub(super) expectations: Vec<Expectation>,
    /// Where each command of the plan stands; `None`: it creates one of the scenario's own services.
    pub(super) places: Vec<Option<Place>>,
    /// Images that the scenario uses and does not describe.
    pub(super) assumed_images: Vec<ImageId>,
}

/// Puts ids in the place of names. `stem`: the name of a scenario that has none.
pub(super) fn lower(
    mut scenario: Scenario,
    stem: &str,
    overlaid: &Overlaid,
    stacks: &Stacks<'_>,
    problems: &mut Problems,
) -> Lowered {
    report_what_comes_too_late(&scenario, problems);
    let mut names = Names::new(&scenario, problems);
    let mut lowered = Lowered {
        plan: Plan {
            name: scenario.name.take().unwrap_or_else(|| stem.to_owned()),
            seed: scenario.seed,
            end: match &scenario.duration {
                Some(duration) => End::At(Time::ZERO + duration.value),
                None => End::WhenQuiet { quiet: QUIET, limit: LIMIT },
            },
            nodes: names.nodes.clone(),
            images: IdVec::new(),
            services: IdVec::new(),
            clients: IdVec::new(),
            commands: Vec::new(),
            engine: scenario.engine,
            latencies: scenario.latencies,
            ties: scenario.ties,
            task_history_limit: Some(defaults::TASK_HISTORY_LIMIT),
            grade: scenario.traffic.grade.as_ref().map_or(Grade::Exact, |grade| grade.value),
            measure_from: scenario.measure_from.map(|span| Time::ZERO + span.value),
            slo: IdVec::new(),
        },
        expectations: Vec::new(),
        places: Vec::new(),
        assumed_images: Vec::new(),
    };
    if scenario.services.is_none() || stacks.failed {
        names.expect_others();
    }
    let plan = &mut lowered.plan;
    plan.commands = create_services(&scenario.services.unwrap_or_default(), &mut names, problems);
    lowered.places = vec![None; plan.commands.len()];
    let (commands, places) = timeline::read(scenario.timeline, overlaid, stacks, &mut names, problems);
    plan.commands.extend(commands);
    lowered.places.extend(places.into_iter().map(Some));
    let clients = scenario.traffic.clients;
    let callers: Callers = clients.iter().map(|(name, client)| caller(name, client.as_ref())).collect();
    plan.clients = lower_clients(clients, &plan.commands, &names, problems).into_iter().collect();
    plan.slo = lower_objectives(&scenario.slo, &names, problems);
    lowered.expectations = lower_expectations(scenario.expect, &names, &callers, problems);
    lowered.plan.images = names.images;
    if let Some(grade) = scenario.traffic.grade.filter(|_| !lowered.plan.clients.is_empty()) {
        check_images(&grade, &lowered.plan.images, problems);
        lowered.plan.clients.values().for_each(|client| check_client(&grade, client, problems));
    }
    lowered.plan.services = names.services;
    lowered.assumed_images = names.assumed_images;
    lowered
}

fn report_what_comes_too_late(scenario: &Scenario, problems: &mut Problems) {
    let Some(duration) = &scenario.duration else { return };
    let end = Time::ZERO + duration.value;
    let mut late = |what: &str, place: &Place| {
        let message = format!("{what}: the run ends at {}", duration.value);
        problems.push(Diagnostic::new(Code::NoEffect, place, message));
    };
    let events = scenario.timeline.iter().filter_map(|event| event.at.as_ref());
    events.filter(|at| at.value > end).for_each(|at| late("this has no effect", &at.place));
    let measured = scenario.measure_from.iter().filter(|from| from.value > duration.value);
    measured.for_each(|from| late("this has no effect", &from.place));
    let clients = scenario.traffic.clients.iter().filter_map(|(_, client)| client.as_ref()?.from.as_ref());
    clients.filter(|from| from.value >= duration.value).for_each(|from| late("this client never sends", &from.place));
    for expect in &scenario.expect {
        expect.instants().filter(|(at, _)| *at > end).for_each(|(_, place)| late("this never comes", place));
    }
}

/// The services, images and nodes of a scenario by their names, at the current place of its timeline.
pub(super) struct Names {
    services: IdVec<ServiceId, String>,
    /// The first service of each full name.
    by_name: BTreeMap<String, ServiceId>,
    /// The services of stacks by their short names.
    by_short_name: BTreeMap<String, Vec<ServiceId>>,
    exists: IdVec<ServiceId, bool>,
    is_global: IdVec<ServiceId, bool>,
    nodes: IdVec<NodeId, Node>,
    images: IdVec<ImageId, Image>,
    images_by_name: BTreeMap<String, ImageId>,
    behaviors: Behaviors,
    assumed_images: Vec<ImageId>,
    /// Images that the scenario seems to have forgotten, until they are reported.
    forgotten_images: Vec<ImageId>,
    refused: Option<Refused>,
    /// Whether there may be services that nobody could read: one that is not known is taken for given then.
    has_others: bool,
}

/// Why the last line was refused, if it was for the name of a service or a node.
enum Refused {
    /// There is no service of this name.
    Missing(String),
    /// There is no node of this name.
    MissingNode(String),
    /// There is one.
    Exists,
    /// There was one before.
    Removed,
}

impl Names {
    /// The images of the scenario in the order of the file, and no services.
    fn new(scenario: &Scenario, problems: &mut Problems) -> Names {
        let mut names = Names {
            services: IdVec::new(),
            by_name: BTreeMap::new(),
            by_short_name: BTreeMap::new(),
            exists: IdVec::new(),
            is_global: IdVec::new(),
            nodes: scenario.cluster.nodes.iter().cloned().collect(),
            images: IdVec::new(),
            images_by_name: BTreeMap::new(),
            behaviors: Behaviors::resolve(&scenario.images, problems),
            assumed_images: Vec::new(),
            forgotten_images: Vec::new(),
            refused: None,
            has_others: false,
        };
        for (name, _) in scenario.images.iter().filter(|(name, _)| name.value != super::image::DEFAULT) {
            docker::Names::image(&mut names, &name.value);
        }
        // An entry that could not be read is there all the same.
        names.forgotten_images.clear();
        names
    }

    /// The service of this full name, whether it exists at the moment or not.
    fn exact(&self, name: &str) -> Option<ServiceId> {
        self.by_name.get(name).copied()
    }

    /// The service of this name, whether it exists at the moment or not; one of a stack by its short name too, if that means
    /// one only.
    fn ever(&self, name: &str) -> Option<ServiceId> {
        let mut meant = self.meant_by(name);
        self.exact(name).or_else(|| meant.next().filter(|_| meant.next().is_none()))
    }

    /// The services of stacks with this short name.
    fn meant_by(&self, name: &str) -> impl Iterator<Item = ServiceId> {
        self.by_short_name.get(name).into_iter().flatten().copied()
    }

    /// The service of this full name if it exists, and whether it is global.
    pub(super) fn existing(&self, name: &str) -> Option<(ServiceId, bool)> {
        self.exact(name).filter(|service| self.exists[*service]).map(|service| (service, self.is_global[service]))
    }

    /// The specification of a service. `place`: where its image is named.
    pub(super) fn spec(&mut self, service: &Service, problems: &mut Problems) -> ServiceSpec {
        let image = docker::Names::image(self, &service.image.value);
        self.report_forgotten_images(&service.image.place, problems);
        service.to_spec(image)
    }

    fn add(&mut self, name: &str) -> ServiceId {
        self.exists.push(true);
        self.is_global.push(false);
        let service = self.services.push(name.to_owned());
        self.by_name.entry(name.to_owned()).or_insert(service);
        for short in short_names(name) {
            self.by_short_name.entry(short.to_owned()).or_default().push(service);
        }
        service
    }

    /// Takes services that are not known for given from now on, because some could not be read.
    pub(super) fn expect_others(&mut self) {
        self.has_others = true;
    }

    /// Takes the services that a line names for given, because nobody knows when it comes.
    pub(super) fn add_unknown(&mut self, line: &DockerCommand) {
        for name in line.services() {
            if self.ever(name).is_none() {
                self.add(name);
            }
        }
    }

    /// Reports images that were named for the first time, at `place`, and have no entry among the others.
    pub(super) fn report_forgotten_images(&mut self, place: &Place, problems: &mut Problems) {
        for image in self.forgotten_images.drain(..) {
            let Image { name, behavior } = &self.images[image];
            let message = format!("image `{name}` is not described; assumed: {behavior}");
            let help = "describe it in `images`, or all that are not described there by `\"*\"`".to_owned();
            let diagnostic = Diagnostic::new(Code::AssumedImage, place, message).help(help);
            problems.push(match self.behaviors.similar(name) {
                Some(known) => diagnostic.label(format!("did you mean `{known}`?")),
                None => diagnostic,
            });
        }
    }

    /// The service that something in the scenario refers to, or a problem.
    pub(super) fn refer(&self, name: &Spanned<String>, problems: &mut Problems) -> Option<ServiceId> {
        let service = self.ever(&name.value);
        if service.is_none() && !self.has_others {
            problems.push(self.unknown(&name.value, &name.place));
        }
        service
    }

    fn unknown(&self, name: &str, place: &Place) -> Diagnostic {
        let meant: Vec<&str> = self.meant_by(name).map(|service| self.services[service].as_str()).collect();
        if meant.len() > 1 {
            let message = format!("service {name} is ambiguous ({} matches found)", meant.len());
            let label = instead_of(name, meant.into_iter());
            return Diagnostic::new(Code::UnknownService, place, message).label(label);
        }
        let diagnostic = Diagnostic::new(Code::UnknownService, place, format!("service {name} not found"));
        match self.exact(name) {
            Some(_) => diagnostic.label("it was removed before"),
            None => self.label_with_services(name, diagnostic),
        }
    }

    /// The node that something in the scenario refers to, or a problem.
    pub(super) fn refer_to_node(&self, name: &Spanned<String>, problems: &mut Problems) -> Option<NodeId> {
        let node = self.node_of(&name.value);
        if node.is_none() {
            problems.push(self.unknown_node(&name.value, &name.place));
        }
        node
    }

    /// All nodes, in the order of the file.
    pub(super) fn all_nodes(&self) -> impl Iterator<Item = NodeId> {
        self.nodes.ids()
    }

    fn node_of(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().find(|(_, node)| node.name == name).map(|(id, _)| id)
    }

    fn unknown_node(&self, name: &str, place: &Place) -> Diagnostic {
        let diagnostic = Diagnostic::new(Code::UnknownNode, place, format!("node {name} not found"));
        diagnostic.label(instead_of(name, self.nodes.values().map(|node| node.name.as_str())))
    }

    /// Takes notice of what a command changes for the lines after it.
    pub(super) fn note(&mut self, command: &Command) {
        match command {
            Command::ServiceCreate { service, spec } => self.is_global[*service] = spec.mode == Mode::Global,
            Command::ServiceRemove { service } => self.exists[*service] = false,
            Command::NodeUpdate { node, label_add, label_rm, .. } => {
                let labels = &mut self.nodes[*node].spec.labels;
                labels.retain(|label, _| !label_rm.contains(label));
                labels.extend(label_add.iter().cloned());
            }
            Command::ServiceUpdate { .. }
            | Command::ServiceDeploy { .. }
            | Command::ServiceRollback { .. }
            | Command::NodeRemove { .. }
            | Command::ForceNewCluster
            | Command::Fault(_) => {}
        }
    }

    fn label_with_services(&self, name: &str, diagnostic: Diagnostic) -> Diagnostic {
        match self.services.is_empty() {
            true => diagnostic.label("there are no services"),
            false => diagnostic.label(instead_of(name, self.services.values().map(String::as_str))),
        }
    }

    /// What docker would say at this place of the timeline, and what we can add.
    pub(super) fn explain(&mut self, error: LineError, place: &Place) -> Diagnostic {
        match self.refused.take() {
            Some(Refused::Missing(name)) => self.unknown(&name, place),
            Some(Refused::MissingNode(name)) => self.unknown_node(&name, place),
            Some(Refused::Exists) => Diagnostic::new(Code::ServiceExists, place, error.message),
            Some(Refused::Removed) => Diagnostic::new(Code::NotSimulated, place, error.message),
            None => {
                let code = if error.unsupported { Code::NotSimulated } else { Code::DockerCommand };
                Diagnostic::new(code, place, error.message).help(error.help)
            }
        }
    }
}

impl docker::Names for Names {
    fn service(&mut self, name: &str) -> Option<ServiceId> {
        match self.ever(name) {
            Some(service) if self.exists[service] => Some(service),
            None if self.has_others => Some(self.add(name)),
            _ => {
                self.refused = Some(Refused::Missing(name.to_owned()));
                None
            }
        }
    }

    fn new_service(&mut self, name: &str) -> Result<ServiceId, String> {
        let Some(service) = self.exact(name) else {
            return Ok(self.add(name));
        };
        if self.exists[service] {
            self.refused = Some(Refused::Exists);
            Err(format!("name conflicts with an existing object: service {name} already exists"))
        } else {
            self.refused = Some(Refused::Removed);
            Err(format!("service {name} was removed before: to create it again is not simulated yet"))
        }
    }

    fn is_global(&self, service: ServiceId) -> bool {
        self.is_global[service]
    }

    fn node(&mut self, name: &str) -> Option<NodeId> {
        let node = self.node_of(name);
        if node.is_none() {
            self.refused = Some(Refused::MissingNode(name.to_owned()));
        }
        node
    }

    fn has_label(&self, node: NodeId, label: &str) -> bool {
        self.nodes[node].spec.labels.contains_key(label)
    }

    fn image(&mut self, reference: &str) -> ImageId {
        if let Some(id) = self.images_by_name.get(reference) {
            return *id;
        }
        let (behavior, described) = self.behaviors.of(reference);
        let id = self.images.push(Image { name: reference.to_owned(), behavior });
        self.images_by_name.insert(reference.to_owned(), id);
        if !described {
            let is_forgotten = self.behaviors.are_meant_complete();
            if is_forgotten { &mut self.forgotten_images } else { &mut self.assumed_images }.push(id);
        }
        id
    }

    fn services_of_stack(&mut self, stack: &str) -> Vec<ServiceId> {
        let prefix = format!("{stack}_");
        let of_stack = self.services.iter().filter(|(id, name)| self.exists[*id] && name.starts_with(&prefix));
        of_stack.map(|(id, _)| id).collect()
    }
}

/// The commands that create the scenario's own services, at 0 and in the order of the file.
fn create_services(services: &Named<Service>, names: &mut Names, problems: &mut Problems) -> Vec<TimedCommand> {
    let mut commands = Vec::new();
    let mut ports: BTreeMap<(u16, u8), &str> = BTreeMap::new();
    for (name, service) in services {
        engine::check_name(&name.value, &name.place, problems);
        let id = names.add(&name.value);
        let Some(service) = service else { continue };
        let spec = Box::new(names.spec(service, problems));
        for port in service.ports.iter().filter(|port| port.published != 0 && port.mode == PublishMode::Ingress) {
            let other = ports.insert((port.published, port.protocol as u8), &name.value);
            if let Some(other) = other.filter(|other| *other != name.value) {
                let message =
                    format!("port '{}' is already in use by service '{other}' as an ingress port", port.published);
                problems.push(Diagnostic::new(Code::Conflict, &name.place, message));
            }
        }
        let command = Command::ServiceCreate { service: id, spec };
        names.note(&command);
        commands.push(TimedCommand { at: Time::ZERO, line: String::new(), command });
    }
    commands
}

fn lower_objectives(
    objectives: &Named<Objective>,
    names: &Names,
    problems: &mut Problems,
) -> IdVec<ServiceId, Option<f64>> {
    let mut slo = IdVec::filled(names.services.len(), None);
    for (name, objective) in objectives {
        if let (Some(service), Some(objective)) = (names.refer(name, problems), objective) {
            slo[service] = objective.availability;
        }
    }
    slo
}

/// Names of the clients and of the services that they call, those that could not be read included.
type Callers = Vec<(String, Option<String>)>;

fn caller(name: &Spanned<String>, client: Option<&Client>) -> (String, Option<String>) {
    (name.value.clone(), client.map(|client| client.service.value.clone()))
}

fn lower_expectations(
    expect: Vec<Expect>,
    names: &Names,
    callers: &Callers,
    problems: &mut Problems,
) -> Vec<Expectation> {
    let mut expectations = Vec::new();
    for expect in expect {
        let (service, checks, place) = match expect {
            Expect::Service { service, checks, place } => (service, checks, place),
            Expect::Node { node, checks } => {
                if let Some(node) = names.refer_to_node(&node, problems) {
                    let what = |check: Spanned<_>| (Expected::OfNode(node, check.value), check.place);
                    expectations.extend(checks.into_iter().map(what).map(|(what, place)| Expectation { what, place }));
                }
                continue;
            }
        };
        let service = match &service {
            Some(name) => names.refer(name, problems),
            None if names.services.len() == 1 => Some(ServiceId(0)),
            None if names.has_others => None,
            None => {
                let diagnostic = Diagnostic::new(Code::MissingKey, &place, "missing field `service`");
                problems.push(names.label_with_services("", diagnostic));
                None
            }
        };
        let Some(service) = service else { continue };
        for check in &checks {
            check_names(check, &names.services[service], names, callers, problems);
        }
        let bind =
            |check: Spanned<_>| Expectation { what: Expected::OfService(service, check.value), place: check.place };
        expectations.extend(checks.into_iter().map(bind));
    }
    expectations
}

/// Reports a client that does not call the service, or an image that nobody names, in the name of a metric.
fn check_names(check: &Spanned<Check>, service: &str, names: &Names, callers: &Callers, problems: &mut Problems) {
    let Check::Metric(metric, ..) = &check.value else { return };
    let calls = |(_, called): &&(String, Option<String>)| called.as_ref().is_none_or(|called| called == service);
    let (code, message, name, known): (_, _, _, Vec<&str>) = if let Some(client) = metric.client() {
        let known = callers.iter().filter(calls).map(|(name, _)| name.as_str()).collect();
        (Code::UnknownClient, format!("there is no client `{client}` that calls `{service}`"), client, known)
    } else if let Some(image) = metric.image() {
        let known = names.images.values().map(|image| image.name.as_str()).collect();
        (Code::UnknownImage, format!("there is no image `{image}`"), image, known)
    } else {
        return;
    };
    if known.contains(&name) || names.has_others {
        return;
    }
    let label = instead_of(name, known.into_iter());
    problems.push(Diagnostic::new(code, &check.place, message).label(label));
}
