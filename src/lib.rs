//! rollsim: a deterministic discrete-event simulator of Docker Swarm rollouts.

pub mod agent;
pub mod cli;
pub mod diag;
pub mod experiment;
pub mod kernel;
pub mod manager;
pub mod metrics;
pub mod model;
pub mod observe;
pub mod report;
pub mod scenario;
pub mod sim;
pub mod traffic;
