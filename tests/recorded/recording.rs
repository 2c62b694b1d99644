//! A recording, as its file has it. Only what the adapter reads and what is compared.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A scripted scenario on a real swarm. All times are seconds since the start of the run.
#[derive(Debug, Deserialize)]
pub struct Recording {
    pub scenario: String,
    pub cluster: Cluster,
    /// What each image does, in words.
    pub images: BTreeMap<String, String>,
    pub actions: Vec<Action>,
    pub update_status: Vec<UpdateStatus>,
    pub nodes: Vec<NodeStatus>,
    pub tasks: Vec<Task>,
    pub container_events: Vec<ContainerEvent>,
    /// Time and answer of each request of the client.
    #[serde(default)]
    pub requests: Vec<(f64, String)>,
}

#[derive(Debug, Deserialize)]
pub struct Cluster {
    pub nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
pub struct Node {
    pub name: String,
    pub role: String,
    pub availability: String,
}

/// A command, or what was done to a node.
#[derive(Debug, Deserialize)]
pub struct Action {
    pub t: f64,
    pub t_done: Option<f64>,
    #[serde(default)]
    pub argv: Vec<String>,
    #[serde(rename = "do")]
    pub fault: Option<String>,
    pub node: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct UpdateStatus {
    pub service: String,
    pub updated_at: Option<f64>,
    pub state: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct NodeStatus {
    pub updated_at: f64,
    pub node: String,
    pub state: String,
}

#[derive(Debug, Deserialize)]
pub struct Task {
    pub n: u32,
    pub service: String,
    pub image: String,
    pub created_at: f64,
    /// What the manager stored that an agent or the scheduler did.
    pub manager_log: Vec<Logged>,
    /// What the API showed.
    pub history: Vec<Shown>,
    /// What the node did.
    pub agent_log: Vec<Logged>,
}

/// An entry of a log; without a state it is an assignment.
#[derive(Debug, Deserialize)]
pub struct Logged {
    pub t: f64,
    pub state: Option<String>,
}

/// A status as the API showed it.
#[derive(Debug, Deserialize)]
pub struct Shown {
    pub t: f64,
    pub state: String,
}

#[derive(Debug, Deserialize)]
pub struct ContainerEvent {
    pub t: f64,
    pub action: String,
    pub n: Option<u32>,
}

impl Action {
    /// When the managers heard of it: somewhere while the client ran.
    pub fn at(&self) -> f64 {
        (self.t + self.t_done.unwrap_or(self.t)) / 2.0
    }
}

impl Recording {
    /// The last instant that anything is known of.
    pub fn end(&self) -> f64 {
        let logged = self.tasks.iter().flat_map(|task| &task.manager_log).map(|logged| logged.t);
        logged.chain(self.actions.iter().map(Action::at)).fold(0.0, f64::max)
    }

    /// Whether it matters which node is which: something is done to one of them.
    pub fn names_nodes(&self) -> bool {
        let is_named = |word: &str| self.cluster.nodes.iter().any(|node| word.contains(&node.name));
        self.actions.iter().any(|action| action.node.is_some() || action.argv.iter().any(|word| is_named(word)))
    }

    /// When this happened first to the container of a task.
    pub fn container_event(&self, task: &Task, action: &str) -> Option<f64> {
        let mut own = self.container_events.iter().filter(|event| event.n == Some(task.n) && event.action == action);
        own.next().map(|event| event.t)
    }
}

impl Task {
    /// When the node reached this state.
    pub fn reached(&self, state: &str) -> Option<f64> {
        self.agent_log.iter().find(|logged| logged.state.as_deref() == Some(state)).map(|logged| logged.t)
    }
}
