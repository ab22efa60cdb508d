//! Embeddings of objects and of tokens, each on a hypersphere of its own.

use burn::module::{Initializer, Module, Param};
use burn::nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Bool, Device, Int, Tensor};

use super::bert::{Bert, Checkpoint, INITIAL, path};
use super::dims::{Dims, Vocabulary};
use super::state_dict::StateError;

/// Numbers in a box's geometry: corners, width, height, area.
const GEOMETRY: usize = 7;

/// Puts embeddings on a sphere around the origin with a learned radius: e ↦ r · e / ‖e‖.
#[derive(Module, Debug)]
struct Hypersphere {
    radius: Param<Tensor<1>>,
}

impl Hypersphere {
    fn new(dims: &Dims, device: &Device) -> Self {
        // The norm of a layer-normed vector, so that training starts where the ablation without the sphere does.
        let radius = (dims.width as f64).sqrt();
        Self { radius: Initializer::Constant { value: radius }.init([1], device) }
    }

    /// # Shapes
    /// - embedding, output: `[batch, slots, width]`
    fn forward(&self, embedding: Tensor<3>) -> Tensor<3> {
        let norm = (embedding.clone() * embedding.clone()).sum_dim(2).add_scalar(1e-6).sqrt();
        embedding / norm * self.radius.val().reshape([1, 1, 1])
    }
}

/// e_v = LN(W_f · feature) + LN(W_b · geometry), on the visual hypersphere.
///
/// The two norms have no gain of their own. With one, pre-training on a detector whose features tell an object's size by themselves turned
/// the geometry down to a third, where fine-tuning left it: the model no longer answered by place.
#[derive(Module, Debug)]
pub struct ObjectEmbedding {
    feature: Linear,
    geometry: Linear,
    /// Stands where a masked object's feature would.
    masked: Param<Tensor<1>>,
    sphere: Option<Hypersphere>,
}

impl ObjectEmbedding {
    pub fn new(dims: &Dims, device: &Device) -> Self {
        Self {
            feature: LinearConfig::new(dims.features, dims.width).init(device),
            geometry: LinearConfig::new(GEOMETRY, dims.width).init(device),
            masked: Initializer::Normal { mean: 0.0, std: 1.0 }.init([dims.width], device),
            sphere: dims.hypersphere.then(|| Hypersphere::new(dims, device)),
        }
    }

    /// `masked` hides the features of objects that are to be guessed; their boxes stay.
    ///
    /// # Shapes
    /// - features: `[batch, objects, features]`
    /// - boxes: `[batch, objects, 4]`, corners in 0..1
    /// - masked: `[batch, objects]`
    /// - output: `[batch, objects, width]`
    pub fn forward(
        &self,
        features: Tensor<3>,
        boxes: Tensor<3>,
        masked: Option<Tensor<2, Bool>>,
    ) -> Tensor<3> {
        let mut feature = normed(self.feature.forward(features));
        if let Some(masked) = masked {
            let [batch, objects, width] = feature.dims();
            let vector = self.masked.val().reshape([1, 1, width]).expand([batch, objects, width]);
            let masked = masked.reshape([batch, objects, 1]).expand([batch, objects, width]);
            feature = feature.mask_where(masked, vector);
        }
        let geometry = normed(self.geometry.forward(geometry(boxes)));
        on_sphere(self.sphere.as_ref(), feature + geometry)
    }
}

/// Layer normalisation without gain and shift.
///
/// # Shapes
/// - embedding, output: `[batch, slots, width]`
fn normed(embedding: Tensor<3>) -> Tensor<3> {
    let centred = embedding.clone() - embedding.mean_dim(2);
    let variance = (centred.clone() * centred.clone()).mean_dim(2);
    centred / variance.add_scalar(1e-5).sqrt()
}

/// (x1, y1, x2, y2) → (x1, y1, x2, y2, width, height, area), as [`UnitBox::geometry`](crate::types::UnitBox::geometry).
///
/// # Shapes
/// - boxes: `[batch, objects, 4]`
/// - output: `[batch, objects, 7]`
fn geometry(boxes: Tensor<3>) -> Tensor<3> {
    let extent = boxes.clone().narrow(2, 2, 2) - boxes.clone().narrow(2, 0, 2);
    let area = extent.clone().narrow(2, 0, 1) * extent.clone().narrow(2, 1, 1);
    Tensor::cat(vec![boxes, extent, area], 2)
}

/// e_t = LN(token + position), on the textual hypersphere; with a BERT, e_t = LN(W · BERT(token + position)).
#[derive(Module, Debug)]
pub struct TokenEmbedding {
    token: Embedding,
    position: Embedding,
    bert: Option<Bert>,
    norm: LayerNorm,
    sphere: Option<Hypersphere>,
}

impl TokenEmbedding {
    /// Parts of the paths of those weights that a BERT brings along.
    pub const OF_BERT: [&str; 4] =
        ["tokens.token.", "tokens.position.", "tokens.bert.norm.", "tokens.bert.encoder."];

    pub fn new(dims: &Dims, vocabulary: &Vocabulary, device: &Device) -> Self {
        let small = Initializer::Normal { mean: 0.0, std: 0.1 };
        let (width, initial) = dims.bert.map_or((dims.width, small), |bert| (bert.width, INITIAL));
        let table = |rows| EmbeddingConfig::new(rows, width).with_initializer(initial.clone()).init(device);
        Self {
            token: table(vocabulary.tokens),
            position: table(dims.max_tokens),
            bert: dims.bert.map(|bert| Bert::new(&bert, dims.width, device)),
            norm: LayerNormConfig::new(dims.width).init(device),
            sphere: dims.hypersphere.then(|| Hypersphere::new(dims, device)),
        }
    }

    /// With the weights of a checkpoint, of the sizes of which it was made.
    pub fn taken(self, checkpoint: &Checkpoint) -> Result<Self, StateError> {
        Ok(Self {
            token: checkpoint.give(path::WORDS, self.token)?,
            position: checkpoint.give(path::POSITIONS, self.position)?,
            bert: self.bert.map(|bert| bert.taken(checkpoint)).transpose()?,
            ..self
        })
    }

    pub fn has_bert(&self) -> bool {
        self.bert.is_some()
    }

    /// # Shapes
    /// - tokens, real: `[batch, tokens]`, at most `max_tokens`
    /// - output: `[batch, tokens, width]`
    pub fn forward(&self, tokens: Tensor<2, Int>, real: Tensor<2, Bool>) -> Tensor<3> {
        let embedded = self.summed(tokens);
        let embedded = match &self.bert {
            Some(bert) => bert.forward(embedded, real),
            None => embedded,
        };
        on_sphere(self.sphere.as_ref(), self.norm.forward(embedded))
    }

    fn summed(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        let [_, length] = tokens.dims();
        let position = self.position.weight.val().narrow(0, 0, length).unsqueeze::<3>();
        self.token.forward(tokens) + position
    }

    /// The last hidden states of its BERT.
    #[cfg(test)]
    pub fn bert_states(&self, tokens: Tensor<2, Int>, real: Tensor<2, Bool>) -> Option<Tensor<3>> {
        self.bert.as_ref().map(|bert| bert.states(self.summed(tokens), real))
    }
}

fn on_sphere(sphere: Option<&Hypersphere>, embedding: Tensor<3>) -> Tensor<3> {
    match sphere {
        Some(sphere) => sphere.forward(embedding),
        None => embedding,
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{TensorData, Tolerance};

    use super::*;
    use crate::types::UnitBox;

    fn dims() -> Dims {
        Dims { width: 12, heads: 2, features: 5, max_tokens: 9, ..Dims::default() }
    }

    #[test]
    fn geometry_is_that_of_the_box_type() {
        let bbox = UnitBox { x1: 0.1, y1: 0.2, x2: 0.5, y2: 0.4 };
        let boxes = TensorData::new(vec![bbox.x1, bbox.y1, bbox.x2, bbox.y2], [1, 1, 4]);
        let found = geometry(Tensor::from_data(boxes, &Device::flex()));
        let expected = TensorData::new(bbox.geometry().to_vec(), [1, 1, 7]);
        found.into_data().assert_approx_eq::<f32>(&expected, Tolerance::absolute(1e-6));
    }

    #[test]
    fn every_embedding_lies_on_the_sphere_of_its_modality() {
        let device = Device::flex();
        let vocabulary = Vocabulary { tokens: 11, answers: 3, classes: 4, attributes: 6 };
        let tokens = Tensor::<2, Int>::from_data([[2, 7, 10], [0, 1, 3]], &device);
        let real = Tensor::<2, Int>::ones([2, 3], &device).bool();
        let embedded = TokenEmbedding::new(&dims(), &vocabulary, &device).forward(tokens, real);
        let norms = embedded.powi_scalar(2).sum_dim(2).sqrt();
        let expected = TensorData::new(vec![12f32.sqrt(); 6], [2, 3, 1]);
        norms.into_data().assert_approx_eq::<f32>(&expected, Tolerance::absolute(1e-3));
    }

    #[test]
    fn without_the_spheres_an_embedding_has_any_length_and_the_same_direction() {
        let device = Device::flex();
        let vocabulary = Vocabulary { tokens: 11, answers: 3, classes: 4, attributes: 6 };
        let [on, off] = [true, false].map(|hypersphere| {
            let dims = Dims { hypersphere, ..dims() };
            let objects = ObjectEmbedding::new(&dims, &device);
            let tokens = TokenEmbedding::new(&dims, &vocabulary, &device);
            assert_eq!((objects.sphere.is_some(), tokens.sphere.is_some()), (hypersphere, hypersphere));
            objects
        });
        // The weights of the other, so that the sphere is all they differ in.
        let off = ObjectEmbedding { sphere: off.sphere, ..on.clone() };
        let embed = |objects: ObjectEmbedding| {
            let features =
                Tensor::<3>::from_data([[[1.0, 2.0, 0.5, 0.0, 1.0], [0.0, 3.0, 1.0, 1.0, 0.5]]], &device);
            let boxes = Tensor::<3>::from_data([[[0.1, 0.2, 0.5, 0.4], [0.0, 0.3, 0.9, 0.7]]], &device);
            objects.forward(features, boxes, None)
        };
        let norm = |states: &Tensor<3>| states.clone().powi_scalar(2).sum_dim(2).sqrt();
        let (on, off) = (embed(on), embed(off));
        let lengths = norm(&off).into_data().try_to_vec::<f32>().unwrap();
        assert!(lengths.iter().all(|length| (length - 12f32.sqrt()).abs() > 1e-2), "{lengths:?}");
        let (on, off) = (on.clone() / norm(&on), off.clone() / norm(&off));
        on.into_data().assert_approx_eq::<f32>(&off.into_data(), Tolerance::absolute(1e-4));
    }

    #[test]
    fn a_masked_object_keeps_its_box_and_hides_its_feature() {
        let device = Device::flex();
        let embedding = ObjectEmbedding::new(&dims(), &device);
        let random =
            |shape: [usize; 3]| Tensor::<3>::random(shape, burn::tensor::Distribution::Default, &device);
        let (boxes, other_boxes) = (random([1, 2, 4]), random([1, 2, 4]));
        let masked = Tensor::<2, Bool>::from_data([[true, false]], &device);
        let see = |features: Tensor<3>, boxes: &Tensor<3>| {
            embedding.forward(features, boxes.clone(), Some(masked.clone()))
        };
        let first = |states: Tensor<3>| states.narrow(1, 0, 1).into_data();
        let (one, other) = (random([1, 2, 5]), random([1, 2, 5]));
        assert_eq!(first(see(one.clone(), &boxes)), first(see(other, &boxes)));
        assert_ne!(first(see(one.clone(), &boxes)), first(see(one, &other_boxes)));
    }
}
