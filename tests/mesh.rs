//! What clients see of containers, load balancers and nodes, named by the rule of the data plane that each test holds.

use std::collections::{BTreeMap, BTreeSet};

use rollsim::diag::SourceFile;
use rollsim::kernel::{IdVec, Time};
use rollsim::model::ServiceId;
use rollsim::model::request::{Request, RequestOutcome};
use rollsim::observe::{Observer, Record};
use rollsim::{scenario, sim};

/// Keeps all requests.
#[derive(Default)]
struct Requests(Vec<Request>);

impl Observer for Requests {
    fn record(&mut self, _now: Time, _record: &Record) {}
    fn request(&mut self, request: &Request) {
        self.0.push(*request);
    }
    fn instant(&mut self, _now: Time, _in_flight: &IdVec<ServiceId, u32>) {}
}

/// One request each 100 ms from 10 s on, unless `client` says otherwise, to `service`, which is `web` with the image `app:1` as
/// `image` describes it; three nodes, of which only workers run tasks.
fn run(image: &str, service: &str, client: &str, timeline: &str) -> Vec<Request> {
    run_for("60s", image, service, client, timeline)
}

/// The same, for so long.
fn run_for(duration: &str, image: &str, service: &str, client: &str, timeline: &str) -> Vec<Request> {
    let image =
        if image.contains("service_time") { image.to_owned() } else { format!(r#"{image}, "service_time": "1ms""#) };
    let rate = if client.contains("concurrency") { "" } else { r#""rate": "10/s", "arrivals": "constant","# };
    let text = format!(
        r#"{{"rollsim": 1, "duration": "{duration}",
          "cluster": {{"nodes": {{"manager": {{"role": "manager", "availability": "drain"}}, "node1": {{}}, "node2": {{}}}}}},
          "images": {{"app:1": {{"prepare": "0s", "start": "0s" {image}}}, "app:2": {{"like": "app:1"}}}},
          "services": {{"web": {{"image": "app:1" {service}}}}},
          "traffic": {{"clients": {{"users": {{"service": "web", {rate} "from": "10s" {client}}}}}}},
          "timeline": [{timeline}]}}"#
    );
    let source = SourceFile { name: "test.json".to_owned(), text };
    let loaded = scenario::load(&source, &[]).unwrap_or_else(|problems| panic!("{problems:?}"));
    let mut requests = sim::run(&loaded.plan, Requests::default()).observer.0;
    requests.sort_by_key(|request| (request.sent, request.ended));
    requests
}

const TWO: &str = r#", "ports": ["80:80"], "deploy": {"replicas": 2}"#;

/// `refused booting`, `ok`
fn name(outcome: RequestOutcome) -> String {
    match outcome {
        RequestOutcome::Ok => "ok".to_owned(),
        RequestOutcome::Failed(failure, cause) => format!("{} {}", failure.name(), cause.name()),
    }
}

fn counts(requests: &[Request]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in requests {
        *counts.entry(name(request.outcome)).or_default() += 1;
    }
    counts
}

/// Kinds of failures.
fn failures(requests: &[Request]) -> Vec<String> {
    counts(requests).into_keys().filter(|name| name != "ok").collect()
}

fn of<'a>(requests: &'a [Request], kind: &'a str) -> impl Iterator<Item = &'a Request> {
    requests.iter().filter(move |request| name(request.outcome) == kind)
}

fn sent_between(requests: &[Request], from_s: u64, to_s: u64) -> Vec<Request> {
    let range = Time::from_millis(from_s * 1_000)..Time::from_millis(to_s * 1_000);
    requests.iter().filter(|request| range.contains(&request.sent)).copied().collect()
}

#[test]
fn rule_83_a_process_that_does_not_listen_yet_refuses() {
    let requests = run(r#", "boot": "12s""#, TWO, "", "");
    assert_eq!(failures(&requests), ["refused booting"]);
    let last = of(&requests, "refused booting").last().expect("one").sent;
    assert!((12_000..12_500).contains(&last.as_millis()), "{last:?}");
}

#[test]
fn rule_83_to_a_dead_node_packets_are_lost_until_gossip_misses_it() {
    let crash = r#"{"at": "20s", "fault": "node crash node1"}"#;
    let requests = run("", TWO, "", crash);
    let lost = requests.iter().filter(|request| request.latency().as_millis() >= 1_000);
    // Each waits for the first of its packets after 1, 3, 7 s that comes when the node is missed.
    let mut waits: Vec<u64> = lost.map(|request| request.latency().as_millis() / 1_000).collect();
    waits.sort();
    waits.dedup();
    assert_eq!(waits, [1, 3, 7]);
    assert_eq!(failures(&requests), [""; 0]);
    let slow =
        |from, to| sent_between(&requests, from, to).iter().filter(|request| request.latency().as_millis() > 1).count();
    assert_eq!(slow(20, 25), 25, "rule 85: half of the connections to two backends");
    assert_eq!(slow(29, 40), 0, "rule 77: missed after 5 to 8 s");
}

#[test]
fn rule_83_a_client_that_waits_for_less_than_gossip_times_out() {
    let crash = r#"{"at": "20s", "fault": "node crash node1"}"#;
    let requests = run("", TWO, r#", "connect_timeout": "500ms""#, crash);
    assert_eq!(failures(&requests), ["timeout node-lost"]);
    assert!(of(&requests, "timeout node-lost").all(|request| request.latency().as_millis() == 500));
    let again = run("", TWO, r#", "connect_timeout": "500ms", "retries": 1, "backoff": "200ms""#, crash);
    let timeouts = |requests| of(requests, "timeout node-lost").count();
    assert!(timeouts(&again) < timeouts(&requests), "the next connection may enter at the other task");
    assert!(again.iter().any(|request| request.latency().as_millis() == 701));
}

#[test]
fn rule_83_at_a_node_that_is_gone_nobody_answers_and_a_daemon_that_is_shut_down_refuses() {
    let entry = r#", "entry": "node1", "connect_timeout": "3s""#;
    let crashed = run("", TWO, entry, r#"{"at": "20s", "fault": "node crash node1"}"#);
    assert_eq!(counts(&sent_between(&crashed, 30, 50)), BTreeMap::from([("timeout node-lost".to_owned(), 200)]));
    let stopped = run("", TWO, entry, r#"{"at": "20s", "fault": "node stop node1"}"#);
    assert_eq!(counts(&sent_between(&stopped, 30, 50)), BTreeMap::from([("refused node-lost".to_owned(), 200)]));
}

#[test]
fn rule_83_without_backends_connections_are_refused() {
    let requests = run("", TWO, "", r#"{"at": "20s", "run": "docker service scale web=0"}"#);
    assert_eq!(failures(&requests), ["refused no-task"]);
}

#[test]
fn rule_84_at_node_death_requests_hang_until_the_load_balancer_misses_it() {
    let crash = r#"{"at": "20050ms", "fault": "node crash node1"}"#;
    let requests = run(r#", "service_time": "2s", "concurrency": 100"#, TWO, "", crash);
    let broken: Vec<&Request> = of(&requests, "reset node-lost").collect();
    assert_eq!(broken.len(), 10, "those of 2 s that it had");
    for request in broken {
        // Retransmissions come 200, 600, 1,400, ... ms after the request.
        assert_eq!(request.latency().as_millis() % 400, 200, "{request:?}");
        assert!(request.ended.as_millis() > 25_050, "{request:?}");
    }
    let patient = run(r#", "service_time": "2s", "concurrency": 100"#, TWO, r#", "request_timeout": "4s""#, crash);
    assert!(of(&patient, "timeout node-lost").count() >= 10);
    assert!(of(&patient, "reset node-lost").next().is_none());
}

#[test]
fn rule_84_a_process_that_exits_at_the_stop_signal_breaks_what_it_has() {
    let update = r#"{"at": "20s", "run": "docker service update --image app:2 web"}"#;
    let service = r#", "networks": ["net"], "deploy": {"replicas": 2}"#;
    let image = |stop: &str| format!(r#", "service_time": "3s", "concurrency": 100, "stop": {stop}"#);
    assert_eq!(failures(&run(&image(r#""0s""#), service, "", update)), ["reset stopping"]);
    assert_eq!(
        failures(&run(&image(r#""2s""#), service, "", update)),
        [""; 0],
        "drains what it had when it left rotation"
    );
    assert_eq!(failures(&run(&image(r#""ignore""#), service, "", update)), [""; 0], "works on for the grace period");
}

#[test]
fn rule_84_what_sigkill_cuts_off_is_killed_whether_the_process_heeded_the_stop_signal_or_not() {
    let update = r#"{"at": "20s", "run": "docker service update --image app:2 web"}"#;
    let service = r#", "networks": ["net"], "stop_grace_period": "1s", "deploy": {"replicas": 2}"#;
    for stop in [r#""2s""#, r#""ignore""#] {
        let image = format!(r#", "service_time": "4s", "concurrency": 100, "stop": {stop}"#);
        assert_eq!(failures(&run(&image, service, "", update)), ["reset killed"], "{stop}");
    }
}

#[test]
fn rule_84_a_kept_connection_leads_to_the_old_task_until_that_closes_it() {
    let update = r#"{"at": "20s", "run": "docker service update --image app:2 --update-order start-first web"}"#;
    let last_of_old = |client: &str| {
        let requests = run("", r#", "ports": ["80:80"]"#, client, update);
        assert_eq!(failures(&requests), [""; 0]);
        let old = requests.iter().filter(|request| request.task.is_some_and(|(_, image)| image.0 == 0));
        old.map(|request| request.sent.as_millis()).max()
    };
    let fresh = last_of_old(r#", "concurrency": 1, "think": "10ms""#);
    let kept = last_of_old(r#", "concurrency": 1, "think": "10ms", "keep_alive": true"#);
    // Rule 30: 2 s lie between the end of new connections and the stop signal; gossip takes up to 200 ms of them.
    let longer = kept.zip(fresh).map(|(kept, fresh)| kept - fresh);
    assert!(longer.is_some_and(|longer| (1_750..=2_000).contains(&longer)), "{longer:?}");
}

#[test]
fn rule_84_a_virtual_ip_forgets_a_connection_that_was_idle_for_900_s() {
    let failures_after = |think: &str, service: &str| {
        let client = format!(r#", "concurrency": 1, "keep_alive": true, "think": "{think}""#);
        failures(&run_for("2000s", "", service, &client, ""))
    };
    // The request itself takes 1 ms.
    assert_eq!(failures_after("899998ms", TWO), [""; 0]);
    assert_eq!(failures_after("899999ms", TWO), ["reset stale-entry"]);
    let names = r#", "networks": ["net"], "deploy": {"replicas": 2, "endpoint_mode": "dnsrr"}"#;
    assert_eq!(failures_after("899999ms", names), [""; 0], "no IPVS stands between");
}

#[test]
fn rule_69_a_kept_connection_to_a_task_that_the_virtual_ip_has_lost_breaks() {
    // Requests at 10, 30 and 50 s; gossip has missed the node by 28 s, and has it again up to 1 s after the partition.
    let outcomes = |service: &str, up: &str| {
        let client = r#", "concurrency": 1, "keep_alive": true, "think": "19999ms", "entry": "node1""#;
        let faults =
            format!(r#"{{"at": "20s", "fault": "link down node2"}}, {{"at": "{up}", "fault": "link up node2"}}"#);
        let requests = run("", service, client, &faults);
        requests.iter().map(|request| name(request.outcome)).collect::<Vec<_>>()
    };
    let on_node2 = r#""deploy": {"placement": {"constraints": ["node.hostname == node2"]}"#;
    let vip = format!(r#", "ports": ["80:80"], {on_node2}}}"#);
    for (up, is_served) in [("22s", true), ("29.95s", false), ("35s", false)] {
        let second = if is_served { "ok" } else { "reset node-lost" };
        assert_eq!(outcomes(&vip, up), ["ok", second, "ok"], "{up}");
    }
    let names = format!(r#", "networks": ["net"], {on_node2}, "endpoint_mode": "dnsrr"}}"#);
    assert_eq!(outcomes(&names, "29.95s"), ["ok"; 3], "no IPVS stands between");
}

#[test]
fn rules_66_and_84_a_process_that_ends_by_itself_breaks_what_it_has() {
    let image = r#", "service_time": "3s", "concurrency": 100, "outcome": {"exit": {"after": "15s", "code": 1}}"#;
    let requests = run_for("25s", image, r#", "ports": ["80:80"]"#, "", "");
    let broken: Vec<&Request> = of(&requests, "reset application").collect();
    assert_eq!(broken.len(), 30, "those of 3 s that it had");
    let ended: Vec<u64> = broken.iter().map(|request| request.ended.as_millis()).collect();
    assert!(ended.iter().all(|end| *end == ended[0]), "at once");
    let next_second = ended[0].div_ceil(1_000);
    let later = sent_between(&requests, next_second, next_second + 3);
    assert_eq!(counts(&later), BTreeMap::from([("refused no-task".to_owned(), 30)]));
}

#[test]
fn rules_76_and_83_each_side_of_a_partition_reaches_its_own_tasks() {
    let faults = r#"{"at": "20s", "fault": "link down node1"}, {"at": "45s", "fault": "link up node1"}"#;
    for entry in ["node1", "node2"] {
        let client = format!(r#", "connect_timeout": "500ms", "entry": "{entry}""#);
        let requests = run("", TWO, &client, faults);
        assert_eq!(failures(&requests), ["timeout node-lost"], "{entry}");
        let lost: Vec<u64> = of(&requests, "timeout node-lost").map(|request| request.sent.as_millis()).collect();
        let [first, .., last] = lost[..] else { panic!("many are lost") };
        assert!(
            first <= 20_100 && (24_000..30_000).contains(&last),
            "{entry}: until gossip misses it: {first} to {last}"
        );
        let tasks = |from, to| {
            let tasks = sent_between(&requests, from, to).iter().filter_map(|request| request.task).collect::<Vec<_>>();
            tasks.iter().map(|(task, _)| task.0).collect::<BTreeSet<u32>>().len()
        };
        assert_eq!((tasks(10, 20), tasks(50, 60)), (2, 2), "{entry}");
    }
}

/// Data-plane rules 67 and 83: what the managers think of nodes that they do not hear counts for nothing there.
#[test]
fn nodes_that_are_cut_off_together_serve_each_others_clients() {
    let faults = r#"{"at": "20s", "fault": "link down node1 node2"}, {"at": "45s", "fault": "link up node2 node1"}"#;
    for entry in ["node1", "node2"] {
        let requests = run("", TWO, &format!(r#", "connect_timeout": "500ms", "entry": "{entry}""#), faults);
        let tasks = |requests: &[Request]| requests.iter().filter_map(|request| request.task).collect::<BTreeSet<_>>();
        let [before, cut_off, back] =
            [(10, 20), (20, 45), (55, 60)].map(|(from, to)| sent_between(&requests, from, to));
        assert_eq!(counts(&cut_off), BTreeMap::from([("ok".to_owned(), 250)]), "{entry}");
        assert_eq!(tasks(&cut_off), tasks(&before), "{entry}");
        assert_eq!(counts(&back), BTreeMap::from([("ok".to_owned(), 50)]), "{entry}");
        assert!(tasks(&back).is_disjoint(&tasks(&before)), "{entry}: they were replaced when they were heard again");
    }
    let elsewhere = run("", TWO, r#", "connect_timeout": "500ms", "entry": "manager""#, faults);
    assert_eq!(counts(&sent_between(&elsewhere, 35, 45)), BTreeMap::from([("refused no-task".to_owned(), 100)]));
}

#[test]
fn rule_80_a_cached_address_is_used_when_its_task_is_gone() {
    let service = r#", "networks": ["net"], "deploy": {"replicas": 2, "endpoint_mode": "dnsrr"}"#;
    let scale = r#"{"at": "20s", "run": "docker service scale web=1"}"#;
    let client = r#", "connect_timeout": "1s""#;
    assert_eq!(failures(&run("", service, client, scale)), [""; 0]);
    let caching = (1..=2).map(|kept| {
        let node = format!(r#", "connect_timeout": "1s", "dns_cache": true, "entry": "node{kept}""#);
        failures(&run("", service, &node, scale)).len()
    });
    assert!(caching.sum::<usize>() <= 2);
    let gone = run("", service, "", r#"{"at": "20s", "run": "docker service scale web=0"}"#);
    assert_eq!(failures(&gone), ["no-backend no-task"]);
}

#[test]
fn rule_81_a_host_port_leads_to_the_tasks_of_its_own_node_only() {
    let service = r#", "ports": [{"target": 80, "published": 80, "mode": "host"}],
        "deploy": {"replicas": 1, "placement": {"constraints": ["node.hostname==node1"]}}"#;
    assert_eq!(failures(&run("", service, r#", "entry": "node1""#, "")), [""; 0]);
    let elsewhere = run("", service, r#", "entry": "node2""#, "");
    assert_eq!(counts(&elsewhere), BTreeMap::from([("refused no-task".to_owned(), 500)]));
}

#[test]
fn rule_59_each_entry_node_has_its_own_rotation() {
    let tasks = |client: &str| -> Vec<u32> {
        run("", TWO, client, "").iter().take(6).filter_map(|request| request.task).map(|(task, _)| task.0).collect()
    };
    assert_eq!(tasks(r#", "entry": "node1""#), [1, 0, 1, 0, 1, 0]);
    let [first, second, third, fourth, fifth, sixth] = tasks(r#", "entry": "all""#)[..] else { panic!("six requests") };
    assert_eq!((first, second, third), (1 - fourth, 1 - fifth, 1 - sixth));
}

#[test]
fn rule_71_a_stale_load_balancer_sends_requests_to_tasks_that_are_gone() {
    let staleness = |staleness: &str| {
        let text = format!(
            r#"{{"rollsim": 1, "duration": "60s",
              "cluster": {{"nodes": {{"manager": {{"role": "manager", "availability": "drain", "staleness": "{staleness}"}}, "node1": {{}}}}}},
              "images": {{"app:1": {{"service_time": "1ms"}}, "app:2": {{"like": "app:1"}}}},
              "services": {{"web": {{"image": "app:1", "ports": ["80:80"], "deploy": {{"replicas": 2}}}}}},
              "traffic": {{"clients": {{"users": {{"service": "web", "rate": "100/s", "from": "10s", "connect_timeout": "500ms"}}}}}},
              "timeline": [{{"at": "20s", "run": "docker service update --image app:2 web"}}]}}"#
        );
        let loaded = scenario::load(&SourceFile { name: "test.json".to_owned(), text }, &[]).expect("a scenario");
        failures(&sim::run(&loaded.plan, Requests::default()).observer.0)
    };
    assert_eq!(staleness("0s"), [""; 0], "rule 72: the 2 s before the stop signal cover the gossip");
    assert_eq!(staleness("4s"), ["refused stopping", "timeout stale-entry"]);
}

#[test]
fn a_drained_node_still_accepts_connections() {
    let requests = run(
        "",
        TWO,
        r#", "entry": "node1""#,
        r#"{"at": "20s", "run": "docker node update --availability drain node1"}"#,
    );
    assert_eq!(failures(&requests), [""; 0]);
}

#[test]
fn a_proxy_that_asks_seldom_sends_to_tasks_that_are_gone_until_it_asks() {
    let service = r#", "networks": ["net"], "deploy": {"replicas": 2}"#;
    let scale = r#"{"at": "20s", "run": "docker service scale web=1"}"#;
    let behind = |refresh: &str| {
        let entry =
            format!(r#", "connect_timeout": "500ms", "entry": {{"backends": "tasks", "refresh": "{refresh}"}}"#);
        run("", service, &entry, scale)
    };
    assert_eq!(failures(&behind("1s")), [""; 0], "rule 30: it is out of the list for 2 s before it stops");
    let stale = behind("20s");
    let lost: Vec<&Request> = of(&stale, "timeout stale-entry").collect();
    let sent = |request: &Request| request.sent.as_millis();
    assert!(lost.len() > 20 && sent(lost[0]) > 23_000, "{}", lost.len());
    let last = sent(lost[lost.len() - 1]);
    assert!(lost.windows(2).all(|pair| sent(pair[1]) - sent(pair[0]) == 200), "every second request");
    assert!(sent_between(&stale, last / 1_000 + 1, 60).iter().all(|request| request.outcome == RequestOutcome::Ok));
}

#[test]
fn a_load_balancer_whose_checks_fail_spares_a_node_and_has_none_at_last() {
    let crash = r#"{"at": "20s", "fault": "node crash node1"}, {"at": "40s", "fault": "node crash node2"}"#;
    let check = r#"{"interval": "1s", "timeout": "500ms", "rise": 2, "fall": 2}"#;
    let entry = |entry: &str| run("", TWO, &format!(r#", "connect_timeout": "500ms", "entry": {entry}"#), crash);
    let checked = entry(&format!(r#"{{"backends": ["node1", "node2"], "check": {check}}}"#));
    assert_eq!(failures(&sent_between(&checked, 10, 20)), [""; 0]);
    assert!(of(&sent_between(&checked, 20, 23), "timeout node-lost").count() > 0, "until two checks have failed");
    assert_eq!(failures(&sent_between(&checked, 32, 40)), [""; 0], "the other node has missed it too");
    let none = sent_between(&checked, 43, 60);
    assert_eq!(failures(&none), ["no-backend node-lost"]);
    assert!(none.iter().all(|request| request.latency().as_millis() == 0));
    let unchecked = entry(r#"{"backends": ["node1", "node2"]}"#);
    assert_eq!(of(&sent_between(&unchecked, 32, 40), "timeout node-lost").count(), 40, "every second one");
}

#[test]
fn a_backend_that_is_well_again_gets_requests_after_as_many_checks() {
    let service = r#", "ports": [{"target": 80, "published": 80, "mode": "host"}],
        "deploy": {"replicas": 1, "placement": {"constraints": ["node.hostname==node1"]}, "restart_policy": {"delay": "2s"}}"#;
    let check = r#"{"interval": "1s", "timeout": "500ms", "rise": 3, "fall": 1}"#;
    let entry = format!(r#", "entry": {{"backends": ["node1"], "check": {check}}}"#);
    let update = r#"{"at": "20s", "run": "docker service update --image app:2 web"}"#;
    let requests = run(r#", "boot": "5s""#, service, &entry, update);
    let down: Vec<&Request> = of(&requests, "no-backend no-task").collect();
    let last = down[down.len() - 1].sent.as_millis();
    let up = requests
        .iter()
        .find(|request| request.task.is_some_and(|(_, image)| image.0 == 1) && request.outcome == RequestOutcome::Ok);
    let up = up.expect("it serves at last").sent.as_millis();
    assert_eq!(up, last + 100);
    // It listens 5 s after its process is up at 21.3 s, and the third check after that finds it well.
    assert!((28_300..=29_400).contains(&up), "{up}");
}
