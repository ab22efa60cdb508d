//! What can end a training.

use std::io;
use std::path::PathBuf;

use crate::{chart, data, input, model};

/// Why a training stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the recipe `{}`", path.display())]
    ReadRecipe { path: PathBuf, source: io::Error },
    #[error("the recipe `{}` cannot be used", path.display())]
    ParseRecipe { path: PathBuf, source: toml::de::Error },
    #[error("the recipe asks for {what}; {want}")]
    Recipe { what: String, want: &'static str },
    #[error("the run folder `{}` was begun by another recipe, --task, --epochs or --grid-below; continue with what it was begun by, or choose another --out", run.display())]
    OtherRecipe { run: PathBuf },
    #[error("the run folder `{}` exists; continue it with --resume, or choose another --out", run.display())]
    RunExists { run: PathBuf },
    #[error("the run folder `{}` was begun on another dataset, `{folder}`; continue with that one, or choose another --out", run.display())]
    OtherData { run: PathBuf, folder: String },
    #[error("cannot start from the bundle `{}`", folder.display())]
    Start { folder: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("cannot start the text encoder from `{}`", folder.display())]
    TextStart { folder: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the bundle `{}` has no weights to train on from; export it again with this version", folder.display())]
    NoWeights { folder: PathBuf },
    #[error("the weights of `{name}` do not fit")]
    StartWeights { name: String, source: model::StateError },
    #[error("the run folder `{}` did not start from the bundle given with --init; continue it with {former}, or choose another --out", run.display())]
    OtherStart { run: PathBuf, former: String },
    #[error("the text encoder of the run folder `{}` did not start from the folder given with --init-text; continue it with {former}, or choose another --out", run.display())]
    OtherText { run: PathBuf, former: String },
    #[error("the run folder `{}` was stopped before it took over its text encoder; continue it with --init-text and the folder of `{name}`", run.display())]
    TextMissing { run: PathBuf, name: String },
    #[error("cannot {doing} `{}`", path.display())]
    File { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("`{}` is damaged; delete its folder and what was made after it, and continue with --resume", path.display())]
    Record { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },
    #[error(transparent)]
    Data(#[from] data::Error),
    #[error("the tokenizer could not be made from the dataset's texts")]
    Tokenizer(#[from] input::TokenizerError),
    #[error("cannot use the picture `{}`", path.display())]
    Picture { path: PathBuf, source: input::PictureError },
    #[error("the dataset has no {what} in its {split} part, which the stage `{stage}` needs")]
    Missing { what: &'static str, split: &'static str, stage: &'static str },
    #[error(
        "the loss of stage `{stage}` is {loss} at step {step}; lower its `rate` in the recipe and train with another --out"
    )]
    NonFinite { stage: &'static str, step: usize, loss: f64 },
    #[error("stopped at step {step} of stage `{stage}`; continue with --resume")]
    Interrupted { stage: &'static str, step: usize },
    #[error("the run `{}` is not finished; continue it with `cmal train … --resume`", run.display())]
    Unfinished { run: PathBuf },
    #[error(
        "`{}` has region features of width {found}, and the model takes {wanted}: state `features = {found}` in the `[model]` of a recipe, or move the file away to train with a detector", path.display()
    )]
    FeatureWidth { path: PathBuf, found: usize, wanted: usize },
    #[error("`{}` has region features of none of the dataset's pictures; import them anew, beside the pictures", path.display())]
    NoFeatures { path: PathBuf },
    #[error(
        "the run `{}` was trained on region features that its dataset brought along, and what computed them is not part of it: a bundle of it could not see pictures; its figures stand in `{}`", run.display(), run.join("finetune/log.jsonl").display()
    )]
    NoDetector { run: PathBuf },
    #[error(
        "the run `{}` compares ways to pre-train and made no single model; its figures stand in `{}`", run.display(), run.join("arms.md").display()
    )]
    Compared { run: PathBuf },
    #[error("the objects of the dataset's pictures cannot be read or kept")]
    Objects(#[from] data::StoreError),
    #[error("the system gives no threads to train with; lower `workers` in the recipe")]
    Threads(#[source] rayon::ThreadPoolBuildError),
    #[error(transparent)]
    Chart(#[from] chart::Error),
    #[error("this build cannot train on `{device}`; rebuild with --features {device}")]
    Device { device: &'static str },
}

impl Error {
    /// For `map_err` on I/O: what was being done to which file.
    pub(super) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}
