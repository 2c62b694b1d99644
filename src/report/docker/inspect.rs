//! A service in detail: `docker service inspect`.
//!
//! Source: cli: cli/command/service/formatter.go (cli-and-compose c.5).

use std::fmt::{self, Display, Write};
use std::rc::Rc;

use super::settings::{Fields, Settings};
use super::words::human_duration;
use crate::kernel::{Span, Time};
use crate::model::defaults;
use crate::model::service::{HealthCheck, Mode, Resources, ServiceSpec, UpdateConfig};
use crate::model::update::UpdateState;

/// A service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceDetails {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its image, as docker stores it.
    pub image: String,
    /// What it is to be, as an operator wrote it.
    pub spec: Rc<ServiceSpec>,
    /// What a rollback would return to, and its image.
    pub previous: Option<(Rc<ServiceSpec>, String)>,
    /// How far its update is.
    pub status: Option<StatusDetails>,
    /// When it was created.
    pub created: Time,
    /// When it was written last.
    pub updated: Time,
}

/// How far an update is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusDetails {
    /// Its state.
    pub state: UpdateState,
    /// When it began.
    pub started: Time,
    /// When it was completed.
    pub completed: Option<Time>,
    /// What is said of it.
    pub message: String,
}

/// What `--pretty` prints of a service at the instant `at`. What the specification leaves open is filled in.
pub fn pretty(service: &ServiceDetails, at: Time) -> String {
    let mut page = Page(String::from("\n"));
    let spec = defaults::interpolate(&service.spec);
    page.line("ID:\t\t", &service.id);
    page.line("Name:\t\t", &service.name);
    page.list("Labels:", spec.labels.iter().map(|(name, value)| assigned(name, value, "=")));
    page.line("Service Mode:\t", if spec.mode == Mode::Global { "Global" } else { "Replicated" });
    if let Mode::Replicated { replicas } = spec.mode {
        page.line(" Replicas:\t", replicas);
    }
    page.status(service.status.as_ref(), at);
    page.placement(&spec);
    page.update_config("UpdateConfig:", " Update order:      ", spec.update.as_ref());
    page.update_config("RollbackConfig:", " Rollback order:    ", spec.rollback.as_ref());
    page.container(&spec, &service.image);
    page.resources(&spec);
    page.line_if("Networks: ", spec.task.networks.iter().map(|name| format!("{name} ")).collect::<String>());
    page.line("Endpoint Mode:\t", spec.endpoint.mode.name());
    page.ports(&spec);
    spec.task.container.healthcheck.iter().for_each(|check| page.health_check(check));
    page.0 + "\n"
}

/// `name=value`, or the name alone.
fn assigned(name: &str, value: &str, sign: &str) -> String {
    if value.is_empty() { name.to_owned() } else { format!("{name}{sign}{value}") }
}

/// The text as far as it is written.
struct Page(String);

impl Page {
    fn line(&mut self, label: &str, value: impl Display) {
        let _ = writeln!(self.0, "{label}{value}");
    }

    fn line_if(&mut self, label: &str, value: impl AsRef<str>) {
        if !value.as_ref().is_empty() {
            self.line(label, value.as_ref());
        }
    }

    /// A heading and what stands below it, if anything does.
    fn list(&mut self, heading: &str, items: impl Iterator<Item = impl Display>) {
        let mut items = items.peekable();
        if items.peek().is_some() {
            self.line(heading, "");
            items.for_each(|item| self.line(" ", item));
        }
    }

    fn status(&mut self, status: Option<&StatusDetails>, at: Time) {
        let Some(StatusDetails { state, started, completed, message }) = status else { return };
        self.line("UpdateStatus:", "");
        self.line(" State:\t\t", state.name());
        self.line(" Started:\t", format_args!("{} ago", human_duration(at - *started)));
        if let (UpdateState::Completed, Some(completed)) = (state, completed) {
            self.line(" Completed:\t", format_args!("{} ago", human_duration(at - *completed)));
        }
        self.line(" Message:\t", message);
    }

    fn placement(&mut self, spec: &ServiceSpec) {
        let placement = &spec.task.placement;
        self.line("Placement:", "");
        if !placement.constraints.is_empty() {
            self.line(" Constraints:\t", bracketed(&placement.constraints));
        }
        if !placement.preferences.is_empty() {
            let spread: Vec<String> = placement.preferences.iter().map(|over| format!("spread={over}")).collect();
            self.line(" Preferences:   ", bracketed(&spread));
        }
        if placement.max_replicas_per_node > 0 {
            self.line(" Max Replicas Per Node:   ", placement.max_replicas_per_node);
        }
    }

    fn update_config(&mut self, heading: &str, order: &str, config: Option<&UpdateConfig>) {
        let Some(config) = config else { return };
        self.line(heading, "");
        self.line(" Parallelism:\t", config.parallelism);
        if !config.delay.is_zero() {
            self.line(" Delay:\t\t", config.delay);
        }
        self.line(" On failure:\t", config.failure_action.name());
        if let Some(monitor) = config.monitor.filter(|monitor| !monitor.is_zero()) {
            self.line(" Monitoring Period: ", monitor);
        }
        self.line(" Max failure ratio: ", config.max_failure_ratio);
        self.line(order, config.order.name());
    }

    fn container(&mut self, spec: &ServiceSpec, image: &str) {
        let settings = Settings::of(spec);
        let spaced = |words: Vec<String>| words.into_iter().map(|word| word + " ").collect::<String>();
        self.line("ContainerSpec:", "");
        self.line(" Image:\t\t", image);
        self.line_if(" Args:\t\t", spaced(settings.words("args")));
        self.line_if(" Env:\t\t", spaced(settings.environment()));
        self.line_if(" Dir:\t\t", settings.text("working_dir"));
        self.line_if(" Init:\t\t", settings.text("init"));
        self.line_if(" User: ", settings.text("user"));
        let (added, dropped) = (settings.capabilities("add").join(", "), settings.capabilities("drop").join(", "));
        if !added.is_empty() || !dropped.is_empty() {
            self.line("Capabilities:", "");
            self.line_if(" Add: ", added);
            self.line_if(" Drop: ", dropped);
        }
        self.list("SysCtls:", settings.named("sysctl").map(|(name, value)| assigned(name, value, ": ")));
        self.list("Ulimits:", settings.named("ulimit").map(|(name, limits)| format!("{name}: {limits}")));
        self.list(
            "Mounts:",
            settings.mounts().iter().map(|mount| {
                let (target, source) = (mount.first("target"), mount.first("source"));
                let read_only = mount.first("readonly") == "true";
                format!("Target:\t{target}\n  Source:\t{source}\n  ReadOnly:\t{read_only}\n  Type:\t\t{}", mount.kind())
            }),
        );
        for (heading, setting) in [("Configs:", "config"), ("Secrets:", "secret")] {
            let file =
                |(name, file): &(String, Fields)| format!("Target:\t{}\n  Source:\t{name}", file.first("target"));
            self.list(heading, settings.files(setting).iter().map(file));
        }
        if let Some((driver, options)) = settings.log_driver() {
            self.line("Log Driver:", "");
            self.line_if(" Name:\t\t", driver);
            let options = options.iter().map(|(name, value)| format!(" {}", assigned(name, value, ":       ")));
            self.list(" LogOpts:", options);
            self.0.push('\n');
        }
    }

    fn resources(&mut self, spec: &ServiceSpec) {
        let Resources { limit_nano_cpus, limit_memory, reserve_nano_cpus, reserve_memory } = spec.task.resources;
        let pids = Settings::of(spec).text("limit_pids");
        self.line("Resources:", "");
        for (heading, nano_cpus, memory, is_shown) in [
            (" Reservations:", reserve_nano_cpus, reserve_memory, false),
            (" Limits:", limit_nano_cpus, limit_memory, !pids.is_empty()),
        ] {
            if nano_cpus > 0 || memory > 0 || is_shown {
                self.line(heading, "");
            }
            if nano_cpus > 0 {
                self.line("  CPU:\t\t", nano_cpus as f64 / 1e9);
            }
            if memory > 0 {
                self.line("  Memory:\t", Bytes(memory));
            }
        }
        self.line_if("  PIDs:\t\t", pids);
    }

    fn ports(&mut self, spec: &ServiceSpec) {
        let ports = spec.endpoint.ports.iter().map(|port| {
            let (published, target) = (port.published, port.target);
            let (protocol, mode) = (port.protocol.name(), port.mode.name());
            format!(
                "PublishedPort = {published}\n  Protocol = {protocol}\n  TargetPort = {target}\n  PublishMode = {mode}"
            )
        });
        self.list("Ports:", ports);
        if !spec.endpoint.ports.is_empty() {
            self.end_with_blank();
        }
    }

    fn health_check(&mut self, check: &HealthCheck) {
        let span = |span: Option<Span>| span.unwrap_or(Span::ZERO);
        self.line(" Healthcheck:", "");
        self.line("  Interval = ", span(check.interval));
        self.line("  Retries = ", check.retries.unwrap_or(0));
        self.line("  StartPeriod =\t", span(check.start_period));
        self.line("  Timeout =\t", span(check.timeout));
        if !check.test.is_empty() {
            self.line("  Tests:", "");
            check.test.iter().for_each(|word| self.line("\t Test = ", word));
            self.end_with_blank();
        }
    }

    /// The template leaves a blank at the end of these lists.
    fn end_with_blank(&mut self) {
        self.0.pop();
        self.0 += " \n";
    }
}

/// `[a b]`, as Go prints a list.
fn bracketed(items: &[String]) -> String {
    format!("[{}]", items.join(" "))
}

/// An amount of memory: `64MiB`, `1.5GiB`.
///
/// Source: docker/go-units size.go `BytesSize`, four digits.
struct Bytes(u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut size, mut unit) = (self.0 as f64, 0);
        while size >= 1024.0 && unit < 5 {
            size /= 1024.0;
            unit += 1;
        }
        let decimals = if size >= 1000.0 {
            0
        } else if size >= 100.0 {
            1
        } else if size >= 10.0 {
            2
        } else {
            3
        };
        let rounded = format!("{size:.decimals$}");
        let shown = if rounded.contains('.') { rounded.trim_end_matches('0').trim_end_matches('.') } else { &rounded };
        write!(f, "{shown}{}", ["B", "KiB", "MiB", "GiB", "TiB", "PiB"][unit])
    }
}
