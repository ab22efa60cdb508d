//! Lines over an axis, in panels side by side.

use std::ops::Range;

use plotters::chart::ChartBuilder;
use plotters::coord::ranged1d::{BoldPoints, DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::element::{Circle, PathElement, Text};
use plotters::style::{BLACK, Color, RGBColor, WHITE};

use super::{Area, Drawn, Error, FONT, svg};

/// Of series by their order; those after the last start again.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0x7f, 0x7f, 0x7f),
    RGBColor(0xd9, 0x7b, 0x29),
    RGBColor(0x2f, 0x6f, 0xb7),
    RGBColor(0x2f, 0x9e, 0x5b),
    RGBColor(0xc2, 0x3b, 0x4e),
    RGBColor(0x8a, 0x5c, 0xb8),
    RGBColor(0x9a, 0x6b, 0x4a),
    RGBColor(0x1d, 0xa1, 0xb0),
];
/// Pixels of a panel, of the legend beside it, and of a line of a legend.
const PANEL: (u32, u32) = (400, 300);
const LEGEND: u32 = 150;
const ROW: i32 = 20;
/// Ticks of an axis of numbers, about.
const TICKS: usize = 6;

/// A chart of its own within a figure.
#[derive(Clone, Debug)]
pub struct Panel {
    pub title: String,
    /// What the axes tell.
    pub x: String,
    pub y: String,
    /// Names of the places 0, 1, 2 … on the x axis; none for an axis of numbers.
    pub places: Vec<String>,
    pub series: Vec<Series>,
}

/// A line with its name.
#[derive(Clone, Debug)]
pub struct Series {
    pub name: String,
    /// By rising x; none leaves only the name in the legend.
    pub points: Vec<Point>,
}

/// A point, with how far the truth may be above and below it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
    pub spread: f64,
}

/// Where the names of the series stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Legend {
    /// Beside each panel, that panel's own.
    Each,
    /// In the place after the last panel, for all of them.
    Shared,
}

/// Panels row by row, `columns` in each row, on a white ground.
pub fn lines(panels: &[Panel], columns: usize, legend: Legend) -> Result<String, Error> {
    let places = panels.len() + usize::from(legend == Legend::Shared);
    let columns = columns.clamp(1, places.max(1));
    let rows = places.div_ceil(columns).max(1);
    let width = PANEL.0 + if legend == Legend::Each { LEGEND } else { 0 };
    svg((width * columns as u32, PANEL.1 * rows as u32), |area| {
        area.fill(&WHITE)?;
        let areas = area.split_evenly((rows, columns));
        for (panel, area) in panels.iter().zip(&areas) {
            match legend {
                Legend::Shared => draw(area, panel)?,
                Legend::Each => {
                    let (chart, names) = area.split_horizontally(PANEL.0);
                    draw(&chart, panel)?;
                    name(&names, &panel.series)?;
                }
            }
        }
        match (legend, panels.first(), areas.get(panels.len())) {
            (Legend::Shared, Some(first), Some(area)) => name(area, &first.series),
            _ => Ok(()),
        }
    })
}

fn draw(area: &Area<'_>, panel: &Panel) -> Drawn {
    let points = || panel.series.iter().flat_map(|series| &series.points);
    let x = if panel.places.is_empty() {
        around(points().map(|point| point.x), 0.0)
    } else {
        -0.4..panel.places.len() as f64 - 0.6
    };
    let y = around(points().flat_map(|point| [point.y - point.spread, point.y + point.spread]), 0.05);
    let mut x = Axis::new(x);
    if !panel.places.is_empty() {
        x.ticks = (0..panel.places.len()).map(|place| place as f64).collect();
    }
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .caption(&panel.title, FONT)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d(x, Axis::new(y))?;
    let place = |x: &f64| panel.places.get(x.round() as usize).cloned().unwrap_or_else(|| number(*x));
    chart
        .configure_mesh()
        .max_light_lines(0)
        .bold_line_style(BLACK.mix(0.15))
        .label_style(FONT)
        .x_label_formatter(&place)
        .y_label_formatter(&|y| number(*y))
        .x_desc(&panel.x)
        .y_desc(&panel.y)
        .draw()?;
    for (series, colour) in panel.series.iter().zip(COLOURS.into_iter().cycle()) {
        let finite: Vec<Point> = series.points.iter().copied().filter(Point::is_finite).collect();
        let path: Vec<(f64, f64)> = finite.iter().map(|point| (point.x, point.y)).collect();
        if path.len() > 1 {
            chart.draw_series([PathElement::new(path.clone(), colour.stroke_width(2))])?;
        }
        chart.draw_series(finite.iter().filter(|point| point.spread > 0.0).map(|point| {
            let ends = vec![(point.x, point.y - point.spread), (point.x, point.y + point.spread)];
            PathElement::new(ends, colour.stroke_width(1))
        }))?;
        chart.draw_series(path.into_iter().map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    Ok(())
}

/// A legend: each series' colour and name.
fn name(area: &Area<'_>, series: &[Series]) -> Drawn {
    for (row, (series, colour)) in series.iter().zip(COLOURS.into_iter().cycle()).enumerate() {
        let y = 40 + row as i32 * ROW;
        area.draw(&PathElement::new(vec![(8, y), (26, y)], colour.stroke_width(3)))?;
        area.draw(&Text::new(series.name.clone(), (32, y - 8), FONT))?;
    }
    Ok(())
}

impl Point {
    fn is_finite(&self) -> bool {
        self.x.is_finite() && self.y.is_finite() && self.spread.is_finite()
    }
}

/// The extent of values and a share of it on both sides; something around them if it is none.
fn around(values: impl Iterator<Item = f64>, margin: f64) -> Range<f64> {
    let finite = values.filter(|value| value.is_finite());
    let (low, high) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return 0.0..1.0;
    }
    let extent = high - low;
    if extent <= f64::EPSILON * high.abs().max(1.0) {
        let half = (low.abs() * 0.1).max(0.05);
        return low - half..high + half;
    }
    low - margin * extent..high + margin * extent
}

/// Numbers along a line, with ticks at some of them.
struct Axis {
    numbers: RangedCoordf64,
    ticks: Vec<f64>,
}

impl Axis {
    fn new(range: Range<f64>) -> Self {
        let numbers = RangedCoordf64::from(range);
        Self { ticks: numbers.key_points(BoldPoints(TICKS)), numbers }
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.numbers.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.numbers.range()
    }
}

/// A tick without the noise of its last bits.
fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(series: Vec<Series>, places: &[&str]) -> Panel {
        Panel {
            title: "VQA <1>".to_owned(),
            x: "share".to_owned(),
            y: "accuracy".to_owned(),
            places: places.iter().map(|&place| place.to_owned()).collect(),
            series,
        }
    }

    fn series(name: &str, points: &[(f64, f64, f64)]) -> Series {
        let points = points.iter().map(|&(x, y, spread)| Point { x, y, spread }).collect();
        Series { name: name.to_owned(), points }
    }

    #[test]
    fn every_point_axis_and_name_is_drawn() {
        let lined = series("cmal", &[(0.0, 0.5, 0.1), (1.0, 0.75, 0.0), (2.0, 0.9, 0.2)]);
        let panel = panel(vec![lined, series("none", &[])], &["10 %", "30 %", "100 %"]);
        let svg = lines(&[panel.clone(), panel], 2, Legend::Shared).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert_eq!(svg.matches("<circle").count(), 6);
        for (text, count) in [("accuracy", 2), ("share", 2), ("30 %", 2), ("VQA &lt;1&gt;", 2), ("none", 1)] {
            assert_eq!(svg.lines().filter(|line| line.trim() == text).count(), count, "{text}: {svg}");
        }
    }

    #[test]
    fn what_has_no_extent_or_no_number_is_drawn_as_well() {
        let odd = series("odd", &[(5.0, 2.0, 0.0), (6.0, f64::NAN, 0.0)]);
        let svg = lines(&[panel(vec![odd], &[]), panel(Vec::new(), &[])], 1, Legend::Each).unwrap();
        assert_eq!(svg.matches("<circle").count(), 1);
        assert!(lines(&[], 3, Legend::Each).unwrap().contains("</svg>"));
    }
}
