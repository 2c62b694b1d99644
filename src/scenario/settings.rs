//! Keys of a Compose service that are not simulated but make tasks dirty when they change.
//!
//! They become settings of the container under the names that the flags of `docker service update` use for the same
//! thing, so that a flag that repeats what the file says changes nothing. Two services have the same settings if docker
//! makes the same specifications of them, but for the order of hosts, mounts and name servers.

use std::collections::btree_map::Entry as Slot;
use std::collections::{BTreeMap, BTreeSet};

use crate::diag::Code;

use super::docker::flags::capability;
use super::docker::values::{joined, reference};
use super::read::{Fields, Problems, Read, entries, items, pairs, refuse, text_of};
use super::source::{Node, Value};

/// Settings of a container, as text by name.
pub(super) type Settings = BTreeMap<String, String>;

/// Names and values that a key comes to.
type Found = Vec<(String, String)>;

/// Reads the value of a key in its canonical form. The first argument is the name of the setting, or what stands before the
/// names of its items.
type ReadKey = fn(&str, &Node, &mut Problems) -> Option<Found>;

/// The keys, the names of their settings, and how they are read.
const KEYS: [(&str, &str, ReadKey); 25] = [
    ("command", "args", words),
    ("configs", "config", references),
    ("credential_spec", "credential_spec", credential_spec),
    ("dns", "dns", texts),
    ("dns_search", "dns_search", texts),
    ("entrypoint", "entrypoint", words),
    ("env_file", "env_file", texts),
    ("environment", "env", environment),
    ("extra_hosts", "host", hosts),
    ("hostname", "hostname", text),
    ("init", "init", |setting, node, problems| Some(one(setting, bool::read(node, problems)?.to_string()))),
    ("isolation", "isolation", isolation),
    ("labels", "container_label", named),
    ("logging", "log_driver", log_driver),
    ("networks", "network_alias", aliases),
    ("read_only", "read_only", switch),
    ("secrets", "secret", references),
    ("stdin_open", "stdin_open", switch),
    ("stop_signal", "stop_signal", text),
    ("sysctls", "sysctl", named),
    ("tty", "tty", switch),
    ("ulimits", "ulimit", limits),
    ("user", "user", text),
    ("volumes", "mount", mounts),
    ("working_dir", "working_dir", text),
];

/// Reads all such keys of a service in its canonical form.
pub(super) fn read_settings(service: &Node, fields: &mut Fields<'_, '_>) -> Settings {
    let mut settings = capabilities(fields);
    settings.extend(resources(service));
    for (key, setting, read) in KEYS {
        let found = fields.read_with(key, |node, problems| read(setting, node, problems));
        for (name, value) in found.unwrap_or_default() {
            // Two addresses of one host, or one secret in two files.
            match settings.entry(name) {
                Slot::Vacant(slot) => _ = slot.insert(value),
                Slot::Occupied(mut before) => before.get_mut().extend(["; ", &value]),
            }
        }
    }
    settings
}

fn one(setting: &str, value: String) -> Found {
    vec![(setting.to_owned(), value)]
}

fn text(setting: &str, node: &Node, problems: &mut Problems) -> Option<Found> {
    let text = text_of(node, problems)?;
    Some(if text.is_empty() { Vec::new() } else { one(setting, text.to_owned()) })
}

/// `default` is what no word means too. Source: moby: daemon/cluster/convert/container.go `isolationToGRPC`.
fn isolation(setting: &str, node: &Node, problems: &mut Problems) -> Option<Found> {
    let found = text(setting, node, problems)?;
    Some(found.into_iter().filter(|(_, word)| word != "default").collect())
}

fn credential_spec(setting: &str, node: &Node, problems: &mut Problems) -> Option<Found> {
    let is_empty = entries(node, problems)?.is_empty();
    Some(if is_empty { Vec::new() } else { one(setting, node.to_string()) })
}

fn switch(setting: &str, node: &Node, problems: &mut Problems) -> Option<Found> {
    Some(if bool::read(node, problems)? { one(setting, "true".to_owned()) } else { Vec::new() })
}

fn words(setting: &str, node: &Node, problems: &mut Problems) -> Option<Found> {
    let words = Vec::<String>::read(node, problems)?;
    Some(if words.is_empty() { Vec::new() } else { one(setting, format!("{words:?}")) })
}

fn texts(setting: &str, node: &Node, problems: &mut Problems) -> Option<Found> {
    let texts = Vec::<String>::read(node, problems)?;
    Some(texts.into_iter().map(|text| (format!("{setting}.{text}"), String::new())).collect())
}

fn named(setting: &str, node: &Node, problems: &mut Problems) -> Option<Found> {
    Some(pairs(node, problems)?.into_iter().map(|(name, value)| (format!("{setting}.{name}"), value)).collect())
}

/// A name without a value is a setting of another name: docker takes the variable away from the image.
fn environment(setting: &str, node: &Node, problems: &mut Problems) -> Option<Found> {
    let without_value = node.entries().iter().filter(|entry| entry.value.value == Value::Null);
    let without_value: BTreeSet<&str> = without_value.map(|entry| entry.key.value.as_str()).collect();
    let suffix = |name: &str| if without_value.contains(name) { "_unset" } else { "" };
    let variables = pairs(node, problems)?.into_iter();
    Some(variables.map(|(name, value)| (format!("{setting}{}.{name}", suffix(&name)), value)).collect())
}

fn hosts(setting: &str, node: &Node, problems: &mut Problems) -> Option<Found> {
    let hosts = Vec::<String>::read(node, problems)?;
    let split = |text: &String| {
        let (host, address) = text.split_once(':').unwrap_or((text, ""));
        (format!("{setting}.{host}"), address.to_owned())
    };
    Some(hosts.iter().map(split).collect())
}

/// References to configs or secrets: where and how the file appears in the container.
///
/// Source: cli: cli/compose/convert/service.go `convertFileObject`.
fn references(setting: &str, node: &Node, problems: &mut Problems) -> Option<Found> {
    let mut found = Vec::new();
    for object in items(node, problems)? {
        let Some(source) = object.get("source") else {
            return refuse(Code::MissingKey, &object.place, "missing field `source`", problems);
        };
        let field = |key: &str, unset: &str| object.get(key).map_or(unset.to_owned(), ToString::to_string);
        let name = field("name", &source.to_string());
        let (target, uid, gid) = (field("target", &source.to_string()), field("uid", "0"), field("gid", "0"));
        let mode = match object.get("mode").map(|mode| &mode.value) {
            Some(Value::Integer(mode)) => *mode,
            _ => 0o444,
        };
        found.push((format!("{setting}.{name}"), reference(&target, &uid, &gid, &format!("{mode:o}"))));
    }
    Some(found)
}

/// Names under which a service is known on its networks, besides its own.
fn aliases(setting: &str, node: &Node, problems: &mut Problems) -> Option<Found> {
    let mut found = Vec::new();
    for entry in entries(node, problems)? {
        let attachment = entry.value.entries().iter().filter(|option| !option.key.value.starts_with("ipv"));
        let attachment = attachment.filter(|option| option.value.value != Value::Seq(Vec::new()));
        let said: Vec<String> = attachment.map(|option| sorted(&option.value).to_string()).collect();
        if !said.is_empty() {
            found.push((format!("{setting}.{}", entry.key.value), said.join(" ")));
        }
    }
    Some(found)
}

/// The entries of a mapping in the order of their names; anything else as it is.
fn sorted(node: &Node) -> Node {
    let mut node = node.clone();
    if let Value::Map(entries) = &mut node.value {
        entries.sort_by(|a, b| a.key.value.cmp(&b.key.value));
    }
    node
}

fn limits(setting: &str, node: &Node, problems: &mut Problems) -> Option<Found> {
    let limit = |limits: &Node, key| limits.get(key).map(ToString::to_string).unwrap_or_default();
    let entries = entries(node, problems)?.iter();
    let limits = entries.map(|entry| {
        let value = format!("{}:{}", limit(&entry.value, "soft"), limit(&entry.value, "hard"));
        (format!("{setting}.{}", entry.key.value), value)
    });
    Some(limits.collect())
}

/// The driver and its options, sorted, as `--log-driver` and `--log-opt` say it.
fn log_driver(setting: &str, node: &Node, problems: &mut Problems) -> Option<Found> {
    entries(node, problems)?;
    let mut words: Vec<String> = node
        .get("options")
        .map_or(&[][..], Node::entries)
        .iter()
        .map(|option| format!("{}={}", option.key.value, option.value))
        .collect();
    words.sort();
    words.insert(0, node.get("driver").map(ToString::to_string).unwrap_or_default());
    Some(one(setting, format!("{words:?}")))
}

/// Mounts as `--mount` says them, by their targets; cluster volumes are refused.
///
/// Source: cli: cli/compose/convert/volume.go `convertVolumeToMount`.
fn mounts(setting: &str, node: &Node, problems: &mut Problems) -> Option<Found> {
    let mut found = Vec::new();
    for mount in items(node, problems)? {
        if let Some(kind) = mount.get("type").filter(|kind| kind.to_string() == "cluster") {
            return refuse(Code::NotSimulated, &kind.place, "cluster volumes are not simulated", problems);
        }
        let mut fields = Vec::new();
        let mut add = |name: &str, path: &[&str]| {
            let value = mount.at(path).filter(|value| !matches!(value.value, Value::Bool(false) | Value::Null));
            fields.extend(
                value.map(ToString::to_string).filter(|value| !value.is_empty()).map(|value| format!("{name}={value}")),
            );
        };
        add("type", &["type"]);
        add("source", &["source"]);
        add("target", &["target"]);
        add("readonly", &["read_only"]);
        add("consistency", &["consistency"]);
        add("bind-propagation", &["bind", "propagation"]);
        add("volume-nocopy", &["volume", "nocopy"]);
        add("volume-subpath", &["volume", "subpath"]);
        add("volume-driver", &["volume", "driver"]);
        add("tmpfs-size", &["tmpfs", "size"]);
        for (option, key) in [("volume-opt", "driver_opts"), ("volume-label", "labels")] {
            let entries = mount.at(&["volume", key]).map_or(&[][..], Node::entries).iter();
            let mut said: Vec<String> =
                entries.map(|entry| format!("{option}={}={}", entry.key.value, entry.value)).collect();
            said.sort();
            fields.append(&mut said);
        }
        let target = mount.get("target").map(ToString::to_string).unwrap_or_default();
        found.push((format!("{setting}.{target}"), joined(fields.into_iter())));
    }
    Some(found)
}

/// Resources that no task is placed by.
///
/// Source: cli: cli/compose/convert/service.go `convertResources`.
fn resources(service: &Node) -> Found {
    let resource = |path: &[&str]| service.at(&["deploy", "resources"]).and_then(|resources| resources.at(path));
    let pids = resource(&["limits", "pids"]).filter(|pids| pids.value != Value::Integer(0));
    let mut found: Found = pids.map(|pids| ("limit_pids".to_owned(), pids.to_string())).into_iter().collect();
    for generic in resource(&["reservations", "generic_resources"]).map_or(&[][..], Node::items) {
        let field = |key| generic.at(&["discrete_resource_spec", key]).map(ToString::to_string).unwrap_or_default();
        found.push((format!("generic_resource.{}", field("kind")), field("value")));
    }
    found
}

/// What is added counts more than what is dropped, and all more than any other.
///
/// Source: cli: opts/capabilities.go `EffectiveCapAddCapDrop`.
fn capabilities(fields: &mut Fields<'_, '_>) -> Settings {
    let mut settings = Settings::new();
    for (key, what) in [("cap_drop", "drop"), ("cap_add", "add")] {
        let names: Vec<String> = fields.read::<Vec<String>>(key).unwrap_or_default();
        let mut names: Vec<String> = names.iter().map(|name| capability(name)).collect();
        if names.iter().any(|name| name == "ALL") {
            names.retain(|name| name == "ALL");
        }
        settings.extend(names.into_iter().map(|name| (format!("cap.{name}"), what.to_owned())));
    }
    settings
}
