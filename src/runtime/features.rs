//! What the model has made of a picture or a text: computed once, used by every query about it.

use crate::types::{Frame, Object, PixelBox, Size};

use super::stage::VisualStates;
use super::weighed::{Weighed, heap};

/// A picture as the model sees it.
#[derive(Debug)]
pub struct Seen {
    frame: Frame,
    objects: Vec<Object>,
    states: VisualStates,
}

impl Seen {
    /// `objects` and `states` come from the same picture; the states are those of the objects, then of a grid's regions if there are any.
    pub(super) fn new(frame: Frame, objects: Vec<Object>, states: VisualStates) -> Self {
        Self { frame, objects, states }
    }

    /// Size of the picture as it was sent, in pixels.
    pub fn size(&self) -> Size {
        self.frame.picture()
    }

    /// The objects found, by falling score; possibly none.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The box of an object in pixels of the picture as it was sent.
    pub fn pixel_box(&self, object: &Object) -> PixelBox {
        self.frame.to_pixels(&object.bbox)
    }

    /// The picture's coarse vector, unit length: its product with a text's says how well they match.
    pub fn coarse(&self) -> &[f32] {
        &self.states.coarse
    }

    /// What the picture is looked at by: its objects, and behind them, if there are few, the regions of a grid, which nobody is told of.
    pub(super) fn regions(&self) -> usize {
        self.states.regions
    }

    /// The visual states H_v, one row of width D per region; a picture without any has one slot that is not real.
    pub(super) fn visual(&self) -> &[f32] {
        &self.states.visual
    }
}

/// A text as the model has read it.
#[derive(Debug)]
pub struct ReadText {
    /// The textual states H_t, one row of width D per token.
    pub(super) textual: Vec<f32>,
    pub(super) tokens: usize,
    pub(super) coarse: Vec<f32>,
}

impl ReadText {
    /// The text's coarse vector, unit length: its product with a picture's says how well they match.
    pub fn coarse(&self) -> &[f32] {
        &self.coarse
    }

    /// Tokens of the text, special ones counted.
    pub fn tokens(&self) -> usize {
        self.tokens
    }
}

impl Weighed for Seen {
    fn bytes(&self) -> usize {
        let tags = self.objects.iter().map(|Object { tags, .. }| {
            let words = tags.attributes.iter().chain([&tags.class]).map(String::capacity);
            heap(&tags.attributes) + words.sum::<usize>()
        });
        let states = heap(&self.states.visual) + heap(&self.states.coarse);
        size_of::<Self>() + heap(&self.objects) + tags.sum::<usize>() + states
    }
}

impl Weighed for ReadText {
    fn bytes(&self) -> usize {
        size_of::<Self>() + heap(&self.textual) + heap(&self.coarse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Tags, UnitBox};

    #[test]
    fn features_weigh_what_they_hold_on_the_heap() {
        let tags = Tags { class: "circle".to_owned(), attributes: vec!["red".to_owned()] };
        let bbox = UnitBox { x1: 0.0, y1: 0.0, x2: 1.0, y2: 1.0 };
        let seen = |objects, states: usize| {
            let object = Object { bbox, tags: tags.clone(), score: 1.0 };
            let states = VisualStates { visual: vec![0.0; states], coarse: vec![0.0; 3], regions: 1 };
            Seen::new(Frame::new(Size { width: 1, height: 1 }), vec![object; objects], states).bytes()
        };
        assert_eq!(seen(1, 10) - seen(1, 0), 40);
        let words = "circle".len() + "red".len() + size_of::<String>();
        assert_eq!(seen(2, 0) - seen(1, 0), size_of::<Object>() + words);
        let read = |tokens| ReadText { textual: vec![0.0; tokens], tokens, coarse: Vec::new() }.bytes();
        assert_eq!(read(7) - read(0), 28);
    }
}
