//! Values that Swarm uses where a specification says nothing.

use super::service::{FailureAction, Order, RestartCondition, RestartPolicy, ServiceSpec, UpdateConfig};
use crate::kernel::Span;

/// Update and rollback configuration of a service that has none.
///
/// Source: api/defaults/service.go `Service`.
pub const UPDATE_CONFIG: UpdateConfig = UpdateConfig {
    parallelism: 1,
    delay: Span::ZERO,
    failure_action: FailureAction::Pause,
    monitor: None,
    max_failure_ratio: 0.0,
    order: Order::StopFirst,
};

/// How long a task is watched for failures when the configuration does not say.
///
/// Source: api/defaults/service.go `Service`.
pub const MONITOR: Span = Span::from_secs(5);

/// When a task is restarted if the service has no restart policy.
///
/// Source: api/defaults/service.go `Service`.
pub const RESTART_CONDITION: RestartCondition = RestartCondition::Any;

/// Wait before a restart when the policy does not say.
///
/// Source: api/defaults/service.go `Service`.
pub const RESTART_DELAY: Span = Span::from_secs(5);

/// Time between the stop signal and SIGKILL when the service does not say.
///
/// Source: api/defaults/service.go `Service`; moby: daemon/config/config_linux.go.
pub const STOP_GRACE_PERIOD: Span = Span::from_secs(10);

/// How long a new task waits at most for its predecessor to stop, counted from the beginning of its delayed start.
///
/// Source: manager/orchestrator/restart/restart.go `defaultOldTaskTimeout` (control-plane R14).
pub const OLD_TASK_TIMEOUT: Span = Span::from_secs(60);

/// Tasks kept per slot, the current one included.
///
/// Source: manager/manager.go `defaultTaskHistoryRetentionLimit`.
pub const TASK_HISTORY_LIMIT: u32 = 5;

/// A specification with the defaults filled in where it says nothing, as `docker service inspect` shows it.
///
/// Source: api/defaults/service.go `InterpolateService`.
pub fn interpolate(spec: &ServiceSpec) -> ServiceSpec {
    let mut spec = spec.clone();
    for config in [&mut spec.update, &mut spec.rollback] {
        let config = config.get_or_insert(UPDATE_CONFIG);
        config.monitor = config.monitor.or(Some(MONITOR));
    }
    let restart = spec.task.restart.get_or_insert_with(RestartPolicy::default);
    restart.delay = restart.delay.or(Some(RESTART_DELAY));
    let period = &mut spec.task.container.stop_grace_period;
    *period = period.or(Some(STOP_GRACE_PERIOD));
    spec
}
