//! rollsim: a deterministic discrete-event simulator of Docker Swarm rollouts.
//!
//! It runs Swarm's own update and rollback algorithm on a scenario and tells what the rollout does to the people who use the
//! service.
//!
//! # The tour
//!
//! ```text
//!  scenario.json ──► scenario ──► Plan ──► sim ───────────────► Records ──► metrics ──► report
//!   text, units      parse, check  dense    pop event → one      observers   integrals   story, tables,
//!                    (file:line)   ids      component acts                   histograms  csv, json, charts
//!
//!  sim:  traffic ──► network ◄── agent ◄── assignments / reports ──► manager: store + watchers
//! ```
//!
//! Data goes one way. Take `update_config.delay`: [`scenario`] reads the text `"10s"` once and puts a [`kernel::Span`] into the
//! [`model::service::ServiceSpec`] of a command of the [`sim::Plan`]; [`sim::run`] hands the command to the
//! [`manager::controlapi`], which writes the store; the store announces that the service was updated; the replicated
//! [`manager::orchestrator`] starts an updater, which asks to be woken `delay` after a slot is done; the queue delivers that
//! wake; the worker takes the next slot; the store announces a new task; [`observe::Observer`]s see it; the chart draws the gap.
//!
//! # Where to find what
//!
//! | place | what |
//! |---|---|
//! | [`kernel`] | time, event queue, dense ids, chance; knows nothing of Swarm |
//! | [`model`] | plain data: services, tasks, nodes, images, commands, latencies |
//! | [`manager`] | Swarm's control plane; **the updater is [`manager::orchestrator::update`]** |
//! | [`agent`] | tasks on their nodes: containers that start, run, stop |
//! | [`network`] | load balancers, and what they know of tasks |
//! | [`traffic`] | clients and their requests |
//! | [`sim`] | the loop; the only place where the four above meet |
//! | [`observe`], [`metrics`] | what a run tells, and the numbers made of it |
//! | [`check`] | Swarm's promises, verified from outside in every test and debug run |
//! | [`scenario`], [`diag`] | from text to plan, and what is wrong with the text |
//! | [`experiment`] | many runs: seeds, policies, sweeps; the only place with threads |
//! | [`report`], [`cli`] | files, charts, tables, docker's own views; the command line |
//!
//! Three promises decide in doubt: the algorithm is Swarm's own; the same seed gives the same bytes everywhere; a rule lives in
//! one place, and names its source.

pub mod agent;
pub mod check;
pub mod cli;
pub mod diag;
pub mod experiment;
pub mod kernel;
pub mod manager;
pub mod metrics;
pub mod model;
pub mod network;
pub mod observe;
pub mod report;
pub mod scenario;
pub mod sim;
pub mod traffic;
