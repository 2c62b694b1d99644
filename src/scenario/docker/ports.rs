//! Published ports as flags write them: `8080:80` and `published=8080,target=80,mode=host`.

use crate::model::service::{PortConfig, Protocol, PublishMode};

/// The ports of a `--publish` value.
///
/// # Errors
/// Docker's own text.
///
/// Source: cli: opts/swarmopts/port.go `PortOpt.Set`.
pub(super) fn parse(text: &str) -> Result<Vec<PortConfig>, String> {
    if text.contains('=') { Ok(vec![parse_long(text)?]) } else { Ok(parse_short(text)?.collect()) }
}

fn parse_long(text: &str) -> Result<PortConfig, String> {
    let mut port = PortConfig { target: 0, published: 0, protocol: Protocol::default(), mode: PublishMode::default() };
    for field in text.split(',') {
        let lower = field.to_ascii_lowercase();
        let (key, value) = lower
            .split_once('=')
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| format!("invalid field: {field}"))?;
        match key {
            "protocol" => port.protocol = protocol(value).ok_or_else(|| format!("invalid protocol value '{value}'"))?,
            "mode" => {
                port.mode = match value {
                    "ingress" => PublishMode::Ingress,
                    "host" => PublishMode::Host,
                    _ => {
                        let must = "must be either 'ingress' or 'host'";
                        return Err(format!("invalid publish mode value ({value}): {must}"));
                    }
                }
            }
            "target" => port.target = number(value).map_err(|why| not_an_integer("target", value, why))?,
            "published" => port.published = number(value).map_err(|why| not_an_integer("published", value, why))?,
            _ => return Err(format!("invalid field key: {key}")),
        }
    }
    if port.target == 0 {
        return Err("missing mandatory field 'target'".to_owned());
    }
    Ok(port)
}

fn not_an_integer(name: &str, value: &str, why: &str) -> String {
    format!("invalid {name} port ({value}): value must be an integer: {why}")
}

/// `[published:]target[/protocol]`, both perhaps ranges; always ingress.
///
/// Source: docker/go-connections nat/nat.go `ParsePortSpec`.
pub(in crate::scenario) fn parse_short(text: &str) -> Result<impl ExactSizeIterator<Item = PortConfig>, String> {
    let (text_before, target) = text.rsplit_once(':').unwrap_or(("", text));
    if text_before.contains(':') {
        return Err("hostip is not supported".to_owned());
    }
    let (target, word) = target.split_once('/').unwrap_or((target, "tcp"));
    if target.is_empty() {
        return Err(format!("no port specified: {text}<empty>"));
    }
    let word = if word.is_empty() { "tcp" } else { word };
    let protocol = protocol(&word.to_ascii_lowercase()).ok_or_else(|| format!("invalid proto: {word}"))?;
    let (first, last) = range(target).ok_or_else(|| format!("invalid containerPort: {target}"))?;
    let publishes = !text_before.is_empty();
    let (host_first, host_last) = match publishes {
        true => range(text_before).ok_or_else(|| format!("invalid hostPort: {text_before}"))?,
        false => (0, 0),
    };
    let (targets, hosts) = (last - first, host_last - host_first);
    // A range for one target publishes each of its ports.
    if publishes && targets > 0 && targets != hosts {
        return Err(format!("invalid ranges specified for container and host Ports: {target} and {text_before}"));
    }
    let (step, host_step) = (u16::from(targets > 0), u16::from(publishes));
    Ok((0..usize::from(targets.max(hosts)) + 1).map(move |index| PortConfig {
        target: first + step * index as u16,
        published: host_first + host_step * index as u16,
        protocol,
        mode: PublishMode::Ingress,
    }))
}

/// The address before `published:target`, and the rest.
pub(in crate::scenario) fn split_address(text: &str) -> Option<(&str, &str)> {
    let (before, _) = text.rsplit_once(':')?;
    let (address, _) = before.rsplit_once(':')?;
    Some((address, &text[address.len() + 1..]))
}

fn protocol(word: &str) -> Option<Protocol> {
    Some(match word {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "sctp" => Protocol::Sctp,
        _ => return None,
    })
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    // Unlike those of the long form they may have a sign.
    let number = |text: &str| number(text.strip_prefix('+').unwrap_or(text)).ok();
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

/// A port number, or why it is none.
fn number(text: &str) -> Result<u16, &'static str> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("invalid syntax");
    }
    text.parse().map_err(|_| "value out of range")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(published: u16, target: u16) -> PortConfig {
        PortConfig { target, published, protocol: Protocol::Tcp, mode: PublishMode::Ingress }
    }

    #[test]
    fn short_and_long_syntax_say_the_same() {
        for (text, ports) in [
            ("80", vec![tcp(0, 80)]),
            ("8080:80", vec![tcp(8080, 80)]),
            ("8080:80/udp", vec![PortConfig { protocol: Protocol::Udp, ..tcp(8080, 80) }]),
            ("8080-8081:80-81", vec![tcp(8080, 80), tcp(8081, 81)]),
            ("8080-8081:80", vec![tcp(8080, 80), tcp(8081, 80)]),
            ("80-81", vec![tcp(0, 80), tcp(0, 81)]),
            ("+8080:080", vec![tcp(8080, 80)]),
            ("published=8080,target=80", vec![tcp(8080, 80)]),
            ("target=80", vec![tcp(0, 80)]),
            (
                "TARGET=80,Mode=HOST,protocol=sctp",
                vec![PortConfig { protocol: Protocol::Sctp, mode: PublishMode::Host, ..tcp(0, 80) }],
            ),
        ] {
            assert_eq!(parse(text), Ok(ports), "{text}");
        }
    }

    #[test]
    fn what_docker_refuses_is_refused_with_its_text() {
        for (text, message) in [
            ("127.0.0.1:8080:80", "hostip is not supported"),
            ("8080:", "no port specified: 8080:<empty>"),
            ("8080:x", "invalid containerPort: x"),
            ("x:80", "invalid hostPort: x"),
            ("70000:80", "invalid hostPort: 70000"),
            ("80/icmp", "invalid proto: icmp"),
            ("8080-8085:80-81", "invalid ranges specified for container and host Ports: 80-81 and 8080-8085"),
            ("target=80,protocol=icmp", "invalid protocol value 'icmp'"),
            ("target=80,mode=x", "invalid publish mode value (x): must be either 'ingress' or 'host'"),
            ("target=x", "invalid target port (x): value must be an integer: invalid syntax"),
            (
                "target=80,published=70000",
                "invalid published port (70000): value must be an integer: value out of range",
            ),
            ("target=80,port=1", "invalid field key: port"),
            ("published=80", "missing mandatory field 'target'"),
            ("target=80,x", "invalid field: x"),
        ] {
            assert_eq!(parse(text), Err(message.to_owned()), "{text}");
        }
    }
}
