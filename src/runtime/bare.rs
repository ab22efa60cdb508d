//! The stages in a plain loop on the caller's thread: no queue, no scheduler. The ceiling that serving is measured against, and the
//! plain answer that scheduled ones are held against.

use std::sync::Arc;

use crate::bundle::Bundle;
use crate::input::{Limits, Picture, Pixels, Tokenizer};
use crate::types::{Answer, Frame, Query};

use super::call::{Phase, Timing};
use super::error::{Error, StartError};
use super::features::Seen;
use super::graph::Maker;
use super::graphs::Graphs;
use super::heads;
use super::library;
use super::settings::Settings;
use super::stage::{Model, Pair, Pictures, Questions, Reading, Stage};

/// One set of sessions and the thread that owns it.
pub struct Bare {
    graphs: Graphs,
    model: Model,
    tokenizer: Tokenizer,
    pictures: Limits,
}

impl Bare {
    /// Loads a bundle as an executor would, on the provider that the settings name first.
    pub fn load(bundle: &Bundle, settings: &Settings) -> Result<Self, StartError> {
        let manifest = bundle.manifest().clone();
        let tokenizer = Tokenizer::open(&bundle.tokenizer_path(), manifest.tokenizer.max_tokens)?;
        let (preferred, fallback) = settings.provider.attempts();
        let maker = Maker {
            environment: library::load(settings.library.as_deref())?,
            provider: preferred.unwrap_or(fallback),
            intra_threads: settings.intra_threads,
        };
        let model = Model { manifest, pad: tokenizer.pad() };
        let graphs = Graphs::load(bundle, &model, &maker, settings.batch)?;
        Ok(Self { graphs, model, tokenizer, pictures: settings.pictures })
    }

    /// Answers one query about each encoded picture, all as one batch; at least one. The time is added to `timing` by phase.
    pub fn answer(&mut self, batch: &[(&[u8], &Query)], timing: &Timing) -> Result<Vec<Answer>, Error> {
        let (frames, pixels): (Vec<Frame>, Vec<Pixels>) = timing.time(Phase::Decode, || {
            batch.iter().map(|(bytes, _)| self.decode(bytes)).collect::<Result<_, Error>>()
        })?;
        let tokens: Vec<Vec<i64>> = timing.time(Phase::Text, || {
            batch
                .iter()
                .map(|(_, query)| Ok(self.tokenizer.encode(query.text())?.ids))
                .collect::<Result<_, Error>>()
        })?;
        let pixels: Vec<&Pixels> = pixels.iter().collect();
        let seen = Pictures::run(&mut self.graphs, &self.model, &pixels, timing)?;
        let pairs: Vec<Pair> = frames
            .into_iter()
            .zip(seen)
            .zip(tokens)
            .map(|((frame, (objects, states)), tokens)| Pair {
                picture: Arc::new(Seen::new(frame, objects, states)),
                text: Reading::Tokens(tokens),
            })
            .collect();
        let questions: Vec<&Pair> = pairs.iter().collect();
        let asked = Questions::run(&mut self.graphs, &self.model, &questions, timing)?;
        let answered = batch.iter().zip(&asked).zip(&pairs).map(|(((_, query), asked), pair)| {
            heads::answer(query, &asked.logits, &pair.picture, heads::Reading::of(&self.model.manifest))
        });
        Ok(answered.collect())
    }

    fn decode(&self, bytes: &[u8]) -> Result<(Frame, Pixels), Error> {
        let picture = Picture::decode(bytes, &self.pictures)?;
        let preprocessing = self.model.manifest.preprocessing;
        Ok((picture.frame(), picture.pixels(preprocessing.side, preprocessing.padding)))
    }
}
