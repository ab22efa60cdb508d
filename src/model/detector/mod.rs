//! The detector of visual objects: anchor-free, after CenterNet (Zhou et al., "Objects as Points", arXiv 1904.07850).
//!
//! A heat map per class peaks at the centres of objects; size, offset and attributes are read there. Peaks are found by max-pooling,
//! so there is no non-maximum suppression.

mod backbone;
mod heads;
mod peaks;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};

use self::backbone::Backbone;
use self::heads::Heads;
pub use self::heads::Maps;
pub use self::peaks::{Detections, at};
use super::dims::{Dims, Vocabulary};

/// Pixels of the square per cell of the maps, each way.
pub const STRIDE: usize = 4;

/// Pixels in, maps or objects out.
#[derive(Module, Debug)]
pub struct Detector {
    backbone: Backbone,
    heads: Heads,
    objects: usize,
    threshold: f64,
}

impl Detector {
    pub fn new(dims: &Dims, vocabulary: &Vocabulary, device: &Device) -> Self {
        Self {
            backbone: Backbone::new(dims, device),
            heads: Heads::new(dims, vocabulary, device),
            objects: dims.objects,
            threshold: dims.object_threshold,
        }
    }

    /// The dense maps that training compares with its targets.
    ///
    /// # Shapes
    /// - pixels: `[batch, side, side, 3]`, 0..=255
    /// - maps: `[batch, …, side / 4, side / 4]`
    pub fn maps(&self, pixels: Tensor<4, Int>) -> Maps {
        self.heads.forward(self.backbone.forward(pixels))
    }

    /// The objects of each picture by falling score.
    ///
    /// # Shapes
    /// - pixels: `[batch, side, side, 3]`, 0..=255
    /// - every output: `[batch, objects, …]`
    pub fn detect(&self, pixels: Tensor<4, Int>) -> Detections {
        peaks::read(self.maps(pixels), self.objects, self.threshold)
    }
}

#[cfg(test)]
mod tests {
    use burn::optim::GradientsParams;
    use burn::tensor::Distribution;

    use super::*;

    #[test]
    fn every_weight_learns() {
        let dims = Dims { side: 32, channels: 4, features: 5, objects: 7, ..Dims::default() };
        let vocabulary = Vocabulary { tokens: 29, answers: 17, classes: 6, attributes: 8 };
        let device = Device::flex().autodiff();
        let detector = Detector::new(&dims, &vocabulary, &device);
        let pixels = Tensor::<4>::random([2, 32, 32, 3], Distribution::Uniform(0.0, 255.0), &device);
        let maps = detector.maps(pixels.int());
        let gradients = (maps.heat.sum() + maps.shape.sum() + maps.attributes.sum()).backward();
        let learning = GradientsParams::from_grads(gradients, &detector).len();
        assert_eq!(learning, burn::module::list_param_ids(&detector).len());
    }
}
