//! Stack files and scenarios that libFuzzer thinks up. A record separator begins a second file.
//!
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz stack target/corpus tests/compose` begins with the stack files of the tests.

#![no_main]

#[path = "../compose/any_text.rs"]
mod any_text;

use std::collections::BTreeMap;

libfuzzer_sys::fuzz_target!(|data: &str| {
    any_text::read_as_scenario(data.to_owned());
    any_text::read_as_stack(data.split('\u{1e}').map(str::to_owned).collect(), &BTreeMap::new());
});
