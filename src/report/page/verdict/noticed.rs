//! Who noticed what went wrong: Swarm, its managers, the operator, or only the clients.

use super::fate::History;
use super::rollouts::status;
use super::{Answer, Tone, grouped, length, moment};
use crate::kernel::{IdVec, Time};
use crate::metrics::summary::{NodeStatus, ServiceSummary, Summary, UpdateKind, UpdateOutcome};
use crate::metrics::task_log::TaskChange;
use crate::model::node::NodeState;
use crate::model::task::TaskState;
use crate::model::{NodeId, ServiceId, TaskId};

/// The answer for a service: of a bad update, who saw that it was bad; else who saw first that nodes or tasks of it were lost.
pub(super) fn answer(
    service: &ServiceSummary,
    id: ServiceId,
    history: &History<'_>,
    run: &Summary,
    tasks: &[TaskChange],
) -> Answer {
    let is_bad = history.bad().next().is_some();
    let seen = if is_bad { of_updates(history) } else { of_losses(history, id, run, tasks) };
    let clients = service.requests.as_ref().is_some_and(|requests| requests.failed > 0);
    let status = match service.final_update_status {
        None if !is_bad => "no task failed".to_owned(),
        _ => status(service),
    };
    let (answer, detail, tone) = match seen {
        Some((answer, detail)) => (answer, detail, Tone::Plain),
        None if clients => ("Only the clients".to_owned(), status, Tone::Bad),
        None if is_bad || service.downtime.count() > 0 => ("Nobody".to_owned(), status, Tone::Bad),
        None => match nodes_down(run).first() {
            Some((node, at)) => {
                let detail =
                    format!("{} down at {}, without a task of {}", run.nodes[*node].name, moment(*at), service.name);
                ("The managers".to_owned(), detail, Tone::Plain)
            }
            None => ("Nothing to notice".to_owned(), status, Tone::Good),
        },
    };
    Answer { question: "Who noticed?".to_owned(), answer, detail, tone }
}

/// Who saw that updates are bad: Swarm by what it wrote, or the operator by what they did next.
fn of_updates(history: &History<'_>) -> Option<(String, String)> {
    let signs = || history.bad().filter_map(|rollout| Some((rollout, rollout.sign?)));
    if let Some((rollout, sign)) = signs().next() {
        let answer = match rollout.update.detect {
            Some(detect) => format!("Swarm, after {}", length(detect)),
            None => format!("Swarm, at {}", moment(sign.at)),
        };
        let again = match signs().nth(1) {
            Some((_, next)) => format!("; again at {}", moment(next.at)),
            None => String::new(),
        };
        return Some((answer, sign.message.clone() + &again));
    }
    let bad = history.bad().next()?;
    let next = history.rollouts.iter().find(|rollout| rollout.update.start > bad.update.start)?;
    let did = match (next.update.kind, bad.update.outcome) {
        (UpdateKind::Rollback, _) => "docker service rollback",
        (_, UpdateOutcome::Superseded) => "another specification",
        _ => return None,
    };
    Some(("The operator".to_owned(), format!("{did} at {}", moment(next.update.start))))
}

/// Who saw first that nodes with tasks of the service were lost, or that tasks ended.
fn of_losses(
    history: &History<'_>,
    service: ServiceId,
    run: &Summary,
    tasks: &[TaskChange],
) -> Option<(String, String)> {
    let mut nodes = nodes_lost(service, run, tasks);
    let first = nodes.first().copied();
    nodes.sort_unstable_by_key(|(node, _)| *node);
    nodes.dedup_by_key(|(node, _)| *node);
    let lost = first.map(|(node, at)| {
        let others = match nodes.len() - 1 {
            0 => String::new(),
            1 => ", then 1 more node".to_owned(),
            others => format!(", then {} more nodes", grouped(others as u64)),
        };
        (at, "The managers", format!("{} down at {}{others}", run.nodes[node].name, moment(at)))
    });
    let ended = history.ended().map(|(count, at)| {
        let detail = match count {
            1 => format!("1 task ended at {}", moment(at)),
            _ => format!("{} tasks ended, the first at {}", grouped(count.into()), moment(at)),
        };
        (at, "Swarm", detail)
    });
    let (_, who, detail) = [lost, ended].into_iter().flatten().min_by_key(|(at, ..)| *at)?;
    Some((who.to_owned(), detail))
}

/// When nodes were found to be down, and their places in the summary, in order of time.
fn nodes_down(run: &Summary) -> Vec<(usize, Time)> {
    let mut downs: Vec<(usize, Time)> = Vec::new();
    for (index, node) in run.nodes.iter().enumerate() {
        let is_down = |(_, status): &&(Time, NodeStatus)| status.state == Some(NodeState::Down);
        downs.extend(node.log.changes().iter().filter(is_down).map(|(at, _)| (index, *at)));
    }
    downs.sort_unstable_by_key(|(index, at)| (*at, *index));
    downs
}

/// Those that had tasks of the service then.
fn nodes_lost(service: ServiceId, run: &Summary, tasks: &[TaskChange]) -> Vec<(usize, Time)> {
    let mut downs = nodes_down(run);
    let mut changes = tasks.iter().filter(|change| change.task.service == service).peekable();
    let mut place: IdVec<TaskId, Option<NodeId>> = IdVec::new();
    let mut count = vec![0_u32; run.nodes.len()];
    downs.retain(|(index, at)| {
        while let Some(TaskChange { task, removed, .. }) = changes.next_if(|change| change.at < *at) {
            let is_there = task.status.state <= TaskState::Running && !removed;
            let now = task.node.filter(|_| is_there);
            let before = std::mem::replace(place.entry(task.task, None), now);
            before.into_iter().for_each(|node| count[node.0 as usize] -= 1);
            now.into_iter().for_each(|node| count[node.0 as usize] += 1);
        }
        count[*index] > 0
    });
    downs
}
