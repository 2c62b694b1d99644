//! From what a stack file says to what the services of the stack are: names within the stack, labels, networks, mounts,
//! configs and secrets, and what docker's client refuses on the way.
//!
//! Source: cli: cli/compose/convert/{service,volume,compose}.go, cli/command/stack/loader.go (cli-and-compose b.3).

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Place};
use crate::scenario::canonical::{canonical_volume, undecodable};
use crate::scenario::docker::values::{check_image, cpus, memory};
use crate::scenario::engine;
use crate::scenario::read::Problems;
use crate::scenario::source::{Entry, Node, Spanned, Value};

use super::Loader;
use super::template::set_it;

/// Makes the services of a stack of its merged files.
pub(super) struct Conversion<'a> {
    stack: &'a str,
    file: &'a Node,
    /// What the file defines, by section and name.
    definitions: BTreeMap<(&'a str, &'a str), &'a Node>,
}

impl<'a> Conversion<'a> {
    pub(super) fn new(stack: &'a str, file: &'a Node) -> Conversion<'a> {
        let mut definitions = BTreeMap::new();
        for section in file.entries().iter().filter(|section| section.key.value != "services") {
            let named = section.value.entries().iter();
            definitions
                .extend(named.map(|entry| ((section.key.value.as_str(), entry.key.value.as_str()), &entry.value)));
        }
        Conversion { stack, file, definitions }
    }

    /// The services, sorted by their full names.
    pub(super) fn services(&self, loader: &mut Loader<'_>) -> Vec<Entry> {
        self.check_definitions(loader);
        let mut services: Vec<Entry> = Vec::new();
        for Entry { key, value } in self.section("services") {
            let service = Service { conversion: self, name: key, node: value };
            let full = Spanned { value: format!("{}_{}", self.stack, key.value), place: key.place.clone() };
            engine::check_name(&full.value, &full.place, loader.problems);
            services.push(Entry { key: full, value: service.convert(loader) });
        }
        services.sort_by(|a, b| a.key.value.cmp(&b.key.value));
        services
    }

    fn section(&self, name: &str) -> &'a [Entry] {
        self.file.get(name).map_or(&[], Node::entries)
    }

    fn definition(&self, section: &str, name: &str) -> Option<&'a Node> {
        self.definitions.get(&(section, name)).copied()
    }

    /// The name that a network, volume, config or secret has on the cluster.
    fn full_name(&self, name: &str, definition: Option<&Node>) -> String {
        let own = definition.and_then(|definition| {
            let own = definition.get("name").map(ToString::to_string).filter(|own| !own.is_empty());
            let external = definition.at(&["external", "name"]).map(ToString::to_string);
            external.or(own).or_else(|| is_external(definition).then(|| name.to_owned()))
        });
        own.unwrap_or_else(|| format!("{}_{name}", self.stack))
    }

    /// Reports what is wrong with networks, volumes, configs and secrets by themselves.
    fn check_definitions(&self, loader: &mut Loader<'_>) {
        for (section, object) in
            [("networks", "network"), ("volumes", "volume"), ("secrets", "secret"), ("configs", "config")]
        {
            for Entry { key, value } in self.section(section) {
                let name = &key.value;
                if value.at(&["external", "name"]).is_some()
                    && let Some(own) = value.get("name")
                {
                    let message = format!(
                        "{object} {name}: {object}.external.name and {object}.name conflict; only use {object}.name"
                    );
                    loader.problems.push(Diagnostic::new(Code::Conflict, &own.place, message));
                }
                match section {
                    "volumes" if is_external(value) => refuse_external_options(name, value, loader.problems),
                    "secrets" | "configs" => self.check_object(object, key, value, loader),
                    _ => {}
                }
            }
        }
    }

    /// Reports a config or secret whose content is not there.
    fn check_object(&self, kind: &str, name: &Spanned<String>, definition: &Node, loader: &mut Loader<'_>) {
        let full = self.full_name(&name.value, Some(definition));
        if is_external(definition) {
            let refusal = format!("{kind} not found: {full}");
            return loader.absent(&name.place, &refusal, &format!("there is a {kind} `{full}`"));
        }
        let Some(file) = definition.get("file") else { return };
        if let Some(driver) = definition.get("driver").filter(|_| kind == "secret") {
            let message =
                format!("secret {0}: secret.driver and secret.file conflict; only use secret.driver", name.value);
            loader.problems.push(Diagnostic::new(Code::Conflict, &driver.place, message));
        }
        let path = loader.below(&file.to_string());
        if !loader.outside.files.exists(&path) {
            let refusal = format!("open {path}: no such file or directory");
            loader.absent(&file.place, &refusal, &format!("it is there, and the {kind} with it"));
        }
    }
}

fn is_external(definition: &Node) -> bool {
    matches!(definition.get("external").map(|external| &external.value), Some(Value::Bool(true) | Value::Map(_)))
}

/// Source: cli: cli/compose/loader/loader.go `LoadVolumes`.
fn refuse_external_options(name: &str, volume: &Node, problems: &mut Problems) {
    for key in ["driver", "driver_opts", "labels"] {
        if let Some(option) =
            volume.get(key).filter(|option| !option.entries().is_empty() || option.as_text().is_some())
        {
            let message = format!("conflicting parameters \"external\" and {key:?} specified for volume {name:?}");
            problems.push(Diagnostic::new(Code::Conflict, &option.place, message));
        }
    }
}

/// A service of the stack on its way.
struct Service<'a> {
    conversion: &'a Conversion<'a>,
    name: &'a Spanned<String>,
    node: &'a Node,
}

impl Service<'_> {
    fn convert(&self, loader: &mut Loader<'_>) -> Node {
        self.check(loader);
        let image = self.image(loader);
        let networks = self.networks(loader);
        let volumes = self.node.get("volumes").map(|volumes| {
            let mounts = volumes.items().iter().map(|mount| self.mount(mount, loader));
            Node { value: Value::Seq(mounts.collect()), place: volumes.place.clone() }
        });
        let secrets = self.objects("secrets", "secret", loader);
        let configs = self.objects("configs", "config", loader);
        let credential_spec = self.credential_spec(loader);
        let reference = image.to_string();
        let mut deploy = self
            .node
            .get("deploy")
            .filter(|deploy| deploy.value != Value::Null)
            .cloned()
            .unwrap_or_else(|| self.empty());
        self.add_labels(
            &mut deploy,
            &[("com.docker.stack.image", &reference), ("com.docker.stack.namespace", self.conversion.stack)],
        );
        let mut service = self.node.clone();
        self.add_labels(&mut service, &[("com.docker.stack.namespace", self.conversion.stack)]);
        let replaced = [
            ("image", Some(image)),
            ("networks", Some(networks)),
            ("volumes", volumes),
            ("secrets", secrets),
            ("configs", configs),
            ("credential_spec", credential_spec),
            ("deploy", Some(deploy)),
        ];
        for (key, value) in replaced {
            if let Some(value) = value {
                set(&mut service, key, value);
            }
        }
        service
    }

    fn empty(&self) -> Node {
        Node { value: Value::Map(Vec::new()), place: self.name.place.clone() }
    }

    fn refuse(&self, code: Code, place: &Place, why: &str, loader: &mut Loader<'_>) {
        loader.problems.push(Diagnostic::new(code, place, format!("service {}: {why}", self.name.value)));
    }

    /// The image, or a stand-in if it is not there for want of a variable.
    fn image(&self, loader: &mut Loader<'_>) -> Node {
        let (place, reference) = match self.node.get("image") {
            Some(image) => (&image.place, image.to_string()),
            None => (&self.name.place, String::new()),
        };
        let why = if reference.is_empty() {
            "no image specified".to_owned()
        } else if check_image(&reference).is_ok() {
            return Node::text(reference, place);
        } else {
            invalid_reference(&reference)
        };
        let refusal = format!("invalid image reference for service {}: {why}", self.name.value);
        let stand_in = format!("{}:unset", self.name.value.to_lowercase());
        match loader.unset.at(place).map(set_it) {
            Some(help) => loader.absent(place, &refusal, &format!("`{stand_in}`; {help}")),
            None => {
                let code = if reference.is_empty() { Code::MissingKey } else { Code::Malformed };
                loader.problems.push(Diagnostic::new(code, place, refusal));
            }
        }
        Node::text(stand_in, place)
    }

    /// Reports what the conversion of single values refuses.
    fn check(&self, loader: &mut Loader<'_>) {
        let at = |path: &[&str]| self.node.at(path);
        let mode = at(&["deploy", "mode"]);
        let text = mode.map(ToString::to_string).unwrap_or_default();
        if let Some(mode) =
            mode.filter(|_| !["", "replicated", "global", "replicated-job", "global-job"].contains(&text.as_str()))
        {
            self.refuse(Code::UnknownWord, &mode.place, &format!("unknown mode: {text}"), loader);
        }
        if let Some(replicas) = at(&["deploy", "replicas"]).filter(|_| text.starts_with("global")) {
            let why = "replicas can only be used with replicated or replicated-job mode";
            self.refuse(Code::Conflict, &replicas.place, why, loader);
        }
        if let (Some(Node { value: Value::Bool(true), place }), Some(test)) =
            (at(&["healthcheck", "disable"]), at(&["healthcheck", "test"]))
            && !test.items().is_empty()
        {
            self.refuse(Code::Conflict, place, "test and disable can't be set at the same time", loader);
        }
        for amounts in ["limits", "reservations"] {
            if let Some(node) = at(&["deploy", "resources", amounts, "cpus"]).filter(|node| node.as_text() != Some(""))
                && let Err(why) = cpus(&node.to_string())
            {
                self.refuse(Code::Malformed, &node.place, &why, loader);
            }
            if let Some(node) = at(&["deploy", "resources", amounts, "memory"])
                && let Err(why) = memory(&node.to_string())
            {
                let amounts = if amounts == "limits" { "Limits" } else { "Reservations" };
                loader.problems.push(undecodable(&format!("Deploy.Resources.{amounts}.memory"), &why, &node.place));
            }
        }
        self.check_restart(loader);
        for (path, field) in UNSIGNED {
            if let Some(Node { value: Value::Integer(number @ ..0), place }) = at(path) {
                let why = format!("cannot parse value as 'uint64': {number} overflows uint");
                loader.problems.push(undecodable(field, &why, place));
            }
        }
        engine::check_negative(self.node, loader.problems);
    }

    /// Source: cli: opts/parse.go `ParseRestartPolicy`, cli/compose/convert/service.go `convertRestartPolicy`.
    fn check_restart(&self, loader: &mut Loader<'_>) {
        let Some(restart) = self.node.get("restart").filter(|_| self.node.at(&["deploy", "restart_policy"]).is_none())
        else {
            return;
        };
        let text = restart.to_string();
        let (policy, count) =
            text.split_once(':').map_or((text.as_str(), None), |(policy, count)| (policy, Some(count)));
        let count = count.filter(|count| !count.is_empty()).map(str::parse::<i64>);
        let why = match (policy, count) {
            ("", _) if !text.is_empty() => "invalid restart policy format: no policy provided before colon".to_owned(),
            (_, Some(Err(_))) => "invalid restart policy format: maximum retry count must be an integer".to_owned(),
            (_, Some(Ok(..0))) => "invalid restart policy: maximum retry count cannot be negative".to_owned(),
            ("" | "no" | "always" | "unless-stopped" | "on-failure", _) => return,
            _ => format!(
                "invalid restart policy: unknown policy '{policy}' (must be one of 'no', 'always', 'on-failure', or 'unless-stopped')"
            ),
        };
        self.refuse(Code::UnknownWord, &restart.place, &why, loader);
    }

    /// The networks by their full names, sorted; the default network if the service names none.
    ///
    /// Source: cli: cli/compose/convert/service.go `convertServiceNetworks`.
    fn networks(&self, loader: &mut Loader<'_>) -> Node {
        let default = [Entry::new("default", self.empty())];
        let named = self.node.get("networks").map_or(&[][..], Node::entries);
        let mut networks = Vec::new();
        for Entry { key, value } in if named.is_empty() { &default } else { named } {
            let definition = self.conversion.definition("networks", &key.value);
            if definition.is_none() && key.value != "default" {
                self.refuse(Code::UnknownObject, &key.place, &format!("undefined network {:?}", key.value), loader);
            }
            let full = self.conversion.full_name(&key.value, definition);
            let is_user_defined =
                !["default", "bridge", "host", "none"].contains(&full.as_str()) && !full.starts_with("container:");
            if definition.is_some_and(is_external) && is_user_defined {
                let refusal = format!(
                    "network {full:?} is declared as external, but could not be found. You need to create a swarm-scoped \
                     network before the stack is deployed"
                );
                loader.absent(&key.place, &refusal, &format!("there is a network `{full}`"));
            }
            let mut aliases = value.get("aliases").map_or(&[][..], Node::items).to_vec();
            aliases.extend(is_user_defined.then(|| Node::text(&self.name.value, &self.name.place)));
            let aliases = Node { value: Value::Seq(aliases), place: value.place.clone() };
            let options = value.entries().iter().filter(|option| option.key.value == "driver_opts").cloned();
            let attachment = std::iter::once(Entry::new("aliases", aliases)).chain(options).collect();
            networks.push(Entry {
                key: Spanned { value: full, place: key.place.clone() },
                value: Node { value: Value::Map(attachment), place: value.place.clone() },
            });
        }
        networks.sort_by(|a, b| a.key.value.cmp(&b.key.value));
        Node { value: Value::Map(networks), place: self.name.place.clone() }
    }

    /// A mount: the volume by its full name and with what the file says of it, the path of a bind mount below the stack's
    /// folder.
    fn mount(&self, mount: &Node, loader: &mut Loader<'_>) -> Node {
        let mut mount = mount.clone();
        let kind = mount.get("type").map(ToString::to_string).unwrap_or_default();
        let source = mount.get("source").cloned().filter(|source| source.as_text() != Some(""));
        let why = match (kind.as_str(), &source) {
            ("volume" | "" | "bind" | "tmpfs" | "npipe" | "cluster" | "image", _)
                if let Some(option) = misplaced(&kind, &mount) =>
            {
                Some(format!("{option} options are incompatible with type {kind}"))
            }
            ("tmpfs", Some(_)) => Some("invalid tmpfs source, source must be empty".to_owned()),
            ("bind" | "npipe" | "cluster" | "image", None) => {
                Some(format!("invalid {kind} source, source cannot be empty"))
            }
            ("volume" | "" | "tmpfs" | "bind" | "npipe" | "cluster" | "image", _) => None,
            _ => Some("volume type must be volume, bind, tmpfs, npipe, or cluster".to_owned()),
        };
        if let Some(why) = why {
            self.refuse(Code::Malformed, &mount.place, &why, loader);
            return mount;
        }
        let Some(source) = source else { return mount };
        let name = source.to_string();
        match kind.as_str() {
            "bind" => set(&mut mount, "source", Node::text(below_stack(&name), &source.place)),
            "volume" | "" | "cluster" if !(kind == "cluster" && name.starts_with("group:")) => {
                let Some(definition) = self.conversion.definition("volumes", &name) else {
                    self.refuse(Code::UnknownObject, &source.place, &format!("undefined volume {name:?}"), loader);
                    return mount;
                };
                let full = self.conversion.full_name(&name, Some(definition));
                set(&mut mount, "source", Node::text(full, &source.place));
                if kind != "cluster" && !is_external(definition) {
                    self.describe_volume(&mut mount, definition);
                }
            }
            _ => {}
        }
        mount
    }

    /// Adds driver and labels of a volume to the mount that creates it.
    fn describe_volume(&self, mount: &mut Node, definition: &Node) {
        let mut volume = mount.get("volume").cloned().unwrap_or_else(|| self.empty());
        let described = canonical_volume(definition);
        for key in ["driver", "driver_opts"] {
            if let Some(value) = described.get(key) {
                set(&mut volume, key, value.clone());
            }
        }
        let mut labelled = self.empty();
        if let Some(labels) = described.get("labels") {
            set(&mut labelled, "labels", labels.clone());
        }
        self.add_labels(&mut labelled, &[("com.docker.stack.namespace", self.conversion.stack)]);
        set(&mut volume, "labels", labelled.get("labels").cloned().unwrap_or_else(|| self.empty()));
        set(mount, "volume", volume);
    }

    /// The credential spec; a config by its full name.
    ///
    /// Source: cli: cli/compose/convert/service.go `convertCredentialSpec`.
    fn credential_spec(&self, loader: &mut Loader<'_>) -> Option<Node> {
        let mut spec = self.node.get("credential_spec")?.clone();
        let kinds = [("config", "\"Config\""), ("file", "\"File\""), ("registry", "\"Registry\"")];
        let is_said = |key: &str| spec.get(key).is_some_and(|value| value.as_text() != Some(""));
        let said: Vec<&str> = kinds.into_iter().filter(|(key, _)| is_said(key)).map(|(_, name)| name).collect();
        if let [first @ .., last] = &said[..]
            && !first.is_empty()
        {
            let comma = if first.len() > 1 { "," } else { "" };
            let why = format!("invalid credential spec: cannot specify both {}{comma} and {last}", first.join(", "));
            self.refuse(Code::Conflict, &spec.place, &why, loader);
        }
        if let Some(config) = spec.get("config").filter(|_| is_said("config")).cloned() {
            let name = config.to_string();
            let definition = self.conversion.definition("configs", &name);
            if definition.is_none() {
                self.refuse(Code::UnknownObject, &config.place, &format!("undefined config {name:?}"), loader);
            }
            let full = self.conversion.full_name(&name, definition);
            set(&mut spec, "config", Node::text(full, &config.place));
        }
        Some(spec)
    }

    /// References to configs or secrets, by their full names.
    fn objects(&self, section: &str, kind: &str, loader: &mut Loader<'_>) -> Option<Node> {
        let references = self.node.get(section)?;
        let mut objects = references.items().to_vec();
        for object in &mut objects {
            let source = object.get("source").cloned().unwrap_or_else(|| Node::text("", &object.place));
            let name = source.to_string();
            let definition = self.conversion.definition(section, &name);
            if definition.is_none() {
                self.refuse(Code::UnknownObject, &source.place, &format!("undefined {kind} {name:?}"), loader);
            }
            set(object, "name", Node::text(self.conversion.full_name(&name, definition), &source.place));
        }
        Some(Node { value: Value::Seq(objects), place: references.place.clone() })
    }

    fn add_labels(&self, node: &mut Node, labels: &[(&str, &str)]) {
        let mut all = node.get("labels").cloned().unwrap_or_else(|| self.empty());
        for (name, value) in labels {
            set(&mut all, name, Node::text(*value, &self.name.place));
        }
        set(node, "labels", all);
    }
}

/// Numbers that docker cannot hold below zero, and its names of them.
const UNSIGNED: [(&[&str], &str); 6] = [
    (&["deploy", "replicas"], "Deploy.Replicas"),
    (&["deploy", "update_config", "parallelism"], "Deploy.update_config.Parallelism"),
    (&["deploy", "rollback_config", "parallelism"], "Deploy.rollback_config.Parallelism"),
    (&["deploy", "restart_policy", "max_attempts"], "Deploy.restart_policy.max_attempts"),
    (&["deploy", "placement", "max_replicas_per_node"], "Deploy.Placement.max_replicas_per_node"),
    (&["healthcheck", "retries"], "HealthCheck.Retries"),
];

/// Sets the value of a key of a mapping.
fn set(node: &mut Node, key: &str, value: Node) {
    let Value::Map(entries) = &mut node.value else { return };
    match entries.iter_mut().find(|entry| entry.key.value == key) {
        Some(entry) => entry.value = value,
        None => entries.push(Entry::new(key, value)),
    }
}

/// Options that do not belong to a mount of this type, if it has some.
///
/// Source: cli: cli/compose/convert/volume.go.
fn misplaced(kind: &str, mount: &Node) -> Option<&'static str> {
    let allowed: &[&str] = match kind {
        "bind" | "npipe" => &["bind"],
        "tmpfs" => &["tmpfs"],
        "image" | "cluster" => &[],
        _ => &["volume"],
    };
    ["tmpfs", "bind", "volume"].into_iter().find(|option| mount.get(option).is_some() && !allowed.contains(option))
}

/// A path of the machine, or one below the stack's folder, which is written `.`: where that lies changes nothing.
fn below_stack(path: &str) -> String {
    if path.starts_with('/') || path.starts_with("\\\\") || path.as_bytes().get(1) == Some(&b':') {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = vec!["."];
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.len() > 1 && parts.last() != Some(&"..") => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// What docker says against a reference that names no image.
///
/// Source: distribution/reference normalize.go `ParseNormalizedNamed`.
fn invalid_reference(reference: &str) -> String {
    let lower = reference.to_lowercase();
    let remote = reference.split_once('/').map_or(reference, |(_, remote)| remote);
    let name = remote.rsplit_once(':').map_or(remote, |(name, _)| name);
    if name != name.to_lowercase() && check_image(&lower).is_ok() {
        return format!("invalid reference format: repository name ({name}) must be lowercase");
    }
    "invalid reference format".to_owned()
}
