//! Answers as the official evaluation server of VQA takes them.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use crate::data::{Entry, NewFile};

use super::error::Error;
use super::run::Evaluation;

/// A result file of VQA v2: a JSON list with one answer to every question.
pub struct Submission {
    file: NewFile,
}

#[derive(Serialize)]
struct Answered<'a> {
    question_id: i64,
    answer: &'a str,
}

impl Submission {
    /// Begins the file, before anything is asked, if every question about the pictures has an id of its own.
    pub fn begin(path: &Path, pictures: &[&Entry]) -> Result<Self, Error> {
        let mut ids = HashSet::new();
        for (entry, question) in pictures.iter().flat_map(|entry| entry.vqa.iter().map(move |q| (entry, q))) {
            let id = question.id.ok_or_else(|| Error::NoQuestionId {
                picture: entry.name.clone(),
                question: question.question.clone(),
            })?;
            if !ids.insert(id) {
                return Err(Error::QuestionTwice { id });
            }
        }
        if ids.is_empty() {
            return Err(Error::NoQuestions);
        }
        Ok(Self { file: NewFile::begin(path).map_err(Error::write(path))? })
    }

    /// Writes the answers of an evaluation of the same pictures that asked the questions.
    pub fn finish(mut self, evaluation: &Evaluation<'_>) -> Result<(), Error> {
        let answered: Vec<_> = evaluation
            .entries()
            .flat_map(|(entry, answers)| entry.vqa.iter().zip(&answers.vqa))
            .filter_map(|(question, given)| {
                Some(Answered { question_id: question.id?, answer: &given.answer })
            })
            .collect();
        let text = serde_json::to_vec(&answered).map_err(Error::Encode)?;
        let failed = Error::write(self.file.path().to_owned());
        self.file.write_all(&text).and_then(|()| self.file.finish()).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::testing;
    use super::*;

    #[test]
    fn every_question_is_answered_by_its_id_whether_its_answer_is_known_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.json");
        let entry = testing::entry(&[(Some(7001), &["red"]), (Some(7000), &[])]);
        let pictures = [&entry];
        let submission = Submission::begin(&path, &pictures).unwrap();
        let evaluation = testing::evaluation(&pictures, &["red", "two \"2\""]);
        assert!(!path.exists(), "it does not show before it is whole");
        submission.finish(&evaluation).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let expected = r#"[{"question_id":7001,"answer":"red"},{"question_id":7000,"answer":"two \"2\""}]"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn questions_without_an_id_or_with_the_same_are_told_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |asked: &[(Option<i64>, &[&str])]| {
            let entry = testing::entry(asked);
            let error = Submission::begin(&folder.path().join("results.json"), &[&entry]).err().unwrap();
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
            error.to_string()
        };
        let message = refused(&[(Some(1), &["red"]), (None, &["red"])]);
        assert!(message.starts_with("the question `Question 1?` about `a.png` has no id"), "{message}");
        assert!(refused(&[(Some(1), &[]), (Some(1), &[])]).contains("the id 1"));
        assert!(refused(&[]).contains("no questions"));
    }
}
