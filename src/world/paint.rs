//! From a scene to pixels, with an anti-aliasing rasteriser.

use image::RgbImage;
use rand::RngExt;
use tiny_skia::{
    Color, FillRule, GradientStop, LinearGradient, Mask, Paint, Path, PathBuilder, Pixmap, Point, Rect,
    Shader, SpreadMode, Stroke, Transform,
};

use crate::types::PixelBox;

use super::colour::Rgb;
use super::dice::{Purpose, dice};
use super::kinds::Pattern;
use super::look::{Background, Look, Shadow};
use super::outline::Outline;
use super::scene::{Figure, Scene};

/// Draws a scene as if with a perfect camera; see [`Wear`](super::wear::Wear) for the rest.
pub fn paint(scene: &Scene) -> RgbImage {
    let (width, height) = (scene.canvas.width, scene.canvas.height);
    let mut easel = Easel::new(width, height, !scene.jagged);
    easel.background(scene);
    for figure in &scene.figures {
        if let Some(shadow) = scene.shadow {
            easel.shadow(figure, shadow);
        }
        easel.figure(figure);
    }
    easel.finish()
}

struct Easel {
    pixmap: Pixmap,
    smooth: bool,
}

impl Easel {
    fn new(width: u32, height: u32, smooth: bool) -> Self {
        let pixmap = Pixmap::new(width.max(1), height.max(1))
            .expect("a canvas of some hundred pixels can be allocated");
        Self { pixmap, smooth }
    }

    fn background(&mut self, scene: &Scene) {
        let (width, height) = (scene.canvas.width as f32, scene.canvas.height as f32);
        match scene.background {
            Background::Plain(base) => self.pixmap.fill(opaque(base)),
            Background::Gradient { from, to, angle } => self.gradient(from, to, angle),
            Background::Mottled { base, grain } => {
                self.pixmap.fill(opaque(base));
                self.mottle(base, grain, scene);
            }
            Background::Squared { base, line, distance } => {
                self.pixmap.fill(opaque(base));
                let mut lines = PathBuilder::new();
                let mut offset = distance / 2.0;
                while offset < width.max(height) {
                    rectangle(&mut lines, offset, 0.0, 1.0, height);
                    rectangle(&mut lines, 0.0, offset, width, 1.0);
                    offset += distance;
                }
                self.fill(lines.finish(), opaque(line), None);
            }
        }
    }

    fn gradient(&mut self, from: Rgb, to: Rgb, angle: f32) {
        let (width, height) = (self.pixmap.width() as f32, self.pixmap.height() as f32);
        let reach = (width + height) / 4.0;
        let (sin, cos) = angle.sin_cos();
        let end =
            |sign: f32| Point::from_xy(width / 2.0 + sign * reach * cos, height / 2.0 + sign * reach * sin);
        let stops = vec![GradientStop::new(0.0, opaque(from)), GradientStop::new(1.0, opaque(to))];
        let shader = LinearGradient::new(end(-1.0), end(1.0), stops, SpreadMode::Pad, Transform::identity())
            .unwrap_or(Shader::SolidColor(opaque(from)));
        if let Some(all) = Rect::from_xywh(0.0, 0.0, width, height) {
            let paint = Paint { shader, ..Paint::default() };
            self.pixmap.fill_rect(all, &paint, Transform::identity(), None);
        }
    }

    /// Lays patches of slightly other lightness over the canvas.
    fn mottle(&mut self, base: Rgb, grain: f32, scene: &Scene) {
        let mut dice = dice(scene.seed, scene.index, scene.part, Purpose::Paper);
        let patch = scene.longer() / 24.0;
        let mut y = 0.0;
        while y < scene.canvas.height as f32 {
            let mut x = 0.0;
            while x < scene.canvas.width as f32 {
                let other = Rgb::gray(if dice.random_bool(0.5) { 1.0 } else { 0.0 });
                let colour = base.mixed(other, dice.random_range(0.0..grain * 2.0));
                let mut spot = PathBuilder::new();
                spot.push_circle(x + patch / 2.0, y + patch / 2.0, patch * dice.random_range(0.5..1.1));
                self.fill(spot.finish(), opaque(colour), None);
                x += patch;
            }
            y += patch;
        }
    }

    fn shadow(&mut self, figure: &Figure, shadow: Shadow) {
        let see_through = figure.kind.pattern == Pattern::Hollow && figure.look.inside.is_none();
        // Two layers, the outer one weaker, read as one soft edge.
        for (share, strength) in [(1.4, 0.4), (0.8, 0.6)] {
            let (dx, dy) = shadow.offset;
            let Some(shifted) = path(&figure.outline.moved(1.0, (dx * share, dy * share))) else { continue };
            let colour = Color::from_rgba(0.0, 0.0, 0.0, shadow.opacity * strength).unwrap_or(Color::BLACK);
            if see_through {
                self.stroke(&shifted, colour, figure.look.line, None);
            } else {
                self.fill(Some(shifted), colour, None);
            }
        }
    }

    fn figure(&mut self, figure: &Figure) {
        let Some(edge) = path(&figure.outline) else { return };
        // Everything but the first fill is cut at the edge, so that nothing of a figure lies outside its box.
        let Some(mut inside) = Mask::new(self.pixmap.width(), self.pixmap.height()) else { return };
        inside.fill_path(&edge, FillRule::EvenOdd, self.smooth, Transform::identity());
        let (look, kind) = (&figure.look, figure.kind);
        if kind.pattern == Pattern::Hollow {
            if let Some(fill) = look.inside {
                self.fill(Some(edge.clone()), opaque(fill), None);
            }
            self.stroke(&edge, opaque(look.base), look.line * 2.0, Some(&inside));
            return;
        }
        self.fill(Some(edge.clone()), opaque(look.base), None);
        if kind.pattern != Pattern::Solid {
            self.fill(pattern(kind.pattern, &figure.bbox(), look), opaque(look.marks), Some(&inside));
        }
        if let Some(rim) = look.rim {
            // Half of a line lies outside the edge, where the mask cuts it off.
            self.stroke(&edge, opaque(rim.colour), rim.width * 2.0, Some(&inside));
        }
    }

    fn fill(&mut self, path: Option<Path>, colour: Color, mask: Option<&Mask>) {
        if let Some(path) = path {
            let paint = self.paint(colour);
            self.pixmap.fill_path(&path, &paint, FillRule::EvenOdd, Transform::identity(), mask);
        }
    }

    /// A line along an edge; where a mask cuts it at the edge, half its width is left.
    fn stroke(&mut self, edge: &Path, colour: Color, width: f32, mask: Option<&Mask>) {
        let paint = self.paint(colour);
        let stroke = Stroke { width, ..Stroke::default() };
        self.pixmap.stroke_path(edge, &paint, &stroke, Transform::identity(), mask);
    }

    fn paint(&self, colour: Color) -> Paint<'static> {
        Paint { shader: Shader::SolidColor(colour), anti_alias: self.smooth, ..Paint::default() }
    }

    fn finish(self) -> RgbImage {
        let (width, height) = (self.pixmap.width(), self.pixmap.height());
        let rgb =
            self.pixmap.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        RgbImage::from_raw(width, height, rgb).expect("three bytes per pixel of the canvas")
    }
}

fn opaque(Rgb([red, green, blue]): Rgb) -> Color {
    Color::from_rgba(red.clamp(0.0, 1.0), green.clamp(0.0, 1.0), blue.clamp(0.0, 1.0), 1.0)
        .unwrap_or(Color::BLACK)
}

fn path(outline: &Outline) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for ring in &outline.rings {
        polygon(&mut builder, ring);
    }
    builder.finish()
}

fn polygon(builder: &mut PathBuilder, points: &[(f32, f32)]) {
    for (number, &(x, y)) in points.iter().enumerate() {
        if number == 0 {
            builder.move_to(x, y);
        } else {
            builder.line_to(x, y);
        }
    }
    builder.close();
}

fn rectangle(builder: &mut PathBuilder, x: f32, y: f32, width: f32, height: f32) {
    polygon(builder, &[(x, y), (x + width, y), (x + width, y + height), (x, y + height)]);
}

/// The marks of a pattern over a whole box, turned about its centre.
fn pattern(pattern: Pattern, bounds: &PixelBox, look: &Look) -> Option<Path> {
    let pitch = look.pitch;
    let reach = bounds.width.max(bounds.height) * 0.75 + pitch;
    let steps = (reach / pitch).ceil() as i32;
    let stripe = pitch * (0.34 + 0.2 * look.heft);
    let dot = pitch * (0.24 + 0.08 * look.heft);
    let mut builder = PathBuilder::new();
    for row in -steps..=steps {
        let y = row as f32 * pitch;
        if pattern == Pattern::Striped {
            rectangle(&mut builder, -reach, y - stripe / 2.0, 2.0 * reach, stripe);
            continue;
        }
        for column in -steps..=steps {
            let x = column as f32 * pitch;
            if pattern == Pattern::Dotted {
                let shift = if row % 2 == 0 { 0.0 } else { pitch / 2.0 };
                builder.push_circle(x + shift, y * 0.87, dot);
            } else if (row + column) % 2 == 0 {
                rectangle(&mut builder, x, y, pitch, pitch);
            }
        }
    }
    let (x, y) = (bounds.x + bounds.width / 2.0, bounds.y + bounds.height / 2.0);
    builder.finish()?.transform(Transform::from_rotate(look.grain.to_degrees()).post_translate(x, y))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::kinds::{Colour, Extent, Kind, Shape};
    use crate::world::look::Rim;
    use crate::world::outline::Build;
    use crate::world::part::Part;

    /// The bounds of all pixels that aren't white.
    fn drawn(picture: &RgbImage) -> PixelBox {
        let inked =
            picture.enumerate_pixels().filter(|(_, _, pixel)| pixel.0.iter().any(|value| *value < 250));
        let (mut low, mut high) = ((u32::MAX, u32::MAX), (0, 0));
        for (x, y, _) in inked {
            low = (low.0.min(x), low.1.min(y));
            high = (high.0.max(x + 1), high.1.max(y + 1));
        }
        let (width, height) = ((high.0 - low.0) as f32, (high.1 - low.1) as f32);
        PixelBox { x: low.0 as f32, y: low.1 as f32, width, height }
    }

    fn alone(figure: &Figure, scene: &Scene) -> Scene {
        let background = Background::Plain(Rgb::gray(1.0));
        Scene { figures: vec![figure.clone()], background, shadow: None, ..scene.clone() }
    }

    #[test]
    fn pixels_fill_their_boxes_and_stay_within() {
        let mut checked = 0;
        for index in 0..120 {
            let scene = Scene::new(11, index, Part::HeldOut);
            for figure in &scene.figures {
                let (pixels, promised) = (drawn(&paint(&alone(figure, &scene))), figure.bbox());
                let corners = |bbox: &PixelBox| [bbox.x, bbox.y, bbox.x + bbox.width, bbox.y + bbox.height];
                for (pixel, edge) in corners(&pixels).into_iter().zip(corners(&promised)) {
                    // The tip of a lean star or triangle is thinner than a pixel.
                    assert!(
                        (pixel - edge).abs() <= 2.0_f32.max(0.025 * figure.span()),
                        "scene {index}: {:?} {pixels:?} {promised:?}",
                        figure.kind
                    );
                }
                checked += 1;
            }
        }
        assert!(checked > 500);
    }

    #[test]
    fn nothing_hides_more_than_a_little_of_a_figure() {
        let mut touching = 0;
        for index in 0..200 {
            let scene = Scene::new(12, index, Part::Normal);
            let masks: Vec<Vec<u8>> = scene.figures.iter().map(|figure| coverage(figure, &scene)).collect();
            for (place, own) in masks.iter().enumerate() {
                let covered = |pixel: usize| masks[place + 1..].iter().any(|front| front[pixel] > 127);
                let inside: Vec<usize> = (0..own.len()).filter(|&pixel| own[pixel] > 127).collect();
                let hidden =
                    inside.iter().filter(|&&pixel| covered(pixel)).count() as f32 / inside.len() as f32;
                assert!(
                    hidden <= 0.15,
                    "scene {index}: {hidden:.2} of {:?} is hidden",
                    scene.figures[place].kind
                );
                touching += usize::from(hidden > 0.0);
            }
        }
        assert!(touching > 5, "overlap should happen sometimes");
    }

    fn coverage(figure: &Figure, scene: &Scene) -> Vec<u8> {
        let mut mask = Mask::new(scene.canvas.width, scene.canvas.height).unwrap();
        mask.fill_path(&path(&figure.outline).unwrap(), FillRule::EvenOdd, true, Transform::identity());
        mask.take()
    }

    #[test]
    fn a_solid_figure_has_its_shade_in_the_middle() {
        let scene = Scene::new(13, 0, Part::Normal);
        let kind = Kind {
            extent: Extent::Large,
            pattern: Pattern::Solid,
            colour: Colour::Red,
            shape: Shape::Square,
        };
        let outline = Outline::unit(Shape::Square, Build::USUAL, 1.0, 0.1).moved(40.0, (20.0, 10.0));
        let base = Rgb([0.8, 0.2, 0.0]);
        let rim = Some(Rim { colour: Rgb::gray(0.0), width: 2.0 });
        let look =
            Look { base, marks: base, grain: 0.0, pitch: 5.0, heft: 0.5, rim, line: 2.0, inside: None };
        let picture = paint(&alone(&Figure { kind, outline, look }, &scene));
        assert_eq!(picture.get_pixel(40, 30).0, [204, 51, 0]);
        assert_eq!(picture.get_pixel(2, 2).0, [255, 255, 255]);
    }

    #[test]
    fn every_background_covers_the_canvas() {
        for index in 0..60 {
            let scene = Scene::new(14, index, Part::Normal);
            let picture = paint(&Scene { figures: Vec::new(), ..scene.clone() });
            assert_eq!(picture.dimensions(), (scene.canvas.width, scene.canvas.height));
            let dark = matches!(scene.background, Background::Plain(base) if base.0[0] < 0.5);
            let corner = picture.get_pixel(0, 0).0;
            assert!(dark || corner != [0, 0, 0], "{:?}", scene.background);
        }
    }
}
