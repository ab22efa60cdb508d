//! A model's weights dealt to threads: each gets its share of the gradients, and what it makes of its weights is put together again.

use std::cmp::Reverse;
use std::collections::HashMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

/// Who has which weights: always the same ones for a model, and about as much work for each.
pub struct Deal {
    owners: HashMap<ParamId, usize>,
    parts: usize,
}

impl Deal {
    /// Deals the weights of a model to `parts` owners, the costliest first, each to whom has least.
    pub fn new<M: Module>(model: &M, parts: usize) -> Self {
        let mut costs = Costs(Vec::new());
        model.visit(&mut costs);
        costs.0.sort_by_key(|(_, cost)| Reverse(*cost));
        let mut loads = vec![0; parts];
        let mut owner = |cost: usize| {
            let least = (0..parts).min_by_key(|&part| loads[part]).unwrap_or(0);
            loads[least] += cost;
            least
        };
        Self { owners: costs.0.into_iter().map(|(id, cost)| (id, owner(cost))).collect(), parts }
    }

    /// Each owner's part of the gradients.
    pub fn gradients<M: Module>(&self, model: &M, gradients: GradientsParams) -> Vec<GradientsParams> {
        let to = (0..self.parts).map(|_| GradientsParams::new()).collect();
        let mut sorting = Sorting { owners: &self.owners, from: gradients, to };
        model.visit(&mut sorting);
        sorting.to
    }

    /// The weights of one owner, to be put into another copy of the model.
    pub fn weights<M: Module>(&self, model: &M, owner: usize) -> Weights {
        let mut taking = Taking { owners: &self.owners, owner, weights: Weights(GradientsParams::new()) };
        model.visit(&mut taking);
        taking.weights
    }
}

/// Weights by their id; a mapper that puts them in the place of a model's own.
pub struct Weights(GradientsParams);

impl ModuleMapper for Weights {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        Param::from_mapped_value(id, self.0.remove(id).unwrap_or(tensor), mapper)
    }
}

/// What a step of each weight costs, about: a matrix is multiplied with itself, anything else looked at.
struct Costs(Vec<(ParamId, usize)>);

impl ModuleVisitor for Costs {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let shape = param.shape();
        let all = shape.num_elements();
        let narrow = if D < 2 { 1 } else { shape[0].min(all / shape[0].max(1)) };
        self.0.push((param.id, all * narrow));
    }
}

struct Sorting<'a> {
    owners: &'a HashMap<ParamId, usize>,
    from: GradientsParams,
    to: Vec<GradientsParams>,
}

impl ModuleVisitor for Sorting<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.from.remove::<D>(param.id)
            && let Some(to) = self.owners.get(&param.id).and_then(|&owner| self.to.get_mut(owner))
        {
            to.register(param.id, gradient);
        }
    }
}

struct Taking<'a> {
    owners: &'a HashMap<ParamId, usize>,
    owner: usize,
    weights: Weights,
}

impl ModuleVisitor for Taking<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.owners.get(&param.id) == Some(&self.owner) {
            self.weights.0.register(param.id, param.val());
        }
    }
}
