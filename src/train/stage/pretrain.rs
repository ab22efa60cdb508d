//! Third stage: associative pre-training on captions (section 3 of the paper).

use burn::tensor::Device;

use super::association::{AssociationBatch, Guesses, Source};
use crate::model::Cmal;
use crate::train::dice::{Rounds, dice};
use crate::train::error::Error;
use crate::train::material::Material;
use crate::train::recipe::Pretrain;
use crate::train::run::{Figures, Loss, Stage};
use crate::train::schedule::Schedule;

/// Captions that a validation looks at, at most.
const VALIDATED: usize = 1000;

/// Associative pre-training.
pub struct PretrainStage<'a> {
    pub recipe: Pretrain,
    pub material: &'a Material,
}

impl Stage for PretrainStage<'_> {
    type Model = Cmal;

    fn name(&self) -> &'static str {
        "pretrain"
    }

    fn schedule(&self) -> Schedule {
        self.recipe.schedule
    }

    fn hidden(&self) -> &'static [&'static str] {
        &Cmal::HIDDEN
    }

    fn gentle(&self, model: &Cmal) -> &'static [&'static str] {
        model.of_bert()
    }

    fn loss(&self, model: &Cmal, shard: usize) -> Result<Loss, Error> {
        let device = self.material.device.clone().autodiff();
        let size = self.recipe.schedule.shard();
        let captions = &self.material.train.captions;
        let chosen = Rounds::new(self.material.seed, self.name(), captions.len()).take(shard * size, size);
        let chosen: Vec<_> = chosen.into_iter().map(|index| &captions[index]).collect();
        let mut rng = dice(self.material.seed, "plans", shard as u64);
        let batch =
            AssociationBatch::gather(&chosen, &self.source(&device), &self.recipe.association, &mut rng);
        Ok(Loss::sum(batch.losses(model)))
    }

    fn validate(&self, model: &Cmal) -> Result<Figures, Error> {
        let guesses = self.guess(model, false);
        let (text, objects) = (guesses.text.share(), guesses.objects.share());
        Ok(Figures {
            score: (text + objects + guesses.associated.share() + guesses.language.share()) / 4.0,
            named: vec![
                ("amc_text", text),
                ("amc_object", objects),
                ("associated", guesses.associated.share()),
                ("mlm", guesses.language.share()),
            ],
        })
    }
}

impl PretrainStage<'_> {
    /// Guesses on the validation part; if `silenced`, nothing crosses from one modality to the other through the filled slots.
    pub fn guess(&self, model: &Cmal, silenced: bool) -> Guesses {
        let chosen: Vec<_> = self.material.val.captions.iter().take(VALIDATED).collect();
        let mut rng = dice(self.material.seed, "validation plans", 0);
        let mut guesses = Guesses::default();
        for chunk in chosen.chunks(self.recipe.schedule.batch) {
            let source = self.source(&self.material.device);
            AssociationBatch::gather(chunk, &source, &self.recipe.association, &mut rng).guess(
                model,
                silenced,
                &mut guesses,
            );
        }
        guesses
    }

    fn source<'s>(&'s self, device: &'s Device) -> Source<'s> {
        Source { store: &self.material.store, tokenizer: &self.material.lexicon.tokenizer, device }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use burn::module::Module;
    use rand::RngExt;
    use rand::seq::{IndexedRandom, SliceRandom};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::data::{Found, ObjectStore};
    use crate::input::{self, Tokenizer};
    use crate::model::Dims;
    use crate::train::lexicon::{Lexicon, Words};
    use crate::train::recipe::Association;
    use crate::train::run::{Context, Observer, run};
    use crate::train::samples::{Sample, Samples};
    use crate::types::{Tags, UnitBox};

    const CLASSES: [&str; 5] = ["circle", "square", "star", "heart", "cross"];
    const COLOURS: [&str; 4] = ["red", "green", "blue", "pink"];

    struct Silent;

    impl Observer for Silent {
        fn stage(&self, _: &str, _: usize, _: usize) {}
        fn advance(&self, _: usize) {}
        fn note(&self, _: &str) {}
    }

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|word| (*word).to_owned()).collect()
    }

    fn lexicon() -> Lexicon {
        let texts = COLOURS.iter().flat_map(|colour| {
            CLASSES.iter().map(move |class| format!("the {colour} {class} and the {colour} {class}"))
        });
        Lexicon {
            tokenizer: Tokenizer::train(texts, 120, 12).unwrap(),
            words: Words { answers: words(&["yes"]), classes: words(&CLASSES), attributes: words(&COLOURS) },
        }
    }

    /// An object whose feature tells its class and colour, with some noise.
    fn object(class: usize, colour: usize, rng: &mut ChaCha8Rng) -> Found {
        let mut feature: Vec<f32> =
            (0..CLASSES.len() + COLOURS.len()).map(|_| rng.random_range(0.0..0.2)).collect();
        feature[class] += 1.0;
        feature[CLASSES.len() + colour] += 1.0;
        let (x1, y1) = (rng.random_range(0.0..0.8), rng.random_range(0.0..0.8));
        Found {
            bbox: UnitBox { x1, y1, x2: x1 + 0.2, y2: y1 + 0.2 },
            class: class as u16,
            attributes: (0..COLOURS.len()).map(|other| other == colour).collect(),
            feature,
        }
    }

    /// Pictures of three objects with captions that name two of them.
    fn captions(
        pictures: usize,
        store: &mut ObjectStore,
        lexicon: &Lexicon,
        rng: &mut ChaCha8Rng,
    ) -> Samples {
        let mut samples = Samples::default();
        for _ in 0..pictures {
            let mut classes: Vec<usize> = (0..CLASSES.len()).collect();
            classes.shuffle(rng);
            let named: Vec<(usize, usize)> =
                classes[..3].iter().map(|&class| (class, rng.random_range(0..COLOURS.len()))).collect();
            let objects: Vec<Found> =
                named.iter().map(|&(class, colour)| object(class, colour, rng)).collect();
            let picture = store.len();
            store.push(&format!("{picture}.png"), &objects);
            let tags: Vec<Tags> = objects
                .iter()
                .map(|found| lexicon.words.tags(usize::from(found.class), found.attributes.iter().copied()))
                .collect();
            let told: Vec<String> = named
                .sample(rng, 2)
                .map(|&(class, colour)| format!("the {} {}", COLOURS[colour], CLASSES[class]))
                .collect();
            let tokens = lexicon.tokenizer.encode(&told.join(" and ")).unwrap();
            let target = input::anchors(&tags, &tokens);
            samples.captions.push(Sample { picture, tokens: tokens.ids, target });
        }
        samples
    }

    /// What the words at filled slots can be guessed by without the filling: the other word of the same object is mostly in the text, the
    /// object itself is not, and two of four colours or five classes lie in the rest of the picture.
    const CONTEXT: f64 = 0.55;

    #[test]
    fn what_a_word_was_is_learned_from_the_filling_and_not_leaked_by_the_context() {
        let lexicon = lexicon();
        let mut rng = dice(11, "test", 0);
        let mut store = ObjectStore::new("test", CLASSES.len() + COLOURS.len(), COLOURS.len());
        let train = captions(600, &mut store, &lexicon, &mut rng);
        let val = captions(150, &mut store, &lexicon, &mut rng);
        let dims = Dims {
            features: store.width(),
            width: 32,
            heads: 2,
            expansion: 2,
            textual_layers: 1,
            unified_layers: 2,
            coarse: 8,
            max_tokens: 12,
            ..Dims::default()
        };
        let device = Device::flex();
        device.seed(5);
        let vocabulary = lexicon.vocabulary();
        let stage = PretrainStage {
            recipe: Pretrain {
                schedule: Schedule {
                    steps: 400,
                    batch: 32,
                    rate: 3e-3,
                    warmup: 40,
                    validate_every: 200,
                    workers: 1,
                },
                association: Association { negatives: 0.2, ..Association::default() },
            },
            material: &Material { seed: 3, lexicon, store, train, val, device: device.clone() },
        };
        let folder = tempfile::tempdir().unwrap();
        let context = Context { folder: folder.path(), observer: &Silent, stop: &AtomicBool::new(false) };
        let fresh = Cmal::new(&dims, &vocabulary, &device.autodiff()).materialize();
        let model = run(&stage, fresh, &context).unwrap().valid();
        let (heard, silenced) = (stage.guess(&model, false), stage.guess(&model, true));
        assert!(heard.text.of > 80, "{heard:?}");
        assert!(heard.text.share() > 0.9, "with the filling: {:.3}", heard.text.share());
        assert!(silenced.text.share() < CONTEXT, "without the filling: {:.3}", silenced.text.share());
        assert!(heard.objects.share() > 0.75, "{:.3}", heard.objects.share());
        // Four of five belong: who always says so is right as often.
        assert!(heard.associated.share() > 0.83, "{:.3}", heard.associated.share());
    }
}
