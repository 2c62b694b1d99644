//! Lints on how failures are noticed, and on what follows.

use crate::diag::Code;
use crate::kernel::Span;
use crate::model::defaults;
use crate::model::health::Check;
use crate::model::service::{FailureAction, UpdateConfig};

use super::{Case, Finding};

impl Case<'_> {
    /// The health check of the service's containers, if they have one.
    pub(super) fn health_check(&self) -> Option<Check> {
        let of_service = self.spec.task.container.healthcheck.as_ref();
        Check::resolve(of_service, self.behavior().healthcheck.as_ref(), self.plan.engine)
    }
}

fn monitor(config: &UpdateConfig) -> Span {
    config.monitor.unwrap_or(defaults::MONITOR)
}

/// Source: control-plane U25, W13; data-plane rule 56.
pub(super) fn breaks_unseen(case: &Case<'_>) -> Option<Finding> {
    let check = case.health_check()?;
    let configured = case.update();
    if configured.config.failure_action == FailureAction::Continue {
        return None;
    }
    let monitor = monitor(&configured.config);
    let Check { retries, interval, timeout, .. } = check;
    let settle = if case.spec.has_service_binding() { case.plan.latencies.load_balancer_settle } else { Span::ZERO };
    let stop = case.stop_time();
    let probes = (interval + timeout).as_nanos().saturating_mul(retries.into());
    let noticed = Span::from_nanos(probes.saturating_add((settle + stop).as_nanos()));
    if noticed <= monitor {
        return None;
    }
    let message = format!(
        "a version that gets healthy and then breaks is noticed after up to {noticed} ({retries} x ({interval} + {timeout}) \
         + {settle} + {stop} to stop), and the monitor ends after {monitor}"
    );
    Some(case.found(Code::BreaksUnseen, format!("{}.monitor", configured.path), &message))
}

/// Source: control-plane U11, U30.
pub(super) fn ignored(case: &Case<'_>) -> Option<Finding> {
    let message =
        "failure_action continue: no failure is counted, and a version that never runs is rolled out to the end";
    acts(case, FailureAction::Continue, Code::FailureIgnored, message)
}

/// Source: control-plane U27, U35.
pub(super) fn pauses(case: &Case<'_>) -> Option<Finding> {
    let message = "an update that fails pauses half-way until somebody acts; failure_action rollback takes it back";
    acts(case, FailureAction::Pause, Code::FailurePauses, message)
}

fn acts(case: &Case<'_>, action: FailureAction, code: Code, message: &str) -> Option<Finding> {
    let configured = case.update();
    let path = format!("{}.failure_action", configured.path);
    (configured.config.failure_action == action).then(|| case.found(code, path, message))
}

/// Source: control-plane U29, surprise 10.
pub(super) fn rollback_rolls_back(case: &Case<'_>) -> Option<Finding> {
    let [_, configured] = case.configs();
    let message =
        "Swarm does not roll back a rollback: one that fails is paused for a moment and then called `completed`";
    let path = format!("{}.failure_action", configured.path);
    (configured.config.failure_action == FailureAction::Rollback)
        .then(|| case.found(Code::RollbackRollsBack, path, message))
}

/// Source: control-plane U26, which compares 32-bit floats.
pub(super) fn ratio_too_small(case: &Case<'_>) -> Option<Finding> {
    let tasks = case.tasks();
    let exceeds = |config: &UpdateConfig| {
        config.failure_action != FailureAction::Continue
            && config.max_failure_ratio > 0.0
            && 1.0 / tasks as f32 > config.max_failure_ratio
    };
    let configured = case.configs().into_iter().find(|configured| tasks > 0 && exceeds(&configured.config))?;
    let ratio = configured.config.max_failure_ratio;
    let message = format!("max_failure_ratio {ratio} tolerates no failure: one task of {tasks} is more than that");
    Some(case.found(Code::RatioTooSmall, format!("{}.max_failure_ratio", configured.path), &message))
}

/// Source: control-plane U13, U14, U25.
pub(super) fn delay_above_monitor(case: &Case<'_>) -> Option<Finding> {
    let unwatched = |config: &UpdateConfig| {
        config.failure_action != FailureAction::Continue && config.delay >= monitor(config) && !config.delay.is_zero()
    };
    let configured = case.configs().into_iter().find(|configured| unwatched(&configured.config))?;
    let (delay, monitor) = (configured.config.delay, monitor(&configured.config));
    let message = format!(
        "the delay of {delay} is not below the monitor of {monitor}: until the last watch a task that fails later than \
         {monitor} after it runs is not counted"
    );
    Some(case.found(Code::DelayAboveMonitor, format!("{}.delay", configured.path), &message))
}
