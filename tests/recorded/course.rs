//! The course of a run, recorded or simulated, and what of it must agree.

use std::collections::{BTreeMap, BTreeSet};

use rollsim::kernel::{IdVec, Time};
use rollsim::model::node::NodeState;
use rollsim::model::request::{Request, RequestOutcome};
use rollsim::model::{NodeId, ServiceId, TaskId};
use rollsim::observe::{Observer, Record};
use rollsim::sim::Plan;

use crate::recording::Recording;

/// States of a task that are compared: the others pass too fast to be seen by every recording.
const COMPARED: [&str; 6] = ["running", "complete", "shutdown", "failed", "rejected", "orphaned"];

/// What happened in a run, in seconds.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// Time, service and state of every update status.
    pub updates: Vec<(f64, String, String)>,
    /// Time, node and state of every change of a node.
    pub nodes: Vec<(f64, String, String)>,
    /// All tasks in order of creation.
    pub tasks: Vec<TaskCourse>,
    /// Time and version of every answer, and `FAIL`.
    pub answers: Vec<(f64, String)>,
}

/// What happened to a task.
#[derive(Clone, Debug)]
pub struct TaskCourse {
    pub service: String,
    pub image: String,
    pub created: f64,
    /// When the managers wrote which of the compared states.
    pub states: Vec<(f64, String)>,
}

impl TaskCourse {
    /// One line for a difference.
    pub fn line(&self) -> String {
        let states: Vec<String> = self.states.iter().map(|(time, state)| format!("{state} {time:.3}")).collect();
        format!("{} {} created {:.3} {}", self.service, self.image, self.created, states.join(" "))
    }
}

impl Course {
    pub fn of(recording: &Recording) -> Course {
        let updates = recording.update_status.iter();
        let updates =
            updates.filter_map(|status| Some((status.updated_at?, status.service.clone(), status.state.clone()?)));
        let tasks = recording.tasks.iter().map(|task| {
            let stored = task.manager_log.iter().filter_map(|logged| Some((logged.t, logged.state.clone()?)));
            let mut states: Vec<_> = stored.filter(|(_, state)| COMPARED.contains(&state.as_str())).collect();
            // What the managers write of a task without a node is no entry of their log.
            let shown =
                task.history.iter().filter(|_| task.agent_log.is_empty()).map(|shown| (shown.t, shown.state.clone()));
            states.extend(shown.filter(|(_, state)| COMPARED.contains(&state.as_str())));
            TaskCourse { service: task.service.clone(), image: task.image.clone(), created: task.created_at, states }
        });
        Course {
            updates: updates.collect(),
            nodes: node_changes(recording),
            tasks: tasks.collect(),
            answers: recording.requests.clone(),
        }
    }
}

impl Course {
    /// Whether the end of a task is not known.
    pub fn has_running_tasks(&self) -> bool {
        self.tasks.iter().any(|task| task.states.last().is_none_or(|(_, state)| state == "running"))
    }

    /// Forgets the ends of tasks after this instant: the recorder had stopped.
    pub fn cut(&mut self, end: f64) {
        for task in &mut self.tasks {
            task.states.retain(|(time, _)| *time <= end);
        }
    }

    /// Moves everything in time.
    pub fn shift(&mut self, by: f64) {
        let listed = self.updates.iter_mut().chain(&mut self.nodes).map(|(time, ..)| time);
        let tasks = self
            .tasks
            .iter_mut()
            .flat_map(|task| std::iter::once(&mut task.created).chain(task.states.iter_mut().map(|(time, _)| time)));
        let answers = self.answers.iter_mut().map(|(time, _)| time);
        listed.chain(tasks).chain(answers).for_each(|time| *time += by);
    }
}

/// Changes of the nodes' states after the start; those of their availability are commands.
fn node_changes(recording: &Recording) -> Vec<(f64, String, String)> {
    let mut changes = Vec::new();
    for (index, status) in recording.nodes.iter().enumerate() {
        let before = recording.nodes[..index].iter().rfind(|before| before.node == status.node);
        if before.is_some_and(|before| before.state != status.state) {
            changes.push((status.updated_at, status.node.clone(), status.state.clone()));
        }
    }
    changes
}

/// Follows a simulation.
pub struct Recorder<'p> {
    plan: &'p Plan,
    pub course: Course,
    /// Which of the course's tasks a task is, and when it was in rotation.
    tasks: IdVec<TaskId, Option<usize>>,
    /// When the tasks of each service entered rotation first and left it last.
    pub served: IdVec<ServiceId, Option<(f64, f64)>>,
    down: IdVec<NodeId, bool>,
}

impl<'p> Recorder<'p> {
    pub fn new(plan: &'p Plan) -> Recorder<'p> {
        Recorder {
            plan,
            course: Course::default(),
            tasks: IdVec::new(),
            served: IdVec::filled(plan.services.len(), None),
            down: IdVec::filled(plan.nodes.len(), false),
        }
    }
}

fn seconds(time: Time) -> f64 {
    time.as_nanos() as f64 / 1e9
}

impl Observer for Recorder<'_> {
    fn record(&mut self, now: Time, record: &Record) {
        let now = seconds(now);
        match *record {
            Record::Task(task) => {
                let course = self.tasks.entry(task.task, None).get_or_insert_with(|| {
                    let service = self.plan.services[task.service].clone();
                    let image = self.plan.images[task.image].name.clone();
                    self.course.tasks.push(TaskCourse { service, image, created: now, states: Vec::new() });
                    self.course.tasks.len() - 1
                });
                let states = &mut self.course.tasks[*course].states;
                let state = task.status.state.name();
                if COMPARED.contains(&state) && states.last().is_none_or(|(_, last)| last != state) {
                    states.push((now, state.to_owned()));
                }
            }
            Record::UpdateStatus { service, status: Some(status) } => {
                let service = self.plan.services[service].clone();
                self.course.updates.push((now, service, status.state.name().to_owned()));
            }
            Record::Node { node, state: Some(state), .. } => {
                let is_down = state == NodeState::Down;
                if std::mem::replace(&mut self.down[node], is_down) != is_down {
                    let state = if is_down { "down" } else { "ready" };
                    self.course.nodes.push((now, self.plan.nodes[node].name.clone(), state.to_owned()));
                }
            }
            Record::Rotation { service, .. } => {
                let (first, _) = self.served[service].unwrap_or((now, now));
                self.served[service] = Some((first, now));
            }
            _ => {}
        }
    }

    fn request(&mut self, request: &Request) {
        let image = request.task.map(|(_, image)| self.plan.images[image].name.as_str());
        let answer = match (request.outcome, image) {
            (RequestOutcome::Ok, Some(image)) => image.rsplit(':').next().unwrap_or(image).to_owned(),
            _ => "FAIL".to_owned(),
        };
        self.course.answers.push((seconds(request.ended), answer));
    }

    fn instant(&mut self, _now: Time, _in_flight: &IdVec<ServiceId, u32>) {}
}

/// Compares a simulated course with a recorded one.
///
/// # Errors
/// The first difference.
pub fn compare(recorded: &Course, simulated: &Course, causes: &[f64]) -> Result<(), String> {
    let mut pairs = Vec::new();
    compare_listed("update status", &recorded.updates, &simulated.updates, causes, &mut pairs)?;
    compare_listed("node", &recorded.nodes, &simulated.nodes, causes, &mut pairs)?;
    compare_tasks(recorded, simulated, causes, &mut pairs)?;
    compare_answers(recorded, simulated, causes, &mut pairs)?;
    compare_order(&pairs)
}

/// A milestone of both courses and how far they may be apart.
struct Pair {
    name: String,
    recorded: f64,
    simulated: f64,
    tolerance: f64,
}

/// Half a second, or a tenth of the time since what caused the milestone: the last command, fault or loss of a node before it.
fn tolerance(time: f64, causes: &[f64]) -> f64 {
    let cause = causes.iter().copied().filter(|cause| *cause <= time).fold(0.0, f64::max);
    f64::max(0.5, (time - cause) * 0.1)
}

fn pair(name: String, recorded: f64, simulated: f64, causes: &[f64]) -> Result<Pair, String> {
    let tolerance = tolerance(recorded, causes);
    match (recorded - simulated).abs() <= tolerance {
        true => Ok(Pair { name, recorded, simulated, tolerance }),
        false => {
            Err(format!("{name}: recorded at {recorded:.3} s, simulated at {simulated:.3} s (± {tolerance:.3} s)"))
        }
    }
}

type Listed = [(f64, String, String)];

fn compare_listed(
    what: &str,
    recorded: &Listed,
    simulated: &Listed,
    causes: &[f64],
    pairs: &mut Vec<Pair>,
) -> Result<(), String> {
    let names =
        |listed: &Listed| listed.iter().map(|(_, of, state)| format!("{of} {state}")).collect::<Vec<_>>().join(", ");
    if names(recorded) != names(simulated) {
        return Err(format!("{what}: recorded {}; simulated {}", names(recorded), names(simulated)));
    }
    for ((time, of, state), (other, ..)) in recorded.iter().zip(simulated) {
        pairs.push(pair(format!("{what} {of} {state}"), *time, *other, causes)?);
    }
    Ok(())
}

/// Tasks are a multiset: slots and nodes are chance, and with them which task is stopped when. So the times at which tasks of an
/// image reached a state are compared, first with first and last with last.
fn compare_tasks(recorded: &Course, simulated: &Course, causes: &[f64], pairs: &mut Vec<Pair>) -> Result<(), String> {
    let (recorded, simulated) = (milestones(&recorded.tasks), milestones(&simulated.tasks));
    let kinds: BTreeSet<&Kind> = recorded.keys().chain(simulated.keys()).collect();
    for kind in kinds {
        let name = format!("{} {} {}", kind.0, kind.1, kind.2);
        let times = |course: &BTreeMap<Kind, Vec<f64>>| course.get(kind).cloned().unwrap_or_default();
        let (recorded, simulated) = (times(&recorded), times(&simulated));
        if recorded.len() != simulated.len() {
            return Err(format!("{name}: recorded {recorded:.3?}, simulated {simulated:.3?}"));
        }
        for (time, other) in recorded.into_iter().zip(simulated) {
            pairs.push(pair(name.clone(), time, other, causes)?);
        }
    }
    Ok(())
}

/// Service, image and state.
type Kind = (String, String, String);

/// When tasks of each kind reached each state, sorted.
fn milestones(tasks: &[TaskCourse]) -> BTreeMap<Kind, Vec<f64>> {
    let mut milestones: BTreeMap<Kind, Vec<f64>> = BTreeMap::new();
    for task in tasks {
        let mut add = |state: &str, time| {
            milestones.entry((task.service.clone(), task.image.clone(), state.to_owned())).or_default().push(time);
        };
        add("created", task.created);
        for (time, state) in &task.states {
            add(state, *time);
        }
        // Who failed or completed did run, though nobody may have seen it between two batches.
        if let Some((time, state)) = task.states.last()
            && ["failed", "complete"].contains(&state.as_str())
            && task.states.len() == 1
        {
            add("running", *time);
        }
    }
    milestones.values_mut().for_each(|times| times.sort_by(f64::total_cmp));
    milestones
}

/// No request may fail, and each version answers first and last when it did.
fn compare_answers(recorded: &Course, simulated: &Course, causes: &[f64], pairs: &mut Vec<Pair>) -> Result<(), String> {
    let versions = |course: &Course| {
        let mut versions: Vec<String> = course.answers.iter().map(|(_, answer)| answer.clone()).collect();
        versions.sort();
        versions.dedup();
        versions
    };
    if versions(recorded) != versions(simulated) {
        return Err(format!("answers: recorded {:?}, simulated {:?}", versions(recorded), versions(simulated)));
    }
    for version in versions(recorded) {
        let of = |course: &Course| {
            let times = course.answers.iter().filter(|(_, answer)| *answer == version).map(|(time, _)| *time);
            times.fold((f64::MAX, 0.0), |(first, last), time| (f64::min(first, time), f64::max(last, time)))
        };
        let (recorded, simulated) = (of(recorded), of(simulated));
        pairs.push(pair(format!("first answer of {version}"), recorded.0, simulated.0, causes)?);
        pairs.push(pair(format!("last answer of {version}"), recorded.1, simulated.1, causes)?);
    }
    Ok(())
}

/// What is further apart than the tolerance must come in the same order.
fn compare_order(pairs: &[Pair]) -> Result<(), String> {
    for first in pairs {
        for then in pairs {
            let apart = then.recorded - first.recorded > f64::max(first.tolerance, then.tolerance);
            if apart && then.simulated <= first.simulated {
                let (a, b) = (&first.name, &then.name);
                return Err(format!(
                    "{a} is recorded at {:.3} s, before {b} at {:.3} s",
                    first.recorded, then.recorded
                ));
            }
        }
    }
    Ok(())
}
