//! A corpus of which one knows what can be learned.

use burn::module::Module;
use burn::tensor::Device;
use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::data::{Found, ObjectStore};
use crate::input::{self, Tokenizer};
use crate::model::{Cmal, Dims};
use crate::train::dice::dice;
use crate::train::lexicon::{Lexicon, Words};
use crate::train::material::Material;
use crate::train::run::Observer;
use crate::train::samples::{Sample, Samples};
use crate::types::{Tags, UnitBox};

const CLASSES: [&str; 5] = ["circle", "square", "star", "heart", "cross"];
const COLOURS: [&str; 4] = ["red", "green", "blue", "pink"];

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
fn captions(pictures: usize, store: &mut ObjectStore, lexicon: &Lexicon, rng: &mut ChaCha8Rng) -> Samples {
    let mut samples = Samples::default();
    for _ in 0..pictures {
        let mut classes: Vec<usize> = (0..CLASSES.len()).collect();
        classes.shuffle(rng);
        let named: Vec<(usize, usize)> =
            classes[..3].iter().map(|&class| (class, rng.random_range(0..COLOURS.len()))).collect();
        let objects: Vec<Found> = named.iter().map(|&(class, colour)| object(class, colour, rng)).collect();
        let picture = store.len();
        store.push(&format!("{picture}.png"), &objects);
        let tags: Vec<Tags> = objects
            .iter()
            .map(|found| lexicon.words.tags(Some(usize::from(found.class)), found.attributes.iter().copied()))
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

/// Pictures to train and to validate on.
pub fn material(train: usize, val: usize) -> Material {
    let lexicon = lexicon();
    let mut rng = dice(11, "test", 0);
    let mut store = ObjectStore::new("test", CLASSES.len() + COLOURS.len(), COLOURS.len());
    let train = captions(train, &mut store, &lexicon, &mut rng);
    let val = captions(val, &mut store, &lexicon, &mut rng);
    Material { vocabulary: lexicon.vocabulary(), lexicon, store, train, val, device: Device::flex() }
}

/// A small model with random weights, to be trained.
pub fn fresh(material: &Material) -> Cmal {
    let dims = Dims {
        features: material.store.width(),
        width: 32,
        heads: 2,
        expansion: 2,
        textual_layers: 1,
        unified_layers: 2,
        coarse: 8,
        max_tokens: 12,
        ..Dims::default()
    };
    material.device.seed(5);
    let device = material.device.clone().autodiff();
    Cmal::new(&dims, &material.vocabulary, &device).materialize()
}

/// Watches nothing.
pub struct Silent;

impl Observer for Silent {
    fn stage(&self, _: &str, _: usize, _: usize) {}
    fn advance(&self, _: usize) {}
    fn note(&self, _: &str) {}
}
