//! What docker prints differently from release to release: one table.

use crate::model::engine::Engine;

/// The words of one release of engine and client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// ENGINE VERSION of `node ls`.
    pub engine_version: &'static str,
    /// Whether `stack ls` has a column ORCHESTRATOR, and what stands in it.
    pub orchestrator: Option<&'static str>,
    /// Error of a task whose image cannot be pulled and is not on its node; `{}` is the image. `None`: the error of the pull
    /// itself.
    pub no_such_image: Option<&'static str>,
    /// Whether the bars of the progress display run backwards during a rollback.
    pub bars_run_backwards: bool,
    /// Whether the progress display says which service has converged.
    pub converged_is_named: bool,
}

/// Engine 29.7 with client 29, which all rules describe. `Assumed:` the last part of the version.
const CURRENT: Release = Release {
    engine_version: "29.7.0",
    orchestrator: None,
    no_such_image: None,
    bars_run_backwards: false,
    converged_is_named: true,
};

/// Engine and client 20.10.24.
///
/// Source: recorded from a cluster of that release; cli-and-compose section c, the notes on older releases.
const V20_10: Release = Release {
    engine_version: "20.10.24",
    orchestrator: Some("Swarm"),
    no_such_image: Some("No such image: {}"),
    bars_run_backwards: true,
    converged_is_named: false,
};

/// The words of an engine and of the client that came with it.
pub const fn of(engine: Engine) -> &'static Release {
    match engine {
        Engine::Current => &CURRENT,
        Engine::V20_10 => &V20_10,
    }
}
