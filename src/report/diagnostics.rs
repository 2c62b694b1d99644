//! Diagnostics for other programs: JSON, and annotations of a workflow on GitHub.

use serde::Serialize;

use crate::diag::{Diagnostic, Severity};

#[derive(Serialize)]
struct Entry<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    severity: &'static str,
    code: &'static str,
    message: &'a str,
    label: &'a str,
    help: Option<&'a str>,
}

impl<'a> Entry<'a> {
    fn of(diagnostic: &'a Diagnostic) -> Entry<'a> {
        let ((line, column), (end_line, end_column)) =
            (diagnostic.place.line_column(), diagnostic.place.end_line_column());
        Entry {
            file: &diagnostic.place.file.name,
            line,
            column,
            end_line,
            end_column,
            severity: diagnostic.severity.name(),
            code: diagnostic.code.id(),
            message: &diagnostic.message,
            label: &diagnostic.label,
            help: diagnostic.help.as_deref(),
        }
    }
}

/// A list of objects. Lines and columns count from 1, columns in characters; the end lies behind the last one.
pub fn json(diagnostics: &[&Diagnostic]) -> String {
    let entries: Vec<Entry<'_>> = diagnostics.iter().map(|diagnostic| Entry::of(diagnostic)).collect();
    serde_json::to_string_pretty(&entries).expect("texts and numbers can be written") + "\n"
}

/// A line for each: `::error file=a.json,line=3,...::message`.
///
/// Source: GitHub: "Workflow commands", and actions/toolkit packages/core/src/command.ts for what is escaped.
pub fn github(diagnostics: &[&Diagnostic]) -> String {
    let line = |diagnostic: &&Diagnostic| {
        let Entry { file, line, column, end_line, end_column, code, message, label, help, .. } = Entry::of(diagnostic);
        let kind = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note | Severity::Hint => "notice",
        };
        let parts = [message, label, help.unwrap_or_default()];
        let text: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        format!(
            "::{kind} file={},line={line},col={column},endLine={end_line},endColumn={end_column},title={code}::{}\n",
            escaped(file).replace(':', "%3A").replace(',', "%2C"),
            escaped(&text.join("; "))
        )
    };
    diagnostics.iter().map(line).collect()
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diag::{Code, Place, SourceFile};

    fn diagnostic() -> Diagnostic {
        let file = Arc::new(SourceFile { name: "a,b:100%.json".to_owned(), text: "{\n  \"é\": 1}".to_owned() });
        Diagnostic::new(Code::UnknownKey, &Place::new(&file, 4..8), "unknown field `é`")
            .label("did you mean `e`?")
            .help("line 1\nline 2".to_owned())
    }

    #[test]
    fn json_has_places_and_parts() {
        let expected = r#"[
  {
    "file": "a,b:100%.json",
    "line": 2,
    "column": 3,
    "end_line": 2,
    "end_column": 6,
    "severity": "error",
    "code": "R0101",
    "message": "unknown field `é`",
    "label": "did you mean `e`?",
    "help": "line 1\nline 2"
  }
]
"#;
        assert_eq!(json(&[&diagnostic()]), expected);
        assert_eq!(json(&[]), "[]\n");
    }

    #[test]
    fn annotations_escape_what_would_end_them() {
        let expected = "::error file=a%2Cb%3A100%25.json,line=2,col=3,endLine=2,endColumn=6,title=R0101::\
                        unknown field `é`; did you mean `e`?; line 1%0Aline 2\n";
        assert_eq!(github(&[&diagnostic()]), expected);
    }
}
