//! The words a model is made for: its tokenizer, its answers, its classes and attributes, all from the training part of a dataset.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::recipe::Recipe;
use crate::data::{Dataset, Entry};
use crate::input::{Tokenizer, frequent};
use crate::model::Vocabulary;
use crate::types::{Split, Tags};

const TOKENIZER: &str = "tokenizer.json";
const WORDS: &str = "words.json";

/// Tokenizer, answers, classes and attributes, each in the order of the model's logits.
#[derive(Debug)]
pub struct Lexicon {
    pub tokenizer: Tokenizer,
    pub words: Words,
}

/// The closed word lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    pub answers: Vec<String>,
    pub classes: Vec<String>,
    pub attributes: Vec<String>,
}

impl Lexicon {
    /// Collects the words of the training part. A tokenizer that is given is taken as it is. Without a `detector` to learn them there may be no
    /// classes, and answers are needed for questions alone.
    pub fn collect(
        dataset: &Dataset,
        recipe: &Recipe,
        given: Option<&Tokenizer>,
        detector: bool,
    ) -> Result<Self, Error> {
        let train: Vec<&Entry> = dataset.split(Split::Train).collect();
        let learned = || {
            let texts = all_texts(&train).into_iter();
            Tokenizer::train(texts, recipe.text.vocabulary, recipe.model.max_tokens)
        };
        let tokenizer = given.map_or_else(learned, |given| Ok(given.clone()))?;
        let words = Words::collect(&train, recipe);
        let asked = recipe.finetune.shares.vqa > 0.0 && train.iter().any(|entry| !entry.vqa.is_empty());
        for (what, words, stage, needed) in [
            ("labelled objects", &words.classes, "detector", detector),
            ("answers given `answer_count` times", &words.answers, "finetune", detector || asked),
        ] {
            if needed && words.is_empty() {
                return Err(Error::Missing { what, split: Split::Train.name(), stage });
            }
        }
        Ok(Self { tokenizer, words })
    }

    /// The lexicon with the words of the training part. Its tokens all stay; answers, classes and attributes stay where the dataset has
    /// none, and are the dataset's where it has some.
    pub fn extended(&self, dataset: &Dataset, recipe: &Recipe) -> Result<Self, Error> {
        let train: Vec<&Entry> = dataset.split(Split::Train).collect();
        let tokenizer = self.tokenizer.extended(all_texts(&train).into_iter(), recipe.text.vocabulary)?;
        let new = Words::collect(&train, recipe);
        // A detector that stays as it is names what it did before.
        let seen = recipe.detector.steps > 0 && !new.classes.is_empty();
        let (classes, attributes) = if seen {
            (new.classes, new.attributes)
        } else {
            (self.words.classes.clone(), self.words.attributes.clone())
        };
        let answers = if new.answers.is_empty() { self.words.answers.clone() } else { new.answers };
        let words = Words { answers, classes, attributes };
        Ok(Self { tokenizer, words })
    }

    /// Reads what [`save`](Self::save) wrote; none if the folder has no lexicon yet.
    pub fn open(folder: &Path, max_tokens: usize) -> Result<Option<Self>, Error> {
        let path = folder.join(WORDS);
        if !path.is_file() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        let words =
            serde_json::from_str(&text).map_err(|source| Error::Record { path, source: source.into() })?;
        Ok(Some(Self { tokenizer: Tokenizer::open(&folder.join(TOKENIZER), max_tokens)?, words }))
    }

    pub fn save(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(TOKENIZER);
        fs::write(&path, self.tokenizer.to_json()).map_err(Error::file("write", path))?;
        let path = folder.join(WORDS);
        let text = serde_json::to_string_pretty(&self.words).expect("lists of words are always JSON");
        fs::write(&path, text).map_err(Error::file("write", path))
    }

    /// Sizes of the model's vocabularies.
    pub fn vocabulary(&self) -> Vocabulary {
        Vocabulary {
            tokens: self.tokenizer.vocabulary(),
            answers: self.words.answers.len(),
            classes: self.words.classes.len(),
            attributes: self.words.attributes.len(),
        }
    }
}

impl Words {
    fn collect(train: &[&Entry], recipe: &Recipe) -> Self {
        let tags =
            || train.iter().flat_map(|entry| entry.objects.iter().flatten()).map(|object| &object.tags);
        let answers = train.iter().flat_map(|entry| &entry.vqa).flat_map(|question| &question.answers);
        let mut answers = frequent(counted(answers), recipe.text.answer_count as u64);
        answers.truncate(recipe.text.answers);
        Self {
            answers,
            classes: frequent(counted(tags().map(|tags| &tags.class)), 1),
            attributes: frequent(counted(tags().flat_map(|tags| &tags.attributes)), 1),
        }
    }

    /// The tags of a class and of attributes, by index; without a class, and of what is not in the lists, there are none.
    pub fn tags(&self, class: Option<usize>, attributes: impl Iterator<Item = bool>) -> Tags {
        let attributes = self.attributes.iter().zip(attributes).filter(|(_, has)| *has);
        Tags {
            class: class.and_then(|class| self.classes.get(class)).cloned().unwrap_or_default(),
            attributes: attributes.map(|(word, _)| word.clone()).collect(),
        }
    }
}

fn all_texts(entries: &[&Entry]) -> Vec<String> {
    entries.iter().flat_map(|entry| texts(entry)).map(str::to_owned).collect()
}

/// Every text of a picture.
fn texts(entry: &Entry) -> impl Iterator<Item = &str> {
    let questions = entry.vqa.iter().map(|question| question.question.as_str());
    let hypotheses = entry.entailment.iter().map(|hypothesis| hypothesis.hypothesis.as_str());
    let expressions = entry.referring.iter().map(|expression| expression.expression.as_str());
    entry.captions.iter().map(String::as_str).chain(questions).chain(hypotheses).chain(expressions)
}

fn counted<'a>(words: impl Iterator<Item = &'a String>) -> HashMap<&'a str, u64> {
    let mut counts = HashMap::new();
    for word in words {
        *counts.entry(word.as_str()).or_default() += 1;
    }
    counts
}
