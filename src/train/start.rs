//! What a training starts from: a bundle, a text encoder, or random weights.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use serde_json::Value;

use super::error::Error;
use super::lexicon::{Lexicon, Words};
use super::text_start::TextStart;
use crate::bundle::{Bundle, Manifest};
use crate::input::Tokenizer;
use crate::model::{Cmal, Detector, Dims, Precision, Sources, StateDict, WordList, Worded};

const DETECTOR: &str = "detector";
const CMAL: &str = "cmal";

/// What the weights of a training start from.
#[derive(Clone, Copy, Debug, Default)]
pub enum Origin<'a> {
    /// Random weights.
    #[default]
    Random,
    /// All from a bundle.
    Bundle(&'a Start),
    /// Random weights, and the text encoder from a checkpoint.
    Text(&'a TextStart),
}

/// A bundle's weights, with the sizes and the words they belong to.
#[derive(Debug)]
pub struct Start {
    /// `NAME VERSION` of the bundle.
    pub name: String,
    /// Digest of its manifest.
    pub fingerprint: String,
    pub manifest: Manifest,
    pub dims: Dims,
    pub lexicon: Lexicon,
    state: StateDict,
}

impl Start {
    /// Opens a bundle, `models/NAME`.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let unusable = |source| Error::Start { folder: folder.to_owned(), source };
        let bundle = Bundle::open(folder).map_err(|source| unusable(source.into()))?;
        let manifest = bundle.manifest();
        let Some(training) = &manifest.training else {
            return Err(Error::NoWeights { folder: folder.to_owned() });
        };
        let model = Value::Object(training.model.clone());
        let dims: Dims = serde_json::from_value(model).map_err(|source| unusable(source.into()))?;
        let path = folder.join(&training.weights.file);
        let packed = fs::read(&path).map_err(Error::file("read", path))?;
        let state = StateDict::from_bytes(&packed).map_err(|source| unusable(source.into()))?;
        let words = Words {
            answers: manifest.answers.clone(),
            classes: manifest.classes.clone(),
            attributes: manifest.attributes.clone(),
        };
        let tokenizer = Tokenizer::open(&bundle.tokenizer_path(), manifest.tokenizer.max_tokens)?;
        Ok(Self {
            name: format!("{} {}", manifest.name, manifest.version),
            fingerprint: bundle.fingerprint().to_owned(),
            manifest: manifest.clone(),
            dims,
            lexicon: Lexicon { tokenizer, words },
            state,
        })
    }

    /// The bundle's own model.
    pub fn model(&self) -> Result<(Detector, Cmal), Error> {
        let (vocabulary, device) = (self.lexicon.vocabulary(), Device::flex());
        let detector = Detector::new(&self.dims, &vocabulary, &device);
        let cmal = Cmal::new(&self.dims, &vocabulary, &device);
        Ok((self.detector(detector, &self.lexicon)?, self.cmal(cmal, &self.lexicon)?))
    }

    /// The detector with the bundle's weights.
    pub(super) fn detector(&self, detector: Detector, lexicon: &Lexicon) -> Result<Detector, Error> {
        self.give(DETECTOR, detector, &Detector::WORDED, lexicon)
    }

    /// The association model with the bundle's weights.
    pub(super) fn cmal(&self, cmal: Cmal, lexicon: &Lexicon) -> Result<Cmal, Error> {
        self.give(CMAL, cmal, &Cmal::WORDED, lexicon)
    }

    /// The association model between the bundle's weights and those that it learned since: 0 is the bundle's, 1 what was learned. Rows of
    /// words that the bundle does not know are what was learned.
    pub(super) fn blended(&self, learned: Cmal, share: f64, lexicon: &Lexicon) -> Result<Cmal, Error> {
        let own = self.cmal(learned.clone(), lexicon)?;
        let (mut from, mut to) = (StateDict::default(), StateDict::default());
        from.collect(CMAL, &own);
        to.collect(CMAL, &learned);
        let unusable = |source| Error::StartWeights { name: self.name.clone(), source };
        from.toward(&to, share as f32).give(CMAL, learned, &[], &HashMap::new()).map_err(unusable)
    }

    fn give<M: Module>(
        &self,
        prefix: &str,
        module: M,
        words: &[Worded],
        lexicon: &Lexicon,
    ) -> Result<M, Error> {
        let sources = sources(&self.lexicon, lexicon, words);
        let unusable = |source| Error::StartWeights { name: self.name.clone(), source };
        self.state.give(prefix, module, words, &sources).map_err(unusable)
    }
}

/// The weights of a finished training as the file of a bundle. The detector keeps its precision: where it puts a peak is a yes or no.
pub fn weights(detector: &Detector, cmal: &Cmal) -> Vec<u8> {
    let mut state = StateDict::default();
    state.collect(DETECTOR, detector);
    state.collect(CMAL, cmal);
    state.to_bytes(&[(CMAL, Precision::F16)])
}

/// Where each word of `lexicon` stands in `former`, for those lists that weights have rows for.
fn sources(former: &Lexicon, lexicon: &Lexicon, weights: &[Worded]) -> HashMap<WordList, Sources> {
    let listed = |former: &[String], words: &[String]| -> Sources {
        let places: HashMap<&str, usize> =
            former.iter().enumerate().map(|(place, word)| (word.as_str(), place)).collect();
        words.iter().map(|word| places.get(word.as_str()).copied().into_iter().collect()).collect()
    };
    let (had, has) = (&former.words, &lexicon.words);
    let mut sources = HashMap::new();
    for &(_, list, _) in weights {
        sources.entry(list).or_insert_with(|| match list {
            WordList::Tokens => lexicon.tokenizer.sources(&former.tokenizer),
            WordList::Answers => listed(&had.answers, &has.answers),
            WordList::Classes => listed(&had.classes, &has.classes),
            WordList::Attributes => listed(&had.attributes, &has.attributes),
        });
    }
    sources
}
