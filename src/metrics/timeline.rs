//! A run as rows over time: what `timeline.csv` and the charts are made of.

use crate::kernel::{IdVec, Time};
use crate::model::request::{Batch, Request, RequestOutcome};
use crate::model::task::TaskState;
use crate::model::{ServiceId, TaskId};
use crate::observe::{Observer, Record};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// How a service stands at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// When.
    pub at: Time,
    /// The service.
    pub service: ServiceId,
    /// Replicas wanted; 0 from its removal on.
    pub desired: u32,
    /// Tasks in rotation.
    pub in_rotation: u32,
    /// Tasks that the managers see as RUNNING, those included that are to be stopped.
    pub running: u32,
    /// Requests that were sent and have not ended.
    pub in_flight: u32,
    /// Requests answered since the service's previous row.
    pub ok: u64,
    /// Requests that failed since the service's previous row.
    pub failed: u64,
}

/// Keeps a row of a service for each instant at which `desired`, `in_rotation` or `running` changed, and for each full second, from
/// its creation to the end of the run.
///
/// The sums of `ok` and `failed` are all the requests of the run that have ended, whether or not within the window of measurement.
#[derive(Clone, Debug)]
pub struct Timeline {
    rows: Vec<Row>,
    services: IdVec<ServiceId, ServiceNow>,
    /// Whether a task is RUNNING.
    running: IdVec<TaskId, bool>,
}

#[derive(Clone, Copy, Debug)]
struct ServiceNow {
    /// The row that the next instant gets; before its creation it only gathers requests.
    row: Row,
    created: bool,
    changed: bool,
}

impl Timeline {
    /// Watches this many services.
    pub fn new(services: usize) -> Timeline {
        let now = |index: usize| ServiceNow {
            row: Row {
                at: Time::ZERO,
                service: ServiceId(index as u32),
                desired: 0,
                in_rotation: 0,
                running: 0,
                in_flight: 0,
                ok: 0,
                failed: 0,
            },
            created: false,
            changed: false,
        };
        Timeline { rows: Vec::new(), services: (0..services).map(now).collect(), running: IdVec::new() }
    }

    /// The rows, by time and then by service, once the run has ended at `end`. Each service has a last row there.
    pub fn finish(mut self, end: Time) -> Vec<Row> {
        let is_last = |row: &&Row| row.at == end;
        let mut done = IdVec::<ServiceId, bool>::filled(self.services.len(), false);
        self.rows.iter().rev().take_while(is_last).for_each(|row| done[row.service] = true);
        for (id, service) in self.services.iter_mut() {
            if service.created && (!done[id] || service.row.ok + service.row.failed > 0) {
                self.rows.push(service.take(end));
            }
        }
        self.rows
    }

    fn change(&mut self, service: ServiceId, change: impl FnOnce(&mut Row)) {
        let service = &mut self.services[service];
        let before = service.row;
        change(&mut service.row);
        service.changed |= service.row != before;
    }

    fn set_running(&mut self, task: TaskId, service: ServiceId, running: bool) {
        let was_running = std::mem::replace(self.running.entry(task, false), running);
        self.change(service, |row| row.running = row.running + u32::from(running) - u32::from(was_running));
    }
}

impl ServiceNow {
    /// The row of this instant; the next one starts.
    fn take(&mut self, now: Time) -> Row {
        self.changed = false;
        let row = Row { at: now, ..self.row };
        (self.row.ok, self.row.failed) = (0, 0);
        row
    }
}

impl Observer for Timeline {
    fn record(&mut self, _now: Time, record: &Record) {
        match *record {
            Record::Task(task) => {
                self.set_running(task.task, task.service, task.status.state == TaskState::Running);
            }
            Record::TaskRemoved { task, service } => self.set_running(task, service, false),
            Record::Rotation { service, entered, .. } => self.change(service, |row| {
                row.in_rotation = if entered { row.in_rotation + 1 } else { row.in_rotation - 1 };
            }),
            Record::Spec { service, desired, .. } => {
                let is_new = !std::mem::replace(&mut self.services[service].created, true);
                self.services[service].changed |= is_new;
                self.change(service, |row| row.desired = desired);
            }
            Record::Desired { service, desired } => self.change(service, |row| row.desired = desired),
            Record::ServiceRemoved { service } => self.change(service, |row| row.desired = 0),
            Record::Command { .. }
            | Record::CommandResumed { .. }
            | Record::CommandError { .. }
            | Record::UpdateStatus { .. }
            | Record::Updater { .. }
            | Record::Node { .. }
            | Record::Leadership(_)
            | Record::Manager { .. }
            | Record::ProcessEnded { .. } => {}
        }
    }

    fn request(&mut self, request: &Request) {
        let row = &mut self.services[request.service].row;
        match request.outcome {
            RequestOutcome::Ok => row.ok += 1,
            RequestOutcome::Failed(..) => row.failed += 1,
        }
    }

    fn requests(&mut self, batch: &Batch) {
        let row = &mut self.services[batch.service].row;
        match batch.outcome {
            RequestOutcome::Ok => row.ok += batch.count,
            RequestOutcome::Failed(..) => row.failed += batch.count,
        }
    }

    fn instant(&mut self, now: Time, in_flight: &IdVec<ServiceId, u32>) {
        let full_second = now.as_nanos().is_multiple_of(NANOS_PER_SECOND);
        for (id, service) in self.services.iter_mut() {
            service.row.in_flight = in_flight[id];
            if service.changed || (full_second && service.created) {
                self.rows.push(service.take(now));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Feed, OLD, WEB, request};
    use super::super::fixture::{OK as Ok, REFUSED as Refused, RESET as Reset};
    use super::*;
    use crate::observe::SpecCause;

    /// Milliseconds, desired, in rotation, running, ok, failed.
    type Numbers = (u64, u32, u32, u32, u64, u64);

    fn rows(end: u64, story: impl FnOnce(&mut Feed<Timeline>)) -> Vec<Numbers> {
        let mut feed = Feed::new(Timeline::new(2));
        story(&mut feed);
        let rows = feed.end(end).finish(Time::from_millis(end));
        assert!(rows.iter().all(|row| row.service == WEB));
        rows.iter().map(|r| (r.at.as_millis(), r.desired, r.in_rotation, r.running, r.ok, r.failed)).collect()
    }

    #[test]
    fn a_row_for_each_change_each_second_and_the_end() {
        let rows = rows(2_500, |feed| {
            feed.spec(SpecCause::Create, 1, OLD).at(400).create(OLD).state(0, TaskState::Starting);
            feed.at(500).state(0, TaskState::Running).at(600).rotate(0, true).at(1_000).at(1_700);
            feed.desire(0, TaskState::Shutdown).at(2_000).record(Record::ServiceRemoved { service: WEB }).stop(0);
        });
        let expected = [
            (0, 1, 0, 0, 0, 0),
            (500, 1, 0, 1, 0, 0),
            (600, 1, 1, 1, 0, 0),
            (1_000, 1, 1, 1, 0, 0),
            (2_000, 0, 0, 0, 0, 0),
            (2_500, 0, 0, 0, 0, 0),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn requests_are_counted_since_the_previous_row_and_add_up() {
        let rows = rows(1_500, |feed| {
            feed.request(request(0, 100, 100, None, Refused)).at(300).spec(SpecCause::Create, 1, OLD);
            feed.at(400).request(request(0, 310, 350, Some(0), Ok)).request(request(0, 320, 360, Some(0), Reset));
            feed.at(1_000).request(request(0, 500, 600, Some(0), Ok)).at(1_500);
            feed.request(request(0, 1_400, 1_450, Some(0), Ok));
        });
        assert_eq!(rows, [(300, 1, 0, 0, 0, 1), (1_000, 1, 0, 0, 2, 1), (1_500, 1, 0, 0, 1, 0)]);
    }

    #[test]
    fn requests_in_flight_are_those_of_the_instant() {
        let mut timeline = Timeline::new(1);
        timeline.record(
            Time::ZERO,
            &Record::Spec { service: WEB, desired: 1, image: OLD, version: 0, cause: SpecCause::Create },
        );
        timeline.instant(Time::ZERO, &IdVec::filled(1, 3));
        timeline.instant(Time::from_millis(1_000), &IdVec::filled(1, 5));
        let rows = timeline.finish(Time::from_millis(1_000));
        assert_eq!(rows.iter().map(|row| row.in_flight).collect::<Vec<_>>(), [3, 5]);
    }

    #[test]
    fn a_running_task_that_is_deleted_runs_no_longer() {
        let rows = rows(500, |feed| {
            feed.spec(SpecCause::Create, 1, OLD).start(OLD).at(500).rotate(0, false).remove_task(0);
        });
        assert_eq!(rows, [(0, 1, 1, 1, 0, 0), (500, 1, 0, 0, 0, 0)]);
    }
}
