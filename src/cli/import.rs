//! `rollsim import`: a scenario of what docker prints of a cluster.

use clap::Args;

use super::input::{self, Inputs};
use super::{Failure, Outcome, Terminal};
use crate::scenario::import::import;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// What `docker service inspect $(docker service ls -q)` prints.
    #[arg(long, value_name = "FILE")]
    services: String,
    /// What the tasks API, `docker inspect $(docker service ps -q SERVICE)` or `docker service ps --format json` prints.
    #[arg(long, value_name = "FILE")]
    tasks: Option<String>,
    /// What `docker node inspect $(docker node ls -q)` prints.
    #[arg(long, value_name = "FILE")]
    nodes: Option<String>,
}

pub(super) fn run(options: &Options, terminal: &Terminal) -> Result<Outcome, Failure> {
    let changes = input::Changes::default();
    let mut inputs = Inputs::new(&changes, terminal);
    let mut read = |path: Option<&String>| path.map_or(Ok(None), |path| inputs.read(path));
    let files = [Some(&options.services), options.tasks.as_ref(), options.nodes.as_ref()];
    let [services, tasks, nodes] = files.map(&mut read);
    let (services, tasks, nodes) = (services?, tasks?, nodes?);
    inputs.finish()?;
    let Some(services) = services else { return Ok(Outcome::Done) };
    let imported = import(&services, tasks.as_ref(), nodes.as_ref());
    let imported = imported.map_err(|error| Failure::Input(format!("error: {error}")))?;
    for note in &imported.notes {
        terminal.note(&format!("note: {note}"));
    }
    terminal.result(&imported.text)?;
    Ok(Outcome::Done)
}
