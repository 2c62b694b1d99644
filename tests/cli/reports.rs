//! What commands say below their results, and the files that they write.

use std::fs;

use super::{files, folder, output, scenario, text};

#[test]
fn a_run_lists_the_expectations_that_failed() {
    let here = tempfile::tempdir().expect("a folder");
    let (holds, fails) = (scenario(), folder().join("disappointed.json"));
    let run = |path: &std::path::Path| {
        let output = output(&["run", path.to_str().expect("a path"), "--no-report"], here.path());
        assert_eq!(output.status.code(), Some(0));
        text(&output.stdout).to_owned()
    };
    assert!(!run(&holds).contains("expected"));
    let end =
        "\n\nweb: expected downtime.total > 10s, got 0s\nweb: expected update_status: paused, got never written\n\n";
    assert!(run(&fails).ends_with(end), "{}", run(&fails));
}
