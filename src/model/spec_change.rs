//! What a command changes of a service's specification.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::command::{Edit, RestartPolicyChange, SpecChange, UpdateConfigChange};
use super::defaults;
use super::service::{HealthCheck, Mode, Resources, RestartPolicy, ServiceSpec, UpdateConfig};
use crate::kernel::Span;

/// Makes the changes of a command to a specification. What changes nothing leaves it equal, so that no task is replaced.
///
/// Source: cli: cli/command/service/update.go `updateService`.
pub fn apply(change: &SpecChange, spec: &mut ServiceSpec) {
    apply_update_config(&change.update, &mut spec.update);
    apply_update_config(&change.rollback, &mut spec.rollback);
    apply_restart_policy(&change.restart, &mut spec.task.restart);
    apply_resources(change, &mut spec.task.resources);
    let container = &mut spec.task.container;
    replace(&mut container.image, change.image);
    container.stop_grace_period = change.stop_grace_period.or(container.stop_grace_period);
    replace(&mut spec.task.placement.max_replicas_per_node, change.max_replicas_per_node);
    replace(&mut spec.endpoint.mode, change.endpoint_mode);
    // A global service has no number of replicas: docker refuses to set one.
    if let (Mode::Replicated { replicas }, Some(wanted)) = (&mut spec.mode, change.replicas) {
        *replicas = wanted;
    }
    if change.force {
        spec.task.force_update += 1;
    }
    for edit in &change.edits {
        apply_edit(edit, spec);
    }
}

/// Puts a whole specification in the place of another, as `docker stack deploy` does: what `--force` has counted stays.
///
/// Source: cli: cli/command/stack/deploy_composefile.go `deployServices`.
pub fn deploy(new: &ServiceSpec, spec: &mut ServiceSpec) {
    let force_update = spec.task.force_update;
    spec.clone_from(new);
    spec.task.force_update = force_update;
}

fn replace<T: Copy>(field: &mut T, given: Option<T>) {
    *field = given.unwrap_or(*field);
}

/// An absent configuration is first filled with the defaults, monitor included.
///
/// Source: cli: cli/command/service/opts.go `updateConfigFromDefaults` (control-plane A9).
fn apply_update_config(change: &UpdateConfigChange, section: &mut Option<UpdateConfig>) {
    if change.is_empty() {
        return;
    }
    let defaults = UpdateConfig { monitor: Some(defaults::MONITOR), ..defaults::UPDATE_CONFIG };
    let config = section.get_or_insert(defaults);
    replace(&mut config.parallelism, change.parallelism);
    replace(&mut config.delay, change.delay);
    replace(&mut config.failure_action, change.failure_action);
    replace(&mut config.monitor, change.monitor);
    replace(&mut config.max_failure_ratio, change.max_failure_ratio);
    replace(&mut config.order, change.order);
}

/// An absent policy is first filled with the defaults, delay included.
///
/// Source: cli: cli/command/service/opts.go `defaultRestartPolicy` (control-plane A9).
fn apply_restart_policy(change: &RestartPolicyChange, section: &mut Option<RestartPolicy>) {
    if change.is_empty() {
        return;
    }
    let defaults = RestartPolicy { delay: Some(defaults::RESTART_DELAY), ..RestartPolicy::default() };
    let policy = section.get_or_insert(defaults);
    replace(&mut policy.condition, change.condition);
    replace(&mut policy.max_attempts, change.max_attempts);
    policy.delay = change.delay.or(policy.delay);
    policy.window = change.window.or(policy.window);
}

fn apply_resources(change: &SpecChange, resources: &mut Resources) {
    replace(&mut resources.limit_nano_cpus, change.limit_nano_cpus);
    replace(&mut resources.limit_memory, change.limit_memory);
    replace(&mut resources.reserve_nano_cpus, change.reserve_nano_cpus);
    replace(&mut resources.reserve_memory, change.reserve_memory);
}

fn apply_edit(edit: &Edit, spec: &mut ServiceSpec) {
    let settings = &mut spec.task.container.settings;
    let placement = &mut spec.task.placement;
    match edit {
        Edit::Set(key, value) => set(Arc::make_mut(settings), key, value),
        Edit::Unset(key) => unset(Arc::make_mut(settings), key),
        Edit::LabelAdd(key, value) => set(&mut spec.labels, key, value),
        Edit::LabelRm(key) => unset(&mut spec.labels, key),
        Edit::ConstraintAdd(constraint) => add(&mut placement.constraints, constraint),
        Edit::ConstraintRm(constraint) => placement.constraints.retain(|existing| existing != constraint),
        Edit::PreferenceAdd(preference) => add(&mut placement.preferences, preference),
        Edit::PreferenceRm(preference) => placement.preferences.retain(|existing| existing != preference),
        Edit::NetworkAdd(network) => add(&mut spec.task.networks, network),
        Edit::NetworkRm(network) => spec.task.networks.retain(|existing| existing != network),
        Edit::PublishAdd(port) => add(&mut spec.endpoint.ports, port),
        Edit::PublishRm { target, protocol, mode } => {
            spec.endpoint.ports.retain(|port| (port.target, port.protocol, port.mode) != (*target, *protocol, *mode))
        }
        Edit::Health(given) => apply_health(given, spec.task.container.healthcheck.get_or_insert_default()),
        Edit::NoHealthcheck => {
            spec.task.container.healthcheck = Some(HealthCheck { test: vec!["NONE".to_owned()], ..Default::default() });
        }
    }
}

fn set(map: &mut BTreeMap<String, String>, key: &str, value: &str) {
    map.insert(key.to_owned(), value.to_owned());
}

fn unset(map: &mut BTreeMap<String, String>, key: &str) {
    map.remove(key);
}

fn add<T: Clone + PartialEq>(list: &mut Vec<T>, item: &T) {
    if !list.contains(item) {
        list.push(item.clone());
    }
}

/// Any health flag takes `NONE` away again.
///
/// Source: cli: cli/command/service/update.go `updateHealthcheck`.
fn apply_health(given: &HealthCheck, check: &mut HealthCheck) {
    if check.test.first().is_some_and(|word| word == "NONE") {
        check.test.clear();
    }
    match given.test.as_slice() {
        [] => {}
        [_, command] if command.is_empty() => check.test.clear(),
        test => check.test = test.to_vec(),
    }
    replace_nonzero(&mut check.interval, given.interval, Span::is_zero);
    replace_nonzero(&mut check.timeout, given.timeout, Span::is_zero);
    replace_nonzero(&mut check.start_period, given.start_period, Span::is_zero);
    replace_nonzero(&mut check.start_interval, given.start_interval, Span::is_zero);
    replace_nonzero(&mut check.retries, given.retries, |retries| retries == 0);
}

/// Zero is how a health check says that the image's value holds.
fn replace_nonzero<T: Copy>(field: &mut Option<T>, given: Option<T>, is_zero: fn(T) -> bool) {
    if let Some(value) = given {
        *field = (!is_zero(value)).then_some(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ImageId;
    use crate::model::service::{
        EndpointMode, FailureAction, Order, PortConfig, Protocol, PublishMode, RestartCondition,
    };

    fn service() -> ServiceSpec {
        ServiceSpec::replicated(ImageId(0), 2)
    }

    fn applied(change: SpecChange, mut spec: ServiceSpec) -> ServiceSpec {
        apply(&change, &mut spec);
        spec
    }

    fn edited(edits: Vec<Edit>, spec: ServiceSpec) -> ServiceSpec {
        applied(SpecChange { edits, ..SpecChange::default() }, spec)
    }

    fn port(published: u16, target: u16, mode: PublishMode) -> PortConfig {
        PortConfig { target, published, protocol: Protocol::Tcp, mode }
    }

    #[test]
    fn an_empty_change_leaves_the_specification_equal() {
        assert_eq!(applied(SpecChange::default(), service()), service());
    }

    #[test]
    fn scalars_replace_what_was_there() {
        let spec = applied(
            SpecChange {
                image: Some(ImageId(3)),
                replicas: Some(7),
                stop_grace_period: Some(Span::from_secs(20)),
                max_replicas_per_node: Some(1),
                limit_nano_cpus: Some(500_000_000),
                limit_memory: Some(75 << 20),
                reserve_nano_cpus: Some(250_000_000),
                reserve_memory: Some(50 << 20),
                endpoint_mode: Some(EndpointMode::DnsRoundRobin),
                ..SpecChange::default()
            },
            service(),
        );
        assert_eq!(spec.task.container.image, ImageId(3));
        assert_eq!(spec.mode, Mode::Replicated { replicas: 7 });
        assert_eq!(spec.task.container.stop_grace_period, Some(Span::from_secs(20)));
        assert_eq!(spec.task.placement.max_replicas_per_node, 1);
        assert_eq!(spec.endpoint.mode, EndpointMode::DnsRoundRobin);
        let resources = Resources {
            limit_nano_cpus: 500_000_000,
            limit_memory: 75 << 20,
            reserve_nano_cpus: 250_000_000,
            reserve_memory: 50 << 20,
        };
        assert_eq!(spec.task.resources, resources);
        assert_eq!(applied(SpecChange::default(), spec.clone()), spec);
    }

    #[test]
    fn a_global_service_keeps_its_mode() {
        let global = ServiceSpec { mode: Mode::Global, ..service() };
        let spec = applied(SpecChange { replicas: Some(3), ..SpecChange::default() }, global.clone());
        assert_eq!(spec, global);
    }

    #[test]
    fn an_absent_update_config_is_filled_with_the_defaults() {
        let update = UpdateConfigChange { delay: Some(Span::from_secs(10)), ..UpdateConfigChange::default() };
        let spec = applied(SpecChange { update, ..SpecChange::default() }, service());
        let filled = UpdateConfig {
            delay: Span::from_secs(10),
            monitor: Some(Span::from_secs(5)),
            parallelism: 1,
            failure_action: FailureAction::Pause,
            max_failure_ratio: 0.0,
            order: Order::StopFirst,
        };
        assert_eq!((spec.update, spec.rollback), (Some(filled), None));
    }

    #[test]
    fn only_the_given_fields_of_a_present_update_config_change() {
        let before = UpdateConfig { parallelism: 4, order: Order::StartFirst, ..defaults::UPDATE_CONFIG };
        let rollback =
            UpdateConfigChange { monitor: Some(None), parallelism: Some(0), ..UpdateConfigChange::default() };
        let spec = applied(
            SpecChange { rollback, ..SpecChange::default() },
            ServiceSpec { rollback: Some(before), ..service() },
        );
        assert_eq!(spec.rollback, Some(UpdateConfig { parallelism: 0, ..before }));
    }

    #[test]
    fn a_restart_policy_that_says_the_defaults_differs_from_none_but_not_from_another_that_does() {
        let change = |restart| SpecChange { restart, ..SpecChange::default() };
        let any = RestartPolicyChange { condition: Some(RestartCondition::Any), ..RestartPolicyChange::default() };
        let delay = RestartPolicyChange { delay: Some(Span::from_secs(5)), ..RestartPolicyChange::default() };
        let first = applied(change(any), service());
        assert_ne!(first, service());
        assert_eq!(applied(change(delay), first.clone()), first);
    }

    #[test]
    fn a_deployed_specification_keeps_nothing_but_what_force_has_counted() {
        let mut spec = applied(SpecChange { force: true, replicas: Some(5), ..SpecChange::default() }, service());
        deploy(&service(), &mut spec);
        assert_eq!((spec.task.force_update, spec.mode), (1, Mode::Replicated { replicas: 2 }));
    }

    #[test]
    fn force_counts_up() {
        let force = || SpecChange { force: true, ..SpecChange::default() };
        assert_eq!(applied(force(), applied(force(), service())).task.force_update, 2);
    }

    #[test]
    fn an_edit_made_again_leaves_the_specification_equal() {
        let edits = vec![
            Edit::Set("env.A".to_owned(), "1".to_owned()),
            Edit::LabelAdd("team".to_owned(), "x".to_owned()),
            Edit::ConstraintAdd("node.role==worker".to_owned()),
            Edit::PreferenceAdd("node.labels.zone".to_owned()),
            Edit::NetworkAdd("back".to_owned()),
            Edit::PublishAdd(port(8080, 80, PublishMode::Ingress)),
            Edit::Health(HealthCheck { retries: Some(2), ..HealthCheck::default() }),
        ];
        let once = edited(edits.clone(), service());
        assert_ne!(once, service());
        assert_eq!(edited(edits, once.clone()), once);
    }

    #[test]
    fn an_edit_taken_back_leaves_the_specification_as_it_was() {
        let before = edited(vec![Edit::Set("env.B".to_owned(), "2".to_owned())], service());
        let there_and_back = vec![
            Edit::Set("env.A".to_owned(), "1".to_owned()),
            Edit::LabelAdd("team".to_owned(), "x".to_owned()),
            Edit::ConstraintAdd("node.role==worker".to_owned()),
            Edit::PreferenceAdd("node.labels.zone".to_owned()),
            Edit::NetworkAdd("back".to_owned()),
            Edit::Unset("env.A".to_owned()),
            Edit::LabelRm("team".to_owned()),
            Edit::ConstraintRm("node.role==worker".to_owned()),
            Edit::PreferenceRm("node.labels.zone".to_owned()),
            Edit::NetworkRm("back".to_owned()),
        ];
        assert_eq!(edited(there_and_back, before.clone()), before);
    }

    #[test]
    fn ports_go_by_target_protocol_and_mode() {
        let mut spec = service();
        spec.endpoint.ports = vec![
            port(8080, 80, PublishMode::Ingress),
            port(80, 80, PublishMode::Host),
            port(443, 443, PublishMode::Ingress),
        ];
        let remove = Edit::PublishRm { target: 80, protocol: Protocol::Tcp, mode: PublishMode::Ingress };
        let spec = edited(vec![remove], spec);
        assert_eq!(spec.endpoint.ports, [port(80, 80, PublishMode::Host), port(443, 443, PublishMode::Ingress)]);
    }

    #[test]
    fn health_flags_replace_only_what_they_name() {
        let words = |test: [&str; 2]| test.map(str::to_owned).to_vec();
        let check =
            |test, retries| HealthCheck { test, retries, interval: Some(Span::from_secs(5)), ..Default::default() };
        let mut spec = service();
        spec.task.container.healthcheck = Some(check(words(["CMD-SHELL", "true"]), Some(3)));

        let retries = edited(vec![Edit::Health(HealthCheck { retries: Some(0), ..Default::default() })], spec.clone());
        assert_eq!(retries.task.container.healthcheck, Some(check(words(["CMD-SHELL", "true"]), None)));

        let test = words(["CMD-SHELL", ""]);
        let cleared = edited(vec![Edit::Health(HealthCheck { test, ..Default::default() })], spec);
        assert_eq!(cleared.task.container.healthcheck, Some(check(vec![], Some(3))));
    }

    #[test]
    fn no_healthcheck_forgets_the_check_and_a_health_flag_ends_it() {
        let none = edited(vec![Edit::NoHealthcheck], service());
        assert_eq!(
            none.task.container.healthcheck.as_ref().map(|check| check.test.clone()),
            Some(vec!["NONE".to_owned()])
        );
        let timeout = Edit::Health(HealthCheck { timeout: Some(Span::from_secs(1)), ..Default::default() });
        let check = edited(vec![timeout], none).task.container.healthcheck;
        assert_eq!(check, Some(HealthCheck { timeout: Some(Span::from_secs(1)), ..Default::default() }));
    }
}
