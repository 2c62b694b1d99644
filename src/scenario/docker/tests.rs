//! Lines as users paste them: what they become, and how they are refused.

use std::sync::Arc;

use super::*;
use crate::kernel::Span;
use crate::model::command::{Edit, RestartPolicyChange, UpdateConfigChange};
use crate::model::node::{Availability, Role};
use crate::model::service::{
    EndpointMode, FailureAction, HealthCheck, Mode, Order, PortConfig, Protocol, PublishMode, RestartCondition,
    RestartPolicy, UpdateConfig,
};

/// Services `web`, `dc_worker` and, global, `agent`; image `app:1`; what is new gets the next id. Nodes `n1`, with the label
/// `zone`, and `n2`.
struct Scenario {
    services: Vec<String>,
    images: Vec<String>,
}

impl Default for Scenario {
    fn default() -> Self {
        Scenario {
            services: ["web", "dc_worker", "agent"].map(str::to_owned).to_vec(),
            images: vec!["app:1".to_owned()],
        }
    }
}

fn position(list: &[String], name: &str) -> Option<u32> {
    list.iter().position(|known| known == name).and_then(|at| u32::try_from(at).ok())
}

impl Names for Scenario {
    fn service(&mut self, name: &str) -> Option<ServiceId> {
        position(&self.services, name).map(ServiceId)
    }

    fn new_service(&mut self, name: &str) -> Result<ServiceId, String> {
        if self.service(name).is_some() {
            return Err(format!("service {name} already exists"));
        }
        self.services.push(name.to_owned());
        Ok(self.service(name).expect("it was added"))
    }

    fn is_global(&self, service: ServiceId) -> bool {
        self.services[service.0 as usize] == "agent"
    }

    fn node(&mut self, name: &str) -> Option<NodeId> {
        ["n1", "n2"].iter().position(|known| *known == name).map(|at| NodeId(at as u32))
    }

    fn has_label(&self, node: NodeId, label: &str) -> bool {
        (node, label) == (NodeId(0), "zone")
    }

    fn image(&mut self, reference: &str) -> ImageId {
        if position(&self.images, reference).is_none() {
            self.images.push(reference.to_owned());
        }
        ImageId(position(&self.images, reference).expect("it was added"))
    }

    fn services_of_stack(&mut self, stack: &str) -> Vec<ServiceId> {
        let prefix = format!("{stack}_");
        let services = self.services.iter().filter(|name| name.starts_with(&prefix));
        services.filter_map(|name| position(&self.services, name)).map(ServiceId).collect()
    }
}

const WEB: ServiceId = ServiceId(0);
const WORKER: ServiceId = ServiceId(1);

fn commands(line: &str) -> Vec<Command> {
    let command = parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    command.lower(&mut Scenario::default()).unwrap_or_else(|error| panic!("{line}: {error}"))
}

fn changed(line: &str) -> SpecChange {
    match commands(line).as_slice() {
        [Command::ServiceUpdate { service: WEB, change }] => SpecChange::clone(change),
        other => panic!("{line}: {other:?}"),
    }
}

fn created(line: &str) -> ServiceSpec {
    match commands(line).as_slice() {
        [Command::ServiceCreate { service: ServiceId(3), spec }] => ServiceSpec::clone(spec),
        other => panic!("{line}: {other:?}"),
    }
}

fn set(key: &str, value: &str) -> Edit {
    Edit::Set(key.to_owned(), value.to_owned())
}

fn edits(line: &str) -> Vec<Edit> {
    changed(line).edits
}

/// What is at fault, as it stands in the line, and the message.
fn fault(line: &str) -> (&str, String) {
    let error = parse(line).expect_err(line);
    (&line[error.columns], error.message)
}

#[test]
fn every_command_lowers_to_what_it_does() {
    let replicas = |replicas| Box::new(SpecChange { replicas: Some(replicas), ..SpecChange::default() });
    let none = Box::<SpecChange>::default;
    let role = |node, role| {
        let (label_add, label_rm) = (Vec::new(), Vec::new());
        Command::NodeUpdate { node: NodeId(node), role: Some(role), availability: None, label_add, label_rm }
    };
    for (line, expected) in [
        ("docker service update web", vec![Command::ServiceUpdate { service: WEB, change: none() }]),
        ("service update -dq web", vec![Command::ServiceUpdate { service: WEB, change: none() }]),
        ("docker service rollback -d=true web", vec![Command::ServiceRollback { service: WEB }]),
        ("docker service update --rollback -q web", vec![Command::ServiceRollback { service: WEB }]),
        (
            "docker service rm web dc_worker",
            vec![Command::ServiceRemove { service: WEB }, Command::ServiceRemove { service: WORKER }],
        ),
        (
            "docker service scale web=3 dc_worker=0",
            vec![
                Command::ServiceUpdate { service: WEB, change: replicas(3) },
                Command::ServiceUpdate { service: WORKER, change: replicas(0) },
            ],
        ),
        ("docker stack down dc", vec![Command::ServiceRemove { service: WORKER }]),
        ("docker node promote n2", vec![role(1, Role::Manager)]),
        ("node demote n1 n2", vec![role(0, Role::Worker), role(1, Role::Worker)]),
        ("node update --role Manager n2", vec![role(1, Role::Manager)]),
        ("docker swarm init --force-new-cluster --advertise-addr 10.0.0.1", vec![Command::ForceNewCluster]),
        (
            "docker node rm -f n1 n2",
            [0, 1].map(|node| Command::NodeRemove { node: NodeId(node), force: true }).to_vec(),
        ),
        (
            "docker node update --availability Drain --label-add a=1 --label-add b --label-rm b --label-rm zone n1",
            vec![Command::NodeUpdate {
                node: NodeId(0),
                role: None,
                availability: Some(Availability::Drain),
                label_add: vec![("a".to_owned(), "1".to_owned())],
                label_rm: vec!["b".to_owned(), "zone".to_owned()],
            }],
        ),
        ("docker stack rm other", vec![]),
    ] {
        assert_eq!(commands(line), expected, "{line}");
    }
}

#[test]
fn an_update_changes_only_what_its_flags_say() {
    let change = changed(
        "docker service update --image app:2 --replicas=4 --force --update-delay 10s --update-parallelism 0 \
         --update-monitor 0s --update-failure-action rollback --update-max-failure-ratio .2 --update-order start-first \
         --restart-condition on-failure --restart-window 1m --limit-cpu .5 --limit-memory 75m --reserve-cpu 0 \
         --reserve-memory 50M --stop-grace-period 1m30s --replicas-max-per-node 2 --endpoint-mode dnsrr web",
    );
    let expected = SpecChange {
        image: Some(ImageId(1)),
        replicas: Some(4),
        force: true,
        update: UpdateConfigChange {
            parallelism: Some(0),
            delay: Some(Span::from_secs(10)),
            failure_action: Some(FailureAction::Rollback),
            monitor: Some(None),
            max_failure_ratio: Some(0.2),
            order: Some(Order::StartFirst),
        },
        restart: RestartPolicyChange {
            condition: Some(RestartCondition::OnFailure),
            window: Some(Span::from_secs(60)),
            ..RestartPolicyChange::default()
        },
        limit_nano_cpus: Some(500_000_000),
        limit_memory: Some(75 << 20),
        reserve_nano_cpus: Some(0),
        reserve_memory: Some(50 << 20),
        stop_grace_period: Some(Span::from_secs(90)),
        max_replicas_per_node: Some(2),
        endpoint_mode: Some(EndpointMode::DnsRoundRobin),
        ..SpecChange::default()
    };
    assert_eq!(change, expected);
}

#[test]
fn the_last_of_several_values_counts() {
    assert_eq!(changed("service update --replicas 1 --replicas 2 web").replicas, Some(2));
    assert!(!changed("service update --force --force=false web").force);
}

#[test]
fn a_rollback_takes_what_an_update_refuses() {
    let rollback = changed(
        "service update --rollback-delay -1s --rollback-monitor -1s --rollback-max-failure-ratio 2 \
         --rollback-failure-action continue web",
    )
    .rollback;
    let expected = UpdateConfigChange {
        delay: Some(Span::ZERO),
        monitor: Some(Some(Span::ZERO)),
        max_failure_ratio: Some(2.0),
        failure_action: Some(FailureAction::Continue),
        ..UpdateConfigChange::default()
    };
    assert_eq!(rollback, expected);
}

#[test]
fn create_without_flags_leaves_update_rollback_and_restart_to_the_engine() {
    let spec = created("docker service create --name api app:1");
    let mut expected = ServiceSpec::replicated(ImageId(0), 1);
    Arc::make_mut(&mut expected.task.container.settings).insert("init".to_owned(), "false".to_owned());
    assert_eq!(spec, expected);
}

#[test]
fn create_with_one_flag_of_a_group_sends_the_whole_group() {
    let spec =
        created("service create --name=api --update-delay 10s --restart-max-attempts 3 --replicas 3 app:9 sh -c 'a b'");
    let update = UpdateConfig {
        parallelism: 1,
        delay: Span::from_secs(10),
        failure_action: FailureAction::Pause,
        monitor: Some(Span::from_secs(5)),
        max_failure_ratio: 0.0,
        order: Order::StopFirst,
    };
    let restart = RestartPolicy {
        condition: RestartCondition::Any,
        delay: Some(Span::from_secs(5)),
        max_attempts: 3,
        window: None,
    };
    assert_eq!((spec.update, spec.rollback, spec.task.restart), (Some(update), None, Some(restart)));
    assert_eq!((spec.mode, spec.task.container.image), (Mode::Replicated { replicas: 3 }, ImageId(1)));
    assert_eq!(spec.task.container.settings["args"], r#"["sh", "-c", "a b"]"#);
}

#[test]
fn what_follows_the_image_belongs_to_the_container() {
    let spec = created("service create --name api app:1 --replicas 3");
    assert_eq!(spec.mode, Mode::Replicated { replicas: 1 });
    assert_eq!(created("service create --name a --mode global app").mode, Mode::Global);
    assert_eq!(spec.task.container.settings["args"], r#"["--replicas", "3"]"#);
}

#[test]
fn lists_are_edited_in_dockers_order_whatever_that_of_the_line() {
    let port = PortConfig { target: 80, published: 8080, protocol: Protocol::Tcp, mode: PublishMode::Host };
    for (line, expected) in [
        ("--env-add A=1 --env-rm B", vec![Edit::Unset("env.B".to_owned()), set("env.A", "1")]),
        (
            "--label-add a=b --label-rm c",
            vec![Edit::LabelRm("c".to_owned()), Edit::LabelAdd("a".to_owned(), "b".to_owned())],
        ),
        (
            "--constraint-rm node.role==manager --constraint-add node.labels.zone!=a",
            vec![
                Edit::ConstraintAdd("node.labels.zone!=a".to_owned()),
                Edit::ConstraintRm("node.role==manager".to_owned()),
            ],
        ),
        ("--placement-pref-add spread=node.labels.zone", vec![Edit::PreferenceAdd("node.labels.zone".to_owned())]),
        (
            "--network-add name=back,alias=db --network-rm front",
            vec![Edit::NetworkRm("front".to_owned()), Edit::NetworkAdd("back".to_owned())],
        ),
        (
            "--publish-rm 80 --publish-add target=80,published=8080,mode=host",
            vec![
                Edit::PublishRm { target: 80, protocol: Protocol::Tcp, mode: PublishMode::Ingress },
                Edit::PublishAdd(port),
            ],
        ),
        (
            "--mount-add type=volume,source=data,target=/data --mount-rm /old",
            vec![set("mount./data", "type=volume,source=data,target=/data"), Edit::Unset("mount./old".to_owned())],
        ),
        (
            "--secret-add source=key,target=/run/key --secret-rm old",
            vec![Edit::Unset("secret.old".to_owned()), set("secret.key", "target=/run/key,uid=0,gid=0,mode=444")],
        ),
        ("--config-add conf", vec![set("config.conf", "target=conf,uid=0,gid=0,mode=444")]),
        (
            "--host-add db:10.0.0.1 --host-rm old:10.0.0.2",
            vec![Edit::Unset("host.old".to_owned()), set("host.db", "10.0.0.1")],
        ),
    ] {
        assert_eq!(edits(&format!("service update {line} web")), expected, "{line}");
    }
}

#[test]
fn flags_that_are_not_simulated_are_settings() {
    for (line, expected) in [
        ("--args \"serve 'a b'\"", set("args", r#"["serve", "a b"]"#)),
        ("--args ''", Edit::Unset("args".to_owned())),
        ("-u app", set("user", "app")),
        ("--workdir=/srv", set("working_dir", "/srv")),
        ("--stop-signal SIGINT", set("stop_signal", "SIGINT")),
        ("--hostname ''", Edit::Unset("hostname".to_owned())),
        ("-t", set("tty", "true")),
        ("--read-only=false", Edit::Unset("read_only".to_owned())),
        ("--init=false", set("init", "false")),
        ("--limit-pids 100", set("limit_pids", "100")),
        ("--cap-drop net_admin", set("cap.CAP_NET_ADMIN", "drop")),
        (
            "--log-opt max-size=1m --log-driver json-file --log-opt a=b",
            set("log_driver", r#"["json-file", "a=b", "max-size=1m"]"#),
        ),
    ] {
        assert_eq!(edits(&format!("service update {line} web")), [expected], "{line}");
    }
    for line in ["--log-opt a=b", "--memory-swap 1g", "--no-resolve-image", "--with-registry-auth", "--detach=false"] {
        assert_eq!(changed(&format!("service update {line} web")), SpecChange::default(), "{line}");
    }
}

#[test]
fn every_edit_made_again_leaves_the_service_equal() {
    let mut spec = created("service create --name api -e A=1 -p 8080:80 --network back --health-cmd true app:1 serve");
    for line in [
        "--env-add A=1",
        "--publish-add 8080:80",
        "--network-add back",
        "--health-cmd true",
        "--args serve",
        "--init=false",
        "--tty=false",
        "--env-rm B",
        "--endpoint-mode vip",
    ] {
        let before = spec.clone();
        spec_change::apply(&changed(&format!("service update {line} web")), &mut spec);
        assert_eq!(spec, before, "{line}");
    }
    spec_change::apply(&changed("service update --env-add A=2 web"), &mut spec);
    assert_eq!(spec.task.container.settings["env.A"], "2");
}

#[test]
fn health_flags_of_create_and_update_differ_in_what_is_empty() {
    let check = |line: &str| created(&format!("service create --name api {line} app:1")).task.container.healthcheck;
    let words = |cmd: &str| vec!["CMD-SHELL".to_owned(), cmd.to_owned()];
    assert_eq!(check("--health-cmd '' --health-retries 0"), None);
    assert_eq!(
        check("--health-cmd 'curl -f localhost || exit 1' --health-interval 5s --health-start-interval 1s"),
        Some(HealthCheck {
            test: words("curl -f localhost || exit 1"),
            interval: Some(Span::from_secs(5)),
            start_interval: Some(Span::from_secs(1)),
            ..HealthCheck::default()
        })
    );
    let cleared = HealthCheck { test: words(""), ..HealthCheck::default() };
    assert_eq!(edits("service update --health-cmd '' web"), [Edit::Health(cleared)]);
    assert_eq!(edits("service update --health-start-interval 1s web"), []);
    assert_eq!(edits("service update --no-healthcheck web"), [Edit::NoHealthcheck]);
    assert_eq!(edits("service update --no-healthcheck=false web"), [Edit::Health(HealthCheck::default())]);
}

#[test]
fn a_value_that_a_flag_does_not_take_is_refused_in_dockers_words() {
    for (flags, culprit, flag, value, why) in [
        ("--update-delay abc", "abc", "--update-delay", "abc", r#"time: invalid duration "abc""#),
        ("--update-delay 10", "10", "--update-delay", "10", r#"time: missing unit in duration "10""#),
        (
            "--update-delay=1s --update-delay=x",
            "--update-delay=x",
            "--update-delay",
            "x",
            r#"time: invalid duration "x""#,
        ),
        (
            "--update-parallelism x",
            "x",
            "--update-parallelism",
            "x",
            r#"strconv.ParseUint: parsing "x": invalid syntax"#,
        ),
        ("--health-interval -1s", "-1s", "--health-interval", "-1s", "duration cannot be negative"),
        ("--force=maybe", "--force=maybe", "--force", "maybe", r#"strconv.ParseBool: parsing "maybe": invalid syntax"#),
        ("--env-add =x", "=x", "--env-add", "=x", "invalid environment variable: =x"),
        ("-u a --limit-memory 5x", "5x", "--limit-memory", "5x", "invalid suffix: 'x'"),
        ("--publish-add 1.2.3.4:80:80", "1.2.3.4:80:80", "--publish-add", "1.2.3.4:80:80", "hostip is not supported"),
        ("-t=x", "-t=x", "-t, --tty", "x", r#"strconv.ParseBool: parsing "x": invalid syntax"#),
    ] {
        let line = format!("docker service update {flags} web");
        let message = format!("invalid argument {value:?} for {flag:?} flag: {why}");
        assert_eq!(fault(&line), (culprit, message), "{line}");
    }
}

#[test]
fn what_docker_refuses_whatever_the_state_of_the_cluster_is_refused_in_its_words() {
    for (line, culprit, message) in [
        ("service update --update-failure-action foo web", "foo", "unrecognized update failure action foo"),
        ("service update --rollback-order foo web", "foo", "unrecognized update order foo"),
        ("service update --restart-condition foo web", "foo", r#"invalid RestartCondition: "foo""#),
        ("service update --endpoint-mode DNSRR web", "DNSRR", r#"invalid resolution mode: "DNSRR""#),
        ("service update --update-delay -1s web", "-1s", "TaskSpec: update-delay cannot be negative"),
        ("service update --update-monitor -1s web", "-1s", "TaskSpec: update-monitor cannot be negative"),
        ("service update --restart-window -1s web", "-1s", "TaskSpec: restart-window cannot be negative"),
        (
            "service update --update-max-failure-ratio 1.1 web",
            "1.1",
            "TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1",
        ),
        (
            "service update --health-timeout 1us web",
            "1us",
            "ContainerSpec: Timeout in HealthConfig cannot be less than 1ms",
        ),
        ("service update --health-retries -1 web", "-1", "ContainerSpec: Retries in HealthConfig cannot be negative"),
        ("service update --limit-cpu 0.0001 web", "0.0001", "invalid cpu value 0.0001: Must be at least 0.001"),
        ("service update --reserve-memory 1000 web", "1000", "invalid memory value 1000: Must be at least 4MiB"),
        ("service update --rollback --force web", "--force", "other flags may not be combined with --rollback"),
        (
            "service update --no-healthcheck --health-cmd x web",
            "--no-healthcheck",
            "--no-healthcheck conflicts with --health-* options",
        ),
        ("service update --image App web", "App", r#"ContainerSpec: "App" is not a valid repository/tag"#),
        ("service create --name a App", "App", r#"ContainerSpec: "App" is not a valid repository/tag"#),
        (
            "service update --constraint-add node.role=worker --constraint-add node.labels.zone==a web",
            "node.role=worker",
            "constraint expected one operator from ==, !=",
        ),
        ("service create --name a_ app", "a_", "name must be valid as a DNS name component"),
        ("node update --availability x n1", "x", "invalid Availability: \"x\""),
        ("node update --role x n1", "x", "invalid Role: \"x\""),
        ("service create --name a --mode foo app", "foo", "unknown mode: foo, only replicated and global supported"),
        (
            "service create --name a --mode global --replicas 2 app",
            "2",
            "replicas can only be used with replicated or replicated-job mode",
        ),
        (
            "service create --name a -p 80 --endpoint-mode DNSRR app",
            "DNSRR",
            "EndpointSpec: port published with ingress mode can't be used with dnsrr mode",
        ),
        ("service create --name a -p 80:80 -p 80:81 app", "80:81", "EndpointSpec: duplicate published ports provided"),
        (
            "service scale dc_worker=2 web=x",
            "web=x",
            r#"web: invalid replicas value x: strconv.ParseUint: parsing "x": invalid syntax"#,
        ),
        ("service scale web", "web", "invalid scale specifier 'web'"),
        ("service update a b", "service update a b", "'docker service update' requires 1 argument"),
        ("service rm", "service rm", "'docker service rm' requires at least 1 argument"),
        ("service update web --image", "--image", "flag needs an argument: --image"),
        ("service create -e", "-e", "flag needs an argument: --env"),
        ("service update -dz web", "-dz", "unknown shorthand flag: 'z'"),
        ("service rollback --force web", "--force", "unknown flag: --force"),
        ("service", "service", "the command is not complete: docker service"),
    ] {
        assert_eq!(fault(line), (culprit, message.to_owned()), "{line}");
    }
}

#[test]
fn what_is_misspelt_is_pointed_out_with_what_may_be_meant() {
    for (line, culprit, help) in [
        ("service update --update-paralelism=2 web", "--update-paralelism=2", "did you mean `--update-parallelism`?"),
        ("service update --env A=1 web", "--env", "did you mean `--env-add`?"),
        ("docker service updaet web", "updaet", "did you mean `update`?"),
        ("docker servce update web", "servce", "did you mean `service`?"),
        ("docker node promot node1", "promot", "did you mean `promote`?"),
        ("docker node demot node1", "demot", "did you mean `demote`?"),
        ("docker node update --availability drian node1", "drian", "did you mean `drain`?"),
        ("docker node update --availability x node1", "x", "expected `active`, `pause` or `drain`"),
        ("docker node update --role manger node1", "manger", "did you mean `manager`?"),
        ("docker service create app:1", "service create app:1", "add `--name NAME`: docker would invent one"),
        ("docker run app", "run", grammar::UNDERSTOOD),
        ("docker service ls", "ls", grammar::UNDERSTOOD),
        ("service update --image app:$TAG web", "app:$TAG", "write the value, or put it between single quotes"),
    ] {
        let error = parse(line).expect_err(line);
        assert_eq!((&line[error.columns], error.help.as_deref()), (culprit, Some(help)), "{line}");
        assert!(!error.unsupported, "{line}");
    }
}

#[test]
fn what_is_not_simulated_is_told_from_what_is_wrong() {
    for (line, culprit, what) in [
        ("service create --name a --mode=replicated-job app", "--mode=replicated-job", "jobs"),
        ("service create --mount type=cluster,src=v,dst=/v app", "type=cluster,src=v,dst=/v", "cluster volumes"),
        ("service update --mount-add type=cluster,src=v,dst=/v a", "type=cluster,src=v,dst=/v", "cluster volumes"),
    ] {
        assert_eq!(fault(line), (culprit, format!("{what} are not simulated")), "{line}");
        assert!(parse(line).expect_err(line).unsupported, "{line}");
    }
}

#[test]
fn services_are_looked_up_where_they_stand() {
    for (line, culprit, message) in [
        ("service update --image wbe wbe", 27..30, "service wbe not found"),
        ("service scale web=1 wbe=2", 20..25, "service wbe not found"),
        ("service rm web wbe", 15..18, "service wbe not found"),
        ("service create --name web app:1", 22..25, "service web already exists"),
        ("service update --replicas 2 agent", 28..33, "replicas can only be used with replicated mode"),
        ("service scale agent=2", 14..21, "agent: scale can only be used with replicated or replicated-job mode"),
        ("node update --availability drain n3", 33..35, "node n3 not found"),
        ("node rm n3", 8..10, "node n3 not found"),
        ("node update --label-rm zone n2", 23..27, "key zone doesn't exist in node's labels"),
    ] {
        let error = parse(line).expect(line).lower(&mut Scenario::default()).expect_err(line);
        assert_eq!((error.columns, error.message.as_str()), (culprit, message), "{line}");
    }
}

#[test]
fn a_line_tells_what_it_names_and_sets() {
    for (line, services, paths) in [
        ("service update web", vec!["web"], vec![]),
        ("service update --rollback web", vec!["web"], vec![]),
        ("service scale a=1 b=2", vec!["a", "b"], vec!["deploy.replicas"]),
        ("service rm a b", vec!["a", "b"], vec![]),
        ("stack rm dc", vec![], vec![]),
        (
            "service create --name a --replicas 2 --update-max-failure-ratio 0 --rollback-order start-first \
             --restart-delay 1s --health-cmd x --health-start-period 1s --stop-grace-period 1s -e A=1 app",
            vec!["a"],
            vec![
                "deploy.replicas",
                "deploy.update_config.max_failure_ratio",
                "deploy.rollback_config.order",
                "deploy.restart_policy.delay",
                "stop_grace_period",
                "healthcheck.test",
                "healthcheck.start_period",
            ],
        ),
    ] {
        let command = parse(line).expect(line);
        assert_eq!(
            (command.services(), command.paths().iter().map(String::as_str).collect()),
            (services, paths),
            "{line}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn no_line_panics_and_every_fault_lies_in_the_line(
        command in proptest::sample::select(vec!["", "docker service update", "service create --name a", "service scale"]),
        tokens in proptest::collection::vec(proptest::prop_oneof![
            proptest::sample::select(vec![
                "docker", "service", "stack", "node", "swarm", "create", "update", "scale", "rm", "init", "web", "web=2",
                "--", "-", "--image", "--name", "-e", "-p", "-dq", "-d=", "--force", "--rollback", "--update-delay", "=",
                "--env-add=A=1", "--update-monitor=-1s", "app:1", "'", "\"", "\\", "$X", "help", "--help",
            ]),
            proptest::sample::select(vec!["80:80", "1-0:1", "5m", "-1", "größe", "a b", "spread=x", "a==b", "0x", ""]),
        ], 0..8),
    ) {
        let line = format!("{command} {}", tokens.join(" "));
        match parse(&line) {
            Ok(command) => _ = command.lower(&mut Scenario::default()),
            Err(error) => proptest::prop_assert!(line.get(error.columns.clone()).is_some(), "{line}: {error:?}"),
        }
    }
}

#[test]
fn a_line_longer_than_a_shell_takes_is_refused() {
    let line = format!("docker service update {}web", " ".repeat(LONGEST_LINE));
    assert_eq!(parse(&line).map(|_| ()).unwrap_err().message, "a command line has at most 131072 bytes");
}
