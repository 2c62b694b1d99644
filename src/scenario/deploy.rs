//! `deploy` of a service: how many tasks, and how they are updated, restarted and placed.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic};
use crate::kernel::Span;
use crate::model::defaults;
use crate::model::service::{
    EndpointMode, FailureAction, Mode, Order, Placement, Resources, RestartCondition, RestartPolicy, UpdateConfig,
};

use super::docker::values::replicas;
use super::duration::parse_go_duration;
use super::read::{Fields, Problems, Read, list, pairs, refuse, text_of, word_or};
use super::source::{Node, Spanned};
use super::units::{read_bytes, read_nano_cpus};

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
    const MODES: [(&str, Option<bool>); 5] = [
        ("replicated", Some(false)),
        ("global", Some(true)),
        ("replicated-job", None),
        ("global-job", None),
        ("", Some(false)),
    ];
    let unknown_mode = |mode: &str| format!("unknown mode: {mode}");
    let is_global = fields.read_with("mode", |node, problems| {
        let is_global = word_or(node, unknown_mode, &MODES, problems)?;
        is_global.or_else(|| refuse(Code::NotSimulated, &node.place, "jobs are not simulated", problems))
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
    let unknown_action = |word: &str| format!("unrecognized update failure action {word}");
    let unknown_order = |word: &str| format!("unrecognized update order {word}");
    // The managers take whatever a rollback says; what is below zero is no time at all.
    let span = |node: &Node, problems: &mut Problems| match parse_go_duration(&node.to_string()) {
        Ok(..0) if !of_update => Some(None),
        _ => Span::read(node, problems).map(Some),
    };
    let default = defaults::UPDATE_CONFIG;
    let mut fields = Fields::of(node, problems)?;
    let ratio: Option<f64> = fields.read("max_failure_ratio");
    let config = UpdateConfig {
        parallelism: fields.read("parallelism").unwrap_or(default.parallelism),
        delay: fields.read_with("delay", span).map_or(default.delay, |delay| delay.unwrap_or(Span::ZERO)),
        failure_action: fields
            .read_with("failure_action", |node, problems| word_or(node, unknown_action, &ACTIONS, problems))
            .unwrap_or(default.failure_action),
        monitor: match fields.read_with("monitor", span) {
            Some(Some(Span::ZERO)) => None,
            Some(monitor) => Some(monitor.unwrap_or(Span::ZERO)),
            None => None,
        },
        max_failure_ratio: ratio.map_or(default.max_failure_ratio, |ratio| ratio as f32),
        order: fields
            .read_with("order", |node, problems| word_or(node, unknown_order, &ORDERS, problems))
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
        let unknown_condition = |word: &str| format!("invalid RestartCondition: {word:?}");
        let mut fields = Fields::of(node, problems)?;
        let condition =
            fields.read_with("condition", |node, problems| word_or(node, unknown_condition, &CONDITIONS, problems));
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
            constraints: fields.read("constraints").unwrap_or_default(),
            preferences: fields.read_with("preferences", read_preferences).unwrap_or_default(),
            max_replicas_per_node: fields.read("max_replicas_per_node").unwrap_or(0),
        };
        fields.finish();
        Some(placement)
    }
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
    let cpus = fields.read_with("cpus", read_nano_cpus);
    let memory = fields.read_with("memory", read_bytes);
    for key in others {
        fields.node(key);
    }
    fields.finish();
    Some((cpus.unwrap_or(0), memory.unwrap_or(0)))
}

fn read_endpoint_mode(node: &Node, problems: &mut Problems) -> Option<EndpointMode> {
    let modes = [("vip", EndpointMode::Vip), ("dnsrr", EndpointMode::DnsRoundRobin), ("", EndpointMode::Vip)];
    let lower = text_of(node, problems)?.to_lowercase();
    let refusal = |mode: &str| format!("invalid resolution mode: {mode:?}");
    word_or(&Node::text(lower, &node.place), refusal, &modes, problems)
}
