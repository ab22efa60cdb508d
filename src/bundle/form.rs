//! The form that the graphs of a bundle were written in, and how the forms compare.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::names;

/// How the graphs of a bundle were written.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    pub weights: Weights,
    #[serde(default, skip_serializing_if = "Convolutions::are_float")]
    pub convolutions: Convolutions,
    /// Whether patterns are written as operators that only ONNX Runtime has, where those are faster.
    pub fused: bool,
    /// Difference from a golden value v that a server allows, as a share of 1 + |v|; above 0, below 1. The graph `objects` has a bound of
    /// its own where its convolutions are computed in integers.
    pub tolerance: f32,
}

/// What a form whose values are rounded to 8 bits may differ by. A rounding error may change a code, and with it whatever is computed
/// from it.
pub const COARSE: f32 = 0.1;

impl Form {
    /// The difference that is allowed in a graph.
    pub fn tolerance_of(&self, graph: &str) -> f32 {
        if graph == names::graph::OBJECTS && self.convolutions == Convolutions::Int8 {
            self.tolerance.max(COARSE)
        } else {
            self.tolerance
        }
    }
}

/// What the detector's convolutions are computed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Convolutions {
    #[default]
    Float,
    /// In 8-bit integers, between bounds that were found on pictures.
    Int8,
}

impl Convolutions {
    fn are_float(&self) -> bool {
        *self == Self::Float
    }
}

/// What the weights of the association model are stored as; the detector's are f32 wherever it computes in floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    F32,
    /// Widened at load.
    F16,
    /// Multiplied as integers.
    Int8,
}

impl Weights {
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.weights.name())?;
        if self.convolutions == Convolutions::Int8 {
            f.write_str(", int8 convolutions")?;
        }
        // Integers have one form only.
        if self.fused || self.weights == Weights::Int8 { Ok(()) } else { f.write_str(", plain") }
    }
}

/// The forms of one model, measured side by side when a bundle was exported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The pictures that accuracy was measured on.
    pub data: String,
    /// Pictures of a batch, where answers are not asked for one by one.
    pub batch: usize,
    pub forms: Vec<Compared>,
    /// Forms that strayed too far from the model to be measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
}

/// A form that a bundle of this model cannot have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    pub form: Form,
    /// What export says to it.
    pub reason: String,
}

/// What was measured of one form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    pub form: Form,
    /// Bytes of all graphs.
    pub bytes: usize,
    /// By task.
    pub accuracy: BTreeMap<String, f64>,
    /// Answers asked for one by one.
    pub alone: Speed,
    pub batched: Speed,
}

/// Milliseconds of one thread for an answer about a picture of its own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speed {
    /// From the encoded picture to the answer.
    pub whole: f64,
    /// Of these, in the graphs of the association model that answer: `vision`, `text` and `fusion`.
    pub model: f64,
}

/// As a table in Markdown.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tasks: Vec<&String> = self.forms.iter().take(1).flat_map(|form| form.accuracy.keys()).collect();
        write!(f, "| form | MB |")?;
        for task in &tasks {
            write!(f, " {task} |")?;
        }
        writeln!(f, " ms | of it model | ms in {0} | of it model |", self.batch)?;
        writeln!(f, "|---{}|", "|---".repeat(tasks.len() + 5))?;
        for Compared { form, bytes, accuracy, alone, batched } in &self.forms {
            write!(f, "| {form} | {:.2} |", *bytes as f64 / 1e6)?;
            for task in &tasks {
                match accuracy.get(*task) {
                    Some(value) => write!(f, " {value:.4} |")?,
                    None => write!(f, " |")?,
                }
            }
            for Speed { whole, model } in [alone, batched] {
                write!(f, " {whole:.2} | {model:.3} |")?;
            }
            writeln!(f)?;
        }
        for Refused { form, reason } in &self.refused {
            write!(f, "\nWithout `{form}`: {reason}.\n")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_has_a_line_per_form_and_a_column_per_task() {
        let form =
            |weights, fused| Form { weights, convolutions: Convolutions::Float, fused, tolerance: 5e-3 };
        let quick = Form { convolutions: Convolutions::Int8, ..form(Weights::F16, true) };
        let compared = |form| Compared {
            form,
            bytes: 7_220_000,
            accuracy: BTreeMap::from([("vqa".into(), 0.975), ("entailment".into(), 0.99)]),
            alone: Speed { whole: 4.5, model: 0.4567 },
            batched: Speed { whole: 4.0, model: 0.35 },
        };
        let forms = [form(Weights::F32, false), form(Weights::F16, true), form(Weights::Int8, false), quick];
        let refused = Refused { form: form(Weights::Int8, true), reason: "it strays".into() };
        let forms = forms.map(compared).to_vec();
        let comparison = Comparison { data: "fresh".into(), batch: 16, forms, refused: vec![refused] };
        let text = comparison.to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "| form | MB | entailment | vqa | ms | of it model | ms in 16 | of it model |");
        assert_eq!(lines[0].matches('|').count(), lines[1].matches('|').count());
        assert_eq!(lines[2], "| f32, plain | 7.22 | 0.9900 | 0.9750 | 4.50 | 0.457 | 4.00 | 0.350 |");
        assert!(lines[3].starts_with("| f16 |") && lines[4].starts_with("| int8 |"), "{text}");
        assert!(lines[5].starts_with("| f16, int8 convolutions |"), "{text}");
        assert_eq!(lines[6..], ["", "Without `int8`: it strays."]);
    }

    #[test]
    fn integers_of_the_detector_loosen_its_own_bound_and_no_other() {
        let form =
            Form { weights: Weights::F16, convolutions: Convolutions::Int8, fused: true, tolerance: 5e-3 };
        assert_eq!([form.tolerance_of("objects"), form.tolerance_of("fusion")], [0.1, 5e-3]);
        let form = Form { convolutions: Convolutions::Float, ..form };
        assert_eq!(form.tolerance_of("objects"), 5e-3);
    }

    #[test]
    fn a_form_of_before_computes_its_convolutions_in_floats() {
        let written = r#"{"weights":"f16","fused":true,"tolerance":0.005}"#;
        let form: Form = serde_json::from_str(written).unwrap();
        assert_eq!(form.convolutions, Convolutions::Float);
        assert_eq!(serde_json::to_string(&form).unwrap(), written);
    }
}
