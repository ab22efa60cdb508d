//! The model card: `README.md` of a bundle.

use std::fmt::{self, Write};

use super::form::{Convolutions, Form, Weights};
use super::manifest::{Manifest, TensorEntry};
use super::names;

/// What a card says beyond the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What the model is, in a paragraph.
    pub description: String,
    pub intended_use: String,
    /// Where it fails or must not be used, one sentence each.
    pub limits: Vec<String>,
    /// The command that prints the figures of the manifest.
    pub figures_command: String,
    /// What else its makers found out, in Markdown; empty if nothing.
    pub notes: String,
    /// SPDX expression.
    pub licence: String,
}

/// The text of a bundle's card, in Markdown.
pub fn card(manifest: &Manifest, statement: &Statement) -> String {
    let mut text = String::new();
    render(&mut text, manifest, statement).expect("writing to a string cannot fail");
    text
}

fn render(text: &mut String, manifest: &Manifest, statement: &Statement) -> fmt::Result {
    let Manifest { name, version, created, source_commit, dimensions, preprocessing, .. } = manifest;
    writeln!(text, "# {name} {version}\n\n{}\n", statement.description)?;
    writeln!(
        text,
        "Made on {created} from commit `{source_commit}`, format {} of cmal's bundles.\n",
        manifest.format
    )?;
    writeln!(text, "## Intended use\n\n{}\n", statement.intended_use)?;
    writeln!(text, "## Limits\n")?;
    for limit in &statement.limits {
        writeln!(text, "- {limit}")?;
    }
    writeln!(
        text,
        "- It reads texts of up to {} tokens and sees up to {} objects in a picture of {side}×{side} pixels, to which every picture \
         is scaled.",
        manifest.tokenizer.max_tokens,
        dimensions.objects,
        side = preprocessing.side
    )?;
    writeln!(
        text,
        "- It knows {} classes, {} attributes and {} answers, and names nothing else.\n",
        manifest.classes.len(),
        manifest.attributes.len(),
        manifest.answers.len()
    )?;
    writeln!(text, "## Training data\n\n{}\n", manifest.training_data)?;
    figures(text, manifest, statement)?;
    comparison(text, manifest)?;
    notes(text, &statement.notes)?;
    graphs(text, manifest)?;
    writeln!(text, "## Licence\n\n{}", statement.licence)
}

fn figures(text: &mut String, manifest: &Manifest, statement: &Statement) -> fmt::Result {
    writeln!(text, "## Figures\n")?;
    if manifest.metrics.is_empty() {
        return writeln!(text, "None were measured; `{}` prints them.\n", statement.figures_command);
    }
    writeln!(text, "On held-out data, as printed by `{}`.\n", statement.figures_command)?;
    writeln!(text, "| figure | value |\n|---|---|")?;
    for (name, value) in &manifest.metrics {
        // Counts are whole, shares have four digits.
        let digits = if value.fract() == 0.0 { 0 } else { 4 };
        writeln!(text, "| {name} | {value:.digits$} |")?;
    }
    writeln!(text)
}

fn comparison(text: &mut String, manifest: &Manifest) -> fmt::Result {
    let Some(comparison) = &manifest.comparison else { return Ok(()) };
    let this = manifest.form.map_or_else(String::new, |form| format!("This bundle is `{form}`. "));
    writeln!(
        text,
        "## Forms\n\n{this}The forms that `cmal export` can write, measured by it in turns on one thread of one machine: megabytes of the \
         graphs, accuracy on {}, and milliseconds for an answer about a picture of its own, asked for one by one and in batches of {}; \
         \"model\" is the part of these in `vision`, `text` and `fusion`, the rest is the detector and decoding.\n\n{comparison}",
        comparison.data, comparison.batch,
    )
}

/// Headings go down a level: the card has the only one of the first.
fn notes(text: &mut String, notes: &str) -> fmt::Result {
    let mut code = false;
    for line in notes.trim().lines() {
        code ^= line.trim_start().starts_with("```");
        let deeper = if line.starts_with('#') && !code { "#" } else { "" };
        writeln!(text, "{deeper}{line}")?;
    }
    if notes.trim().is_empty() { Ok(()) } else { writeln!(text) }
}

fn graphs(text: &mut String, manifest: &Manifest) -> fmt::Result {
    writeln!(text, "## Graphs\n")?;
    if let Some(form) = manifest.form {
        writeln!(text, "{}\n", written(form))?;
    }
    writeln!(text, "| graph | in | out |\n|---|---|---|")?;
    for name in names::graph::ALL {
        if let Some(graph) = manifest.graphs.get(name) {
            writeln!(
                text,
                "| `{}` | {} | {} |",
                graph.file,
                tensors(&graph.inputs),
                tensors(&graph.outputs)
            )?;
        }
    }
    writeln!(text)
}

fn written(form: Form) -> String {
    let weights = match form.weights {
        Weights::F32 => "Weights are stored as f32.",
        Weights::F16 => "Weights are stored as f16 and widened when they are loaded, but for the detector's.",
        Weights::Int8 => {
            "Weights are stored as int8, each column with a scale of its own, and multiplied as integers, but for the detector's. Each \
             row of what they are multiplied with is quantised by its own largest value, whatever else is in its batch. Even so, a batch \
             of other sizes rounds otherwise, and where that changes a code, an answer's logits may change by a tenth. This is made for \
             CPUs."
        }
    };
    let convolutions = match form.convolutions {
        Convolutions::Float => " The detector's weights are f32.",
        Convolutions::Int8 => {
            " The detector's wide convolutions have int8 weights and are computed in integers: what they read and give is cut to the range \
             that it had on pictures at export. The rest of the detector is f32. A GPU computes these convolutions in floats all the same."
        }
    };
    let operators = if form.fused {
        " Attention is written as the operator that ONNX Runtime has for it; `cmal export --plain` writes standard operators only."
    } else {
        ""
    };
    format!("{weights}{convolutions}{operators}")
}

fn tensors(entries: &[TensorEntry]) -> String {
    let described: Vec<_> = entries
        .iter()
        .map(|entry| {
            let axes: Vec<_> = entry.axes.iter().map(ToString::to_string).collect();
            format!("`{}` {} [{}]", entry.name, entry.dtype, axes.join(", "))
        })
        .collect();
    described.join("; ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::form::{Compared, Comparison, Speed};
    use super::*;
    use crate::bundle::testing;

    #[test]
    fn a_card_tells_what_the_manifest_knows() {
        let statement = Statement {
            description: "A test.".into(),
            intended_use: "Tests.".into(),
            limits: vec!["It is no model.".into()],
            figures_command: "cmal eval models/test".into(),
            notes: "# Ways to train\n\nOne is better.\n\n```sh\n# not a heading\n```\n".into(),
            licence: "MIT OR Apache-2.0".into(),
        };
        let card = card(&testing::manifest(), &statement);
        for expected in [
            "# test 1\n",
            "A test.",
            "- It is no model.\n- It reads texts of up to 7 tokens and sees up to 3 objects",
            "## Training data\n\nDrawn scenes.",
            "printed by `cmal eval models/test`",
            "| vqa | 0.8750 |",
            "| scenes | 500 |",
            "| `text.onnx` | `tokens` i64 [batch, 1]; `token_mask` bool [batch, 1] | `textual` f32",
            "\n## Ways to train\n\nOne is better.\n\n```sh\n# not a heading\n```\n\n## Graphs",
            "Weights are stored as int8",
            "## Licence\n\nMIT OR Apache-2.0\n",
        ] {
            assert!(card.contains(expected), "no `{expected}` in:\n{card}");
        }
        assert!(!card.contains("## Forms"), "what was not measured is not told:\n{card}");
    }

    #[test]
    fn forms_that_were_measured_stand_on_the_card() {
        let mut manifest = testing::manifest();
        let form =
            Form { weights: Weights::F16, convolutions: Convolutions::Int8, fused: true, tolerance: 5e-3 };
        let speed = Speed { whole: 4.5, model: 0.5 };
        let compared = Compared { form, bytes: 1, accuracy: BTreeMap::new(), alone: speed, batched: speed };
        manifest.form = Some(form);
        manifest.comparison = Some(Comparison {
            data: "9 pictures".into(),
            batch: 16,
            forms: vec![compared],
            refused: Vec::new(),
        });
        let statement = Statement {
            description: String::new(),
            intended_use: String::new(),
            limits: Vec::new(),
            figures_command: String::new(),
            notes: String::new(),
            licence: String::new(),
        };
        let card = card(&manifest, &statement);
        for expected in [
            "This bundle is `f16, int8 convolutions`.",
            "on 9 pictures,",
            "\n\n| form | MB |",
            "Attention is written as",
            "are computed in integers",
        ] {
            assert!(card.contains(expected), "no `{expected}` in:\n{card}");
        }
    }
}
