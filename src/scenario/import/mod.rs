//! Makes a scenario of what docker prints of a real cluster.

mod docker;
mod fit;
mod timestamp;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::diag::SourceFile;
use crate::kernel::Span;

use docker::{InspectedNode, InspectedService, InspectedTask, ListedTask};
use fit::{Fit, Tasks};

/// A scenario of a cluster as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The scenario, as JSON with a line break at its end.
    pub text: String,
    /// What could not be taken over, and what was assumed.
    pub notes: Vec<String>,
}

/// Why there is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file that docker did not print.
    #[error("`{file}` is not what docker prints: {error}")]
    NotDocker {
        /// Name of the file.
        file: String,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// Nothing to import.
    #[error("there is no service in `{0}`")]
    NoService(String),
}

/// Makes a scenario of what `docker service inspect` (`services`), the tasks API or `docker service ps --format json` (`tasks`)
/// and `docker node inspect` (`nodes`) print.
///
/// Taken over is what changes a run; the environment, mounts and the like are left out.
///
/// # Errors
/// What is not what docker prints.
pub fn import(
    services: &SourceFile,
    tasks: Option<&SourceFile>,
    nodes: Option<&SourceFile>,
) -> Result<Imported, ImportError> {
    let mut notes = Vec::new();
    let file = services;
    let services: Vec<InspectedService> = read(file)?;
    if services.is_empty() {
        return Err(ImportError::NoService(file.name.clone()));
    }
    let cluster = nodes.map(read).transpose()?.map(|nodes| cluster(&nodes, &mut notes));
    let tasks = tasks.map(|tasks| read_tasks(tasks, &mut notes)).transpose()?.unwrap_or_default();
    let mut scenario = Map::from_iter([("rollsim".to_owned(), json!(super::schema::FORMAT))]);
    scenario.insert("about".to_owned(), "a cluster as docker described it".into());
    scenario.extend(cluster.map(|cluster| ("cluster".to_owned(), cluster)));
    let images = images(&services, &tasks, &mut notes);
    if !images.is_empty() {
        scenario.insert("images".to_owned(), images.into());
    }
    let services = services.iter().map(|service| (service.spec.name.clone(), service.spec.to_compose()));
    scenario.insert("services".to_owned(), Value::Object(services.collect()));
    let text = serde_json::to_string_pretty(&Value::Object(scenario)).expect("a tree of texts can be written");
    Ok(Imported { text: text + "\n", notes })
}

/// A list of objects, or objects that follow one another.
fn read<T: DeserializeOwned>(file: &SourceFile) -> Result<Vec<T>, ImportError> {
    let read = if file.text.trim_start().starts_with('[') {
        serde_json::from_str(&file.text)
    } else {
        serde_json::Deserializer::from_str(&file.text).into_iter().collect()
    };
    read.map_err(|error| ImportError::NotDocker { file: file.name.clone(), error })
}

/// The tasks of the API. Those that `docker service ps` lists tell no instants.
fn read_tasks(file: &SourceFile, notes: &mut Vec<String>) -> Result<Vec<InspectedTask>, ImportError> {
    let objects: Vec<Value> = read(file)?;
    if !objects.iter().any(|object| object.get("CurrentState").is_some()) {
        return read(file);
    }
    let listed: Vec<ListedTask> = read(file)?;
    let failed = listed.iter().filter(|task| !task.error.is_empty()).count();
    notes.push(format!(
        "`docker service ps` tells no instants, so the times of images are assumed; {failed} of {} tasks failed. `docker inspect \
         $(docker service ps -q SERVICE)` tells more",
        listed.len()
    ));
    Ok(Vec::new())
}

/// The nodes that are there, by name.
fn cluster(inspected: &[InspectedNode], notes: &mut Vec<String>) -> Value {
    let mut nodes = Map::new();
    for node in inspected {
        if node.status.state != "ready" {
            notes.push(format!("node `{}` is {} and left out", node.description.hostname, node.status.state));
            continue;
        }
        let hostname = &node.description.hostname;
        let name = if nodes.contains_key(hostname) { format!("{hostname}-{}", node.id) } else { hostname.clone() };
        nodes.insert(name, node.to_scenario());
    }
    json!({ "nodes": nodes })
}

/// The images of the services with times fitted from the history of their tasks.
fn images(services: &[InspectedService], tasks: &[InspectedTask], notes: &mut Vec<String>) -> Map<String, Value> {
    let mut fits: BTreeMap<String, Fit> = BTreeMap::new();
    for service in services {
        fits.entry(service.spec.image()).or_default();
        Tasks::of(service, tasks).fit_into(&mut fits);
    }
    let mut images = Map::new();
    for (image, fit) in &fits {
        if !fit.is_empty() {
            images.insert(image.clone(), fit.to_image());
        } else if !tasks.is_empty() {
            notes.push(format!("no task of `{image}` shows how long it takes: its times are assumed"));
        }
    }
    images
}

/// Docker's number of nanoseconds; negative ones are none.
fn span(nanos: i64) -> Span {
    Span::from_nanos(u64::try_from(nanos).unwrap_or(0))
}
