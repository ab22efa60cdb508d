//! The evaluation itself: every picture of a dataset is asked everything that is recorded about it.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::data::{Dataset, Entry};
use crate::score::{AnsweredQuestion, Detected, Detection, GroundedExpression, RetrievalScore};
use crate::score::{entailment, grounding, vqa};
use crate::types::{Answer, Entailment, Frame, PixelBox, Query, Tags};

use super::error::Error;
use super::part::Part;
use super::report::Report;
use super::retrieval::Shortlist;
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

/// Asks everything and counts. `progress` is told of each picture that is done, once per pass over them.
pub fn evaluate(asked: &Asked<'_>, progress: &(dyn Fn() + Sync)) -> Result<Report, Error> {
    let wants = |part| asked.parts.contains(&part);
    if asked.pictures.is_empty() {
        return Err(Error::Nothing);
    }
    let mut report = Report { pictures: asked.pictures.len(), ..Report::default() };
    let answers = asked.each(asked.pictures, progress, |_, entry, picture| asked.about(entry, picture))?;
    let entries = || asked.pictures.iter().zip(&answers);
    if wants(Part::Vqa) {
        let questions: Vec<_> = entries()
            .flat_map(|(entry, answers)| entry.vqa.iter().zip(&answers.vqa))
            .map(|(question, prediction)| AnsweredQuestion {
                prediction,
                answers: &question.answers,
                kind: question.kind.as_deref(),
            })
            .collect();
        report.vqa = Some(vqa(&questions));
    }
    if wants(Part::Entailment) {
        let labels: Vec<_> = entries()
            .flat_map(|(entry, answers)| entry.entailment.iter().zip(&answers.entailment))
            .map(|(hypothesis, predicted)| (*predicted, hypothesis.label))
            .collect();
        report.entailment = Some(entailment(&labels));
    }
    if wants(Part::Grounding) {
        let expressions: Vec<_> = entries()
            .flat_map(|(entry, answers)| entry.referring.iter().zip(&answers.grounding))
            .map(|(expression, (predicted, present))| GroundedExpression {
                predicted: *predicted,
                truth: expression.bbox,
                present: *present,
            })
            .collect();
        report.grounding = Some(grounding(&expressions));
    }
    if wants(Part::Detection) {
        let mut counted = Detection::default();
        for (entry, answers) in entries() {
            let Some(labelled) = &entry.objects else { continue };
            let frame = Frame::new(entry.size);
            let found: Vec<_> =
                answers.objects.iter().map(|(bbox, tags)| detected(frame, bbox, tags)).collect();
            let truth: Vec<_> =
                labelled.iter().map(|object| detected(frame, &object.bbox, &object.tags)).collect();
            counted.add(&found, &truth);
        }
        report.detection = Some(counted.score());
    }
    if wants(Part::Retrieval) {
        report.retrieval = Some(asked.retrieval(progress)?);
    }
    Ok(report)
}

/// What was answered about one picture, in the order of its records.
#[derive(Default)]
struct Answers {
    vqa: Vec<String>,
    entailment: Vec<Entailment>,
    /// The best box, and the probability that there is one.
    grounding: Vec<(Option<PixelBox>, f32)>,
    objects: Vec<(PixelBox, Tags)>,
}

impl Asked<'_> {
    fn about(&self, entry: &Entry, picture: &[u8]) -> Result<Answers, Error> {
        let wants = |part| self.parts.contains(&part);
        let mut queries = Vec::new();
        if wants(Part::Vqa) {
            queries.extend(
                entry.vqa.iter().map(|asked| Query::Vqa { question: asked.question.clone(), top_k: 1 }),
            );
        }
        if wants(Part::Entailment) {
            let hypotheses = entry.entailment.iter().map(|asked| asked.hypothesis.clone());
            queries.extend(hypotheses.map(|hypothesis| Query::Entailment { hypothesis }));
        }
        if wants(Part::Grounding) {
            let expressions = entry.referring.iter().map(|asked| asked.expression.clone());
            queries.extend(expressions.map(|expression| Query::Grounding { expression, top_k: 1 }));
        }
        let mut answers = Answers::default();
        if !queries.is_empty() {
            self.subject.ask(picture, &queries)?.into_iter().for_each(|answer| answers.add(answer));
        }
        if wants(Part::Detection) && entry.objects.is_some() {
            answers.objects = self.subject.objects(picture)?;
        }
        Ok(answers)
    }

    /// One caption per picture, the first; pictures without one are left out.
    fn retrieval(&self, progress: &(dyn Fn() + Sync)) -> Result<RetrievalScore, Error> {
        let captioned: Vec<&Entry> =
            self.pictures.iter().copied().filter(|entry| !entry.captions.is_empty()).collect();
        let coarse = self.each(&captioned, &|| {}, |_, entry, picture| {
            Ok((self.coarse.coarse_picture(picture)?, self.coarse.coarse_text(&entry.captions[0])?))
        })?;
        let (pictures, texts): (Vec<_>, Vec<_>) = coarse.into_iter().unzip();
        let shortlist = Shortlist::new(&pictures, &texts);
        let scored = self.each(&captioned, progress, |index, _, picture| {
            let texts = shortlist.texts_for(index);
            let queries: Vec<_> = texts
                .into_iter()
                .map(|text| Query::Match { text: captioned[text].captions[0].clone() })
                .collect();
            let answers = self.subject.ask(picture, &queries)?;
            let score = |answer| if let Answer::Match(score) = answer { Some(score) } else { None };
            Ok(answers.into_iter().filter_map(score).collect())
        })?;
        Ok(shortlist.score(&scored))
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

impl Answers {
    fn add(&mut self, answer: Answer) {
        match answer {
            Answer::Vqa(vqa) => {
                self.vqa.push(vqa.answers.into_iter().next().map_or_else(String::new, |best| best.answer));
            }
            Answer::Entailment(scores) => self.entailment.push(scores.label()),
            Answer::Grounding(found) => {
                self.grounding.push((found.candidates.first().map(|best| best.bbox), found.present));
            }
            // Matches are asked for in a pass of their own.
            Answer::Match(_) => {}
        }
    }
}

fn detected<'a>(frame: Frame, bbox: &PixelBox, tags: &'a Tags) -> Detected<&'a str> {
    Detected {
        bbox: frame.to_unit(bbox),
        class: &tags.class,
        attributes: tags.attributes.iter().map(String::as_str).collect(),
    }
}
