//! Replicas in rotation over time: the window of measurement, downtime, and what is missing.
//!
//! - *In rotation* is a task to which the load balancer sends requests; without service binding, a task whose process is up.
//! - The *window* of a service begins at the first instant at which all desired replicas, and at least one, are in rotation,
//!   or, if the plan says when to measure from, then, or at its creation if that is later. It ends with the service's removal or
//!   with the run. A service whose replicas never got into rotation is measured from its creation.
//! - It is *down* while some replicas are desired and none is in rotation, *degraded* while fewer are in rotation than desired.
//! - *Missing* is the number of replicas desired and not in rotation, summed over time: two missing for 3 s are 6 s.
//! - *Peak* is the most tasks that the managers see as STARTING or RUNNING at once.
//!
//! What counts is how an instant ends; what is undone within the same instant was never so.

use super::summary::Downtime;
use crate::kernel::{IdVec, Span, Time};
use crate::model::ImageId;
use crate::sim::Plan;

/// Follows the replicas of one service.
#[derive(Clone, Debug)]
pub(super) struct ReplicaMeter {
    measure_from: Option<Time>,
    /// Whether any replica was ever desired.
    wanted: bool,
    /// Whether all desired replicas, and at least one, were in rotation once.
    ready: bool,
    window: [Time; 2],
    /// As records came, up to now.
    now: Level,
    /// In rotation, by image.
    versions: IdVec<ImageId, u32>,
    /// As the last instant ended that changed something, at `since`.
    standing: Level,
    since: Time,
    intervals: Vec<[Time; 2]>,
    degraded: Span,
    missing: Span,
    peak: u32,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Level {
    desired: u32,
    in_rotation: u32,
    /// Tasks observed as STARTING or RUNNING.
    containers: u32,
}

/// What the window of a service comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Replicas {
    pub(super) window: [Time; 2],
    pub(super) never_ready: bool,
    pub(super) uptime_share: Option<f64>,
    pub(super) downtime: Downtime,
    pub(super) degraded: Span,
    pub(super) missing: Span,
    pub(super) peak_tasks: u32,
}

impl ReplicaMeter {
    /// The meter of a service that is created at `now`.
    pub(super) fn new(plan: &Plan, now: Time) -> ReplicaMeter {
        let start = plan.measure_from.map_or(now, |from| from.max(now));
        ReplicaMeter {
            measure_from: plan.measure_from,
            wanted: false,
            ready: false,
            window: [start, Time::MAX],
            now: Level::default(),
            versions: IdVec::filled(plan.images.len(), 0),
            standing: Level::default(),
            since: now,
            intervals: Vec::new(),
            degraded: Span::ZERO,
            missing: Span::ZERO,
            peak: 0,
        }
    }

    /// The service wants this many replicas.
    pub(super) fn set_desired(&mut self, desired: u32) {
        self.now.desired = desired;
    }

    /// A task enters or leaves rotation.
    pub(super) fn rotate(&mut self, image: ImageId, entered: bool) {
        for count in [&mut self.now.in_rotation, &mut self.versions[image]] {
            *count = if entered { *count + 1 } else { *count - 1 };
        }
    }

    /// A task becomes STARTING, or is past RUNNING.
    pub(super) fn count_container(&mut self, up: bool) {
        self.now.containers = if up { self.now.containers + 1 } else { self.now.containers - 1 };
    }

    /// The instant `now` has ended. Returns whether the window begins with it, so that all that came before is to be forgotten.
    pub(super) fn settle(&mut self, now: Time) -> bool {
        self.account(now);
        (self.standing, self.since) = (self.now, now);
        self.wanted |= self.now.desired > 0;
        let becomes_ready = !self.ready && self.now.desired > 0 && self.now.in_rotation >= self.now.desired;
        self.ready |= becomes_ready;
        let begins = becomes_ready && self.measure_from.is_none();
        if begins {
            self.window[0] = now;
            self.intervals.clear();
            (self.degraded, self.missing, self.peak) = (Span::ZERO, Span::ZERO, 0);
        }
        begins
    }

    /// The service is removed, or the run ends: the window ends too.
    pub(super) fn close(&mut self, now: Time) {
        if self.window[1] == Time::MAX {
            self.account(now);
            self.window = [self.window[0].min(now), now];
        }
    }

    /// Whether a request that is sent then is within the window, as far as it is known.
    #[inline]
    pub(super) fn measures(&self, sent: Time) -> bool {
        self.window[0] <= sent && sent < self.window[1]
    }

    /// Whether all desired replicas are in rotation, and all of one version.
    pub(super) fn is_whole(&self) -> bool {
        let versions = self.versions.values().filter(|count| **count > 0).count();
        self.now.in_rotation >= self.now.desired && versions <= 1
    }

    /// What the window comes to, once it is closed.
    pub(super) fn summary(self) -> Replicas {
        let [from, to] = self.window;
        let length = to - from;
        let downtime = Downtime::new(self.intervals);
        let up = (length - downtime.total).as_secs_f64();
        Replicas {
            window: self.window,
            never_ready: self.wanted && !self.ready,
            uptime_share: (!length.is_zero()).then(|| up / length.as_secs_f64()),
            downtime,
            degraded: self.degraded,
            missing: self.missing,
            peak_tasks: self.peak,
        }
    }

    /// Adds what stood since the last change until `now`, as far as it lies within the window.
    fn account(&mut self, now: Time) {
        let (from, to) = (self.since.max(self.window[0]), now.min(self.window[1]));
        if from >= to {
            return;
        }
        let Level { desired, in_rotation, containers } = self.standing;
        let missing = desired.saturating_sub(in_rotation);
        if missing > 0 {
            self.degraded += to - from;
            self.missing += (to - from) * u64::from(missing);
        }
        if desired > 0 && in_rotation == 0 {
            match self.intervals.last_mut() {
                Some([_, end]) if *end == from => *end = to,
                _ => self.intervals.push([from, to]),
            }
        }
        self.peak = self.peak.max(containers);
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::plan;
    use super::*;

    const IMAGE: ImageId = ImageId(0);

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn ms(ms: u64) -> Span {
        Span::from_millis(ms)
    }

    /// A service created at 0, and then at each time given that many replicas desired and in rotation.
    fn levels(plan: &Plan, levels: &[(u64, u32, u32)]) -> ReplicaMeter {
        let mut meter = ReplicaMeter::new(plan, Time::ZERO);
        for &(time, desired, in_rotation) in levels {
            meter.set_desired(desired);
            while meter.now.in_rotation != in_rotation {
                meter.rotate(IMAGE, meter.now.in_rotation < in_rotation);
            }
            meter.settle(at(time));
        }
        meter
    }

    fn measured(plan: &Plan, steps: &[(u64, u32, u32)], end: u64) -> Replicas {
        let mut meter = levels(plan, steps);
        meter.close(at(end));
        meter.summary()
    }

    #[test]
    fn the_window_begins_when_all_desired_replicas_are_in_rotation() {
        let replicas = measured(&plan(), &[(0, 2, 0), (1_000, 2, 1), (3_000, 2, 2)], 10_000);
        assert_eq!(replicas.window, [at(3_000), at(10_000)]);
        assert_eq!((replicas.never_ready, replicas.uptime_share), (false, Some(1.0)));
        assert_eq!((replicas.downtime.total, replicas.degraded, replicas.missing), (ms(0), ms(0), ms(0)));
    }

    #[test]
    fn down_is_when_nothing_is_in_rotation_and_degraded_when_less_than_desired() {
        let steps =
            [(0, 2, 2), (1_000, 2, 1), (2_000, 2, 0), (5_000, 2, 1), (6_000, 2, 2), (7_000, 2, 0), (8_000, 2, 2)];
        let replicas = measured(&plan(), &steps, 20_000);
        assert_eq!(replicas.downtime.intervals, [[at(2_000), at(5_000)], [at(7_000), at(8_000)]]);
        assert_eq!((replicas.downtime.total, replicas.downtime.longest), (ms(4_000), ms(3_000)));
        assert_eq!(replicas.downtime.count(), 2);
        assert_eq!((replicas.degraded, replicas.missing), (ms(6_000), ms(2_000 + 2 * 4_000)));
        assert_eq!(replicas.uptime_share, Some(0.8));
    }

    #[test]
    fn one_interval_of_downtime_though_the_desired_number_changes_within() {
        let replicas = measured(&plan(), &[(0, 2, 2), (1_000, 2, 0), (2_000, 3, 0), (4_000, 3, 3)], 5_000);
        assert_eq!(replicas.downtime.intervals, [[at(1_000), at(4_000)]]);
        assert_eq!(replicas.missing, ms(2_000 + 3 * 2_000));
    }

    #[test]
    fn nothing_is_down_while_no_replica_is_desired() {
        let replicas =
            measured(&plan(), &[(0, 1, 1), (1_000, 0, 1), (2_000, 0, 0), (5_000, 1, 0), (6_000, 1, 1)], 7_000);
        assert_eq!(replicas.downtime.intervals, [[at(5_000), at(6_000)]]);
        let never_wanted = measured(&plan(), &[(0, 0, 0)], 7_000);
        assert_eq!((never_wanted.never_ready, never_wanted.uptime_share), (false, Some(1.0)));
    }

    #[test]
    fn a_service_that_never_got_there_is_down_from_its_creation() {
        let replicas = measured(&plan(), &[(0, 2, 0), (4_000, 2, 1), (5_000, 2, 0)], 10_000);
        assert_eq!((replicas.never_ready, replicas.window), (true, [at(0), at(10_000)]));
        assert_eq!(replicas.downtime.intervals, [[at(0), at(4_000)], [at(5_000), at(10_000)]]);
        assert_eq!(replicas.uptime_share, Some(0.1));
    }

    #[test]
    fn the_plan_may_say_from_when_to_measure() {
        let plan = Plan { measure_from: Some(at(2_000)), ..plan() };
        let replicas = measured(&plan, &[(0, 1, 0), (3_000, 1, 1)], 6_000);
        assert_eq!((replicas.window, replicas.never_ready), ([at(2_000), at(6_000)], false));
        assert_eq!(replicas.downtime.intervals, [[at(2_000), at(3_000)]]);
        let late = measured(&plan, &[(0, 1, 1)], 1_000);
        assert_eq!((late.window, late.uptime_share), ([at(1_000), at(1_000)], None));
    }

    #[test]
    fn removal_ends_the_window() {
        let mut meter = levels(&plan(), &[(0, 1, 1), (1_000, 1, 0)]);
        meter.close(at(3_000));
        meter.close(at(9_000));
        assert!(meter.measures(at(2_999)) && !meter.measures(at(3_000)));
        let replicas = meter.summary();
        assert_eq!(replicas.window, [at(0), at(3_000)]);
        assert_eq!(replicas.downtime.intervals, [[at(1_000), at(3_000)]]);
    }

    #[test]
    fn what_is_undone_within_an_instant_was_never_so() {
        let replicas = measured(&plan(), &[(0, 1, 1), (1_000, 1, 0), (1_000, 1, 1)], 2_000);
        assert_eq!(replicas.downtime, Downtime::default());
    }

    #[test]
    fn the_peak_is_the_most_containers_at_once_within_the_window() {
        let mut meter = levels(&plan(), &[]);
        let mut step = |time, desired, starts: i32| {
            meter.set_desired(desired);
            meter.rotate(IMAGE, true);
            (0..starts.abs()).for_each(|_| meter.count_container(starts > 0));
            meter.settle(at(time));
        };
        step(0, 3, 5);
        step(1_000, 3, -3);
        step(2_000, 3, 0);
        step(3_000, 3, 2);
        step(4_000, 3, -1);
        meter.close(at(5_000));
        assert_eq!(meter.summary().peak_tasks, 4);
    }

    #[test]
    fn a_service_is_whole_when_all_replicas_of_one_version_are_in_rotation() {
        let mut meter = levels(&plan(), &[(0, 2, 2)]);
        assert!(meter.is_whole());
        meter.rotate(ImageId(1), true);
        assert!(!meter.is_whole());
        meter.rotate(IMAGE, false);
        meter.rotate(IMAGE, false);
        assert!(!meter.is_whole());
        meter.rotate(ImageId(1), true);
        assert!(meter.is_whole());
    }
}
