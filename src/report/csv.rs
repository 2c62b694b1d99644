//! The CSV files of a run: RFC 4180 with a header, times in milliseconds, lines end in a line feed.

use std::io;

use super::columns::{BINS, EVENTS, REQUESTS, TASKS, TIMELINE};
use super::decimal::{push_integer, push_millis};
use super::lanes::{Mark, MarkKind};
use crate::kernel::Time;
use crate::kernel::id::Id;
use crate::metrics::request_series::RequestBins;
use crate::metrics::task_log::TaskChange;
use crate::metrics::timeline::Row;
use crate::model::request::{Request, RequestOutcome};
use crate::sim::Plan;

/// Writes `timeline.csv`.
///
/// # Errors
/// What `out` fails with.
pub fn timeline(rows: &[Row], plan: &Plan, out: impl io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(TIMELINE.header())?;
    for row in rows {
        csv.serialize((
            row.at.to_string(),
            &plan.services[row.service],
            row.desired,
            row.in_rotation,
            row.running,
            row.in_flight,
            row.ok,
            row.failed,
        ))?;
    }
    csv.flush()
}

/// Writes `tasks.csv`: a row for each change of a task.
///
/// `slot` is empty for a task of a global service, whose place is its node. `state` is `removed` when the task is deleted from the
/// store; the other columns then say how it stood last.
///
/// # Errors
/// What `out` fails with.
pub fn tasks(changes: &[TaskChange], plan: &Plan, out: impl io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(TASKS.header())?;
    for TaskChange { at, task, removed } in changes {
        csv.serialize((
            at.to_string(),
            &plan.services[task.service],
            task.slot.number(),
            task.task.0,
            &plan.images[task.image].name,
            task.node.map(|node| &plan.nodes[node].name),
            if *removed { "removed" } else { task.status.state.name() },
            task.desired.name(),
            task.status.message.text(),
            task.status.err.map(|err| err.to_string()),
        ))?;
    }
    csv.flush()
}

/// Writes `events.csv`. The commands that create the scenario's own services have no row.
///
/// # Errors
/// What `out` fails with.
pub fn events(marks: &[Mark], plan: &Plan, out: impl io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(EVENTS.header())?;
    for Mark { at, kind } in marks {
        let row = match *kind {
            MarkKind::Command(index) => match &*plan.commands[index as usize].line {
                "" => continue,
                line => ("command", "", "", line),
            },
            MarkKind::Status(service, state) => ("update_status", &*plan.services[service], "", state.name()),
            MarkKind::Node(node, state) => ("node", "", &*plan.nodes[node].name, state.map_or("removed", |s| s.name())),
        };
        csv.serialize((at.to_string(), row))?;
    }
    csv.flush()
}

/// Writes `requests-over-time.csv`.
///
/// # Errors
/// What `out` fails with.
pub fn bins(requests: &RequestBins, plan: &Plan, out: impl io::Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(BINS.header())?;
    let width = Time::ZERO + requests.width;
    for (service, bins) in requests.services.iter() {
        for (number, bin) in (0..).zip(bins) {
            let start = Time::ZERO + requests.width * number;
            let latency =
                bin.latency.map(|l| [l.p50, l.p90, l.p99, l.p99_9, l.max].map(|l| (Time::ZERO + l).to_string()));
            let latency = latency.unwrap_or_default();
            for (image, outcomes) in &bin.versions {
                let image = image.map(|image| &plan.images[image].name);
                let row = (start.to_string(), width.to_string(), &plan.services[service], image, outcomes, &latency);
                csv.serialize(row)?;
            }
        }
    }
    csv.flush()
}

/// The text of `requests.csv`: requests of which each stands for `weight`. There may be millions.
pub fn requests(requests: &[Request], weight: u64, plan: &Plan) -> Vec<u8> {
    let clients: Vec<Vec<u8>> = plan.clients.values().map(|client| field(&client.name)).collect();
    let services: Vec<Vec<u8>> = plan.services.values().map(|name| field(name)).collect();
    let images: Vec<Vec<u8>> = plan.images.values().map(|image| field(&image.name)).collect();
    let mut weight_field = b",".to_vec();
    push_integer(&mut weight_field, weight);
    weight_field.push(b'\n');
    let mut out = Vec::with_capacity(64 * (requests.len() + 1));
    out.extend_from_slice(REQUESTS.header().join(",").as_bytes());
    out.push(b'\n');
    for request in requests {
        push_millis(&mut out, request.sent.since_start());
        out.push(b',');
        push_millis(&mut out, request.latency());
        for name in [&clients[request.client.index()], &services[request.service.index()]] {
            out.push(b',');
            out.extend_from_slice(name);
        }
        out.push(b',');
        if let Some((_, image)) = request.task {
            out.extend_from_slice(&images[image.index()]);
        }
        out.push(b',');
        if let Some((task, _)) = request.task {
            push_integer(&mut out, task.0.into());
        }
        out.push(b',');
        out.extend_from_slice(request.outcome.name().as_bytes());
        out.push(b',');
        if let RequestOutcome::Failed(_, cause) = request.outcome {
            out.extend_from_slice(cause.name().as_bytes());
        }
        out.extend_from_slice(&weight_field);
    }
    out
}

/// A text as a field, in quotes if it must be.
fn field(text: &str) -> Vec<u8> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record([text]).expect("writing into memory succeeds");
    let mut line = csv.into_inner().expect("writing into memory succeeds");
    line.pop();
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{IdVec, Span};
    use crate::metrics::fixture::{OK, OLD, REFUSED, WEB, plan, request};
    use crate::metrics::request_series::RequestBin;
    use crate::metrics::summary::Latency;
    use crate::model::command::Command;
    use crate::model::node::NodeState;
    use crate::model::task::{Message, Slot, Status, TaskError, TaskState};
    use crate::model::update::UpdateState;
    use crate::model::{NodeId, TaskId};
    use crate::observe::TaskRecord;
    use crate::sim::plan::TimedCommand;

    fn text(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn timeline_rows() {
        let at = Time::from_nanos(1_250_500_000);
        let row = Row { at, service: WEB, desired: 3, in_rotation: 2, running: 4, in_flight: 5, ok: 6, failed: 7 };
        let expected = "t_ms,service,desired,in_rotation,running,in_flight,ok,failed\n1250.5,web,3,2,4,5,6,7\n";
        assert_eq!(text(|out| timeline(&[row], &plan(), out)), expected);
    }

    #[test]
    fn without_rows_there_is_still_a_header() {
        let header = "t_ms,service,desired,in_rotation,running,in_flight,ok,failed\n";
        assert_eq!(text(|out| timeline(&[], &plan(), out)), header);
    }

    #[test]
    fn task_rows() {
        let task = TaskRecord {
            task: TaskId(4),
            service: WEB,
            slot: Slot::Replica(2),
            image: OLD,
            node: None,
            status: Status { state: TaskState::New, message: Message::Created, err: None },
            status_at: Time::ZERO,
            desired: TaskState::Ready,
            created: None,
        };
        let failed = Status { state: TaskState::Failed, message: Message::Started, err: Some(TaskError::Exit(1)) };
        let node = Some(NodeId(0));
        let failed = TaskRecord { status: failed, node, desired: TaskState::Running, ..task };
        let global = TaskRecord { slot: Slot::Node(NodeId(0)), ..failed };
        let change = |ms, task, removed| TaskChange { at: Time::from_millis(ms), task, removed };
        let changes = [change(10, task, false), change(20, failed, false), change(30, global, true)];
        let expected = "t_ms,service,slot,task,image,node,state,desired,message,err\n\
            10,web,2,4,app:1,,new,ready,created,\n\
            20,web,2,4,app:1,node1,failed,running,started,task: non-zero exit (1)\n\
            30,web,,4,app:1,node1,removed,running,started,task: non-zero exit (1)\n";
        assert_eq!(text(|out| tasks(&changes, &plan(), out)), expected);
    }

    #[test]
    fn event_rows() {
        let mut plan = plan();
        let line = "docker service update --label-add \"a,b\" web";
        let remove = |line: &str| TimedCommand {
            at: Time::ZERO,
            line: line.into(),
            command: Command::ServiceRemove { service: WEB },
        };
        plan.commands = ["", line].map(remove).to_vec();
        let mark = |ms, kind| Mark { at: Time::from_millis(ms), kind };
        let marks = [
            mark(0, MarkKind::Command(0)),
            mark(10, MarkKind::Command(1)),
            mark(20, MarkKind::Status(WEB, UpdateState::Updating)),
            mark(30, MarkKind::Node(NodeId(0), Some(NodeState::Down))),
            mark(40, MarkKind::Node(NodeId(0), None)),
        ];
        let expected = "t_ms,kind,service,node,text\n\
            10,command,,,\"docker service update --label-add \"\"a,b\"\" web\"\n\
            20,update_status,web,,updating\n\
            30,node,,node1,down\n\
            40,node,,node1,removed\n";
        assert_eq!(text(|out| events(&marks, &plan, out)), expected);
    }

    #[test]
    fn rows_of_requests_over_time() {
        let mut plan = plan();
        plan.images[OLD].name = "a,\"b\"".into();
        let [p50, p90, p99, p99_9, max] = [10_000, 20_500, 30_000, 40_000, 50_000].map(Span::from_micros);
        let latency = Some(Latency { p50, p90, p99, p99_9, max });
        let both = vec![(None, [0, 0, 3, 0, 0, 1]), (Some(OLD), [5, 1, 0, 2, 4, 0])];
        let bins = vec![RequestBin::default(), RequestBin { versions: both, latency }];
        let refused = RequestBin { versions: vec![(None, [0, 0, 7, 0, 0, 0])], latency: None };
        let requests = RequestBins { width: Span::from_secs(2), services: IdVec::from_iter([bins, vec![refused]]) };
        let expected = "t_ms,width_ms,service,image,ok,http-error,refused,reset,timeout,no-backend,\
            p50_ms,p90_ms,p99_ms,p99_9_ms,max_ms\n\
            2000,2000,web,,0,0,3,0,0,1,10,20.5,30,40,50\n\
            2000,2000,web,\"a,\"\"b\"\"\",5,1,0,2,4,0,10,20.5,30,40,50\n\
            0,2000,db,,0,0,7,0,0,0,,,,,\n";
        assert_eq!(text(|out| super::bins(&requests, &plan, out)), expected);
    }

    #[test]
    fn request_rows() {
        let mut plan = plan();
        plan.images[OLD].name = "a,\"b\"".into();
        let late = Request { sent: Time::from_nanos(1_500_250_000), ..request(1, 0, 2_000, Some(0), OK) };
        let rows = [request(0, 1_000, 1_250, None, REFUSED), late];
        let expected = "sent_ms,latency_ms,client,service,image,task,outcome,cause,weight\n\
            1000,250,one,web,,,refused,no-task,4\n\
            1500.25,499.75,two,web,\"a,\"\"b\"\"\",0,ok,,4\n";
        assert_eq!(String::from_utf8(requests(&rows, 4, &plan)).unwrap(), expected);
        assert_eq!(csv::Reader::from_reader(expected.as_bytes()).records().filter_map(Result::ok).count(), 2);
    }
}
