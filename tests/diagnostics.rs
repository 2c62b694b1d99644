//! Broken scenarios and what is said of them: each file of `tests/diagnostics` has its snapshot beside it.

use std::fs;
use std::path::Path;

use rollsim::diag::{Diagnostic, SourceFile};
use rollsim::scenario;

fn rendered(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| diagnostic.render(false)).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn every_broken_scenario_is_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let entries = fs::read_dir(&folder).expect("the folder is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().into_string().expect("a plain name")).collect();
    names.retain(|name| !name.ends_with(".snap") && !name.ends_with(".snap.new"));
    names.sort();
    assert!(names.len() >= 20, "only {} files", names.len());
    for name in names {
        let text = fs::read_to_string(folder.join(&name)).expect("readable");
        let said = match scenario::load(&SourceFile { name: name.clone(), text }, &[]) {
            Err(diagnostics) => rendered(&diagnostics),
            Ok(loaded) => {
                let is_lint = name.starts_with("lint-");
                assert!(is_lint || name.starts_with("warning-"), "{name} is not broken");
                rendered(if is_lint { &loaded.lints } else { &loaded.warnings })
            }
        };
        settings.bind(|| insta::assert_snapshot!(name, said));
    }
}
