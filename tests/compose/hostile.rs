//! Input that nobody wrote on purpose: the corpus with things deleted, doubled and put in, read as a stack and as a scenario.
//!
//! `STACK_INPUTS=N` reads N inputs instead of a few hundred.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rollsim::diag::SourceFile;

use super::any_text::{read_as_scenario, read_as_stack};

/// What is put into texts.
const SCRAPS: [&str; 34] = [
    "&a",
    "*a",
    "<<: *a",
    "${",
    "${V:?m}",
    "$$",
    "\0",
    "\t",
    "---\n",
    "...",
    "[",
    "]",
    "{",
    "}",
    "'",
    "\"",
    ": ",
    "- ",
    "\n",
    "\u{feff}",
    "é💥",
    "-1s",
    "1e999",
    "99999999999999999999",
    "!!binary ",
    "!x ",
    "null",
    "true",
    "0x",
    "|\n",
    ">\n",
    "? ",
    "# ",
    "x-y: ",
];

/// A text with some changes.
fn mutated(text: &str, rng: &mut ChaCha8Rng) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for _ in 0..rng.random_range(1..=4) {
        let at = rng.random_range(0..=text.len());
        let end = (at + rng.random_range(0..40)).min(text.len());
        match rng.random_range(0..4) {
            0 => _ = text.drain(at..end),
            1 => {
                let part: Vec<char> = text[at..end].to_vec();
                text.splice(at..at, part);
            }
            2 => _ = text.splice(at..at, SCRAPS[rng.random_range(0..SCRAPS.len())].chars()),
            _ => {
                let from = rng.random_range(0..=text.len());
                let part: Vec<char> = text[from..(from + 60).min(text.len())].to_vec();
                text.splice(at..at, part);
            }
        }
    }
    text.into_iter().collect()
}

#[test]
fn no_input_makes_it_panic() {
    let count = std::env::var("STACK_INPUTS").map_or(300, |count| count.parse().expect("a number"));
    let corpus = super::corpus();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for number in 0..count {
        let (file, variables) = &corpus[rng.random_range(0..corpus.len())];
        let text = mutated(&file.text, &mut rng);
        if number % 8 == 0 {
            read_as_scenario(format!("rollsim: 1\n{text}"));
            continue;
        }
        let mut texts = vec![text];
        texts.extend((number % 3 == 0).then(|| mutated(&file.text, &mut rng)));
        read_as_stack(texts, variables);
    }
}

#[test]
fn bombs_and_towers_are_refused() {
    let bomb: String = (1..40).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, n| {
        let before = format!("*a{}", n - 1);
        text + &format!("x-a{n}: &a{n} [{}]\n", vec![before; 9].join(", "))
    });
    let tower = format!("services: {}{}", "[".repeat(20_000), "]".repeat(20_000));
    let block: String = (0..300).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let ports: String = (1..9).map(|first| format!("'{first}-65535:{first}-65535', ")).collect();
    let ports = format!("services: {{a: {{image: x, ports: [{ports}]}}}}");
    let many: String = (0..3_000).map(|n| format!("k{n}: 1\n")).collect();
    for text in [bomb, tower, block, ports, many, "\0".repeat(1_000), "a: *a".to_owned(), "- ".repeat(20_000)] {
        let file = SourceFile { name: "stack.yml".to_owned(), text };
        let problems = super::load(vec![file], &Default::default(), &[]).expect_err("it is refused");
        assert!(!problems.is_empty());
    }
}
