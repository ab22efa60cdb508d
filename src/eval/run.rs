//! The evaluation itself: every picture of a dataset is asked everything that is recorded about it.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::data::{Dataset, Entry};
use crate::score::{
    AnsweredQuestion, AssociationScore, Detected, Detection, DetectionScore, EntailmentScore,
    GroundedExpression, GroundingScore, JudgedHypothesis, Rankings, Shortlist, VqaScore, association,
    entailment, grounding, vqa,
};
use crate::types::{Answer, Frame, PixelBox, Query, Tags};

use super::answers::{Answers, queries};
use super::error::Error;
use super::part::Part;
use super::report::Report;
use super::subject::{InProcess, Subject};

/// Pictures in work at the same time.
const THREADS: usize = 16;

/// Who is asked what about which pictures.
pub struct Asked<'a> {
    pub dataset: &'a Dataset,
    /// The pictures, all of the dataset.
    pub pictures: &'a [&'a Entry],
    pub parts: &'a [Part],
    /// Whose figures these are.
    pub subject: &'a dyn Subject,
    /// Gives the coarse vectors, which no endpoint tells: they choose what is matched.
    pub coarse: &'a InProcess,
}

/// What came of an evaluation.
pub struct Evaluation<'a> {
    pub report: Report,
    pictures: &'a [&'a Entry],
    /// One per picture.
    answers: Vec<Answers>,
    /// Of the pictures with captions.
    retrieved: Option<Rankings>,
}

/// Asks everything and counts. `progress` is told of each picture that is done, once per pass over them.
pub fn evaluate<'a>(asked: &Asked<'a>, progress: &(dyn Fn() + Sync)) -> Result<Evaluation<'a>, Error> {
    if asked.pictures.is_empty() {
        return Err(Error::Nothing);
    }
    let answers = asked.each(asked.pictures, progress, |_, entry, picture| asked.about(entry, picture))?;
    let retrieved = asked.wants(Part::Retrieval).then(|| asked.retrieve(progress)).transpose()?;
    let mut evaluation = Evaluation::of(asked.pictures, answers, asked.parts, retrieved);
    evaluation.report.texts_cut = asked.cut();
    Ok(evaluation)
}

impl<'a> Evaluation<'a> {
    /// Counts the answers to the parts that were asked for.
    pub(super) fn of(
        pictures: &'a [&'a Entry],
        answers: Vec<Answers>,
        parts: &[Part],
        retrieved: Option<Rankings>,
    ) -> Self {
        let retrieval = retrieved.as_ref().map(Rankings::score);
        let mut evaluation = Self { report: Report::default(), pictures, answers, retrieved };
        let wants = |part| parts.contains(&part);
        evaluation.report = Report {
            pictures: pictures.len(),
            texts_cut: 0,
            vqa: wants(Part::Vqa).then(|| evaluation.vqa()),
            entailment: wants(Part::Entailment).then(|| evaluation.entailment()),
            grounding: wants(Part::Grounding).then(|| evaluation.grounding()),
            detection: wants(Part::Detection).then(|| evaluation.detection()),
            retrieval,
            association: wants(Part::Association).then(|| evaluation.association()),
        };
        evaluation
    }
}

impl Evaluation<'_> {
    /// The pictures with what was answered about them.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&Entry, &Answers)> {
        self.pictures.iter().copied().zip(&self.answers)
    }

    /// The pictures that were retrieved by their captions, with what was; none if nobody asked.
    pub(super) fn retrieved(&self) -> Option<(Vec<&Entry>, &Rankings)> {
        Some((captioned(self.pictures).collect(), self.retrieved.as_ref()?))
    }

    fn vqa(&self) -> VqaScore {
        let questions: Vec<_> = self
            .entries()
            .flat_map(|(entry, answers)| entry.vqa.iter().zip(&answers.vqa))
            // Those without answers are for a server to score.
            .filter(|(question, _)| !question.answers.is_empty())
            .map(|(question, given)| AnsweredQuestion {
                prediction: &given.answer,
                confidence: given.score,
                answers: &question.answers,
                kind: question.kind.as_deref(),
                question_type: question.question_type.as_deref(),
            })
            .collect();
        vqa(&questions)
    }

    fn entailment(&self) -> EntailmentScore {
        let hypotheses: Vec<_> = self
            .entries()
            .flat_map(|(entry, answers)| entry.entailment.iter().zip(&answers.entailment))
            .map(|(hypothesis, scores)| JudgedHypothesis { scores: *scores, truth: hypothesis.label })
            .collect();
        entailment(&hypotheses)
    }

    fn grounding(&self) -> GroundingScore {
        let expressions: Vec<_> = self
            .entries()
            .flat_map(|(entry, answers)| entry.referring.iter().zip(&answers.grounding))
            .map(|(expression, found)| GroundedExpression {
                predicted: found.candidates.first().map(|best| best.bbox),
                truth: expression.bbox,
                present: found.present,
                kind: expression.kind.as_deref(),
            })
            .collect();
        grounding(&expressions)
    }

    fn detection(&self) -> DetectionScore {
        let mut counted = Detection::default();
        self.entries().for_each(|(entry, answers)| count_objects(&mut counted, entry, answers));
        counted.score()
    }

    fn association(&self) -> AssociationScore {
        association(self.entries().flat_map(|(_, answers)| answers.associated.iter().copied()).collect())
    }
}

impl Asked<'_> {
    fn wants(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    fn about(&self, entry: &Entry, picture: &[u8]) -> Result<Answers, Error> {
        let queries = queries(entry, self.parts, |text| self.coarse.readable(text).0);
        let mut answers = Answers::default();
        if !queries.is_empty() {
            self.subject.ask(picture, &queries)?.into_iter().for_each(|answer| answers.add(answer));
        }
        if self.wants(Part::Detection) && entry.objects.is_some() {
            answers.objects = self.subject.objects(picture)?;
        }
        if let Some(caption) = entry.captions.first().filter(|_| self.wants(Part::Association)) {
            answers.associated = self.subject.associate(picture, self.coarse.readable(caption).0)?;
        }
        Ok(answers)
    }

    /// Texts that are longer than the model reads.
    fn cut(&self) -> usize {
        let cut = |text: &str| self.coarse.readable(text).1;
        let of = |entry: &Entry| {
            let captions = self.wants(Part::Retrieval).then_some(&entry.captions).into_iter().flatten();
            let asked = queries(entry, self.parts, |text| text);
            asked.iter().filter(|query| cut(query.text())).count() + captions.filter(|text| cut(text)).count()
        };
        self.pictures.iter().map(|entry| of(entry)).sum()
    }

    /// Every caption is a text; pictures without one are left out.
    fn retrieve(&self, progress: &(dyn Fn() + Sync)) -> Result<Rankings, Error> {
        let captioned: Vec<&Entry> = captioned(self.pictures).collect();
        let coarse = self.each(&captioned, &|| {}, |_, entry, picture| {
            let texts =
                entry.captions.iter().map(|caption| self.coarse.coarse_text(self.coarse.readable(caption).0));
            Ok((self.coarse.coarse_picture(picture)?, texts.collect::<Result<Vec<_>, _>>()?))
        })?;
        let (pictures, texts): (Vec<_>, Vec<_>) = coarse.into_iter().unzip();
        let shortlist = Shortlist::new(&pictures, &texts);
        let captions = captioned.iter().flat_map(|entry| &entry.captions);
        let captions: Vec<&str> = captions.map(|caption| self.coarse.readable(caption).0).collect();
        let scored = self.each(&captioned, progress, |index, _, picture| {
            let texts = shortlist.texts_for(index).iter();
            let queries: Vec<_> =
                texts.map(|&text| Query::Match { text: captions[text].to_owned() }).collect();
            let answers = self.subject.ask(picture, &queries)?;
            let score = |answer| if let Answer::Match(score) = answer { Some(score) } else { None };
            Ok(answers.into_iter().filter_map(score).collect())
        })?;
        Ok(shortlist.rank(&scored))
    }

    /// Does `work` with every picture's index, entry and bytes, several at a time; the results are in the pictures' order.
    fn each<T: Send>(
        &self,
        pictures: &[&Entry],
        progress: &(dyn Fn() + Sync),
        work: impl Fn(usize, &Entry, &[u8]) -> Result<T, Error> + Sync,
    ) -> Result<Vec<T>, Error> {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(pictures.len()));
        let one = |index: usize| -> Result<T, Error> {
            let path = self.dataset.path(pictures[index]);
            let bytes = fs::read(&path).map_err(|source| Error::Read { path, source })?;
            work(index, pictures[index], &bytes).map_err(|source| Error::Picture {
                picture: pictures[index].name.clone(),
                source: Box::new(source),
            })
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS.min(pictures.len()))
                .map(|_| {
                    scope.spawn(|| {
                        loop {
                            let index = next.fetch_add(1, Ordering::Relaxed);
                            if index >= pictures.len() {
                                return Ok(());
                            }
                            // The first failure stops the others at their next picture.
                            let outcome =
                                one(index).inspect_err(|_| next.store(pictures.len(), Ordering::Relaxed))?;
                            done.lock().unwrap_or_else(PoisonError::into_inner).push((index, outcome));
                            progress();
                        }
                    })
                })
                .collect();
            threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Err(Error::Panicked)))
        })?;
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_unstable_by_key(|(index, _)| *index);
        Ok(done.into_iter().map(|(_, outcome)| outcome).collect())
    }
}

/// The pictures that have captions.
fn captioned<'a>(pictures: &[&'a Entry]) -> impl Iterator<Item = &'a Entry> {
    pictures.iter().copied().filter(|entry| !entry.captions.is_empty())
}

/// Counts the objects of a picture, unless nobody labelled them.
pub(super) fn count_objects(counted: &mut Detection, entry: &Entry, answers: &Answers) {
    let Some(labelled) = &entry.objects else { return };
    let frame = Frame::new(entry.size);
    let found: Vec<_> = answers.objects.iter().map(|(bbox, tags)| detected(frame, bbox, tags)).collect();
    let truth: Vec<_> = labelled.iter().map(|object| detected(frame, &object.bbox, &object.tags)).collect();
    counted.add(&found, &truth);
}

fn detected<'a>(frame: Frame, bbox: &PixelBox, tags: &'a Tags) -> Detected<&'a str> {
    Detected {
        bbox: frame.to_unit(bbox),
        class: &tags.class,
        attributes: tags.attributes.iter().map(String::as_str).collect(),
    }
}
