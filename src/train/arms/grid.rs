//! Runs the cells of the grid that are not done yet.

use std::fs;

use super::figures::Measured;
use super::plan::{Cell, cells};
use super::plot::svg;
use super::table::{csv, markdown};
use crate::train::course::Course;
use crate::train::error::Error;
use crate::train::material::Material;
use crate::train::recipe::Arms;
use crate::train::record::{record, recorded};
use crate::train::samples::Samples;
use crate::train::stage::Judge;
use crate::train::start::Origin;
use crate::train::training::Options;
use crate::types::Split;

/// Folder of the cells' folders, and what a cell that is done leaves in its own.
const CELLS: &str = "arms";
const FIGURES: &str = "figures.json";

/// Trains and measures every cell; the table and the plot hold what is done at any time.
pub fn run(options: &Options, arms: &Arms, material: &Material, test: &Samples) -> Result<(), Error> {
    let cells = cells(arms);
    let mut measured = Vec::new();
    let mut left = Vec::new();
    for cell in &cells {
        match recorded::<Measured>(&options.run.join(CELLS).join(cell.name()).join(FIGURES))? {
            Some(done) => measured.push(Measured { cell: *cell, ..done }),
            None => left.push(*cell),
        }
    }
    report(options, arms, &measured)?;
    for cell in left {
        let (number, of) = (measured.len() + 1, cells.len());
        options.observer.note(&format!("training {number} of {of}: {}", cell.name()));
        measured.push(train(options, cell, material, test)?);
        report(options, arms, &measured)?;
    }
    Ok(())
}

fn train(options: &Options, cell: Cell, material: &Material, test: &Samples) -> Result<Measured, Error> {
    let (recipe, folder) = (cell.recipe(options.recipe), options.run.join(CELLS).join(cell.name()));
    let course = Course {
        recipe: &recipe,
        material,
        origin: Origin::Random,
        folder: &folder,
        observer: options.observer,
        stop: options.stop,
    };
    let tasks = course.tasks(test);
    if tasks.is_empty() {
        let what = "records that the recipe's tasks can use";
        return Err(Error::Missing { what, split: Split::Test.name(), stage: "arms" });
    }
    let cmal = course.run()?;
    let judge = Judge { model: &cmal, material, batch: recipe.finetune.schedule.batch };
    let measured = Measured::of(cell, &judge, &tasks, test);
    record(&folder.join(FIGURES), &measured)?;
    Ok(measured)
}

fn report(options: &Options, arms: &Arms, measured: &[Measured]) -> Result<(), Error> {
    for (name, text) in [
        ("arms.md", markdown(options.recipe, arms, measured)),
        ("arms.csv", csv(arms, measured)),
        ("arms.svg", svg(arms, measured)?),
    ] {
        let path = options.run.join(name);
        fs::write(&path, text).map_err(Error::file("write", path))?;
    }
    Ok(())
}
