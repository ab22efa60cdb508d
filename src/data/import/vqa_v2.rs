//! VQA v2: questions from one kind of file, ten answers each from another. The test set has questions only.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

use super::draft::{Draft, Target};
use super::error::Error;
use super::json::{self, Element};
use super::source::Meter;
use super::summary::Summary;
use super::text::{split_in, tidy};
use crate::data::VqaRecord;
use crate::data::check::Record;
use crate::types::Split;

/// VQA v2's files.
#[derive(Clone, Debug)]
pub struct VqaV2 {
    /// `v2_OpenEnded_mscoco_*_questions.json`
    pub questions: Vec<PathBuf>,
    /// `v2_mscoco_*_annotations.json`
    pub annotations: Vec<PathBuf>,
    /// The part of all pictures, if not the one that each questions file tells.
    pub split: Option<Split>,
}

#[derive(Debug, Deserialize)]
struct Question {
    question_id: i64,
    image_id: i64,
    question: String,
}

enum QuestionFile {
    Subset(String),
    Question(Question),
}

impl Element for QuestionFile {
    const LAYOUT: &'static str = "questions of VQA v2";
    const LISTS: &'static [&'static str] = &["questions"];
    const VALUES: &'static [&'static str] = &["data_subtype"];

    fn read<'de, D: Deserializer<'de>>(key: &str, value: D) -> Result<Self, D::Error> {
        Ok(match key {
            "questions" => Self::Question(Question::deserialize(value)?),
            _ => Self::Subset(String::deserialize(value)?),
        })
    }
}

#[derive(Debug, Deserialize)]
struct Annotation {
    question_id: i64,
    #[serde(default)]
    answer_type: Option<String>,
    #[serde(default)]
    question_type: Option<String>,
    answers: Vec<Answer>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    answer: String,
}

impl Element for Annotation {
    const LAYOUT: &'static str = "annotations of VQA v2";
    const LISTS: &'static [&'static str] = &["annotations"];

    fn read<'de, D: Deserializer<'de>>(_: &str, value: D) -> Result<Self, D::Error> {
        Self::deserialize(value)
    }
}

/// Which of COCO's pictures a questions file asks about.
struct Subset {
    /// As picture names hold it.
    pictures: String,
    split: Split,
    /// Whether the official server alone knows the answers.
    secret: bool,
}

/// A question that waits for its answers.
struct Open {
    id: i64,
    subset: usize,
    image_id: i64,
    question: String,
}

impl VqaV2 {
    pub fn import(&self, target: &Target, meter: Meter) -> Result<Summary, Error> {
        let mut draft = Draft::begin(target, &[VqaRecord::FILE])?;
        let (mut subsets, mut open) = (Vec::new(), HashMap::new());
        for path in &self.questions {
            let subset = self.questions_of(&mut draft, path, subsets.len(), &mut open, meter)?;
            subsets.push(subset);
        }
        for path in &self.annotations {
            json::elements(path, meter, &mut |annotation: Annotation| {
                let Some(asked) = open.remove(&annotation.question_id) else {
                    draft.skip("annotations without a question");
                    return Ok(());
                };
                write(&mut draft, &subsets[asked.subset], asked, Some(annotation))
            })?;
        }
        let (mut secret, lacking): (Vec<_>, Vec<_>) =
            open.into_values().partition(|asked| subsets[asked.subset].secret);
        secret.sort_unstable_by_key(|asked| asked.id);
        for asked in secret {
            write(&mut draft, &subsets[asked.subset], asked, None)?;
        }
        draft.skip_all("questions without annotations", lacking.len());
        draft.finish()
    }

    /// Adds a file's questions to those that wait, and tells its subset.
    fn questions_of(
        &self,
        draft: &mut Draft,
        path: &Path,
        subset: usize,
        open: &mut HashMap<i64, Open>,
        meter: Meter,
    ) -> Result<Subset, Error> {
        let mut told = None;
        json::elements(path, meter, &mut |element| {
            match element {
                QuestionFile::Subset(name) => told = Some(name),
                QuestionFile::Question(Question { question_id, image_id, question }) => {
                    let question = Open { id: question_id, subset, image_id, question: tidy(&question) };
                    if open.insert(question_id, question).is_some() {
                        draft.skip("questions listed twice");
                    }
                }
            }
            Ok(())
        })?;
        let unfit = |reason: String| Error::Unfit { path: path.to_owned(), reason };
        let told =
            told.ok_or_else(|| unfit("it has no `data_subtype`, which names its pictures".to_owned()))?;
        let split = self.split.or_else(|| split_in(&told)).ok_or_else(|| {
            unfit(format!("the `data_subtype` {told} tells no part of the dataset; give it with --split"))
        })?;
        let secret = split_in(&told) == Some(Split::Test);
        // The development part of the test set has no pictures of its own.
        let pictures = if told == "test-dev2015" { "test2015".to_owned() } else { told };
        Ok(Subset { pictures, split, secret })
    }
}

fn write(
    draft: &mut Draft,
    subset: &Subset,
    asked: Open,
    annotation: Option<Annotation>,
) -> Result<(), Error> {
    let image = format!("COCO_{}_{:012}.jpg", subset.pictures, asked.image_id);
    if draft.picture(&image, Some(subset.split))?.is_none() {
        return Ok(());
    }
    let (answers, kind, question_type) = annotation
        .map(|annotation| (annotation.answers, annotation.answer_type, annotation.question_type))
        .unwrap_or_default();
    draft.write(&VqaRecord {
        image,
        question: asked.question,
        answers: answers.into_iter().map(|given| given.answer).collect(),
        kind,
        question_type,
        id: Some(asked.id),
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::Corpus;
    use super::*;

    fn questions(subset: &str, list: &str) -> String {
        format!(r#"{{"info":{{}},"questions":[{list}],"license":{{}},"data_subtype":"{subset}"}}"#)
    }

    fn annotations(question: i64) -> String {
        let answers: Vec<_> = (1..=10)
            .map(|id| format!(r#"{{"answer":"Red {}","answer_confidence":"yes","answer_id":{id}}}"#, id % 2))
            .collect();
        format!(
            r#"{{"annotations":[{{"question_id":{question},"image_id":7,"answer_type":"other","question_type":"what","answers":[{}]}}]}}"#,
            answers.join(",")
        )
    }

    fn corpus() -> Corpus {
        Corpus::new(&[("COCO_val2014_000000000007.jpg", 5, 4), ("COCO_test2015_000000000007.jpg", 6, 4)])
    }

    #[test]
    fn questions_meet_their_answers_and_keep_them_as_they_are() {
        let corpus = corpus();
        let list = r#"{"image_id":7,"question":" What colour? ","question_id":7000},
            {"image_id":7,"question":"Unanswered?","question_id":7001}"#;
        let files = VqaV2 {
            questions: vec![corpus.file("questions.json", questions("val2014", list))],
            annotations: vec![
                corpus.file("a.json", annotations(7000)),
                corpus.file("b.json", annotations(9000)),
            ],
            split: None,
        };
        let summary = files.import(&corpus.target(), &|_| {}).unwrap();
        assert_eq!(summary.skipped.of("questions without annotations"), 1);
        assert_eq!(summary.skipped.of("annotations without a question"), 1);
        let [entry] = &corpus.entries()[..] else { panic!() };
        let [asked] = &entry.vqa[..] else { panic!() };
        assert_eq!((asked.question.as_str(), asked.kind.as_deref()), ("What colour?", Some("other")));
        assert_eq!((asked.answers.len(), asked.answers[0].as_str()), (10, "Red 1"));
        assert_eq!((asked.question_type.as_deref(), asked.id), (Some("what"), Some(7000)));
        assert_eq!(entry.split, Split::Val);
    }

    #[test]
    fn questions_of_the_test_set_come_without_answers_in_the_order_of_their_ids() {
        let corpus = corpus();
        let list = r#"{"image_id":7,"question":"Second?","question_id":7001},
            {"image_id":7,"question":"First?","question_id":7000}"#;
        let files = VqaV2 {
            questions: vec![corpus.file("questions.json", questions("test2015", list))],
            annotations: Vec::new(),
            split: None,
        };
        let summary = files.import(&corpus.target(), &|_| {}).unwrap();
        assert_eq!(summary.skipped.of("questions without annotations"), 0);
        let [entry] = &corpus.entries()[..] else { panic!() };
        assert_eq!(entry.split, Split::Test);
        let asked: Vec<_> = entry.vqa.iter().map(|asked| (asked.id, asked.question.as_str())).collect();
        assert_eq!(asked, [(Some(7000), "First?"), (Some(7001), "Second?")]);
        assert!(entry.vqa.iter().all(|asked| asked.answers.is_empty()));
    }

    #[test]
    fn the_development_part_of_the_test_set_asks_about_its_pictures() {
        let corpus = corpus();
        let list = r#"{"image_id":7,"question":"What?","question_id":7000}"#;
        let files = |split| VqaV2 {
            questions: vec![corpus.file("questions.json", questions("test-dev2015", list))],
            annotations: vec![corpus.file("a.json", annotations(7000))],
            split,
        };
        files(None).import(&corpus.target(), &|_| {}).unwrap();
        let [entry] = &corpus.entries()[..] else { panic!() };
        assert_eq!((entry.name.as_str(), entry.split), ("COCO_test2015_000000000007.jpg", Split::Test));
        let target = Target { out: corpus.folder().join("other"), ..corpus.target() };
        let summary = files(Some(Split::Train)).import(&target, &|_| {}).unwrap();
        assert!(summary.written.contains(&("splits.json", "1 train, 0 val, 0 test".to_owned())));
    }

    #[test]
    fn a_file_that_does_not_tell_its_pictures_is_refused() {
        let corpus = corpus();
        for text in [r#"{"questions":[]}"#.to_owned(), questions("elsewhere", "")] {
            let questions = vec![corpus.file("questions.json", text)];
            let files = VqaV2 { questions, annotations: Vec::new(), split: None };
            let error = files.import(&corpus.target(), &|_| {}).unwrap_err();
            assert!(
                matches!(&error, Error::Unfit { reason, .. } if reason.contains("data_subtype")),
                "{error}"
            );
            assert!(corpus.is_untouched());
        }
    }
}
