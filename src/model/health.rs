//! Health checks with all their values.
//!
//! Source: moby: daemon/health.go (data-plane section b).

use super::engine::Engine;
use super::service::HealthCheck;
use crate::kernel::Span;

/// Interval and timeout where nobody says otherwise.
///
/// Source: `defaultProbeInterval`, `defaultProbeTimeout` (data-plane rule 47).
pub const DEFAULT_PROBE: Span = Span::from_secs(30);

/// Start interval where nobody says otherwise.
///
/// Source: `defaultStartInterval` (data-plane rule 47).
pub const DEFAULT_START_INTERVAL: Span = Span::from_secs(5);

/// Failures in a row that make a container unhealthy where nobody says otherwise.
///
/// Source: `defaultProbeRetries` (data-plane rule 47).
const DEFAULT_RETRIES: u32 = 3;

/// A health check with all its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// Whether there is anything to run: a test that is none of `CMD`, `CMD-SHELL` and `NONE` never says anything.
    pub is_probed: bool,
    /// Wait between the end of a probe and the next.
    pub interval: Span,
    /// Longest duration of a probe.
    pub timeout: Span,
    /// Time in which failures do not count.
    pub start_period: Span,
    /// Interval within the start period.
    pub start_interval: Span,
    /// Failures in a row that make a container unhealthy.
    pub retries: u32,
}

impl Check {
    /// The check of a container: the service's, where that says nothing the image's, and then the defaults. `None`: no check.
    ///
    /// Source: moby: daemon/commit.go `merge`, daemon/health.go `getProbe` (data-plane rules 20, 47, 48).
    pub fn resolve(service: Option<&HealthCheck>, image: Option<&HealthCheck>, engine: Engine) -> Option<Check> {
        let layers = || service.into_iter().chain(image);
        let test = layers().map(|check| &check.test).find(|test| !test.is_empty())?;
        if test[0] == "NONE" {
            return None;
        }
        let span = |of: fn(&HealthCheck) -> Option<Span>| layers().find_map(of);
        let interval = span(|check| check.interval).unwrap_or(DEFAULT_PROBE);
        Some(Check {
            is_probed: test[0] == "CMD" || test[0] == "CMD-SHELL",
            interval,
            timeout: span(|check| check.timeout).unwrap_or(DEFAULT_PROBE),
            start_period: span(|check| check.start_period).unwrap_or(Span::ZERO),
            start_interval: match engine {
                Engine::Current => span(|check| check.start_interval).unwrap_or(DEFAULT_START_INTERVAL),
                Engine::V20_10 => interval,
            },
            retries: layers().find_map(|check| check.retries).unwrap_or(DEFAULT_RETRIES),
        })
    }
}
