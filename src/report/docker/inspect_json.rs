//! A service as docker's API gives it: what `docker service inspect` prints.
//!
//! Departs: networks stand under their names, as rollsim gives them no ids, and what rollsim does not keep is left out: `Version`
//! (the raft index, which counts writes that are not modelled), `VirtualIPs` (there are no addresses), `Privileges` but for a
//! credential spec (docker's front ends differ in what they send), ids of secrets, ...
//!
//! Source: moby: api/types/swarm/{service,task,container}.go.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::inspect::{ServiceDetails, StatusDetails};
use super::settings::{Fields, Settings};
use crate::kernel::{Span, Time};
use crate::model::defaults;
use crate::model::service::{EndpointSpec, HealthCheck, Mode, PortConfig, Resources, ServiceSpec, UpdateConfig};

/// What `docker service inspect` prints: a list of objects.
pub fn json(services: &[ServiceDetails]) -> String {
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let objects: Vec<Value> = services.iter().map(object).collect();
    let written = objects.serialize(&mut serde_json::Serializer::with_formatter(&mut text, formatter));
    written.expect("values can be written to memory");
    String::from_utf8(text).expect("JSON is text") + "\n"
}

/// A service, with the defaults filled in where its specification says nothing.
fn object(service: &ServiceDetails) -> Value {
    let mut value = Object::default();
    value.put("ID", &*service.id);
    value.put("CreatedAt", timestamp(service.created));
    value.put("UpdatedAt", timestamp(service.updated));
    value.put("Spec", spec(&service.name, &service.image, &defaults::interpolate(&service.spec)));
    if let Some((previous, image)) = &service.previous {
        value.put("PreviousSpec", spec(&service.name, image, previous));
    }
    let mut endpoint = Object::default();
    endpoint.put("Spec", endpoint_spec(&service.spec.endpoint));
    endpoint.put_list("Ports", ports(&service.spec.endpoint));
    value.put("Endpoint", endpoint.0);
    if let Some(StatusDetails { state, started, completed, message }) = &service.status {
        let mut status = Object::default();
        status.put("State", state.name());
        status.put("StartedAt", timestamp(*started));
        status.put_if("CompletedAt", completed.map(timestamp));
        status.put("Message", &**message);
        value.put("UpdateStatus", status.0);
    }
    Value::Object(value.0)
}

/// A specification in the API's form.
pub fn spec(name: &str, image: &str, spec: &ServiceSpec) -> Value {
    let mut value = Object::default();
    value.put("Name", name);
    value.put("Labels", json!(spec.labels));
    value.put("TaskTemplate", task_template(image, spec));
    value.put(
        "Mode",
        match spec.mode {
            Mode::Replicated { replicas } => json!({"Replicated": {"Replicas": replicas}}),
            Mode::Global => json!({"Global": {}}),
        },
    );
    value.put_if("UpdateConfig", spec.update.as_ref().map(update_config));
    value.put_if("RollbackConfig", spec.rollback.as_ref().map(update_config));
    value.put("EndpointSpec", endpoint_spec(&spec.endpoint));
    Value::Object(value.0)
}

/// Fields in the order of the API.
#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn put_if(&mut self, name: &str, value: Option<impl Into<Value>>) {
        value.into_iter().for_each(|value| self.put(name, value));
    }

    /// A text, unless it is empty.
    fn put_text(&mut self, name: &str, text: &str) {
        self.put_if(name, Some(text).filter(|text| !text.is_empty()));
    }

    /// A number, unless it is 0.
    fn put_number(&mut self, name: &str, number: u64) {
        self.put_if(name, Some(number).filter(|number| *number > 0));
    }

    /// A list, unless it is empty.
    fn put_list(&mut self, name: &str, list: Vec<impl Into<Value>>) {
        self.put_if(name, Some(list).filter(|list| !list.is_empty()));
    }

    /// A duration in nanoseconds, unless it is unset.
    fn put_span(&mut self, name: &str, span: Option<Span>) {
        self.put_if(name, span.map(Span::as_nanos));
    }

    fn put_object(&mut self, name: &str, object: Object) {
        if !object.0.is_empty() {
            self.put(name, object.0);
        }
    }
}

fn update_config(config: &UpdateConfig) -> Value {
    let mut value = Object::default();
    value.put("Parallelism", config.parallelism);
    value.put_number("Delay", config.delay.as_nanos());
    value.put("FailureAction", config.failure_action.name());
    value.put_span("Monitor", config.monitor);
    // The shortest text that is this number among those of 32 bits.
    value.put(
        "MaxFailureRatio",
        serde_json::from_str::<Value>(&config.max_failure_ratio.to_string()).unwrap_or_default(),
    );
    value.put("Order", config.order.name());
    Value::Object(value.0)
}

fn task_template(image: &str, spec: &ServiceSpec) -> Value {
    let task = &spec.task;
    let mut value = Object::default();
    value.put("ContainerSpec", container(image, spec));
    value.put("Resources", resources(spec));
    if let Some(policy) = &task.restart {
        let mut restart = Object::default();
        restart.put("Condition", policy.condition.name());
        restart.put_span("Delay", policy.delay);
        restart.put("MaxAttempts", policy.max_attempts);
        restart.put_span("Window", policy.window.filter(|window| !window.is_zero()));
        value.put("RestartPolicy", restart.0);
    }
    let mut placement = Object::default();
    placement.put_list("Constraints", task.placement.constraints.clone());
    let spread = task.placement.preferences.iter().map(|over| json!({"Spread": {"SpreadDescriptor": over}}));
    placement.put_list("Preferences", spread.collect());
    placement.put_number("MaxReplicas", task.placement.max_replicas_per_node.into());
    value.put("Placement", placement.0);
    let settings = Settings::of(spec);
    let network = |name: &String| {
        let (aliases, options) = settings.attachment(name);
        let mut network = Object::default();
        network.put("Target", name.as_str());
        network.put_list("Aliases", aliases);
        network.put_object("DriverOpts", pairs(options.into_iter()));
        network.0
    };
    value.put_list("Networks", task.networks.iter().map(network).collect());
    if let Some((driver, options)) = settings.log_driver() {
        let mut log = Object::default();
        log.put_text("Name", &driver);
        log.put_object("Options", pairs(options.iter().map(|(name, value)| (name.as_str(), value.as_str()))));
        value.put("LogDriver", log.0);
    }
    value.put("ForceUpdate", task.force_update);
    value.put("Runtime", "container");
    Value::Object(value.0)
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Object {
    let mut object = Object::default();
    pairs.for_each(|(name, value)| object.put(name, value));
    object
}

fn container(image: &str, spec: &ServiceSpec) -> Value {
    let (container, settings) = (&spec.task.container, Settings::of(spec));
    let mut value = Object::default();
    value.put("Image", image);
    value.put_object("Labels", pairs(settings.named("container_label")));
    value.put_list("Command", settings.words("entrypoint"));
    value.put_list("Args", settings.words("args"));
    value.put_text("Hostname", settings.text("hostname"));
    value.put_list("Env", settings.environment());
    value.put_text("Dir", settings.text("working_dir"));
    value.put_text("User", settings.text("user"));
    if let Some((place, name)) = settings.credential_spec() {
        let key = match place {
            "config" => "Config",
            "registry" => "Registry",
            _ => "File",
        };
        value.put("Privileges", json!({"CredentialSpec": {key: name}}));
    }
    let switch = |name| Some(settings.text(name)).filter(|text| !text.is_empty()).map(|text| text == "true");
    value.put_if("Init", switch("init"));
    value.put_text("StopSignal", settings.text("stop_signal"));
    value.put_if("TTY", switch("tty"));
    value.put_if("OpenStdin", switch("stdin_open"));
    value.put_if("ReadOnly", switch("read_only"));
    value.put_list("Mounts", settings.mounts().iter().map(mount).collect());
    value.put_span("StopGracePeriod", container.stop_grace_period);
    value.put_if("Healthcheck", container.healthcheck.as_ref().map(health_check));
    value.put_list("Hosts", settings.repeated("host").map(|(host, address)| format!("{address} {host}")).collect());
    let mut dns = Object::default();
    dns.put_list("Nameservers", settings.repeated("dns").map(|(server, _)| server).collect());
    dns.put_list("Search", settings.repeated("dns_search").map(|(domain, _)| domain).collect());
    value.put("DNSConfig", dns.0);
    value.put_list("Secrets", files(settings, "secret", "SecretName"));
    value.put_list("Configs", files(settings, "config", "ConfigName"));
    let isolation = Some(settings.text("isolation")).filter(|isolation| !isolation.is_empty());
    value.put("Isolation", isolation.unwrap_or("default"));
    value.put_object("Sysctls", pairs(settings.named("sysctl")));
    value.put_list("CapabilityAdd", settings.capabilities("add"));
    value.put_list("CapabilityDrop", settings.capabilities("drop"));
    let limit = |(name, limits): (&str, &str)| {
        let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
        json!({"Name": name, "Hard": number(hard), "Soft": number(soft)})
    };
    value.put_list("Ulimits", settings.named("ulimit").map(limit).collect());
    value.put_if("OomScoreAdj", Some(number(settings.text("oom_score_adj"))).filter(|number| *number != 0));
    Value::Object(value.0)
}

fn number(text: &str) -> i64 {
    text.parse().unwrap_or(0)
}

fn mount(fields: &Fields) -> Value {
    let mut value = Object::default();
    value.put("Type", fields.kind());
    value.put_text("Source", fields.first("source"));
    value.put_text("Target", fields.first("target"));
    value.put_if("ReadOnly", Some(true).filter(|_| fields.first("readonly") == "true"));
    value.put_text("Consistency", fields.first("consistency"));
    let mut bind = Object::default();
    bind.put_text("Propagation", fields.first("bind-propagation"));
    value.put_object("BindOptions", bind);
    let named = |name: &'static str| pairs(fields.all(name).map(|pair| pair.split_once('=').unwrap_or((pair, ""))));
    let mut volume = Object::default();
    volume.put_if("NoCopy", Some(true).filter(|_| fields.first("volume-nocopy") == "true"));
    volume.put_object("Labels", named("volume-label"));
    let mut driver = Object::default();
    driver.put_text("Name", fields.first("volume-driver"));
    driver.put_object("Options", named("volume-opt"));
    volume.put_object("DriverConfig", driver);
    volume.put_text("Subpath", fields.first("volume-subpath"));
    value.put_object("VolumeOptions", volume);
    let mut tmpfs = Object::default();
    tmpfs.put_number("SizeBytes", fields.first("tmpfs-size").parse().unwrap_or(0));
    value.put_object("TmpfsOptions", tmpfs);
    Value::Object(value.0)
}

fn files(settings: Settings<'_>, kind: &'static str, name_key: &str) -> Vec<Value> {
    let file = |(name, file): &(String, Fields)| {
        let mode = u32::from_str_radix(file.first("mode"), 8).unwrap_or(0);
        let place =
            json!({"Name": file.first("target"), "UID": file.first("uid"), "GID": file.first("gid"), "Mode": mode});
        json!({"File": place, name_key: name})
    };
    settings.files(kind).iter().map(file).collect()
}

fn health_check(check: &HealthCheck) -> Value {
    let mut value = Object::default();
    value.put_list("Test", check.test.clone());
    value.put_span("Interval", check.interval);
    value.put_span("Timeout", check.timeout);
    value.put_span("StartPeriod", check.start_period);
    value.put_span("StartInterval", check.start_interval);
    value.put_if("Retries", check.retries);
    Value::Object(value.0)
}

fn resources(spec: &ServiceSpec) -> Value {
    let Resources { limit_nano_cpus, limit_memory, reserve_nano_cpus, reserve_memory } = spec.task.resources;
    let settings = Settings::of(spec);
    let mut limits = Object::default();
    limits.put_number("NanoCPUs", limit_nano_cpus);
    limits.put_number("MemoryBytes", limit_memory);
    limits.put_number("Pids", settings.text("limit_pids").parse().unwrap_or(0));
    let mut reservations = Object::default();
    reservations.put_number("NanoCPUs", reserve_nano_cpus);
    reservations.put_number("MemoryBytes", reserve_memory);
    let generic = settings.named("generic_resource");
    let generic = generic.map(|(kind, value)| json!({"DiscreteResourceSpec": {"Kind": kind, "Value": number(value)}}));
    reservations.put_list("GenericResources", generic.collect());
    let mut value = Object::default();
    value.put_object("Limits", limits);
    value.put_object("Reservations", reservations);
    Value::Object(value.0)
}

fn endpoint_spec(endpoint: &EndpointSpec) -> Value {
    let mut value = Object::default();
    value.put("Mode", endpoint.mode.name());
    value.put_list("Ports", ports(endpoint));
    Value::Object(value.0)
}

fn ports(endpoint: &EndpointSpec) -> Vec<Value> {
    let port = |port: &PortConfig| {
        let mut value = Object::default();
        value.put("Protocol", port.protocol.name());
        value.put("TargetPort", port.target);
        value.put_number("PublishedPort", port.published.into());
        value.put("PublishMode", port.mode.name());
        Value::Object(value.0)
    };
    endpoint.ports.iter().map(port).collect()
}

/// An instant as the API writes it. A run begins with the year 1970.
fn timestamp(time: Time) -> String {
    let (seconds, nanos) = (time.as_nanos() / 1_000_000_000, time.as_nanos() % 1_000_000_000);
    let (mut day, second) = (seconds / 86_400, seconds % 86_400);
    let mut months = (1_970..).flat_map(|year| (1..=12).map(move |month| (year, month, days(year, month))));
    let (year, month) = loop {
        match months.next() {
            Some((_, _, days)) if day >= days => day -= days,
            Some((year, month, _)) => break (year, month),
            None => unreachable!("the months do not end"),
        }
    };
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = if nanos > 0 { format!(".{nanos:09}") } else { String::new() };
    format!("{year}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}{}Z", day + 1, fraction.trim_end_matches('0'))
}

/// Days of a month.
fn days(year: u64, month: u64) -> u64 {
    let is_leap_year = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u64::from(is_leap_year),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_begins_with_the_year_1970() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (35_250_000_000, "1970-01-01T00:00:35.25Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00Z"),
            (1_795_272_967_000_000_007, "2026-11-21T14:56:07.000000007Z"),
        ] {
            assert_eq!(timestamp(Time::from_nanos(nanos)), text);
        }
    }
}
