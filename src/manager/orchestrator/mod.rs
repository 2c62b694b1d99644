//! The orchestrators: they create, replace and retire tasks so that services become what they are to be.
//!
//! [`replicated`] reconciles services, [`update`] rolls them, [`restart`] replaces tasks that ended, [`task`] says which tasks
//! are out of date, [`taskreaper`] deletes old ones.

pub mod replicated;
pub mod restart;
pub mod task;
pub mod taskreaper;
pub mod update;
