//! Runs and what is made of many of them: repetitions over seeds, policies side by side, sweeps over a grid.
//!
//! Only here are threads: runs share nothing, and their results are folded in the order of their numbers, so that the number
//! of threads is never seen in a result.

pub mod compare;
pub mod pool;
pub mod run;
pub mod statistics;
pub mod sweep;

pub use run::{failures, measure, observe, observe_until, seed};
