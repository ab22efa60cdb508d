//! What the model has made of a picture or a text: computed once, used by every query about it.

use crate::types::{Frame, Object, PixelBox, Size};

use super::stage::VisualStates;

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
