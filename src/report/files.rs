//! The files of a report, and how they come to the disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::chart::{self, TimelineData};
use super::page::{self, PageData};
use super::story::StoryLine;
use super::{Lanes, csv, json};
use crate::kernel::{IdVec, Time};
use crate::metrics::task_log::TaskLog;
use crate::metrics::{RequestSeries, Summary, Timeline};
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
    requests: RequestSeries,
}

impl<'p> Recorder<'p> {
    /// For a run of this plan.
    pub fn new(plan: &'p Plan) -> Recorder<'p> {
        let services = plan.services.len();
        let (timeline, requests) = (Timeline::new(services), RequestSeries::new(services));
        Recorder { plan, timeline, tasks: TaskLog::new(), lanes: Lanes::default(), requests }
    }

    /// All files of the report with their contents; `story` is what happened in words.
    ///
    /// # Errors
    /// None that can be met in practice: the contents are written to memory.
    pub fn files(self, summary: &Summary, story: &[StoryLine]) -> io::Result<Vec<(&'static str, Vec<u8>)>> {
        let rows = self.timeline.finish(summary.end);
        let data = TimelineData { plan: self.plan, end: summary.end, lanes: &self.lanes, rows: &rows };
        let picture = chart::timeline(&data);
        let (requests, changes) = (self.requests.finish(), self.tasks.changes());
        let page = page::html(&PageData { timeline: data, requests: &requests, tasks: changes, story, summary });
        let (mut timeline, mut tasks) = (Vec::new(), Vec::new());
        csv::timeline(&rows, self.plan, &mut timeline)?;
        csv::tasks(changes, self.plan, &mut tasks)?;
        Ok(vec![
            ("report.html", page.into_bytes()),
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
        self.requests.request(request);
    }

    fn requests(&mut self, batch: &Batch) {
        self.timeline.requests(batch);
        self.requests.requests(batch);
    }

    fn instant(&mut self, now: Time, in_flight: &IdVec<ServiceId, u32>) {
        self.timeline.instant(now, in_flight);
    }
}

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct WriteError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

/// Names of all files that a report of a run may have.
pub const OF_RUN: [&str; 7] =
    ["report.html", "summary.json", "tasks.csv", "timeline.csv", "timeline.svg", "timeline.png", "seeds.csv"];
/// Names of all files that a report of a sweep may have.
pub const OF_SWEEP: [&str; 3] = ["sweep.csv", "sweep.svg", "sweep.png"];
/// Names of all files that a report of a comparison may have.
pub const OF_COMPARISON: [&str; 1] = ["compare.csv"];

/// Writes files into a folder, which is made if it is not there. Each file comes under a name of its own first and takes its
/// place when all are written, so that an older report is whole until then. Of `names`, those that a report of this kind may
/// have, those not among the files are then removed: they tell of an older run.
///
/// # Errors
/// If the folder or a file cannot be written; then nothing has changed of what was there. Or if an older file cannot be removed.
pub fn write(folder: &Path, names: &[&str], files: &[(&str, Vec<u8>)]) -> Result<(), WriteError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| WriteError { path, source }
    };
    fs::create_dir_all(folder).map_err(at(folder))?;
    let partial = |name: &str| folder.join(format!(".{name}.partial"));
    for (index, (name, bytes)) in files.iter().enumerate() {
        if let Err(source) = fs::write(partial(name), bytes) {
            for (name, _) in &files[..=index] {
                // What is left behind has no effect, and the first error is the one to tell.
                let _ = fs::remove_file(partial(name));
            }
            return Err(WriteError { path: folder.join(name), source });
        }
    }
    for (name, _) in files {
        let path = folder.join(name);
        fs::rename(partial(name), &path).map_err(at(&path))?;
    }
    for name in names.iter().filter(|name| files.iter().all(|(written, _)| written != *name)) {
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&path)(error)),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_fails_leaves_the_older_report_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), &[], &[("a", b"old".to_vec())]).expect("written");
        // The second file's temporary name is taken by a folder, so that it cannot be written.
        fs::create_dir(folder.path().join(".b.partial")).expect("a folder");
        let error = write(folder.path(), &[], &[("a", b"new".to_vec()), ("b", b"new".to_vec())]).unwrap_err();
        assert_eq!(error.path, folder.path().join("b"));
        assert_eq!(fs::read(folder.path().join("a")).expect("still there"), b"old");
        assert!(!folder.path().join(".a.partial").exists());
    }

    #[test]
    fn what_an_older_report_had_more_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name| (name, b"old".to_vec());
        write(folder.path(), &[], &[file("seeds.csv"), file("sweep.csv"), file("notes.txt")]).expect("written");
        write(folder.path(), &OF_RUN, &[("tasks.csv", b"new".to_vec())]).expect("written");
        let there = |name: &str| folder.path().join(name).exists();
        assert_eq!(["tasks.csv", "sweep.csv", "notes.txt", "seeds.csv"].map(there), [true, true, true, false]);
    }
}
