//! Plain data that the components share: services, tasks, nodes, images and the commands of an operator. No behaviour.

pub mod change;
pub mod client;
pub mod command;
pub mod defaults;
pub mod ids;
pub mod image;
pub mod latencies;
pub mod node;
pub mod request;
pub mod service;
pub mod task;
pub mod update;
pub mod wire;

pub use ids::{ClientId, ImageId, NodeId, ServiceId, TaskId};
