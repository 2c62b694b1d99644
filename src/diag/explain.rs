//! The long texts of all codes: one section of a Markdown file each.

use super::Code;

/// A section for each code, in the order of [`Code::ALL`]: `## R0001 title`, then the text.
const TEXTS: &str = include_str!("codes.md");

/// What a code means in a few words.
pub fn title(code: Code) -> &'static str {
    section(code).0
}

/// What a code means, why it matters and what to do; Markdown, without newlines at its ends.
pub fn explain(code: Code) -> &'static str {
    section(code).1
}

/// Title and text of a code.
fn section(code: Code) -> (&'static str, &'static str) {
    let mut sections = TEXTS.split("\n## ").skip(1).filter_map(|section| section.split_once('\n'));
    let of_code = |heading: &'static str| heading.strip_prefix(code.id()).map(str::trim);
    let found = sections.find_map(|(heading, text)| Some((of_code(heading)?, text.trim())));
    found.expect("a test compares the codes with the sections")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_section_and_every_section_its_code() {
        let headings = TEXTS.lines().filter_map(|line| line.strip_prefix("## "));
        let ids: Vec<&str> = headings.filter_map(|heading| heading.split_once(' ').map(|(id, _)| id)).collect();
        assert_eq!(ids, Code::ALL.map(Code::id));
        for code in Code::ALL {
            assert!(!title(code).is_empty() && !explain(code).is_empty(), "{}", code.id());
        }
    }

    #[test]
    fn lines_of_the_texts_fit_a_terminal() {
        let long: Vec<&str> = TEXTS.lines().filter(|line| line.chars().count() > 100).collect();
        assert!(long.is_empty(), "{long:?}");
    }
}
