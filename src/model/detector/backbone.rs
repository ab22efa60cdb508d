//! Convolutions from pixels to one map of region features at a quarter of the side.

use burn::module::{Initializer, Module};
use burn::nn::PaddingConfig2d;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::tensor::activation::relu;
use burn::tensor::module::interpolate;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Device, Int, Tensor};

use crate::model::dims::Dims;

/// An hourglass: down to a sixteenth for context, and up again to a quarter by adding the finer maps. The depth is where maps are small: a
/// residual block at a quarter of the side alone would multiply nearly as often as all the rest.
#[derive(Module, Debug)]
pub struct Backbone {
    half: Conv2d,
    quarter: Conv2d,
    fine: Conv2d,
    eighth: Conv2d,
    eighth_residual: Residual,
    sixteenth: Conv2d,
    sixteenth_residual: Residual,
    sixteenth_up: Conv2d,
    eighth_up: Conv2d,
    narrow: Conv2d,
}

impl Backbone {
    pub fn new(dims: &Dims, device: &Device) -> Self {
        let channels = |multiple: usize| dims.channels * multiple;
        Self {
            half: conv([3, channels(1)], 3, 2).init(device),
            quarter: conv([channels(1), channels(2)], 3, 2).init(device),
            fine: conv([channels(2), channels(4)], 3, 1).init(device),
            eighth: conv([channels(4), channels(4)], 3, 2).init(device),
            eighth_residual: Residual::new(channels(4), device),
            sixteenth: conv([channels(4), channels(6)], 3, 2).init(device),
            sixteenth_residual: Residual::new(channels(6), device),
            sixteenth_up: conv([channels(6), channels(4)], 1, 1).init(device),
            eighth_up: conv([channels(4), channels(4)], 1, 1).init(device),
            narrow: conv([channels(4), Self::channels(dims)], 1, 1).init(device),
        }
    }

    /// Channels of the map.
    pub fn channels(dims: &Dims) -> usize {
        dims.channels * 2
    }

    /// # Shapes
    /// - pixels: `[batch, side, side, 3]`, 0..=255
    /// - output: `[batch, channels, side / 4, side / 4]`, never negative
    pub fn forward(&self, pixels: Tensor<4, Int>) -> Tensor<4> {
        let pixels = pixels.float().permute([0, 3, 1, 2]).mul_scalar(2.0 / 255.0).sub_scalar(1.0);
        let half = relu(self.half.forward(pixels));
        let quarter = relu(self.quarter.forward(half));
        let fine = relu(self.fine.forward(quarter));
        let eighth = self.eighth_residual.forward(relu(self.eighth.forward(fine.clone())));
        let sixteenth = self.sixteenth_residual.forward(relu(self.sixteenth.forward(eighth.clone())));
        let eighth = relu(eighth + doubled(self.sixteenth_up.forward(sixteenth)));
        relu(self.narrow.forward(relu(fine + doubled(self.eighth_up.forward(eighth)))))
    }
}

/// x + W₂ relu(W₁ x), rectified.
#[derive(Module, Debug)]
struct Residual {
    first: Conv2d,
    second: Conv2d,
}

impl Residual {
    fn new(channels: usize, device: &Device) -> Self {
        // The branch starts small: without normalisation layers the sum must not grow with depth.
        let quiet = Initializer::KaimingUniform { gain: 0.2, fan_out_only: false };
        Self {
            first: conv([channels, channels], 3, 1).init(device),
            second: conv([channels, channels], 3, 1).with_initializer(quiet).init(device),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        relu(x.clone() + self.second.forward(relu(self.first.forward(x))))
    }
}

/// A convolution that keeps the size of its map, or divides it by the stride.
pub(super) fn conv(channels: [usize; 2], kernel: usize, stride: usize) -> Conv2dConfig {
    let around = kernel / 2;
    Conv2dConfig::new(channels, [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(around, around, around, around))
        .with_initializer(Initializer::KaimingUniform { gain: std::f64::consts::SQRT_2, fan_out_only: false })
}

/// Each cell four times, twice as large each way.
fn doubled(map: Tensor<4>) -> Tensor<4> {
    let [_, _, height, width] = map.dims();
    let options = InterpolateOptions::new(InterpolateMode::Nearest);
    interpolate(map, options.with_output_size([height * 2, width * 2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubling_repeats_cells_each_way() {
        let map = Tensor::<4>::from_data([[[[1.0, 2.0]]]], &Device::flex());
        let expected =
            Tensor::<4>::from_data([[[[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]]], &Device::flex());
        assert_eq!(doubled(map).into_data(), expected.into_data());
    }
}
