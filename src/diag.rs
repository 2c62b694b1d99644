//! Diagnostics: what is wrong with an input, where, and the likely fix.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

mod explain;

pub use explain::{explain, title};

/// Kinds of diagnostics. Each has a stable identifier that is never given to another kind; `diag/codes.md` has their long texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// `L0001`: start-first with a port in host mode.
    StartFirstHostPort,
    /// `L0002`: start-first with a limit of replicas per node.
    StartFirstMaxReplicas,
    /// `L0003`: start-first for a global service.
    StartFirstGlobal,
    /// `L0004`: start-first without a health check.
    StartFirstNoHealth,
    /// `L0005`: a version that breaks after it was healthy is noticed when the monitor is over.
    BreaksUnseen,
    /// `L0006`: failure action `continue`, with which nothing is counted.
    FailureIgnored,
    /// `L0007`: failure action `pause`, which leaves the update half-way.
    FailurePauses,
    /// `L0008`: failure action `rollback` for a rollback.
    RollbackRollsBack,
    /// `L0009`: a restart window that no restart falls into.
    RestartWindow,
    /// `L0010`: one replica with stop-first.
    OneReplica,
    /// `L0011`: a grace period shorter than the longest request, or than the process takes to stop.
    GracePeriod,
    /// `L0012`: parallelism at or above the number of tasks.
    AllAtOnce,
    /// `L0013`: a failure ratio above 0 that one failure exceeds.
    RatioTooSmall,
    /// `L0014`: a delay at or above the monitor.
    DelayAboveMonitor,
    /// `L0015`: reservations that leave no room for the tasks that start first.
    SurgeReservations,
    /// `R0001`: the text is neither JSON nor YAML.
    Syntax,
    /// `R0002`: a mapping has the same key twice.
    DuplicateKey,
    /// `R0003`: the file is no scenario: it lacks the top-level key `rollsim`.
    NotAScenario,
    /// `R0004`: the file is a stack file, which is not run directly yet.
    StackFile,
    /// `R0005`: the scenario has a version of the format that this program does not know.
    FormatVersion,
    /// `R0101`: a key that does not exist there.
    UnknownKey,
    /// `R0102`: a key that must be there is not.
    MissingKey,
    /// `R0103`: a value of the wrong type, such as a text where a number belongs.
    WrongType,
    /// `R0104`: a word that is not among those allowed.
    UnknownWord,
    /// `R0105`: a text that is no duration.
    Duration,
    /// `R0106`: a text that does not have the form of what belongs there (a rate, a size, a port, ...).
    Malformed,
    /// `R0107`: a value that is well formed but impossible, such as a share above 1.
    OutOfRange,
    /// `R0108`: keys that exclude each other.
    Conflict,
    /// `R0201`: a service that does not exist.
    UnknownService,
    /// `R0202`: an image that is referred to and does not exist.
    UnknownImage,
    /// `R0203`: images that are like each other in a circle.
    LikeCycle,
    /// `R0204`: a service that exists already.
    ServiceExists,
    /// `R0205`: an image that the scenario does not describe although it describes others: its behaviour is assumed.
    AssumedImage,
    /// `R0206`: a client that does not exist, or calls another service.
    UnknownClient,
    /// `R0207`: a node that does not exist.
    UnknownNode,
    /// `R0211`: a network, volume, config or secret that a stack file does not define.
    UnknownObject,
    /// `R0212`: a file that is named and cannot be read.
    NoFile,
    /// `R0213`: a variable of a stack file that must be set and is not.
    MissingVariable,
    /// `R0214`: a variable of a stack file that is not set: nothing takes its place.
    UnsetVariable,
    /// `R0215`: something that a stack file needs and that is not on this machine: a stand-in takes its place.
    StandIn,
    /// `R0216`: the same, which `--strict` refuses as docker does.
    Absent,
    /// `R0301`: a line of the timeline that docker would not understand.
    DockerCommand,
    /// `R0401`: something that Swarm can do and that is not simulated yet; the run would be wrong without it.
    NotSimulated,
    /// `R0403`: a key of Compose that Swarm ignores.
    IgnoredBySwarm,
    /// `R0404`: a key of Compose that Swarm refuses.
    RefusedBySwarm,
    /// `R0501`: an expectation about a metric that does not exist.
    UnknownMetric,
    /// `R0502`: a metric is compared with a value of another kind.
    MetricKind,
    /// `R0601`: a path of an overlay that leads nowhere, or to more than one service.
    OverlayPath,
    /// `R0602`: a flag in the timeline overrides what an overlay or a policy sets.
    OverlayOverridden,
    /// `R0701`: something that has no effect, such as a command after the end of the run.
    NoEffect,
}

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Right as it is; something else may be better.
    Hint,
    /// Right by the letter, and likely to go wrong (a lint).
    Note,
    /// The input is used all the same.
    Warning,
    /// The input cannot be used.
    Error,
}

/// A text and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Path as the user wrote it, `-` for standard input, or the argument that holds the text (`--set PATH=VALUE`).
    pub name: String,
    /// The text.
    pub text: String,
}

/// A place in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The text.
    pub file: Arc<SourceFile>,
    /// Bytes of the text; empty for a point.
    pub span: Range<usize>,
    /// Where an alias brings in what stands at `span`.
    pub used: Option<Range<usize>>,
}

/// One thing that is wrong, or worth knowing, about an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its kind.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where.
    pub place: Place,
    /// What is said right at the place: what belongs there; may be empty.
    pub label: String,
    /// The likely fix, or the reason.
    pub help: Option<String>,
}

impl Code {
    /// All codes, in the order of their identifiers.
    pub const ALL: [Code; 50] = [
        Code::StartFirstHostPort,
        Code::StartFirstMaxReplicas,
        Code::StartFirstGlobal,
        Code::StartFirstNoHealth,
        Code::BreaksUnseen,
        Code::FailureIgnored,
        Code::FailurePauses,
        Code::RollbackRollsBack,
        Code::RestartWindow,
        Code::OneReplica,
        Code::GracePeriod,
        Code::AllAtOnce,
        Code::RatioTooSmall,
        Code::DelayAboveMonitor,
        Code::SurgeReservations,
        Code::Syntax,
        Code::DuplicateKey,
        Code::NotAScenario,
        Code::StackFile,
        Code::FormatVersion,
        Code::UnknownKey,
        Code::MissingKey,
        Code::WrongType,
        Code::UnknownWord,
        Code::Duration,
        Code::Malformed,
        Code::OutOfRange,
        Code::Conflict,
        Code::UnknownService,
        Code::UnknownImage,
        Code::LikeCycle,
        Code::ServiceExists,
        Code::AssumedImage,
        Code::UnknownClient,
        Code::UnknownNode,
        Code::UnknownObject,
        Code::NoFile,
        Code::MissingVariable,
        Code::UnsetVariable,
        Code::StandIn,
        Code::Absent,
        Code::DockerCommand,
        Code::NotSimulated,
        Code::IgnoredBySwarm,
        Code::RefusedBySwarm,
        Code::UnknownMetric,
        Code::MetricKind,
        Code::OverlayPath,
        Code::OverlayOverridden,
        Code::NoEffect,
    ];

    /// The stable identifier.
    pub const fn id(self) -> &'static str {
        match self {
            Code::StartFirstHostPort => "L0001",
            Code::StartFirstMaxReplicas => "L0002",
            Code::StartFirstGlobal => "L0003",
            Code::StartFirstNoHealth => "L0004",
            Code::BreaksUnseen => "L0005",
            Code::FailureIgnored => "L0006",
            Code::FailurePauses => "L0007",
            Code::RollbackRollsBack => "L0008",
            Code::RestartWindow => "L0009",
            Code::OneReplica => "L0010",
            Code::GracePeriod => "L0011",
            Code::AllAtOnce => "L0012",
            Code::RatioTooSmall => "L0013",
            Code::DelayAboveMonitor => "L0014",
            Code::SurgeReservations => "L0015",
            Code::Syntax => "R0001",
            Code::DuplicateKey => "R0002",
            Code::NotAScenario => "R0003",
            Code::StackFile => "R0004",
            Code::FormatVersion => "R0005",
            Code::UnknownKey => "R0101",
            Code::MissingKey => "R0102",
            Code::WrongType => "R0103",
            Code::UnknownWord => "R0104",
            Code::Duration => "R0105",
            Code::Malformed => "R0106",
            Code::OutOfRange => "R0107",
            Code::Conflict => "R0108",
            Code::UnknownService => "R0201",
            Code::UnknownImage => "R0202",
            Code::LikeCycle => "R0203",
            Code::ServiceExists => "R0204",
            Code::AssumedImage => "R0205",
            Code::UnknownClient => "R0206",
            Code::UnknownNode => "R0207",
            Code::UnknownObject => "R0211",
            Code::NoFile => "R0212",
            Code::MissingVariable => "R0213",
            Code::UnsetVariable => "R0214",
            Code::StandIn => "R0215",
            Code::Absent => "R0216",
            Code::DockerCommand => "R0301",
            Code::NotSimulated => "R0401",
            Code::IgnoredBySwarm => "R0403",
            Code::RefusedBySwarm => "R0404",
            Code::UnknownMetric => "R0501",
            Code::MetricKind => "R0502",
            Code::OverlayPath => "R0601",
            Code::OverlayOverridden => "R0602",
            Code::NoEffect => "R0701",
        }
    }

    /// The code of this identifier, in letters of any case.
    pub fn from_id(id: &str) -> Option<Code> {
        Code::ALL.into_iter().find(|code| code.id().eq_ignore_ascii_case(id))
    }

    /// Whether `--deny lints` makes an error of it: the lints, and keys that Swarm ignores.
    pub const fn is_lint(self) -> bool {
        matches!(self.severity(), Severity::Note) || matches!(self, Code::IgnoredBySwarm)
    }

    /// How bad it is.
    pub const fn severity(self) -> Severity {
        match self {
            Code::FailurePauses => Severity::Hint,
            Code::StartFirstHostPort
            | Code::StartFirstMaxReplicas
            | Code::StartFirstGlobal
            | Code::StartFirstNoHealth
            | Code::BreaksUnseen
            | Code::FailureIgnored
            | Code::RollbackRollsBack
            | Code::RestartWindow
            | Code::OneReplica
            | Code::GracePeriod
            | Code::AllAtOnce
            | Code::RatioTooSmall
            | Code::DelayAboveMonitor
            | Code::SurgeReservations => Severity::Note,
            Code::AssumedImage
            | Code::IgnoredBySwarm
            | Code::UnsetVariable
            | Code::StandIn
            | Code::OverlayOverridden
            | Code::NoEffect => Severity::Warning,
            _ => Severity::Error,
        }
    }
}

impl Severity {
    /// `hint`, `note`, `warning` or `error`
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Hint => "hint",
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl Place {
    /// These bytes of the text.
    pub fn new(file: &Arc<SourceFile>, span: Range<usize>) -> Place {
        Place { file: file.clone(), span, used: None }
    }

    /// The whole lines from the first to the last that the place is about: a long text is not looked through for each.
    fn lines(&self) -> Range<usize> {
        let text = &self.file.text;
        let spans = || std::iter::once(&self.span).chain(&self.used);
        let start = spans().map(|span| span.start).min().unwrap_or(0);
        let end = spans().map(|span| span.end).max().unwrap_or(0);
        let start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[end..].find('\n').map_or(text.len(), |newline| end + newline);
        start..end
    }

    /// Line and column of the first byte, from 1; columns count characters.
    pub fn line_column(&self) -> (usize, usize) {
        self.line_column_at(self.span.start)
    }

    /// Line and column behind the last byte.
    pub fn end_line_column(&self) -> (usize, usize) {
        self.line_column_at(self.span.end)
    }

    fn line_column_at(&self, byte: usize) -> (usize, usize) {
        let before = &self.file.text[..byte];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// `file:line:column`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_column();
        write!(f, "{}:{line}:{column}", self.file.name)
    }
}

impl Diagnostic {
    /// A diagnostic without label and help, as bad as its code says.
    pub fn new(code: Code, place: &Place, message: impl Into<String>) -> Diagnostic {
        let (severity, message) = (code.severity(), shortened(message.into()));
        Diagnostic { code, severity, message, place: place.clone(), label: String::new(), help: None }
    }

    /// Makes an error of a lint; anything else stays as it is.
    pub fn deny_lint(self) -> Diagnostic {
        Diagnostic { severity: if self.code.is_lint() { Severity::Error } else { self.severity }, ..self }
    }

    /// With what is said right at the place.
    pub fn label(mut self, label: impl Into<String>) -> Diagnostic {
        self.label = shortened(label.into());
        self
    }

    /// With the likely fix, or the reason; `None` leaves it as it is.
    pub fn help(mut self, help: impl Into<Option<String>>) -> Diagnostic {
        self.help = help.into().map(shortened).or(self.help);
        self
    }

    /// The diagnostic with the lines that it is about, as rustc prints them; no newline at the end.
    pub fn render(&self, color: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
            Severity::Hint => Level::HELP.with_name("hint"),
        };
        let label = Some(self.label.as_str()).filter(|label| !label.is_empty());
        let lines = self.place.lines();
        let within = |span: &Range<usize>| span.start - lines.start..span.end - lines.start;
        let here = AnnotationKind::Primary.span(within(&self.place.span)).label(label);
        let used = self.place.used.as_ref().map(|span| AnnotationKind::Context.span(within(span)).label("used here"));
        let text = &self.place.file.text;
        let snippet = Snippet::source(&text[lines.clone()])
            .line_start(text[..lines.start].matches('\n').count() + 1)
            .path(self.place.file.name.as_str())
            .annotation(here)
            .annotations(used);
        let title: Group<'_> = level.primary_title(self.message.as_str()).id(self.code.id()).element(snippet);
        let report = [title.elements(self.help.as_deref().map(|help| Level::HELP.message(help)))];
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&report)
    }
}

/// Longest text of a diagnostic that is told as it is, in bytes: it may quote what somebody wrote.
const LONGEST_TEXT: usize = 1_000;

/// A text without its middle, if it is too long.
fn shortened(text: String) -> String {
    if text.len() <= LONGEST_TEXT {
        return text;
    }
    let half = LONGEST_TEXT / 2;
    let boundary = |byte: usize| (byte..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let (head, tail) = (&text[..boundary(half)], &text[boundary(text.len() - half)..]);
    format!("{head} … {} bytes … {tail}", text.len() - head.len() - tail.len())
}

/// `file:line:column: error[R0101]: message`, for editors and other programs.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}[{}]: {}", self.place, self.severity.name(), self.code.id(), self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, span: Range<usize>) -> Place {
        Place::new(&Arc::new(SourceFile { name: "scenarios/rolling.json".to_owned(), text: text.to_owned() }), span)
    }

    #[test]
    fn a_diagnostic_shows_code_place_line_and_label() {
        let text = "{\n  \"paralelism\": 2,\n}";
        let diagnostic = Diagnostic::new(Code::UnknownKey, &place(text, 4..16), "unknown field `paralelism`")
            .label("did you mean `parallelism`?");
        let expected = "\
error[R0101]: unknown field `paralelism`
 --> scenarios/rolling.json:2:3
  |
2 |   \"paralelism\": 2,
  |   ^^^^^^^^^^^^ did you mean `parallelism`?";
        assert_eq!(diagnostic.render(false), expected);
        assert_eq!(diagnostic.to_string(), "scenarios/rolling.json:2:3: error[R0101]: unknown field `paralelism`");
        assert_ne!(diagnostic.render(true), expected, "colour is more than the plain text");
    }

    #[test]
    fn a_long_text_is_told_without_its_middle() {
        let long = format!("begin {} end", "é".repeat(5_000));
        let told = Diagnostic::new(Code::Syntax, &place("", 0..0), long).message;
        assert!(told.starts_with("begin é") && told.ends_with("é end"), "{told}");
        assert!(told.contains(" … 9010 bytes … ") && told.len() <= LONGEST_TEXT + 30, "{told}");
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(place("a\néé: x", 7..8).line_column(), (2, 4));
        assert_eq!(place("", 0..0).line_column(), (1, 1));
    }

    #[test]
    fn identifiers_are_in_order_and_given_once() {
        assert!(Code::ALL.is_sorted_by(|a, b| a.id() < b.id()));
    }
}
