//! Splits a command line into words as a POSIX shell does.

use std::ops::Range;

use super::LineError;

/// A word of a command line and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// The word without its quotes.
    pub(super) text: String,
    /// Bytes of the line that it takes, quotes included.
    pub(super) columns: Range<usize>,
    /// What a shell would see in it that we do not.
    pub(super) shell: Option<Shell>,
}

/// What only a shell understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shell {
    /// It would replace a part of the word: `$TAG`, `$(...)` or a backquote outside single quotes.
    Expansion,
    /// Outside quotes: the end of a command (`;`, `&&`, `|`), a redirection or a comment.
    Operator,
}

/// What encloses the characters that are read.
#[derive(Clone, Copy, PartialEq)]
enum Quote {
    None,
    Single,
    Double,
}

/// The words of `line`.
///
/// # Errors
/// A quote that is not closed, or a backslash at the end.
pub(super) fn split(line: &str) -> Result<Vec<Word>, LineError> {
    let mut words: Vec<Word> = Vec::new();
    let mut current: Option<Word> = None;
    let mut quote = Quote::None;
    let mut opened = 0;
    let mut chars = line.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if quote == Quote::None {
            if c.is_ascii_whitespace() {
                words.extend(current.take());
                continue;
            }
            // A line that is continued.
            if c == '\\' && chars.next_if(|(_, next)| *next == '\n').is_some() {
                continue;
            }
        }
        let word = current.get_or_insert(Word { text: String::new(), columns: at..at, shell: None });
        match (quote, c) {
            (Quote::None, '\'') => (quote, opened) = (Quote::Single, at),
            (Quote::None, '"') => (quote, opened) = (Quote::Double, at),
            (Quote::Single, '\'') | (Quote::Double, '"') => quote = Quote::None,
            (Quote::None, '\\') => match chars.next() {
                Some((_, escaped)) => word.text.push(escaped),
                None => return Err(LineError::at(at..at + 1, "a backslash at the end escapes nothing")),
            },
            (Quote::Double, '\\') => match chars.next_if(|(_, next)| "$`\"\\\n".contains(*next)) {
                Some((_, '\n')) => {}
                Some((_, escaped)) => word.text.push(escaped),
                None => word.text.push('\\'),
            },
            _ => {
                let starts_name = |(_, next): &(usize, char)| next.is_alphanumeric() || "_{(@*#?$!-".contains(*next);
                if quote != Quote::Single && (c == '`' || c == '$' && chars.peek().is_some_and(starts_name)) {
                    word.shell = word.shell.or(Some(Shell::Expansion));
                }
                if quote == Quote::None && (";&|<>".contains(c) || c == '#' && word.columns.start == at) {
                    word.shell = word.shell.or(Some(Shell::Operator));
                }
                word.text.push(c);
            }
        }
        word.columns.end = chars.peek().map_or(line.len(), |(next, _)| *next);
    }
    if quote != Quote::None {
        return Err(LineError::at(opened..line.len(), "the quote is not closed"));
    }
    words.extend(current);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).unwrap().into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_split_as_a_shell_does() {
        for (line, words) in [
            ("", vec![]),
            ("  docker\tservice  ps ", vec!["docker", "service", "ps"]),
            ("a 'b c' \"d e\"", vec!["a", "b c", "d e"]),
            ("--env=A='x y'z", vec!["--env=A=x yz"]),
            ("'' \"\"", vec!["", ""]),
            (r"a\ b \'c\' \\", vec!["a b", "'c'", r"\"]),
            (r#""a \"b\" \c \$""#, vec![r#"a "b" \c $"#]),
            (r"'a\b'", vec![r"a\b"]),
            ("update \\\n  --force web", vec!["update", "--force", "web"]),
            ("\"a\\\nb\"", vec!["ab"]),
            ("größe", vec!["größe"]),
        ] {
            assert_eq!(texts(line), words, "{line}");
        }
    }

    #[test]
    fn a_word_knows_its_columns() {
        let line = "update  'a b' größe --x=\"y\"";
        let columns: Vec<&str> = split(line).unwrap().into_iter().map(|word| &line[word.columns]).collect();
        assert_eq!(columns, ["update", "'a b'", "größe", "--x=\"y\""]);
    }

    #[test]
    fn what_only_a_shell_understands_is_marked() {
        let (expansion, operator) = (Some(Shell::Expansion), Some(Shell::Operator));
        for (line, shell) in [
            ("app:$TAG", expansion),
            ("\"app:${TAG}\"", expansion),
            ("`cat tag`", expansion),
            ("'app:$TAG'", None),
            (r"app:\$TAG", None),
            (r#""\$TAG""#, None),
            ("5$", None),
            ("web;", operator),
            ("&& docker", operator),
            ("# why", operator),
            ("a=b#c", None),
            ("';'", None),
            (r"a\;b", None),
        ] {
            assert_eq!(split(line).unwrap()[0].shell, shell, "{line}");
        }
    }

    #[test]
    fn what_is_not_closed_is_an_error_where_it_opens() {
        for (line, columns, message) in [
            ("update 'web", 7..11, "the quote is not closed"),
            ("update \"web", 7..11, "the quote is not closed"),
            ("update web\\", 10..11, "a backslash at the end escapes nothing"),
        ] {
            let error = split(line).unwrap_err();
            assert_eq!((error.columns, error.message.as_str()), (columns, message), "{line}");
        }
    }
}
