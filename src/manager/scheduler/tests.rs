//! The scheduler in the company of the other components (upstream: manager/scheduler/scheduler_test.go).

use crate::manager::fixture::{
    API, Cluster, WEB, constrained, global, labelled, new_image, replicated, with_restart_delay,
};
use crate::model::command::{Command, Edit, SpecChange};
use crate::model::node::{Availability, NodeSpec};
use crate::model::service::{PortConfig, Protocol, PublishMode, ServiceSpec};
use crate::model::task::TaskState;
use crate::model::{NodeId, TaskId};

/// Control-plane S17: the first round stays with a node until the next one is better, and so overfills one of them.
#[test]
fn staggered_nodes_are_filled_unevenly() {
    let mut cluster = Cluster::of(3);
    let only_n3 = "node.hostname==n3";
    assert_eq!(cluster.create(WEB, constrained(replicated(5), only_n3)).advance(50).spread(WEB), [0, 0, 5]);
    let edits = vec![Edit::ConstraintRm(only_n3.to_owned())];
    cluster.update(SpecChange { replicas: Some(15), edits, ..SpecChange::default() });
    assert_eq!(cluster.advance(50).spread(WEB), [2, 7, 6]);
}

/// Control-plane S20.
#[test]
fn branches_of_a_preference_get_equal_shares() {
    let zones = ["a", "b", "b", "b", "b"];
    let mut cluster = Cluster::new(zones.map(|zone| labelled("zone", zone)));
    let mut spec = replicated(8);
    spec.task.placement.preferences = vec!["node.labels.zone".to_owned()];
    assert_eq!(cluster.create(WEB, spec).advance(50).spread(WEB), [4, 1, 1, 1, 1]);
}

/// Control-plane S7, S30.
#[test]
fn who_finds_no_node_is_told_why() {
    let small = NodeSpec { nano_cpus: Some(1), ..NodeSpec::default() };
    let mut cluster = Cluster::new([small.clone(), small, labelled("disk", "ssd")]);
    let mut spec = constrained(replicated(1), "node.labels.disk==hdd");
    spec.task.resources.reserve_nano_cpus = 2;
    cluster.create(WEB, spec).advance(50);
    insta::assert_snapshot!(cluster.tasks(), @"0 slot 1: pending, desired running, on -: no suitable node (insufficient resources on 2 nodes; scheduling constraints not satisfied on 1 node)");
}

/// Control-plane S9: what is not wanted any more does not count, but keeps what it reserved until it has stopped.
#[test]
fn room_is_free_when_the_task_has_stopped() {
    let mut cluster = Cluster::new([NodeSpec { memory: Some(1), ..NodeSpec::default() }]);
    let mut spec = replicated(1);
    spec.task.resources.reserve_memory = 1;
    cluster.create(WEB, spec).advance(50).report(TaskState::Running, &[0]).update(new_image()).advance(50);
    insta::assert_snapshot!(cluster.tasks(), @r"
    0 slot 1: running, desired shutdown, on n1
    1 slot 1: pending, desired ready, on -: no suitable node (insufficient resources on 1 node)
    ");
    cluster.report(TaskState::Shutdown, &[0]).advance(50);
    insta::assert_snapshot!(cluster.tasks(), @r"
    0 slot 1: shutdown, desired shutdown, on n1
    1 slot 1: assigned, desired running, on n1
    ");
}

#[test]
fn tasks_with_one_host_port_are_kept_apart() {
    let mut cluster = Cluster::of(2);
    let mut spec = replicated(3);
    let mode = PublishMode::Host;
    spec.endpoint.ports = vec![PortConfig { target: 80, published: 80, protocol: Protocol::Tcp, mode }];
    assert_eq!(cluster.create(WEB, spec).advance(50).spread(WEB), [1, 1]);
}

#[test]
fn no_more_replicas_on_a_node_than_allowed() {
    let mut cluster = Cluster::of(2);
    let mut spec = replicated(5);
    spec.task.placement.max_replicas_per_node = 2;
    assert_eq!(cluster.create(WEB, spec).advance(50).spread(WEB), [2, 2]);
}

/// Control-plane S31: no agent would ever report it.
#[test]
fn a_superseded_task_without_a_node_ends_when_it_is_not_wanted() {
    let mut cluster = Cluster::of(1);
    cluster.create(WEB, constrained(replicated(1), "node.hostname==n2")).advance(50).update(new_image()).advance(50);
    insta::assert_snapshot!(cluster.tasks(), @r"
    0 slot 1: shutdown, desired shutdown, on -
    1 slot 1: pending, desired running, on -: no suitable node (scheduling constraints not satisfied on 1 node)
    ");
}

/// Control-plane S2.
#[test]
fn commits_prolong_the_quiet_time() {
    let mut cluster = Cluster::of(1);
    cluster.create(WEB, replicated(1)).advance(40).create(API, replicated(1)).advance(40);
    assert_eq!(cluster.spread(WEB), [0]);
    assert_eq!(cluster.advance(10).spread(WEB), [1]);
}

/// Nodes with so much memory each.
fn with_memory(bytes: &[u64]) -> Cluster {
    Cluster::new(bytes.iter().map(|bytes| NodeSpec { memory: Some(*bytes), ..NodeSpec::default() }))
}

fn reserving(replicas: u32, bytes: u64) -> ServiceSpec {
    let mut spec = replicated(replicas);
    spec.task.resources.reserve_memory = bytes;
    spec
}

fn scale(replicas: u32) -> SpecChange {
    SpecChange { replicas: Some(replicas), ..SpecChange::default() }
}

/// What is said of the tasks that wait for a node.
fn explanations(cluster: &Cluster) -> Vec<String> {
    let waiting = cluster.manager.store.tasks().filter(|(_, task)| task.status.state == TaskState::Pending);
    waiting.map(|(_, task)| task.status.err.map_or(String::new(), |err| err.to_string())).collect()
}

#[test]
fn nodes_that_are_drained_lost_or_removed_get_nothing_and_one_that_comes_does() {
    let mut cluster = Cluster::of(4);
    cluster.set_availability(0, Availability::Drain).lose_node(1).remove_node(2);
    assert_eq!(cluster.create(WEB, replicated(3)).advance(50).spread(WEB), [0, 0, 0, 3]);
    cluster.register(1).update(scale(5)).advance(50);
    assert_eq!(cluster.spread(WEB), [0, 2, 0, 3]);
}

/// A task that is deleted makes its node the emptiest.
#[test]
fn a_deleted_task_makes_room() {
    let mut cluster = Cluster::of(2);
    cluster.create(WEB, replicated(4)).advance(50).create(API, replicated(1)).advance(50);
    let with_api = cluster.spread(API).iter().position(|tasks| *tasks == 1).expect("it has a node");
    let gone = cluster.manager.store.tasks_on_node(NodeId(with_api as u32)).map(|(id, _)| id).next();
    cluster.write(|store, _| store.remove_task(gone.expect("it has tasks")));
    assert_eq!(cluster.advance(50).spread(WEB), [2, 2]);
}

/// Control-plane S12: first the tasks of the service count, then all.
#[test]
fn tasks_are_spread_by_service_and_then_by_all() {
    let mut cluster = Cluster::of(5);
    let mut spread = cluster.create(WEB, replicated(18)).advance(50).spread(WEB);
    let emptiest: Vec<usize> = (0..5).filter(|node| spread[*node] == 3).collect();
    spread.sort_unstable();
    assert_eq!(spread, [3, 3, 4, 4, 4]);
    let api = cluster.create(API, replicated(2)).advance(50).spread(API);
    assert_eq!((0..5).filter(|node| api[*node] == 1).collect::<Vec<usize>>(), emptiest);
    let mut spread = cluster.update(scale(21)).advance(50).spread(WEB);
    spread.sort_unstable();
    assert_eq!(spread, [4, 4, 4, 4, 5]);
}

/// Control-plane S20: a branch with no room left gives its share to the others.
#[test]
fn a_full_branch_gives_up_its_share_and_branches_split_again() {
    let node = |zone: &str, rack: &str, memory| {
        let labels = [("zone", zone), ("rack", rack)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        NodeSpec { labels: labels.into(), memory, ..NodeSpec::default() }
    };
    let racks = [node("b", "1", None), node("b", "1", None), node("b", "2", None)];
    let mut cluster = Cluster::new([node("a", "1", Some(4))].into_iter().chain(racks));
    let mut spec = reserving(12, 1);
    spec.task.placement.preferences = vec!["node.labels.zone".to_owned(), "node.labels.rack".to_owned()];
    assert_eq!(cluster.create(WEB, spec).advance(50).spread(WEB), [4, 2, 2, 4]);
    assert_eq!(cluster.update(scale(14)).advance(50).spread(WEB).iter().sum::<usize>(), 14);
}

#[test]
fn without_any_node_there_is_nothing_to_explain() {
    let mut cluster = Cluster::of(1);
    cluster.remove_node(0).create(WEB, replicated(1)).advance(50);
    assert_eq!(explanations(&cluster), ["no suitable node"]);
    assert_eq!(cluster.register(0).advance(50).spread(WEB), [1]);
}

/// Control-plane S15: nodes are avoided, not forbidden.
#[test]
fn a_node_where_five_tasks_failed_is_avoided_until_the_specification_changes() {
    let spec = || with_restart_delay(replicated(1), 0);
    let mut cluster = Cluster::of(2);
    cluster.create(API, constrained(replicated(3), "node.hostname==n2")).advance(50).create(WEB, spec());
    let place_of_next = |cluster: &mut Cluster| {
        let tasks = cluster.advance(50).manager.store.tasks();
        let (id, task) = tasks.filter(|(_, task)| task.service == WEB).last().expect("there is a task");
        (id.0, task.node.map(|node| node.0))
    };
    for _ in 0..5 {
        let (task, node) = place_of_next(&mut cluster);
        assert_eq!(node, Some(0));
        cluster.report(TaskState::Failed, &[task]);
    }
    let (task, node) = place_of_next(&mut cluster);
    assert_eq!(node, Some(1));
    cluster.report(TaskState::Failed, &[task]).update(new_image());
    cluster.obey(1_000, |_| false);
    assert_eq!(place_of_next(&mut cluster).1, Some(0));
}

/// Control-plane S22, G10: a preassigned task fails where it is, and nobody counts.
#[test]
fn a_preassigned_task_stays_where_it_fails() {
    let mut cluster = Cluster::of(2);
    cluster.create(WEB, with_restart_delay(global(), 0)).advance(50);
    for failed in [0, 2, 3, 4, 5, 6, 7] {
        cluster.report(TaskState::Failed, &[failed]).advance(50);
    }
    let last = cluster.manager.store.tasks().last().expect("there is a task").1;
    assert_eq!((last.node, last.status.state), (Some(NodeId(0)), TaskState::Assigned));
}

#[test]
fn scarce_nodes_take_what_fits_and_more_comes_with_a_node() {
    let mut cluster = with_memory(&[1, 8, 8]);
    cluster.set_availability(1, Availability::Pause).set_availability(2, Availability::Drain);
    cluster.create(WEB, reserving(1, 2)).advance(50);
    let both = "no suitable node (2 nodes not available for new tasks; insufficient resources on 1 node)";
    assert_eq!(explanations(&cluster), [both]);
    assert_eq!(cluster.set_availability(1, Availability::Active).advance(50).spread(WEB), [0, 1, 0]);
    // The emptier node takes one and is full.
    let mut cluster = with_memory(&[9, 1]);
    cluster.create(API, constrained(replicated(2), "node.hostname==n1")).advance(50);
    assert_eq!(cluster.create(WEB, reserving(4, 1)).advance(50).spread(WEB), [3, 1]);
}

#[test]
fn what_ended_before_a_leader_came_reserves_nothing() {
    let mut cluster = with_memory(&[1]);
    cluster.create(WEB, reserving(1, 1)).advance(50).report(TaskState::Failed, &[0]).manager.lose_leader();
    cluster.elect().advance(10_000);
    assert!(cluster.tasks().ends_with("1 slot 1: assigned, desired running, on n1\n"), "{}", cluster.tasks());
}

#[test]
fn tasks_of_a_removed_service_get_no_node() {
    let mut cluster = Cluster::of(1);
    cluster.set_availability(0, Availability::Pause).create(WEB, replicated(2)).advance(50);
    cluster.command(Command::ServiceRemove { service: WEB }).advance(1_000);
    assert_eq!(cluster.set_availability(0, Availability::Active).advance(50).tasks(), "");
}

/// Control-plane S23.
#[test]
fn preassigned_tasks_come_first() {
    let mut cluster = with_memory(&[1, 1]);
    let mut spec = global();
    spec.task.resources.reserve_memory = 1;
    cluster.create(WEB, reserving(1, 1)).create(API, constrained(spec, "node.hostname==n1")).advance(50);
    assert_eq!((cluster.spread(API), cluster.spread(WEB)), (vec![1, 0], vec![0, 1]));
}

/// Control-plane S3.
#[test]
fn a_new_leader_ignores_what_is_not_wanted_any_more() {
    let mut cluster = Cluster::of(1);
    cluster.set_availability(0, Availability::Pause).create(WEB, replicated(1)).advance(50);
    cluster.write(|store, _| store.set_desired(TaskId(0), TaskState::Shutdown)).manager.lose_leader();
    cluster.elect().set_availability(0, Availability::Active).advance(1_000);
    let row = cluster.manager.store.task_ever(TaskId(0));
    assert_eq!((row.status.state, row.node), (TaskState::Pending, None));
}

#[test]
fn host_ports_and_replicas_per_node_are_named_when_they_are_in_the_way() {
    let mut spec = replicated(2);
    spec.task.placement.max_replicas_per_node = 1;
    let mut cluster = Cluster::of(1);
    assert_eq!(explanations(cluster.create(WEB, spec.clone()).advance(1_000)).len(), 1);
    cluster.set_label(0, "any", "change").advance(50);
    assert_eq!(explanations(&cluster), ["no suitable node (max replicas per node limit exceed)"]);
    let mut cluster = Cluster::of(3);
    cluster.create(WEB, constrained(spec, "node.hostname==n9")).advance(50);
    assert_eq!(explanations(&cluster), ["no suitable node (scheduling constraints not satisfied on 3 nodes)"; 2]);
    let mut spec = replicated(2);
    let mode = PublishMode::Host;
    spec.endpoint.ports = vec![PortConfig { target: 80, published: 80, protocol: Protocol::Tcp, mode }];
    let mut cluster = Cluster::of(2);
    cluster.create(API, spec.clone()).advance(50).create(WEB, spec).advance(50);
    assert_eq!(explanations(&cluster), ["no suitable node (host-mode port already in use on 2 nodes)"; 2]);
}
