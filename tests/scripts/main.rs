//! Scripts of an operator and what the managers make of them: each `.txt` of this folder has its snapshot beside it.
//!
//! A line is a command, or `advance SPAN` to let time pass; `#` begins a remark. Images that are not described take a second
//! to prepare, half a second to start and none to stop; there are no other latencies.
//!
//! ```text
//! image app:2 start=3s outcome=exit:5s:1 tasks.0.prepare=9s tasks.1.outcome=run
//! service create web image=app:1 replicas=2 update.delay=10s
//! service update web image=app:2 rollback.parallelism=2 restart.condition=none force=true
//! service rollback web
//! service rm web
//! advance 30s
//! ```
//!
//! The snapshot repeats the script and tells below each line what came of it: a line for each task that was written at an
//! instant, as it stood at the end of it.

mod recorder;
mod script;

use std::fs;
use std::path::Path;

use recorder::Recorder;
use rollsim::check::Promises;
use script::Script;

#[test]
fn scripts_come_out_as_they_did() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let entries = fs::read_dir(&folder).expect("the folder is there");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a folder can be listed").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    assert!(paths.len() >= 12, "only {} scripts", paths.len());
    for path in paths {
        let script = Script::parse(&fs::read_to_string(&path).expect("scripts are text"));
        let observers = (Recorder::new(&script.plan), Promises::new(&script.plan));
        let (recorder, promises) = rollsim::sim::run(&script.plan, observers).observer;
        promises.assert_kept();
        let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        settings.bind(|| insta::assert_snapshot!(name, script.told(&recorder.entries())));
    }
}
