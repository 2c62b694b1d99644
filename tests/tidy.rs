//! Reads the sources and holds them to what no compiler checks: who may import whom, lengths, words, licences.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest file, in lines.
const FILE_LINES: usize = 600;
/// Longest function, in lines.
const FUNCTION_LINES: usize = 70;
/// Widest line of a comment, in characters; code is what rustfmt makes of it.
const COMMENT_WIDTH: usize = 132;

/// What each module of the crate may import of the others; a longer path allows only what lies below it. `cli` may all.
const IMPORTS: [(&str, &[&str]); 15] = [
    ("diag", &[]),
    ("kernel", &[]),
    ("model", &["kernel"]),
    ("manager", &["kernel", "model"]),
    ("agent", &["kernel", "model"]),
    ("network", &["kernel", "model"]),
    ("traffic", &["kernel", "model"]),
    ("observe", &["kernel", "model"]),
    ("sim", &["kernel", "model", "manager", "agent", "network", "traffic", "observe"]),
    ("metrics", &["kernel", "model", "observe", "sim::Plan", "sim::plan"]),
    ("check", &["kernel", "model", "observe", "sim::Plan", "sim::plan"]),
    ("scenario", &["kernel", "model", "diag", "sim::Plan", "sim::plan", "metrics::path", "metrics::summary"]),
    ("experiment", &["kernel", "model", "observe", "sim", "check", "metrics", "scenario"]),
    ("report", &["diag", "kernel", "model", "observe", "sim::Plan", "sim::plan", "metrics", "experiment"]),
    ("cli", &[""]),
];

/// What may stand nowhere in src, or only in one module of it, and why.
const BANNED: [(&[&str], Option<&str>, &str); 5] = [
    (
        &["Instant::now", "SystemTime", "rand::rng", "thread_rng"],
        Some("cli"),
        "a run knows no clock and no other chance",
    ),
    (&["HashMap", "HashSet"], None, "their order is chance: use BTreeMap or IdVec"),
    (
        &["static mut", "thread_local!", "Cell<", "Mutex", "RwLock", "OnceLock", "LazyLock", "Atomic"],
        None,
        "runs share nothing",
    ),
    (
        &[
            ".ln()", ".log(", ".log2()", ".log10()", ".exp()", ".exp2()", ".powf(", ".powi(", ".sqrt()", ".cbrt()",
            ".sin()", ".cos()",
        ],
        None,
        "platforms differ: use libm",
    ),
    (&["println!", "eprintln!", "print!", "eprint!"], Some("cli"), "only cli touches the terminal"),
];

/// What may not stand in tests either. Written in two parts, or this file would break its own rule.
const BANNED_EVERYWHERE: [(&str, &str); 3] = [("#[", "ignore"), ("todo", "!("), ("unimplemented", "!(")];

/// Licences that let everybody do everything.
const PERMISSIVE: [&str; 10] = [
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

struct Source {
    /// Path below the root of the repository.
    path: String,
    text: String,
}

impl Source {
    /// Module of the crate that the file belongs to: the first part of its path below src.
    fn module(&self) -> Option<&str> {
        let path = self.path.strip_prefix("src/")?;
        path.split('/').next().map(|first| first.trim_end_matches(".rs"))
    }

    /// Lines with their numbers, comments left out.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    walk(&root.join(folder), &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "{folder} has no sources");
    let source = |path: PathBuf| {
        let below = path.strip_prefix(root).expect("below the root").components();
        let names: Vec<_> = below.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
        Source { path: names.join("/"), text: fs::read_to_string(&path).expect("sources are text") }
    };
    paths.into_iter().map(source).collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() && !path.ends_with("target") {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Fails with all findings at once.
fn none(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

/// Paths below `crate::` that a line names: `metrics::path` of `use crate::metrics::path::Kind`.
fn crate_paths(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::").skip(1).map(|rest| {
        let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        rest.split(|c| !is_path(c)).next().unwrap_or_default().trim_end_matches(':')
    })
}

#[test]
fn modules_import_only_what_lies_below_them() {
    let mut findings = Vec::new();
    for source in sources("src") {
        let module = source.module().unwrap_or_default();
        if module == "lib" || module == "main" {
            continue;
        }
        let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == module) else {
            findings.push(format!("{}: nobody has said what `{module}` may import", source.path));
            continue;
        };
        for (number, line) in source.code() {
            let is_allowed = |path: &&str| {
                let own = path.split("::").next() == Some(module);
                let below = |allowed: &&str| {
                    path.strip_prefix(allowed).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
                };
                own || allowed.iter().any(|allowed| allowed.is_empty() || below(allowed))
            };
            let wrong = crate_paths(line).filter(|path| path != &"ids" && !is_allowed(path));
            findings.extend(wrong.map(|path| format!("{}:{number}: {module} may not import {path}", source.path)));
        }
    }
    none(&findings);
}

#[test]
fn comments_are_no_wider_than_a_screen() {
    let mut findings = Vec::new();
    for source in sources("src").iter().chain(&sources("tests")) {
        for (number, line) in source.text.lines().enumerate() {
            if line.trim_start().starts_with("//") && line.chars().count() > COMMENT_WIDTH {
                findings.push(format!("{}:{}: {} characters", source.path, number + 1, line.chars().count()));
            }
        }
    }
    none(&findings);
}

#[test]
fn files_and_functions_are_short_enough_to_read() {
    let mut findings = Vec::new();
    for source in sources("src").iter().chain(&sources("tests")) {
        let lines: Vec<&str> = source.text.lines().collect();
        if lines.len() > FILE_LINES {
            findings.push(format!("{}: {} lines", source.path, lines.len()));
        }
        for (start, line) in lines.iter().enumerate().filter(|(_, line)| is_function(line)) {
            let length = function_length(&lines[start..]);
            if length > FUNCTION_LINES {
                findings.push(format!("{}:{}: {length} lines: {}", source.path, start + 1, line.trim()));
            }
        }
    }
    none(&findings);
}

fn is_function(line: &str) -> bool {
    let words = line
        .trim_start()
        .trim_start_matches("pub(super) ")
        .trim_start_matches("pub(crate) ")
        .trim_start_matches("pub ");
    words.trim_start_matches("const ").starts_with("fn ")
}

/// Lines up to the one that closes the function. It is indented as the first one is, for the sources are formatted.
fn function_length(lines: &[&str]) -> usize {
    let indent = lines[0].len() - lines[0].trim_start().len();
    let closes = |line: &str| {
        line.len() > indent && line.is_char_boundary(indent) && line[..indent].trim().is_empty() && {
            let rest = &line[indent..];
            rest == "}" || rest.starts_with(')') && rest.ends_with(';')
        }
    };
    if lines[0].ends_with('}') || lines[0].ends_with(';') {
        return 1;
    }
    lines.iter().position(|line| closes(line)).map_or(lines.len(), |last| last + 1)
}

#[test]
fn words_that_break_a_promise_are_not_used() {
    let mut findings = Vec::new();
    for source in sources("src") {
        for (words, exempt, reason) in BANNED {
            if exempt.is_some() && source.module() == exempt {
                continue;
            }
            for (number, line) in source.code() {
                let found = words.iter().filter(|word| line.contains(*word));
                findings.extend(found.map(|word| format!("{}:{number}: `{word}`: {reason}", source.path)));
            }
        }
    }
    for source in sources("src").iter().chain(&sources("tests")) {
        for (number, line) in source.code() {
            let found = BANNED_EVERYWHERE.iter().filter(|(head, tail)| line.contains(&format!("{head}{tail}")));
            findings.extend(found.map(|(head, tail)| format!("{}:{number}: `{head}{tail}`", source.path)));
        }
    }
    none(&findings);
}

#[test]
fn every_file_says_what_it_is_about() {
    let findings: Vec<String> = sources("src")
        .iter()
        .chain(&sources("tests"))
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| format!("{}: does not begin with //!", source.path))
        .collect();
    none(&findings);
}

#[test]
fn dependencies_are_under_permissive_licences() {
    let arguments = ["tree", "--offline", "--locked", "--prefix", "none", "--format", "{p}|{l}"];
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs, for it runs this test");
    let text = String::from_utf8(output.stdout).expect("cargo speaks UTF-8");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.lines().count() > 20, "too few dependencies:\n{text}");
    let findings: Vec<String> = text
        .lines()
        .map(|line| line.trim_end_matches(" (*)").split_once('|').expect("package and licence"))
        .filter(|(_, licence)| !is_permissive(licence))
        .map(|(package, licence)| format!("{package}: `{licence}`"))
        .collect();
    none(&findings);
}

/// Whether an SPDX expression leaves a permissive choice.
fn is_permissive(expression: &str) -> bool {
    let is_listed = |name: &str| PERMISSIVE.contains(&name.trim_matches(['(', ')', ' ']));
    expression.split(" AND ").all(|part| part.replace('/', " OR ").split(" OR ").any(is_listed))
}

#[test]
fn the_checks_themselves_bite() {
    assert!(is_permissive("(MIT OR GPL-3.0) AND Unicode-3.0") && is_permissive("Unlicense/MIT"));
    assert!(!is_permissive("GPL-3.0") && !is_permissive("MIT AND GPL-3.0") && !is_permissive(""));
    let paths: Vec<&str> = crate_paths("use crate::metrics::path::{Kind}; crate::sim::run(").collect();
    assert_eq!(paths, ["metrics::path", "sim::run"]);
    assert_eq!(function_length(&["    fn a() {", "        b();", "    }", "}"]), 3);
    assert_eq!(function_length(&["    fn a(", "        b: u8,", "    );", "}"]), 3);
    assert_eq!(function_length(&["fn a() {}", "}"]), 1);
    assert!(is_function("    pub(super) const fn x() {") && !is_function("// fn x()"));
}
