//! The flags of `docker service create` and `docker service update`: one table of them all.
//!
//! What is not simulated becomes a setting of the container, keyed as in [`ContainerSpec::settings`], so that a change of
//! it replaces tasks and its repetition does not. Keys: `args`, `entrypoint`, `hostname`, `user`, `working_dir`, `tty`,
//! `read_only`, `init`, `stop_signal`, `isolation`, `credential_spec`, `log_driver`, `limit_pids`, `oom_score_adj`,
//! `memory_swap`, `memory_swappiness`, and by item `env.A`, `env_file.F`, `mount./data`, `secret.S`, `config.C`,
//! `container_label.L`, `group.G`, `dns.IP`, `dns_option.O`, `dns_search.D`, `host.H`, `cap.CAP_C`, `sysctl.S`,
//! `ulimit.U`, `generic_resource.R`.
//!
//! Source: cli: cli/command/service/{opts,create,update}.go.
//!
//! [`ContainerSpec::settings`]: crate::model::service::ContainerSpec::settings

use super::{ports, values};
use crate::model::command::Edit;

/// A flag.
#[derive(Clone, Copy)]
pub(super) struct Flag {
    /// Without the dashes.
    pub(super) name: &'static str,
    /// Its letter.
    pub(super) short: Option<char>,
    /// Which command has it.
    pub(super) on: On,
    /// Whether it is a yes or no: then its value may only stand behind `=`, and is true if there is none.
    pub(super) switch: bool,
    /// What it does.
    pub(super) effect: Effect,
}

/// Which command has a flag.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    /// `docker service create`
    Create,
    /// `docker service update`
    Update,
    /// Both.
    Both,
}

impl On {
    /// Whether a flag of this kind belongs to `command`.
    pub(super) fn includes(self, command: On) -> bool {
        self == On::Both || self == command
    }
}

/// What a flag does.
#[derive(Clone, Copy)]
pub(super) enum Effect {
    /// It is accepted and changes nothing of the service.
    Ignored,
    /// `service.rs` reads it by its name.
    ByName,
    /// Each of its values is edits of the specification.
    Edits(EditsOf),
}

/// The edits that a value stands for, or docker's text that refuses it.
type EditsOf = fn(&str) -> Result<Vec<Edit>, String>;

/// All flags of both commands, in the order in which their edits are made.
pub(super) fn all() -> impl Iterator<Item = Flag> {
    LISTS.iter().flat_map(List::flags).chain(FLAGS.iter().copied())
}

/// A list of which `create` gives items, and `update` adds and removes some.
struct List {
    /// The flags of `create`, of `update` to add, of `update` to remove.
    names: [&'static str; 3],
    short: Option<char>,
    /// Whether docker adds before it removes.
    adds_first: bool,
    add: EditsOf,
    remove: EditsOf,
}

impl List {
    fn flags(&self) -> impl Iterator<Item = Flag> + use<> {
        let [create, add, remove] = self.names;
        let create = Flag { short: self.short, ..edits(create, On::Create, self.add) };
        let add = edits(add, On::Update, self.add);
        let remove = edits(remove, On::Update, self.remove);
        if self.adds_first { [create, add, remove] } else { [create, remove, add] }.into_iter()
    }
}

const ADDS_FIRST: bool = true;
const REMOVES_FIRST: bool = false;

const fn list(names: [&'static str; 3], adds_first: bool, add: EditsOf, remove: EditsOf) -> List {
    List { names, short: None, adds_first, add, remove }
}

const fn list_by_letter(short: char, list: List) -> List {
    List { short: Some(short), ..list }
}

static LISTS: &[List] = &[
    list_by_letter(
        'l',
        list(["label", "label-add", "label-rm"], REMOVES_FIRST, add_label, |key| one(Edit::LabelRm(key.into()))),
    ),
    list(
        ["container-label", "container-label-add", "container-label-rm"],
        REMOVES_FIRST,
        |text| values::label(text).map(|(key, value)| vec![set("container_label", &key, &value)]),
        |key| unset("container_label", key),
    ),
    list_by_letter(
        'e',
        list(
            ["env", "env-add", "env-rm"],
            REMOVES_FIRST,
            |text| values::environment(text).map(|(key, value)| vec![set("env", &key, &value)]),
            |key| unset("env", key),
        ),
    ),
    list(["mount", "mount-add", "mount-rm"], ADDS_FIRST, add_mount, |target| unset("mount", target)),
    list(["sysctl", "sysctl-add", "sysctl-rm"], REMOVES_FIRST, |text| put("sysctl", text), |text| take("sysctl", text)),
    list(["ulimit", "ulimit-add", "ulimit-rm"], REMOVES_FIRST, |text| put("ulimit", text), |text| take("ulimit", text)),
    list(
        ["generic-resource", "generic-resource-add", "generic-resource-rm"],
        ADDS_FIRST,
        |text| put("generic_resource", text),
        |kind| unset("generic_resource", kind),
    ),
    list(
        ["constraint", "constraint-add", "constraint-rm"],
        ADDS_FIRST,
        |text| one(Edit::ConstraintAdd(text.into())),
        |text| one(Edit::ConstraintRm(text.into())),
    ),
    list(
        ["placement-pref", "placement-pref-add", "placement-pref-rm"],
        REMOVES_FIRST,
        |text| one(Edit::PreferenceAdd(values::spread(text)?)),
        |text| one(Edit::PreferenceRm(values::spread(text)?)),
    ),
    list(["network", "network-add", "network-rm"], REMOVES_FIRST, add_network, |name| {
        one(Edit::NetworkRm(name.into()))
    }),
    list(["group", "group-add", "group-rm"], ADDS_FIRST, |item| put("group", item), |item| take("group", item)),
    list_by_letter('p', list(["publish", "publish-add", "publish-rm"], REMOVES_FIRST, add_ports, remove_ports)),
    list(["dns", "dns-add", "dns-rm"], ADDS_FIRST, |item| put("dns", item), |item| take("dns", item)),
    list(
        ["dns-option", "dns-option-add", "dns-option-rm"],
        ADDS_FIRST,
        |item| put("dns_option", item),
        |item| take("dns_option", item),
    ),
    list(
        ["dns-search", "dns-search-add", "dns-search-rm"],
        ADDS_FIRST,
        |item| put("dns_search", item),
        |item| take("dns_search", item),
    ),
    list(["host", "host-add", "host-rm"], REMOVES_FIRST, add_host, remove_host),
    list(
        ["secret", "secret-add", "secret-rm"],
        REMOVES_FIRST,
        |text| reference("secret", text),
        |name| unset("secret", name),
    ),
    list(
        ["config", "config-add", "config-rm"],
        REMOVES_FIRST,
        |text| reference("config", text),
        |name| unset("config", name),
    ),
];

const fn value(name: &'static str, on: On, effect: Effect) -> Flag {
    Flag { name, short: None, on, switch: false, effect }
}

const fn switch(name: &'static str, on: On, effect: Effect) -> Flag {
    Flag { name, short: None, on, switch: true, effect }
}

const fn edits(name: &'static str, on: On, edits: EditsOf) -> Flag {
    value(name, on, Effect::Edits(edits))
}

const fn by_letter(short: char, flag: Flag) -> Flag {
    Flag { short: Some(short), ..flag }
}

/// Whether docker waits for the outcome.
pub(super) const DETACH: Flag = by_letter('d', switch("detach", On::Both, Effect::Ignored));
/// Whether docker shows progress.
pub(super) const QUIET: Flag = by_letter('q', switch("quiet", On::Both, Effect::Ignored));

/// The flags of `docker node update`.
///
/// Source: cli: cli/command/node/update.go.
pub(super) const NODE_UPDATE: [Flag; 4] = [
    value("availability", On::Update, Effect::ByName),
    value("role", On::Update, Effect::ByName),
    value("label-add", On::Update, Effect::ByName),
    value("label-rm", On::Update, Effect::ByName),
];
/// The flags of `docker stack deploy`.
///
/// Source: cli: cli/command/stack/deploy.go.
pub(super) const STACK_DEPLOY: [Flag; 6] = [
    by_letter('c', value("compose-file", On::Update, Effect::ByName)),
    switch("prune", On::Update, Effect::ByName),
    value("resolve-image", On::Update, Effect::ByName),
    switch("with-registry-auth", On::Update, Effect::Ignored),
    DETACH,
    QUIET,
];
/// The flag of `docker node rm`: whether the node need not be down.
pub(super) const NODE_FORCE: Flag = by_letter('f', switch("force", On::Update, Effect::ByName));

/// Flags of `docker swarm init`: the one that counts, and those of a cluster that is begun.
pub(super) const SWARM_INIT: [Flag; 4] = [
    switch("force-new-cluster", On::Update, Effect::ByName),
    value("advertise-addr", On::Update, Effect::Ignored),
    value("listen-addr", On::Update, Effect::Ignored),
    value("data-path-addr", On::Update, Effect::Ignored),
];

static FLAGS: &[Flag] = &[
    DETACH,
    QUIET,
    switch("no-resolve-image", On::Both, Effect::Ignored),
    switch("with-registry-auth", On::Both, Effect::Ignored),
    value("name", On::Create, Effect::ByName),
    value("mode", On::Create, Effect::ByName),
    value("image", On::Update, Effect::ByName),
    switch("force", On::Update, Effect::ByName),
    switch("rollback", On::Update, Effect::ByName),
    value("replicas", On::Both, Effect::ByName),
    value("max-concurrent", On::Both, Effect::ByName),
    value("replicas-max-per-node", On::Both, Effect::ByName),
    value("update-parallelism", On::Both, Effect::ByName),
    value("update-delay", On::Both, Effect::ByName),
    value("update-monitor", On::Both, Effect::ByName),
    value("update-failure-action", On::Both, Effect::ByName),
    value("update-max-failure-ratio", On::Both, Effect::ByName),
    value("update-order", On::Both, Effect::ByName),
    value("rollback-parallelism", On::Both, Effect::ByName),
    value("rollback-delay", On::Both, Effect::ByName),
    value("rollback-monitor", On::Both, Effect::ByName),
    value("rollback-failure-action", On::Both, Effect::ByName),
    value("rollback-max-failure-ratio", On::Both, Effect::ByName),
    value("rollback-order", On::Both, Effect::ByName),
    value("restart-condition", On::Both, Effect::ByName),
    value("restart-delay", On::Both, Effect::ByName),
    value("restart-max-attempts", On::Both, Effect::ByName),
    value("restart-window", On::Both, Effect::ByName),
    value("stop-grace-period", On::Both, Effect::ByName),
    value("health-cmd", On::Both, Effect::ByName),
    value("health-interval", On::Both, Effect::ByName),
    value("health-timeout", On::Both, Effect::ByName),
    value("health-start-period", On::Both, Effect::ByName),
    value("health-start-interval", On::Both, Effect::ByName),
    value("health-retries", On::Both, Effect::ByName),
    switch("no-healthcheck", On::Both, Effect::ByName),
    value("endpoint-mode", On::Both, Effect::ByName),
    value("limit-cpu", On::Both, Effect::ByName),
    value("limit-memory", On::Both, Effect::ByName),
    value("reserve-cpu", On::Both, Effect::ByName),
    value("reserve-memory", On::Both, Effect::ByName),
    value("log-driver", On::Both, Effect::ByName),
    value("log-opt", On::Both, Effect::ByName),
    edits("args", On::Update, |text| values::shell_words(text).map(|words| vec![words_setting("args", &words)])),
    edits("entrypoint", On::Both, |text| {
        values::shell_words(text).map(|words| vec![words_setting("entrypoint", &words)])
    }),
    edits("hostname", On::Both, |text| text_setting("hostname", text)),
    by_letter('u', edits("user", On::Both, |text| text_setting("user", text))),
    by_letter('w', edits("workdir", On::Both, |text| text_setting("working_dir", text))),
    edits("stop-signal", On::Both, |text| text_setting("stop_signal", text)),
    edits("isolation", On::Both, |text| text_setting("isolation", text)),
    edits("credential-spec", On::Both, |text| text_setting("credential_spec", text)),
    edits("env-file", On::Create, |path| one(set("env_file", path, ""))),
    edits("cap-add", On::Both, |name| one(set("cap", &capability(name), "add"))),
    edits("cap-drop", On::Both, |name| one(set("cap", &capability(name), "drop"))),
    edits("limit-pids", On::Both, |text| number_setting("limit_pids", text)),
    edits("oom-score-adj", On::Both, |text| number_setting("oom_score_adj", text)),
    edits("memory-swap", On::Create, |text| text_setting("memory_swap", text)),
    edits("memory-swappiness", On::Create, |text| text_setting("memory_swappiness", text)),
    // This version of docker reads them and forgets them.
    value("memory-swap", On::Update, Effect::Ignored),
    value("memory-swappiness", On::Update, Effect::Ignored),
    by_letter('t', switch("tty", On::Both, Effect::Edits(|text| switch_setting("tty", text)))),
    switch("read-only", On::Both, Effect::Edits(|text| switch_setting("read_only", text))),
    // Unlike the other switches, docker stores this one's `false` too.
    switch("init", On::Both, Effect::Edits(|text| one(setting("init", &values::boolean(text)?.to_string())))),
];

fn one(edit: Edit) -> Result<Vec<Edit>, String> {
    Ok(vec![edit])
}

/// Sets a container setting.
pub(super) fn setting(key: &str, value: &str) -> Edit {
    Edit::Set(key.to_owned(), value.to_owned())
}

/// Sets a container setting that is a list of words; without words it is unset.
pub(super) fn words_setting(key: &str, words: &[String]) -> Edit {
    if words.is_empty() { Edit::Unset(key.to_owned()) } else { setting(key, &format!("{words:?}")) }
}

fn text_setting(key: &str, text: &str) -> Result<Vec<Edit>, String> {
    one(if text.is_empty() { Edit::Unset(key.to_owned()) } else { setting(key, text) })
}

fn number_setting(key: &str, text: &str) -> Result<Vec<Edit>, String> {
    let number = values::int(text)?;
    one(if number == 0 { Edit::Unset(key.to_owned()) } else { setting(key, &number.to_string()) })
}

fn switch_setting(key: &str, text: &str) -> Result<Vec<Edit>, String> {
    one(if values::boolean(text)? { setting(key, "true") } else { Edit::Unset(key.to_owned()) })
}

/// Sets an item of a list.
fn set(list: &str, item: &str, value: &str) -> Edit {
    Edit::Set(format!("{list}.{item}"), value.to_owned())
}

fn unset(list: &str, item: &str) -> Result<Vec<Edit>, String> {
    one(Edit::Unset(format!("{list}.{item}")))
}

/// Sets the item of `item=value`, or the item `item` of a list without values.
fn put(list: &str, text: &str) -> Result<Vec<Edit>, String> {
    let (item, value) = values::key_value(text);
    one(set(list, &item, &value))
}

fn take(list: &str, text: &str) -> Result<Vec<Edit>, String> {
    unset(list, &values::key_value(text).0)
}

fn add_label(text: &str) -> Result<Vec<Edit>, String> {
    let (key, value) = values::label(text)?;
    one(Edit::LabelAdd(key, value))
}

fn add_mount(text: &str) -> Result<Vec<Edit>, String> {
    let target = values::field(text, &["target", "destination", "dst"]).filter(|_| text.contains('='));
    one(set("mount", target.ok_or("target is required")?, &values::mount(text)?))
}

fn add_network(text: &str) -> Result<Vec<Edit>, String> {
    let name = values::field(text, &["name"]).ok_or("network name/id is not specified")?;
    one(Edit::NetworkAdd(name.to_owned()))
}

/// A secret or config, as a name or as `source=NAME,target=PATH,...`.
fn reference(list: &str, text: &str) -> Result<Vec<Edit>, String> {
    let name = values::field(text, &["source", "src"]).ok_or("source is required")?;
    let field = |keys: &[&str]| values::field(text, keys).filter(|_| text.contains('='));
    let target = field(&["target"]).unwrap_or(name);
    let (uid, gid) = (field(&["uid"]).unwrap_or("0"), field(&["gid"]).unwrap_or("0"));
    let mode = field(&["mode"]).unwrap_or("444").trim_start_matches('0');
    one(set(list, name, &values::reference(target, uid, gid, mode)))
}

fn add_ports(text: &str) -> Result<Vec<Edit>, String> {
    Ok(ports::parse(text)?.into_iter().map(Edit::PublishAdd).collect())
}

fn remove_ports(text: &str) -> Result<Vec<Edit>, String> {
    let ports = ports::parse(text)?.into_iter();
    Ok(ports.map(|port| Edit::PublishRm { target: port.target, protocol: port.protocol, mode: port.mode }).collect())
}

/// `HOST:IP`.
fn add_host(text: &str) -> Result<Vec<Edit>, String> {
    let (host, ip) = text.split_once(':').ok_or_else(|| format!("bad format for add-host: {text:?}"))?;
    one(set("host", host, ip))
}

fn remove_host(text: &str) -> Result<Vec<Edit>, String> {
    unset("host", text.split_once(':').map_or(text, |(host, _)| host))
}

/// `NET_ADMIN`, `cap_net_admin` and `CAP_NET_ADMIN` are one.
pub(in crate::scenario) fn capability(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    if upper == "ALL" || upper.starts_with("CAP_") { upper } else { format!("CAP_{upper}") }
}
