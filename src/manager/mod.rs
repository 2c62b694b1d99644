//! The managers.

pub mod spec_change;
