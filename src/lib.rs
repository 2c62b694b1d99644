//! rollsim: a deterministic discrete-event simulator of Docker Swarm rollouts.

pub mod kernel;
pub mod metrics;
pub mod model;
pub mod observe;
pub mod report;
pub mod sim;
