//! The outlines of shapes as polygons, with exact bounds.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use crate::types::PixelBox;

use super::kinds::Shape;

/// How a shape is built beyond what its name says: people draw stars of five or six points, crosses with thin or thick arms, and
/// not every line is straight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Build {
    /// From the leanest form (0) to the fullest (1); a half is the usual one.
    pub fullness: f32,
    /// The less usual construction: a star of six points, a right triangle, a heart of two discs and a wedge.
    pub unusual: bool,
    /// The hand that draws it; a ruler otherwise.
    pub wobble: Option<Wobble>,
}

/// Waves of a hand-drawn line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wobble {
    /// As a share of the shape's radius.
    pub reach: f32,
    /// Where the waves begin, in radians.
    pub phase: f32,
}

impl Build {
    pub const USUAL: Self = Self { fullness: 0.5, unusual: false, wobble: None };

    fn between(&self, leanest: f32, fullest: f32) -> f32 {
        leanest + (fullest - leanest) * self.fullness
    }
}

/// Closed polygons in pixels, filled by the even-odd rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Outline {
    pub rings: Vec<Vec<(f32, f32)>>,
}

impl Outline {
    /// A shape around the origin, its width scaled by `proportion`, then turned clockwise by `turn` radians, then scaled
    /// so that the longer side of its bounds is 1.
    pub fn unit(shape: Shape, build: Build, proportion: f32, turn: f32) -> Self {
        let (sin, cos) = turn.sin_cos();
        let rings = rings(shape, &build)
            .into_iter()
            .map(|ring| build.wobble.map_or_else(|| ring.clone(), |wobble| wobbled(&ring, wobble)))
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

/// The ring with its edges cut into short pieces that waver about where they were.
fn wobbled(ring: &[(f32, f32)], Wobble { reach, phase }: Wobble) -> Vec<(f32, f32)> {
    const PIECE: f32 = 0.12;
    let edges = ring.iter().zip(ring.iter().cycle().skip(1));
    let pieces: Vec<(f32, f32)> = edges
        .flat_map(|(from, to)| {
            let count = ((to.0 - from.0).hypot(to.1 - from.1) / PIECE).ceil().max(1.0) as usize;
            (0..count).map(move |piece| {
                let share = piece as f32 / count as f32;
                (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share)
            })
        })
        .collect();
    let turn = TAU / pieces.len() as f32;
    let wave = |place: usize, waves: f32| (place as f32 * turn * waves + phase * waves).sin();
    pieces
        .iter()
        .enumerate()
        .map(|(place, (x, y))| {
            let (dx, dy) = (wave(place, 5.0) + wave(place, 9.0), wave(place, 4.0) + wave(place, 11.0));
            (x + dx * reach / 2.0, y + dy * reach / 2.0)
        })
        .collect()
}

/// Outline at radius about 1, upright, before rotation.
fn rings(shape: Shape, build: &Build) -> Vec<Vec<(f32, f32)>> {
    const ROUND: usize = 72;
    match shape {
        Shape::Circle => vec![regular(ROUND, 1.0)],
        Shape::Ring => vec![regular(ROUND, 1.0), regular(ROUND, build.between(0.7, 0.38))],
        Shape::Square => vec![vec![(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]],
        Shape::Triangle => vec![triangle(build)],
        Shape::Hexagon => vec![regular(6, 1.0)],
        Shape::Diamond => {
            let (across, along) = (build.between(0.5, 0.92), 1.0);
            // Some lie on their side.
            let (across, along) = if build.unusual { (along, across) } else { (across, along) };
            vec![vec![(0.0, -along), (across, 0.0), (0.0, along), (-across, 0.0)]]
        }
        Shape::Star if build.unusual => vec![star(6, build.between(0.46, 0.6))],
        Shape::Star => vec![star(5, build.between(0.36, 0.52))],
        Shape::Cross => vec![cross(build.between(0.22, 0.46))],
        Shape::Heart if build.unusual => vec![wedge_heart(build.between(1.5, 0.95))],
        Shape::Heart => vec![heart(build.between(1.2, 0.8))],
        Shape::Crescent => vec![crescent(build.between(0.26, 0.62), build.between(0.88, 0.74))],
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

/// Isosceles, equilateral at a fullness of a half; or with a right angle.
fn triangle(build: &Build) -> Vec<(f32, f32)> {
    let half = build.between(0.6, 1.13);
    if build.unusual {
        return vec![(-half, -1.0), (half, 0.7), (-half, 0.7)];
    }
    vec![(0.0, -1.0), (half, 0.5), (-half, 0.5)]
}

fn star(points: usize, inner: f32) -> Vec<(f32, f32)> {
    (0..2 * points)
        .map(|point| {
            let radius = if point % 2 == 0 { 1.0 } else { inner };
            let angle = PI * point as f32 / points as f32 - FRAC_PI_2;
            (radius * angle.cos(), radius * angle.sin())
        })
        .collect()
}

fn cross(arm: f32) -> Vec<(f32, f32)> {
    vec![
        (-arm, -1.0),
        (arm, -1.0),
        (arm, -arm),
        (1.0, -arm),
        (1.0, arm),
        (arm, arm),
        (arm, 1.0),
        (-arm, 1.0),
        (-arm, arm),
        (-1.0, arm),
        (-1.0, -arm),
        (-arm, -arm),
    ]
}

/// Two half discs side by side on a wedge that comes to a point `depth` below them.
fn wedge_heart(depth: f32) -> Vec<(f32, f32)> {
    const STEPS: usize = 24;
    let lobe = |centre: f32| {
        (0..=STEPS).map(move |step| {
            let angle = PI + PI * step as f32 / STEPS as f32;
            (centre + 0.5 * angle.cos(), 0.5 * angle.sin())
        })
    };
    lobe(-0.5).chain(lobe(0.5)).chain([(0.0, depth)]).collect()
}

/// The classic heart curve, flipped so that y points down, `height` times as high.
fn heart(height: f32) -> Vec<(f32, f32)> {
    (0..80)
        .map(|point| {
            let t = TAU * point as f32 / 80.0;
            let y = 13.0 * t.cos() - 5.0 * (2.0 * t).cos() - 2.0 * (3.0 * t).cos() - (4.0 * t).cos();
            (t.sin().powi(3), -y / 16.0 * height)
        })
        .collect()
}

/// A disc less a smaller disc that is shifted to the right.
fn crescent(shift: f32, bite: f32) -> Vec<(f32, f32)> {
    const STEPS: usize = 40;
    let corner_x = (1.0 + shift * shift - bite * bite) / (2.0 * shift);
    let corner_y = (1.0 - corner_x * corner_x).sqrt();
    let outer = corner_y.atan2(corner_x);
    let inner = corner_y.atan2(corner_x - shift);
    let along = |from: f32, to: f32, step: usize| from + (to - from) * step as f32 / STEPS as f32;
    let back = (0..=STEPS).map(|step| {
        let angle = along(outer, 2.0 * PI - outer, step);
        (angle.cos(), angle.sin())
    });
    let back_again = (1..STEPS).map(|step| {
        let angle = along(2.0 * PI - inner, inner, step);
        (shift + bite * angle.cos(), bite * angle.sin())
    });
    back.chain(back_again).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILDS: [Build; 4] = [
        Build::USUAL,
        Build { fullness: 0.0, unusual: true, wobble: None },
        Build { fullness: 1.0, unusual: false, wobble: Some(Wobble { reach: 0.04, phase: 2.0 }) },
        Build { fullness: 1.0, unusual: true, wobble: None },
    ];

    #[test]
    fn every_shape_spans_exactly_its_unit_however_it_is_built() {
        for shape in Shape::ALL {
            for (turn, build) in [0.0, 0.3, -0.2, 2.5].into_iter().zip(BUILDS) {
                let outline = Outline::unit(*shape, build, 1.0, turn);
                let bounds = outline.bounds();
                assert!((bounds.width.max(bounds.height) - 1.0).abs() < 1e-5, "{shape:?}");
                assert!(bounds.x.abs() < 1e-5 && bounds.y.abs() < 1e-5, "{shape:?}");
                assert!(outline.area() > 0.15, "{shape:?} {build:?}: {}", outline.area());
            }
        }
    }

    #[test]
    fn areas_are_those_of_geometry() {
        let area = |shape| Outline::unit(shape, Build::USUAL, 1.0, 0.0).area();
        assert!((area(Shape::Square) - 1.0).abs() < 1e-4);
        assert!((area(Shape::Circle) - PI / 4.0).abs() < 5e-3);
        assert!((area(Shape::Ring) - PI / 4.0 * (1.0 - 0.54 * 0.54)).abs() < 5e-3);
        assert!((area(Shape::Triangle) - 3_f32.sqrt() / 4.0).abs() < 5e-3);
        assert!(area(Shape::Crescent) > 0.25 && area(Shape::Crescent) < 0.5, "{}", area(Shape::Crescent));
    }

    #[test]
    fn a_hand_wavers_but_a_little() {
        let ruled = Outline::unit(Shape::Square, Build::USUAL, 1.0, 0.0);
        let drawn = Outline::unit(Shape::Square, BUILDS[2], 1.0, 0.0);
        assert!((ruled.area() - drawn.area()).abs() < 0.12, "{}", drawn.area());
        assert!(drawn.rings[0].len() > 40);
    }
}
