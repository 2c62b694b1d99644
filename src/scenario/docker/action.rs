//! The commands that rollsim understands, made of what clap found.

use super::LineError;
use super::flags::{self, On};
use super::grammar::Parsed;
use super::words::Word;
use super::{service, values};
use crate::model::command::SpecChange;
use crate::model::node::{Availability, Role};
use crate::scenario::read::instead_of;

/// What a line does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// `docker service create`
    Create { name: Word, image: Word, is_global: bool, change: Box<SpecChange> },
    /// `docker service update`
    Update { service: Word, image: Option<Word>, change: Box<SpecChange> },
    /// `docker service rollback`, `docker service update --rollback`
    Rollback { service: Word },
    /// `docker service scale`
    Scale { replicas: Vec<(Word, u32)> },
    /// `docker service rm`
    Remove { services: Vec<Word> },
    /// `docker stack deploy`
    DeployStack { name: Word, files: Vec<Word>, prune: bool },
    /// `docker stack rm`
    RemoveStack { stacks: Vec<Word> },
    /// `docker node update`
    NodeUpdate {
        node: Word,
        role: Option<Role>,
        availability: Option<Availability>,
        label_add: Vec<(String, String)>,
        label_rm: Vec<Word>,
    },
    /// `docker node promote`, `docker node demote`
    NodeRole { nodes: Vec<Word>, role: Role },
    /// `docker node rm`
    NodeRemove { nodes: Vec<Word>, force: bool },
    /// `docker swarm init --force-new-cluster`
    ForceNewCluster,
}

impl Action {
    /// What the line does.
    pub(super) fn read(line: &Parsed) -> Result<Action, LineError> {
        match line.command {
            ["service", "create"] => create(line),
            ["service", "update"] => update(line),
            ["service", "rollback"] => Ok(Action::Rollback { service: exactly_one(line)? }),
            ["service", "scale"] => scale(line),
            ["service", "rm"] => Ok(Action::Remove { services: at_least_one(line)? }),
            ["stack", "deploy"] => deploy_stack(line),
            ["stack", "rm"] => Ok(Action::RemoveStack { stacks: at_least_one(line)? }),
            ["node", "update"] => update_node(line),
            ["node", "promote"] => Ok(Action::NodeRole { nodes: at_least_one(line)?, role: Role::Manager }),
            ["node", "demote"] => Ok(Action::NodeRole { nodes: at_least_one(line)?, role: Role::Worker }),
            ["swarm", "init"] => init_swarm(line),
            ["node", "rm"] => Ok(Action::NodeRemove {
                nodes: at_least_one(line)?,
                force: line.value("force", values::boolean)?.unwrap_or(false),
            }),
            _ => Err(unsupported(LineError::at(line.columns(), format!("{} is not simulated yet", line.name())))),
        }
    }
}

pub(super) fn unsupported(error: LineError) -> LineError {
    LineError { unsupported: true, ..error }
}

fn create(line: &Parsed) -> Result<Action, LineError> {
    let mut arguments = at_least_one(line)?;
    let container = arguments.split_off(1);
    let image = arguments.remove(0);
    let is_global = is_global(line)?;
    let mut change = service::change(line, On::Create)?;
    service::check_endpoint(line, &change)?;
    // `create` sends this switch even if it is not given, so that a later `--init=false` changes nothing.
    change.edits.insert(0, flags::setting("init", "false"));
    let container: Vec<String> = container.into_iter().map(|word| word.text).collect();
    change.edits.push(flags::words_setting("args", &container));
    values::check_image(&image.text).map_err(|why| LineError::at(image.columns.clone(), why))?;
    Ok(Action::Create { name: service_name(line)?, image, is_global, change: Box::new(change) })
}

/// Docker invents a name if there is none; we need one to report on.
fn service_name(line: &Parsed) -> Result<Word, LineError> {
    let Some(name) = line.word("name") else {
        let error = LineError::at(line.columns(), "the service has no name");
        return Err(error.with_help("add `--name NAME`: docker would invent one"));
    };
    values::check_service_name(&name.text).map_err(|why| LineError::at(name.columns.clone(), why))?;
    Ok(name)
}

/// Whether the service is global; jobs are refused.
///
/// Source: cli: cli/command/service/opts.go `ToServiceMode`.
fn is_global(line: &Parsed) -> Result<bool, LineError> {
    let mode = line.word("mode");
    let mode = mode.as_ref().map_or("replicated", |mode| mode.text.as_str());
    if line.has("replicas") && mode.starts_with("global") {
        return Err(line.refuse("replicas", "replicas can only be used with replicated or replicated-job mode"));
    }
    if line.has("max-concurrent") && mode != "replicated-job" {
        return Err(line.refuse("max-concurrent", "max-concurrent can only be used with replicated-job mode"));
    }
    match mode {
        "replicated" => Ok(false),
        "global" => Ok(true),
        "replicated-job" | "global-job" => Err(unsupported(line.refuse("mode", "jobs are not simulated"))),
        _ => Err(line.refuse("mode", format!("unknown mode: {mode}, only replicated and global supported"))),
    }
}

fn update(line: &Parsed) -> Result<Action, LineError> {
    let service = exactly_one(line)?;
    if line.value("rollback", values::boolean)? == Some(true) {
        let free = ["rollback", "detach", "quiet"];
        if let Some(other) = flags::all().find(|flag| line.has(flag.name) && !free.contains(&flag.name)) {
            return Err(line.refuse(other.name, "other flags may not be combined with --rollback"));
        }
        return Ok(Action::Rollback { service });
    }
    let change = Box::new(service::change(line, On::Update)?);
    let image = line.word("image");
    if let Some(image) = &image {
        values::check_image(&image.text).map_err(|why| LineError::at(image.columns.clone(), why))?;
    }
    Ok(Action::Update { service, image, change })
}

/// Source: cli: cli/command/stack/{common,deploy}.go.
fn deploy_stack(line: &Parsed) -> Result<Action, LineError> {
    let name = exactly_one(line)?;
    if name.text.trim().is_empty() || name.text.contains(|c: char| c.is_whitespace() || c == '\'' || c == '"') {
        return Err(LineError::at(name.columns, format!("invalid stack name: {:?}", name.text)));
    }
    let resolve =
        line.word("resolve-image").filter(|word| !["always", "changed", "never"].contains(&word.text.as_str()));
    if let Some(word) = resolve {
        return Err(LineError::at(word.columns, format!("invalid option {} for flag --resolve-image", word.text)));
    }
    let files = line.words("compose-file").into_iter().flat_map(|word| {
        let files: Vec<String> = word.text.split(',').map(str::to_owned).collect();
        files.into_iter().map(move |text| Word { text, ..word.clone() })
    });
    let files: Vec<Word> = files.collect();
    if files.is_empty() {
        return Err(LineError::at(line.columns(), "specify a Compose file (with --compose-file)"));
    }
    Ok(Action::DeployStack { name, files, prune: line.value("prune", values::boolean)?.unwrap_or(false) })
}

/// Source: cli: cli/command/node/update.go; moby: daemon/cluster/convert/node.go `NodeSpecToGRPC`.
fn update_node(line: &Parsed) -> Result<Action, LineError> {
    let node = exactly_one(line)?;
    let availabilities =
        [("active", Availability::Active), ("pause", Availability::Pause), ("drain", Availability::Drain)];
    let availability = line.word("availability").map(|word| one_of(word, "Availability", &availabilities));
    let roles = [("worker", Role::Worker), ("manager", Role::Manager)];
    let role = line.word("role").map(|word| one_of(word, "Role", &roles));
    Ok(Action::NodeUpdate {
        node,
        role: role.transpose()?,
        availability: availability.transpose()?,
        label_add: line.values("label-add", values::label)?,
        label_rm: line.words("label-rm"),
    })
}

/// What a word stands for, in whatever case. `what`: docker's name for it.
fn one_of<T: Copy>(word: Word, what: &str, known: &[(&str, T)]) -> Result<T, LineError> {
    let lower = word.text.to_ascii_lowercase();
    if let Some((_, value)) = known.iter().find(|(name, _)| *name == lower) {
        return Ok(*value);
    }
    let error = LineError::at(word.columns, format!("invalid {what}: {:?}", word.text));
    Err(error.with_help(instead_of(&lower, known.iter().map(|(name, _)| *name))))
}

/// A cluster there is: a new one can only be forced.
///
/// Source: moby: daemon/cluster/swarm.go `Init`.
fn init_swarm(line: &Parsed) -> Result<Action, LineError> {
    if let Some(argument) = line.arguments().first() {
        return Err(LineError::at(argument.columns.clone(), "'docker swarm init' accepts no arguments"));
    }
    if line.value("force-new-cluster", values::boolean)? == Some(true) {
        return Ok(Action::ForceNewCluster);
    }
    let message =
        "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and join another one.";
    Err(LineError::at(line.columns(), message)
        .with_help("`--force-new-cluster` makes a new one of the managers that are left"))
}

/// `SERVICE=REPLICAS ...`. Source: cli: cli/command/service/scale.go.
fn scale(line: &Parsed) -> Result<Action, LineError> {
    let replicas = at_least_one(line)?.into_iter().map(|word| {
        let parts = word.text.split_once('=').filter(|(name, number)| !name.is_empty() && !number.is_empty());
        let Some((name, number)) = parts else {
            let error = LineError::at(word.columns, format!("invalid scale specifier '{}'", word.text));
            return Err(error.with_help("write `SERVICE=REPLICAS`"));
        };
        let replicas = values::decimal(number).map_err(|why| {
            LineError::at(word.columns.clone(), format!("{name}: invalid replicas value {number}: {why}"))
        })?;
        let replicas = values::replicas(replicas)
            .map_err(|why| LineError { unsupported: true, ..LineError::at(word.columns.clone(), why) })?;
        Ok((Word { text: name.to_owned(), ..word.clone() }, replicas))
    });
    Ok(Action::Scale { replicas: replicas.collect::<Result<_, _>>()? })
}

/// Source: cli: cli/required.go `ExactArgs`.
fn exactly_one(line: &Parsed) -> Result<Word, LineError> {
    let mut arguments = line.arguments();
    match (arguments.pop(), arguments.is_empty()) {
        (Some(argument), true) => Ok(argument),
        _ => Err(LineError::at(line.columns(), format!("'{}' requires 1 argument", line.name()))),
    }
}

/// Source: cli: cli/required.go `RequiresMinArgs`.
fn at_least_one(line: &Parsed) -> Result<Vec<Word>, LineError> {
    let arguments = line.arguments();
    if arguments.is_empty() {
        return Err(LineError::at(line.columns(), format!("'{}' requires at least 1 argument", line.name())));
    }
    Ok(arguments)
}
