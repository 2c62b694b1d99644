//! Small sweeps, printed as grids: a change of behaviour is reviewed as a change of a table.

use rollsim::diag::SourceFile;
use rollsim::experiment::sweep::{Axis, Point, grid, sweep};
use rollsim::metrics::Summary;
use rollsim::scenario;
use rollsim::scenario::overlay::Overlay;

/// Half of the tasks of the new version may end after a second, on a service that is rolled all at once.
const SCENARIO: &str = r#"{
  "rollsim": 1, "name": "order-and-failures", "seed": 1, "duration": "120s", "cluster": {"workers": 2},
  "images": {
    "app:1": {"prepare": "2s", "start": "1s", "stop": "500ms", "service_time": "5ms"},
    "app:2": {"like": "app:1", "outcome": {"exit": {"after": "1s", "code": 1}}}
  },
  "services": {"web": {"image": "app:1", "ports": ["80:80"],
    "deploy": {"replicas": 2, "update_config": {"monitor": "10s", "failure_action": "rollback"}}}},
  "traffic": {"clients": {"users": {"service": "web", "rate": "20/s", "arrivals": "constant"}}},
  "timeline": [{"at": "20s", "run": "docker service update --image app:2 web"}]
}"#;

const SEEDS: usize = 40;

/// One row for each value of the first axis, one column for each value of the second.
fn table(rows: &str, columns: &str, cell: fn(&[Summary]) -> String) -> String {
    let axes = [rows, columns].map(|axis| Axis::parse(axis).expect("an axis"));
    let source = SourceFile { name: "table.json".to_owned(), text: SCENARIO.to_owned() };
    let point = |values: Vec<String>| {
        let assignments = axes.iter().zip(&values).map(|(axis, value)| format!("{}={value}", axis.path));
        let overlays: Vec<Overlay> = assignments.map(|assignment| Overlay::set(&assignment)).collect();
        let scenario = scenario::load(&source, &overlays).unwrap_or_else(|problems| panic!("{problems:?}"));
        Point { values, scenario }
    };
    let points: Vec<Point> = grid(&axes).into_iter().map(point).collect();
    let results = sweep(&points, SEEDS, &|| ());
    let [rows, columns] = &axes;
    let mut text = format!("{:<14}", "");
    text.extend(columns.values.iter().map(|value| format!("{value:>18}")));
    for (row, results) in rows.values.iter().zip(results.chunks(columns.values.len())) {
        text += &format!("\n{row:<14}");
        text.extend(results.iter().map(|runs| format!("{:>18}", cell(runs))));
    }
    text
}

fn mean(runs: &[Summary], value: fn(&Summary) -> f64) -> f64 {
    runs.iter().map(value).sum::<f64>() / runs.len() as f64
}

/// Mean downtime in seconds and mean share of failed requests in percent.
fn downtime_and_failures(runs: &[Summary]) -> String {
    let downtime = mean(runs, |run| run.totals.downtime.total.as_secs_f64());
    let failed = mean(runs, |run| {
        run.totals.requests.as_ref().and_then(|requests| requests.failed_share).expect("there are requests")
    });
    format!("{downtime:.3} s {:.2} %", failed * 100.0)
}

#[test]
fn downtime_by_order_and_share_of_bad_tasks() {
    let orders = "update.order=stop-first,start-first";
    let shares = "images.app:2.fail_share=0,0.25,0.5,0.75,1";
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("downtime", table(orders, shares, downtime_and_failures)));
}
