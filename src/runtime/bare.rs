//! The stages in a plain loop on the caller's thread: no queue, no scheduler. The ceiling that serving is measured against, and the
//! plain answer that scheduled ones are held against.

use std::sync::Arc;
use std::time::Instant;

use crate::bundle::Bundle;
use crate::input::{Limits, Picture, Tokenizer};
use crate::types::{Answer, Query};

use super::batching::{self, Terms, Verdict, Waiting};
use super::call::{Phase, Timing};
use super::error::{Error, StartError};
use super::features::Seen;
use super::graph::Maker;
use super::graphs::Graphs;
use super::heads;
use super::library;
use super::settings::Settings;
use super::stage::{Model, Pair, Pictures, Questions, Reading, Sight, Stage};

/// One set of sessions and the thread that owns it.
pub struct Bare {
    graphs: Graphs,
    model: Model,
    tokenizer: Tokenizer,
    pictures: Limits,
    terms: Terms,
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
        let terms = Terms { budget: settings.batch, run: maker.provider.run_slots() };
        Ok(Self { graphs, model, tokenizer, pictures: settings.pictures, terms })
    }

    /// Answers one query about each encoded picture, all as one batch; at least one. The time is added to `timing` by phase.
    pub fn answer(&mut self, batch: &[(&[u8], &Query)], timing: &Timing) -> Result<Vec<Answer>, Error> {
        let pictures: Vec<&[u8]> = batch.iter().map(|(bytes, _)| *bytes).collect();
        let queries: Vec<&Query> = batch.iter().map(|(_, query)| *query).collect();
        let seen = self.see(&pictures, timing)?;
        let asked: Vec<(Arc<Seen>, &Query)> = seen.into_iter().zip(queries.iter().copied()).collect();
        let pairs = self.pairs(&asked, timing)?;
        let pairs: Vec<&Pair> = pairs.iter().collect();
        let answers = Questions::run(&mut self.graphs, &self.model, &pairs, timing)?;
        let answered = asked.iter().zip(&answers).map(|((picture, query), answer)| {
            heads::answer(query, &answer.logits, picture, heads::Reading::of(&self.model.manifest))
        });
        Ok(answered.collect())
    }

    /// The picture side of encoded pictures, all as one batch; at least one.
    pub fn see(&mut self, pictures: &[&[u8]], timing: &Timing) -> Result<Vec<Arc<Seen>>, Error> {
        let sights: Vec<Sight> = timing.time(Phase::Decode, || {
            pictures.iter().map(|bytes| self.decode(bytes)).collect::<Result<_, Error>>()
        })?;
        let sights: Vec<&Sight> = sights.iter().collect();
        Ok(Pictures::run(&mut self.graphs, &self.model, &sights, timing)?)
    }

    /// Computes queries about pictures that were seen in the batches that an executor cuts when all of them wait; gives their number.
    pub fn drain(&mut self, waiting: &[(Arc<Seen>, &Query)], timing: &Timing) -> Result<usize, Error> {
        let mut waiting = self.pairs(waiting, timing)?;
        let mut batches = 0;
        while !waiting.is_empty() {
            let jobs = waiting.iter().map(|pair| Waiting {
                extent: Questions::extent(pair),
                departed: false,
                deadline: None,
            });
            let mut verdicts = batching::cut(jobs, self.terms, Instant::now()).into_iter();
            let (taken, kept): (Vec<Pair>, Vec<Pair>) =
                waiting.into_iter().partition(|_| verdicts.next() == Some(Verdict::Take));
            Questions::run(&mut self.graphs, &self.model, &taken.iter().collect::<Vec<_>>(), timing)?;
            waiting = kept;
            batches += 1;
        }
        Ok(batches)
    }

    fn pairs(&self, asked: &[(Arc<Seen>, &Query)], timing: &Timing) -> Result<Vec<Pair>, Error> {
        timing.time(Phase::Text, || {
            let pair = |(picture, query): &(Arc<Seen>, &Query)| {
                let tokens = self.tokenizer.encode(query.text())?.ids;
                Ok(Pair { picture: Arc::clone(picture), text: Reading::Tokens(tokens) })
            };
            asked.iter().map(pair).collect()
        })
    }

    fn decode(&self, bytes: &[u8]) -> Result<Sight, Error> {
        let picture = Picture::decode(bytes, &self.pictures)?;
        let preprocessing = self.model.manifest.preprocessing;
        let pixels = picture.pixels(preprocessing.side, preprocessing.padding);
        Ok(Sight { frame: picture.frame(), pixels, awaited: None })
    }
}
