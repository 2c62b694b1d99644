//! `rollsim ps`, `service ls`, `node ls` and `stack ...`: what docker would print at an instant of a run.

use clap::{Args, Subcommand, ValueEnum};

use super::input::{self, Inputs, all_at_once, there_is};
use super::{Failure, Outcome, Terminal};
use crate::experiment;
use crate::kernel::{Span, Time};
use crate::model::ServiceId;
use crate::report::docker::inspect::ServiceDetails;
use crate::report::docker::views::TaskFilter;
use crate::report::docker::{Cluster, inspect, inspect_json, ls, node_ls, ps};
use crate::scenario::Loaded;
use crate::scenario::duration::parse_span;

/// Which cluster, and when.
#[derive(Debug, Args)]
pub(super) struct Moment {
    /// Scenario file (JSON or YAML) or stack file; `-` is standard input.
    #[arg(value_name = "SCENARIO")]
    scenario: String,
    /// The instant, from the start of the run, when all that happens at it has happened; without it, the end.
    #[arg(long, value_name = "TIME", value_parser = parse_span, allow_hyphen_values = true)]
    at: Option<Span>,
    #[command(flatten)]
    changes: input::Changes,
}

/// How to print rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Columns under their names.
    Table,
    /// An object a row, each on a line.
    Json,
}

/// `docker service ps`.
#[derive(Debug, Args)]
pub(super) struct Ps {
    #[command(flatten)]
    moment: Moment,
    /// Services by name or id; without any, all.
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    #[command(flatten)]
    tasks: Tasks,
}

/// Which tasks, and how to show them.
#[derive(Debug, Args)]
pub(super) struct Tasks {
    /// Show what is long whole.
    #[arg(long)]
    no_trunc: bool,
    /// Show only some tasks: desired-state=STATE, name=NAME, id=ID, node=NODE; may be repeated.
    #[arg(long, short, value_name = "FILTER")]
    filter: Vec<String>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// `docker service inspect`.
#[derive(Debug, Args)]
pub(super) struct Inspect {
    #[command(flatten)]
    moment: Moment,
    /// Services by name or id.
    #[arg(required = true, value_name = "SERVICE")]
    services: Vec<String>,
    /// Print it for people.
    #[arg(long)]
    pretty: bool,
}

/// Views that list things.
#[derive(Debug, Args)]
pub(super) struct Ls {
    #[command(flatten)]
    moment: Moment,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Subcommand)]
pub(super) enum Service {
    /// List services, as docker service ls does.
    Ls(Ls),
}

#[derive(Debug, Subcommand)]
pub(super) enum Node {
    /// List nodes, as docker node ls does.
    Ls(Ls),
}

#[derive(Debug, Subcommand)]
pub(super) enum Stack {
    /// List stacks, as docker stack ls does.
    Ls(Ls),
    /// List the tasks of a stack, as docker stack ps does.
    Ps {
        #[command(flatten)]
        moment: Moment,
        /// Its name.
        stack: String,
        #[command(flatten)]
        tasks: Tasks,
    },
    /// List the services of a stack, as docker stack services does.
    Services {
        #[command(flatten)]
        moment: Moment,
        /// Its name.
        stack: String,
        /// How to print it.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
}

pub(super) fn ps(options: &Ps, terminal: &Terminal) -> Result<Outcome, Failure> {
    options.moment.show(terminal, |cluster, at| {
        let mut wrong = Vec::new();
        let services = match options.services[..] {
            [] => cluster.services().collect(),
            _ => find(cluster, at, &options.services, &mut wrong),
        };
        options.tasks.print(cluster, at, &services, wrong, terminal)
    })
}

pub(super) fn inspect(options: &Inspect, terminal: &Terminal) -> Result<Outcome, Failure> {
    options.moment.show(terminal, |cluster, at| {
        let mut wrong = Vec::new();
        let services = find(cluster, at, &options.services, &mut wrong);
        all_at_once(&wrong)?;
        let details: Vec<ServiceDetails> =
            services.into_iter().filter_map(|service| cluster.details(service)).collect();
        terminal.result(&match options.pretty {
            true => details.iter().map(|service| inspect::pretty(service, at)).collect(),
            false => inspect_json::json(&details),
        })
    })
}

pub(super) fn service(command: &Service, terminal: &Terminal) -> Result<Outcome, Failure> {
    let Service::Ls(Ls { moment, format }) = command;
    moment.show(terminal, |cluster, _| {
        print_services(cluster, &cluster.services().collect::<Vec<_>>(), *format, terminal)
    })
}

pub(super) fn node(command: &Node, terminal: &Terminal) -> Result<Outcome, Failure> {
    let Node::Ls(Ls { moment, format }) = command;
    moment.show(terminal, |cluster, _| {
        let rows = cluster.node_rows();
        terminal.result(&match format {
            _ if terminal.is_quiet() => node_ls::ids(&rows),
            Format::Table => node_ls::table(&rows),
            Format::Json => node_ls::json(&rows),
        })
    })
}

pub(super) fn stack(command: &Stack, terminal: &Terminal) -> Result<Outcome, Failure> {
    match command {
        Stack::Ls(Ls { moment, format }) => moment.show(terminal, |cluster, _| {
            let (rows, release) = (cluster.stack_rows(), cluster.release());
            terminal.result(&match format {
                Format::Table => ls::stacks(&rows, release),
                Format::Json => ls::stacks_json(&rows, release),
            })
        }),
        Stack::Ps { moment, stack, tasks } => moment.show(terminal, |cluster, at| {
            let services = cluster.services_of_stack(stack);
            let nothing = services.is_empty().then(|| format!("error: nothing found in stack: {stack}"));
            tasks.print(cluster, at, &services, nothing.into_iter().collect(), terminal)
        }),
        Stack::Services { moment, stack, format } => moment.show(terminal, |cluster, _| {
            let services = cluster.services_of_stack(stack);
            if services.is_empty() {
                terminal.note(&format!("Nothing found in stack: {stack}"));
                return Ok(());
            }
            print_services(cluster, &services, *format, terminal)
        }),
    }
}

impl Moment {
    /// Runs the scenario up to the instant and shows what the store says then.
    fn show(
        &self,
        terminal: &Terminal,
        show: impl FnOnce(&Cluster<'_>, Time) -> Result<(), Failure>,
    ) -> Result<Outcome, Failure> {
        let mut inputs = Inputs::new(&self.changes, terminal);
        let loaded = inputs.scenario(&self.scenario)?;
        inputs.finish()?;
        let Some(Loaded { plan, warnings, .. }) = loaded else { return Ok(Outcome::Done) };
        terminal.warnings(&warnings);
        let at = self.at.map(|at| Time::ZERO + at);
        let (cluster, at) = experiment::observe_until(&plan, at, Cluster::new(&plan)).map_err(|end| {
            let end = end - Time::ZERO;
            Failure::Input(format!("error: --at is after the end of the run, which is at {end}"))
        })?;
        if !cluster.is_led() {
            terminal.note(
                "note: nobody leads the swarm at that moment, so that docker would only say that it does not have a leader; \
                 this is what was stored last",
            );
        }
        show(&cluster, at)?;
        Ok(Outcome::Done)
    }
}

impl Tasks {
    /// Prints the tasks of services, unless something is wrong already or with the filters.
    fn print(
        &self,
        cluster: &Cluster<'_>,
        at: Time,
        services: &[ServiceId],
        mut wrong: Vec<String>,
        terminal: &Terminal,
    ) -> Result<(), Failure> {
        let mut filter = TaskFilter::default();
        for text in &self.filter {
            wrong.extend(filter.add(text).err().map(|why| format!("error: --filter: {why}")));
        }
        all_at_once(&wrong)?;
        let rows = cluster.task_rows(at, services, &filter);
        terminal.result(&match self.format {
            _ if terminal.is_quiet() => ps::ids(&rows),
            Format::Table => ps::table(&rows, self.no_trunc),
            Format::Json => ps::json(&rows, self.no_trunc),
        })
    }
}

fn print_services(
    cluster: &Cluster<'_>,
    services: &[ServiceId],
    format: Format,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let rows = cluster.service_rows(services);
    terminal.result(&match format {
        _ if terminal.is_quiet() => ls::service_ids(&rows),
        Format::Table => ls::services(&rows),
        Format::Json => ls::services_json(&rows),
    })
}

/// The services that arguments name; what is wrong with the names is added to the rest.
fn find(cluster: &Cluster<'_>, at: Time, names: &[String], wrong: &mut Vec<String>) -> Vec<ServiceId> {
    let mut services = Vec::new();
    for name in names {
        match cluster.service(name) {
            Some(service) => services.push(service),
            None => {
                let known = there_is(cluster.services().map(|service| cluster.name(service)));
                wrong.push(format!("error: no such service: {name} (at {} {known})", at - Time::ZERO));
            }
        }
    }
    services
}
