//! The stacks of a scenario: those that are there at time 0, and those that its timeline deploys.

use crate::diag::{Code, Diagnostic};
use crate::model::command::Command;
use crate::model::service::Mode;

use super::compose::Service;
use super::docker::values::LONGEST_NAME;
use super::docker::{Names as _, StackDeploy};
use super::files::Outside;
use super::lower::Names;
use super::read::{Problems, Read};
use super::source::{Entry, Node, Spanned, Value, lay_over};
use super::stack::{self, Stack};
use super::timeline::within;

/// What the stack files of a scenario are read with.
pub(super) struct Stacks<'a> {
    /// Folder of the scenario, which their paths are relative to.
    pub(super) folder: &'a str,
    /// Files and variables.
    pub(super) outside: &'a Outside<'a>,
    /// Whether the services of the stack that the scenario begins with are not known, because of an error.
    pub(super) failed: bool,
}

impl Stacks<'_> {
    /// Puts the services of a scenario's `stack` among its own.
    pub(super) fn expand(&mut self, root: &mut Node, problems: &mut Problems) {
        let Some(node) = root.get("stack").cloned() else { return };
        let services = Stack::read(&node, problems).and_then(|stack| {
            let files = stack.read_files(self.folder, self.outside, problems)?;
            stack::load(&stack.name, &files, self.outside, problems)
        });
        match services {
            Some(services) => add_services(root, services, problems),
            None => self.failed = true,
        }
    }

    /// The commands that deploy a stack: services that exist are updated, even if nothing changes, all others created.
    ///
    /// Source: cli: cli/command/stack/deploy_composefile.go `deployServices` (cli-and-compose b.5).
    pub(super) fn deploy(
        &self,
        deploy: &StackDeploy<'_>,
        run: &Spanned<String>,
        names: &mut Names,
        problems: &mut Problems,
    ) -> Vec<Command> {
        let at = |(text, columns): (&str, _)| Spanned { value: text.to_owned(), place: within(run, columns) };
        let stack = Stack { name: at(deploy.name()), files: deploy.files().map(at).collect() };
        let files = stack.read_files(self.folder, self.outside, problems);
        let Some(services) = files.and_then(|files| stack::load(&stack.name, &files, self.outside, problems)) else {
            names.expect_others();
            return Vec::new();
        };
        let mut commands = Vec::new();
        let mut kept = Vec::new();
        for Entry { key, value } in &services {
            let Some(service) = Service::read(value, problems) else { continue };
            let spec = Box::new(names.spec(&service, problems));
            match names.existing(&key.value) {
                Some((_, is_global)) if is_global != (spec.mode == Mode::Global) => {
                    let message = format!("failed to update service {}: service mode change is not allowed", key.value);
                    problems.push(Diagnostic::new(Code::Conflict, &key.place, message));
                }
                Some((service, _)) => {
                    kept.push(service);
                    commands.push(Command::ServiceDeploy { service, spec });
                }
                None => match names.new_service(&key.value) {
                    Ok(service) => {
                        kept.push(service);
                        commands.push(Command::ServiceCreate { service, spec });
                    }
                    Err(why) => problems.push(Diagnostic::new(Code::NotSimulated, &stack.name.place, why)),
                },
            }
        }
        if deploy.prune {
            let others =
                names.services_of_stack(&stack.name.value).into_iter().filter(|service| !kept.contains(service));
            let removed: Vec<Command> = others.map(|service| Command::ServiceRemove { service }).collect();
            commands.splice(0..0, removed);
        }
        commands
    }
}

/// Whether a service of a stack, of this full name, is `name` within its stack.
pub(super) fn has_short_name(full: &str, name: &str) -> bool {
    full.strip_suffix(name).is_some_and(|stack| stack.len() > 1 && stack.ends_with('_'))
}

/// All names that a service of a stack, of this full name, may have within its stack; none of one that is refused for its length.
pub(super) fn short_names(full: &str) -> impl Iterator<Item = &str> {
    let full = if full.len() > LONGEST_NAME { "" } else { full };
    full.match_indices('_').filter(|(at, _)| *at > 0).map(|(at, _)| &full[at + 1..])
}

/// Adds services to those of a scenario, and takes its `stack` away.
pub(super) fn add_services(root: &mut Node, stack: Vec<Entry>, problems: &mut Problems) {
    let Value::Map(entries) = &mut root.value else { return };
    let place = root.place.clone();
    entries.retain(|entry| entry.key.value != "stack");
    if !entries.iter().any(|entry| entry.key.value == "services") {
        entries.push(Entry::new("services", Node { value: Value::Map(Vec::new()), place }));
    }
    let services = entries.iter_mut().find(|entry| entry.key.value == "services");
    let Some(Value::Map(services)) = services.map(|entry| &mut entry.value.value) else { return };
    lay_over(services, stack, |own, _| {
        let message = format!("the stack has a service {} too", own.key.value);
        problems.push(Diagnostic::new(Code::ServiceExists, &own.key.place, message));
    });
}
