//! Plain data that the components share: services, tasks, nodes, images and the commands of an operator. No behaviour, but that
//! [`spec_change`] says what a command makes of a specification: the front end that refuses it and the managers must agree.

pub mod change;
pub mod client;
pub mod command;
pub mod decision;
pub mod defaults;
pub mod engine;
pub mod health;
pub mod ids;
pub mod image;
pub mod latencies;
pub mod node;
pub mod request;
pub mod rule;
pub mod service;
pub mod spec_change;
pub mod task;
pub mod update;
pub mod wire;

pub use ids::{ClientId, EntryId, ImageId, NodeId, ServiceId, TaskId};
