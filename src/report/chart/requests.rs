//! The requests of a run over time: how they ended, and how long the answers took.

use super::super::picture::{Align, Color, Picture, Point};
use super::super::{Names, font};
use super::axis::TimeAxis;
use super::brush::{self, Look};
use super::legend::Sample;
use super::palette::{self, BAD, GOOD, GREY, HEADING, INK, LABEL, TITLE};
use super::panels;
use crate::kernel::{Span, Time};
use crate::metrics::request_series::{RequestBin, RequestBins};
use crate::metrics::summary::Latency;
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
        let chart = Chart { bins, width: data.requests.width, axis: &axis };
        chart.outcomes(&mut picture, y);
        y += panels::HEIGHT;
        if bins.iter().any(|bin| bin.latency.is_some()) {
            chart.latency(&mut picture, y);
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

/// The requests of one service.
struct Chart<'a> {
    bins: &'a [RequestBin],
    width: Span,
    axis: &'a TimeAxis,
}

impl Chart<'_> {
    /// How many requests ended in each way, per second, one above the other: those that failed at the bottom.
    fn outcomes(&self, picture: &mut Picture, top: i32) {
        let rates: Vec<[f64; RequestOutcome::KINDS]> =
            (0..).zip(self.bins).map(|(number, bin)| self.rates(number, bin)).collect();
        let is_used = |kind: usize| rates.iter().any(|rates| rates[kind] > 0.0);
        let key: Vec<(Sample, String)> = RequestOutcome::names()
            .enumerate()
            .filter(|(kind, _)| is_used(*kind))
            .map(|(kind, name)| (Sample::Bar(look(kind).0, look(kind).1), name.to_owned()))
            .collect();
        let most = rates.iter().map(|rates| rates.iter().sum()).fold(0.0, f64::max);
        let heading = self.heading("Requests per second", "mean");
        let values = panels::frame(picture, self.axis, top, (&heading, &key), (most, most >= 4.0));
        for (number, rates) in rates.iter().enumerate() {
            let (left, right) = (self.axis.x(self.start(number)), self.axis.x(self.start(number + 1)));
            let mut below = 0.0;
            for kind in (1..RequestOutcome::KINDS).chain([0]).filter(|kind| rates[*kind] > 0.0) {
                let (look, color) = look(kind);
                let bottom = values.y(below);
                below += rates[kind];
                // A single failure still shows.
                let least = if kind == 0 { 0 } else { 2 };
                brush::bar(picture, (left, values.y(below).min(bottom - least)), (right, bottom), look, color);
            }
        }
    }

    /// Percentiles of the latency of answers.
    fn latency(&self, picture: &mut Picture, top: i32) {
        let millis = |span: Span| span.as_nanos() as f64 / 1e6;
        let most = self.bins.iter().filter_map(|bin| bin.latency).map(|l| millis(l.p99)).fold(0.0, f64::max);
        let key = [
            (Sample::Line(INK), "median".to_owned()),
            (Sample::Line(palette::version(0)), "p90".to_owned()),
            (Sample::Dashes(BAD), "p99".to_owned()),
        ];
        let heading = self.heading("Latency of answers in milliseconds", "percentiles");
        let values = panels::frame(picture, self.axis, top, (&heading, &key), (most, most >= 4.0));
        let y = |span: Span| values.y(millis(span));
        for line in self.lines(|latency| y(latency.p99)) {
            for part in line.windows(2) {
                picture.dashes(part[0].min(part[1]), part[0].max(part[1]), 2, BAD);
            }
        }
        for line in self.lines(|latency| y(latency.p90)) {
            picture.path(line, 2, palette::version(0));
        }
        for line in self.lines(|latency| y(latency.p50)) {
            picture.path(line, 2, INK);
        }
    }

    /// Lines of steps, broken where there are no answers.
    fn lines(&self, y: impl Fn(&Latency) -> i32) -> Vec<Vec<Point>> {
        let mut lines: Vec<Vec<Point>> = Vec::new();
        let mut is_open = false;
        for (number, bin) in self.bins.iter().enumerate() {
            if let Some(latency) = &bin.latency {
                let y = y(latency);
                let (left, right) = (self.axis.x(self.start(number)), self.axis.x(self.start(number + 1)));
                if !is_open {
                    lines.push(Vec::new());
                }
                lines.last_mut().into_iter().for_each(|line| line.extend([(left, y), (right, y)]));
            }
            is_open = bin.latency.is_some();
        }
        lines
    }

    /// Requests per second that ended in each way.
    fn rates(&self, number: usize, bin: &RequestBin) -> [f64; RequestOutcome::KINDS] {
        let seconds = (self.start(number + 1) - self.start(number)).as_secs_f64();
        bin.outcomes().map(|count| if seconds > 0.0 { count as f64 / seconds } else { 0.0 })
    }

    /// When the bin of this number begins.
    fn start(&self, number: usize) -> Time {
        (Time::ZERO + self.width * number as u64).min(self.axis.end)
    }

    fn heading(&self, what: &str, of: &str) -> String {
        if self.width == Span::from_secs(1) { what.to_owned() } else { format!("{what}, {of} of {}", self.width) }
    }
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

    #[test]
    fn a_line_is_broken_where_nothing_was_answered() {
        let axis = TimeAxis { left: 0, right: 100, end: Time::from_millis(10_000) };
        let mut series = RequestSeries::new(2);
        for second in [1, 2, 5] {
            series.request(&request(0, second * 1_000 - 500, second * 1_000 - 400, Some(0), OK));
        }
        let bins = series.finish();
        let chart =
            Chart { bins: &bins.services.values().next().expect("a service")[..], width: bins.width, axis: &axis };
        let lines: Vec<Vec<i32>> =
            chart.lines(|_| 0).iter().map(|line| line.iter().map(|(x, _)| *x).collect()).collect();
        assert_eq!(lines, [vec![0, 10, 10, 20], vec![40, 50]]);
    }
}
