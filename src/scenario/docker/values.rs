//! Reads the values of flags, and refuses them, as docker does.

use std::num::IntErrorKind;

/// `--force`, `--force=false`. Source: Go's strconv `ParseBool`.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

/// A number that is not negative, in decimal or with Go's prefixes (`0x`, `0o`, `0b`, `0`). Source: Go's strconv
/// `ParseUint` with base 0.
///
/// Departs: 32 bits instead of 64; more tasks than that are beyond us.
pub(super) fn uint(text: &str) -> Result<u32, String> {
    let (radix, digits) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &text[2..]),
        [b'0', b'o' | b'O', ..] => (8, &text[2..]),
        [b'0', b'b' | b'B', ..] => (2, &text[2..]),
        [b'0', _, ..] => (8, &text[1..]),
        _ => (10, text),
    };
    unsigned(text, digits, radix)
}

/// Most replicas of a service: far more than anybody runs, and still within the memory of one machine.
const MOST_REPLICAS: u32 = 100_000;

/// The number of replicas, or why it is not simulated.
pub(in crate::scenario) fn replicas(count: u32) -> Result<u32, String> {
    let too_many = || format!("more than {MOST_REPLICAS} replicas are not simulated");
    if count > MOST_REPLICAS { Err(too_many()) } else { Ok(count) }
}

/// A decimal number that is not negative. Source: Go's strconv `ParseUint` with base 10.
pub(super) fn decimal(text: &str) -> Result<u32, String> {
    unsigned(text, text, 10)
}

fn unsigned(text: &str, digits: &str, radix: u32) -> Result<u32, String> {
    let parsed = if digits.starts_with('+') { None } else { Some(u32::from_str_radix(digits, radix)) };
    match parsed {
        Some(Ok(number)) => Ok(number),
        Some(Err(error)) if *error.kind() == IntErrorKind::PosOverflow => {
            Err(format!("strconv.ParseUint: parsing {text:?}: value out of range"))
        }
        _ => Err(format!("strconv.ParseUint: parsing {text:?}: invalid syntax")),
    }
}

/// A decimal number. Source: Go's strconv `ParseInt`.
pub(super) fn int(text: &str) -> Result<i64, String> {
    text.parse::<i64>().map_err(|error| {
        let why = match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("strconv.ParseInt: parsing {text:?}: {why}")
    })
}

/// A 32-bit number with a fraction, which is how Swarm keeps a ratio. Source: Go's strconv `ParseFloat`.
///
/// Departs: `NaN`, which docker takes and which compares with nothing, is refused.
pub(super) fn ratio(text: &str) -> Result<f32, String> {
    let parsed: Option<f32> = text.parse().ok();
    parsed
        .filter(|ratio| !ratio.is_nan())
        .ok_or_else(|| format!("strconv.ParseFloat: parsing {text:?}: invalid syntax"))
}

/// Billionths of a core: `0.5`, `2`, `1/2`, `5e-1`. Source: cli: opts/opts.go `ParseCPUs`; Go: math/big/ratconv.go `SetString`.
///
/// Departs: what is below zero, which the manager refuses, hexadecimal and binary numbers, and `_` between digits are refused.
pub(in crate::scenario) fn cpus(text: &str) -> Result<u64, String> {
    let invalid = || format!("failed to parse {text} as a rational number");
    let parts = nano_fraction(text.strip_prefix('+').unwrap_or(text));
    let (nanos, divisor) = parts.filter(|(_, divisor)| *divisor > 0).ok_or_else(invalid)?;
    if !nanos.is_multiple_of(divisor) {
        return Err("value is too precise".to_owned());
    }
    u64::try_from(nanos / divisor).map_err(|_| invalid())
}

/// Dividend and divisor of the billionfold of a number.
fn nano_fraction(text: &str) -> Option<(u128, u128)> {
    let digits = |text: &str| text.parse::<u128>().ok().filter(|_| !text.starts_with('+'));
    if let Some((dividend, divisor)) = text.split_once('/') {
        return Some((digits(dividend)?.checked_mul(1_000_000_000)?, digits(divisor)?));
    }
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let shift = exponent.parse::<i32>().ok()?.checked_add(9)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let power = 10u128.checked_pow(shift.unsigned_abs())?;
    let number = digits(&format!("{whole}{fraction}"))?;
    if shift < 0 { Some((number, power)) } else { Some((number.checked_mul(power)?, 1)) }
}

/// Bytes: `75m`, `1.5GiB`, `4194304`; units are powers of 1,024. Source: docker/go-units size.go `RAMInBytes`.
pub(in crate::scenario) fn memory(text: &str) -> Result<u64, String> {
    let last = text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ');
    let (number, suffix) = text.split_at(last.ok_or_else(|| format!("invalid size: '{text}'"))? + 1);
    let number = number.strip_suffix(' ').unwrap_or(number);
    let refuse = |why: &str| format!("strconv.ParseFloat: parsing {number:?}: {why}");
    let size: f64 = without_separators(number).parse().map_err(|_| refuse("invalid syntax"))?;
    if size.is_infinite() {
        return Err(refuse("value out of range"));
    }
    if size < 0.0 {
        return Err(format!("invalid size: '{text}'"));
    }
    let suffix = suffix.to_ascii_lowercase();
    let shift =
        match suffix.strip_suffix("ib").filter(|unit| !unit.is_empty()).or(suffix.strip_suffix('b')).unwrap_or(&suffix)
        {
            "" => 0,
            "k" => 10,
            "m" => 20,
            "g" => 30,
            "t" => 40,
            "p" => 50,
            _ => return Err(format!("invalid suffix: '{suffix}'")),
        };
    Ok((size * (1u64 << shift) as f64) as u64)
}

/// A number without the underscores that separate its digits.
fn without_separators(number: &str) -> String {
    let is_digit = |part: Option<char>| part.is_some_and(|c| c.is_ascii_digit());
    let parts: Vec<&str> = number.split('_').collect();
    let separate = parts.windows(2).all(|two| is_digit(two[0].chars().next_back()) && is_digit(two[1].chars().next()));
    if separate { parts.concat() } else { number.to_owned() }
}

/// The words of a command. Nearly as in a shell: a backslash between double quotes takes its meaning away from any character.
///
/// Source: google/shlex shlex.go.
pub(in crate::scenario) fn shell_words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, ' ' | '\t' | '\r' | '\n') => words.extend(word.take()),
            (None, '#') if word.is_none() => _ = chars.find(|c| *c == '\n'),
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => {
                let escaped = chars.next().ok_or("EOF found after escape character")?;
                word.get_or_insert_default().push(escaped);
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("EOF found when expecting closing quote".to_owned());
    }
    words.extend(word);
    Ok(words)
}

/// How a config or secret appears in a container; the mode is octal.
pub(in crate::scenario) fn reference(target: &str, uid: &str, gid: &str, mode: &str) -> String {
    let fields = [("target", target), ("uid", uid), ("gid", gid), ("mode", mode)];
    joined(fields.into_iter().map(|(name, value)| format!("{name}={value}")))
}

/// The node property of `spread=node.labels.zone`. Source: cli: cli/command/service/opts.go `placementPrefOpts`.
pub(super) fn spread(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        None | Some(("", _)) => Err(r#"placement preference must be of the format "<strategy>=<arg>""#.to_owned()),
        Some(("spread", descriptor)) => Ok(descriptor.to_owned()),
        Some((strategy, _)) => Err(format!("unsupported placement preference {strategy} (only spread is supported)")),
    }
}

/// Key and value of a label. Source: cli: opts/opts.go `ValidateLabel`.
pub(super) fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = key_value(text);
    if key.trim_start().is_empty() {
        return Err(format!("invalid label '{text}': empty name"));
    }
    if key.trim_start().contains(char::is_whitespace) {
        return Err(format!("label '{key}' contains whitespaces"));
    }
    Ok((key, value))
}

/// Name and value of an environment variable. Source: cli: opts/env.go `ValidateEnv`.
///
/// Departs: a name alone has no value; docker takes it from its own environment.
pub(super) fn environment(text: &str) -> Result<(String, String), String> {
    let (key, value) = key_value(text);
    if key.is_empty() { Err(format!("invalid environment variable: {text}")) } else { Ok((key, value)) }
}

/// What stands before and after the first `=`.
pub(super) fn key_value(text: &str) -> (String, String) {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    (key.to_owned(), value.to_owned())
}

/// The field with one of the names `keys` of `key=value,key=value`; the whole text if it has no fields.
pub(super) fn field<'a>(text: &'a str, keys: &[&str]) -> Option<&'a str> {
    if !text.contains('=') {
        return Some(text);
    }
    let fields = text.split(',').filter_map(|field| field.split_once('='));
    fields
        .filter(|(key, _)| keys.contains(&key.trim().to_ascii_lowercase().as_str()))
        .map(|(_, value)| value.trim())
        .next_back()
}

/// Options of a mount by the names that a scenario's mounts have, in their order.
const MOUNT_OPTIONS: [&str; 12] = [
    "type",
    "source",
    "target",
    "readonly",
    "consistency",
    "bind-propagation",
    "volume-nocopy",
    "volume-subpath",
    "volume-driver",
    "tmpfs-size",
    "volume-opt",
    "volume-label",
];

/// A mount as a scenario's own says it, however its options are named and ordered.
///
/// Source: cli: opts/mount.go `(*MountOpt).Set`.
pub(super) fn mount(text: &str) -> Result<String, String> {
    let mut options: Vec<(usize, String)> = Vec::new();
    for field in fields(text.trim()) {
        let (key, value) = field.split_once('=').unwrap_or((&field, "true"));
        let key = key.to_ascii_lowercase();
        let name = match key.as_str() {
            "src" => "source",
            "dst" | "destination" => "target",
            "ro" => "readonly",
            name => name,
        };
        let value = match (name, value) {
            ("readonly" | "volume-nocopy", "0" | "false") => continue,
            ("readonly" | "volume-nocopy", "1" | "true") => "true".to_owned(),
            ("type" | "consistency" | "bind-propagation", word) => word.to_ascii_lowercase(),
            ("tmpfs-size", size) => memory(size).map_err(|_| format!("invalid value for {key}: {size}"))?.to_string(),
            (_, value) => value.to_owned(),
        };
        let place = MOUNT_OPTIONS.iter().position(|option| *option == name).unwrap_or(MOUNT_OPTIONS.len());
        options.push((place, format!("{name}={value}")));
    }
    if options.iter().all(|(place, _)| *place != 0) {
        options.push((0, "type=volume".to_owned()));
    }
    options.sort();
    Ok(joined(options.into_iter().map(|(_, option)| option)))
}

/// What stands between the commas; a field between quotes may have commas itself.
fn fields(text: &str) -> Vec<String> {
    let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let record = reader.into_records().next().and_then(Result::ok).unwrap_or_default();
    record.iter().map(str::to_owned).collect()
}

/// Fields with commas between them; one with a comma itself stands between quotes.
pub(in crate::scenario) fn joined(fields: impl Iterator<Item = String>) -> String {
    let quoted = |field: String| match field.contains([',', '"', '\n']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field,
    };
    fields.map(quoted).collect::<Vec<String>>().join(",")
}

/// Whether a reference names an image. Source: manager/controlapi/service.go `validateContainerSpec`, which leaves the
/// grammar to distribution/reference.
pub(in crate::scenario) fn check_image(reference: &str) -> Result<(), String> {
    if reference.is_empty() {
        return Err("ContainerSpec: image reference must be provided".to_owned());
    }
    let (name, digest) = reference.split_once('@').unwrap_or((reference, "sha256:"));
    let (name, tag) = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (name, "latest"),
    };
    // The first part of several may be a host.
    let is_host =
        |host: &str| host.contains(|c: char| ".:".contains(c) || c.is_ascii_uppercase()) || host == "localhost";
    let path = name.split_once('/').filter(|(host, _)| is_host(host)).map_or(name, |(_, path)| path);
    let is_part = |part: &str| {
        let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        between(part, word) && part.bytes().all(|byte| word(byte) || b"._-".contains(&byte))
    };
    let is_tag = !tag.is_empty()
        && tag.len() <= 128
        && !tag.starts_with(['.', '-'])
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if path.split('/').all(is_part) && is_tag && digest.contains(':') {
        Ok(())
    } else {
        Err(format!("ContainerSpec: {reference:?} is not a valid repository/tag"))
    }
}

/// Whether a text is a constraint: `node.labels.zone==a`. Source: manager/constraint/constraint.go `Parse`.
pub(in crate::scenario) fn check_constraint(text: &str) -> Result<(), String> {
    let Some((key, value)) = text.split_once("==").or_else(|| text.split_once("!=")) else {
        return Err("constraint expected one operator from ==, !=".to_owned());
    };
    let (key, value) = (key.trim(), value.trim());
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    if key.len() < 2
        || !key.starts_with(starts)
        || !key.chars().all(|c| starts(c) || c.is_ascii_digit() || "-.".contains(c))
    {
        return Err(format!("key '{key}' is invalid"));
    }
    let in_value = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || ":-_.*()?+[]\\^$|/".contains(c);
    if value.is_empty() || !value.chars().all(in_value) {
        return Err(format!("value '{value}' is invalid"));
    }
    Ok(())
}

/// Longest name of a service. Source: manager/controlapi/common.go `validateAnnotations`.
pub(in crate::scenario) const LONGEST_NAME: usize = 63;

/// Whether a service may have this name. Source: manager/controlapi/common.go `validateAnnotations`.
pub(in crate::scenario) fn check_service_name(name: &str) -> Result<(), String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if !between(name, |byte| byte.is_ascii_alphanumeric()) || !name.bytes().all(is_name) {
        return Err("name must be valid as a DNS name component".to_owned());
    }
    if name.len() > LONGEST_NAME {
        return Err("name must be 63 characters or fewer".to_owned());
    }
    Ok(())
}

/// Whether the first and the last byte are what they should be; an empty text has none.
fn between(text: &str, is_end: impl Fn(u8) -> bool) -> bool {
    text.bytes().next().is_some_and(&is_end) && text.bytes().last().is_some_and(is_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, number) in [("0", 0), ("10", 10), ("0x10", 16), ("010", 8), ("0o10", 8), ("0b10", 2)] {
            assert_eq!(uint(text), Ok(number), "{text}");
        }
        for text in ["", "x", "-1", "+1", "1.5", "0x", "08"] {
            assert_eq!(uint(text), Err(format!("strconv.ParseUint: parsing {text:?}: invalid syntax")), "{text}");
        }
        assert_eq!(
            uint("4294967296"),
            Err(r#"strconv.ParseUint: parsing "4294967296": value out of range"#.to_owned())
        );
        assert_eq!(decimal("010"), Ok(10));
        assert_eq!(int("-3"), Ok(-3));
        assert_eq!(int("x"), Err(r#"strconv.ParseInt: parsing "x": invalid syntax"#.to_owned()));
        assert_eq!(boolean("T"), Ok(true));
        assert_eq!(boolean("no"), Err(r#"strconv.ParseBool: parsing "no": invalid syntax"#.to_owned()));
    }

    #[test]
    fn ratios_may_lie_outside_0_to_1_but_are_numbers() {
        assert_eq!(ratio("0.2"), Ok(0.2));
        assert_eq!(ratio("-1"), Ok(-1.0));
        for text in ["x", "NaN", ""] {
            assert_eq!(ratio(text), Err(format!("strconv.ParseFloat: parsing {text:?}: invalid syntax")));
        }
    }

    #[test]
    fn a_command_is_split_as_docker_does() {
        for (text, words) in [
            (r#"sh -c "printf 'a\n' \$x""#, &["sh", "-c", "printf 'an' $x"][..]),
            (r"a\ b 'c\d' '' e#f # g", &["a b", r"c\d", "", "e#f"]),
            ("# a\nb\r\nc", &["b", "c"]),
        ] {
            assert_eq!(
                shell_words(text).as_deref(),
                Ok(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()[..])
            );
        }
        assert_eq!(shell_words("a 'b"), Err("EOF found when expecting closing quote".to_owned()));
        assert_eq!(shell_words(r"a \"), Err("EOF found after escape character".to_owned()));
    }

    #[test]
    fn cpus_are_exact() {
        for (text, nanos) in [
            ("2", 2_000_000_000),
            ("0.5", 500_000_000),
            (".1", 100_000_000),
            ("+1.", 1_000_000_000),
            ("1.0000000010", 1_000_000_001),
            ("1/2", 500_000_000),
            ("1e1", 10_000_000_000),
            ("5E-1", 500_000_000),
        ] {
            assert_eq!(cpus(text), Ok(nanos), "{text}");
        }
        for text in ["", ".", "x", "-1", "++1", "1.x", "1/0", "1/", "/2", "1e", "1e400", "99999999999"] {
            assert_eq!(cpus(text), Err(format!("failed to parse {text} as a rational number")));
        }
        for text in ["0.1234567891", "1/3", "1e-10"] {
            assert_eq!(cpus(text), Err("value is too precise".to_owned()), "{text}");
        }
    }

    #[test]
    fn memory_has_units_of_1024() {
        for (text, bytes) in [
            ("4194304", 4 << 20),
            ("75m", 75 << 20),
            ("75MB", 75 << 20),
            ("75 MiB", 75 << 20),
            ("1.5g", 3 << 29),
            ("1k", 1 << 10),
            ("12b", 12),
        ] {
            assert_eq!(memory(text), Ok(bytes), "{text}");
        }
        for (text, message) in [
            ("", "invalid size: ''"),
            ("m", "invalid size: 'm'"),
            ("-1m", "invalid size: '-1m'"),
            ("1x", "invalid suffix: 'x'"),
            ("1ib", "invalid suffix: 'ib'"),
            ("1kibi", "invalid suffix: 'kibi'"),
            ("x1", r#"strconv.ParseFloat: parsing "x1": invalid syntax"#),
        ] {
            assert_eq!(memory(text), Err(message.to_owned()), "{text}");
        }
    }

    #[test]
    fn preferences_spread() {
        assert_eq!(spread("spread=node.labels.zone"), Ok("node.labels.zone".to_owned()));
        let format = r#"placement preference must be of the format "<strategy>=<arg>""#;
        assert_eq!(spread("node.labels.zone"), Err(format.to_owned()));
        let strategy = "unsupported placement preference pack (only spread is supported)";
        assert_eq!(spread("pack=node.labels.zone"), Err(strategy.to_owned()));
    }

    #[test]
    fn labels_and_variables_have_names() {
        assert_eq!(label("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(label("=x"), Err("invalid label '=x': empty name".to_owned()));
        assert_eq!(label("a b=x"), Err("label 'a b' contains whitespaces".to_owned()));
        assert_eq!(environment("A"), Ok(("A".to_owned(), String::new())));
        assert_eq!(environment("=x"), Err("invalid environment variable: =x".to_owned()));
    }

    #[test]
    fn fields_are_found_by_any_of_their_names() {
        let keys = ["target", "dst"];
        assert_eq!(field("type=bind,source=/a,DST=/b", &keys), Some("/b"));
        assert_eq!(field("type=bind,source=/a", &keys), None);
        assert_eq!(field("/b", &keys), Some("/b"));
    }

    #[test]
    fn a_mount_is_the_same_however_it_is_written() {
        for (text, same) in [
            ("src=v,dst=/v", "type=volume,source=v,target=/v"),
            ("target=/c,ro,type=BIND,source=/h", "type=bind,source=/h,target=/c,readonly=true"),
            ("destination=/c,readonly=0", "type=volume,target=/c"),
            (
                "type=tmpfs,tmpfs-size=1m,dst=/t,tmpfs-mode=700",
                "type=tmpfs,target=/t,tmpfs-size=1048576,tmpfs-mode=700",
            ),
        ] {
            assert_eq!(mount(text).as_deref(), Ok(same));
        }
        assert_eq!(mount("dst=/t,tmpfs-size=x"), Err("invalid value for tmpfs-size: x".to_owned()));
    }

    #[test]
    fn image_references_are_lower_case_with_a_tag() {
        for image in [
            "app",
            "app:1",
            "app:v1.2_x-y",
            "library/app",
            "Host.example:5000/team/app:2",
            "app@sha256:ab",
            "localhost/a",
            "Team/app",
        ] {
            assert_eq!(check_image(image), Ok(()), "{image}");
        }
        for image in ["App", "app:", "app: 1", "app:-x", "a//b", "-a", "app@x", "team/App:1", "team/Sub/app"] {
            let message = format!("ContainerSpec: {image:?} is not a valid repository/tag");
            assert_eq!(check_image(image), Err(message), "{image}");
        }
        assert_eq!(check_image(""), Err("ContainerSpec: image reference must be provided".to_owned()));
    }

    #[test]
    fn constraints_have_a_key_an_operator_and_a_value() {
        for text in ["node.role==worker", "node.labels.zone != a", "node.ip==10.0.0.0/8", "engine.labels.x==a b"] {
            assert_eq!(check_constraint(text), Ok(()), "{text}");
        }
        for (text, message) in [
            ("node.role=worker", "constraint expected one operator from ==, !="),
            ("==a", "key '' is invalid"),
            ("node role==a", "key 'node role' is invalid"),
            ("node.role==", "value '' is invalid"),
            ("node.role==<a", "value '<a' is invalid"),
        ] {
            assert_eq!(check_constraint(text), Err(message.to_owned()), "{text}");
        }
    }

    #[test]
    fn service_names_are_dns_components() {
        for name in ["web", "dc_worker", "a-b-1", "W"] {
            assert_eq!(check_service_name(name), Ok(()), "{name}");
        }
        for name in ["", "-web", "web_", "a.b", "a b"] {
            assert_eq!(
                check_service_name(name),
                Err("name must be valid as a DNS name component".to_owned()),
                "{name}"
            );
        }
        assert_eq!(check_service_name(&"a".repeat(64)), Err("name must be 63 characters or fewer".to_owned()));
    }

    #[test]
    fn sizes_are_read_as_docker_reads_them() {
        let cases: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/compose/sizes.json")).expect("cases");
        for case in cases.as_array().expect("cases") {
            let expected = match case["error"].as_str() {
                Some(error) => Err(error.to_owned()),
                None => Ok(case["bytes"].as_u64().expect("bytes")),
            };
            assert_eq!(memory(case["in"].as_str().expect("a text")), expected, "{case}");
        }
    }
}
