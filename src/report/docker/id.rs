//! Ids as docker gives them: 25 characters of digits and small letters.

use crate::kernel::{Stream, Streams};
use crate::model::{NodeId, ServiceId, TaskId};

/// Length of an id.
///
/// Source: swarmkit: identity/randomid.go `maxRandomIDLength`.
const LENGTH: usize = 25;

/// Length of an id in tables.
///
/// Source: cli: cli/command/formatter/displayutils.go `TruncateID`.
const SHORT: usize = 12;

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The ids of a run's services, tasks and nodes: drawn, so that they look like docker's, and by entity, so that a seed gives each
/// its id whatever happens to others.
#[derive(Clone, Debug)]
pub struct Ids {
    streams: Streams,
}

impl Ids {
    /// The ids that belong to `seed`.
    pub fn new(seed: u64) -> Ids {
        Ids { streams: Streams::new(seed) }
    }

    /// Id of a service.
    pub fn service(&self, service: ServiceId) -> String {
        self.draw(Stream::ServiceId, service.0)
    }

    /// Id of a task.
    pub fn task(&self, task: TaskId) -> String {
        self.draw(Stream::TaskId, task.0)
    }

    /// Id of a node.
    pub fn node(&self, node: NodeId) -> String {
        self.draw(Stream::NodeId, node.0)
    }

    fn draw(&self, stream: Stream, index: u32) -> String {
        let mut rng = self.streams.of(stream, index);
        (0..LENGTH).map(|_| char::from(DIGITS[(rng.draw() % 36) as usize])).collect()
    }
}

/// An id as tables show it.
pub(super) fn short(id: &str) -> String {
    id.chars().take(SHORT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_belongs_to_the_seed_and_the_entity() {
        let (ids, others) = (Ids::new(1), Ids::new(2));
        let id = ids.task(TaskId(7));
        assert_eq!((id.len(), id.as_str()), (25, "9hnw49scxzth3wl7e8y0phyuc"));
        assert_eq!(id, ids.task(TaskId(7)));
        assert!(
            ![ids.task(TaskId(8)), ids.node(NodeId(7)), ids.service(ServiceId(7)), others.task(TaskId(7))]
                .contains(&id)
        );
        assert_eq!(short(&id), id[..12]);
    }
}
