//! Images on their nodes: a node pulls an image once, for all its tasks that want it.

use std::collections::BTreeMap;

use crate::kernel::{Dist, IdVec, Span, Stream, Streams, Time};
use crate::model::{ImageId, NodeId};

/// What nodes have pulled, and what they are pulling. An image whose pull takes no time needs no record.
#[derive(Debug)]
pub(super) struct Pulls {
    durations: IdVec<ImageId, Dist>,
    streams: Streams,
    nodes: IdVec<NodeId, BTreeMap<ImageId, Pull>>,
}

/// The pull of one image by one node.
#[derive(Clone, Copy, Debug)]
struct Pull {
    /// When it is done, or was.
    until: Time,
    /// Tasks that wait for it.
    waiting: u32,
}

impl Pulls {
    /// No node has an image.
    pub(super) fn new(durations: IdVec<ImageId, Dist>, nodes: usize, streams: Streams) -> Pulls {
        Pulls { durations, streams, nodes: IdVec::filled(nodes, BTreeMap::new()) }
    }

    /// A task wants the image: when it is there. Whoever comes while it is being pulled waits for the same pull (data-plane rule
    /// 12).
    ///
    /// `Assumed:` the question whether a registry has a newer image of the tag takes no time (data-plane rule 11).
    pub(super) fn want(&mut self, now: Time, node: NodeId, image: ImageId) -> Time {
        if self.durations[image] == Dist::Constant(Span::ZERO) {
            return now;
        }
        let until = self.attempt(now, node, image);
        let pull = self.nodes[node].entry(image).or_insert(Pull { until, waiting: 0 });
        pull.waiting += 1;
        pull.until.max(now)
    }

    /// A pull that is going to fail: when it does. It leaves nothing behind.
    pub(super) fn attempt(&self, now: Time, node: NodeId, image: ImageId) -> Time {
        now.saturating_add(self.durations[image].sample(self.streams.keyed(Stream::Pull, image.0, node.0)))
    }

    /// Whether the node has the image.
    pub(super) fn is_local(&self, now: Time, node: NodeId, image: ImageId) -> bool {
        self.nodes[node].get(&image).is_some_and(|pull| pull.until <= now)
    }

    /// A task that wanted the image is stopped: a pull that nobody waits for any more is given up (data-plane rule 12).
    ///
    /// Departs: the layers that came are forgotten, so that another pull takes as long.
    pub(super) fn cancel(&mut self, now: Time, node: NodeId, image: ImageId) {
        if let Some(pull) = self.nodes[node].get_mut(&image) {
            pull.waiting = pull.waiting.saturating_sub(1);
            if pull.waiting == 0 && pull.until > now {
                self.nodes[node].remove(&image);
            }
        }
    }

    /// The node's daemon is gone, and with it the pulls under way.
    pub(super) fn interrupt(&mut self, now: Time, node: NodeId) {
        self.nodes[node].retain(|_, pull| pull.until <= now);
    }
}
