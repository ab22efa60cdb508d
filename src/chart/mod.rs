//! Charts as SVG, and what all of them share. What plotters draws in black is ink: a page's style may give it another colour.

mod lines;

use std::io;

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::style::RGBColor;

pub use lines::{Legend, Panel, Point, Series, lines};

/// Of a lightness that shows on a light page and on a dark one.
pub const BAR: RGBColor = RGBColor(0x4c, 0x8b, 0xc8);
pub const INTERVAL: RGBColor = RGBColor(0xd9, 0x7b, 0x29);
pub const FONT: (&str, i32) = ("sans-serif", 14);

pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

/// Why there is no chart.
#[derive(Debug, thiserror::Error)]
#[error("a chart can't be drawn")]
pub struct Error(#[source] Box<dyn std::error::Error + Send + Sync>);

/// A chart of that size as the text of an SVG file.
pub fn svg(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<String, Error> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        draw(&area).and_then(|()| area.present()).map_err(|source| Error(Box::new(source)))?;
    }
    Ok(text)
}
