//! How weights follow their gradients: hidden weight matrices by Muon, everything else by AdamW.
//!
//! Muon (Jordan et al., <https://kellerjordan.github.io/posts/muon/>) steps along the orthogonalised momentum, so that every direction of
//! a matrix learns at the same pace. Its step is scaled to the size of AdamW's (Liu et al., arXiv 2502.16982), and one learning rate
//! serves both. Embeddings, readings of logits and vectors are no maps from one hidden space to another, and stay with AdamW.
//!
//! Weights that know more than the dataset can teach, those of a BERT, learn gently: by AdamW, which they were made with, at a small share
//! of the rate.

use std::path::{Path, PathBuf};

use burn::grad_clipping::GradientClipping;
use burn::module::{Module, ParamGroup};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::{
    AdamW, AdamWConfig, AdamWState, AdjustLrFn, GradientsParams, LearningRate, ModuleOptimizer, Muon,
    MuonConfig, MuonState, Optimizer as Rule,
};
use burn::tensor::{Device, Tensor};

use super::deal::Deal;
use super::error::Error;
use super::team::Team;
use crate::model::{Cmal, Detector};

/// Most that a parameter's gradient may measure, by its Euclidean norm. Muon forgets the measure anyway.
const CLIP: f32 = 1.0;
/// Weight decay (Loshchilov and Hutter, arXiv 1711.05101).
const DECAY: f32 = 0.01;
/// What AdamW adds to a gradient's root mean square: far below the gradients of a mean over many samples, which burn's default is not.
const EPSILON: f32 = 1e-8;
/// Share of the rate at which weights learn gently: a recipe's 1.5e-3 becomes 4.5e-5, of the size that BERTs are fine-tuned at.
const GENTLE: f64 = 0.03;

/// A model whose weights learn in more than one way. Paths are named by parts of them.
pub trait Weighed {
    /// Weights that are maps between hidden spaces.
    fn hidden(&self) -> &'static [&'static str];

    /// Weights that learn gently.
    fn gentle(&self) -> &'static [&'static str];
}

impl Weighed for Cmal {
    fn hidden(&self) -> &'static [&'static str] {
        &Self::HIDDEN
    }

    fn gentle(&self) -> &'static [&'static str] {
        self.of_bert()
    }
}

impl Weighed for Detector {
    fn hidden(&self) -> &'static [&'static str] {
        &Self::HIDDEN
    }

    fn gentle(&self) -> &'static [&'static str] {
        &[]
    }
}

/// The optimiser of a stage, in as many parts as its team has threads; each part keeps weights of its own.
pub struct Optimizer {
    parts: Vec<ModuleOptimizer>,
}

impl Optimizer {
    /// A fresh one. A weight is a map between hidden spaces if its path contains one of `hidden`, and learns gently if it contains one
    /// of `gentle`.
    pub fn new(hidden: &[&str], gentle: &[&str], parts: usize) -> Self {
        Self { parts: vec![rules(hidden, gentle); parts.max(1)] }
    }

    /// The model after a step.
    pub fn step<M: Module>(
        &mut self,
        rate: LearningRate,
        model: M,
        gradients: GradientsParams,
        team: &Team,
    ) -> M {
        if let [whole] = self.parts.as_mut_slice() {
            return whole.step(rate, model, gradients);
        }
        let deal = Deal::new(&model, self.parts.len());
        let shares = deal.gradients(&model, gradients);
        let steps = self.parts.iter_mut().zip(shares).enumerate().map(|(owner, (part, share))| {
            let (model, deal) = (model.clone(), &deal);
            move || deal.weights(&part.step(rate, model, share), owner)
        });
        let moved = team.each(steps.collect());
        moved.into_iter().fold(model, |model, mut weights| model.map(&mut weights))
    }

    /// Writes each part's state to a file of its own in a folder.
    pub fn save(&self, folder: &Path) -> Result<(), Error> {
        self.parts.iter().enumerate().try_for_each(|(number, part)| {
            let path = file(folder, number);
            part.save(&path).map_err(|source| Error::Record { path, source: source.into() })
        })
    }

    /// With the state that [`save`](Self::save) wrote.
    pub fn load(self, folder: &Path) -> Result<Self, Error> {
        let loaded = self.parts.into_iter().enumerate().map(|(number, part)| {
            let path = file(folder, number);
            part.load(&path).map_err(|source| Error::Record { path, source: source.into() })
        });
        Ok(Self { parts: loaded.collect::<Result<_, _>>()? })
    }
}

fn file(folder: &Path, part: usize) -> PathBuf {
    folder.join(format!("optimizer-{part}.bpk"))
}

fn rules(hidden: &[&str], gentle: &[&str]) -> ModuleOptimizer {
    let clipping = GradientClipping::Norm(CLIP);
    let adamw = AdamWConfig::new().with_weight_decay(DECAY).with_epsilon(EPSILON);
    let muon = MuonConfig::new()
        .with_weight_decay(Some(WeightDecayConfig::new(DECAY)))
        .with_adjust_lr_fn(AdjustLrFn::MatchRmsAdamW)
        .build();
    let group = |paths: &[&str]| ParamGroup::from_any_predicates(paths.to_vec());
    let rules =
        adamw.init().with_grad_clipping(clipping.clone()).with_group(group(hidden), Matrices(muon), None);
    // A group of no paths would be one of all weights.
    if gentle.is_empty() {
        return rules;
    }
    rules.with_group(group(gentle), Gentle(adamw.build()), Some(clipping))
}

/// AdamW at a small share of the rate.
#[derive(Clone)]
struct Gentle(AdamW);

impl Rule for Gentle {
    type State<const D: usize> = AdamWState<D>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        weight: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<AdamWState<D>>,
    ) -> (Tensor<D>, Option<AdamWState<D>>) {
        self.0.step(rate * GENTLE, weight, gradient, state)
    }

    fn to_device<const D: usize>(state: AdamWState<D>, device: &Device) -> AdamWState<D> {
        <AdamW as Rule>::to_device(state, device)
    }
}

/// Muon on every weight of two axes or more; a convolution's inputs and kernel are one axis.
#[derive(Clone)]
struct Matrices(Muon);

impl Rule for Matrices {
    type State<const D: usize> = MuonState<2>;

    fn step<const D: usize>(
        &self,
        rate: LearningRate,
        weight: Tensor<D>,
        gradient: Tensor<D>,
        state: Option<MuonState<2>>,
    ) -> (Tensor<D>, Option<MuonState<2>>) {
        let shape = weight.dims();
        let rows = shape[0];
        let matrix = |tensor: Tensor<D>| {
            let columns = tensor.shape().num_elements() / rows;
            tensor.reshape([rows, columns])
        };
        let (weight, state) = self.0.step(rate, matrix(weight), matrix(gradient), state);
        (weight.reshape(shape), state)
    }

    fn to_device<const D: usize>(state: MuonState<2>, device: &Device) -> MuonState<2> {
        <Muon as Rule>::to_device::<2>(state, device)
    }
}

#[cfg(test)]
mod tests {
    use burn::module::{Module, ModuleVisitor, Param};
    use burn::nn::conv::{Conv2d, Conv2dConfig};
    use burn::nn::{Linear, LinearConfig};
    use burn::optim::GradientsParams;
    use burn::tensor::{Distribution, TensorData};
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::model::{Activation, BertDims, Dims, Vocabulary};
    use crate::train::dice::dice;

    #[derive(Module, Debug)]
    struct Net {
        hidden: Linear,
        conv: Conv2d,
        read: Linear,
    }

    /// How far the weight moved in one step of rate 1 against a random gradient, as a matrix.
    fn moved(parts: usize) -> [Tensor<2>; 3] {
        moved_with(&[], parts)
    }

    fn moved_with(gentle: &[&str], parts: usize) -> [Tensor<2>; 3] {
        let hidden = &["hidden.weight", "conv.weight"];
        let device = Device::flex().autodiff();
        // Chance of its own: tests that run beside this one draw from the device's.
        let mut rng = dice(3, "test", 0);
        let mut net = Net {
            hidden: LinearConfig::new(5, 7).init(&device),
            conv: Conv2dConfig::new([2, 3], [3, 3]).init(&device),
            read: LinearConfig::new(5, 7).init(&device),
        };
        net.hidden.weight = Param::from_tensor(noise([5, 7], &device, &mut rng));
        net.conv.weight = Param::from_tensor(noise([3, 2, 3, 3], &device, &mut rng));
        net.read.weight = Param::from_tensor(noise([5, 7], &device, &mut rng));
        let matrix = |tensor: Tensor<4>| tensor.reshape([3, 18]);
        let weights = |net: &Net| {
            let matrices = [net.hidden.weight.val(), matrix(net.conv.weight.val()), net.read.weight.val()];
            matrices.map(|matrix| matrix.inner())
        };
        let mut pull = |weight: Tensor<2>| {
            let pull = noise(weight.dims(), &device, &mut rng);
            (weight * pull).sum()
        };
        let loss =
            pull(net.hidden.weight.val()) + pull(matrix(net.conv.weight.val())) + pull(net.read.weight.val());
        let gradients = GradientsParams::from_grads(loss.backward(), &net);
        let before = weights(&net);
        let team = Team::new(parts).unwrap();
        let after = weights(&Optimizer::new(hidden, gentle, parts).step(1.0, net, gradients, &team));
        let mut pairs = before.into_iter().zip(after);
        std::array::from_fn(|_| pairs.next().map(|(before, after)| after - before).unwrap())
    }

    /// Even between -1 and 1.
    fn noise<const D: usize>(dims: [usize; D], device: &Device, rng: &mut ChaCha8Rng) -> Tensor<D> {
        let values: Vec<f32> = (0..dims.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
        Tensor::from_data(TensorData::new(values, dims), device)
    }

    /// Largest and smallest of the squared lengths that a matrix with more columns than rows gives to random unit vectors.
    fn stretch(matrix: &Tensor<2>) -> (f32, f32) {
        let [rows, _] = matrix.dims();
        let vectors = Tensor::<2>::random([400, rows], Distribution::Normal(0.0, 1.0), &matrix.device());
        let length = |t: Tensor<2>| (t.clone() * t).sum_dim(1);
        let stretched = length(vectors.clone().matmul(matrix.clone())) / length(vectors);
        (stretched.clone().max().into_scalar(), stretched.min().into_scalar())
    }

    #[test]
    fn hidden_matrices_move_alike_in_every_direction_and_others_do_not() {
        let [hidden, conv, read] = moved(1);
        for matrix in [hidden, conv] {
            let (most, least) = stretch(&matrix);
            assert!(most < 3.0 * least, "{most} {least}");
        }
        let (most, least) = stretch(&read);
        assert!(most > 3.0 * least, "{most} {least}");
    }

    #[test]
    fn a_step_in_parts_is_the_step_of_the_whole() {
        for (whole, parts) in moved(1).into_iter().zip(moved(2)) {
            assert_eq!(whole.into_data(), parts.into_data());
        }
    }

    #[test]
    fn a_step_is_as_long_as_one_of_adamw() {
        let [hidden, conv, read] = moved(1);
        let size = |t: Tensor<2>| (t.clone() * t).mean().sqrt().into_scalar::<f32>();
        let read = size(read);
        for moved in [size(hidden), size(conv)] {
            assert!((0.1..0.5).contains(&(moved / read)), "{moved} {read}");
        }
    }

    #[test]
    fn gentle_weights_step_a_small_share_of_the_way_and_others_as_before() {
        let (usual, gentle) = (moved(1), moved_with(&["hidden.", "read."], 2));
        let size = |t: &Tensor<2>| (t.clone() * t.clone()).mean().sqrt().into_scalar::<f32>();
        let [_, conv, read] = usual;
        let [hidden_gently, conv_again, read_gently] = gentle;
        assert_eq!(conv.into_data(), conv_again.into_data());
        for moved in [hidden_gently, read_gently] {
            let share = size(&moved) / size(&read);
            assert!((share / GENTLE as f32 - 1.0).abs() < 0.1, "{share}");
        }
    }

    struct Found<'a> {
        path: Vec<String>,
        patterns: &'a [&'a str],
        hits: Vec<usize>,
    }

    impl ModuleVisitor for Found<'_> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }

        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }

        fn visit_float<const D: usize>(&mut self, _: &Param<Tensor<D>>) {
            let path = self.path.join(".");
            for (pattern, hits) in self.patterns.iter().zip(&mut self.hits) {
                if path.contains(pattern) {
                    assert!(D >= 2 || !pattern.ends_with(".weight"), "{path} is no matrix");
                    *hits += 1;
                }
            }
        }
    }

    #[test]
    fn the_models_name_weights_that_they_have() {
        let (dims, device) = (Dims::default(), Device::flex());
        let vocabulary = Vocabulary { tokens: 29, answers: 17, classes: 6, attributes: 8 };
        fn check(model: &impl Module, patterns: &[&str]) {
            let mut found = Found { path: Vec::new(), patterns, hits: vec![0; patterns.len()] };
            model.visit(&mut found);
            for (pattern, hits) in patterns.iter().zip(found.hits) {
                assert!(hits > 0, "no weight is called {pattern}");
            }
        }
        let cmal = Cmal::new(&dims, &vocabulary, &device);
        assert_eq!(cmal.gentle(), [""; 0]);
        check(&cmal, &Cmal::HIDDEN);
        let (activation, epsilon) = (Activation::Gelu, 1e-12);
        let bert = BertDims { width: 20, layers: 2, heads: 4, inner: 28, activation, epsilon };
        let cmal = Cmal::new(&Dims { bert: Some(bert), ..dims }, &vocabulary, &device);
        check(&cmal, cmal.gentle());
        check(&Detector::new(&dims, &vocabulary, &device), &Detector::HIDDEN);
    }
}
