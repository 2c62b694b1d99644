//! Each lint on services that have the fault, and on their neighbours that do not.

use crate::diag::{Code, SourceFile};
use crate::scenario::load;

/// Codes and places of what is said of a service (`deploy`, then what else a service has) among these other keys of a
/// scenario; hints that a failed update pauses are left out.
fn lints_of(service: &str, others: &str) -> Vec<String> {
    let text = format!("rollsim: 1\nservices:\n  web: {{image: 'app:1', {service}}}\n{others}");
    let source = SourceFile { name: "t".to_owned(), text };
    let loaded = load(&source, &[]).unwrap_or_else(|problems| panic!("{}", problems[0].render(false)));
    let told = loaded.lints.iter().filter(|lint| lint.code != Code::FailurePauses);
    told.map(|lint| {
        let shown = &lint.place.file.text[lint.place.span.clone()];
        format!("{} {shown}", lint.code.id())
    })
    .collect()
}

fn lints(service: &str) -> Vec<String> {
    lints_of(service, "")
}

const HEALTHY: &str = "healthcheck: {test: 'true', interval: 1s, timeout: 1s, retries: 1}";

/// A service of three replicas that is updated as `config` says, with a check whose failure shows in time.
fn updated(config: &str) -> String {
    format!("{HEALTHY}, deploy: {{replicas: 3, update_config: {{{config}}}}}")
}

#[test]
fn start_first_wants_a_spare_place_for_a_host_port() {
    let port = "ports: [{target: 80, published: 80, mode: host}]";
    let service = format!("{port}, {}", updated("order: start-first"));
    assert_eq!(lints(&service), ["L0001 order"]);
    assert_eq!(lints(&format!("{port}, {}", updated("order: stop-first"))), [""; 0]);
    assert_eq!(lints(&format!("ports: ['80:80'], {}", updated("order: start-first, monitor: 5s"))), [""; 0]);
}

#[test]
fn start_first_wants_room_below_max_replicas_per_node() {
    let service = |order: &str| {
        format!(
            "{HEALTHY}, deploy: {{replicas: 3, placement: {{max_replicas_per_node: 3}}, update_config: {{order: {order}}}}}"
        )
    };
    assert_eq!(lints(&service("start-first")), ["L0002 order"]);
    assert_eq!(lints(&service("stop-first")), [""; 0]);
}

#[test]
fn start_first_doubles_a_global_service_on_each_node() {
    let service = |order: &str| format!("{HEALTHY}, deploy: {{mode: global, update_config: {{order: {order}}}}}");
    assert_eq!(lints(&service("start-first")), ["L0003 order"]);
    assert_eq!(lints(&service("stop-first")), [""; 0]);
}

#[test]
fn start_first_needs_a_health_check() {
    let start_first = "deploy: {replicas: 3, update_config: {order: start-first}}";
    assert_eq!(lints(start_first), ["L0004 order"]);
    assert_eq!(lints(&format!("healthcheck: {{disable: true}}, {start_first}")), ["L0004 order"]);
    assert_eq!(lints(&format!("{HEALTHY}, {start_first}")), [""; 0]);
    let image = "images: {'app:1': {healthcheck: {test: 'true', interval: 1s, timeout: 1s, retries: 1}}}\n";
    assert_eq!(lints_of(start_first, image), [""; 0], "the image has one");
    let rollback = "deploy: {replicas: 3, rollback_config: {order: start-first}}";
    assert_eq!(lints(rollback), ["L0004 order"]);
}

/// 2 x (3 s + 1 s), 2 s out of rotation, 500 ms to stop.
#[test]
fn a_late_break_is_seen_if_the_checks_fit_into_the_monitor() {
    let images = "images: {'app:1': {stop: 500ms}}\n";
    let service = |monitor: &str, ports: &str| {
        let check = "healthcheck: {test: 'true', interval: 3s, timeout: 1s, retries: 2}";
        format!("{check}, {ports} deploy: {{replicas: 3, update_config: {{monitor: {monitor}}}}}")
    };
    assert_eq!(lints_of(&service("10499ms", "ports: ['80:80'],"), images), ["L0005 monitor"]);
    assert_eq!(lints_of(&service("10500ms", "ports: ['80:80'],"), images), [""; 0]);
    assert_eq!(lints_of(&service("8499ms", ""), images), ["L0005 monitor"]);
    assert_eq!(lints_of(&service("8500ms", ""), images), [""; 0]);
}

#[test]
fn failure_actions_are_remarked_on() {
    assert_eq!(lints(&updated("failure_action: continue")), ["L0006 failure_action"]);
    assert_eq!(lints(&updated("failure_action: rollback")), [""; 0]);
    let rollback = |action: &str| format!("deploy: {{replicas: 3, rollback_config: {{failure_action: {action}}}}}");
    assert_eq!(lints(&rollback("rollback")), ["L0008 failure_action"]);
    assert_eq!(lints(&rollback("pause")), [""; 0]);
}

#[test]
fn a_restart_window_is_longer_than_the_delay() {
    let service = |policy: &str| format!("deploy: {{replicas: 3, restart_policy: {{max_attempts: 3, {policy}}}}}");
    assert_eq!(lints(&service("window: 5s")), ["L0009 window"], "the delay is 5 s by default");
    assert_eq!(lints(&service("window: 6s")), [""; 0]);
    assert_eq!(lints(&service("window: 10s, delay: 11s")), ["L0009 window"]);
    assert_eq!(lints(&service("window: 0s")), [""; 0]);
}

#[test]
fn one_replica_is_down_with_stop_first() {
    assert_eq!(lints("stop_signal: SIGINT"), ["L0010 web"]);
    assert_eq!(lints("deploy: {replicas: 2}"), [""; 0]);
    assert_eq!(lints("deploy: {mode: global}"), [""; 0]);
    assert_eq!(lints(&format!("{HEALTHY}, deploy: {{update_config: {{order: start-first}}}}")), [""; 0]);
}

#[test]
fn the_grace_period_covers_requests_and_the_drain() {
    let images = |behavior: &str| format!("images: {{'app:1': {{{behavior}}}}}\n");
    let clients = "traffic: {clients: {users: {service: web, rate: 1/s}}}\n";
    let service = "deploy: {replicas: 2}, stop_grace_period: 3s";
    assert_eq!(lints_of(service, &images("stop: 4s")), ["L0011 stop_grace_period"]);
    assert_eq!(lints_of(service, &images("stop: 3s")), [""; 0]);
    assert_eq!(lints_of(service, &images("stop: ignore")), [""; 0], "it would need no time");
    // 1 of 100 requests takes longer than 4.6 s.
    let slow = images("service_time: {exponential: 1s}");
    assert_eq!(lints_of(service, &(slow.clone() + clients)), ["L0011 stop_grace_period"]);
    assert_eq!(lints_of(service, &slow), [""; 0], "nobody sends requests");
    assert_eq!(lints_of("deploy: {replicas: 2}", &images("stop: 11s")), ["L0011 web"], "10 s by default");
}

#[test]
fn parallelism_leaves_some_tasks_alone() {
    for (parallelism, told) in [(0, true), (2, false), (3, true), (4, true)] {
        let expected: &[&str] = if told { &["L0012 parallelism"] } else { &[] };
        assert_eq!(lints(&updated(&format!("parallelism: {parallelism}"))), expected, "{parallelism}");
    }
}

#[test]
fn a_ratio_tolerates_at_least_one_failure() {
    let ratio = |ratio: &str| lints(&updated(&format!("max_failure_ratio: {ratio}")));
    assert_eq!(ratio("0.33"), ["L0013 max_failure_ratio"]);
    assert_eq!(ratio("0.34"), [""; 0]);
    assert_eq!(ratio("0"), [""; 0]);
}

#[test]
fn the_monitor_covers_the_delay() {
    assert_eq!(lints(&updated("delay: 5s")), ["L0014 delay"], "the monitor is 5 s by default");
    assert_eq!(lints(&updated("delay: 4s")), [""; 0]);
    assert_eq!(lints(&updated("delay: 5s, monitor: 6s")), [""; 0]);
}

#[test]
fn reservations_leave_room_for_the_surge() {
    let cluster = |cpus: u32| {
        let node = format!("{{role: manager, resources: {{cpus: '{cpus}', memory: 1g}}}}");
        format!("cluster: {{nodes: {{one: {node}, two: {node}}}}}\n")
    };
    let service = |parallelism: u32| {
        let reserve = "resources: {reservations: {cpus: '1.5'}}";
        let config = format!("update_config: {{order: start-first, parallelism: {parallelism}}}");
        format!("{HEALTHY}, deploy: {{replicas: 3, {reserve}, {config}}}")
    };
    // Two nodes of 3 CPUs hold 2 tasks each.
    assert_eq!(lints_of(&service(1), &cluster(3)), [""; 0]);
    assert_eq!(lints_of(&service(2), &cluster(3)), ["L0015 reservations"]);
    assert_eq!(lints(&service(2)), [""; 0], "a node that says nothing has more than anybody asks for");
    let other = "  db: {image: 'db:1', deploy: {replicas: 2, resources: {reservations: {cpus: '1'}}}}\n";
    assert_eq!(lints_of(&service(1), &(other.to_owned() + &cluster(3))), ["L0015 reservations"]);
}

#[test]
fn flags_of_the_timeline_count_once_and_at_their_line() {
    let timeline = "timeline:\n\
        - {at: 1s, run: docker service update --update-delay 9s web}\n\
        - {at: 60s, run: docker service update --image app:2 web}\n";
    let line = "docker service update --update-delay 9s web";
    assert_eq!(lints_of(&updated("parallelism: 1"), timeline), [format!("L0014 {line}")]);
    assert_eq!(lints_of(&updated("delay: 7s"), timeline), ["L0014 delay"]);
}
