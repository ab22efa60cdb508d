//! The outlines of shapes as polygons, with exact bounds.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use crate::types::PixelBox;

use super::kinds::Shape;

/// Closed polygons in pixels, filled by the even-odd rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    pub rings: Vec<Vec<(f32, f32)>>,
}

impl Outline {
    /// A shape around the origin, its width scaled by `proportion`, then turned clockwise by `turn` radians, then scaled
    /// so that the longer side of its bounds is 1.
    pub fn unit(shape: Shape, proportion: f32, turn: f32) -> Self {
        let (sin, cos) = turn.sin_cos();
        let rings = rings(shape)
            .into_iter()
            .map(|ring| {
                ring.into_iter()
                    .map(|(x, y)| (x * proportion, y))
                    .map(|(x, y)| (x * cos - y * sin, x * sin + y * cos))
                    .collect()
            })
            .collect();
        let outline = Self { rings };
        let bounds = outline.bounds();
        let scale = 1.0 / bounds.width.max(bounds.height);
        outline.moved(scale, (-bounds.x * scale, -bounds.y * scale))
    }

    /// Scaled about the origin, then shifted.
    pub fn moved(&self, scale: f32, (dx, dy): (f32, f32)) -> Self {
        let rings = self
            .rings
            .iter()
            .map(|ring| ring.iter().map(|(x, y)| (x * scale + dx, y * scale + dy)).collect())
            .collect();
        Self { rings }
    }

    /// The smallest box around all points.
    pub fn bounds(&self) -> PixelBox {
        let mut low = (f32::INFINITY, f32::INFINITY);
        let mut high = (f32::NEG_INFINITY, f32::NEG_INFINITY);
        for &(x, y) in self.rings.iter().flatten() {
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x), high.1.max(y));
        }
        PixelBox { x: low.0, y: low.1, width: high.0 - low.0, height: high.1 - low.1 }
    }

    /// Area inside, in square pixels; inner rings count as holes.
    pub fn area(&self) -> f32 {
        let mut areas = self.rings.iter().map(|ring| polygon_area(ring));
        let outer = areas.next().unwrap_or(0.0);
        outer - areas.sum::<f32>()
    }
}

fn polygon_area(ring: &[(f32, f32)]) -> f32 {
    let next = ring.iter().cycle().skip(1);
    let twice: f32 = ring.iter().zip(next).map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum();
    (twice / 2.0).abs()
}

/// Outline at radius about 1, upright, before rotation.
fn rings(shape: Shape) -> Vec<Vec<(f32, f32)>> {
    const ROUND: usize = 72;
    match shape {
        Shape::Circle => vec![regular(ROUND, 1.0)],
        Shape::Ring => vec![regular(ROUND, 1.0), regular(ROUND, 0.46)],
        Shape::Square => vec![vec![(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]],
        Shape::Triangle => vec![regular(3, 1.0)],
        Shape::Hexagon => vec![regular(6, 1.0)],
        Shape::Diamond => vec![vec![(0.0, -1.0), (0.66, 0.0), (0.0, 1.0), (-0.66, 0.0)]],
        Shape::Star => vec![star()],
        Shape::Cross => vec![cross()],
        Shape::Heart => vec![heart()],
        Shape::Crescent => vec![crescent()],
    }
}

/// Points at equal angles, the first one at the top.
fn regular(points: usize, radius: f32) -> Vec<(f32, f32)> {
    (0..points)
        .map(|point| {
            let angle = TAU * point as f32 / points as f32 - FRAC_PI_2;
            (radius * angle.cos(), radius * angle.sin())
        })
        .collect()
}

fn star() -> Vec<(f32, f32)> {
    (0..10)
        .map(|point| {
            let radius = if point % 2 == 0 { 1.0 } else { 0.44 };
            let angle = TAU * point as f32 / 10.0 - FRAC_PI_2;
            (radius * angle.cos(), radius * angle.sin())
        })
        .collect()
}

fn cross() -> Vec<(f32, f32)> {
    const ARM: f32 = 0.36;
    vec![
        (-ARM, -1.0),
        (ARM, -1.0),
        (ARM, -ARM),
        (1.0, -ARM),
        (1.0, ARM),
        (ARM, ARM),
        (ARM, 1.0),
        (-ARM, 1.0),
        (-ARM, ARM),
        (-1.0, ARM),
        (-1.0, -ARM),
        (-ARM, -ARM),
    ]
}

/// The classic heart curve, flipped so that y points down.
fn heart() -> Vec<(f32, f32)> {
    (0..80)
        .map(|point| {
            let t = TAU * point as f32 / 80.0;
            let y = 13.0 * t.cos() - 5.0 * (2.0 * t).cos() - 2.0 * (3.0 * t).cos() - (4.0 * t).cos();
            (t.sin().powi(3), -y / 16.0)
        })
        .collect()
}

/// A disc less a smaller disc that is shifted to the right.
fn crescent() -> Vec<(f32, f32)> {
    const SHIFT: f32 = 0.52;
    const BITE: f32 = 0.78;
    const STEPS: usize = 40;
    let corner_x = (1.0 + SHIFT * SHIFT - BITE * BITE) / (2.0 * SHIFT);
    let corner_y = (1.0 - corner_x * corner_x).sqrt();
    let outer = corner_y.atan2(corner_x);
    let inner = corner_y.atan2(corner_x - SHIFT);
    let along = |from: f32, to: f32, step: usize| from + (to - from) * step as f32 / STEPS as f32;
    let back = (0..=STEPS).map(|step| {
        let angle = along(outer, 2.0 * PI - outer, step);
        (angle.cos(), angle.sin())
    });
    let bite = (1..STEPS).map(|step| {
        let angle = along(2.0 * PI - inner, inner, step);
        (SHIFT + BITE * angle.cos(), BITE * angle.sin())
    });
    back.chain(bite).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_spans_exactly_its_unit() {
        for shape in Shape::ALL {
            for turn in [0.0, 0.3, -0.2] {
                let bounds = Outline::unit(*shape, 1.0, turn).bounds();
                assert!((bounds.width.max(bounds.height) - 1.0).abs() < 1e-5, "{shape:?}");
                assert!(bounds.x.abs() < 1e-5 && bounds.y.abs() < 1e-5, "{shape:?}");
            }
        }
    }

    #[test]
    fn areas_are_those_of_geometry() {
        let area = |shape| Outline::unit(shape, 1.0, 0.0).area();
        assert!((area(Shape::Square) - 1.0).abs() < 1e-4);
        assert!((area(Shape::Circle) - PI / 4.0).abs() < 5e-3);
        assert!((area(Shape::Ring) - PI / 4.0 * (1.0 - 0.46 * 0.46)).abs() < 5e-3);
        assert!(area(Shape::Crescent) > 0.25 && area(Shape::Crescent) < 0.5, "{}", area(Shape::Crescent));
    }
}
