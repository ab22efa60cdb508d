//! The detector of visual objects: anchor-free, after CenterNet (Zhou et al., "Objects as Points", arXiv 1904.07850).
//!
//! A heat map per class peaks at the centres of objects; size and offset are read there. Peaks are found by max-pooling, so there is no
//! non-maximum suppression. What lies in the boxes is then cut out of the same map: the region feature, the class and the attributes.

mod backbone;
mod grid;
mod heads;
mod peaks;
mod regions;

use burn::module::Module;
use burn::tensor::activation::{sigmoid, softmax};
use burn::tensor::{Bool, Device, Int, Tensor};

use self::backbone::Backbone;
use self::heads::Heads;
pub use self::heads::Maps;
pub use self::peaks::{at, boxes};
pub use self::regions::Contents;
use self::regions::Regions;
use super::dims::{Dims, Vocabulary};
use super::state_dict::{WordList, Worded};

/// Pixels of the square per cell of the maps, each way.
pub const STRIDE: usize = 4;

/// Objects of a batch of pictures, by falling score, and behind them the regions of a grid where there are few (see
/// [`Dims::grid_below`]): these have a feature and a box, but neither score nor tags. Slots behind a picture's last region are zero.
#[derive(Clone, Debug)]
pub struct Detections {
    /// Corners in 0..1 of the square, `[batch, objects, 4]`
    pub boxes: Tensor<3>,
    /// `[batch, objects, features]`
    pub features: Tensor<3>,
    /// Probabilities that sum to one, `[batch, objects, classes]`
    pub classes: Tensor<3>,
    /// Probabilities, `[batch, objects, attributes]`
    pub attributes: Tensor<3>,
    /// Heat of the peaks, above zero; zero in regions of the grid. `[batch, objects]`
    pub scores: Tensor<2>,
    /// Objects and regions of the grid, `[batch, objects]`
    pub real: Tensor<2, Bool>,
}

/// Pixels in, maps or objects out.
#[derive(Module, Debug)]
pub struct Detector {
    backbone: Backbone,
    heads: Heads,
    regions: Regions,
    objects: usize,
    threshold: f64,
    grid_below: usize,
}

impl Detector {
    /// Parts of the paths of those weights that map one hidden space to another.
    pub const HIDDEN: [&str; 11] = [
        "half.weight",
        "quarter.weight",
        "fine.weight",
        "eighth.weight",
        "sixteenth.weight",
        "first.weight",
        "second.weight",
        "_up.weight",
        "hidden.weight",
        "narrow.weight",
        "feature.weight",
    ];

    /// Weights with a row for every word of a list.
    pub const WORDED: [Worded; 6] = [
        ("heads.heat.weight", WordList::Classes, 0),
        ("heads.heat.bias", WordList::Classes, 0),
        ("regions.classes.weight", WordList::Classes, 1),
        ("regions.classes.bias", WordList::Classes, 0),
        ("regions.attributes.weight", WordList::Attributes, 1),
        ("regions.attributes.bias", WordList::Attributes, 0),
    ];

    pub fn new(dims: &Dims, vocabulary: &Vocabulary, device: &Device) -> Self {
        let channels = Backbone::channels(dims);
        Self {
            backbone: Backbone::new(dims, device),
            heads: Heads::new(channels, vocabulary, device),
            regions: Regions::new(channels, dims, vocabulary, device),
            objects: dims.objects,
            threshold: dims.object_threshold,
            grid_below: dims.grid_below,
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

    /// What lies in boxes of the map, wherever they come from.
    ///
    /// # Shapes
    /// - boxes: `[batch, N, 4]`, corners in 0..1
    pub fn contents(&self, maps: &Maps, boxes: Tensor<3>) -> Contents {
        self.regions.forward(maps.map.clone(), boxes)
    }

    /// The objects of each picture by falling score.
    ///
    /// # Shapes
    /// - pixels: `[batch, side, side, 3]`, 0..=255
    /// - every output: `[batch, objects, …]`
    pub fn detect(&self, pixels: Tensor<4, Int>) -> Detections {
        let maps = self.maps(pixels);
        let peaks = peaks::find(&maps, self.objects, self.threshold);
        let places = grid::behind(&peaks, self.grid_below);
        let contents = self.contents(&maps, places.boxes.clone());
        let objects = peaks.real.float().unsqueeze_dim::<3>(2);
        Detections {
            features: contents.features * places.real.clone().float().unsqueeze_dim::<3>(2),
            classes: softmax(contents.classes, 2) * objects.clone(),
            attributes: sigmoid(contents.attributes) * objects,
            boxes: places.boxes,
            scores: peaks.scores,
            real: places.real,
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::optim::GradientsParams;
    use burn::tensor::Distribution;

    use super::*;

    #[test]
    fn a_picture_in_which_nothing_is_found_is_looked_at_by_the_grid() {
        let dims =
            Dims { side: 32, channels: 4, features: 64, objects: 13, grid_below: 1, ..Dims::default() };
        let vocabulary = Vocabulary { tokens: 29, answers: 17, classes: 6, attributes: 8 };
        // No peak of a detector that has not learned reaches the threshold, and of many features some are above zero.
        let detector = Detector::new(&dims, &vocabulary, &Device::flex());
        let pixels = Tensor::<4>::random([2, 32, 32, 3], Distribution::Uniform(0.0, 255.0), &Device::flex());
        let found = detector.detect(pixels.int());
        let real = found.real.into_data().try_to_vec::<bool>().unwrap();
        let wanted: Vec<bool> = (0..2).flat_map(|_| (0..13).map(|slot| slot < 10)).collect();
        assert_eq!(real, wanted);
        let sums = |tensor: Tensor<3>| tensor.sum_dim(2).flatten::<1>(0, 2).into_data().try_to_vec::<f32>();
        let features = sums(found.features).unwrap();
        assert!(features.iter().zip(&real).all(|(sum, real)| (*sum > 0.0) == *real), "{features:?}");
        for nothing in [sums(found.classes), sums(found.attributes), sums(found.scores.unsqueeze_dim(2))] {
            assert!(nothing.unwrap().iter().all(|sum| *sum == 0.0), "the grid has neither tags nor score");
        }
    }

    #[test]
    fn every_weight_learns() {
        let dims = Dims { side: 32, channels: 4, features: 5, objects: 7, ..Dims::default() };
        let vocabulary = Vocabulary { tokens: 29, answers: 17, classes: 6, attributes: 8 };
        let device = Device::flex().autodiff();
        let detector = Detector::new(&dims, &vocabulary, &device);
        let pixels = Tensor::<4>::random([2, 32, 32, 3], Distribution::Uniform(0.0, 255.0), &device);
        let maps = detector.maps(pixels.int());
        let boxes = Tensor::<3>::from_data([[[0.1, 0.2, 0.5, 0.6]], [[0.4, 0.1, 0.9, 0.9]]], &device);
        let contents = detector.contents(&maps, boxes);
        let gradients =
            (maps.heat.sum() + maps.shape.sum() + contents.classes.sum() + contents.attributes.sum())
                .backward();
        let learning = GradientsParams::from_grads(gradients, &detector).len();
        assert_eq!(learning, burn::module::list_param_ids(&detector).len());
    }
}
