//! The hold model: a fixed number of pending events, each of which schedules its successor when it comes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use rollsim::kernel::{Dist, EventQueue, Phase, Span, Stream, Streams, Time};

/// Number of gaps that are drawn beforehand and used in turn.
const GAPS: usize = 1 << 14;

fn gaps() -> Vec<Span> {
    let mut rng = Streams::new(1).of(Stream::Arrivals, 0);
    let gap = Dist::Exponential { mean: Span::from_secs(1) };
    (0..GAPS).map(|_| gap.sample(rng.draw())).collect()
}

/// Our queue.
pub fn ours(pending: usize, operations: u32) {
    let gaps = gaps();
    let mut queue = EventQueue::new();
    for (event, gap) in (0..pending as u64).zip(gaps.iter().cycle()) {
        queue.push(Time::ZERO + *gap, Phase::Manager, event);
    }
    for (_, gap) in (0..operations).zip(gaps.iter().cycle()) {
        let (now, event) = queue.pop(Time::MAX).expect("the number of events is constant");
        queue.push(now + *gap, Phase::Manager, event);
    }
    black_box(queue);
}

/// The standard library's heap with the same order: time, phase, sequence.
pub fn std_heap(pending: usize, operations: u32) {
    let gaps = gaps();
    let mut queue = BinaryHeap::new();
    let mut sequence = 0u64;
    for (event, gap) in (0..pending as u64).zip(gaps.iter().cycle()) {
        queue.push(Reverse((Time::ZERO + *gap, Phase::Manager, sequence, event)));
        sequence += 1;
    }
    for (_, gap) in (0..operations).zip(gaps.iter().cycle()) {
        let Reverse((now, _, _, event)) = queue.pop().expect("the number of events is constant");
        queue.push(Reverse((now + *gap, Phase::Manager, sequence, event)));
        sequence += 1;
    }
    black_box(queue);
}
