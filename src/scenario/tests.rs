//! Whole scenarios: what plan they come to.

use super::expect::Expected;
use super::*;
use crate::kernel::curve::{Piece, Wave};
use crate::kernel::{Curve, Dist, Span, Time};
use crate::model::client::{Access, Load};
use crate::model::command::Command;
use crate::model::image::{ImageBehavior, Outcome};
use crate::model::latencies::Latencies;
use crate::model::node::Role;
use crate::model::service::{FailureAction, Mode, Order, RestartCondition, ServiceSpec, UpdateConfig};
use crate::model::{ClientId, ServiceId, defaults};
use crate::sim::plan::{End, TieOrder};

/// The example of the scenario format, without what is not simulated yet.
const EXAMPLE: &str = r#"{
  "rollsim": 1, "name": "example-rollback", "about": "what to look for", "seed": 7, "duration": "120s",
  "cluster": {"nodes": {"node1": {"role": "manager", "labels": {"zone": "a"}, "resources": {"cpus": "4", "memory": "8g"}},
                        "node2": {}, "node3": {}}},
  "images": {
    "app:1": {"prepare": "1.5s", "start": "400ms", "stop": "100ms", "service_time": {"exponential": "20ms"}},
    "app:2": {"like": "app:1", "outcome": {"exit": {"after": "4s", "code": 1}},
              "fail_share": 1.0, "tasks": {"3": {"outcome": "run"}}}},
  "services": {"web": {"image": "app:1", "ports": ["8000:8000"],
    "deploy": {"replicas": 2, "update_config": {"delay": "10s", "monitor": "10s", "failure_action": "rollback"}}}},
  "traffic": {"mode": "exact", "clients": {
    "users": {"service": "web", "rate": "50/s", "arrivals": "poisson"},
    "ab": {"service": "web", "concurrency": 30, "requests": 100000, "think": "0s", "client_time": "0.18ms", "from": "30s"}}},
  "latencies": "swarm", "ties": "shuffled",
  "timeline": [{"at": "20s", "run": "docker service update --image app:2 web"}],
  "slo": {"web": {"availability": "99.9%"}},
  "expect": [{"service": "web", "update_status": "rollback_completed", "before": "90s"},
             {"service": "web", "downtime.total": "<= 0s"}]
}"#;

/// The same in YAML, with the services' defaults by an anchor, and in another order.
const EXAMPLE_IN_YAML: &str = "
rollsim: 1
name: example-rollback
about: what to look for
seed: 7
duration: 2m
x-update: &update
  delay: 10s
  monitor: 10000ms
  failure_action: pause
services:
  web:
    image: app:1
    ports: [8000:8000]
    deploy:
      replicas: 2
      update_config: {<<: *update, failure_action: rollback}
images:
  app:1: {prepare: 1500ms, start: .4s, stop: 100ms, service_time: {exponential: 20ms}}
  app:2:
    like: app:1
    outcome: {exit: {after: 4s}}
    fail_share: 100%
    tasks: {3: {outcome: run}}
cluster:
  nodes:
    node1: {role: manager, labels: [zone=a], resources: {cpus: '4.0', memory: 8GiB}}
    node2: {}
    node3: {}
traffic:
  clients:
    users: {service: web, rate: 3000/m}
    ab: {service: web, concurrency: 30, requests: 100000, client_time: 180us, from: 30s}
timeline:
  - {at: 20s, run: docker service update --image app:2 web}
ties: shuffled
slo: {web: {availability: 0.999}}
expect:
  - {update_status: rollback_completed, before: 90s}
  - {downtime.total: <= 0s}
";

fn load_with(name: &str, text: &str, overlays: &[Overlay]) -> Result<Loaded, String> {
    let file = SourceFile { name: name.to_owned(), text: text.to_owned() };
    load(&file, overlays).map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn loaded(text: &str) -> Loaded {
    load_with("t.yaml", text, &[]).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The specification with which a service is created.
fn created(loaded: &Loaded, name: &str) -> ServiceSpec {
    let mut specs = loaded.plan.commands.iter().filter_map(|timed| match &timed.command {
        Command::ServiceCreate { service, spec } if loaded.plan.services[*service] == name => Some(spec),
        _ => None,
    });
    ServiceSpec::clone(specs.next().unwrap_or_else(|| panic!("{name} is created")))
}

fn warnings(loaded: &Loaded) -> Vec<String> {
    loaded.warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn json_and_yaml_of_one_scenario_give_equal_plans() {
    let json = load_with("example.json", EXAMPLE, &[]).expect("the example loads");
    let yaml = load_with("example.yaml", EXAMPLE_IN_YAML, &[]).expect("the example loads in YAML too");
    // The order of the images in the file is that of their ids, and both have the same.
    assert_eq!(json.plan, yaml.plan);
    assert_eq!(json.digest, yaml.digest);
    let checks = |loaded: &Loaded| loaded.expectations.iter().map(|e| e.what.to_string()).collect::<Vec<_>>();
    assert_eq!(checks(&json), ["update_status: rollback_completed before 1m30s", "downtime.total <= 0s"]);
    assert_eq!(checks(&json), checks(&yaml));
    assert_eq!((json.warnings, json.assumed_images), (Vec::new(), Vec::new()));
}

#[test]
fn the_example_comes_to_the_plan_that_it_says() {
    let plan = loaded(EXAMPLE).plan;
    assert_eq!((plan.name.as_str(), plan.seed, plan.end), ("example-rollback", 7, End::At(Time::from_millis(120_000))));
    let nodes: Vec<_> = plan.nodes.values().map(|node| (node.name.as_str(), node.spec.role)).collect();
    assert_eq!(nodes, [("node1", Role::Manager), ("node2", Role::Worker), ("node3", Role::Worker)]);
    let app2 = &plan.images.values().nth(1).expect("two images").behavior;
    assert_eq!(app2.prepare, Dist::Constant(Span::from_millis(1_500)), "taken over from app:1");
    assert_eq!(app2.outcome, Outcome::Exit { after: Dist::Constant(Span::from_secs(4)), code: 1 });
    assert_eq!(app2.tasks[&3].outcome, Some(Outcome::Run));
    let clients: Vec<_> = plan.clients.values().collect();
    assert_eq!(clients[0].load, Load::Open { gap: Dist::Exponential { mean: Span::from_millis(20) } });
    assert_eq!((clients[1].from, clients[1].until), (Time::from_millis(30_000), Time::MAX));
    assert_eq!(plan.slo[ServiceId(0)], Some(0.999));
    assert_eq!(plan.latencies, Latencies::SWARM);
    assert_eq!(plan.ties, TieOrder::Shuffled);
    let times: Vec<_> = plan.commands.iter().map(|timed| (timed.at.as_millis(), timed.line.as_str())).collect();
    assert_eq!(times, [(0, ""), (20_000, "docker service update --image app:2 web")]);
}

#[test]
fn a_rate_may_be_steps_ramps_or_a_day() {
    let rate = |rate: &str| {
        let text = format!(
            r#"{{"rollsim": 1, "services": {{"web": {{"image": "app:1"}}}},
              "traffic": {{"clients": {{"users": {{"service": "web", "arrivals": "constant", "rate": {rate}}}}}}}}}"#
        );
        loaded(&text).plan.clients.values().next().expect("a client").load.clone()
    };
    let piece = |seconds, begin, end| Piece { length: Span::from_secs(seconds), begin, end };
    let steps = r#"[{"for": "60s", "rate": "20/s"}, {"for": "30s", "to": "120/m"}, {"rate": "0/s"}]"#;
    let pieces = vec![piece(60, 20.0, 20.0), piece(30, 20.0, 2.0), piece(0, 0.0, 0.0)];
    let load = |rate| Load::Varying { rate, is_poisson: false };
    assert_eq!(rate(steps), load(Curve::of_pieces(pieces, false)));
    let bursts = r#"{"steps": [{"for": "50s", "rate": "1/s"}, {"for": "10s", "to": "90/s"}], "repeat": true}"#;
    assert_eq!(rate(bursts), load(Curve::of_pieces(vec![piece(50, 1.0, 1.0), piece(10, 1.0, 90.0)], true)));
    let (peak, period) = (Span::from_secs(12 * 3_600), Span::from_secs(24 * 3_600));
    assert_eq!(
        rate(r#"{"day": {"low": "0/s", "high": "300/s"}}"#),
        load(Curve::Wave(Wave { low: 0.0, high: 300.0, peak, period }))
    );
}

#[test]
fn what_a_scenario_does_not_say_is_the_default() {
    let loaded = load_with("scenarios/minimal.yaml", "{rollsim: 1, services: {web: {image: a}}}", &[]).expect("loads");
    let plan = &loaded.plan;
    assert_eq!((plan.name.as_str(), plan.seed), ("minimal", 1));
    assert_eq!(plan.end, End::WhenQuiet { quiet: Span::from_secs(30), limit: Time::from_millis(3_600_000) });
    assert_eq!(plan.nodes.values().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["manager1"]);
    assert_eq!(plan.task_history_limit, Some(5));
    assert_eq!(plan.ties, TieOrder::Fixed);
    assert_eq!(plan.images.values().next().map(|image| &image.behavior), Some(&ImageBehavior::default()));
    assert_eq!(loaded.assumed_images.len(), 1);
    let spec = created(&loaded, "web");
    assert_eq!(spec, ServiceSpec::replicated(loaded.assumed_images[0], 1));
}

#[test]
fn a_section_that_is_there_is_filled_with_the_defaults() {
    let loaded = loaded(
        "{rollsim: 1, services: {web: {image: a, deploy: {
            update_config: {}, rollback_config: {parallelism: 0, monitor: 0s, order: start-first},
            restart_policy: {delay: 0s}}}}}",
    );
    let spec = created(&loaded, "web");
    assert_eq!(spec.update, Some(defaults::UPDATE_CONFIG));
    let rollback = UpdateConfig { parallelism: 0, order: Order::StartFirst, ..defaults::UPDATE_CONFIG };
    assert_eq!(spec.rollback, Some(rollback));
    let restart = spec.task.restart.expect("there is a policy");
    assert_eq!((restart.condition, restart.delay, restart.window), (RestartCondition::Any, Some(Span::ZERO), None));
}

#[test]
fn the_older_restart_counts_where_there_is_no_policy() {
    let condition = |keys: &str| {
        let loaded = loaded(&format!("{{rollsim: 1, services: {{web: {{image: a, {keys}}}}}}}"));
        created(&loaded, "web").task.restart.map(|policy| (policy.condition, policy.max_attempts))
    };
    assert_eq!(condition("restart: 'no'"), None);
    assert_eq!(condition("restart: unless-stopped"), Some((RestartCondition::Any, 0)));
    assert_eq!(condition("restart: on-failure:3"), Some((RestartCondition::OnFailure, 3)));
    assert_eq!(
        condition("restart: always, deploy: {restart_policy: {condition: none}}"),
        Some((RestartCondition::None, 0))
    );
}

#[test]
fn a_flag_that_repeats_a_setting_of_the_file_leaves_the_task_as_it_is() {
    let loaded = loaded(
        "rollsim: 1
services:
  web:
    image: a
    command: [serve, --fast]
    environment: {A: 1, B: 'x'}
    labels: [c=d]
    user: app
    secrets: [key]
    volumes: ['/h:/c:ro', 'data:/data']
    ulimits: {nofile: 5}
    cap_add: [net_admin]
    stop_signal: SIGINT
    tty: true
timeline:
  - at: 1s
    run: >-
      service update --args 'serve --fast' --env-add A=1 --env-add B=x --container-label-add c=d --user app
      --secret-add key --cap-add NET_ADMIN --stop-signal SIGINT --tty --mount-add type=bind,src=/h,dst=/c,ro
      --mount-add target=/data,source=data --ulimit-add nofile=5:5 web
",
    );
    let spec = created(&loaded, "web");
    let Command::ServiceUpdate { change, .. } = &loaded.plan.commands[1].command else { panic!("an update") };
    let mut changed = spec.clone();
    crate::model::spec_change::apply(change, &mut changed);
    assert_eq!(changed, spec);
    assert_eq!(spec.task.container.settings.len(), 12);
}

#[test]
fn images_without_an_entry_behave_like_the_star() {
    let loaded = loaded(
        "{rollsim: 1, images: {'*': {prepare: 3s}, app:1: {start: 1s}},
          services: {web: {image: app:1}, api: {image: api:1}},
          timeline: [{at: 5s, run: service update --image app:2 web}]}",
    );
    let prepares: Vec<_> = loaded
        .plan
        .images
        .values()
        .map(|image| (image.name.as_str(), image.behavior.prepare.clone(), image.behavior.start.clone()))
        .collect();
    let (three, half) = (Dist::Constant(Span::from_secs(3)), Dist::Constant(Span::from_millis(500)));
    let one = Dist::Constant(Span::from_secs(1));
    assert_eq!(
        prepares,
        [("app:1", three.clone(), one), ("api:1", three.clone(), half.clone()), ("app:2", three, half)]
    );
    assert_eq!(loaded.assumed_images, [ImageId(1), ImageId(2)]);
}

#[test]
fn the_timeline_is_sorted_by_time_and_stays_in_order_within_an_instant() {
    let loaded = loaded(
        "{rollsim: 1, services: {a: {image: x}, b: {image: x}}, timeline: [
            {at: 10s, run: service rm a}, {at: 5s, run: service scale b=2 a=3}, {at: 10s, run: docker service rm b}]}",
    );
    let lines: Vec<_> = loaded.plan.commands.iter().map(|timed| timed.line.as_str()).collect();
    assert_eq!(
        lines,
        ["", "", "service scale b=2 a=3", "service scale b=2 a=3", "service rm a", "docker service rm b"]
    );
}

#[test]
fn a_line_ends_before_its_line_break() {
    let text = "rollsim: 1
services: {web: {image: x}}
timeline:
  - at: 1s
    run: |
      service rm web

  - {at: 0s, run: \"service update web\\r\\n\"}
";
    let lines: Vec<_> = loaded(text).plan.commands.into_iter().map(|timed| timed.line).collect();
    assert_eq!(lines, ["", "service update web", "service rm web"]);
}

#[test]
fn a_service_that_the_timeline_creates_can_be_referred_to() {
    let loaded = loaded(
        "{rollsim: 1, timeline: [{at: 5s, run: docker service create --name web --replicas 2 app:1}],
          traffic: {clients: {users: {service: web, rate: 1/s, arrivals: constant}}}, expect: [{downtime.count: 0}]}",
    );
    assert_eq!(created(&loaded, "web").mode, Mode::Replicated { replicas: 2 });
    assert!(matches!(loaded.expectations[0].what, Expected::OfService(ServiceId(0), _)));
}

#[test]
fn removing_a_stack_removes_its_services() {
    let loaded = loaded(
        "{rollsim: 1, services: {dc_web: {image: x}, dc_db: {image: x}, other: {image: x}},
          timeline: [{at: 5s, run: docker stack rm dc}, {at: 6s, run: docker stack rm dc}]}",
    );
    let removed: Vec<_> = loaded
        .plan
        .commands
        .iter()
        .filter_map(|timed| match timed.command {
            Command::ServiceRemove { service } => Some(loaded.plan.services[service].as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(removed, ["dc_web", "dc_db"]);
    assert_eq!(warnings(&loaded), ["t.yaml:2:71: warning[R0701]: this has no effect: the stack has no services"]);
}

#[test]
fn errors_of_a_stack_and_of_the_timeline_are_told_at_once() {
    let text = "services: {api: {image: x, deploy: {parallelism: 1}}}".to_owned();
    let files = vec![SourceFile { name: "shop.yml".to_owned(), text }];
    let then = ["5s docker service update --imagee y api", "6s docker service update --image y api", "7s x", "8s"];
    let run = StackRun { name: "shop".to_owned(), files, then: then.map(str::to_owned).to_vec() };
    let problems = load_stack(&run, &[], &Outside::default()).expect_err("both are wrong");
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "shop.yml:1:37: error[R0101]: services.api.deploy Additional property parallelism is not allowed",
            "--then 5s docker service update --imagee y api:1:26: error[R0301]: unknown flag: --imagee",
            "--then 7s x:1:4: error[R0301]: unknown command: docker x",
            "--then 8s:1:1: error[R0106]: expected an instant and a command: `30s docker service update --image api:2 api`",
        ]
    );
}

#[test]
fn a_client_enters_by_the_port_of_a_service_or_its_network_or_directly() {
    let access = |service: &str, entry: &str| {
        let text = format!(
            "{{rollsim: 1, cluster: {{managers: 1, workers: 2}}, images: {{x: {{}}}}, services: {{web: {{image: x {service}}}}},
              traffic: {{clients: {{users: {{service: web, rate: 1/s {entry}}}}}}}}}"
        );
        let connect = &loaded(&text).plan.clients[ClientId(0)].connect;
        (connect.access, connect.nodes.iter().map(|node| node.0).collect::<Vec<_>>())
    };
    let networks = ", networks: [net]";
    assert_eq!(access(", ports: ['80:80'], networks: [net]", ""), (Access::Vip, vec![0]));
    assert_eq!(access(networks, ", entry: worker2"), (Access::Vip, vec![2]));
    let dnsrr = ", networks: [net], deploy: {endpoint_mode: dnsrr}";
    assert_eq!(access(dnsrr, ", entry: [worker1, manager1]"), (Access::DnsRoundRobin, vec![1, 0]));
    assert_eq!(access(", ports: [{target: 80, mode: host}]", ", entry: all"), (Access::HostPort, vec![0, 1, 2]));
    assert_eq!(access("", ""), (Access::Direct, vec![]));
}

#[test]
fn a_set_path_is_the_path_in_the_file() {
    let overlays = [
        Overlay::set("services.web.deploy.replicas=5"),
        Overlay::set("update.failure_action=pause"),
        Overlay::set("rollback.parallelism=0"),
        Overlay::set("images.app:1.prepare=9s"),
        Overlay::set("images.app:2.outcome={exit: {after: 1s, code: 0}}"),
        Overlay::set("timeline.0.at=25s"),
        Overlay::set("seed=3"),
    ];
    let loaded = load_with("t.json", EXAMPLE, &overlays).expect("loads");
    let spec = created(&loaded, "web");
    assert_eq!(spec.mode, Mode::Replicated { replicas: 5 });
    let update = spec.update.expect("there is one");
    assert_eq!((update.failure_action, update.delay), (FailureAction::Pause, Span::from_secs(10)));
    assert_eq!(spec.rollback.map(|rollback| rollback.parallelism), Some(0));
    let behaviors: Vec<_> = loaded.plan.images.values().map(|image| &image.behavior).collect();
    assert_eq!(behaviors[1].prepare, Dist::Constant(Span::from_secs(9)), "app:2 is like app:1");
    assert_eq!(behaviors[1].outcome, Outcome::Exit { after: Dist::Constant(Span::from_secs(1)), code: 0 });
    assert_eq!(loaded.plan.commands[1].at, Time::from_millis(25_000));
    assert_eq!(loaded.plan.seed, 3);
}

#[test]
fn a_short_path_belongs_to_the_only_service_that_the_timeline_names() {
    let text = "{rollsim: 1, services: {web: {image: a}, db: {image: b}},
                 timeline: [{at: 5s, run: service update --force db}]}";
    let loaded = load_with("t.yaml", text, &[Overlay::set("deploy.replicas=4")]).expect("loads");
    assert_eq!(created(&loaded, "db").mode, Mode::Replicated { replicas: 4 });
    assert_eq!(created(&loaded, "web").mode, Mode::Replicated { replicas: 1 });
}

#[test]
fn a_set_path_and_a_policy_take_the_short_name_of_a_service_of_a_stack() {
    let text = "{rollsim: 1, services: {shop_api: {image: a}, shop_db: {image: b}, web_db: {image: b}},
                 timeline: [{at: 5s, run: service update --replicas 1 api}]}";
    for set in ["services.api.deploy.replicas=4", "services.shop_api.deploy.replicas=4", "deploy.replicas=4"] {
        let loaded = load_with("t.yaml", text, &[Overlay::set(set)]).expect("loads");
        assert_eq!(created(&loaded, "shop_api").mode, Mode::Replicated { replicas: 4 }, "{set}");
        let overridden = "warning[R0602]: this line overrides `deploy.replicas`";
        assert!(warnings(&loaded).iter().any(|warning| warning.contains(overridden)), "{set}");
    }
    let file = SourceFile { name: "p.yml".to_owned(), text: "services: {api: {deploy: {replicas: 4}}}".to_owned() };
    let loaded = load_with("t.yaml", text, &[Overlay::policy(file)]).expect("loads");
    assert_eq!(created(&loaded, "shop_api").mode, Mode::Replicated { replicas: 4 });
    let ambiguous = load_with("t.yaml", text, &[Overlay::set("services.db.deploy.replicas=4")]).unwrap_err();
    assert!(ambiguous.contains("R0601]: `db` could be `shop_db` or `web_db`"), "{ambiguous}");
}

#[test]
fn problems_of_an_overlay_are_shown_in_its_text() {
    let two = "{rollsim: 1, name: two, services: {web: {image: a}, db: {image: b}}}";
    for (overlay, problem) in [
        ("services.web.deploy.replicas=many", "R0103]: expected a whole number, found a string"),
        ("services.web.deploy.replcas=3", "R0101]: unknown field `replcas`"),
        ("services.wbe.image=x", "R0601]: there is no `wbe` in `services`"),
        ("deploy.replicas=3", "R0601]: this could belong to `web` or `db`: begin the path with `services.NAME`"),
        ("seed", "R0601]: expected `PATH=VALUE`"),
        ("seed.x.y=1", "R0103]: expected a whole number, found a mapping"),
        ("name.x=1", "R0601]: `x` leads into a string"),
        ("rollsim=2", "R0601]: `rollsim` is the version of the format, which stays that of the file"),
        ("services..image=x", "R0601]: the path `services..image` has an empty part"),
        ("=x", "R0601]: the path `` has an empty part"),
        ("timeline[1].at=5s", "R0601]: `timeline[1]`: an item of a list is named by its number, as a part of the path"),
        ("services.web.deploy={", "R0001]: not valid JSON or YAML: unclosed bracket '{'"),
    ] {
        let said = load_with("t.yaml", two, &[Overlay::set(overlay)]).map(|_| "nothing".to_owned());
        let said = said.unwrap_or_else(|problem| problem);
        assert!(said.contains(problem), "{overlay}: {said}");
        assert!(said.starts_with(&format!("--set {overlay}:1:")), "{said}");
    }
}

#[test]
fn a_policy_is_laid_over_the_service_and_flags_in_the_timeline_win() {
    let policy = SourceFile {
        name: "careful.json".to_owned(),
        text: r#"{"deploy": {"update_config": {"order": "start-first", "delay": "1s"}}}"#.to_owned(),
    };
    let text = EXAMPLE.replace("--image app:2", "--image app:2 --update-delay 3s");
    let loaded = load_with("t.json", &text, &[Overlay::policy(policy)]).expect("loads");
    let update = created(&loaded, "web").update.expect("there is one");
    assert_eq!(
        (update.order, update.delay, update.monitor),
        (Order::StartFirst, Span::from_secs(1), Some(Span::from_secs(10)))
    );
    assert_eq!(
        warnings(&loaded),
        ["t.json:15:37: warning[R0602]: this line overrides `deploy.update_config.delay`, which `careful.json` sets"]
    );
}

#[test]
fn a_policy_may_name_its_services() {
    let two = "{rollsim: 1, services: {web: {image: a}, db: {image: b, deploy: {replicas: 2}}}}";
    let laid = |text: &str| {
        let policy = SourceFile { name: "p.yaml".to_owned(), text: text.to_owned() };
        load_with("t.yaml", two, &[Overlay::policy(policy)])
    };
    let both = "services: {web: {image: c}, db: {deploy: {update_config: {delay: 3s}}}}";
    let both = laid(both).expect("loads");
    let db = created(&both, "db");
    assert_eq!(db.update.map(|update| update.delay), Some(Span::from_secs(3)));
    assert_eq!(db.mode, Mode::Replicated { replicas: 2 });
    assert_eq!(both.plan.images[created(&both, "web").task.container.image].name, "c");
    for (text, problem) in [
        ("services: {wbe: {}, d: {}}", "1:12: error[R0601]: there is no `wbe` in `services`"),
        ("services: {wbe: {}, d: {}}", "1:21: error[R0601]: there is no `d` in `services`"),
        (
            "services: [web]",
            "1:11: error[R0601]: `services` of a policy are parts of services by their names, found a list",
        ),
        ("{services: {}, deploy: {}}", "1:16: error[R0601]: `deploy` belongs into one of the policy's `services`"),
        (
            "deploy: {}",
            "1:1: error[R0601]: this could belong to `web` or `db`: put it into `{\"services\": {\"NAME\": ...}}`",
        ),
    ] {
        let said = laid(text).map(|_| ()).expect_err(text);
        assert!(said.contains(&format!("p.yaml:{problem}")), "{text}: {said}");
    }
}

#[test]
fn the_digest_is_of_what_is_understood_without_name_and_seed() {
    let digest = |overlays: &[Overlay]| load_with("t.json", EXAMPLE, overlays).expect("loads").digest;
    let plain = digest(&[]);
    assert_eq!(plain.len(), 32);
    assert_eq!(digest(&[Overlay::set("seed=9"), Overlay::set("name=other")]), plain);
    assert_ne!(digest(&[Overlay::set("rollback.parallelism=1")]), plain, "the section is there now");
    assert_eq!(digest(&[Overlay::set("update.delay=10000ms"), Overlay::set("expect=[]")]), plain);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_loader_panic(edits in proptest::collection::vec((0usize..2_000, 0usize..12, "[\\[\\]{}:,\"%*&!#|>.0-9a-zé\\n\\t -]{0,4}"), 1..6), yaml: bool) {
        let mut text = if yaml { EXAMPLE_IN_YAML } else { EXAMPLE }.to_owned();
        for (at, length, insert) in edits {
            let boundary = |at: usize| (at.min(text.len())..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let (start, end) = (boundary(at), boundary(at + length));
            text.replace_range(start..end, &insert);
        }
        let file = SourceFile { name: "t".to_owned(), text };
        let diagnostics = load(&file, &[]).map_or_else(|problems| problems, |loaded| loaded.warnings);
        for diagnostic in diagnostics {
            assert!(diagnostic.render(false).contains(diagnostic.code.id()));
        }
    }
}
