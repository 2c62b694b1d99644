//! Tests against the laws of queues: what is measured over many seeds agrees with what theory says.

use super::tests::{case, client, run};
use crate::kernel::{Dist, Span, Time};
use crate::model::client::Load;
use crate::model::request::Request;

/// Seeds of a measurement.
const SEEDS: usize = 20;
/// How far from the mean of so many a true value lies in one of a thousand cases, in standard errors (Student's t, 19 degrees of
/// freedom).
const T: f64 = 3.88;
/// Simulated time of each seed, of which the beginning is left out until the queue has forgotten that it was empty.
const LENGTH_MS: u64 = 240_000;
const WARM_UP_MS: u64 = 20_000;

/// Mean work of a request in milliseconds.
const WORK: f64 = 20.0;

/// Response times in milliseconds of Poisson arrivals with this mean gap, in turn to `tasks`, each with `lanes`; by seed.
fn measure(gap: f64, tasks: u32, lanes: u32, service_time: Dist) -> Vec<Vec<f64>> {
    let span = |millis: f64| Span::from_micros(libm::round(millis * 1e3) as u64);
    let load = Load::Open { gap: Dist::Exponential { mean: span(gap) } };
    let mut case = case(tasks, service_time, client(0, LENGTH_MS, load), LENGTH_MS);
    case.applications.values_mut().for_each(|application| application.concurrency = lanes);
    let late = |request: &&Request| request.sent > Time::from_millis(WARM_UP_MS);
    let seeds = (1..=SEEDS as u64).map(|seed| {
        case.seed = seed;
        run(&case).iter().filter(late).map(|request| request.latency().as_secs_f64() * 1e3).collect()
    });
    seeds.collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Asserts that one request in a hundred takes longer than the expected 99th percentile. That share, unlike the percentile of a
/// sample, has no bias.
fn p99_agrees(law: &str, measured: &[Vec<f64>], expected: f64) {
    let slower = |values: &[f64]| values.iter().map(|value| f64::from(u8::from(*value > expected))).sum::<f64>();
    agrees(law, measured, |values| slower(values) / values.len() as f64, 0.01, 0.5);
}

fn mean_agrees(law: &str, measured: &[Vec<f64>], expected: f64) {
    agrees(law, measured, mean, expected, 0.1);
}

/// Asserts that the expected value lies in the confidence interval of what was measured, which is not wider than this part of it.
fn agrees(law: &str, measured: &[Vec<f64>], statistic: impl Fn(&[f64]) -> f64, expected: f64, widest: f64) {
    let values: Vec<f64> = measured.iter().map(|seed| statistic(seed)).collect();
    let centre = mean(&values);
    let squares = values.iter().map(|value| (value - centre) * (value - centre)).sum::<f64>();
    let half_width = T * libm::sqrt(squares / (SEEDS * (SEEDS - 1)) as f64);
    assert!((centre - expected).abs() <= half_width, "{law}: {centre} ± {half_width}, not {expected}");
    assert!(half_width < widest * expected, "{law}: {centre} ± {half_width} tells little");
}

/// Where a falling function is 1 %, below twenty times the work of a request.
fn one_percent(tail: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, 20.0 * WORK);
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if tail(middle) > 0.01 { low = middle } else { high = middle }
    }
    low
}

const EXPONENTIAL: Dist = Dist::Exponential { mean: Span::from_millis(20) };

/// M/M/1: the response time is exponential with the rate mu - lambda.
#[test]
fn one_task_with_exponential_work_is_an_m_m_1_queue() {
    let measured = measure(WORK / 0.7, 1, 1, EXPONENTIAL);
    let response = WORK / (1.0 - 0.7);
    mean_agrees("mean of M/M/1", &measured, response);
    p99_agrees("p99 of M/M/1", &measured, response * libm::log(100.0));
}

/// M/M/c: Erlang's C is the share of requests that wait; they wait exponentially with the rate c mu - lambda.
#[test]
fn a_task_with_several_lanes_is_an_m_m_c_queue() {
    let (lanes, load) = (4, 2.8);
    let measured = measure(WORK / load, 1, lanes, EXPONENTIAL);
    let free = f64::from(lanes) - load;
    let (mut term, mut below) = (1.0, 0.0);
    for busy in 0..lanes {
        below += term;
        term *= load / f64::from(busy + 1);
    }
    let full = term * f64::from(lanes) / free;
    let waits = full / (below + full);
    mean_agrees("mean of M/M/c", &measured, WORK + waits * WORK / free);
    let tail = |t: f64| {
        let done = libm::exp(-t / WORK);
        done * (1.0 + waits * (1.0 - libm::exp(-(free - 1.0) * t / WORK)) / (free - 1.0))
    };
    p99_agrees("p99 of M/M/c", &measured, one_percent(tail));
}

/// M/D/1: the mean wait is that of Pollaczek and Khinchine, its distribution that of Erlang and Crommelin.
#[test]
fn one_task_with_constant_work_is_an_m_d_1_queue() {
    let load = 0.7;
    let measured = measure(WORK / load, 1, 1, Dist::Constant(Span::from_millis(20)));
    mean_agrees("mean of M/D/1", &measured, WORK + load * WORK / (2.0 * (1.0 - load)));
    let tail = |t: f64| {
        let wait = t - WORK;
        let term = |k: u32| {
            let x = load * (f64::from(k) - wait / WORK);
            (1..=k).fold(libm::exp(-x), |term, i| term * x / f64::from(i))
        };
        let steps = libm::floor(wait.max(0.0) / WORK) as u32;
        1.0 - if wait < 0.0 { 0.0 } else { (1.0 - load) * (0..=steps).map(term).sum::<f64>() }
    };
    p99_agrees("p99 of M/D/1", &measured, one_percent(tail));
}

/// Of k tasks that take turns each gets every k-th arrival of a Poisson process: Erlang-k gaps, nearly as even as a clock. Each is
/// an E_k/M/1 queue, whose response time is exponential with the rate mu (1 - sigma), where sigma is the root of sigma = (lambda /
/// (lambda + mu (1 - sigma)))^k.
#[test]
fn round_robin_over_identical_tasks_makes_each_an_erlang_k_queue() {
    let (tasks, load) = (5, 0.8);
    let gap = WORK / load / f64::from(tasks);
    let measured = measure(gap, tasks, 1, EXPONENTIAL);
    let mut sigma = 0.5;
    for _ in 0..1_000 {
        let gap_ends_first = 1.0 / (1.0 + gap / WORK * (1.0 - sigma));
        sigma = (0..tasks).fold(1.0, |power, _| power * gap_ends_first);
    }
    let response = WORK / (1.0 - sigma);
    mean_agrees("mean of E_k/M/1", &measured, response);
    p99_agrees("p99 of E_k/M/1", &measured, response * libm::log(100.0));
    assert!(response < 0.7 * WORK / (1.0 - load), "random choice, M/M/1 at each task, would take much longer");
}
