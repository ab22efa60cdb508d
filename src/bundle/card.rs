//! The model card: `README.md` of a bundle.

use std::fmt::{self, Write};

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

fn graphs(text: &mut String, manifest: &Manifest) -> fmt::Result {
    writeln!(text, "## Graphs\n\n| graph | in | out |\n|---|---|---|")?;
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
    use super::*;
    use crate::bundle::testing;

    #[test]
    fn a_card_tells_what_the_manifest_knows() {
        let statement = Statement {
            description: "A test.".into(),
            intended_use: "Tests.".into(),
            limits: vec!["It is no model.".into()],
            figures_command: "cmal eval models/test".into(),
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
            "## Licence\n\nMIT OR Apache-2.0\n",
        ] {
            assert!(card.contains(expected), "no `{expected}` in:\n{card}");
        }
    }
}
