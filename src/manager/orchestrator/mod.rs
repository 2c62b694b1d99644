//! The orchestrators: they create, replace and retire tasks so that services become what they are to be.
//!
//! [`replicated`] and [`global`] reconcile services, [`update`] rolls them, [`restart`] replaces tasks that ended, [`task`] says
//! which tasks are out of date, [`taskreaper`] deletes old ones, [`taskinit`] goes through all of them when a leader starts,
//! [`constraintenforcer`] rejects those that their nodes do not suit any more.

pub mod constraintenforcer;
pub mod global;
pub mod replicated;
pub mod restart;
pub mod service;
pub mod task;
pub mod taskinit;
pub mod taskreaper;
#[cfg(test)]
mod tests;
pub mod update;
