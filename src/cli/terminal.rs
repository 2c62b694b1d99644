//! Standard output for results, standard error for everything else.

use std::io::{self, ErrorKind, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};

use super::Failure;
use crate::diag::Diagnostic;

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The two streams of the command.
#[derive(Debug)]
pub(super) struct Terminal {
    quiet: bool,
}

impl Terminal {
    pub(super) fn new(color: Color, quiet: bool) -> Terminal {
        let choice = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        choice.write_global();
        Terminal { quiet }
    }

    /// Prints a result. Whoever reads it may stop reading at any time.
    pub(super) fn result(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Failure::Io(format!("error: cannot write to standard output: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Whether results alone are asked for.
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Prints a note, unless asked to be quiet.
    pub(super) fn note(&self, text: &str) {
        if !self.quiet {
            self.error(text);
        }
    }

    /// Prints what must be known.
    pub(super) fn error(&self, text: &str) {
        // There is nowhere left to complain that standard error is gone.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Prints warnings, unless asked to be quiet.
    pub(super) fn warnings(&self, warnings: &[Diagnostic]) {
        for warning in warnings {
            self.note(&format!("{}\n", self.render(warning)));
        }
    }

    /// A diagnostic as it is to be shown on standard error.
    pub(super) fn render(&self, diagnostic: &Diagnostic) -> String {
        diagnostic.render(AutoStream::choice(&io::stderr()) != ColorChoice::Never)
    }

    /// Whether progress may be shown: somebody looks on, and it is no build server.
    pub(super) fn shows_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal() && std::env::var_os("CI").is_none()
    }
}
