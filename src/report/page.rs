//! The page of a run: one file that shows everything, without network, and without JavaScript too.
//!
//! What it looks like is said by the files in page/: the template, the style sheet and the script. Here is what they are filled
//! with.

mod replay;
mod verdict;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use super::chart::TimelineData;
use super::chart::markup::{Charts, Panel, Version};
use super::console::readable;
use super::story::{StoryLine, seconds};
use crate::kernel::{Span, Time};
use crate::metrics::path::{Kind, Value};
use crate::metrics::request_series::RequestBins;
use crate::metrics::summary::{ServiceSummary, Update};
use crate::metrics::task_log::TaskChange;
use crate::metrics::{MetricPath, Summary, meaning};
use crate::sim::Plan;
pub use replay::Replay;
use verdict::{Fared, Verdict};

const TEMPLATE: &str = include_str!("page/template.html");
const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// What the page is made of.
#[derive(Clone, Copy, Debug)]
pub struct PageData<'a> {
    /// What the charts show.
    pub timeline: TimelineData<'a>,
    /// What ran.
    pub plan: &'a Plan,
    /// Requests over time.
    pub requests: &'a RequestBins,
    /// Every change of every task.
    pub tasks: &'a [TaskChange],
    /// How each task looks, at every instant.
    pub replay: &'a Replay,
    /// What happened, in words.
    pub story: &'a [StoryLine],
    /// What it comes to.
    pub summary: &'a Summary,
}

#[derive(Serialize)]
struct Page<'a> {
    style: &'static str,
    script: &'static str,
    replay: String,
    rollsim: &'static str,
    run: &'a str,
    seed: u64,
    digest: &'a str,
    fingerprint: &'a str,
    end: String,
    versions: Vec<Version>,
    warnings: &'a [String],
    /// Of the whole run; `None`: no service was ever created.
    verdict: Option<Verdict>,
    services: Vec<Service<'a>>,
    events: Vec<Event<'a>>,
}

/// A section of the page.
#[derive(Serialize)]
struct Service<'a> {
    name: &'a str,
    window: [String; 2],
    verdict: Verdict,
    panels: Vec<Panel>,
    metrics: Vec<Metric>,
    updates: Vec<UpdateRow<'a>>,
    versions: Vec<Counts<'a>>,
    clients: Vec<Counts<'a>>,
    downtimes: Vec<[String; 3]>,
}

#[derive(Serialize)]
struct Metric {
    name: String,
    value: String,
    meaning: &'static str,
}

#[derive(Serialize)]
struct UpdateRow<'a> {
    kind: &'static str,
    from: &'a str,
    to: &'a str,
    start: String,
    duration: String,
    detect: String,
    restore: String,
    outcome: &'static str,
}

#[derive(Serialize)]
struct Counts<'a> {
    name: &'a str,
    total: u64,
    failed: u64,
}

#[derive(Serialize)]
struct Event<'a> {
    ms: u64,
    at: String,
    text: &'a str,
}

/// The page as an HTML document.
pub fn html(data: &PageData<'_>) -> String {
    let charts = Charts::new(data.timeline, data.requests);
    let summary = data.summary;
    let services = verdict::worst_first(summary, data.plan, data.tasks);
    let page = Page {
        style: STYLE,
        script: SCRIPT,
        replay: embedded(&data.replay.script(data.plan, summary, &charts, data.timeline.rows, data.requests)),
        rollsim: env!("CARGO_PKG_VERSION"),
        run: &summary.scenario,
        seed: summary.seed,
        digest: &summary.digest,
        fingerprint: &summary.fingerprint,
        end: length(summary.end.since_start()),
        versions: charts.versions(),
        warnings: &summary.warnings,
        verdict: verdict::of_run(&services, summary, data.tasks),
        services: services.iter().map(|fared| section(fared, data, &charts)).collect(),
        events: data.story.iter().map(event).collect(),
    };
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("the usual delimiters are valid"));
    environment.render_str(TEMPLATE, Serde(page)).expect("the template fits what it is filled with")
}

/// As JSON that no name of a user's can break out of.
fn embedded(script: &impl Serialize) -> String {
    serde_json::to_string(script).expect("numbers and texts can be written as JSON").replace('<', "\\u003c")
}

fn section<'a>(fared: &Fared<'a>, data: &PageData<'a>, charts: &Charts<'_>) -> Service<'a> {
    let service = fared.service;
    let requests = service.requests.as_ref();
    let versions = requests.into_iter().flat_map(|requests| &requests.by_version);
    let clients = requests.into_iter().flat_map(|requests| &requests.by_client);
    let point = |time: Time| length(time.since_start());
    Service {
        name: &service.name,
        window: service.window.map(seconds),
        verdict: fared.verdict(data.summary, data.tasks),
        panels: charts.panels(fared.id),
        metrics: metrics(service),
        updates: service.updates.iter().map(update).collect(),
        versions: versions.map(|v| Counts { name: &v.image, total: v.total, failed: v.failed }).collect(),
        clients: clients.map(|c| Counts { name: &c.client, total: c.total, failed: c.failed }).collect(),
        downtimes: service
            .downtime
            .intervals
            .iter()
            .map(|[from, to]| [point(*from), point(*to), length(*to - *from)])
            .collect(),
    }
}

/// All metrics of the service that have a value, those of its updates left out, and counts of what did not happen.
fn metrics(service: &ServiceSummary) -> Vec<Metric> {
    let metric = |metric: MetricPath| {
        let name = metric.to_string();
        let value = metric.value(service)?;
        let is_split = name.starts_with("requests.by_");
        if name.starts_with("update.") || is_split && metric.kind() == Kind::Count && value == Value::Count(0) {
            return None;
        }
        let meaning = meaning::of(&name).unwrap_or_default();
        Some(Metric { name, value: readable(Some(value)), meaning })
    };
    MetricPath::all().filter_map(metric).collect()
}

fn update(update: &Update) -> UpdateRow<'_> {
    let span = |span: Option<Span>| readable(span.map(Value::Duration));
    UpdateRow {
        kind: update.kind.name(),
        from: &update.from,
        to: &update.to,
        start: length(update.start.since_start()),
        duration: span(update.duration()),
        detect: span(update.detect),
        restore: span(update.restore),
        outcome: update.outcome.name(),
    }
}

fn event(line: &StoryLine) -> Event<'_> {
    Event { ms: line.at.as_millis(), at: seconds(line.at), text: &line.text }
}

fn length(span: Span) -> String {
    readable(Some(Value::Duration(span)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::fixture::{Feed, NEW, OK, OLD, REFUSED, plan, request, summary};
    use crate::metrics::{RequestSeries, TaskLog, Timeline};
    use crate::model::task::TaskState;
    use crate::model::update::{UpdateMessage, UpdateState};
    use crate::observe::SpecCause;
    use crate::report::{Lanes, Names};

    type Observers = ((Lanes, Timeline), ((TaskLog, RequestSeries), Replay));

    fn page(plan: &Plan, summary: &Summary, tell: impl FnOnce(&mut Feed<Observers>)) -> String {
        let services = plan.services.len();
        let observers = (
            (Lanes::default(), Timeline::new(services)),
            ((TaskLog::new(), RequestSeries::new(services)), Replay::default()),
        );
        let mut feed = Feed::new(observers);
        tell(&mut feed);
        let ((lanes, rows), ((tasks, requests), replay)) = feed.end(20_000);
        let (rows, requests) = (rows.finish(Time::from_millis(20_000)), requests.finish());
        let story = [StoryLine { at: Time::from_millis(1_500), text: "web: <created>".to_owned() }];
        let timeline =
            TimelineData { names: &Names::of(plan), end: Time::from_millis(20_000), lanes: &lanes, rows: &rows };
        html(&PageData {
            plan,
            timeline,
            requests: &requests,
            tasks: tasks.changes(),
            replay: &replay,
            story: &story,
            summary,
        })
    }

    fn rollout(feed: &mut Feed<Observers>) {
        let answered = |sent| request(0, sent, sent + 20, Some(0), OK);
        feed.spec(SpecCause::Create, 1, OLD).at(2_000).start(OLD).request(answered(3_000));
        feed.at(10_000).spec(SpecCause::Update, 1, NEW).status(UpdateState::Updating, UpdateMessage::InProgress);
        feed.stop(0).create(NEW).at(11_000).request(request(0, 11_000, 11_000, None, REFUSED));
        feed.at(12_000).state(1, TaskState::Starting).at(13_000).state(1, TaskState::Failed);
    }

    #[test]
    fn a_run_without_services_has_a_page_too() {
        let summary = Summary { services: Vec::new(), ..summary() };
        assert!(page(&plan(), &summary, |_| ()).contains("<h1>no service was ever created</h1>"));
    }

    #[test]
    fn the_first_screen_tells_of_all_services_and_each_has_its_own_verdict() {
        let mut summary = summary();
        let db = ServiceSummary { name: "db".to_owned(), updates: Vec::new(), ..summary.services[0].clone() };
        summary.services.insert(0, db);
        let page = page(&plan(), &summary, rollout);
        let (header, sections) = page.split_once("</header>").expect("there is a header");
        assert!(header.contains("Was web down?") && header.contains("Beside it: db was down 2 times"), "{header}");
        let places = [r#"data-service="web""#, r#"class="headline""#, r#"data-service="db""#, "Was it down?"];
        assert!(places.map(|text| sections.find(text).expect(text)).is_sorted());
    }

    #[test]
    fn the_same_run_gives_the_same_page() {
        assert_eq!(page(&plan(), &summary(), rollout), page(&plan(), &summary(), rollout));
    }

    #[test]
    fn everything_is_on_the_page() {
        let page = page(&plan(), &summary(), rollout);
        let titles = ["Slots and their tasks", "Tasks in rotation", "Requests per second", "Latency of answers"];
        let texts = ["<h1>", "Was it down?", "web.1", "answered by app:1", "refused", "requests.availability"];
        for text in titles.iter().chain(&texts).chain(&["app:1.0", "rollback_completed", "1.500s"]) {
            assert!(page.contains(text), "{text} is missing");
        }
    }

    #[test]
    fn a_page_needs_nothing_from_elsewhere() {
        let page = page(&plan(), &summary(), rollout);
        for word in ["http:", "https:", "//", " src=", "@import", "<link"] {
            assert!(!page.replace(SCRIPT, "").contains(word), "{word}");
        }
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn names_are_never_markup() {
        let evil = "</script><script>alert(1)</script>\"'&";
        let (mut plan, mut summary) = (plan(), summary());
        plan.services[crate::metrics::fixture::WEB] = evil.to_owned();
        plan.images[OLD].name = evil.to_owned();
        (summary.scenario, summary.services[0].name) = (evil.to_owned(), evil.to_owned());
        summary.warnings = vec![evil.to_owned()];
        summary.services[0].updates[0].to = evil.to_owned();
        let page = page(&plan, &summary, rollout);
        assert!(!page.contains("<script>alert") && !page.contains("</script><"), "{page}");
        assert!(page.contains("web: &lt;created&gt;"));
    }
}
