//! temp
use rollsim::kernel::*;
use rollsim::model::command::*;
use rollsim::model::image::*;
use rollsim::model::service::*;
use rollsim::model::*;
use rollsim::sim::{Plan, plan::*};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::time::Instant;

fn hold_ours(n: usize, ops: usize) -> f64 {
    let mut rng = Streams::new(1).of(Stream::Arrivals, 0);
    let gaps: Vec<u64> =
        (0..65536).map(|_| Dist::Exponential { mean: Span::from_millis(1000) }.sample(rng.draw()).as_nanos()).collect();
    let mut q = EventQueue::new();
    for i in 0..n {
        q.push(Time::from_nanos(gaps[i % 65536]), Phase::Manager, i as u64);
    }
    let t = Instant::now();
    for i in 0..ops {
        let (now, e) = q.pop(Time::MAX).unwrap();
        q.push(now + Span::from_nanos(gaps[i & 65535]), Phase::Manager, e);
    }
    black_box(&q);
    t.elapsed().as_nanos() as f64 / ops as f64
}
fn hold_std(n: usize, ops: usize) -> f64 {
    let mut rng = Streams::new(1).of(Stream::Arrivals, 0);
    let gaps: Vec<u64> =
        (0..65536).map(|_| Dist::Exponential { mean: Span::from_millis(1000) }.sample(rng.draw()).as_nanos()).collect();
    let mut q = BinaryHeap::new();
    let mut seq = 0u64;
    for i in 0..n {
        q.push(Reverse((gaps[i % 65536], 0u8, seq, i as u64)));
        seq += 1;
    }
    let t = Instant::now();
    for i in 0..ops {
        let Reverse((now, _, _, e)) = q.pop().unwrap();
        q.push(Reverse((now + gaps[i & 65535], 0, seq, e)));
        seq += 1;
    }
    black_box(&q);
    t.elapsed().as_nanos() as f64 / ops as f64
}
fn rollout(p: u32) -> Plan {
    let image = |name: &str| Image {
        name: name.into(),
        behavior: ImageBehavior {
            prepare: Dist::Constant(Span::from_millis(1730)),
            start: Dist::Constant(Span::from_millis(410)),
            stop: Dist::Constant(Span::from_millis(1060)),
            ..Default::default()
        },
    };
    let mut spec = ServiceSpec::replicated(ImageId(0), 1000);
    spec.update = Some(UpdateConfig { parallelism: p, ..defaults::UPDATE_CONFIG });
    let change = SpecChange { image: Some(ImageId(1)), ..Default::default() };
    Plan {
        name: "x".into(),
        seed: 1,
        end: End::At(Time::from_millis(440000)),
        nodes: (0..50).map(|i| Node { name: format!("n{i}"), spec: Default::default() }).collect(),
        images: [image("a:1"), image("a:2")].into_iter().collect(),
        services: ["web".to_string()].into_iter().collect(),
        clients: IdVec::new(),
        commands: vec![
            TimedCommand {
                at: Time::ZERO,
                line: String::new(),
                command: Command::ServiceCreate { service: ServiceId(0), spec: Box::new(spec) },
            },
            TimedCommand {
                at: Time::from_millis(60000),
                line: String::new(),
                command: Command::ServiceUpdate { service: ServiceId(0), change: Box::new(change) },
            },
        ],
        latencies: latencies::Latencies::NONE,
        task_history_limit: Some(5),
        measure_from: None,
        slo: IdVec::filled(1, None),
    }
}
fn main() {
    for n in [100, 1000, 10000] {
        let a = (0..20).map(|_| hold_ours(n, 1_000_000)).fold(f64::MAX, f64::min);
        let b = (0..20).map(|_| hold_std(n, 1_000_000)).fold(f64::MAX, f64::min);
        println!("hold {n}: {a:.1} std {b:.1}");
    }
    for p in [10, 100] {
        let plan = rollout(p);
        let best = (0..40)
            .map(|_| {
                let t = Instant::now();
                black_box(rollsim::sim::run(&plan, ()));
                t.elapsed().as_secs_f64() * 1e3
            })
            .fold(f64::MAX, f64::min);
        println!("rollout p{p}: {best:.3} ms");
    }
}
