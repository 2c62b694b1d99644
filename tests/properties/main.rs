//! What holds of every run: random plans under the promises that Swarm makes, and the laws of experiments.

mod census;
mod clusters;
mod laws;
mod plans;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use rollsim::check::Promises;
use rollsim::kernel::{IdVec, Time};
use rollsim::metrics::{Metrics, RunFacts, Summary};
use rollsim::model::client::Grade;
use rollsim::model::command::Command;
use rollsim::model::request::Cause;
use rollsim::model::service::{Mode, Order, ServiceSpec};
use rollsim::model::task::Slot;
use rollsim::model::update::UpdateState;
use rollsim::model::{ImageId, defaults, spec_change};
use rollsim::sim::plan::End;
use rollsim::sim::{self, Plan};

use census::{Census, Count};

/// Random plans for each property, the same in each run; `PROPTEST_CASES` may ask for more, `PROPTEST_RNG_SEED` for others.
fn config() -> Config {
    let number = |name: &str, default: u64| match std::env::var(name) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{name} is a number")),
        Err(_) => default,
    };
    let rng_seed = RngSeed::Fixed(number("PROPTEST_RNG_SEED", 1));
    Config { cases: number("PROPTEST_CASES", 120) as u32, rng_seed, failure_persistence: None, ..Config::default() }
}

fn measure(plan: &Plan) -> Summary {
    let finished = sim::run(plan, Metrics::new(plan));
    let (end, fingerprint) = (finished.end, finished.fingerprint);
    finished.observer.finish(RunFacts { digest: String::new(), fingerprint, end, warnings: Vec::new() })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_run_breaks_a_promise(plan in plans::any_plan()) {
        let promises = sim::run(&plan, Promises::new(&plan)).observer;
        prop_assert!(promises.broken().is_empty(), "{:#?}", promises.broken());
    }

    #[test]
    fn no_run_of_a_changing_cluster_breaks_a_promise(plan in clusters::any_cluster()) {
        let promises = sim::run(&plan, Promises::new(&plan)).observer;
        prop_assert!(promises.broken().is_empty(), "{:#?}", promises.broken());
        prop_assert_eq!(measure(&plan), measure(&plan));
    }

    #[test]
    fn the_same_plan_gives_the_same_summary(plan in plans::any_plan()) {
        prop_assert_eq!(measure(&plan), measure(&plan));
    }

    #[test]
    fn clients_do_not_change_the_control_plane(plan in plans::any_plan()) {
        let without = Plan { clients: IdVec::new(), ..plan.clone() };
        prop_assert_eq!(sim::run(&plan, ()).fingerprint, sim::run(&without, ()).fingerprint);
    }

    #[test]
    fn all_grades_of_traffic_see_the_same_control_plane(plan in prop_oneof![plans::any_plan(), clusters::any_cluster()]) {
        let fingerprint = |grade| sim::run(&Plan { grade, ..plan.clone() }, ()).fingerprint;
        let exact = fingerprint(Grade::Exact);
        prop_assert_eq!([fingerprint(Grade::Aggregate), fingerprint(Grade::Expected)], [exact.clone(), exact]);
    }

    #[test]
    fn observers_do_not_change_a_run(plan in plans::any_plan()) {
        let with = sim::run(&plan, (Promises::new(&plan), Metrics::new(&plan)));
        let without = sim::run(&plan, ());
        prop_assert_eq!((with.end, with.fingerprint), (without.end, without.fingerprint));
    }

    #[test]
    fn requests_and_times_add_up(plan in plans::any_plan()) {
        for service in measure(&plan).services {
            let [start, end] = service.window;
            let window = end.saturating_since(start);
            prop_assert!(service.downtime.total <= service.degraded, "{service:?}");
            prop_assert!(service.degraded <= window, "{service:?}");
            prop_assert!(service.degraded <= service.missing_replica, "{service:?}");
            let Some(requests) = service.requests else { continue };
            prop_assert_eq!(requests.total, requests.ok + requests.failed);
            prop_assert_eq!(requests.total, requests.by_outcome.iter().sum::<u64>());
            prop_assert_eq!(requests.failed, requests.by_cause.iter().sum::<u64>());
            let nobody = requests.by_cause[Cause::NoTask as usize];
            prop_assert_eq!(requests.total - nobody, requests.by_version.iter().map(|version| version.total).sum::<u64>());
        }
    }

    #[test]
    fn when_nothing_fails_every_replica_runs_in_the_end(plan in plans::plan_without_failures()) {
        let census = sim::run(&plan, Census::default()).observer;
        let wanted = replicas_in_the_end(&plan);
        let slots: BTreeSet<Slot> = census.live().map(|task| task.slot).collect();
        prop_assert_eq!(slots.len(), wanted, "{:?}", census.tasks);
        for slot in slots {
            let tasks = census.tasks.values().filter(|task| task.slot == slot).count();
            prop_assert!(tasks <= defaults::TASK_HISTORY_LIMIT as usize, "{slot:?} has {tasks} tasks");
        }
        prop_assert_eq!(census.live().count(), wanted, "{:?}", census.tasks);
        prop_assert_eq!(census.counts.last().map(|count| count.running as usize), Some(wanted), "{:?}", census.tasks);
    }

    #[test]
    fn nothing_is_left_of_a_removed_service(plan in plans::any_plan()) {
        // All commands, and twice the longest stop.
        let plan = Plan { end: End::At(Time::from_millis(120_000)), ..plan };
        let removed = |service| plan.commands.iter().any(|timed| timed.command == Command::ServiceRemove { service });
        let census = sim::run(&plan, Census::default()).observer;
        let left: Vec<_> = census.tasks.values().filter(|task| removed(task.service)).collect();
        prop_assert!(left.is_empty(), "{left:?}");
    }

    #[test]
    fn an_update_takes_as_many_slots_at_once_as_parallelism_says(plan in plans::plan_of_one_update()) {
        let census = sim::run(&plan, Census::default()).observer;
        let spec = first_spec(&plan);
        let Mode::Replicated { replicas } = spec.mode else { unreachable!("all are replicated") };
        let config = spec.update.unwrap_or(defaults::UPDATE_CONFIG);
        let parallelism = if config.parallelism == 0 { replicas } else { config.parallelism.min(replicas) };
        let (missing, surplus) = match config.order {
            Order::StopFirst => (parallelism, 0),
            Order::StartFirst => (0, parallelism),
        };
        for Count { at, running, wanted } in census.counts.iter().filter(|count| count.at >= plan.commands[1].at) {
            prop_assert!(*running >= replicas - missing, "only {running} run at {}", at.since_start());
            prop_assert!(*wanted <= replicas + surplus, "{wanted} are wanted at {}", at.since_start());
        }
        prop_assert!(census.live().all(|task| task.image == ImageId(2)), "{:?}", census.tasks);
        let is_dirty = spec.task.container.image != ImageId(2) && replicas > 0;
        prop_assert_eq!(census.status, is_dirty.then_some(UpdateState::Completed));
    }
}

fn first_spec(plan: &Plan) -> &ServiceSpec {
    match &plan.commands[0].command {
        Command::ServiceCreate { spec, .. } => spec,
        other => panic!("{other:?} creates no service"),
    }
}

/// Replicas that the only service wants after all commands.
fn replicas_in_the_end(plan: &Plan) -> usize {
    let count = |spec: &ServiceSpec| match spec.mode {
        Mode::Replicated { replicas } => replicas as usize,
        Mode::Global => unreachable!("all are replicated"),
    };
    let (mut spec, mut previous) = (first_spec(plan).clone(), None);
    for command in &plan.commands[1..] {
        match &command.command {
            Command::ServiceUpdate { change, .. } => {
                previous = Some(spec.clone());
                spec_change::apply(change, &mut spec);
            }
            Command::ServiceRollback { .. } => {
                if let Some(previous) = &mut previous {
                    std::mem::swap(previous, &mut spec);
                }
            }
            other => panic!("{other:?} is not expected here"),
        }
    }
    count(&spec)
}
