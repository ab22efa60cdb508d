//! `cmal ask`: one answer on the terminal.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use clap::Args;

use crate::runtime::Engine;
use crate::types::{Answer, PixelBox, Query, Tags};

use super::engine_args::EngineArgs;
use super::exit::Failure;
use super::output::print;

/// Ask a model about a picture.
#[derive(Args, Clone, Debug)]
pub struct AskArgs {
    /// The bundle, as in `models/shapes`
    model: PathBuf,
    /// A PNG, JPEG or WebP file
    picture: PathBuf,
    /// The question, or the text that one of the flags below makes of it
    text: String,
    /// Whether the picture entails the text
    #[arg(long, group = "task")]
    entails: bool,
    /// Find what the text refers to
    #[arg(long, group = "task")]
    find: bool,
    /// How well the text describes the picture
    #[arg(long = "match", group = "task")]
    matches: bool,
    /// Answers to a question, or boxes of what was found
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=20))]
    top_k: u64,
    #[command(flatten)]
    engine: EngineArgs,
}

/// Answers on the standard output.
pub fn run(args: &AskArgs) -> Result<(), Failure> {
    let picture = fs::read(&args.picture)
        .map_err(|error| Failure::run(format!("cannot read `{}`: {error}", args.picture.display())))?;
    let engine = args.engine.start(&args.model)?;
    let threads = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let answer = threads.block_on(answer(&engine, picture, &args.query()))?;
    print(&told(&answer))
}

async fn answer(engine: &Engine, picture: Vec<u8>, query: &Query) -> Result<Answer, Failure> {
    let call = engine.admit(None)?;
    Ok(engine.answer(picture, query, &call).await?)
}

impl AskArgs {
    fn query(&self) -> Query {
        let text = self.text.clone();
        let top_k = self.top_k as usize;
        if self.entails {
            Query::Entailment { hypothesis: text }
        } else if self.find {
            Query::Grounding { expression: text, top_k }
        } else if self.matches {
            Query::Match { text }
        } else {
            Query::Vqa { question: text, top_k }
        }
    }
}

/// An answer in lines: the best first, each with its probability.
fn told(answer: &Answer) -> String {
    let mut lines = String::new();
    let mut tell = |probability: f32, what: &str| {
        // Writing to a String can't fail.
        let _ = writeln!(lines, "{:5.1} %  {what}", probability * 100.0);
    };
    match answer {
        Answer::Vqa(vqa) => vqa.answers.iter().for_each(|scored| tell(scored.score, &scored.answer)),
        Answer::Entailment(scores) => {
            let mut labels = [
                (scores.entailment, "entailment"),
                (scores.neutral, "neutral"),
                (scores.contradiction, "contradiction"),
            ];
            labels.sort_by(|a, b| b.0.total_cmp(&a.0));
            labels.into_iter().for_each(|(score, label)| tell(score, label));
        }
        Answer::Grounding(grounding) => {
            tell(grounding.present, "it is in the picture");
            for candidate in &grounding.candidates {
                tell(candidate.score, &format!("{} at {}", named(&candidate.tags), placed(&candidate.bbox)));
            }
        }
        Answer::Match(probability) => tell(*probability, "the text describes the picture"),
    }
    lines
}

fn named(tags: &Tags) -> String {
    tags.words().collect::<Vec<_>>().join(" ")
}

fn placed(bbox: &PixelBox) -> String {
    format!("x {:.0}, y {:.0}, {:.0}×{:.0}", bbox.x, bbox.y, bbox.width, bbox.height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Candidate, EntailmentScores, GroundingAnswer};

    #[test]
    fn labels_are_told_by_falling_probability() {
        let told = told(&Answer::Entailment(EntailmentScores::new([0.1, 0.7, 0.2])));
        assert_eq!(told, " 70.0 %  neutral\n 20.0 %  contradiction\n 10.0 %  entailment\n");
    }

    #[test]
    fn what_was_found_is_told_with_its_tags_and_place() {
        let bbox = PixelBox { x: 3.4, y: 5.0, width: 10.0, height: 20.0 };
        let tags = Tags { class: "circle".to_owned(), attributes: vec!["red".to_owned()] };
        let candidates = vec![Candidate { bbox, score: 1.0, tags }];
        let told = told(&Answer::Grounding(GroundingAnswer { present: 0.25, candidates }));
        assert_eq!(told, " 25.0 %  it is in the picture\n100.0 %  red circle at x 3, y 5, 10×20\n");
    }
}
