//! `deploy` of a service: how many tasks, and how they are updated, restarted and placed.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic};
use crate::kernel::Span;
use crate::model::defaults;
use crate::model::service::{
    EndpointMode, FailureAction, Mode, Order, Placement, Resources, RestartCondition, RestartPolicy, UpdateConfig,
};

use super::docker::values::{check_constraint, replicas};
use super::read::{Fields, Problems, Read, accept_only, checked, list, pairs, refuse, word};
use super::source::{Node, Spanned};
use super::units::{read_bytes, read_nano_cpus};

/// Least CPU that Swarm takes. Source: manager/controlapi/service.go `validateResources`.
const LEAST_NANO_CPUS: u64 = 1_000_000;
/// Least memory that Swarm takes. Source: manager/controlapi/service.go `validateResources`.
const LEAST_MEMORY: u64 = 4 << 20;

/// How many tasks a service has, and how they are updated, restarted and placed.
#[derive(Clone, Debug)]
pub(super) struct Deploy {
    /// How many tasks.
    pub(super) mode: Mode,
    /// How an update proceeds, if the file says so.
    pub(super) update: Option<UpdateConfig>,
    /// How a rollback proceeds, if the file says so.
    pub(super) rollback: Option<UpdateConfig>,
    /// What happens when a task ends, if the file says so.
    pub(super) restart: Option<RestartPolicy>,
    /// Where tasks may run.
    pub(super) placement: Placement,
    /// CPU and memory.
    pub(super) resources: Resources,
    /// How the service's name resolves.
    pub(super) endpoint_mode: EndpointMode,
    /// Labels of the service.
    pub(super) labels: BTreeMap<String, String>,
}

impl Default for Deploy {
    /// One task, everything else as Swarm has it by default.
    fn default() -> Self {
        Deploy {
            mode: Mode::Replicated { replicas: 1 },
            update: None,
            rollback: None,
            restart: None,
            placement: Placement::default(),
            resources: Resources::default(),
            endpoint_mode: EndpointMode::default(),
            labels: BTreeMap::new(),
        }
    }
}

impl Read for Deploy {
    fn read(node: &Node, problems: &mut Problems) -> Option<Deploy> {
        let mut fields = Fields::of(node, problems)?;
        let mode = read_mode(&mut fields);
        let deploy = Deploy {
            mode,
            update: fields.read_with("update_config", |node, problems| read_update(node, true, problems)),
            rollback: fields.read_with("rollback_config", |node, problems| read_update(node, false, problems)),
            restart: fields.read("restart_policy"),
            placement: fields.read("placement").unwrap_or_default(),
            resources: fields.read("resources").unwrap_or_default(),
            endpoint_mode: fields.read_with("endpoint_mode", read_endpoint_mode).unwrap_or_default(),
            labels: fields.read_with("labels", pairs).unwrap_or_default(),
        };
        fields.finish();
        Some(deploy)
    }
}

/// `mode` and `replicas`; one replica if neither is there.
///
/// Source: cli: cli/compose/convert/service.go `convertDeployMode`.
fn read_mode(fields: &mut Fields<'_, '_>) -> Mode {
    const MODES: [(&str, Option<bool>); 4] =
        [("replicated", Some(false)), ("global", Some(true)), ("replicated-job", None), ("global-job", None)];
    let is_global = fields.read_with("mode", |node, problems| {
        let is_global = word(node, "mode", &MODES, problems)?;
        is_global.or_else(|| refuse(Code::NotSimulated, &node.place, "jobs are not simulated yet", problems))
    });
    let replicas: Option<Spanned<u32>> = fields.read_with("replicas", |node, problems| {
        let simulated = replicas(u32::read(node, problems)?);
        let value = simulated.map_or_else(|why| refuse(Code::NotSimulated, &node.place, why, problems), Some)?;
        Some(Spanned { value, place: node.place.clone() })
    });
    if is_global != Some(true) {
        return Mode::Replicated { replicas: replicas.map_or(1, |replicas| replicas.value) };
    }
    if let Some(replicas) = replicas {
        let message = "replicas can only be used with replicated or replicated-job mode";
        fields.problems.push(Diagnostic::new(Code::Conflict, &replicas.place, message));
    }
    Mode::Global
}

/// An `update_config` or `rollback_config`. What it does not say is the default; a `monitor` of 0 counts as not said.
/// Swarm checks the ratio of an update, not that of a rollback.
///
/// Source: cli: cli/compose/convert/service.go `convertUpdateConfig`; moby: daemon/cluster/convert/service.go
/// `updateConfigToGRPC`.
fn read_update(node: &Node, of_update: bool, problems: &mut Problems) -> Option<UpdateConfig> {
    const ACTIONS: [(&str, FailureAction); 4] = [
        ("pause", FailureAction::Pause),
        ("continue", FailureAction::Continue),
        ("rollback", FailureAction::Rollback),
        ("", FailureAction::Pause),
    ];
    const ORDERS: [(&str, Order); 2] = [("stop-first", Order::StopFirst), ("start-first", Order::StartFirst)];
    let default = defaults::UPDATE_CONFIG;
    let mut fields = Fields::of(node, problems)?;
    let ratio: Option<Spanned<f64>> = fields.read("max_failure_ratio");
    if let Some(ratio) = ratio.as_ref().filter(|ratio| of_update && !(0.0..=1.0).contains(&ratio.value)) {
        let message = "update-maxfailureratio cannot be less than 0 or bigger than 1";
        fields.problems.push(Diagnostic::new(Code::OutOfRange, &ratio.place, message));
    }
    let config = UpdateConfig {
        parallelism: fields.read("parallelism").unwrap_or(default.parallelism),
        delay: fields.read("delay").unwrap_or(default.delay),
        failure_action: fields
            .read_with("failure_action", |node, problems| word(node, "failure action", &ACTIONS, problems))
            .unwrap_or(default.failure_action),
        monitor: fields.read("monitor").filter(|monitor: &Span| !monitor.is_zero()),
        max_failure_ratio: ratio.map_or(default.max_failure_ratio, |ratio| ratio.value as f32),
        order: fields
            .read_with("order", |node, problems| word(node, "order", &ORDERS, problems))
            .unwrap_or(default.order),
    };
    fields.finish();
    Some(config)
}

/// Source: cli: cli/compose/convert/service.go `convertRestartPolicy`; moby: daemon/cluster/convert/service.go
/// `restartPolicyToGRPC`.
impl Read for RestartPolicy {
    fn read(node: &Node, problems: &mut Problems) -> Option<RestartPolicy> {
        const CONDITIONS: [(&str, RestartCondition); 4] = [
            ("any", RestartCondition::Any),
            ("on-failure", RestartCondition::OnFailure),
            ("none", RestartCondition::None),
            ("", RestartCondition::Any),
        ];
        let mut fields = Fields::of(node, problems)?;
        let condition = fields.read_with("condition", |node, problems| word(node, "condition", &CONDITIONS, problems));
        let policy = RestartPolicy {
            condition: condition.unwrap_or(defaults::RESTART_CONDITION),
            delay: fields.read("delay"),
            max_attempts: fields.read("max_attempts").unwrap_or(0),
            window: fields.read("window"),
        };
        fields.finish();
        Some(policy)
    }
}

impl Read for Placement {
    fn read(node: &Node, problems: &mut Problems) -> Option<Placement> {
        let mut fields = Fields::of(node, problems)?;
        let placement = Placement {
            constraints: fields.read_with("constraints", read_constraints).unwrap_or_default(),
            preferences: fields.read_with("preferences", read_preferences).unwrap_or_default(),
            max_replicas_per_node: fields.read("max_replicas_per_node").unwrap_or(0),
        };
        fields.finish();
        Some(placement)
    }
}

fn read_constraints(node: &Node, problems: &mut Problems) -> Option<Vec<String>> {
    list(node, problems, |item, problems| {
        let text = String::read(item, problems)?;
        checked(check_constraint(&text), &item.place, problems)?;
        Some(text)
    })
}

fn read_preferences(node: &Node, problems: &mut Problems) -> Option<Vec<String>> {
    list(node, problems, |item, problems| {
        let mut fields = Fields::of(item, problems)?;
        let spread = fields.require("spread");
        fields.finish();
        spread
    })
}

impl Read for Resources {
    fn read(node: &Node, problems: &mut Problems) -> Option<Resources> {
        let mut fields = Fields::of(node, problems)?;
        let limits = fields.read_with("limits", |node, problems| read_amounts(node, &["pids"], problems));
        let reserved =
            fields.read_with("reservations", |node, problems| read_amounts(node, &["generic_resources"], problems));
        fields.finish();
        let (limit_nano_cpus, limit_memory) = limits.unwrap_or_default();
        let (reserve_nano_cpus, reserve_memory) = reserved.unwrap_or_default();
        Some(Resources { limit_nano_cpus, limit_memory, reserve_nano_cpus, reserve_memory })
    }
}

/// CPU and memory; 0 if there is none. `others`: keys that are accepted beside them.
fn read_amounts(node: &Node, others: &[&'static str], problems: &mut Problems) -> Option<(u64, u64)> {
    let mut fields = Fields::of(node, problems)?;
    let cpus = fields.read_with("cpus", |node, problems| {
        let cpus = read_nano_cpus(node, problems)?;
        if (1..LEAST_NANO_CPUS).contains(&cpus) {
            return refuse(Code::OutOfRange, &node.place, "invalid cpu value: must be at least 0.001", problems);
        }
        Some(cpus)
    });
    let memory = fields.read_with("memory", |node, problems| {
        let memory = read_bytes(node, problems)?;
        if (1..LEAST_MEMORY).contains(&memory) {
            return refuse(Code::OutOfRange, &node.place, "invalid memory value: must be at least 4MiB", problems);
        }
        Some(memory)
    });
    for key in others {
        fields.node(key);
    }
    fields.finish();
    Some((cpus.unwrap_or(0), memory.unwrap_or(0)))
}

fn read_endpoint_mode(node: &Node, problems: &mut Problems) -> Option<EndpointMode> {
    let modes = [("vip", EndpointMode::Vip), ("dnsrr", EndpointMode::DnsRoundRobin)];
    let mode = word(node, "endpoint mode", &modes, problems)?;
    if mode == EndpointMode::DnsRoundRobin {
        accept_only("deploy.endpoint_mode: dnsrr", &node.place, problems);
    }
    Some(mode)
}
