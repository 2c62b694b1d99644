//! Docker's views against what docker's own client printed of a real cluster (tests/recorded/cli).

mod progress;
mod scenes;
mod table;
