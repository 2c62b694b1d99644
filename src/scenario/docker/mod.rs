//! Docker's command line: reads a line as a user would paste it and turns it into commands to the managers.
//!
//! `words` splits the line, `grammar` lets clap find out what is what, `flags` is the table of flags, `values` and `ports`
//! read single values, `service` makes the change of a specification, `action` the whole command. What docker's client, daemon or
//! manager would refuse without looking at the cluster is refused here, in their words.

mod action;
pub(in crate::scenario) mod flags;
mod grammar;
pub(in crate::scenario) mod ports;
mod service;
pub(in crate::scenario) mod values;
mod words;

use std::ops::Range;

use crate::model::command::{Command, SpecChange};
use crate::model::node::Role;
use crate::model::service::{Mode, ServiceSpec};
use crate::model::spec_change;
use crate::model::{ImageId, NodeId, ServiceId};
use action::Action;
use words::{Shell, Word};

/// Why a line is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LineError {
    /// Bytes of the line that are at fault.
    pub columns: Range<usize>,
    /// What is wrong, in docker's words where docker would refuse it.
    pub message: String,
    /// The likely fix.
    pub help: Option<String>,
    /// Docker takes it, and rollsim does not simulate it yet.
    pub unsupported: bool,
}

impl LineError {
    fn at(columns: Range<usize>, message: impl Into<String>) -> LineError {
        LineError { columns, message: message.into(), help: None, unsupported: false }
    }

    fn with_help(self, help: impl Into<String>) -> LineError {
        LineError { help: Some(help.into()), ..self }
    }
}

/// The services, images and nodes that a scenario knows, at the place of the line in its timeline.
pub trait Names {
    /// The service of this name, if it exists.
    fn service(&mut self, name: &str) -> Option<ServiceId>;

    /// A new service of this name.
    ///
    /// # Errors
    /// Why there cannot be one, in docker's words if it is docker that refuses.
    fn new_service(&mut self, name: &str) -> Result<ServiceId, String>;

    /// Whether the service is global.
    fn is_global(&self, service: ServiceId) -> bool;

    /// The node of this name.
    fn node(&mut self, name: &str) -> Option<NodeId>;

    /// Whether the node has this label.
    fn has_label(&self, node: NodeId, label: &str) -> bool;

    /// The image of this reference.
    fn image(&mut self, reference: &str) -> ImageId;

    /// The services of a stack that exist: those whose names begin with the stack's and `_`.
    fn services_of_stack(&mut self, stack: &str) -> Vec<ServiceId>;
}

/// A line `docker stack deploy`.
pub struct StackDeploy<'a> {
    name: &'a Word,
    files: &'a [Word],
    /// Whether services that the files do not have are removed.
    pub prune: bool,
}

impl StackDeploy<'_> {
    /// Name of the stack and bytes of the line that say it.
    pub fn name(&self) -> (&str, &Range<usize>) {
        (&self.name.text, &self.name.columns)
    }

    /// The files and bytes of the line that name them.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Range<usize>)> {
        self.files.iter().map(|file| (file.text.as_str(), &file.columns))
    }
}

/// A docker command line that rollsim understands.
#[derive(Clone, Debug, PartialEq)]
pub struct DockerCommand {
    action: Action,
    paths: Vec<String>,
}

/// Longest command line that is read, in bytes.
///
/// Source: Linux include/uapi/linux/binfmts.h `MAX_ARG_STRLEN`, which bounds a line that is given to `sh -c`.
const LONGEST_LINE: usize = 128 << 10;

/// Reads a docker command line; the word `docker` itself may be left out.
///
/// # Errors
/// What docker's client, daemon or manager would refuse whatever the state of the cluster, and what is not simulated.
pub fn parse(line: &str) -> Result<DockerCommand, LineError> {
    if line.len() > LONGEST_LINE {
        return Err(LineError::at(0..0, format!("a command line has at most {LONGEST_LINE} bytes")));
    }
    let mut words = words::split(line)?;
    if let Some((word, shell)) = words.iter().find_map(|word| Some((word, word.shell?))) {
        let (message, help) = match shell {
            Shell::Expansion => (
                "there is no shell here to replace what begins with `$` or a backquote",
                "write the value, or put it between single quotes",
            ),
            Shell::Operator => (
                "there is no shell here: a line is one docker command and nothing else",
                "give a second command an event of its own; put between quotes what belongs to the command",
            ),
        };
        return Err(LineError::at(word.columns.clone(), message).with_help(help));
    }
    if words.first().is_some_and(|word| word.text == "docker") {
        words.remove(0);
    }
    let line = grammar::parse(words)?;
    let action = Action::read(&line)?;
    let paths = match action {
        Action::Scale { .. } => vec!["deploy.replicas".to_owned()],
        _ => service::paths(&line),
    };
    Ok(DockerCommand { action, paths })
}

impl DockerCommand {
    /// The commands to the managers, in order; none for a stack that is deployed.
    ///
    /// # Errors
    /// A service, node or label that does not exist, a service to be created that does, and replicas of a global service.
    pub fn lower(&self, names: &mut dyn Names) -> Result<Vec<Command>, LineError> {
        match &self.action {
            Action::Create { name, image, is_global, change } => {
                let service = names.new_service(&name.text).map_err(|why| LineError::at(name.columns.clone(), why))?;
                let mut spec = ServiceSpec::replicated(names.image(&image.text), 1);
                spec_change::apply(change, &mut spec);
                if *is_global {
                    spec.mode = Mode::Global;
                }
                Ok(vec![Command::ServiceCreate { service, spec: Box::new(spec) }])
            }
            Action::Update { service: word, image, change } => {
                let service = find(word, names)?;
                if change.replicas.is_some() && names.is_global(service) {
                    let message = "replicas can only be used with replicated mode";
                    return Err(LineError::at(word.columns.clone(), message));
                }
                let image = image.as_ref().map(|image| names.image(&image.text));
                let change = Box::new(SpecChange { image, ..SpecChange::clone(change) });
                Ok(vec![Command::ServiceUpdate { service, change }])
            }
            Action::Rollback { service } => Ok(vec![Command::ServiceRollback { service: find(service, names)? }]),
            Action::Scale { replicas } => {
                replicas.iter().map(|(service, replicas)| scale(service, *replicas, names)).collect()
            }
            Action::Remove { services } => {
                services.iter().map(|service| Ok(Command::ServiceRemove { service: find(service, names)? })).collect()
            }
            // What it does stands in its files, and those are read by whoever has them.
            Action::DeployStack { .. } => Ok(Vec::new()),
            Action::RemoveStack { stacks } => {
                let services = stacks.iter().flat_map(|stack| names.services_of_stack(&stack.text));
                Ok(services.map(|service| Command::ServiceRemove { service }).collect())
            }
            Action::NodeUpdate { node, role, availability, label_add, label_rm } => {
                let node = find_node(node, names)?;
                let (label_add, label_rm) = labels(node, label_add, label_rm, names)?;
                let (role, availability) = (*role, *availability);
                Ok(vec![Command::NodeUpdate { node, role, availability, label_add, label_rm }])
            }
            Action::NodeRole { nodes, role } => nodes.iter().map(|node| set_role(node, *role, names)).collect(),
            Action::ForceNewCluster => Ok(vec![Command::ForceNewCluster]),
            Action::NodeRemove { nodes, force } => nodes
                .iter()
                .map(|node| Ok(Command::NodeRemove { node: find_node(node, names)?, force: *force }))
                .collect(),
        }
    }

    /// The stack that the line deploys, if it does.
    pub fn stack_deploy(&self) -> Option<StackDeploy<'_>> {
        let Action::DeployStack { name, files, prune } = &self.action else { return None };
        Some(StackDeploy { name, files, prune: *prune })
    }

    /// The fields of its services that the line sets, as paths in a service of a scenario: `deploy.replicas`,
    /// `deploy.update_config.monitor`, `healthcheck.interval`.
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// Bytes of the line that name an image, if it names one.
    pub fn image_columns(&self) -> Option<&Range<usize>> {
        match &self.action {
            Action::Create { image, .. } | Action::Update { image: Some(image), .. } => Some(&image.columns),
            _ => None,
        }
    }

    /// Names of the services that the line names, in order.
    pub fn services(&self) -> Vec<&str> {
        match &self.action {
            Action::Create { name: service, .. } | Action::Update { service, .. } | Action::Rollback { service } => {
                vec![&service.text]
            }
            Action::Scale { replicas } => replicas.iter().map(|(service, _)| service.text.as_str()).collect(),
            Action::Remove { services } => services.iter().map(|service| service.text.as_str()).collect(),
            Action::DeployStack { .. }
            | Action::RemoveStack { .. }
            | Action::NodeUpdate { .. }
            | Action::NodeRole { .. }
            | Action::NodeRemove { .. }
            | Action::ForceNewCluster => Vec::new(),
        }
    }
}

fn find(service: &Word, names: &mut dyn Names) -> Result<ServiceId, LineError> {
    let found = names.service(&service.text);
    found.ok_or_else(|| LineError::at(service.columns.clone(), format!("service {} not found", service.text)))
}

fn scale(word: &Word, replicas: u32, names: &mut dyn Names) -> Result<Command, LineError> {
    let service = find(word, names)?;
    if names.is_global(service) {
        let message = format!("{}: scale can only be used with replicated or replicated-job mode", word.text);
        return Err(LineError::at(word.columns.clone(), message));
    }
    let change = SpecChange { replicas: Some(replicas), ..SpecChange::default() };
    Ok(Command::ServiceUpdate { service, change: Box::new(change) })
}

fn set_role(node: &Word, role: Role, names: &mut dyn Names) -> Result<Command, LineError> {
    let (label_add, label_rm) = (Vec::new(), Vec::new());
    let node = find_node(node, names)?;
    Ok(Command::NodeUpdate { node, role: Some(role), availability: None, label_add, label_rm })
}

/// Labels of a node to set, and to take away. Docker sets before it takes away.
///
/// Source: cli: cli/command/node/update.go `mergeNodeUpdate`.
#[expect(clippy::type_complexity, reason = "a pair of lists")]
fn labels(
    node: NodeId,
    add: &[(String, String)],
    remove: &[Word],
    names: &dyn Names,
) -> Result<(Vec<(String, String)>, Vec<String>), LineError> {
    let is_there = |label: &str| names.has_label(node, label) || add.iter().any(|(added, _)| added == label);
    if let Some(label) = remove.iter().find(|label| !is_there(&label.text)) {
        let message = format!("key {} doesn't exist in node's labels", label.text);
        return Err(LineError::at(label.columns.clone(), message));
    }
    let remove: Vec<String> = remove.iter().map(|label| label.text.clone()).collect();
    let add = add.iter().filter(|(label, _)| !remove.contains(label)).cloned().collect();
    Ok((add, remove))
}

fn find_node(node: &Word, names: &mut dyn Names) -> Result<NodeId, LineError> {
    let found = names.node(&node.text);
    found.ok_or_else(|| LineError::at(node.columns.clone(), format!("node {} not found", node.text)))
}

#[cfg(test)]
mod tests;
