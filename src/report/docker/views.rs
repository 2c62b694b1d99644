//! Rows of docker's tables, made of what the store says at an instant.

use std::rc::Rc;

use super::Cluster;
use super::cluster::{Status, Task};
use super::inspect::{ServiceDetails, StatusDetails};
use super::ls::{ServiceRow, StackRow};
use super::node_ls::NodeRow;
use super::progress::{Polled, PolledTask};
use super::ps::{self, TaskRow};
use super::release::{self, Release};
use super::words::tagged_image;
use crate::kernel::Time;
use crate::model::ServiceId;
use crate::model::node::NodeState;
use crate::model::service::{Mode, PublishMode, ServiceSpec};
use crate::model::task::{Slot, TaskError, TaskState};

/// The label that docker gives to the services of a stack, with the stack's name.
///
/// Source: cli: cli/compose/convert/compose.go `LabelNamespace`.
const STACK: &str = "com.docker.stack.namespace";

/// Which tasks to show: of each key that is used, one value must fit.
///
/// Source: moby: daemon/cluster/filters.go `newListTasksFilters` (cli-and-compose a.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    desired: Vec<TaskState>,
    /// Beginnings of names.
    names: Vec<String>,
    /// Beginnings of ids.
    ids: Vec<String>,
    /// Hostnames, or beginnings of ids.
    nodes: Vec<String>,
}

impl TaskFilter {
    /// Adds a filter such as `desired-state=running`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let (key, value) =
            text.split_once('=').ok_or_else(|| format!("invalid argument \"{text}\": expected name=value"))?;
        let value = value.trim().to_owned();
        match key.trim().to_lowercase().as_str() {
            "desired-state" => {
                let known = TaskState::ALL.into_iter().find(|state| state.name().eq_ignore_ascii_case(&value));
                self.desired.push(known.ok_or_else(|| format!("invalid task state: '{value}'"))?);
            }
            "name" => self.names.push(value),
            "id" => self.ids.push(value),
            "node" => self.nodes.push(value),
            other => return Err(format!("invalid filter '{other}': expected desired-state, id, name or node")),
        }
        Ok(())
    }

    fn fits(&self, row: &TaskRow, node_id: Option<&str>) -> bool {
        let is_named = |name: &String| format!("{}.{}", row.name, row.id).starts_with(name);
        let is_on = |node: &String| row.node == *node || node_id.is_some_and(|id| id.starts_with(node));
        (self.desired.is_empty() || self.desired.contains(&row.desired))
            && (self.names.is_empty() || self.names.iter().any(is_named))
            && (self.ids.is_empty() || self.ids.iter().any(|id| row.id.starts_with(id)))
            && (self.nodes.is_empty() || self.nodes.iter().any(is_on))
    }
}

impl Cluster<'_> {
    /// The words of the release that the cluster runs.
    pub fn release(&self) -> &'static Release {
        release::of(self.plan.engine)
    }

    /// Services that there are, in the order of their ids.
    pub fn services(&self) -> impl Iterator<Item = ServiceId> {
        self.services.iter().filter(|(_, service)| service.is_some()).map(|(id, _)| id)
    }

    /// The service of this name, or whose id begins so.
    pub fn service(&self, reference: &str) -> Option<ServiceId> {
        let by_name = self.services().find(|service| self.plan.services[*service] == reference);
        by_name.or_else(|| self.services().find(|service| self.ids.service(*service).starts_with(reference)))
    }

    /// Name of a service.
    pub fn name(&self, service: ServiceId) -> &str {
        &self.plan.services[service]
    }

    /// Id of a service.
    pub fn id(&self, service: ServiceId) -> String {
        self.ids.service(service)
    }

    /// Whether anybody leads the managers.
    pub fn is_led(&self) -> bool {
        self.nodes.leader().is_some()
    }

    /// Services of this stack.
    pub fn services_of_stack(&self, stack: &str) -> Vec<ServiceId> {
        self.services().filter(|service| self.stack(*service) == Some(stack)).collect()
    }

    fn stack(&self, service: ServiceId) -> Option<&str> {
        self.services[service].as_ref()?.spec.labels.get(STACK).map(String::as_str)
    }

    /// Image of a specification, as docker stores it.
    pub(super) fn image(&self, spec: &ServiceSpec) -> String {
        tagged_image(&self.plan.images[spec.task.container.image].name)
    }

    /// Tasks of these services as they are at the instant `at`, sorted as docker sorts them.
    pub fn task_rows(&self, at: Time, services: &[ServiceId], filter: &TaskFilter) -> Vec<TaskRow> {
        // Of tasks of one slot docker shows the newest first.
        let newest_first = self.tasks.values().rev().flatten();
        let shown = newest_first.filter(|task| services.contains(&task.record.service));
        let mut rows: Vec<TaskRow> = shown
            .filter_map(|task| {
                let row = self.task_row(at, task);
                let node_id = task.record.node.map(|node| &*self.node_ids[node]);
                filter.fits(&row, node_id).then_some(row)
            })
            .collect();
        ps::sort(&mut rows);
        rows
    }

    fn task_row(&self, at: Time, task: &Task) -> TaskRow {
        let record = &task.record;
        let service = &self.plan.services[record.service];
        let image = self.image(&task.spec);
        let is_member = |node| self.nodes.now(node).state.is_some();
        let host_ports = task.spec.endpoint.ports.iter().filter(|port| port.mode == PublishMode::Host).copied();
        TaskRow {
            id: self.ids.task(record.task),
            name: match record.slot {
                Slot::Replica(number) => format!("{service}.{number}"),
                Slot::Node(node) => format!("{service}.{}", self.node_ids[node]),
            },
            node: match record.node {
                Some(node) if is_member(node) => self.plan.nodes[node].name.clone(),
                Some(node) => self.node_ids[node].clone(),
                None => String::new(),
            },
            desired: record.desired,
            state: record.status.state,
            age: at - record.status_at,
            error: record.status.err.map_or_else(String::new, |err| self.error(err, &image)),
            ports: if record.status.state == TaskState::Running { host_ports.collect() } else { Vec::new() },
            image,
        }
    }

    /// The text of a task's error.
    pub(super) fn error(&self, error: TaskError, image: &str) -> String {
        match (error, self.release().no_such_image) {
            (TaskError::PullFailed, Some(text)) => text.replace("{}", image),
            _ => error.to_string(),
        }
    }

    /// Rows of `docker service ls` for these services. Whatever is observed RUNNING counts, also on a node that is down.
    ///
    /// Source: manager/controlapi/service.go `ListServiceStatuses` (cli-and-compose c.3).
    pub fn service_rows(&self, services: &[ServiceId]) -> Vec<ServiceRow> {
        let row = |service: &ServiceId| {
            let spec = &self.services[*service].as_ref()?.spec;
            let tasks = || self.tasks.values().flatten().filter(|task| task.record.service == *service);
            let wanted = || tasks().filter(|task| task.record.desired == TaskState::Running).count() as u32;
            Some(ServiceRow {
                id: self.ids.service(*service),
                name: self.plan.services[*service].clone(),
                is_global: spec.mode == Mode::Global,
                running: tasks().filter(|task| task.record.status.state == TaskState::Running).count() as u32,
                desired: match spec.mode {
                    Mode::Replicated { replicas } => replicas,
                    Mode::Global => wanted(),
                },
                max_per_node: spec.task.placement.max_replicas_per_node,
                image: self.image(spec),
                ports: spec.endpoint.ports.clone(),
            })
        };
        services.iter().filter_map(row).collect()
    }

    /// Rows of `docker node ls`, asked of the leader.
    pub fn node_rows(&self) -> Vec<NodeRow> {
        let row = |(id, node): (_, &crate::sim::plan::Node)| {
            let now = self.nodes.now(id);
            Some(NodeRow {
                id: self.node_ids[id].clone(),
                is_self: self.nodes.leader() == Some(id),
                hostname: node.name.clone(),
                state: now.state?,
                availability: now.availability,
                manager: now.manager,
                engine_version: self.release().engine_version.to_owned(),
            })
        };
        self.plan.nodes.iter().filter_map(row).collect()
    }

    /// Rows of `docker stack ls`.
    pub fn stack_rows(&self) -> Vec<StackRow> {
        let mut rows: Vec<StackRow> = Vec::new();
        for stack in self.services().filter_map(|service| self.stack(service)) {
            match rows.iter_mut().find(|row| row.name == stack) {
                Some(row) => row.services += 1,
                None => rows.push(StackRow { name: stack.to_owned(), services: 1 }),
            }
        }
        rows
    }

    /// A service in detail.
    pub fn details(&self, service: ServiceId) -> Option<ServiceDetails> {
        let row = self.services[service].as_ref()?;
        Some(ServiceDetails {
            id: self.ids.service(service),
            name: self.name(service).to_owned(),
            image: self.image(&row.spec),
            spec: Rc::clone(&row.spec),
            previous: row.previous.as_ref().map(|spec| (Rc::clone(spec), self.image(spec))),
            status: row.status.map(|Status { status, started, completed }| StatusDetails {
                state: status.state,
                started,
                completed,
                message: status.message.text(|task| self.ids.task(task)),
            }),
            created: row.created,
            updated: row.updated,
        })
    }

    /// What the client learns when it asks how far a service is.
    pub fn polled(&self, service: ServiceId) -> Option<Polled> {
        let row = self.services[service].as_ref()?;
        let tasks = self.tasks.values().flatten();
        let up_to_date = tasks.filter(|task| task.record.service == service && !task.is_dirty);
        let is_down = |node| self.nodes.now(node).state.is_none_or(|state| state == NodeState::Down);
        let task = |task: &Task| PolledTask {
            slot: task.record.slot,
            node_id: task.record.node.map_or_else(String::new, |node| self.node_ids[node].clone()),
            node_is_down: task.record.node.is_some_and(is_down),
            desired: task.record.desired,
            state: task.record.status.state,
            error: task.record.status.err.map_or_else(String::new, |err| self.error(err, &self.image(&task.spec))),
        };
        Some(Polled {
            replicas: match row.spec.mode {
                Mode::Replicated { replicas } => Some(replicas),
                Mode::Global => None,
            },
            monitor: row.spec.update.and_then(|update| update.monitor).filter(|monitor| !monitor.is_zero()),
            status: row
                .status
                .map(|Status { status, .. }| (status.state, status.message.text(|task| self.ids.task(task)))),
            tasks: up_to_date.map(task).collect(),
        })
    }
}
