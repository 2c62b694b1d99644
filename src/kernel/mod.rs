//! The discrete-event kernel: time, the event queue, dense ids and chance. It knows nothing of Swarm.

pub mod curve;
pub mod dist;
pub mod fingerprint;
pub mod id;
pub mod queue;
pub mod rng;
pub mod time;
pub mod winner_tree;

pub use curve::Curve;
pub use dist::Dist;
pub use fingerprint::Fingerprint;
pub use id::IdVec;
pub use queue::{EventQueue, Phase};
pub use rng::{Stream, StreamRng, Streams};
pub use time::{Span, Time};
