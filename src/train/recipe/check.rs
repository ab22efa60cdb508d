//! What would fail hours into a training is refused when its recipe is read.

use super::{Arms, Method, Recipe};
use crate::model::STRIDE;
use crate::train::error::Error;

/// The export records every graph at two lengths of text, two primes from 5 up.
const FEWEST_TOKENS: usize = 8;

impl Recipe {
    pub(in crate::train) fn check(&self) -> Result<(), Error> {
        self.check_schedules()?;
        let wrong = |what: String, want| Err(Error::Recipe { what, want });
        let dims = &self.model;
        if dims.side == 0 || !dims.side.is_multiple_of(16) {
            return wrong(format!("side = {}", dims.side), "the side must be a multiple of 16");
        }
        if dims.heads == 0 || dims.width == 0 || !dims.width.is_multiple_of(dims.heads) {
            return wrong(
                format!("width = {} and heads = {}", dims.width, dims.heads),
                "the heads must divide the width",
            );
        }
        if let Some(bert) = dims.bert
            && (bert.heads == 0 || bert.width == 0 || !bert.width.is_multiple_of(bert.heads))
        {
            return wrong(
                format!("width = {} and heads = {} in `bert`", bert.width, bert.heads),
                "the heads must divide the width",
            );
        }
        if dims.objects == 0 || dims.objects > (dims.side / STRIDE).pow(2) {
            return wrong(
                format!("objects = {}", dims.objects),
                "it must be 1 at least, and fit the side's cells",
            );
        }
        if dims.max_tokens < FEWEST_TOKENS {
            return wrong(
                format!("max_tokens = {}", dims.max_tokens),
                "it must be 8 at least, so that the export can record texts of two lengths",
            );
        }
        let (association, shares) = (&self.pretrain.association, &self.finetune.shares);
        for (name, share) in [
            ("share of `pretrain`", self.pretrain.share),
            ("share of `finetune`", self.finetune.share),
            ("blend of `finetune`", self.finetune.blend),
            ("anchors", association.anchors),
            ("negatives", association.negatives),
            ("shown", association.shown),
            ("tokens", association.tokens),
            ("objects", association.objects),
            ("vqa", shares.vqa),
            ("entailment", shares.entailment),
            ("grounding", shares.grounding),
            ("contrast", shares.contrast),
            ("matching", shares.matching),
            ("association", shares.association),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return wrong(format!("{name} = {share}"), "a share is between 0 and 1");
            }
        }
        let largest = shares.vqa.max(shares.entailment).max(shares.grounding).max(shares.contrast);
        if self.finetune.schedule.shard() as f64 * largest < 1.0 {
            return wrong(
                format!("batch = {} in `finetune`", self.finetune.schedule.batch),
                "a worker's part of it must hold a row of some task",
            );
        }
        if self.finetune.schedule.steps == 0 {
            return wrong(
                "no steps in `finetune`".to_owned(),
                "only `pretrain`, and `detector` after --init or with region features of the dataset's own, can be left out",
            );
        }
        self.check_arms()
    }

    fn check_arms(&self) -> Result<(), Error> {
        let wrong = |what: &str, want| Err(Error::Recipe { what: what.to_owned(), want });
        let contrasted = self.pretrain.method == Method::Cmcl || self.arms.is_some();
        if contrasted && self.pretrain.runs() && self.pretrain.schedule.shard() < 2 {
            return wrong(
                "a contrast within one pair",
                "a worker's part of the `pretrain` batch must hold two",
            );
        }
        let Some(Arms { shares, seeds, ablation_seeds }) = &self.arms else {
            return Ok(());
        };
        if self.finetune.shares.association > 0.0 {
            return wrong(
                "`arms` with association rows in `finetune`",
                "they would teach arms without association some of it: state `association = 0.0` in `[finetune.shares]`",
            );
        }
        if shares.is_empty() || seeds.is_empty() {
            return wrong("`arms` without shares or seeds", "it needs one of each at least");
        }
        if shares.iter().any(|share| !(*share > 0.0 && *share <= 1.0)) {
            return wrong("a share in `arms` outside of 0 to 1", "a share is above 0, and 1 at most");
        }
        if repeats(shares) || repeats(seeds) || repeats(ablation_seeds) {
            return wrong("the same share or seed twice in `arms`", "state each once");
        }
        if self.pretrain.method != Method::Cmal || self.pretrain.schedule.steps == 0 {
            return wrong("`arms` without associative pre-training", "`pretrain` says how `cmal` is trained");
        }
        Ok(())
    }

    fn check_schedules(&self) -> Result<(), Error> {
        let wrong = |what: String, want| Err(Error::Recipe { what, want });
        for (stage, schedule) in [
            ("detector", self.detector),
            ("pretrain", self.pretrain.schedule),
            ("finetune", self.finetune.schedule),
        ] {
            if schedule.batch == 0 || schedule.validate_every == 0 {
                return wrong(
                    format!("a zero batch or validate_every in `{stage}`"),
                    "both must be 1 at least",
                );
            }
            if schedule.workers == 0 || !schedule.batch.is_multiple_of(schedule.workers) {
                return wrong(
                    format!("batch = {} and workers = {} in `{stage}`", schedule.batch, schedule.workers),
                    "the workers must divide the batch",
                );
            }
        }
        Ok(())
    }
}

fn repeats<T: PartialEq>(values: &[T]) -> bool {
    values.iter().enumerate().any(|(place, value)| values[..place].contains(value))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::{Activation, BertDims};

    #[test]
    fn what_would_fail_hours_later_is_refused_at_once() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/recipes/tiny.toml");
        let tiny = Recipe::open(&path).unwrap();
        let refused = |spoil: &dyn Fn(&mut Recipe)| {
            let mut recipe = tiny.clone();
            spoil(&mut recipe);
            recipe.check().unwrap_err().to_string()
        };
        assert!(refused(&|recipe| recipe.pretrain.association.anchors = 1.5).contains("anchors = 1.5"));
        assert!(refused(&|recipe| recipe.finetune.schedule.steps = 0).contains("no steps in `finetune`"));
        assert!(refused(&|recipe| recipe.detector.workers = 3).contains("workers = 3"));
        assert!(refused(&|recipe| recipe.model.max_tokens = 7).contains("max_tokens = 7"));
        assert!(refused(&|recipe| recipe.model.width = 0).contains("width = 0"));
        assert!(refused(&|recipe| recipe.finetune.schedule.batch = 2).contains("batch = 2"));
        let (activation, epsilon) = (Activation::Gelu, 1e-12);
        let bert = BertDims { width: 30, layers: 1, heads: 4, inner: 8, activation, epsilon };
        assert!(refused(&|recipe| recipe.model.bert = Some(bert)).contains("heads = 4 in `bert`"));
        let arms = |shares: &[f64], seeds: &[u64]| {
            let arms = Arms { shares: shares.to_vec(), seeds: seeds.to_vec(), ablation_seeds: Vec::new() };
            refused(&|recipe| {
                recipe.arms = Some(arms.clone());
                recipe.finetune.shares.association = 0.0;
            })
        };
        let unfair = Arms { shares: vec![1.0], seeds: vec![1], ablation_seeds: Vec::new() };
        assert!(refused(&|recipe| recipe.arms = Some(unfair.clone())).contains("association rows"));
        assert!(arms(&[], &[1]).contains("without shares or seeds"));
        assert!(arms(&[0.0], &[1]).contains("outside of 0 to 1"));
        assert!(arms(&[0.5], &[1, 1]).contains("twice"));
    }
}
