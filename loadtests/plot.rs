//! Latencies as a picture: over the rate for a sweep, over the percentile for a single load. Milliseconds are on a logarithmic scale.

use std::fs;
use std::ops::Range;
use std::path::Path;

use cmal::chart::{self, Area, Drawn, FONT};
use plotters::chart::ChartBuilder;
use plotters::coord::combinators::IntoLogRange;
use plotters::element::{Circle, PathElement, Text};
use plotters::style::{BLACK, Color, RGBColor, WHITE};

use crate::failure::Failure;
use crate::summary::Summary;

const SIZE: (u32, u32) = (800, 480);
const COLOURS: [RGBColor; 4] = [
    RGBColor(0x2f, 0x6f, 0xb7),
    RGBColor(0x2f, 0x9e, 0x5b),
    RGBColor(0xd9, 0x7b, 0x29),
    RGBColor(0xc2, 0x3b, 0x4e),
];

/// Points by rising x, in milliseconds above 0.
struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

/// Draws percentiles of the latency over the offered rate.
pub fn sweep(path: &Path, steps: &[Summary]) -> Result<(), Failure> {
    let mut steps: Vec<&Summary> = steps.iter().collect();
    steps.sort_by(|a, b| a.offered().total_cmp(&b.offered()));
    let line = |name: &str, of: fn(&Summary) -> f64| {
        let points = steps.iter().map(|step| (step.offered(), of(step)));
        Line { name: name.to_owned(), points: points.collect() }
    };
    let mut lines = vec![
        line("p50", |step| step.latency_ms.p50),
        line("p90", |step| step.latency_ms.p90),
        line("p99", |step| step.latency_ms.p99),
        line("p99.9", |step| step.latency_ms.p99_9),
    ];
    lines.iter_mut().for_each(positive);
    write(path, |area| draw(area, "requests a second", &lines, &|rate| format!("{rate:.0}")))
}

/// Draws the latency over the percentile, each further nine as wide as the one before.
pub fn single(path: &Path, summary: &Summary) -> Result<(), Failure> {
    let points = summary.curve.iter().map(|(share, milliseconds)| (-(1.0 - share).log10(), *milliseconds));
    let mut line = Line { name: "latency".to_owned(), points: points.collect() };
    positive(&mut line);
    write(path, |area| draw(area, "percentile", &[line], &|nines| percentile(*nines)))
}

/// Leaves out what a logarithmic scale can't show.
fn positive(line: &mut Line) {
    line.points.retain(|(x, y)| x.is_finite() && *y > 0.0);
}

fn percentile(nines: f64) -> String {
    let percent = 100.0 * (1.0 - 10_f64.powf(-nines));
    let digits = (nines - 2.0).ceil().max(0.0) as usize;
    format!("{percent:.digits$} %")
}

fn write(path: &Path, drawn: impl FnOnce(&Area<'_>) -> Drawn) -> Result<(), Failure> {
    let svg = chart::svg(SIZE, drawn).map_err(|error| Failure::run(error.to_string()))?;
    fs::write(path, svg).map_err(|error| Failure::file("write", path, &error))
}

fn draw(area: &Area<'_>, x_name: &str, lines: &[Line], x_label: &dyn Fn(&f64) -> String) -> Drawn {
    area.fill(&WHITE)?;
    let all = || lines.iter().flat_map(|line| &line.points);
    let x = around(all().map(|(x, _)| *x), 0.0..1.0);
    let y = around(all().map(|(_, y)| *y), 1.0..10.0);
    let mut chart = ChartBuilder::on(area)
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(x, (y.start * 0.8..y.end * 1.25).log_scale())?;
    chart
        .configure_mesh()
        .bold_line_style(BLACK.mix(0.15))
        .light_line_style(BLACK.mix(0.05))
        .label_style(FONT)
        .x_label_formatter(&x_label)
        .y_label_formatter(&|milliseconds| format!("{milliseconds}"))
        .x_desc(x_name)
        .y_desc("ms")
        .draw()?;
    for (row, (line, colour)) in (0..).zip(lines.iter().zip(COLOURS.into_iter().cycle())) {
        chart.draw_series([PathElement::new(line.points.clone(), colour.stroke_width(2))])?;
        chart.draw_series(line.points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
        let top = 24 + 20 * row;
        area.draw(&PathElement::new(vec![(96, top), (114, top)], colour.stroke_width(3)))?;
        area.draw(&Text::new(line.name.clone(), (120, top - 8), FONT))?;
    }
    Ok(())
}

/// From the lowest value to the highest, of some extent; `otherwise` if there are none.
fn around(values: impl Iterator<Item = f64> + Clone, otherwise: Range<f64>) -> Range<f64> {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        otherwise
    } else if high - low < low.abs() * 1e-6 + f64::MIN_POSITIVE {
        low * 0.5..high * 1.5 + f64::MIN_POSITIVE
    } else {
        low..high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svg(lines: &[Line]) -> String {
        chart::svg(SIZE, |area| draw(area, "rate", lines, &|x| format!("{x:.0}"))).unwrap()
    }

    fn line(name: &str, points: &[(f64, f64)]) -> Line {
        Line { name: name.to_owned(), points: points.to_vec() }
    }

    #[test]
    fn every_point_and_name_is_drawn() {
        let svg =
            svg(&[line("p50", &[(10.0, 1.0), (20.0, 2.0)]), line("p99", &[(10.0, 3.0), (20.0, 400.0)])]);
        assert_eq!(svg.matches("<circle").count(), 4);
        for name in ["p50", "p99", "rate", "ms"] {
            assert!(svg.lines().any(|line| line.trim() == name), "{name}: {svg}");
        }
    }

    #[test]
    fn one_point_and_none_are_drawn_as_well() {
        assert_eq!(svg(&[line("p50", &[(5.0, 2.0)])]).matches("<circle").count(), 1);
        assert!(svg(&[line("p50", &[]), line("p99", &[])]).contains("</svg>"));
        let mut odd = line("odd", &[(1.0, 0.0), (f64::INFINITY, 1.0), (2.0, 3.0)]);
        positive(&mut odd);
        assert_eq!(odd.points, [(2.0, 3.0)]);
    }

    #[test]
    fn percentiles_are_named_by_their_nines() {
        assert_eq!([0.0, 1.0, 2.0, 3.0].map(percentile), ["0 %", "90 %", "99 %", "99.9 %"]);
    }
}
