//! The charts of an evaluation.

use std::collections::BTreeMap;
use std::iter;

use plotters::chart::ChartBuilder;
use plotters::coord::ranged1d::{IntoSegmentedCoord, SegmentValue};
use plotters::element::{Circle, PathElement, Rectangle};
use plotters::style::{BLACK, Color, TRANSPARENT};

use crate::chart::{Area, BAR, Drawn, Error, FONT, INTERVAL, svg};
use crate::score::{CalibrationScore, Figure};

/// Of every chart, so that their texts are alike in size.
const WIDTH: u32 = 480;
/// Height of a named figure, and of what is around them.
const ROW: u32 = 22;
const AROUND: u32 = 72;
/// Longer names are cut.
const NAME: usize = 28;

/// Accuracy over confidence by bins, with intervals; answers on the diagonal are as sure as they are right.
pub(super) fn reliability(calibration: &CalibrationScore) -> Result<String, Error> {
    svg((WIDTH, 380), |area| draw_reliability(area, calibration))
}

/// Named figures with their intervals, the highest on top; at least one.
pub(super) fn ranking(figures: &BTreeMap<String, Figure>) -> Result<String, Error> {
    let mut ranked: Vec<(&str, Figure)> =
        figures.iter().map(|(name, figure)| (name.as_str(), *figure)).collect();
    ranked.sort_by(|a, b| a.1.value.total_cmp(&b.1.value));
    svg((WIDTH, AROUND + ROW * ranked.len().max(2) as u32), |area| draw_ranking(area, &ranked))
}

fn draw_reliability(area: &Area<'_>, calibration: &CalibrationScore) -> Drawn {
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .x_label_area_size(44)
        .y_label_area_size(52)
        .build_cartesian_2d(0.0..1.0_f64, 0.0..1.0_f64)?;
    chart
        .configure_mesh()
        .x_labels(6)
        .y_labels(6)
        .max_light_lines(0)
        .bold_line_style(BLACK.mix(0.15))
        .label_style(FONT)
        .x_desc("confidence")
        .y_desc("accuracy")
        .draw()?;
    let bins = &calibration.bins;
    chart.draw_series(bins.iter().map(|bin| {
        Rectangle::new([(bin.low, 0.0), (bin.high, bin.accuracy.value)], BAR.mix(0.5).filled())
    }))?;
    chart.draw_series(iter::once(PathElement::new(vec![(0.0, 0.0), (1.0, 1.0)], BLACK.mix(0.6))))?;
    chart.draw_series(bins.iter().map(|bin| {
        let interval = bin.accuracy.interval();
        let ends = vec![(bin.confidence, interval.low), (bin.confidence, interval.high)];
        PathElement::new(ends, INTERVAL.stroke_width(2))
    }))?;
    chart.draw_series(
        bins.iter().map(|bin| Circle::new((bin.confidence, bin.accuracy.value), 4, INTERVAL.filled())),
    )?;
    Ok(())
}

fn draw_ranking(area: &Area<'_>, ranked: &[(&str, Figure)]) -> Drawn {
    let longest = ranked.iter().map(|(name, _)| cut(name).chars().count()).max().unwrap_or(0);
    // The axis of a single row has no extent, so that there is a second one, without a name.
    let rows = 0..ranked.len().saturating_sub(1).max(1);
    // Points need no common foot as bars do: the axis begins below the lowest, so that those near one are told apart.
    let lowest = ranked.iter().map(|(_, figure)| figure.interval().low).fold(1.0, f64::min);
    let from = ((lowest * 10.0).floor() / 10.0).min(0.9);
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .margin_right(20)
        .x_label_area_size(44)
        .y_label_area_size(16 + 8 * longest as i32)
        .build_cartesian_2d(from..1.0_f64, rows.into_segmented())?;
    let name = |row: &SegmentValue<usize>| match row {
        SegmentValue::Exact(row) | SegmentValue::CenterOf(row) => {
            ranked.get(*row).map_or_else(String::new, |(name, _)| cut(name))
        }
        SegmentValue::Last => String::new(),
    };
    chart
        .configure_mesh()
        .x_labels(6)
        .y_labels(ranked.len())
        .x_max_light_lines(0)
        // Without any, plotters never ends on an axis of whole numbers.
        .y_max_light_lines(1)
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.15))
        .label_style(FONT)
        .x_label_formatter(&|share| format!("{share:.2}"))
        .y_label_formatter(&name)
        .x_desc("accuracy, with its 95 % interval")
        .draw()?;
    let centre = SegmentValue::CenterOf;
    chart.draw_series(ranked.iter().enumerate().map(|(row, (_, figure))| {
        let interval = figure.interval();
        let ends = vec![(interval.low, centre(row)), (interval.high, centre(row))];
        PathElement::new(ends, INTERVAL.stroke_width(2))
    }))?;
    chart.draw_series(
        ranked
            .iter()
            .enumerate()
            .map(|(row, (_, figure))| Circle::new((figure.value, centre(row)), 4, BAR.filled())),
    )?;
    Ok(())
}

fn cut(name: &str) -> String {
    if name.chars().count() <= NAME {
        return name.to_owned();
    }
    name.chars().take(NAME - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{CALIBRATION_BINS, calibration};

    #[test]
    fn a_reliability_diagram_has_a_bar_and_a_point_per_bin() {
        let answers = [(0.31, 1.0), (0.93, 1.0), (0.94, 0.0), (1.0, 1.0)];
        let svg = reliability(&calibration(&answers, CALIBRATION_BINS)).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 3);
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(svg.contains("confidence") && svg.contains("accuracy"));
    }

    #[test]
    fn a_ranking_names_each_figure_once_from_the_lowest_up() {
        let figures = [("count", 9), ("exist", 10), ("<logic>", 2)]
            .map(|(name, hits)| (name.to_owned(), Figure::of(hits, 10)));
        let svg = ranking(&BTreeMap::from(figures)).unwrap();
        assert_eq!(svg.matches("<circle").count(), 3);
        let names = ["&lt;logic&gt;", "count", "exist"];
        assert!(names.iter().all(|name| svg.matches(name).count() == 1), "{svg}");
        assert!(names.map(|name| svg.find(name)).is_sorted(), "{svg}");
    }

    #[test]
    fn one_figure_or_one_with_a_long_name_is_drawn_as_well() {
        let name = "what is the colour of the thing behind the other thing";
        let svg = ranking(&BTreeMap::from([(name.to_owned(), Figure::of(1, 2))])).unwrap();
        assert_eq!(svg.matches("<circle").count(), 1);
        assert!(svg.contains("what is the colour of the t…"), "{svg}");
        assert!(reliability(&CalibrationScore::default()).unwrap().contains("</svg>"));
    }
}
