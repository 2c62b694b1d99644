//! What docker printed, read back into what the formatters print.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use rollsim::kernel::{Span, Time};
use rollsim::model::ImageId;
use rollsim::model::node::{Availability, ManagerStatus, NodeState};
use rollsim::model::service::{
    EndpointMode, FailureAction, HealthCheck, Mode, Order, PortConfig, Protocol, PublishMode, ServiceSpec, UpdateConfig,
};
use rollsim::model::update::UpdateState;
use rollsim::report::docker::inspect::{ServiceDetails, StatusDetails};
use rollsim::report::docker::ls::{ServiceRow, StackRow};
use rollsim::report::docker::node_ls::NodeRow;
use rollsim::report::docker::ps::TaskRow;
use rollsim::scenario::duration::parse_span;

use crate::table::{Row, age, rows, state};

/// An instant before which there is room for every age.
pub const NOW: Time = Time::from_millis(100 * 365 * 86_400_000);

/// The rows of `service ps`, `stack ps` and `node ps`.
pub fn task_rows(printed: &str) -> Vec<TaskRow> {
    let row = |cells: Row| {
        let (word, ago) = cells["CURRENT STATE"].split_once(' ').expect("state and age");
        let error = cells["ERROR"].as_str();
        TaskRow {
            id: cells["ID"].clone(),
            name: cells["NAME"].trim_start_matches(r" \_ ").to_owned(),
            image: cells["IMAGE"].clone(),
            node: cells["NODE"].clone(),
            desired: state(&cells["DESIRED STATE"]),
            state: state(word),
            age: age(ago),
            error: error.strip_prefix('"').and_then(|error| error.strip_suffix('"')).unwrap_or(error).to_owned(),
            ports: ports(&cells["PORTS"], ",", PublishMode::Host),
        }
    };
    rows(printed).into_iter().map(row).collect()
}

/// The rows of `service ls` and `stack services`.
pub fn service_rows(printed: &str) -> Vec<ServiceRow> {
    let row = |cells: Row| {
        let (running, rest) = cells["REPLICAS"].split_once('/').expect("running/desired");
        let (desired, limit) = rest.split_once(" (max ").unwrap_or((rest, "0 per node)"));
        ServiceRow {
            id: cells["ID"].clone(),
            name: cells["NAME"].clone(),
            is_global: cells["MODE"] == "global",
            running: running.parse().expect("a number"),
            desired: desired.parse().expect("a number"),
            max_per_node: limit.strip_suffix(" per node)").and_then(|most| most.parse().ok()).expect("a limit"),
            image: cells["IMAGE"].clone(),
            ports: ports(&cells["PORTS"], ", ", PublishMode::Ingress),
        }
    };
    rows(printed).into_iter().map(row).collect()
}

/// The ports of `*:8080-8081->80-81/tcp`, and of others like it.
fn ports(text: &str, separator: &str, mode: PublishMode) -> Vec<PortConfig> {
    let range = |text: &str| -> Vec<u16> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        (first.parse().expect("a port")..=last.parse().expect("a port")).collect()
    };
    let ports = |text: &str| -> Vec<PortConfig> {
        let (published, rest) = text.strip_prefix("*:").and_then(|text| text.split_once("->")).expect("a port");
        let (target, protocol) = rest.split_once('/').expect("a protocol");
        let (published, target, protocol) = (range(published), range(target), protocol_of(protocol));
        // One of the two may stay where the other moves.
        let at = |range: &[u16], index: usize| range.get(index).or(range.last()).copied().expect("a port");
        let count = published.len().max(target.len());
        (0..count)
            .map(|index| PortConfig { published: at(&published, index), target: at(&target, index), protocol, mode })
            .collect()
    };
    text.split(separator).filter(|text| !text.is_empty()).flat_map(ports).collect()
}

fn protocol_of(word: &str) -> Protocol {
    let known = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp].into_iter().find(|protocol| protocol.name() == word);
    known.unwrap_or_else(|| panic!("protocol {word}"))
}

/// The rows of `node ls`.
pub fn node_rows(printed: &str) -> Vec<NodeRow> {
    let row = |cells: Row| NodeRow {
        id: cells["ID"].trim_end_matches(" *").to_owned(),
        is_self: cells["ID"].ends_with('*'),
        hostname: cells["HOSTNAME"].clone(),
        state: match cells["STATUS"].as_str() {
            "Ready" => NodeState::Ready,
            "Down" => NodeState::Down,
            "Unknown" => NodeState::Unknown,
            // DISCONNECTED among them: no manager writes it (control-plane N8).
            other => panic!("status {other}"),
        },
        availability: match cells["AVAILABILITY"].as_str() {
            "Active" => Availability::Active,
            "Pause" => Availability::Pause,
            "Drain" => Availability::Drain,
            other => panic!("availability {other}"),
        },
        manager: match cells["MANAGER STATUS"].as_str() {
            "Leader" => Some(ManagerStatus::Leader),
            "Reachable" => Some(ManagerStatus::Reachable),
            "Unreachable" => Some(ManagerStatus::Unreachable),
            "" => None,
            other => panic!("manager status {other}"),
        },
        engine_version: cells["ENGINE VERSION"].clone(),
    };
    rows(printed).into_iter().map(row).collect()
}

/// The rows of `stack ls`.
pub fn stack_rows(printed: &str) -> Vec<StackRow> {
    let row =
        |cells: Row| StackRow { name: cells["NAME"].clone(), services: cells["SERVICES"].parse().expect("a number") };
    rows(printed).into_iter().map(row).collect()
}

/// The sections of `inspect --pretty`: what stands beside their headings, and the lines below.
struct Sections<'a>(Vec<(&'a str, &'a str, Vec<&'a str>)>);

impl<'a> Sections<'a> {
    fn read(printed: &'a str) -> Sections<'a> {
        let mut sections: Vec<(&str, &str, Vec<&str>)> = Vec::new();
        for line in printed.lines().filter(|line| !line.is_empty()) {
            let heading = if line == " Healthcheck:" { &line[1..] } else { line };
            match sections.last_mut() {
                Some((.., lines)) if heading.starts_with([' ', '\t']) => lines.push(line),
                _ => {
                    let (name, value) = heading.split_once(':').unwrap_or_else(|| panic!("`{line}` has no label"));
                    sections.push((name, value.trim(), Vec::new()));
                }
            }
        }
        Sections(sections)
    }

    /// What stands beside a heading.
    fn value(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, ..)| *known == name).map(|(_, value, _)| *value)
    }

    /// The lines below a heading; none if it is not there.
    fn lines(&self, name: &str) -> &[&'a str] {
        self.0.iter().find(|(known, ..)| *known == name).map_or(&[], |(.., lines)| lines)
    }

    /// What stands beside a label below a heading.
    fn field(&self, section: &str, label: &str) -> Option<&'a str> {
        after(self.lines(section), label)
    }

    /// The groups below a heading, each of which begins with this label.
    fn groups(&self, section: &str, first: &'a str) -> impl Iterator<Item = &[&'a str]> {
        let mut rest = self.lines(section);
        std::iter::from_fn(move || {
            let begins = |line: &&&str| line.trim_start().starts_with(first);
            let (head, tail) = rest.split_first()?;
            assert!(begins(&head), "`{head}` does not begin with {first}");
            let length = 1 + tail.iter().take_while(|line| !begins(line)).count();
            let (group, after) = rest.split_at(length);
            rest = after;
            Some(group)
        })
    }
}

/// What stands after a label, or after a label and `=`, in the first line that begins with it.
fn after<'a>(lines: &[&'a str], label: &str) -> Option<&'a str> {
    lines.iter().find_map(|line| {
        let rest = line.trim_start().strip_prefix(label)?;
        Some(rest.strip_prefix(':').or_else(|| rest.strip_prefix(" ="))?.trim())
    })
}

fn span(text: &str) -> Span {
    parse_span(text).expect("a duration")
}

fn update_config(sections: &Sections<'_>, section: &str, order: &str) -> UpdateConfig {
    let field = |label: &str| sections.field(section, label);
    UpdateConfig {
        parallelism: field("Parallelism").expect("parallelism").parse().expect("a number"),
        delay: field("Delay").map_or(Span::ZERO, span),
        failure_action: match field("On failure") {
            Some("pause") => FailureAction::Pause,
            Some("continue") => FailureAction::Continue,
            Some("rollback") => FailureAction::Rollback,
            other => panic!("failure action {other:?}"),
        },
        monitor: field("Monitoring Period").map(span),
        max_failure_ratio: field("Max failure ratio").expect("a ratio").parse().expect("a number"),
        order: match field(order) {
            Some("stop-first") => Order::StopFirst,
            Some("start-first") => Order::StartFirst,
            other => panic!("order {other:?}"),
        },
    }
}

/// The settings of a container that are text, by the names that they have in a specification.
fn settings(sections: &Sections<'_>) -> BTreeMap<String, String> {
    let container = |label: &str| sections.field("ContainerSpec", label);
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<String>>();
    let mut settings = BTreeMap::new();
    let mut set = |name: String, value: &str| _ = settings.insert(name, value.to_owned());
    for (label, name) in [("Dir", "working_dir"), ("Init", "init"), ("User", "user")] {
        container(label).into_iter().for_each(|value| set(name.to_owned(), value));
    }
    let args = container("Args").map(|args| serde_json::to_string(&words(args)).expect("words"));
    args.iter().for_each(|args| set("args".to_owned(), args));
    for variable in container("Env").iter().flat_map(|text| words(text)) {
        let (name, value) = variable.split_once('=').unwrap_or((&variable, ""));
        set(format!("env.{name}"), value);
    }
    for (label, how) in [("Add", "add"), ("Drop", "drop")] {
        let names = sections.field("Capabilities", label).into_iter().flat_map(|names| names.split(", "));
        names.for_each(|name| set(format!("cap.{name}"), how));
    }
    for (section, kind) in [("SysCtls", "sysctl"), ("Ulimits", "ulimit")] {
        for line in sections.lines(section) {
            let (name, value) = line.trim_start().split_once(": ").expect("a value");
            set(format!("{kind}.{name}"), value);
        }
    }
    for mount in sections.groups("Mounts", "Target:") {
        let field = |label: &str| after(mount, label).expect("a field of a mount");
        let (target, source, kind, read_only) = (field("Target"), field("Source"), field("Type"), field("ReadOnly"));
        set(format!("mount.{target}"), &format!("type={kind},source={source},target={target},readonly={read_only}"));
    }
    for (section, kind) in [("Configs", "config"), ("Secrets", "secret")] {
        for file in sections.groups(section, "Target:") {
            let field = |label: &str| after(file, label).expect("a field of a file");
            set(format!("{kind}.{}", field("Source")), &format!("target={}", field("Target")));
        }
    }
    if let Some(driver) = sections.field("Log Driver", "Name") {
        let options = sections.lines("Log Driver").iter().filter_map(|line| line.strip_prefix("  "));
        let option = |line: &str| line.split_once(':').map(|(name, value)| format!("{name}={}", value.trim()));
        let driver: Vec<String> = [driver.to_owned()].into_iter().chain(options.filter_map(option)).collect();
        set("log_driver".to_owned(), &serde_json::to_string(&driver).expect("words"));
    }
    sections.field("Resources", "PIDs").into_iter().for_each(|pids| set("limit_pids".to_owned(), pids));
    settings
}

/// CPU in billionths and memory in bytes, of a part of the resources.
fn resources(sections: &Sections<'_>, part: &str) -> (u64, u64) {
    let begins = |line: &&&str| **line == format!(" {part}:");
    let lines: Vec<&str> = sections.lines("Resources").iter().skip_while(|line| !begins(line)).copied().collect();
    let lines: Vec<&str> = lines.iter().skip(1).take_while(|line| line.starts_with("  ")).copied().collect();
    let cpus = after(&lines, "CPU").map_or(0.0, |text| text.parse().expect("a number"));
    let bytes = |text: &str| {
        let unit = text.find(|c: char| c.is_ascii_alphabetic()).expect("a unit");
        let power = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"].iter().position(|known| *known == &text[unit..]);
        text[..unit].parse::<f64>().expect("a number") * 1024f64.powi(power.expect("a unit") as i32)
    };
    ((cpus * 1e9_f64).round() as u64, after(&lines, "Memory").map_or(0.0, bytes).round() as u64)
}

fn health_check(sections: &Sections<'_>) -> Option<HealthCheck> {
    let field = |label: &str| sections.field("Healthcheck", label);
    let tests = sections.lines("Healthcheck").iter().filter_map(|line| line.strip_prefix("\t Test = "));
    Some(HealthCheck {
        interval: Some(span(field("Interval")?)),
        retries: field("Retries").map(|text| text.parse().expect("a number")),
        start_period: field("StartPeriod").map(span),
        timeout: field("Timeout").map(span),
        start_interval: None,
        // The last one has a blank after it.
        test: tests.map(|word| word.strip_suffix(' ').unwrap_or(word).to_owned()).collect(),
    })
}

/// A service of `service inspect --pretty`.
pub fn details(printed: &str) -> ServiceDetails {
    let sections = Sections::read(printed);
    let value = |name: &str| sections.value(name).unwrap_or_else(|| panic!("there is no {name}"));
    let mut spec = ServiceSpec::replicated(ImageId(0), 0);
    spec.mode = match value("Service Mode") {
        "Replicated" => {
            let replicas = sections.field("Service Mode", "Replicas").expect("replicas");
            Mode::Replicated { replicas: replicas.parse().expect("a number") }
        }
        "Global" => Mode::Global,
        other => panic!("mode {other}"),
    };
    let labels = sections.lines("Labels").iter().map(|line| &line[1..]);
    let label = |label: &str| label.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    spec.labels = labels.map(|line| label(line).unwrap_or_else(|| (line.to_owned(), String::new()))).collect();
    spec.update = Some(update_config(&sections, "UpdateConfig", "Update order"));
    spec.rollback = Some(update_config(&sections, "RollbackConfig", "Rollback order"));
    let placement = |label: &str| sections.field("Placement", label);
    let listed = |label| placement(label).map(|list| list.trim_matches(['[', ']']).split(' ')).into_iter().flatten();
    spec.task.placement.constraints = listed("Constraints").map(str::to_owned).collect();
    let over = |preference: &str| preference.strip_prefix("spread=").expect("it spreads").to_owned();
    spec.task.placement.preferences = listed("Preferences").map(over).collect();
    let most = placement("Max Replicas Per Node").map_or(0, |most| most.parse().expect("a number"));
    spec.task.placement.max_replicas_per_node = most;
    spec.task.networks =
        sections.value("Networks").iter().flat_map(|names| names.split(' ')).map(str::to_owned).collect();
    spec.task.container.settings = Arc::new(settings(&sections));
    spec.task.container.healthcheck = health_check(&sections);
    let reserved = &mut spec.task.resources;
    (reserved.reserve_nano_cpus, reserved.reserve_memory) = resources(&sections, "Reservations");
    (reserved.limit_nano_cpus, reserved.limit_memory) = resources(&sections, "Limits");
    spec.endpoint.mode = match value("Endpoint Mode") {
        "vip" => EndpointMode::Vip,
        "dnsrr" => EndpointMode::DnsRoundRobin,
        other => panic!("endpoint mode {other}"),
    };
    spec.endpoint.ports = sections.groups("Ports", "PublishedPort").map(published_port).collect();
    ServiceDetails {
        id: value("ID").to_owned(),
        name: value("Name").to_owned(),
        image: sections.field("ContainerSpec", "Image").expect("an image").to_owned(),
        spec: Rc::new(spec),
        previous: None,
        status: status(&sections),
        created: Time::ZERO,
        updated: Time::ZERO,
    }
}

fn published_port(lines: &[&str]) -> PortConfig {
    let field = |label: &str| after(lines, label).expect("a field of a port");
    PortConfig {
        published: field("PublishedPort").parse().expect("a port"),
        target: field("TargetPort").parse().expect("a port"),
        protocol: protocol_of(field("Protocol")),
        mode: match field("PublishMode") {
            "ingress" => PublishMode::Ingress,
            "host" => PublishMode::Host,
            other => panic!("mode {other}"),
        },
    }
}

fn status(sections: &Sections<'_>) -> Option<StatusDetails> {
    let field = |label: &str| sections.field("UpdateStatus", label);
    let at = |label: &str| field(label).map(|text| Time::ZERO + (NOW - Time::ZERO).saturating_sub(age(text)));
    let word = field("State")?;
    Some(StatusDetails {
        state: UpdateState::ALL.into_iter().find(|state| state.name() == word).expect("a state"),
        started: at("Started").expect("a beginning"),
        completed: at("Completed"),
        message: field("Message").expect("a message").to_owned(),
    })
}
