//! The comparison as a table to read, and as one for programs.

use std::fmt::{self, Write};

use super::figures::{FIGURES, GALLERY, Measured};
use super::plan::{Arm, Cell, cells, compared, shares};
use super::summary::Summary;
use crate::score::CANDIDATES;
use crate::train::recipe::{Arms, Recipe};

/// The text of `arms.md`.
pub fn markdown(recipe: &Recipe, arms: &Arms, measured: &[Measured]) -> String {
    let mut text = String::new();
    write_markdown(&mut text, recipe, arms, measured).expect("writing to a string cannot fail");
    text
}

fn write_markdown(text: &mut String, recipe: &Recipe, arms: &Arms, measured: &[Measured]) -> fmt::Result {
    let (done, all) = (measured.len(), cells(arms).len());
    writeln!(
        text,
        "# {}: ways to pre-train, compared\n\n{done} of {all} trainings are done.\n",
        recipe.name
    )?;
    writeln!(
        text,
        "Each was pre-trained for {} steps of {} captions on a share of the corpus, then fine-tuned for {} steps of {} rows on the \
         records of {} of the training pictures. What validated best was kept, of either stage, and asked everything in the test part of \
         the dataset. R@1 is among {GALLERY} pictures at most and all of their captions; the coarse vectors give {CANDIDATES} candidates, \
         the matching head ranks them. Given are the mean over the seeds and, after ±, their sample standard deviation.\n",
        recipe.pretrain.schedule.steps,
        recipe.pretrain.schedule.batch,
        recipe.finetune.schedule.steps,
        recipe.finetune.schedule.batch,
        percent(recipe.finetune.share),
    )?;
    write!(text, "| arm | corpus | seeds |")?;
    FIGURES.iter().try_for_each(|(_, title)| write!(text, " {title} |"))?;
    writeln!(text, "\n|---|---|---|{}", "---|".repeat(FIGURES.len()))?;
    let compared = compared(arms);
    for &arm in &compared {
        let shares = match arm {
            Arm::None => vec![None],
            _ => shares(arms).into_iter().map(Some).collect(),
        };
        for share in shares {
            row(text, arms, measured, (arm, share))?;
        }
    }
    writeln!(text)?;
    compared.iter().try_for_each(|arm| writeln!(text, "- `{}`: {}", arm.name(), arm.meaning()))
}

fn row(
    text: &mut String,
    arms: &Arms,
    measured: &[Measured],
    (arm, share): (Arm, Option<f64>),
) -> fmt::Result {
    let of = |seed: &&u64| {
        let cell = Cell { arm, share, seed: **seed };
        measured.iter().any(|measured| measured.cell == cell)
    };
    let seeds = arm.seeds(arms);
    let corpus = share.map_or_else(|| "none".to_owned(), percent);
    write!(text, "| `{}` | {corpus} | {} of {} |", arm.name(), seeds.iter().filter(of).count(), seeds.len())?;
    for (figure, _) in FIGURES {
        match Summary::of(measured, arm, share, figure) {
            Some(Summary { mean, spread: Some(spread), .. }) => write!(text, " {mean:.3} ± {spread:.3} |")?,
            Some(Summary { mean, spread: None, .. }) => write!(text, " {mean:.3} |")?,
            None => write!(text, " missing |")?,
        }
    }
    writeln!(text)
}

/// The text of `arms.csv`: a line a cell. The figures of one that is not done are empty.
pub fn csv(arms: &Arms, measured: &[Measured]) -> String {
    let keys = FIGURES.map(|(key, _)| key).join(",");
    let mut text = format!("arm,share,seed,state,{keys}\n");
    for cell in cells(arms) {
        let found = measured.iter().find(|measured| measured.cell == cell);
        let share = cell.share.map_or_else(String::new, |share| share.to_string());
        let state = if found.is_some() { "done" } else { "missing" };
        let figures = FIGURES.map(|(key, _)| {
            let figure = found.and_then(|measured| measured.figures.get(key));
            figure.map_or_else(String::new, |figure| figure.value.to_string())
        });
        text.push_str(&format!("{},{share},{},{state},{}\n", cell.arm.name(), cell.seed, figures.join(",")));
    }
    text
}

/// A share as people write it.
pub fn percent(share: f64) -> String {
    format!("{:.4}", share * 100.0).trim_end_matches('0').trim_end_matches('.').to_owned() + " %"
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::train::arms::summary::tests::measured;

    fn grid() -> (Recipe, Arms) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/recipes/arms.toml");
        let arms = Arms { shares: vec![0.3, 1.0], seeds: vec![1, 2], ablation_seeds: vec![1] };
        (Recipe::open(&path).unwrap(), arms)
    }

    #[test]
    fn rows_tell_mean_spread_and_what_is_missing() {
        let (recipe, arms) = grid();
        let all = [
            measured(Arm::None, None, 1, 0.25),
            measured(Arm::Cmal, Some(0.3), 1, 0.5),
            measured(Arm::Cmal, Some(0.3), 2, 0.7),
        ];
        let text = markdown(&recipe, &arms, &all);
        let row = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
        assert!(row("| `cmal` | 30 % |").starts_with("| `cmal` | 30 % | 2 of 2 | 0.600 ± 0.141 | missing |"));
        assert!(row("| `none` |").starts_with("| `none` | none | 1 of 2 | 0.250 | missing |"));
        assert!(row("| `no-amc` | 100 %").starts_with("| `no-amc` | 100 % | 0 of 1 | missing |"));
        assert_eq!(text.lines().filter(|line| line.starts_with("| `")).count(), 1 + 2 * 2 + 4 * 2);
        assert!(text.contains("3 of 18 trainings are done"), "{text}");
    }

    #[test]
    fn every_cell_has_a_line_in_the_table_for_programs() {
        let (_, arms) = grid();
        let text = csv(&arms, &[measured(Arm::Cmcl, Some(1.0), 2, 0.5)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 1 + cells(&arms).len());
        assert!(
            lines.contains(&"cmcl,1,2,done,0.5,,,,") && lines.contains(&"none,,1,missing,,,,,"),
            "{text}"
        );
    }

    #[test]
    fn shares_are_written_as_people_do() {
        assert_eq!([0.1, 0.3, 1.0, 0.125].map(percent), ["10 %", "30 %", "100 %", "12.5 %"]);
    }
}
