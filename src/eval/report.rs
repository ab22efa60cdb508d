//! The figures of an evaluation, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::score::{
    DetectionScore, EntailmentScore, Figure, GroundingScore, Recall, RetrievalScore, VqaScore,
};
use crate::types::Entailment;

/// Figures of the parts that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    pub pictures: usize,
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
}

/// One line per figure: name, value, 95 % interval, number of items.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<34}{:>8}   {:<15}{:>9}", "", "", "95 % interval", "items")?;
        if let Some(vqa) = &self.vqa {
            line(f, "vqa accuracy", vqa.accuracy)?;
            group(f, &vqa.by_kind)?;
            group(f, &vqa.by_question_type)?;
        }
        if let Some(entailment) = &self.entailment {
            line(f, "entailment accuracy", entailment.accuracy)?;
            confusion(f, &entailment.confusion)?;
        }
        if let Some(grounding) = &self.grounding {
            line(f, "grounding accuracy (IoU ≥ 0.5)", grounding.accuracy)?;
            group(f, &grounding.by_kind)?;
            if let Some(auc) = grounding.present_auc {
                line(f, "  present, area under ROC", auc)?;
            }
        }
        if let Some(detection) = &self.detection {
            line(f, "detection recall (IoU ≥ 0.5)", detection.recall)?;
            line(f, "  precision", detection.precision)?;
            line(f, "  class accuracy", detection.class)?;
            line(f, "  attribute agreement", detection.attribute)?;
            line(f, "  all attributes right", detection.all_attributes)?;
        }
        if let Some(retrieval) = &self.retrieval {
            recalls(f, "image → text", &retrieval.image_to_text)?;
            recalls(f, "text → image", &retrieval.text_to_image)?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, figure: Figure) -> fmt::Result {
    let interval = figure.interval();
    let between = format!("{:.3} to {:.3}", interval.low, interval.high);
    writeln!(f, "{name:<34}{:>8.4}   {between:<15}{:>9}", figure.value, figure.count)
}

fn group(f: &mut fmt::Formatter<'_>, figures: &BTreeMap<String, Figure>) -> fmt::Result {
    figures.iter().try_for_each(|(name, figure)| line(f, &format!("  {name}"), *figure))
}

fn recalls(f: &mut fmt::Formatter<'_>, name: &str, recall: &Recall) -> fmt::Result {
    line(f, &format!("{name} R@1"), recall.at_1)?;
    line(f, "  R@5", recall.at_5)?;
    line(f, "  R@10", recall.at_10)
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

    #[test]
    fn a_figure_is_told_with_its_interval_and_its_items() {
        let entailment =
            EntailmentScore { accuracy: Figure::of(8, 10), confusion: [[4, 0, 1], [0, 2, 0], [1, 0, 2]] };
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
}
