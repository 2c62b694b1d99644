//! Docker's views against what docker's own client printed of a real cluster (tests/recorded/cli), and of simulated ones.

mod progress;
mod run;
mod scenes;
mod table;
