//! The files of a report.

use std::io;

use super::chart::{self, TimelineData};
use super::{Lanes, csv, json};
use crate::kernel::{IdVec, Time};
use crate::metrics::task_log::TaskLog;
use crate::metrics::{Summary, Timeline};
use crate::model::ServiceId;
use crate::model::request::{Batch, Request};
use crate::observe::{Observer, Record};
use crate::sim::Plan;

/// Collects, while a run goes on, all that the files of its report need beside the summary.
#[derive(Debug)]
pub struct Recorder<'p> {
    plan: &'p Plan,
    timeline: Timeline,
    tasks: TaskLog,
    lanes: Lanes,
}

impl<'p> Recorder<'p> {
    /// For a run of this plan.
    pub fn new(plan: &'p Plan) -> Recorder<'p> {
        Recorder { plan, timeline: Timeline::new(plan.services.len()), tasks: TaskLog::new(), lanes: Lanes::default() }
    }

    /// All files of the report with their contents.
    ///
    /// # Errors
    /// None that can be met in practice: the contents are written to memory.
    pub fn files(self, summary: &Summary) -> io::Result<Vec<(&'static str, Vec<u8>)>> {
        let rows = self.timeline.finish(summary.end);
        let data = TimelineData { plan: self.plan, end: summary.end, lanes: &self.lanes, rows: &rows };
        let picture = chart::timeline(&data);
        let (mut timeline, mut tasks) = (Vec::new(), Vec::new());
        csv::timeline(&rows, self.plan, &mut timeline)?;
        csv::tasks(self.tasks.changes(), self.plan, &mut tasks)?;
        Ok(vec![
            ("summary.json", json::summary(summary).into_bytes()),
            ("tasks.csv", tasks),
            ("timeline.csv", timeline),
            ("timeline.svg", picture.svg().into_bytes()),
            ("timeline.png", picture.png()),
        ])
    }
}

impl Observer for Recorder<'_> {
    fn record(&mut self, now: Time, record: &Record) {
        self.timeline.record(now, record);
        self.tasks.record(now, record);
        self.lanes.record(now, record);
    }

    fn request(&mut self, request: &Request) {
        self.timeline.request(request);
    }

    fn requests(&mut self, batch: &Batch) {
        self.timeline.requests(batch);
    }

    fn instant(&mut self, now: Time, in_flight: &IdVec<ServiceId, u32>) {
        self.timeline.instant(now, in_flight);
    }
}

/// Names of all files that a report of a run may have.
pub const OF_RUN: [&str; 6] =
    ["summary.json", "tasks.csv", "timeline.csv", "timeline.svg", "timeline.png", "seeds.csv"];
/// Names of all files that a report of a sweep may have.
pub const OF_SWEEP: [&str; 3] = ["sweep.csv", "sweep.svg", "sweep.png"];
/// Names of all files that a report of a comparison may have.
pub const OF_COMPARISON: [&str; 1] = ["compare.csv"];
