//! Health checks: what a container's probes find, and when.
//!
//! A probe that changes nothing is never simulated. Between two changes of the container's condition all probes are alike, so the
//! next one that changes the status follows by arithmetic; only that one gets a timer.
//!
//! Source: moby: daemon/health.go (data-plane section b).

use crate::kernel::{Span, Time};
use crate::model::health::Check;
use crate::model::image::Condition;

/// What the probes have found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// Nothing that counts yet.
    Starting,
    /// The last probe that counts succeeded, or too few have failed since.
    Healthy,
    /// Too many probes failed in a row.
    Unhealthy,
}

/// The health monitor of one container.
#[derive(Clone, Copy, Debug)]
pub(super) struct Monitor {
    check: Check,
    /// Start of the container.
    started: Time,
    /// Duration of a probe that is answered.
    probe: Span,
    /// The process listens from then on; a probe before it is refused.
    listening: Time,
    /// The condition up to `changed`.
    before: Condition,
    /// When the condition changed last.
    changed: Time,
    /// The condition since.
    condition: Condition,
    health: Health,
    /// Failures in a row that counted.
    streak: u32,
    /// Start of the first probe that was not looked at yet; the end of time: none will ever change anything.
    next: Time,
}

/// What a probe finds, and how long it takes.
#[derive(Clone, Copy)]
struct Finding {
    is_success: bool,
    duration: Span,
}

impl Monitor {
    /// The monitor of a container whose process is up at `now` and listens at `listening`.
    pub(super) fn new(check: Check, now: Time, listening: Time, probe: Span) -> Monitor {
        let mut monitor = Monitor {
            check,
            started: now,
            probe,
            listening,
            before: Condition::Fine,
            changed: now,
            condition: Condition::Fine,
            health: Health::Starting,
            streak: 0,
            next: Time::MAX,
        };
        if check.is_probed {
            monitor.next = now.saturating_add(monitor.interval(now));
        }
        monitor
    }

    /// The condition of the container changes. A probe that is under way finds what was there when it began.
    ///
    /// `Assumed:` the start of a probe decides what it finds.
    pub(super) fn change_condition(&mut self, now: Time, condition: Condition) {
        self.pass(now);
        self.before = self.condition_at(self.next);
        self.changed = now;
        self.condition = condition;
    }

    /// When the status changes next, if nothing else does.
    pub(super) fn next_change(&self) -> Option<Time> {
        let mut ahead = *self;
        ahead.pass(Time::MAX);
        (ahead.next < Time::MAX).then(|| ahead.next.saturating_add(ahead.finding(ahead.next).duration))
    }

    /// The status changes now, as [`Monitor::next_change`] said: to what. Nothing that is found after `Unhealthy` counts, for it
    /// stops the container.
    ///
    /// Source: `handleProbeResult` (data-plane rules 50 to 54).
    pub(super) fn change(&mut self) -> Health {
        self.pass(Time::MAX);
        let finding = self.finding(self.next);
        if finding.is_success {
            (self.health, self.streak) = (Health::Healthy, 0);
            self.skip(1, finding.duration);
        } else {
            (self.health, self.next) = (Health::Unhealthy, Time::MAX);
        }
        self.health
    }

    /// Lets all probes pass that begin before `limit`, up to the first that changes the status.
    fn pass(&mut self, limit: Time) {
        while self.next < limit {
            let finding = self.finding(self.next);
            let alike = self.alike(finding.duration, limit);
            if finding.is_success {
                if self.health == Health::Starting {
                    return;
                }
                self.streak = 0;
            } else if !self.is_lenient() {
                let needed = u64::from(self.check.retries - self.streak);
                if alike >= needed {
                    self.streak = self.check.retries - 1;
                    if needed > 1 {
                        self.skip(needed - 1, finding.duration);
                    }
                    return;
                }
                self.streak += alike as u32;
            }
            self.skip(alike, finding.duration);
        }
    }

    /// How many probes, the next one included, begin before `limit` and find the same in the same way.
    fn alike(&self, duration: Span, limit: Time) -> u64 {
        let lenient_until = self.started.saturating_add(self.check.start_period);
        let bounds = [self.listening, self.changed, lenient_until];
        let bound = bounds.into_iter().filter(|bound| *bound > self.next).fold(limit, Time::min);
        (bound - self.next).as_nanos().div_ceil(self.period(duration).as_nanos())
    }

    /// Goes on behind so many probes that are alike.
    fn skip(&mut self, probes: u64, duration: Span) {
        let last = self.next.saturating_add(self.period(duration) * (probes - 1));
        let end = last.saturating_add(duration);
        self.next = end.saturating_add(self.interval(end));
    }

    fn period(&self, duration: Span) -> Span {
        duration + self.interval(self.next)
    }

    /// The wait from `now` to the next probe (data-plane rule 49).
    fn interval(&self, now: Time) -> Span {
        let is_starting = self.health == Health::Starting && now - self.started < self.check.start_period;
        if is_starting { self.check.start_interval } else { self.check.interval }
    }

    /// Whether a failure of the next probe does not count (data-plane rules 51, 52).
    fn is_lenient(&self) -> bool {
        self.health == Health::Starting && self.next - self.started < self.check.start_period
    }

    fn condition_at(&self, time: Time) -> Condition {
        if time < self.changed { self.before } else { self.condition }
    }

    /// What a probe finds that begins at `start` (data-plane rule 50).
    fn finding(&self, start: Time) -> Finding {
        let timeout = self.check.timeout;
        let answer = self.probe.min(timeout);
        match self.condition_at(start) {
            _ if start < self.listening => Finding { is_success: false, duration: answer },
            Condition::Fine => Finding { is_success: self.probe <= timeout, duration: answer },
            Condition::Broken => Finding { is_success: false, duration: answer },
            Condition::Overloaded => Finding { is_success: false, duration: timeout },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::engine::Engine;
    use crate::model::service::HealthCheck;
    use Condition::{Broken, Fine, Overloaded};
    use Health::{Healthy, Unhealthy};

    /// A check as a service states it: `interval=2s start_period=5s retries=2`.
    fn stated(text: &str) -> HealthCheck {
        let mut check = HealthCheck { test: vec!["CMD".to_owned(), "true".to_owned()], ..HealthCheck::default() };
        for (key, value) in text.split_whitespace().filter_map(|setting| setting.split_once('=')) {
            let span = || value.strip_suffix('s').and_then(|secs| secs.parse().ok()).map(Span::from_secs);
            match key {
                "interval" => check.interval = span(),
                "timeout" => check.timeout = span(),
                "start_period" => check.start_period = span(),
                "start_interval" => check.start_interval = span(),
                "retries" => check.retries = value.parse().ok(),
                _ => panic!("{key}"),
            }
        }
        check
    }

    fn check(text: &str) -> Check {
        Check::resolve(Some(&stated(text)), None, Engine::Current).expect("there is a test")
    }

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    /// The monitor of a container that was started at 0, listens then, and whose probes take 100 ms.
    fn monitor(text: &str) -> Monitor {
        Monitor::new(check(text), Time::ZERO, Time::ZERO, Span::from_millis(100))
    }

    /// All changes of the status up to `end`, each in milliseconds, while the condition changes as told.
    fn changes(mut monitor: Monitor, conditions: &[(u64, Condition)], end: u64) -> Vec<(u64, Health)> {
        let mut changes = Vec::new();
        let mut conditions = conditions.iter().peekable();
        loop {
            let change = monitor.next_change().unwrap_or(Time::MAX);
            let condition = conditions.peek().map_or(Time::MAX, |(millis, _)| at(*millis));
            if condition.min(change) > at(end) {
                return changes;
            }
            match conditions.next_if(|_| condition <= change) {
                Some((_, condition_then)) => monitor.change_condition(condition, *condition_then),
                None => changes.push((change.as_millis(), monitor.change())),
            }
        }
    }

    /// The same, probe by probe.
    fn probe_by_probe(check: Check, listening: Time, conditions: &[(u64, Condition)], end: u64) -> Vec<(u64, Health)> {
        let (mut health, mut streak, mut changes) = (Health::Starting, 0, Vec::new());
        let wait = |now: Time, health| match health {
            Health::Starting if now < Time::ZERO + check.start_period => check.start_interval,
            _ => check.interval,
        };
        let mut start = Time::ZERO + wait(Time::ZERO, health);
        loop {
            let then = conditions.iter().rev().find(|(millis, _)| at(*millis) <= start);
            let condition = then.map_or(Fine, |(_, condition)| *condition);
            let is_success = condition == Fine && start >= listening;
            let hangs = start >= listening && condition == Overloaded;
            let done = start + if hangs { check.timeout } else { Span::from_millis(100) };
            let lenient = health == Health::Starting && start < Time::ZERO + check.start_period;
            streak = if is_success { 0 } else { streak + u32::from(!lenient) };
            let now = match is_success {
                true => Healthy,
                false if streak >= check.retries => Unhealthy,
                false => health,
            };
            if done > at(end) {
                return changes;
            }
            if std::mem::replace(&mut health, now) != now {
                changes.push((done.as_millis(), now));
            }
            if now == Unhealthy {
                return changes;
            }
            start = done + wait(done, health);
        }
    }

    #[test]
    fn rule_47_unset_fields_come_from_the_image_and_then_from_the_defaults() {
        let secs = Span::from_secs;
        let default = check("");
        assert_eq!((default.interval, default.timeout, default.retries), (secs(30), secs(30), 3));
        assert_eq!((default.start_period, default.start_interval), (Span::ZERO, secs(5)));
        let service = HealthCheck { test: Vec::new(), ..stated("interval=2s retries=5") };
        let image = stated("interval=9s timeout=4s start_period=7s");
        let merged = Check::resolve(Some(&service), Some(&image), Engine::Current).expect("the image has a test");
        assert_eq!((merged.interval, merged.timeout, merged.start_period), (secs(2), secs(4), secs(7)));
        assert_eq!((merged.start_interval, merged.retries), (secs(5), 5));
    }

    #[test]
    fn rule_48_no_test_and_none_are_no_check_and_an_unknown_kind_never_says_anything() {
        let with =
            |words: &[&str]| HealthCheck { test: words.iter().map(|word| (*word).to_owned()).collect(), ..stated("") };
        let resolve = |check: &HealthCheck| Check::resolve(Some(check), None, Engine::Current);
        assert_eq!((resolve(&with(&[])), resolve(&with(&["NONE"]))), (None, None));
        assert_eq!(Check::resolve(Some(&with(&["NONE"])), Some(&stated("")), Engine::Current), None);
        let odd = resolve(&with(&["curl", "localhost"])).expect("the gate takes it for a check");
        assert_eq!(changes(Monitor::new(odd, at(0), at(0), Span::ZERO), &[(1_000, Broken)], 3_600_000), []);
    }

    #[test]
    fn rule_49_the_first_probe_comes_one_interval_after_the_start() {
        assert_eq!(changes(monitor("interval=2s"), &[], 3_600_000), [(2_100, Healthy)]);
        assert_eq!(changes(monitor(""), &[], 3_600_000), [(30_100, Healthy)], "rule 56: 30 s + d with all defaults");
    }

    #[test]
    fn rule_49_within_the_start_period_the_start_interval_counts_even_if_it_is_longer() {
        let told = "interval=2s start_period=5s";
        assert_eq!(changes(monitor(told), &[], 60_000), [(5_100, Healthy)], "not at 2 s");
        // Probes at 5.0, 10.1, 15.2, ... until one finds it listening.
        let slow = Monitor { listening: at(15_000), ..monitor("interval=2s start_period=60s") };
        assert_eq!(changes(slow, &[], 60_000), [(15_300, Healthy)]);
        let quick = Monitor { listening: at(2_500), ..monitor("interval=10s start_period=60s start_interval=1s") };
        assert_eq!(changes(quick, &[], 60_000), [(3_300, Healthy)], "probes at 1.0, 2.1 and 3.2 s");
    }

    #[test]
    fn rule_49_before_25_0_there_is_no_start_interval() {
        let old = Check::resolve(Some(&stated("interval=2s timeout=2s start_period=5s")), None, Engine::V20_10);
        let old = Monitor::new(old.expect("there is a test"), at(0), at(3_000), Span::from_millis(100));
        assert_eq!(changes(old, &[], 60_000), [(4_200, Healthy)], "probes at 2.0 and 4.1 s, as recorded");
    }

    #[test]
    fn rule_50_a_probe_longer_than_the_timeout_fails_at_the_timeout() {
        let slow = Monitor { probe: Span::from_secs(3), ..monitor("interval=5s timeout=2s retries=2") };
        assert_eq!(changes(slow, &[], 60_000), [(14_000, Unhealthy)], "probes from 5 to 7 and from 12 to 14 s");
        let told = [(0, Overloaded)];
        assert_eq!(changes(monitor("interval=5s timeout=3s retries=3"), &told, 60_000), [(24_000, Unhealthy)]);
    }

    #[test]
    fn rule_51_failures_within_the_start_period_do_not_count() {
        let told = "interval=2s start_period=5s start_interval=1s retries=2";
        // Probes at 1.0, 2.1, 3.2, 4.3, which do not count, and then at 5.4 and 7.5 s.
        assert_eq!(changes(monitor(told), &[(0, Broken)], 60_000), [(7_600, Unhealthy)]);
        assert_eq!(changes(monitor("interval=2s retries=3"), &[(0, Broken)], 60_000), [(6_300, Unhealthy)]);
        assert_eq!(changes(monitor(""), &[(0, Broken)], 600_000), [(90_300, Unhealthy)], "rule 56: 90 s + 3d");
    }

    #[test]
    fn rule_52_a_success_ends_the_leniency_of_the_start_period() {
        let told = "interval=2s start_period=60s start_interval=1s retries=2";
        // Healthy at 1.1 s; from then on probes every 2.1 s: at 3.1, 5.2 and 7.3 s.
        assert_eq!(changes(monitor(told), &[(4_000, Broken)], 60_000), [(1_100, Healthy), (7_400, Unhealthy)]);
    }

    #[test]
    fn rule_53_only_a_change_of_the_status_is_told() {
        let told = [(10_000, Broken), (13_000, Fine), (20_000, Broken), (23_000, Fine)];
        // One or two failures, never three in a row.
        assert_eq!(changes(monitor("interval=2s"), &told, 60_000), [(2_100, Healthy)]);
    }

    #[test]
    fn rule_56_a_container_that_breaks_is_unhealthy_after_its_last_retry() {
        // Probes at 2.0, 4.1, ..., 98.6, 100.7, 102.8, 104.9 s.
        let broken = |at| changes(monitor("interval=2s"), &[(at, Broken)], 600_000);
        assert_eq!(broken(100_700), [(2_100, Healthy), (105_000, Unhealthy)], "at best 2 (I + d) + d later");
        assert_eq!(broken(98_601), [(2_100, Healthy), (105_000, Unhealthy)], "at worst 3 (I + d) later");
        assert_eq!(broken(98_600), [(2_100, Healthy), (102_900, Unhealthy)], "the start of a probe decides");
    }

    #[test]
    fn a_change_during_a_probe_comes_too_late_for_it() {
        let told = [(2_050, Broken), (2_060, Overloaded)];
        assert_eq!(changes(monitor("interval=2s timeout=1s"), &told, 60_000), [(2_100, Healthy), (11_100, Unhealthy)]);
        let told = [(0, Broken), (6_250, Fine)];
        assert_eq!(changes(monitor("interval=2s"), &told, 60_000), [(6_300, Unhealthy)], "the third was under way");
    }

    proptest::proptest! {
        #[test]
        fn skipping_probes_finds_what_probing_finds(
            (interval, start_period, start_interval, retries) in (1..4u64, 0..12u64, 1..6u64, 1..5u32),
            listening in 0..15_000u64,
            mut told in proptest::collection::vec((0..40_000u64, 0..3usize), 0..6),
        ) {
            let text = format!(
                "interval={interval}s timeout=1s start_period={start_period}s start_interval={start_interval}s retries={retries}"
            );
            told.sort_unstable();
            told.dedup_by_key(|(millis, _)| *millis);
            let told: Vec<_> = told.into_iter().map(|(millis, kind)| (millis, [Fine, Broken, Overloaded][kind])).collect();
            let monitor = Monitor::new(check(&text), at(0), at(listening), Span::from_millis(100));
            let expected = probe_by_probe(check(&text), at(listening), &told, 60_000);
            proptest::prop_assert_eq!(changes(monitor, &told, 60_000), expected);
        }
    }
}
