//! Random plans. Each feature is absent from some of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use rollsim::kernel::curve::{Piece, Wave};
use rollsim::kernel::{Curve, Dist, IdVec, Span, Time};
use rollsim::model::client::{Access, ClientSpec, Connect, Load};
use rollsim::model::command::{Command, SpecChange, UpdateConfigChange};
use rollsim::model::engine::Engine;
use rollsim::model::image::{Application, ImageBehavior, Outcome, Stop, TaskOverride};
use rollsim::model::latencies::Latencies;
use rollsim::model::node::NodeSpec;
use rollsim::model::service::{
    FailureAction, Order, PortConfig, RestartCondition, RestartPolicy, ServiceSpec, TaskSpec, UpdateConfig,
};
use rollsim::model::{ImageId, NodeId, ServiceId};
use rollsim::sim::Plan;
use rollsim::sim::plan::{End, Image, Node, TieOrder, TimedCommand};

const IMAGES: u32 = 3;
/// No command comes later.
pub const LAST_COMMAND_MS: u64 = 60_000;

/// Any plan.
pub fn any_plan() -> impl Strategy<Value = Plan> {
    let images = vec(behavior(), IMAGES as usize);
    let end = prop_oneof![
        1 => (1..180_000u64).prop_map(|ms| End::At(Time::from_millis(ms))),
        // Longer than a drained node may take.
        2 => Just(End::WhenQuiet { quiet: Span::from_secs(120), limit: Time::from_millis(360_000) }),
    ];
    let history_limit = option::of(0..6u32);
    (
        images,
        vec(service(), 1..=3),
        commands(3),
        vec(client(3), 0..=2),
        (latencies(), ties()),
        end,
        history_limit,
        1..4u32,
        any::<u64>(),
    )
        .prop_map(|(images, services, commands, clients, (latencies, ties), end, history_limit, nodes, seed)| {
            let plan = Plan {
                end,
                latencies,
                ties,
                task_history_limit: history_limit,
                seed,
                ..plan(images, services, commands, nodes)
            };
            with_clients(plan, clients)
        })
}

/// A plan in which no container fails, with one service, which is never removed, and a quiet end.
///
/// Nor is there a service that restarts nothing: while its tasks stop after a scale-down their slots are live again, so that an
/// update at the same time may give up the wrong one (control-plane O3, O8).
pub fn plan_without_failures() -> impl Strategy<Value = Plan> {
    let images = vec(times().prop_map(|times| ImageBehavior { outcome: Outcome::Run, ..times }), IMAGES as usize);
    (images, service(), commands(1), latencies(), 1..4u32, any::<u64>()).prop_map(
        |(images, service, commands, latencies, nodes, seed)| {
            let commands =
                commands.into_iter().filter(|(_, command)| !matches!(command, Command::ServiceRemove { .. }));
            let end = End::WhenQuiet { quiet: Span::from_secs(30), limit: Time::from_millis(3_600_000) };
            let restart = service.task.restart.filter(|policy| policy.condition != RestartCondition::None);
            let service = ServiceSpec { task: TaskSpec { restart, ..service.task }, ..service };
            Plan { end, latencies, seed, ..plan(images, vec![service], commands.collect(), nodes) }
        },
    )
}

/// A plan with one service and one update, to an image that does not fail, when all tasks have long been running.
pub fn plan_of_one_update() -> impl Strategy<Value = Plan> {
    plan_without_failures().prop_map(|mut plan| {
        plan.commands.truncate(1);
        let change = SpecChange { image: Some(ImageId(IMAGES - 1)), ..SpecChange::default() };
        let command = Command::ServiceUpdate { service: ServiceId(0), change: Box::new(change) };
        plan.commands.push(TimedCommand { at: Time::from_millis(LAST_COMMAND_MS), line: String::new(), command });
        if let Command::ServiceCreate { spec, .. } = &mut plan.commands[0].command {
            spec.task.container.image = ImageId(0);
        }
        plan
    })
}

fn plan(images: Vec<ImageBehavior>, services: Vec<ServiceSpec>, mut later: Vec<(u64, Command)>, nodes: u32) -> Plan {
    let count = services.len();
    let create = |(service, spec)| Command::ServiceCreate { service: ServiceId(service), spec: Box::new(spec) };
    let created = (0..).zip(services).map(create).map(|command| (0, command));
    later.sort_by_key(|(at, _)| *at);
    // With fewer services than commands are made for, those of the others fall away.
    later.retain(|(_, command)| (service_of(command).0 as usize) < count);
    let timed = |(at, command)| TimedCommand { at: Time::from_millis(at), line: String::new(), command };
    let image = |(number, behavior)| Image { name: format!("app:{number}"), behavior };
    Plan {
        name: "random".to_owned(),
        seed: 1,
        end: End::At(Time::ZERO),
        nodes: (1..=nodes)
            .map(|number| Node {
                name: format!("node{number}"),
                spec: NodeSpec::default(),
                is_member: true,
                staleness: Span::ZERO,
            })
            .collect(),
        images: (1..).zip(images).map(image).collect(),
        services: (1..=count).map(|number| format!("service{number}")).collect(),
        clients: IdVec::new(),
        commands: created.chain(later).map(timed).collect(),
        engine: Engine::Current,
        latencies: Latencies::NONE,
        ties: TieOrder::Fixed,
        task_history_limit: Some(5),
        grade: Default::default(),
        measure_from: None,
        slo: IdVec::filled(count, None),
    }
}

fn service_of(command: &Command) -> ServiceId {
    match command {
        Command::ServiceCreate { service, .. }
        | Command::ServiceUpdate { service, .. }
        | Command::ServiceDeploy { service, .. }
        | Command::ServiceRollback { service }
        | Command::ServiceRemove { service } => *service,
        Command::NodeUpdate { .. } | Command::NodeRemove { .. } | Command::ForceNewCluster | Command::Fault(_) => {
            unreachable!("commands about nodes come later")
        }
    }
}

fn with_clients(mut plan: Plan, clients: Vec<ClientSpec>) -> Plan {
    plan.clients = clients.into_iter().filter(|client| (client.service.0 as usize) < plan.services.len()).collect();
    plan
}

fn service() -> impl Strategy<Value = ServiceSpec> {
    (
        0..IMAGES,
        0..=6u32,
        option::of(update_config()),
        option::of(update_config()),
        option::of(restart()),
        any::<bool>(),
    )
        .prop_map(|(image, replicas, update, rollback, restart, is_published)| {
            let mut spec = ServiceSpec::replicated(ImageId(image), replicas);
            let port = PortConfig { target: 80, published: 80, protocol: Default::default(), mode: Default::default() };
            spec.endpoint.ports.extend(is_published.then_some(port));
            spec.task.restart = restart;
            ServiceSpec { update, rollback, ..spec }
        })
}

fn update_config() -> impl Strategy<Value = UpdateConfig> {
    let ratio = prop_oneof![Just(0.0), 0.0..=1.0f32];
    (0..4u32, span(6_000), failure_action(), option::of(span(8_000)), ratio, order()).prop_map(
        |(parallelism, delay, failure_action, monitor, max_failure_ratio, order)| UpdateConfig {
            parallelism,
            delay,
            failure_action,
            monitor,
            max_failure_ratio,
            order,
        },
    )
}

fn failure_action() -> impl Strategy<Value = FailureAction> {
    prop_oneof![Just(FailureAction::Pause), Just(FailureAction::Continue), Just(FailureAction::Rollback)]
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::StopFirst), Just(Order::StartFirst)]
}

fn restart() -> impl Strategy<Value = RestartPolicy> {
    let condition =
        prop_oneof![Just(RestartCondition::None), Just(RestartCondition::OnFailure), Just(RestartCondition::Any)];
    (condition, option::of(span(6_000)), prop_oneof![Just(0), 1..4u32], option::of(span(20_000)))
        .prop_map(|(condition, delay, max_attempts, window)| RestartPolicy { condition, delay, max_attempts, window })
}

/// Zero, or up to `max_ms` milliseconds.
fn span(max_ms: u64) -> impl Strategy<Value = Span> {
    prop_oneof![1 => Just(Span::ZERO), 4 => (0..=max_ms).prop_map(Span::from_millis)]
}

fn dist(max_ms: u64) -> impl Strategy<Value = Dist> {
    prop_oneof![
        span(max_ms).prop_map(Dist::Constant),
        (1..=max_ms).prop_map(|mean| Dist::Exponential { mean: Span::from_millis(mean) }),
        (0..=max_ms, 0..=max_ms)
            .prop_map(|(a, b)| Dist::Uniform { low: Span::from_millis(a.min(b)), high: Span::from_millis(a.max(b)) }),
    ]
}

fn times() -> impl Strategy<Value = ImageBehavior> {
    (dist(4_000), dist(4_000), dist(12_000), dist(50)).prop_map(|(prepare, start, stop, service_time)| ImageBehavior {
        prepare,
        start,
        stop: Stop::After(stop),
        application: Application { service_time, ..Application::default() },
        ..ImageBehavior::default()
    })
}

fn behavior() -> impl Strategy<Value = ImageBehavior> {
    let special = (option::of(outcome()), option::of(span(20_000)), option::of(span(20_000)), option::of(span(20_000)))
        .prop_map(|(outcome, prepare, start, stop)| TaskOverride { outcome, prepare, start, stop, boot: None });
    let special = prop_oneof![2 => Just(BTreeMap::new()), 1 => btree_map(0..6u32, special, 1..4)];
    (times(), outcome(), prop_oneof![Just(1.0), 0.0..=1.0f64], special).prop_map(
        |(times, outcome, fail_share, tasks)| ImageBehavior { outcome, fail_share, tasks: Arc::new(tasks), ..times },
    )
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        3 => Just(Outcome::Run),
        1 => Just(Outcome::FailPrepare),
        1 => Just(Outcome::FailStart),
        2 => (dist(30_000), 0..=1u8).prop_map(|(after, code)| Outcome::Exit { after, code }),
    ]
}

/// Commands to the first `services` services and when they come, in milliseconds.
fn commands(services: u32) -> impl Strategy<Value = Vec<(u64, Command)>> {
    vec((0..=LAST_COMMAND_MS, command(services)), 0..6)
}

fn command(services: u32) -> impl Strategy<Value = Command> {
    let update = |service, change| Command::ServiceUpdate { service, change: Box::new(change) };
    (0..services).prop_map(ServiceId).prop_flat_map(move |service| {
        prop_oneof![
            5 => change().prop_map(move |change| update(service, change)),
            2 => Just(Command::ServiceRollback { service }),
            1 => Just(Command::ServiceRemove { service }),
        ]
    })
}

fn change() -> impl Strategy<Value = SpecChange> {
    let config = (option::of(0..4u32), option::of(span(6_000)), option::of(failure_action()), option::of(order()));
    let config = config.prop_map(|(parallelism, delay, failure_action, order)| UpdateConfigChange {
        parallelism,
        delay,
        failure_action,
        order,
        ..UpdateConfigChange::default()
    });
    let image = option::of((0..IMAGES).prop_map(ImageId));
    (image, option::of(0..=6u32), prop_oneof![Just(UpdateConfigChange::default()), config], prop::bool::weighted(0.1))
        .prop_map(|(image, replicas, update, force)| SpecChange {
            image,
            replicas,
            update,
            force,
            ..SpecChange::default()
        })
}

fn ties() -> impl Strategy<Value = TieOrder> {
    prop_oneof![Just(TieOrder::Fixed), Just(TieOrder::Shuffled)]
}

fn latencies() -> impl Strategy<Value = Latencies> {
    prop_oneof![Just(Latencies::NONE), Just(Latencies::SWARM)]
}

/// Steps and ramps, or a wave, of at most 50 requests a second.
fn varying() -> impl Strategy<Value = Load> {
    let piece = (span(20_000), 0.0..50.0, 0.0..50.0);
    let piece = piece.prop_map(|(length, begin, end)| Piece { length, begin, end });
    let last = Piece { length: Span::from_secs(1), begin: 1.0, end: 0.5 };
    let pieces = (vec(piece, 0..4), any::<bool>()).prop_map(move |(mut pieces, repeats)| {
        pieces.push(last);
        Curve::of_pieces(pieces, repeats)
    });
    let wave = (0.0..10.0, 10.0..50.0, span(60_000), 1..60u64)
        .prop_map(|(low, high, peak, period)| Curve::Wave(Wave { low, high, peak, period: Span::from_secs(period) }));
    let curve = prop_oneof![pieces, wave];
    (curve, any::<bool>()).prop_map(|(rate, is_poisson)| Load::Varying { rate, is_poisson })
}

fn client(services: u32) -> impl Strategy<Value = ClientSpec> {
    let gap = prop_oneof![
        (20..500u64).prop_map(|ms| Dist::Constant(Span::from_millis(ms))),
        (20..500u64).prop_map(|ms| Dist::Exponential { mean: Span::from_millis(ms) }),
    ];
    let closed = (1..4u32, option::of(1..200u64), dist(500), span(50)).prop_map(
        |(concurrency, requests, think, client_time)| Load::Closed { concurrency, requests, think, client_time },
    );
    let load = prop_oneof![gap.prop_map(|gap| Load::Open { gap }), varying(), closed];
    let instant = |ms| Time::from_millis(ms);
    let until = prop_oneof![Just(Time::MAX), (0..120_000u64).prop_map(instant)];
    ((0..services).prop_map(ServiceId), (0..60_000u64).prop_map(instant), until, load, connect()).prop_map(
        |(service, from, until, load, connect)| {
            let name = "client".to_owned();
            ClientSpec { name, service, from, until, load, connect }
        },
    )
}

fn connect() -> impl Strategy<Value = Connect> {
    let access = prop_oneof![Just(Access::Direct), Just(Access::Vip), Just(Access::DnsRoundRobin)];
    (access, option::of(span(4_000)), option::of(span(4_000)), 0..3u32, any::<bool>()).prop_map(
        |(access, connect_timeout, request_timeout, retries, keep_alive)| {
            let nodes = if access == Access::Direct { Vec::new() } else { vec![NodeId(0)] };
            let backoff = Span::from_millis(100);
            Connect {
                access,
                nodes,
                connect_timeout,
                request_timeout,
                retries,
                backoff,
                keep_alive,
                ..Connect::default()
            }
        },
    )
}
