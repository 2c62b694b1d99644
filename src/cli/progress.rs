//! Progress on a terminal, for what takes longer than a moment.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Terminal;
use crate::kernel::{IdVec, Time};
use crate::model::ServiceId;
use crate::model::request::Request;
use crate::observe::{Observer, Record};
use crate::sim::Plan;
use crate::sim::plan::End;

/// How often the bar is drawn at most, per second. The first drawing comes after a moment, so that short runs show nothing.
const RATE: u8 = 5;

/// A bar that counts to `total`, hidden where nobody looks on.
pub(super) fn bar(total: u64, template: &'static str, terminal: &Terminal) -> ProgressBar {
    if !terminal.shows_progress() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(RATE));
    let style = ProgressStyle::with_template(template).expect("the template is right");
    bar.with_style(style).with_elapsed(Duration::ZERO)
}

/// Shows how much simulated time has passed.
pub(super) struct Watch {
    bar: ProgressBar,
    /// Looks at the real clock seldom: a bar costs more than an instant of the simulation.
    instants: u32,
}

impl Watch {
    pub(super) fn new(plan: &Plan, terminal: &Terminal) -> Watch {
        let (End::At(end) | End::WhenQuiet { limit: end, .. }) = plan.end;
        let bar = bar(end.as_millis() / 1000, "{bar:40} {pos} of {len} simulated seconds", terminal);
        Watch { bar, instants: 0 }
    }
}

impl Observer for Watch {
    fn record(&mut self, _now: Time, _record: &Record) {}
    fn request(&mut self, _request: &Request) {}

    fn instant(&mut self, now: Time, _in_flight: &IdVec<ServiceId, u32>) {
        self.instants = self.instants.wrapping_add(1);
        if self.instants.is_multiple_of(64) {
            self.bar.set_position(now.as_millis() / 1000);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
