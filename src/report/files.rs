//! The files of a report.

use std::io;

use super::chart::{self, RequestsData, TimelineData};
use super::columns::{BINS, COMPARE, EVENTS, REQUESTS, SEEDS, SWEEP, TASKS, TIMELINE};
use super::page::{self, PageData, Replay};
use super::story::StoryLine;
use super::trace::{self, TraceData};
use super::{Lanes, Names, Picture, columns, csv, json};
use crate::kernel::{IdVec, Time};
use crate::metrics::request_series::RequestBins;
use crate::metrics::task_log::TaskLog;
use crate::metrics::{RequestLog, RequestSeries, Summary, Timeline};
use crate::model::ServiceId;
use crate::model::client::Grade;
use crate::model::request::{Batch, Request};
use crate::observe::{Observer, Record};
use crate::sim::Plan;

/// Which requests stand in `requests.csv` by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestRows {
    /// All.
    Full,
    /// A sample; all if they are few.
    Sample,
    /// None: there is no such file.
    None,
}

impl RequestRows {
    /// What keeps them; `None` if there are none to tell: where requests are counted in bulk, or without clients.
    pub fn into_log(self, plan: &Plan) -> Option<RequestLog> {
        match self {
            _ if plan.grade != Grade::Exact || plan.clients.is_empty() => None,
            RequestRows::Full => Some(RequestLog::full()),
            RequestRows::Sample => Some(RequestLog::sample(plan.seed)),
            RequestRows::None => None,
        }
    }
}

/// Collects, while a run goes on, all that the files of its report need beside the summary.
#[derive(Debug)]
pub struct Recorder<'p> {
    plan: &'p Plan,
    timeline: Timeline,
    tasks: TaskLog,
    lanes: Lanes,
    series: RequestSeries,
    replay: Replay,
    requests: Option<RequestLog>,
}

impl<'p> Recorder<'p> {
    /// For a run of this plan, with these requests by themselves.
    pub fn new(plan: &'p Plan, rows: RequestRows) -> Recorder<'p> {
        Recorder {
            plan,
            timeline: Timeline::new(plan.services.len()),
            tasks: TaskLog::new(),
            lanes: Lanes::default(),
            series: RequestSeries::new(plan.services.len()),
            replay: Replay::default(),
            requests: rows.into_log(plan),
        }
    }

    /// All files of the report with their contents; `story` is what happened in words.
    ///
    /// # Errors
    /// None that can be met in practice: the contents are written to memory.
    pub fn files(self, summary: &Summary, story: &[StoryLine]) -> io::Result<Vec<File>> {
        let rows = self.timeline.finish(summary.end.whole_micros());
        let names = Names::of(self.plan);
        let data = TimelineData { names: &names, end: summary.end.whole_micros(), lanes: &self.lanes, rows: &rows };
        let (requests, changes) = (self.series.finish(), self.tasks.changes());
        let page = page::html(&PageData {
            timeline: data,
            plan: self.plan,
            requests: &requests,
            tasks: changes,
            replay: &self.replay,
            story,
            summary,
        });
        let [mut timeline, mut tasks, mut events, mut bins] = [const { Vec::new() }; 4];
        csv::timeline(&rows, self.plan, &mut timeline)?;
        csv::tasks(changes, self.plan, &mut tasks)?;
        csv::events(self.lanes.marks(), self.plan, &mut events)?;
        csv::bins(&requests, self.plan, &mut bins)?;
        let mut files = vec![
            (PAGE, page.into_bytes()),
            (SUMMARY, json::summary(summary).into_bytes()),
            (TASKS.name, tasks),
            (TIMELINE.name, timeline),
            (EVENTS.name, events),
            (BINS.name, bins),
        ];
        files.extend(drawn(&data, &requests));
        let trace = TraceData {
            plan: self.plan,
            end: summary.end,
            tasks: changes,
            rows: &rows,
            requests: &requests,
            marks: self.lanes.marks(),
        };
        files.push((TRACE, trace::json(&trace).into_bytes()));
        if let Some(requests) = self.requests {
            let (rows, weight) = requests.finish();
            files.push((REQUESTS.name, csv::requests(&rows, weight, self.plan)));
        }
        files.push((COLUMNS, columns::json().into_bytes()));
        Ok(files)
    }
}

/// A file's name and contents.
pub type File = (&'static str, Vec<u8>);

/// A chart as SVG and as a bitmap.
pub(super) fn in_both_forms(picture: &Picture, [svg, png]: [&'static str; 2]) -> [File; 2] {
    [(svg, picture.svg().into_bytes()), (png, picture.png())]
}

/// The charts of a run.
pub fn drawn(data: &TimelineData<'_>, requests: &RequestBins) -> Vec<File> {
    let picture = chart::timeline(data);
    let mut files = in_both_forms(&picture, TIMELINE_CHART).to_vec();
    if let Some(picture) = chart::requests(&RequestsData { names: data.names, end: data.end, requests }) {
        files.extend(in_both_forms(&picture, REQUESTS_CHART));
    }
    files
}

impl Observer for Recorder<'_> {
    fn record(&mut self, now: Time, record: &Record) {
        self.tasks.record(now, record);
        let now_in_files = now.whole_micros();
        self.timeline.record(now_in_files, record);
        self.lanes.record(now_in_files, record);
        self.replay.record(now, record);
    }

    fn request(&mut self, request: &Request) {
        self.timeline.request(request);
        self.series.request(request);
        self.requests.request(request);
    }

    fn requests(&mut self, batch: &Batch) {
        self.timeline.requests(batch);
        self.series.requests(batch);
    }

    fn instant(&mut self, now: Time, in_flight: &IdVec<ServiceId, u32>) {
        self.timeline.instant(now.whole_micros(), in_flight);
    }
}

/// Names of all files that a report of a run may have.
pub const OF_RUN: &[&str] = &[
    PAGE,
    SUMMARY,
    TASKS.name,
    TIMELINE.name,
    EVENTS.name,
    BINS.name,
    TIMELINE_CHART[0],
    TIMELINE_CHART[1],
    REQUESTS_CHART[0],
    REQUESTS_CHART[1],
    TRACE,
    REQUESTS.name,
    SEEDS.name,
    COLUMNS,
];
/// Names of all files that a report of a sweep may have.
pub const OF_SWEEP: &[&str] = &[SWEEP.name, SWEEP_JSON, SWEEP_CHART[0], SWEEP_CHART[1], COLUMNS];
/// Names of all files that a report of a comparison may have.
pub const OF_COMPARISON: &[&str] = &[COMPARE.name, COMPARE_JSON, COMPARE_CHART[0], COMPARE_CHART[1], COLUMNS];
/// Names of all charts that a report of a run may have.
pub const CHARTS_OF_RUN: [&str; 4] = [TIMELINE_CHART[0], TIMELINE_CHART[1], REQUESTS_CHART[0], REQUESTS_CHART[1]];
/// The numbers of a run.
pub const SUMMARY: &str = "summary.json";
/// The page of a run.
pub const PAGE: &str = "report.html";
/// The chart of a run's slots, in both forms.
pub const TIMELINE_CHART: [&str; 2] = ["timeline.svg", "timeline.png"];
/// The chart of a run's requests, in both forms.
pub const REQUESTS_CHART: [&str; 2] = ["requests.svg", "requests.png"];
/// The run as ui.perfetto.dev shows it.
pub const TRACE: &str = "trace.json";
/// What a sweep ran.
pub const SWEEP_JSON: &str = "sweep.json";
/// The chart of a sweep, in both forms.
pub const SWEEP_CHART: [&str; 2] = ["sweep.svg", "sweep.png"];
/// What a comparison ran.
pub const COMPARE_JSON: &str = "compare.json";
/// The chart of a comparison, in both forms.
pub const COMPARE_CHART: [&str; 2] = ["compare.svg", "compare.png"];
/// What explains the columns of the others.
pub const COLUMNS: &str = "columns.json";
