use cmal::train::Error;

use cmal::world;

use crate::support::{finished, tiny, train_on, train_to_end};

#[test]
fn a_loss_that_is_not_finite_stops_and_names_the_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut recipe = tiny();
    recipe.detector.rate = 1e30;
    let error = train_to_end(&recipe, &folder.path().join("run")).unwrap_err();
    assert!(matches!(error, Error::NonFinite { stage: "detector", step: 1.., .. }), "{error}");
    assert!(error.to_string().contains("at step"), "{error}");
}

#[test]
fn a_run_of_another_recipe_is_not_continued() {
    let mut recipe = tiny();
    recipe.seed += 1;
    let error = train_to_end(&recipe, finished()).unwrap_err();
    assert!(matches!(error, Error::OtherRecipe { .. }), "{error}");
}

#[test]
fn a_run_is_not_continued_on_another_dataset() {
    let folder = tempfile::tempdir().unwrap();
    let options = world::Options { scenes: 5, seed: 77, held_out: false };
    world::write(folder.path(), &options, &|_| {}).unwrap();
    let error = train_on(&tiny(), folder.path(), finished(), 1).unwrap_err();
    assert!(matches!(error, Error::OtherData { .. }), "{error}");
    assert!(error.to_string().contains("another dataset"), "{error}");
}

#[test]
fn an_unfinished_run_is_not_exported() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    assert!(crate::support::train_until(&tiny(), &run, 5).is_err());
    let error = cmal::train::open(&run).map(drop).unwrap_err();
    assert!(matches!(error, Error::Unfinished { .. }), "{error}");
}
