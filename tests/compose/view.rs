//! A service specification as flat text, made of docker's JSON and of ours, so that the two can be compared field by field.

use std::collections::BTreeMap;

use rollsim::model::service::{HealthCheck, Mode, Resources, RestartPolicy, ServiceSpec, UpdateConfig};
use serde_json::Value;

/// Fields by their paths.
pub type View = BTreeMap<String, String>;

/// Our specification.
pub fn ours(spec: &ServiceSpec, image: &str) -> View {
    let mut view = View::new();
    let mut put = |name: &str, value: String| _ = view.insert(name.to_owned(), value);
    put("image", tagged(image));
    put(
        "mode",
        match spec.mode {
            Mode::Replicated { replicas } => format!("replicated {replicas}"),
            Mode::Global => "global".to_owned(),
        },
    );
    let config = |config: &UpdateConfig| {
        let (action, order) = (config.failure_action.name(), config.order.name());
        let monitor = config.monitor.map_or(0, |monitor| monitor.as_nanos());
        let (parallelism, delay, ratio) = (config.parallelism, config.delay.as_nanos(), config.max_failure_ratio);
        format!("{parallelism} {delay} {action} {monitor} {ratio} {order}")
    };
    spec.update.iter().for_each(|update| put("update", config(update)));
    spec.rollback.iter().for_each(|rollback| put("rollback", config(rollback)));
    if let Some(RestartPolicy { condition, delay, max_attempts, window }) = &spec.task.restart {
        let nanos =
            |span: &Option<rollsim::kernel::Span>| span.map_or("-".to_owned(), |span| span.as_nanos().to_string());
        put("restart", format!("{} {} {max_attempts} {}", condition.name(), nanos(delay), nanos(window)));
    }
    let placement = &spec.task.placement;
    put(
        "placement",
        format!("{:?} {:?} {}", placement.constraints, placement.preferences, placement.max_replicas_per_node),
    );
    let Resources { limit_nano_cpus, limit_memory, reserve_nano_cpus, reserve_memory } = spec.task.resources;
    put("resources", format!("{limit_nano_cpus} {limit_memory} {reserve_nano_cpus} {reserve_memory}"));
    put("networks", format!("{:?}", spec.task.networks));
    put("force", spec.task.force_update.to_string());
    let container = &spec.task.container;
    container.stop_grace_period.iter().for_each(|span| put("stop_grace_period", span.as_nanos().to_string()));
    if let Some(HealthCheck { test, interval, timeout, start_period, start_interval, retries }) = &container.healthcheck
    {
        let spans =
            [interval, timeout, start_period, start_interval].map(|span| span.map_or(0, |span| span.as_nanos()));
        put("health", format!("{test:?} {spans:?} {}", retries.unwrap_or(0)));
    }
    for port in &spec.endpoint.ports {
        let (protocol, mode) = (port.protocol.name(), port.mode.name());
        put(&format!("port {} {} {protocol} {mode}", port.published, port.target), String::new());
    }
    put("endpoint", spec.endpoint.mode.name().to_owned());
    spec.labels.iter().for_each(|(name, value)| put(&format!("label {name}"), value.clone()));
    container.settings.iter().for_each(|(name, value)| put(&format!("setting {name}"), value.clone()));
    view
}

/// Docker adds the tag that a reference lacks, and rollsim takes both for one image.
fn tagged(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") }
}

/// Docker's JSON while its fields are taken out of it.
pub struct Spec {
    json: Value,
    view: View,
}

/// What an API enumeration's empty word stands for.
fn word<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Spec {
    /// The view of docker's specification and what is left of its JSON: the fields that are not kept.
    pub fn read(json: &Value) -> (View, Value) {
        let mut spec = Spec { json: json.clone(), view: View::new() };
        spec.service();
        spec.container();
        spec.settings();
        spec.limits();
        spec.mounts_and_files();
        prune(&mut spec.json);
        (spec.view, spec.json)
    }

    fn put(&mut self, name: &str, value: impl Into<String>) {
        self.view.insert(name.to_owned(), value.into());
    }

    /// A setting; two of one name are one.
    fn set(&mut self, name: &str, value: impl Into<String>) {
        let (name, value) = (format!("setting {name}"), value.into());
        let value = self.view.get(&name).map_or(value.clone(), |before| format!("{before}; {value}"));
        self.view.insert(name, value);
    }

    fn take(&mut self, path: &str) -> Option<Value> {
        let (parent, key) = path.rsplit_once('/').expect("a path");
        let object = self.json.pointer_mut(parent)?.as_object_mut()?;
        object.remove(key)
    }

    fn number(&mut self, path: &str) -> u64 {
        self.take(path).and_then(|value| value.as_u64()).unwrap_or(0)
    }

    fn list(&mut self, path: &str) -> Vec<Value> {
        self.take(path).and_then(|value| value.as_array().cloned()).unwrap_or_default()
    }

    fn texts(&mut self, path: &str) -> Vec<String> {
        self.list(path).iter().map(text).collect()
    }

    fn pairs(&mut self, path: &str) -> Vec<(String, String)> {
        let pairs = self.take(path).and_then(|value| value.as_object().cloned()).unwrap_or_default();
        pairs.iter().map(|(name, value)| (name.clone(), text(value))).collect()
    }

    fn service(&mut self) {
        let mode = match self.take("/Mode") {
            Some(mode) if mode.get("Global").is_some() => "global".to_owned(),
            Some(mode) => format!("replicated {}", mode.pointer("/Replicated/Replicas").map_or("1".to_owned(), text)),
            None => "?".to_owned(),
        };
        self.put("mode", mode);
        for (section, name) in [("/UpdateConfig", "update"), ("/RollbackConfig", "rollback")] {
            if let Some(config) = self.take(section) {
                let number = |key| config.get(key).map_or("0".to_owned(), Value::to_string);
                let of = |key, default| {
                    config.get(key).map_or(default, |value| word(value.as_str().unwrap(), default)).to_owned()
                };
                let ratio = config["MaxFailureRatio"].as_f64().unwrap_or(0.0) as f32;
                let (action, order) = (of("FailureAction", "pause"), of("Order", "stop-first"));
                let value = format!(
                    "{} {} {action} {} {ratio} {order}",
                    number("Parallelism"),
                    number("Delay"),
                    number("Monitor")
                );
                self.put(name, value);
            }
        }
        if let Some(policy) = self.take("/TaskTemplate/RestartPolicy") {
            let field = |key, default: &str| policy.get(key).map_or(default.to_owned(), text);
            let condition = word(&field("Condition", ""), "any").to_owned();
            self.put(
                "restart",
                format!("{condition} {} {} {}", field("Delay", "-"), field("MaxAttempts", "0"), field("Window", "-")),
            );
        }
        let constraints = self.texts("/TaskTemplate/Placement/Constraints");
        let preferences = self.list("/TaskTemplate/Placement/Preferences");
        let preferences: Vec<String> =
            preferences.iter().map(|spread| text(&spread["Spread"]["SpreadDescriptor"])).collect();
        let most = self.number("/TaskTemplate/Placement/MaxReplicas");
        self.put("placement", format!("{constraints:?} {preferences:?} {most}"));
        let [limit_cpus, limit_memory, reserve_cpus, reserve_memory] =
            ["Limits/NanoCPUs", "Limits/MemoryBytes", "Reservations/NanoCPUs", "Reservations/MemoryBytes"]
                .map(|path| self.number(&format!("/TaskTemplate/Resources/{path}")));
        self.put("resources", format!("{limit_cpus} {limit_memory} {reserve_cpus} {reserve_memory}"));
        let force = self.number("/TaskTemplate/ForceUpdate");
        self.put("force", force.to_string());
        let networks = self.list("/TaskTemplate/Networks");
        let names: Vec<String> = networks.iter().map(|network| text(&network["Target"])).collect();
        self.put("networks", format!("{names:?}"));
        for network in &networks {
            if let Some(aliases) = network.get("Aliases").and_then(Value::as_array) {
                let aliases: Vec<String> = aliases.iter().map(text).collect();
                let options = network.get("DriverOpts").and_then(Value::as_object);
                let options: Vec<String> =
                    options.into_iter().flatten().map(|(name, value)| format!("{name}: {}", text(value))).collect();
                let options = if options.is_empty() { String::new() } else { format!(" {{{}}}", options.join(", ")) };
                let said = format!("[{}]{options}", aliases.join(", "));
                self.set(&format!("network_alias.{}", text(&network["Target"])), said);
            }
        }
        for port in self.list("/EndpointSpec/Ports") {
            let number = |key| port.get(key).map_or("0".to_owned(), text);
            let protocol = port.get("Protocol").map_or("tcp".to_owned(), text);
            let mode = if port["PublishMode"] == "host" { "host" } else { "ingress" };
            self.put(&format!("port {} {} {protocol} {mode}", number("PublishedPort"), number("TargetPort")), "");
        }
        let mode = self.take("/EndpointSpec/Mode").map_or(String::new(), |mode| text(&mode));
        self.put("endpoint", word(&mode, "vip"));
        for (name, value) in self.pairs("/Labels") {
            self.put(&format!("label {name}"), value);
        }
    }

    fn container(&mut self) {
        let at = |key: &str| format!("/TaskTemplate/ContainerSpec/{key}");
        let image = self.take(&at("Image")).map_or(String::new(), |image| text(&image));
        self.put("image", tagged(&image));
        if let Some(period) = self.take(&at("StopGracePeriod")) {
            self.put("stop_grace_period", period.to_string());
        }
        if let Some(health) = self.take(&at("Healthcheck")) {
            let test: Vec<String> = health["Test"].as_array().into_iter().flatten().map(text).collect();
            let spans =
                ["Interval", "Timeout", "StartPeriod", "StartInterval"].map(|key| health[key].as_u64().unwrap_or(0));
            self.put("health", format!("{test:?} {spans:?} {}", health["Retries"].as_u64().unwrap_or(0)));
        }
    }

    /// All that only makes tasks dirty, under the names that rollsim gives it.
    fn settings(&mut self) {
        let at = |key: &str| format!("/TaskTemplate/ContainerSpec/{key}");
        for variable in self.texts(&at("Env")) {
            match variable.split_once('=') {
                Some((name, value)) => self.set(&format!("env.{name}"), value),
                None => self.set(&format!("env_unset.{variable}"), ""),
            }
        }
        for (key, setting) in [("Labels", "container_label"), ("Sysctls", "sysctl")] {
            for (name, value) in self.pairs(&at(key)) {
                self.set(&format!("{setting}.{name}"), value);
            }
        }
        for (key, setting) in [("Command", "entrypoint"), ("Args", "args")] {
            let words = self.texts(&at(key));
            if !words.is_empty() {
                self.set(setting, format!("{words:?}"));
            }
        }
        let one = [
            ("Hostname", "hostname"),
            ("User", "user"),
            ("Dir", "working_dir"),
            ("StopSignal", "stop_signal"),
            ("Init", "init"),
            ("TTY", "tty"),
            ("OpenStdin", "stdin_open"),
            ("ReadOnly", "read_only"),
        ];
        for (key, setting) in one {
            if let Some(value) = self.take(&at(key)) {
                self.set(setting, text(&value));
            }
        }
        if let Some(isolation) = self.take(&at("Isolation")).filter(|isolation| isolation != "default") {
            self.set("isolation", text(&isolation));
        }
        if let Some(Value::Object(spec)) = self.take(&at("Privileges/CredentialSpec")) {
            // A config by its name instead of its id.
            let said = spec.iter().map(|(key, value)| (key.to_lowercase(), text(value).replace("config-id-", "")));
            let said: Vec<String> =
                said.filter(|(_, value)| !value.is_empty()).map(|(key, value)| format!("{key}: {value}")).collect();
            self.set("credential_spec", format!("{{{}}}", said.join(", ")));
        }
        for host in self.texts(&at("Hosts")) {
            let (address, name) = host.split_once(' ').expect("an address and a name");
            self.set(&format!("host.{name}"), address);
        }
        for (key, setting) in [("DNSConfig/Nameservers", "dns"), ("DNSConfig/Search", "dns_search")] {
            for item in self.texts(&at(key)) {
                self.set(&format!("{setting}.{item}"), "");
            }
        }
    }

    /// Limits and capabilities, and where the output goes.
    fn limits(&mut self) {
        let at = |key: &str| format!("/TaskTemplate/ContainerSpec/{key}");
        for (key, what) in [("CapabilityAdd", "add"), ("CapabilityDrop", "drop")] {
            for name in self.texts(&at(key)) {
                self.set(&format!("cap.{name}"), what);
            }
        }
        for limit in self.list(&at("Ulimits")) {
            let number = |key| limit.get(key).map_or("0".to_owned(), text);
            self.set(&format!("ulimit.{}", text(&limit["Name"])), format!("{}:{}", number("Soft"), number("Hard")));
        }
        if let Some(driver) = self.take("/TaskTemplate/LogDriver") {
            let options = driver["Options"].as_object().cloned().unwrap_or_default();
            let mut words: Vec<String> =
                options.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
            words.sort();
            words.insert(0, driver.get("Name").map_or(String::new(), text));
            self.set("log_driver", format!("{words:?}"));
        }
        if let Some(pids) = self.take("/TaskTemplate/Resources/Limits/Pids") {
            self.set("limit_pids", pids.to_string());
        }
        for generic in self.list("/TaskTemplate/Resources/Reservations/GenericResources") {
            let spec = &generic["DiscreteResourceSpec"];
            self.set(&format!("generic_resource.{}", text(&spec["Kind"])), text(&spec["Value"]));
        }
    }

    fn mounts_and_files(&mut self) {
        let at = |key: &str| format!("/TaskTemplate/ContainerSpec/{key}");
        for (key, name, setting) in [("Secrets", "SecretName", "secret"), ("Configs", "ConfigName", "config")] {
            // One without a file is the credential spec's.
            for object in self.list(&at(key)).into_iter().filter(|object| object.get("File").is_some()) {
                let file = &object["File"];
                let mode = file["Mode"].as_u64().unwrap_or(0);
                let value = format!(
                    "target={},uid={},gid={},mode={mode:o}",
                    text(&file["Name"]),
                    text(&file["UID"]),
                    text(&file["GID"])
                );
                self.set(&format!("{setting}.{}", text(&object[name])), value);
            }
        }
        for mount in self.list(&at("Mounts")) {
            let mut fields = Vec::new();
            let mut add = |name: &str, pointer: &str| {
                let value =
                    mount.pointer(pointer).filter(|value| !value.is_null() && **value != "" && **value != false);
                // Where the stack's folder lies changes nothing.
                fields.extend(value.map(|value| format!("{name}={}", relative(&text(value)))));
            };
            add("type", "/Type");
            add("source", "/Source");
            add("target", "/Target");
            add("readonly", "/ReadOnly");
            add("consistency", "/Consistency");
            add("bind-propagation", "/BindOptions/Propagation");
            add("volume-nocopy", "/VolumeOptions/NoCopy");
            add("volume-subpath", "/VolumeOptions/Subpath");
            add("volume-driver", "/VolumeOptions/DriverConfig/Name");
            add("tmpfs-size", "/TmpfsOptions/SizeBytes");
            for (name, pointer) in
                [("volume-opt", "/VolumeOptions/DriverConfig/Options"), ("volume-label", "/VolumeOptions/Labels")]
            {
                let pairs = mount.pointer(pointer).and_then(Value::as_object).cloned().unwrap_or_default();
                let mut pairs: Vec<String> =
                    pairs.iter().map(|(key, value)| format!("{name}={key}={}", text(value))).collect();
                pairs.sort();
                fields.append(&mut pairs);
            }
            let quoted =
                fields.iter().map(|field| if field.contains(',') { format!("\"{field}\"") } else { field.clone() });
            let said: Vec<String> = quoted.collect();
            self.set(&format!("mount.{}", text(&mount["Target"])), said.join(","));
        }
    }
}

/// A path below the stack's folder, or beside it, as one that begins with `.`.
fn relative(path: &str) -> String {
    let below = path.strip_prefix("/srv").map(|rest| match rest.strip_prefix("/stack") {
        Some(rest) => format!(".{rest}"),
        None => format!("./..{rest}"),
    });
    below.unwrap_or_else(|| path.to_owned())
}

/// Takes away what holds nothing.
fn prune(value: &mut Value) {
    if let Value::Object(entries) = value {
        entries.values_mut().for_each(prune);
        entries.retain(|_, value| !matches!(value, Value::Object(entries) if entries.is_empty()));
    }
}
