//! The coarse vector of one modality: pooled states, projected to the unit sphere, compared by dot product.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Bool, Device, Tensor};

use crate::model::dims::Dims;

/// Mean over real slots, a linear projection, unit length.
#[derive(Module, Debug)]
pub struct CoarseHead {
    projection: Linear,
}

impl CoarseHead {
    pub fn new(dims: &Dims, device: &Device) -> Self {
        Self { projection: LinearConfig::new(dims.width, dims.coarse).init(device) }
    }

    /// # Shapes
    /// - states: `[batch, slots, width]`
    /// - real: `[batch, slots]`
    /// - output: `[batch, coarse]`, unit length; for a row without real slots the projection's bias decides
    pub fn forward(&self, states: Tensor<3>, real: Tensor<2, Bool>) -> Tensor<2> {
        let weight = real.float().unsqueeze_dim::<3>(2);
        let count = weight.clone().sum_dim(1).clamp_min(1.0);
        let mean = ((states * weight).sum_dim(1) / count).squeeze_dim::<2>(1);
        let projected = self.projection.forward(mean);
        let norm = (projected.clone() * projected.clone()).sum_dim(1).add_scalar(1e-6).sqrt();
        projected / norm
    }
}
