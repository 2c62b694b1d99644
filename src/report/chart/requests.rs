//! The requests of a run over time: how they ended, and how long the answers took.

use super::super::picture::{Align, Color, Picture};
use super::super::{Names, font};
use super::axis::TimeAxis;
use super::bins::{Bins, Column, millis};
use super::brush::{self, Look};
use super::legend::Sample;
use super::palette::{self, BAD, GOOD, GREY, HEADING, INK, LABEL, TITLE};
use super::panels;
use crate::kernel::{Span, Time};
use crate::metrics::request_series::{RequestBin, RequestBins};
use crate::model::request::RequestOutcome;

const WIDTH: u32 = 1_200;
const MARGIN: i32 = 24;
/// From the left end to the plots: room for the numbers of the axes.
const LEFT: i32 = MARGIN + 64;
/// Most services that are drawn.
const SERVICES: usize = 8;

/// What the chart shows.
#[derive(Clone, Copy, Debug)]
pub struct RequestsData<'a> {
    /// Names of everything, and the seed.
    pub names: &'a Names,
    /// End of the run.
    pub end: Time,
    /// Requests over time.
    pub requests: &'a RequestBins,
}

/// Draws the requests of every service that has any; `None`: there are none.
pub fn requests(data: &RequestsData<'_>) -> Option<Picture> {
    let is_called = |bins: &[RequestBin]| bins.iter().any(|bin| !bin.versions.is_empty());
    let services: Vec<(&str, &[RequestBin])> = data
        .names
        .services
        .iter()
        .map(|(id, name)| (name.as_str(), data.requests.services[id].as_slice()))
        .filter(|(_, bins)| is_called(bins))
        .take(SERVICES)
        .collect();
    if services.is_empty() {
        return None;
    }
    let mut picture = Picture::new(WIDTH, 0);
    let end = data.end.max(Time::from_millis(1));
    let axis = TimeAxis { left: LEFT, right: picture.width() - MARGIN, end };
    let seed = MARGIN + font::width(&data.names.scenario, TITLE) * 11 / 10 + 16;
    picture.text((MARGIN, 28), data.names.scenario.as_str(), TITLE, Align::Left, INK);
    picture.text((seed, 29), format!("seed {}", data.names.seed), LABEL, Align::Left, GREY);
    let mut y = 50;
    for (name, bins) in services {
        if data.names.services.len() > 1 {
            picture.text((MARGIN, y + 12), name, HEADING, Align::Left, INK);
            y += 26;
        }
        let bins = Bins { bins, width: data.requests.width, axis: &axis };
        outcomes(&bins, &mut picture, y);
        y += panels::HEIGHT;
        if bins.has_answers() {
            latency(&bins, &mut picture, y);
            y += panels::HEIGHT;
        }
    }
    for (x, text) in axis.ticks() {
        picture.text((x, y + 4), text, LABEL, Align::Center, GREY);
    }
    picture.text(((axis.left + axis.right) / 2, y + 24), "seconds since the start", LABEL, Align::Center, GREY);
    picture.set_height(y + 44);
    Some(picture)
}

/// How many requests ended in each way, per second, one above the other: those that failed at the bottom.
fn outcomes(bins: &Bins<'_>, picture: &mut Picture, top: i32) {
    let rates = |column: &Column<'_>| column.bin.outcomes().map(|count| column.per_second(count));
    let is_used = |kind: usize| bins.columns().any(|column| rates(&column)[kind] > 0.0);
    let key: Vec<(Sample, String)> = RequestOutcome::names()
        .enumerate()
        .filter(|(kind, _)| is_used(*kind))
        .map(|(kind, name)| (Sample::Bar(look(kind).0, look(kind).1), name.to_owned()))
        .collect();
    let most = bins.columns().map(|column| rates(&column).iter().sum()).fold(0.0, f64::max);
    let heading = heading("Requests per second", bins.note("mean"));
    let values = panels::frame(picture, bins.axis, top, (&heading, &key), (most, most >= 4.0));
    for column in bins.columns() {
        let rates = rates(&column);
        let mut below = 0.0;
        for kind in (1..RequestOutcome::KINDS).chain([0]).filter(|kind| rates[*kind] > 0.0) {
            let (look, color) = look(kind);
            let bottom = values.y(below);
            below += rates[kind];
            // A single failure still shows.
            let least = if kind == 0 { 0 } else { 2 };
            let from = (column.left, values.y(below).min(bottom - least));
            brush::bar(picture, from, (column.right, bottom), look, color);
        }
    }
}

/// Percentiles of the latency of answers.
fn latency(bins: &Bins<'_>, picture: &mut Picture, top: i32) {
    let most = bins.p99_ms_max();
    let key = [
        (Sample::Line(INK), "median".to_owned()),
        (Sample::Line(palette::version(0)), "p90".to_owned()),
        (Sample::Dashes(BAD), "p99".to_owned()),
    ];
    let heading = heading("Latency of answers in milliseconds", bins.note("percentiles"));
    let values = panels::frame(picture, bins.axis, top, (&heading, &key), (most, most >= 4.0));
    let y = |span: Span| values.y(millis(span));
    for line in bins.lines(|latency| y(latency.p99)) {
        for part in line.windows(2) {
            picture.dashes(part[0].min(part[1]), part[0].max(part[1]), 2, BAD);
        }
    }
    for line in bins.lines(|latency| y(latency.p90)) {
        picture.path(line, 2, palette::version(0));
    }
    for line in bins.lines(|latency| y(latency.p50)) {
        picture.path(line, 2, INK);
    }
}

fn heading(what: &str, note: Option<String>) -> String {
    note.map_or_else(|| what.to_owned(), |note| format!("{what}, {note}"))
}

/// How the bars of requests look that ended in this way: no two differ by colour alone.
fn look(kind: usize) -> (Look, Color) {
    const LOOKS: [(Look, Color); RequestOutcome::KINDS] = [
        (Look::Full, GOOD),
        (Look::Hatched, INK),
        (Look::Full, BAD),
        (Look::Hatched, BAD),
        (Look::Half, GREY),
        (Look::Empty, INK),
    ];
    LOOKS[kind]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::RequestSeries;
    use crate::metrics::fixture::{OK, REFUSED, plan, request};
    use crate::model::request::Request;
    use crate::observe::Observer;

    fn drawn(requests: &[Request]) -> Option<String> {
        let mut series = RequestSeries::new(2);
        requests.iter().for_each(|request| series.request(request));
        let (names, end) = (Names::of(&plan()), Time::from_millis(20_000));
        let data = RequestsData { names: &names, end, requests: &series.finish() };
        super::requests(&data).map(|picture| picture.svg())
    }

    #[test]
    fn a_run_without_requests_has_no_chart() {
        assert!(drawn(&[]).is_none());
    }

    #[test]
    fn outcomes_and_latencies_are_in_the_chart() {
        let svg =
            drawn(&[request(0, 100, 900, Some(0), OK), request(0, 1_100, 1_100, None, REFUSED)]).expect("a chart");
        for text in ["test", "seed 7", "web", "ok", "refused", "Requests per second", "p99"] {
            assert!(svg.contains(&format!(">\n{text}\n<")), "{text} is missing");
        }
        assert!(!svg.contains("timeout"), "what did not happen is not in the legend");
        let failed = drawn(&[request(0, 1_100, 1_100, None, REFUSED)]).expect("a chart");
        assert!(!failed.contains("Latency"), "there are no answers");
    }
}
