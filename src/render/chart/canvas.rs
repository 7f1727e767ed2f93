//! Drawing with plotters, and what makes a part of a page of that: classes in place of colours, so that the page's sheet
//! decides how a chart looks in light and in dark, and no attribute that a strict content security policy would refuse.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea as _};
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontDesc, FontFamily, FontStyle, RGBColor, TextStyle};

/// A place in the chart's units, from the upper left corner.
pub type Point = (i32, i32);

/// Attributes of plotters' elements that are kept. The others are the sheet's to say.
const KEPT: [&str; 15] = [
    "x",
    "y",
    "x1",
    "y1",
    "x2",
    "y2",
    "cx",
    "cy",
    "r",
    "width",
    "height",
    "points",
    "dy",
    "text-anchor",
    "transform",
];

/// What something is drawn as: each has a class in the sheet. To plotters it is a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Grid,
    Axis,
    Label,
    Threshold,
    Nothing,
    /// The line of a series, from 0.
    Line(usize),
    /// The area of a series, from 0.
    Area(usize),
}

/// Series that are told apart; more begin again with the first.
const SERIES_INKS: usize = 5;
const CLASSES: [&str; 15] = [
    "grid",
    "axis",
    "label",
    "threshold",
    "nothing",
    "line s1",
    "line s2",
    "line s3",
    "line s4",
    "line s5",
    "f1",
    "f2",
    "f3",
    "f4",
    "f5",
];

impl Ink {
    /// Its place in [`CLASSES`].
    fn place(self) -> u8 {
        let series = |number: usize| (number % SERIES_INKS) as u8;
        match self {
            Self::Grid => 0,
            Self::Axis => 1,
            Self::Label => 2,
            Self::Threshold => 3,
            Self::Nothing => 4,
            Self::Line(number) => 5 + series(number),
            Self::Area(number) => 10 + series(number),
        }
    }

    fn color(self) -> RGBColor {
        RGBColor(0, 0, self.place())
    }

    /// The class of a colour as plotters writes it, `#00000A`.
    fn class(color: &str) -> Option<&'static str> {
        let place = usize::from_str_radix(color.strip_prefix("#0000")?, 16).ok()?;
        CLASSES.get(place).copied()
    }
}

/// A chart that is being drawn. Nothing that is drawn into memory fails.
pub struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

impl<'a> Canvas<'a> {
    /// An empty one of `size`, written to `text`.
    pub fn new(text: &'a mut String, size: (u32, u32)) -> Self {
        Self { area: SVGBackend::with_string(text, size).into_drawing_area() }
    }

    /// A line through points; a dot, where there is one point.
    pub fn line(&self, points: Vec<Point>, ink: Ink, area: Ink) {
        /// Of a point without neighbours.
        const RADIUS: i32 = 28;
        let drawn = match points.as_slice() {
            [] => Ok(()),
            [point] => self.area.draw(&Circle::new(*point, RADIUS, area.color().filled())),
            _ => self.area.draw(&PathElement::new(points, ink.color())),
        };
        debug_assert!(drawn.is_ok(), "drawing to memory");
    }

    /// A straight line.
    pub fn stroke(&self, from: Point, to: Point, ink: Ink) {
        self.line(vec![from, to], ink, ink);
    }

    /// A filled rectangle between two corners.
    pub fn rectangle(&self, from: Point, to: Point, ink: Ink) {
        let drawn = self.area.draw(&Rectangle::new([from, to], ink.color().filled()));
        debug_assert!(drawn.is_ok(), "drawing to memory");
    }

    /// Text beside a point.
    pub fn text(&self, text: &str, at: Point, across: HPos, down: VPos, ink: Ink) {
        // The size is the sheet's to say; plotters wants one.
        let font = FontDesc::new(FontFamily::SansSerif, 1.0, FontStyle::Normal);
        let color = ink.color();
        let style = TextStyle::from(font).color(&color).pos(Pos::new(across, down));
        let drawn = self.area.draw(&Text::new(text.to_owned(), at, style));
        debug_assert!(drawn.is_ok(), "drawing to memory");
    }
}

/// What was drawn, as a part of a page with a name and a description.
pub fn finished(drawn: &str, (width, height): (u32, u32), title: &str, description: &str) -> String {
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" role=\"img\"><title>{}</title><desc>{}</desc>",
        escaped(title),
        escaped(description)
    );
    // plotters writes a line for each tag, and one for each text; the first and the last are those of the whole.
    let lines = drawn.lines().filter(|line| !line.starts_with("<svg") && !line.starts_with("</svg"));
    for line in lines {
        match line.strip_prefix('<').filter(|rest| !rest.starts_with('/')) {
            Some(tag) => restyle(tag, &mut svg),
            None => svg.push_str(line),
        }
    }
    svg.push_str("</svg>");
    svg
}

/// Writes a tag, which comes without its `<`, with a class in place of its style.
fn restyle(tag: &str, svg: &mut String) {
    let (inner, end) = match tag.strip_suffix("/>") {
        Some(inner) => (inner, "/>"),
        None => (tag.trim_end_matches('>'), ">"),
    };
    let (name, attributes) = inner.split_once(' ').unwrap_or((inner, ""));
    svg.push('<');
    svg.push_str(name);
    let mut parts = attributes.split('"');
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        let key = key.trim().trim_end_matches('=');
        let (key, value) = match key {
            "fill" | "stroke" => match Ink::class(value) {
                Some(class) => ("class", class),
                None => continue,
            },
            key if KEPT.contains(&key) => (key, value.trim_end()),
            _ => continue,
        };
        svg.push_str(&format!(" {key}=\"{value}\""));
    }
    svg.push_str(end);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
