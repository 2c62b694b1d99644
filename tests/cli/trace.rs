//! `trace.json`: what the form asks for, so that ui.perfetto.dev shows it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{files, output, scenario, text};

/// Process and thread of an event.
type Place = (u64, u64);

fn events() -> Vec<Value> {
    let here = tempfile::tempdir().expect("a folder");
    let run = output(&["run", scenario().to_str().expect("a path"), "--out", "out"], here.path());
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let trace = files(&here.path().join("out")).remove("trace.json").expect("the trace is there");
    let trace: Value = serde_json::from_slice(&trace).expect("it is JSON");
    trace["traceEvents"].as_array().expect("a list").clone()
}

fn number(event: &Value, key: &str) -> u64 {
    event[key].as_u64().unwrap_or_else(|| panic!("{event} has no number `{key}`"))
}

fn place(event: &Value) -> Place {
    (number(event, "pid"), number(event, "tid"))
}

fn of_kind<'a>(events: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    events.iter().filter(move |event| event["ph"] == kind)
}

/// Beginning and end of the spans of each thread, in the order of the file.
fn spans(events: &[Value]) -> BTreeMap<Place, Vec<(u64, u64)>> {
    let mut spans: BTreeMap<Place, Vec<(u64, u64)>> = BTreeMap::new();
    for span in of_kind(events, "X") {
        let from = number(span, "ts");
        spans.entry(place(span)).or_default().push((from, from + number(span, "dur")));
    }
    spans
}

#[test]
fn the_spans_of_a_thread_lie_within_each_other_or_apart() {
    let spans = spans(&events());
    assert!(spans.len() > 3, "{spans:?}");
    for (place, spans) in spans {
        let mut open: Vec<(u64, u64)> = Vec::new();
        for (from, to) in spans {
            open.retain(|(_, end)| *end > from);
            let around = open.last().copied().unwrap_or((0, u64::MAX));
            assert!(from < to && around.0 <= from && to <= around.1, "{from}..{to} in {around:?} of {place:?}");
            open.push((from, to));
        }
    }
}

#[test]
fn every_thread_and_process_has_a_name() {
    let events = events();
    let named = |kind: &str, event: &Value, thread: bool| {
        of_kind(&events, "M").any(|name| {
            let same = name["pid"] == event["pid"] && (!thread || name["tid"] == event["tid"]);
            same && name["name"] == kind && name["args"]["name"].is_string()
        })
    };
    for event in &events {
        assert!(named("process_name", event, false), "{event}");
        assert!(event["ph"] == "C" || event["tid"].is_null() || named("thread_name", event, true), "{event}");
    }
}

/// Each arrow begins within a span, and ends where the new task begins.
#[test]
fn arrows_lead_from_a_task_to_its_replacement() {
    let events = events();
    let spans = spans(&events);
    let (tails, heads): (Vec<&Value>, Vec<&Value>) = (of_kind(&events, "s").collect(), of_kind(&events, "f").collect());
    assert!(!tails.is_empty());
    assert_eq!(tails.len(), heads.len());
    for (tail, head) in tails.into_iter().zip(heads) {
        assert_eq!((&tail["id"], &head["bp"]), (&head["id"], &"e".into()));
        assert!(number(tail, "ts") <= number(head, "ts"));
        let within = |at: u64, (from, to): &(u64, u64)| (*from..*to).contains(&at);
        assert!(spans[&place(tail)].iter().any(|span| within(number(tail, "ts"), span)), "{tail}");
        assert!(spans[&place(head)].iter().any(|(from, _)| *from == number(head, "ts")), "{head}");
    }
}

#[test]
fn commands_and_update_statuses_are_there() {
    let events = events();
    let names: Vec<&str> = of_kind(&events, "i").filter_map(|event| event["name"].as_str()).collect();
    assert!(names.iter().any(|name| name.starts_with("docker service update")), "{names:?}");
    assert!(names.contains(&"rollback_started"), "{names:?}");
    let counters: Vec<&Value> = of_kind(&events, "C").collect();
    for name in ["desired", "in rotation", "running", "requests: ok"] {
        assert!(counters.iter().any(|counter| counter["name"] == name && counter["args"].is_object()), "{name}");
    }
}
