//! What the flags of `docker service create` and `docker service update` change of a service.

use super::LineError;
use super::action::unsupported;
use super::flags::{self, Effect, On};
use super::grammar::Parsed;
use super::values;
use crate::kernel::Span;
use crate::model::command::{Edit, RestartPolicyChange, SpecChange, UpdateConfigChange};
use crate::model::service::{EndpointMode, FailureAction, HealthCheck, Order, PublishMode, RestartCondition};
use crate::scenario::duration::{parse_go_duration, parse_span};

/// The shortest duration of a health check. Source: manager/controlapi/service.go `validateHealthCheck`.
const SHORTEST_HEALTH: Span = Span::from_millis(1);
/// The least CPU of a task in billionths of a core. Source: manager/controlapi/service.go `validateResources`.
const LEAST_NANO_CPUS: u64 = 1_000_000;
/// The least memory of a task. Source: manager/controlapi/service.go `validateResources`.
const LEAST_MEMORY: u64 = 4 << 20;

/// All that the flags of `command` change, the image excepted.
pub(super) fn change(line: &Parsed, command: On) -> Result<SpecChange, LineError> {
    let mut change = SpecChange {
        image: None,
        replicas: replicas(line)?,
        update: update_config(line, "update")?,
        rollback: update_config(line, "rollback")?,
        restart: restart_policy(line)?,
        force: line.value("force", values::boolean)?.unwrap_or(false),
        // Departs: docker takes a negative period, too.
        stop_grace_period: line.value("stop-grace-period", parse_span)?,
        max_replicas_per_node: line.value("replicas-max-per-node", values::uint)?,
        limit_nano_cpus: cpus(line, "limit-cpu")?,
        limit_memory: memory(line, "limit-memory")?,
        reserve_nano_cpus: cpus(line, "reserve-cpu")?,
        reserve_memory: memory(line, "reserve-memory")?,
        endpoint_mode: endpoint_mode(line, command)?,
        edits: Vec::new(),
    };
    for flag in flags::all().filter(|flag| flag.on.includes(command)) {
        if let Effect::Edits(edits) = flag.effect {
            change.edits.extend(line.values(flag.name, edits)?.into_iter().flatten());
        }
    }
    for constraint in line.words("constraint").into_iter().chain(line.words("constraint-add")) {
        values::check_constraint(&constraint.text).map_err(|why| LineError::at(constraint.columns, why))?;
    }
    for mount in line.words("mount").into_iter().chain(line.words("mount-add")) {
        if values::field(&mount.text, &["type"]) == Some("cluster") {
            return Err(unsupported(LineError::at(mount.columns, "cluster volumes are not simulated")));
        }
    }
    change.edits.extend(log_driver(line)?);
    change.edits.extend(health(line, command)?);
    Ok(change)
}

fn replicas(line: &Parsed) -> Result<Option<u32>, LineError> {
    let Some(count) = line.value("replicas", values::uint)? else { return Ok(None) };
    values::replicas(count).map(Some).map_err(|why| LineError { unsupported: true, ..line.refuse("replicas", why) })
}

/// `--update-*` or `--rollback-*`.
///
/// The manager checks the numbers of the update only (cli-and-compose a.4); in a rollback, what is below zero passes at once.
fn update_config(line: &Parsed, group: &str) -> Result<UpdateConfigChange, LineError> {
    let checked = group == "update";
    let flag = |name: &str| format!("{group}-{name}");
    let max_failure_ratio = line.value(&flag("max-failure-ratio"), values::ratio)?;
    if checked && max_failure_ratio.is_some_and(|ratio| !(0.0..=1.0).contains(&ratio)) {
        let message = "TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1";
        return Err(line.refuse(&flag("max-failure-ratio"), message));
    }
    let unknown_action = |word: &str| format!("unrecognized update failure action {word}");
    let unknown_order = |word: &str| format!("unrecognized update order {word}");
    Ok(UpdateConfigChange {
        parallelism: line.value(&flag("parallelism"), values::uint)?,
        delay: nanos(line, &flag("delay"), checked)?.map(span),
        failure_action: choice(line, &flag("failure-action"), unknown_action, |word| match word {
            "" | "pause" => Some(FailureAction::Pause),
            "continue" => Some(FailureAction::Continue),
            "rollback" => Some(FailureAction::Rollback),
            _ => None,
        })?,
        // Zero is not stored (control-plane A8); what is below zero is.
        monitor: nanos(line, &flag("monitor"), checked)?.map(|nanos| (nanos != 0).then(|| span(nanos))),
        max_failure_ratio,
        order: choice(line, &flag("order"), unknown_order, |word| match word {
            "" | "stop-first" => Some(Order::StopFirst),
            "start-first" => Some(Order::StartFirst),
            _ => None,
        })?,
    })
}

fn restart_policy(line: &Parsed) -> Result<RestartPolicyChange, LineError> {
    let unknown = |word: &str| format!("invalid RestartCondition: {word:?}");
    Ok(RestartPolicyChange {
        condition: choice(line, "restart-condition", unknown, |word| match word {
            "" | "any" => Some(RestartCondition::Any),
            "on-failure" => Some(RestartCondition::OnFailure),
            "none" => Some(RestartCondition::None),
            _ => None,
        })?,
        delay: nanos(line, "restart-delay", true)?.map(span),
        max_attempts: line.value("restart-max-attempts", values::uint)?,
        window: nanos(line, "restart-window", true)?.map(span),
    })
}

/// A duration that the manager, if it checks it, refuses below zero.
fn nanos(line: &Parsed, flag: &str, checked: bool) -> Result<Option<i64>, LineError> {
    let nanos = line.value(flag, parse_go_duration)?;
    if checked && nanos.is_some_and(|nanos| nanos < 0) {
        return Err(line.refuse(flag, format!("TaskSpec: {flag} cannot be negative")));
    }
    Ok(nanos)
}

/// What is below zero is no time at all.
fn span(nanos: i64) -> Span {
    Span::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

/// One of the words that `read` knows.
fn choice<T>(
    line: &Parsed,
    flag: &str,
    refusal: impl Fn(&str) -> String,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, LineError> {
    let Some(word) = line.word(flag) else { return Ok(None) };
    read(&word.text).map(Some).ok_or_else(|| LineError::at(word.columns, refusal(&word.text)))
}

/// `create` takes the words in any case, `update` does not.
fn endpoint_mode(line: &Parsed, command: On) -> Result<Option<EndpointMode>, LineError> {
    let unknown = |word: &str| format!("invalid resolution mode: {word:?}");
    let is = |word: &str, mode: &str| word == mode || command == On::Create && word.eq_ignore_ascii_case(mode);
    choice(line, "endpoint-mode", unknown, |word| match word {
        _ if word.is_empty() || is(word, "vip") => Some(EndpointMode::Vip),
        _ if is(word, "dnsrr") => Some(EndpointMode::DnsRoundRobin),
        _ => None,
    })
}

fn cpus(line: &Parsed, flag: &str) -> Result<Option<u64>, LineError> {
    let nanos = line.value(flag, values::cpus)?;
    if let Some(nanos) = nanos.filter(|nanos| *nanos != 0 && *nanos < LEAST_NANO_CPUS) {
        let message = format!("invalid cpu value {}: Must be at least 0.001", nanos as f64 / 1e9);
        return Err(line.refuse(flag, message));
    }
    Ok(nanos)
}

fn memory(line: &Parsed, flag: &str) -> Result<Option<u64>, LineError> {
    let bytes = line.value(flag, values::memory)?;
    if let Some(bytes) = bytes.filter(|bytes| *bytes != 0 && *bytes < LEAST_MEMORY) {
        return Err(line.refuse(flag, format!("invalid memory value {bytes}: Must be at least 4MiB")));
    }
    Ok(bytes)
}

/// A driver replaces the old one with all its options; options without a driver do nothing.
///
/// Source: cli: cli/command/service/update.go `updateLogDriver`.
fn log_driver(line: &Parsed) -> Result<Option<Edit>, LineError> {
    let mut options = line.values("log-opt", values::environment)?;
    options.sort();
    let driver = line.word("log-driver").filter(|driver| !driver.text.is_empty());
    Ok(driver.map(|driver| {
        let options = options.iter().map(|(key, value)| format!("{key}={value}"));
        flags::words_setting("log_driver", &std::iter::once(driver.text).chain(options).collect::<Vec<_>>())
    }))
}

/// `--health-*` and `--no-healthcheck`.
///
/// Source: cli: cli/command/service/opts.go `toHealthConfig`, update.go `updateHealthcheck`.
fn health(line: &Parsed, command: On) -> Result<Option<Edit>, LineError> {
    let create = command == On::Create;
    // `create` cannot tell an empty value from none.
    let cmd = line.word("health-cmd").filter(|cmd| !create || !cmd.text.is_empty());
    let check = HealthCheck {
        test: cmd.map_or_else(Vec::new, |cmd| vec!["CMD-SHELL".to_owned(), cmd.text]),
        interval: health_span(line, "health-interval", "Interval")?,
        timeout: health_span(line, "health-timeout", "Timeout")?,
        start_period: health_span(line, "health-start-period", "StartPeriod")?,
        // `update` reads it and forgets it (cli-and-compose a.2).
        start_interval: health_span(line, "health-start-interval", "StartInterval")?.filter(|_| create),
        retries: retries(line)?.filter(|retries| !create || *retries != 0),
    };
    let given = check != HealthCheck::default();
    let none = line.value("no-healthcheck", values::boolean)?;
    match none {
        Some(true) if given => Err(line.refuse("no-healthcheck", "--no-healthcheck conflicts with --health-* options")),
        Some(true) => Ok(Some(Edit::NoHealthcheck)),
        // `update --no-healthcheck=false` ends an earlier `--no-healthcheck`.
        Some(false) if !create => Ok(Some(Edit::Health(check))),
        _ => Ok(given.then_some(Edit::Health(check))),
    }
}

fn health_span(line: &Parsed, flag: &str, field: &str) -> Result<Option<Span>, LineError> {
    let span = line.value(flag, parse_span)?;
    if span.is_some_and(|span| !span.is_zero() && span < SHORTEST_HEALTH) {
        let message = format!("ContainerSpec: {field} in HealthConfig cannot be less than 1ms");
        return Err(line.refuse(flag, message));
    }
    Ok(span)
}

fn retries(line: &Parsed) -> Result<Option<u32>, LineError> {
    let Some(retries) = line.value("health-retries", values::int)? else { return Ok(None) };
    if retries < 0 {
        return Err(line.refuse("health-retries", "ContainerSpec: Retries in HealthConfig cannot be negative"));
    }
    Ok(Some(u32::try_from(retries).unwrap_or(u32::MAX)))
}

/// What `create` refuses of the ports and the endpoint mode together.
///
/// Source: manager/controlapi/service.go `validateEndpointSpec`.
pub(super) fn check_endpoint(line: &Parsed, change: &SpecChange) -> Result<(), LineError> {
    let mut published = Vec::new();
    for edit in &change.edits {
        let Edit::PublishAdd(port) = edit else { continue };
        if port.mode == PublishMode::Ingress && change.endpoint_mode == Some(EndpointMode::DnsRoundRobin) {
            let message = "EndpointSpec: port published with ingress mode can't be used with dnsrr mode";
            return Err(line.refuse("endpoint-mode", message));
        }
        if port.published != 0 && published.contains(&(port.published, port.protocol)) {
            return Err(line.refuse("publish", "EndpointSpec: duplicate published ports provided"));
        }
        published.push((port.published, port.protocol));
    }
    Ok(())
}

/// The fields of a scenario that the flags of the line set, as paths in a service: `deploy.update_config.monitor`.
pub(super) fn paths(line: &Parsed) -> Vec<String> {
    let flags = flags::all().filter(|flag| matches!(flag.effect, Effect::ByName) && line.has(flag.name));
    flags.filter_map(|flag| path(flag.name)).collect()
}

fn path(flag: &str) -> Option<String> {
    let groups = [
        ("update-", "deploy.update_config."),
        ("rollback-", "deploy.rollback_config."),
        ("restart-", "deploy.restart_policy."),
        ("health-", "healthcheck."),
    ];
    match flag {
        "replicas" => Some("deploy.replicas".to_owned()),
        "health-cmd" => Some("healthcheck.test".to_owned()),
        "no-healthcheck" => Some("healthcheck.disable".to_owned()),
        "stop-grace-period" => Some("stop_grace_period".to_owned()),
        _ => groups.iter().find_map(|(prefix, section)| {
            flag.strip_prefix(prefix).map(|field| format!("{section}{}", field.replace('-', "_")))
        }),
    }
}
