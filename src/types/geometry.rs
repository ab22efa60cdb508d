//! Boxes in pixels, boxes in 0..1, and the square frame that maps between a picture and the model's view of it.

use serde::{Deserialize, Serialize};

/// Width and height of a picture in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

/// A box in pixels of the picture as it was sent: top-left corner and extent, y down.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PixelBox {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

impl PixelBox {
    /// Intersection over union, 0..1; 0 when both boxes are empty.
    pub fn iou(&self, other: &Self) -> f32 {
        self.corners().iou(&other.corners())
    }

    /// Whether the box has an extent and lies inside a picture of `size`, up to half a pixel of rounding.
    pub fn fits(&self, size: Size) -> bool {
        const ROUNDING: f32 = 0.5;
        [self.x, self.y, self.width, self.height].iter().all(|v| v.is_finite())
            && self.width > 0.0
            && self.height > 0.0
            && self.x >= -ROUNDING
            && self.y >= -ROUNDING
            && self.x + self.width <= size.width as f32 + ROUNDING
            && self.y + self.height <= size.height as f32 + ROUNDING
    }

    fn corners(&self) -> UnitBox {
        UnitBox { x1: self.x, y1: self.y, x2: self.x + self.width, y2: self.y + self.height }
    }
}

/// A box by its corners in 0..1 of the square frame that the model sees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitBox {
    pub x1: f32,
    pub y1: f32,
    pub x2: f32,
    pub y2: f32,
}

impl UnitBox {
    pub fn width(&self) -> f32 {
        (self.x2 - self.x1).max(0.0)
    }

    pub fn height(&self) -> f32 {
        (self.y2 - self.y1).max(0.0)
    }

    pub fn area(&self) -> f32 {
        self.width() * self.height()
    }

    /// Centre as (x, y).
    pub fn centre(&self) -> (f32, f32) {
        ((self.x1 + self.x2) / 2.0, (self.y1 + self.y2) / 2.0)
    }

    /// Intersection over union, 0..1; 0 when both boxes are empty.
    pub fn iou(&self, other: &Self) -> f32 {
        let width = (self.x2.min(other.x2) - self.x1.max(other.x1)).max(0.0);
        let height = (self.y2.min(other.y2) - self.y1.max(other.y1)).max(0.0);
        let shared = width * height;
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// The model's description of a box: (x1, y1, x2, y2, width, height, area), all in 0..1.
    pub fn geometry(&self) -> [f32; 7] {
        [self.x1, self.y1, self.x2, self.y2, self.width(), self.height(), self.area()]
    }
}

/// How a picture lies in the model's square view: scaled to the longer side, at the top left, the rest padded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    picture: Size,
}

impl Frame {
    pub fn new(picture: Size) -> Self {
        Self { picture }
    }

    pub fn picture(&self) -> Size {
        self.picture
    }

    /// Size of the picture's content inside a square of `side` pixels; at least one pixel each way.
    pub fn content(&self, side: u32) -> Size {
        let scale = f64::from(side) / f64::from(self.longer());
        let scaled = |length: u32| ((f64::from(length) * scale).round() as u32).clamp(1, side);
        Size { width: scaled(self.picture.width), height: scaled(self.picture.height) }
    }

    /// From pixels of the picture to 0..1 of the square.
    pub fn to_unit(&self, bbox: &PixelBox) -> UnitBox {
        let side = self.longer() as f32;
        let unit = |v: f32| (v / side).clamp(0.0, 1.0);
        UnitBox {
            x1: unit(bbox.x),
            y1: unit(bbox.y),
            x2: unit(bbox.x + bbox.width),
            y2: unit(bbox.y + bbox.height),
        }
    }

    /// From 0..1 of the square to pixels of the picture, cut at its edges.
    pub fn to_pixels(&self, bbox: &UnitBox) -> PixelBox {
        let side = self.longer() as f32;
        let (width, height) = (self.picture.width as f32, self.picture.height as f32);
        let x = (bbox.x1 * side).clamp(0.0, width);
        let y = (bbox.y1 * side).clamp(0.0, height);
        PixelBox {
            x,
            y,
            width: ((bbox.x2 * side).clamp(0.0, width) - x).max(0.0),
            height: ((bbox.y2 * side).clamp(0.0, height) - y).max(0.0),
        }
    }

    fn longer(&self) -> u32 {
        self.picture.width.max(self.picture.height).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iou_of_half_overlapping_squares_is_a_third() {
        let a = PixelBox { x: 0.0, y: 0.0, width: 2.0, height: 2.0 };
        let b = PixelBox { x: 1.0, y: 0.0, width: 2.0, height: 2.0 };
        assert!((a.iou(&b) - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!(a.iou(&PixelBox { x: 5.0, ..b }), 0.0);
    }

    #[test]
    fn iou_of_empty_boxes_is_zero() {
        let empty = UnitBox { x1: 0.5, y1: 0.5, x2: 0.5, y2: 0.5 };
        assert_eq!(empty.iou(&empty), 0.0);
    }

    #[test]
    fn a_box_survives_the_way_to_the_square_and_back() {
        let frame = Frame::new(Size { width: 400, height: 100 });
        let bbox = PixelBox { x: 40.0, y: 10.0, width: 100.0, height: 60.0 };
        let unit = frame.to_unit(&bbox);
        assert_eq!(unit, UnitBox { x1: 0.1, y1: 0.025, x2: 0.35, y2: 0.175 });
        let back = frame.to_pixels(&unit);
        assert!((back.x - 40.0).abs() < 1e-3 && (back.height - 60.0).abs() < 1e-3);
    }

    #[test]
    fn boxes_predicted_in_the_padding_are_cut_at_the_picture() {
        let frame = Frame::new(Size { width: 400, height: 100 });
        let bbox = frame.to_pixels(&UnitBox { x1: 0.5, y1: 0.2, x2: 0.6, y2: 0.9 });
        assert_eq!((bbox.y, bbox.height), (80.0, 20.0));
    }

    #[test]
    fn content_keeps_the_aspect_ratio_and_at_least_a_pixel() {
        let content = Frame::new(Size { width: 1000, height: 400 }).content(128);
        assert_eq!((content.width, content.height), (128, 51));
        assert_eq!(Frame::new(Size { width: 1000, height: 1 }).content(128).height, 1);
    }

    #[test]
    fn a_box_outside_its_picture_does_not_fit() {
        let size = Size { width: 10, height: 10 };
        let inside = PixelBox { x: 0.0, y: 0.0, width: 10.0, height: 10.0 };
        assert!(inside.fits(size));
        assert!(!PixelBox { width: 11.0, ..inside }.fits(size));
        assert!(!PixelBox { height: 0.0, ..inside }.fits(size));
        assert!(!PixelBox { x: f32::NAN, ..inside }.fits(size));
    }
}
