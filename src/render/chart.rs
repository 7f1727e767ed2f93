//! Charts as parts of pages: SVG whose colours, widths and text sizes are the page's sheet's to say. Time goes from left to
//! right, values go up, from zero unless that is not wanted, series differ by their dashes as well, and where there is no value there is a gap.

mod canvas;
mod ticks;

use plotters::style::text_anchor::{HPos, VPos};

use self::canvas::{Canvas, Ink, Point};
pub use self::ticks::Axis;

/// Units of a chart's width. The sheet's widths and text sizes are in these.
const WIDTH: i32 = 4000;
/// Units of the height between the axes' ends.
const HEIGHT: i32 = 1800;
/// Units of a line of text, at the largest size that the sheet has.
const LINE: i32 = 230;
/// Units of a character, at the largest size that the sheet has.
const CHARACTER: i32 = 88;
/// Units between a label and what it belongs to.
const GAP: i32 = 60;
/// Units of a line in the legend.
const SAMPLE: i32 = 330;
/// Marks of the vertical axis, about.
const VALUE_TICKS: usize = 5;
/// Points of a series that are drawn; of more, the lowest and the highest of each few.
const POINTS_MAX: usize = 240;
/// What is beyond this is drawn as this, so that there is room for arithmetic.
const VALUE_MAX: f64 = 1e300;
/// The same for times and places: about the year 9500.
const PLACE_MAX: f64 = 2.4e14;
/// Share of a place's size, or of 1, within which two places are the same.
const PLACE_RESOLUTION: f64 = 1e-9;
/// Share of a value's size within which two values are the same.
const VALUE_RESOLUTION: f64 = 1e-6;
/// What is nearer to zero than this is zero.
const VALUE_MIN: f64 = 1e-300;
/// How many times as high as everything else a threshold can be and still be drawn; a higher one is only in the legend.
const THRESHOLD_FACTOR_MAX: f64 = 2.0;

/// A line or a row of bars.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    /// Its name in the legend.
    pub label: &'a str,
    /// Places and values, from left to right. `None`, like what is no number, is a gap.
    pub points: &'a [(f64, Option<f64>)],
}

/// What a chart shows.
#[derive(Clone, Copy, Debug)]
pub struct Chart<'a> {
    /// Its name, for those who do not see it.
    pub title: &'a str,
    /// What is to be seen in it, for them.
    pub description: &'a str,
    /// What the horizontal axis counts; empty where that is plain.
    pub x_label: &'a str,
    /// The unit of the values.
    pub y_label: &'a str,
    /// How places are printed.
    pub x: Axis<'a>,
    /// The lines or bars. Several have a legend.
    pub series: &'a [Series<'a>],
    /// A value that the others are to be compared with, and its name, which has the value in it.
    pub threshold: Option<(f64, &'a str)>,
    /// From which place to which it goes, whatever places the points have; `None`: as far as these.
    pub between: Option<(f64, f64)>,
    /// Whether values begin at zero, as amounts do. Others, such as temperatures, begin where they are.
    pub from_zero: bool,
}

/// A chart with lines. Any numbers make one.
pub fn lines(chart: &Chart) -> String {
    drawn(chart, false, |frame, canvas| {
        for (number, series) in chart.series.iter().enumerate() {
            for part in parts(series.points) {
                let points = part.iter().map(|(x, y)| frame.point(*x, *y)).collect();
                canvas.line(points, Ink::Line(number), Ink::Area(number));
            }
        }
    })
}

/// A chart with bars from zero, those of several series beside each other.
pub fn bars(chart: &Chart) -> String {
    /// Of the room of a bar, how much is left free in percent.
    const FREE_PERCENT: i32 = 20;
    drawn(chart, true, |frame, canvas| {
        let count = i32::try_from(chart.series.len()).unwrap_or(1).max(1);
        let room = (frame.bar_room / count).max(2);
        let width = (room - room * FREE_PERCENT / 100).max(1);
        for (number, series) in (0..count).zip(chart.series) {
            let known = series.points.iter().filter_map(|(x, y)| Some((place(*x)?, value(*y)?)));
            for (x, y) in known {
                let (middle, top) = frame.point(x, y);
                let left = middle - room * count / 2 + room * number + (room - width) / 2;
                let (top, bottom) = (top.min(frame.zero()), top.max(frame.zero()));
                canvas.rectangle(
                    (left, top),
                    (left + width, bottom),
                    Ink::Area(usize::try_from(number).unwrap_or(0)),
                );
            }
        }
    })
}

/// The text of a chart whose series `draw` draws.
fn drawn(chart: &Chart, has_bars: bool, draw: impl FnOnce(&Frame, &Canvas)) -> String {
    let frame = Frame::of(chart, has_bars);
    let size = (WIDTH as u32, frame.height as u32);
    let mut text = String::new();
    {
        let canvas = Canvas::new(&mut text, size);
        frame.draw_axes(chart, &canvas);
        frame.draw_legend(chart, &canvas);
        draw(&frame, &canvas);
        frame.draw_threshold(chart, &canvas);
    }
    canvas::finished(&text, size, chart.title, chart.description)
}

fn place(x: f64) -> Option<f64> {
    x.is_finite().then(|| x.clamp(-PLACE_MAX, PLACE_MAX))
}

fn value(y: Option<f64>) -> Option<f64> {
    let known = y.filter(|y| y.is_finite()).map(|y| y.clamp(-VALUE_MAX, VALUE_MAX));
    known.map(|y| if y.abs() < VALUE_MIN { 0.0 } else { y })
}

/// The points between gaps, no more than can be told apart.
fn parts(points: &[(f64, Option<f64>)]) -> Vec<Vec<(f64, f64)>> {
    let few = points.len().div_ceil(POINTS_MAX / 2);
    let mut parts = vec![Vec::new()];
    for chunk in points.chunks(if points.len() > POINTS_MAX { few } else { 1 }) {
        let known = chunk.iter().filter_map(|(x, y)| Some((place(*x)?, value(*y)?)));
        let lowest = known.clone().min_by(|a, b| a.1.total_cmp(&b.1));
        let highest = known.max_by(|a, b| a.1.total_cmp(&b.1));
        match (lowest.zip(highest), parts.last_mut()) {
            (Some((low, high)), Some(part)) if low == high => part.push(low),
            (Some((low, high)), Some(part)) => {
                part.extend(if low.0 <= high.0 { [low, high] } else { [high, low] })
            }
            _ => parts.push(Vec::new()),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Where things are in a chart.
struct Frame {
    /// Of the whole chart.
    height: i32,
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
    x: (f64, f64),
    y: (f64, f64),
    y_ticks: Vec<ticks::Tick>,
    /// Units between the nearest two places, for bars.
    bar_room: i32,
    has_bars: bool,
    is_empty: bool,
}

impl Frame {
    fn of(chart: &Chart, has_bars: bool) -> Self {
        let all = || chart.series.iter().flat_map(|series| series.points);
        let known = || all().filter_map(|(x, y)| Some((place(*x)?, value(*y)?)));
        let y = y_range(known().map(|(_, y)| y), chart.threshold.map(|(value, _)| value), chart.from_zero);
        let y_ticks = ticks::numbers(y.0, y.1, VALUE_TICKS + 1);
        let widest = y_ticks.iter().map(|(_, label)| width(label)).max().unwrap_or(0);
        let left = widest + GAP;
        let ends = chart.between.map(|(from, to)| [from, to]).into_iter().flatten();
        let places = all().map(|(x, _)| *x).chain(ends).filter_map(place).collect();
        let (x, bar_share) = x_range(places, chart.x.least_width(), has_bars);
        let top = LINE * legend_rows(chart, has_bars) + GAP;
        let bottom = top + HEIGHT;
        let below = if chart.x_label.is_empty() { LINE + GAP } else { 2 * LINE };
        let right = WIDTH - 2 * CHARACTER;
        Self {
            height: bottom + below,
            left,
            right,
            top,
            bottom,
            x,
            y,
            y_ticks,
            bar_room: (bar_share * f64::from(right - left)) as i32,
            has_bars,
            is_empty: known().next().is_none(),
        }
    }

    fn point(&self, x: f64, y: f64) -> Point {
        let across = (x - self.x.0) / (self.x.1 - self.x.0);
        let up = y / (self.y.1 - self.y.0) - self.y.0 / (self.y.1 - self.y.0);
        let between = |from: i32, to: i32, share: f64| {
            from + (share.clamp(0.0, 1.0) * f64::from(to - from)).round() as i32
        };
        (between(self.left, self.right, across), between(self.bottom, self.top, up))
    }

    fn zero(&self) -> i32 {
        self.point(self.x.0, 0.0).1
    }

    fn draw_axes(&self, chart: &Chart, canvas: &Canvas) {
        for (value, label) in &self.y_ticks {
            let (_, y) = self.point(self.x.0, *value);
            let ink = if *value == 0.0 { Ink::Axis } else { Ink::Grid };
            canvas.stroke((self.left, y), (self.right, y), ink);
            canvas.text(label, (self.left - GAP, y), HPos::Right, VPos::Center, Ink::Label);
        }
        // A guess at the labels' width, for the number of labels that decides what they are.
        let longest =
            chart.x.ticks(self.x.0, self.x.1, 4).iter().map(|(_, label)| width(label)).max().unwrap_or(0);
        let count = (self.right - self.left) / (longest + 2 * CHARACTER) + 1;
        for (place, label) in chart.x.ticks(self.x.0, self.x.1, usize::try_from(count).unwrap_or(2).min(8)) {
            let (x, _) = self.point(place, 0.0);
            canvas.stroke((x, self.bottom), (x, self.bottom + GAP), Ink::Axis);
            // The outermost stay within the chart.
            let half = width(&label) / 2;
            let x = x.clamp(half.min(WIDTH / 2), (WIDTH - half).max(WIDTH / 2));
            canvas.text(&label, (x, self.bottom + GAP + GAP / 2), HPos::Center, VPos::Top, Ink::Label);
        }
        if !chart.x_label.is_empty() {
            let at = (self.right, self.bottom + LINE + 2 * GAP / 3);
            canvas.text(chart.x_label, at, HPos::Right, VPos::Top, Ink::Label);
        }
        canvas.text(chart.y_label, (0, 0), HPos::Left, VPos::Top, Ink::Label);
        if self.is_empty {
            let at = ((self.left + self.right) / 2, (self.top + self.bottom) / 2);
            canvas.text("–", at, HPos::Center, VPos::Center, Ink::Nothing);
        }
    }

    fn draw_legend(&self, chart: &Chart, canvas: &Canvas) {
        for Entry { row, left, label, ink } in legend(chart, self.has_bars) {
            let (top, middle) = (row * LINE, row * LINE + LINE / 4);
            let right = left + SAMPLE - GAP;
            match ink {
                // As the bars look.
                Ink::Area(_) => canvas.rectangle((left + GAP, top), (right, top + LINE / 2), ink),
                _ => canvas.stroke((left, middle), (right, middle), ink),
            }
            canvas.text(label, (left + SAMPLE, top), HPos::Left, VPos::Top, Ink::Label);
        }
    }

    fn draw_threshold(&self, chart: &Chart, canvas: &Canvas) {
        let Some((threshold, _)) = chart.threshold else { return };
        let Some(threshold) = value(Some(threshold)) else { return };
        // One that is far above everything would flatten it: its name and number in the legend are enough.
        if threshold <= self.y.1 {
            let (_, y) = self.point(self.x.0, threshold);
            canvas.stroke((self.left, y), (self.right, y), Ink::Threshold);
        }
    }
}

/// From the first place to the last, with room for half a bar at both ends where there are bars, and the share of that which
/// is a bar's: as much as lies between the nearest two.
fn x_range(mut places: Vec<f64>, least_width: f64, has_bars: bool) -> ((f64, f64), f64) {
    places.sort_by(f64::total_cmp);
    let (first, last) = places.first().copied().zip(places.last().copied()).unwrap_or((0.0, least_width));
    // What is nearer than this is the same place, as far as numbers of this size can tell.
    let least = (first.abs().max(last.abs()) * PLACE_RESOLUTION).max(PLACE_RESOLUTION);
    let apart = places.windows(2).map(|pair| pair[1] - pair[0]).filter(|apart| *apart >= least);
    let nearest = apart.fold(f64::INFINITY, f64::min);
    let nearest = if nearest.is_finite() { nearest } else { least_width.max(2.0 * least) };
    let half = nearest / 2.0;
    let (from, to) =
        if has_bars || last - first < least { (first - half, last + half) } else { (first, last) };
    ((from, to), (nearest / (to - from)).clamp(0.0, 1.0))
}

/// From zero, or from the lowest where that is below it, to a mark above the highest. Without zero, from a mark below the
/// lowest.
fn y_range(values: impl Iterator<Item = f64> + Clone, threshold: Option<f64>, from_zero: bool) -> (f64, f64) {
    let zero = from_zero.then_some(0.0);
    let lowest = values.clone().chain(zero).fold(f64::INFINITY, f64::min);
    let highest = values.chain(zero).fold(f64::NEG_INFINITY, f64::max);
    if lowest > highest {
        return (0.0, 1.0);
    }
    let drawn = threshold.and_then(|threshold| value(Some(threshold)));
    let drawn = drawn.filter(|drawn| highest == 0.0 || *drawn <= highest * THRESHOLD_FACTOR_MAX);
    let (lowest, highest) = drawn.map_or((lowest, highest), |drawn| (lowest.min(drawn), highest.max(drawn)));
    if lowest == 0.0 && highest == 0.0 {
        return (0.0, 1.0);
    }
    // Values that are all the same have some room around them, as far as numbers of this size can tell.
    let least = highest.abs().max(lowest.abs()) * VALUE_RESOLUTION;
    let (lowest, highest) =
        if highest - lowest < least { (lowest - least, highest + least) } else { (lowest, highest) };
    let step = ticks::step(highest - lowest, VALUE_TICKS);
    ((lowest / step).floor() * step, (highest / step).ceil() * step)
}

/// Units of a text's width, about.
fn width(text: &str) -> i32 {
    i32::try_from(text.chars().count()).unwrap_or(WIDTH).min(WIDTH / CHARACTER) * CHARACTER
}

/// A name in the legend, and where it stands.
struct Entry<'a> {
    row: i32,
    left: i32,
    label: &'a str,
    ink: Ink,
}

/// The names of the series, unless there is one only, whose name is the chart's, and of the threshold.
fn legend<'a>(chart: &Chart<'a>, has_bars: bool) -> Vec<Entry<'a>> {
    let series = if chart.series.len() < 2 { &[] } else { chart.series };
    let names = series
        .iter()
        .enumerate()
        .map(|(number, series)| (series.label, if has_bars { Ink::Area(number) } else { Ink::Line(number) }));
    let names = names.chain(chart.threshold.map(|(_, label)| (label, Ink::Threshold)));
    let (mut row, mut left) = (0, width(chart.y_label) + 2 * GAP);
    let mut entries = Vec::new();
    for (label, ink) in names {
        let needed = SAMPLE + width(label) + 2 * GAP;
        if left + needed > WIDTH && left > 0 {
            (row, left) = (row + 1, 0);
        }
        entries.push(Entry { row, left, label, ink });
        left += needed;
    }
    entries
}

fn legend_rows(chart: &Chart, has_bars: bool) -> i32 {
    legend(chart, has_bars).last().map_or(1, |entry| entry.row + 1)
}

#[cfg(test)]
mod tests;
