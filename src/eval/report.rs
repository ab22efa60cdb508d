//! The figures of an evaluation, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::score::{
    AssociationScore, CalibrationScore, DetectionScore, EntailmentScore, Figure, GroundingScore, Interval,
    Recall, RetrievalScore, VqaScore, WorstType,
};
use crate::types::Entailment;

use super::part::Part;

/// Figures of the parts that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    pub pictures: usize,
    /// Texts that are longer than the model reads: only their first words were asked.
    pub texts_cut: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vqa: Option<VqaScore>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entailment: Option<EntailmentScore>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grounding: Option<GroundingScore>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detection: Option<DetectionScore>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrieval: Option<RetrievalScore>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub association: Option<AssociationScore>,
}

/// One figure of a report.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub name: String,
    /// Whether it is a part of the row before that is not.
    pub within: bool,
    pub figure: Figure,
    /// None where the figure is no share of its items.
    pub interval: Option<Interval>,
}

impl Row {
    fn new(name: &str, figure: Figure) -> Self {
        Self { name: name.to_owned(), within: false, figure, interval: Some(figure.interval()) }
    }

    fn within(name: &str, figure: Figure) -> Self {
        Self { within: true, ..Self::new(name, figure) }
    }

    fn calibration(calibration: &CalibrationScore) -> Self {
        Self { interval: None, ..Self::within("calibration error", calibration.error) }
    }

    /// The 95 % interval, if there is one.
    pub fn between(&self) -> String {
        let interval = self.interval.as_ref();
        interval.map(|Interval { low, high }| format!("{low:.3} to {high:.3}")).unwrap_or_default()
    }
}

impl Report {
    /// The figures of a part; none if it was not asked for.
    pub(super) fn rows(&self, part: Part) -> Vec<Row> {
        let rows = match part {
            Part::Vqa => self.vqa.as_ref().map(vqa),
            Part::Entailment => self.entailment.as_ref().map(|score| {
                vec![Row::new("entailment accuracy", score.accuracy), Row::calibration(&score.calibration)]
            }),
            Part::Grounding => self.grounding.as_ref().map(grounding),
            Part::Detection => self.detection.as_ref().map(detection),
            Part::Retrieval => self.retrieval.as_ref().map(|score| {
                [recalls("image → text", &score.image_to_text), recalls("text → image", &score.text_to_image)]
                    .concat()
            }),
            Part::Association => self.association.as_ref().map(|score| {
                let row = |auc| Row::new("word names object, area under ROC", auc);
                score.named_auc.map(row).into_iter().collect()
            }),
        };
        rows.unwrap_or_default()
    }
}

fn vqa(score: &VqaScore) -> Vec<Row> {
    let mut rows = vec![Row::new("vqa accuracy", score.accuracy)];
    rows.extend(group(&score.by_kind));
    rows.extend(group(&score.by_question_type));
    let worst = score.worst.as_ref();
    rows.extend(
        worst.map(|WorstType { name, accuracy }| {
            Row::within(&format!("worst question type: {name}"), *accuracy)
        }),
    );
    rows.push(Row::calibration(&score.calibration));
    rows
}

fn grounding(score: &GroundingScore) -> Vec<Row> {
    let mut rows = vec![Row::new("grounding accuracy (IoU ≥ 0.5)", score.accuracy)];
    rows.extend(group(&score.by_kind));
    rows.extend(score.present_auc.map(|auc| Row::within("present, area under ROC", auc)));
    rows
}

fn detection(score: &DetectionScore) -> Vec<Row> {
    vec![
        Row::new("detection recall (IoU ≥ 0.5)", score.recall),
        Row::within("precision", score.precision),
        Row::within("class accuracy", score.class),
        Row::within("attribute agreement", score.attribute),
        Row::within("all attributes right", score.all_attributes),
    ]
}

fn recalls(name: &str, recall: &Recall) -> [Row; 3] {
    [
        Row::new(&format!("{name} R@1"), recall.at_1),
        Row::within("R@5", recall.at_5),
        Row::within("R@10", recall.at_10),
    ]
}

fn group(figures: &BTreeMap<String, Figure>) -> impl Iterator<Item = Row> {
    figures.iter().map(|(name, figure)| Row::within(name, *figure))
}

/// One line per figure: name, value, 95 % interval, number of items.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<34}{:>8}   {:<15}{:>9}", "", "", "95 % interval", "items")?;
        for part in Part::ALL {
            for row in self.rows(part) {
                let name = format!("{}{}", if row.within { "  " } else { "" }, row.name);
                let Figure { value, count } = row.figure;
                writeln!(f, "{name:<34}{value:>8.4}   {:<15}{count:>9}", row.between())?;
            }
            if let (Part::Entailment, Some(entailment)) = (part, &self.entailment) {
                confusion(f, &entailment.confusion)?;
            }
        }
        if self.texts_cut > 0 {
            writeln!(
                f,
                "{} texts are longer than the model reads: only their first words were asked",
                self.texts_cut
            )?;
        }
        Ok(())
    }
}

fn confusion(f: &mut fmt::Formatter<'_>, confusion: &[[usize; 3]; 3]) -> fmt::Result {
    write!(f, "  {:<24}", "truth ↓  answer →")?;
    for label in Entailment::ALL {
        write!(f, "{label:>15}")?;
    }
    writeln!(f)?;
    for (label, row) in Entailment::ALL.into_iter().zip(confusion) {
        write!(f, "  {label:<24}")?;
        for count in row {
            write!(f, "{count:>15}")?;
        }
        writeln!(f)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::{self, AnsweredQuestion};

    #[test]
    fn a_figure_is_told_with_its_interval_and_its_items() {
        let entailment = EntailmentScore {
            accuracy: Figure::of(8, 10),
            confusion: [[4, 0, 1], [0, 2, 0], [1, 0, 2]],
            ..EntailmentScore::default()
        };
        let report = Report { pictures: 5, entailment: Some(entailment), ..Report::default() };
        let text = report.to_string();
        let line = text.lines().find(|line| line.starts_with("entailment accuracy")).unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words, ["entailment", "accuracy", "0.8000", "0.490", "to", "0.943", "10"]);
        assert!(!text.contains("vqa"), "only what was asked for is told");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["entailment"]["accuracy"]["count"], 10);
        assert!(json.get("vqa").is_none());
    }

    #[test]
    fn the_worst_question_type_and_the_calibration_have_lines_of_their_own() {
        let no = ["no".to_owned()];
        let question = |prediction, kind| AnsweredQuestion {
            prediction,
            confidence: 0.95,
            answers: &no,
            kind: Some(kind),
            question_type: None,
        };
        let score = score::vqa(&[question("no", "exist"), question("yes", "count")]);
        let report = Report { pictures: 1, vqa: Some(score), ..Report::default() };
        let text = report.to_string();
        let line = |start: &str| text.lines().find(|line| line.trim_start().starts_with(start)).unwrap();
        assert!(line("worst question type: count").contains("0.0000"), "{text}");
        let calibration: Vec<_> = line("calibration error").split_whitespace().collect();
        assert_eq!(calibration, ["calibration", "error", "0.4500", "2"], "it has no interval");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["vqa"]["worst"]["name"], "count");
        assert_eq!(json["vqa"]["calibration"]["bins"][0]["accuracy"]["count"], 2);
    }
}
