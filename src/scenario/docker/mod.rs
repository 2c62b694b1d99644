//! Docker's command line: reads a line as a user would paste it and turns it into commands to the managers.
//!
//! `words` splits the line, `grammar` lets clap find out what is what, `flags` is the table of flags, `values` and `ports`
//! read single values, `service` makes the change of a specification, `action` the whole command. What docker's client, daemon or manager would refuse
//! without looking at the cluster is refused here, in their words.

mod action;
pub(in crate::scenario) mod flags;
mod grammar;
pub(in crate::scenario) mod ports;
mod service;
pub(in crate::scenario) mod values;
mod words;

use std::ops::Range;

use crate::model::command::{Command, SpecChange};
use crate::model::service::ServiceSpec;
use crate::model::spec_change;
use crate::model::{ImageId, ServiceId};
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

/// The services and images that a scenario knows, at the place of the line in its timeline.
pub trait Names {
    /// The service of this name, if it exists.
    fn service(&mut self, name: &str) -> Option<ServiceId>;

    /// A new service of this name.
    ///
    /// # Errors
    /// Why there cannot be one, in docker's words if it is docker that refuses.
    fn new_service(&mut self, name: &str) -> Result<ServiceId, String>;

    /// The image of this reference.
    fn image(&mut self, reference: &str) -> ImageId;

    /// The services of a stack that exist: those whose names begin with the stack's and `_`.
    fn services_of_stack(&mut self, stack: &str) -> Vec<ServiceId>;
}

/// A docker command line that rollsim understands.
#[derive(Clone, Debug, PartialEq)]
pub struct DockerCommand {
    action: Action,
    paths: Vec<String>,
}

/// Reads a docker command line; the word `docker` itself may be left out.
///
/// # Errors
/// What docker's client, daemon or manager would refuse whatever the state of the cluster, and what is not simulated.
pub fn parse(line: &str) -> Result<DockerCommand, LineError> {
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
    /// The commands to the managers, in order.
    ///
    /// # Errors
    /// A service that does not exist, or one to be created that does.
    pub fn lower(&self, names: &mut dyn Names) -> Result<Vec<Command>, LineError> {
        match &self.action {
            Action::Create { name, image, change } => {
                let service = names.new_service(&name.text).map_err(|why| LineError::at(name.columns.clone(), why))?;
                let mut spec = ServiceSpec::replicated(names.image(&image.text), 1);
                spec_change::apply(change, &mut spec);
                Ok(vec![Command::ServiceCreate { service, spec: Box::new(spec) }])
            }
            Action::Update { service, image, change } => {
                let service = find(service, names)?;
                let image = image.as_ref().map(|image| names.image(&image.text));
                let change = Box::new(SpecChange { image, ..SpecChange::clone(change) });
                Ok(vec![Command::ServiceUpdate { service, change }])
            }
            Action::Rollback { service } => Ok(vec![Command::ServiceRollback { service: find(service, names)? }]),
            Action::Scale { replicas } => replicas
                .iter()
                .map(|(service, replicas)| {
                    let change = SpecChange { replicas: Some(*replicas), ..SpecChange::default() };
                    Ok(Command::ServiceUpdate { service: find(service, names)?, change: Box::new(change) })
                })
                .collect(),
            Action::Remove { services } => {
                services.iter().map(|service| Ok(Command::ServiceRemove { service: find(service, names)? })).collect()
            }
            Action::RemoveStack { stacks } => {
                let services = stacks.iter().flat_map(|stack| names.services_of_stack(&stack.text));
                Ok(services.map(|service| Command::ServiceRemove { service }).collect())
            }
        }
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
            Action::RemoveStack { .. } => Vec::new(),
        }
    }
}

fn find(service: &Word, names: &mut dyn Names) -> Result<ServiceId, LineError> {
    let found = names.service(&service.text);
    found.ok_or_else(|| LineError::at(service.columns.clone(), format!("service {} not found", service.text)))
}

#[cfg(test)]
mod tests;
