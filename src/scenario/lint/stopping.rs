//! Lints on how tasks end and are restarted.

use crate::diag::Code;
use crate::kernel::Span;
use crate::model::defaults;
use crate::model::image::Stop;

use super::{Case, Finding};

impl Case<'_> {
    /// Time between stop signal and SIGKILL.
    fn grace_period(&self) -> Span {
        self.spec.task.container.stop_grace_period.unwrap_or(defaults::STOP_GRACE_PERIOD)
    }

    /// Time from the stop signal to the end of the process.
    pub(super) fn stop_time(&self) -> Span {
        self.drain_time().unwrap_or(Span::MAX).min(self.grace_period())
    }

    /// How long the process goes on after the stop signal, if it heeds it.
    fn drain_time(&self) -> Option<Span> {
        match &self.behavior().stop {
            Stop::After(time) => Some(time.p99()),
            Stop::Ignore => None,
        }
    }
}

/// Source: control-plane R8.
pub(super) fn restart_window(case: &Case<'_>) -> Option<Finding> {
    let policy = case.spec.task.restart?;
    let window = policy.window.filter(|window| !window.is_zero())?;
    let delay = policy.delay.unwrap_or(defaults::RESTART_DELAY);
    if window > delay {
        return None;
    }
    let message =
        format!("no restart falls into a window of {window} with a delay of {delay}: `max_attempts` is never reached");
    Some(case.found(Code::RestartWindow, "deploy.restart_policy.window", &message))
}

/// Source: control-plane W13; data-plane rule 34.
pub(super) fn grace_period(case: &Case<'_>) -> Option<Finding> {
    let grace = case.grace_period();
    let is_called = case.plan.clients.values().any(|client| client.service == case.service);
    let stop = case.drain_time().unwrap_or(Span::ZERO);
    let request = if is_called { case.behavior().application.service_time.p99() } else { Span::ZERO };
    let (what, time) = if stop > request { ("the process takes to stop", stop) } else { ("a request takes", request) };
    if grace >= time {
        return None;
    }
    let message = format!("the grace period of {grace} is shorter than {what}, {time}: SIGKILL ends it before");
    Some(case.found(Code::GracePeriod, "stop_grace_period", &message))
}
