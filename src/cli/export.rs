//! `cmal export`: a finished run, or a bundle, into a bundle.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::data::{Dataset, OnBad};
use crate::export::{self, HeldOut, Options, Report};
use crate::onnx;
use crate::types::Split;

use super::exit::Failure;
use super::output::print;
use super::pictures::Pictures;
use super::progress::Progress;

/// Pictures that are calibrated with at most.
const CALIBRATION: usize = 256;

/// Write a finished run as a bundle: five ONNX graphs, each held against the trained model first.
///
/// A bundle carries the weights that it was made from, so it can be written in another form, too: `cmal export models/shapes --out
/// models/small --weights int8`.
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// The run folder, or a bundle to write in another form
    #[arg(value_name = "RUN")]
    source: PathBuf,
    /// The bundle folder, as in `models/shapes`; a bundle that is there is replaced
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Version of the bundle [default: that of the bundle given as RUN, else 1]
    #[arg(long, value_name = "TEXT")]
    bundle_version: Option<String>,
    /// How weights are stored, those of the detector excepted
    #[arg(long, value_name = "TYPE", default_value = "f16")]
    weights: Weights,
    /// Standard ONNX operators only, none of those that ONNX Runtime has for what they make together
    #[arg(long)]
    plain: bool,
    /// Compute the detector's wide convolutions in 8-bit integers, within bounds that are found on pictures of this dataset folder's
    /// part `train`, 256 at most: for CPUs, where the detector takes about half the time
    #[arg(long, value_name = "DIR")]
    calibrate: Option<PathBuf>,
    /// Measure size, accuracy and speed of every form on the pictures of this dataset folder, for the manifest and the card
    #[arg(long, value_name = "DIR")]
    compare: Option<PathBuf>,
    /// Which pictures of --compare: train, val, test or all
    #[arg(long, value_name = "PART", default_value = "test", value_parser = Pictures::parse, requires = "compare")]
    split: Pictures,
    /// What `cmal eval --json` printed, for the manifest and the card
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// A file in Markdown for the card, such as the `arms.md` of a comparison
    #[arg(long, value_name = "FILE")]
    notes: Option<PathBuf>,
    /// The ONNX Runtime library; else it is looked for beside `cmal` and in `.onnxruntime`
    #[arg(long, env = "CMAL_ONNXRUNTIME", value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
}

/// Types that weights can be stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Weights {
    /// As they were trained
    F32,
    /// Half the bytes, widened when they are loaded
    F16,
    /// A quarter of the bytes, multiplied as integers: for CPUs; answers differ a little
    Int8,
}

/// Exports, and prints what the parity check and the comparison found.
pub fn run(args: &ExportArgs) -> Result<(), Failure> {
    if args.plain && args.weights == Weights::Int8 {
        return Err(Failure::usage("int8 has one form only: leave out --plain"));
    }
    let options = Options {
        source: args.source.clone(),
        out: args.out.clone(),
        version: args.bundle_version.clone(),
        model: onnx::Options {
            weights: match args.weights {
                Weights::F32 => onnx::Weights::F32,
                Weights::F16 => onnx::Weights::F16,
                Weights::Int8 => onnx::Weights::Int8,
            },
            plain: args.plain,
        },
        calibration: args.calibrate.as_deref().map_or_else(|| Ok(Vec::new()), calibration)?,
        library: args.onnxruntime.clone(),
        metrics: args.metrics.as_ref().map_or_else(|| Ok(BTreeMap::new()), export::read_metrics)?,
        notes: args.notes.as_deref().map_or_else(|| Ok(String::new()), read)?,
    };
    let report = match &args.compare {
        Some(data) => compared(&options, data, args.split)?,
        None => export::export(&options, None)?,
    };
    for (graph, difference) in &report.parity {
        let export::Difference { largest, mean } = difference;
        print(&format!("{graph:<12} differs from burn by {largest:.1e} at most, {mean:.1e} on average\n"))?;
    }
    print(&format!("{}: {:.1} MB\n", args.out.display(), report.bytes as f64 / 1e6))?;
    report.comparison.map_or(Ok(()), |comparison| print(&format!("\n{comparison}")))
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("can't read {}: {error}", path.display())))
}

/// Pictures to calibrate with, from the whole of the part alike.
fn calibration(data: &Path) -> Result<Vec<PathBuf>, Failure> {
    let dataset = Dataset::open(data, OnBad::Stop)?.dataset;
    let pictures = Pictures::Of(Split::Train).of(&dataset, None);
    if pictures.is_empty() {
        return Err(Failure::usage(format!(
            "{} has no pictures in its part `train` to calibrate with: put some there by its splits.json, or name another folder",
            data.display()
        )));
    }
    let step = pictures.len().div_ceil(CALIBRATION);
    Ok(pictures.into_iter().step_by(step).map(|entry| dataset.path(entry)).collect())
}

fn compared(options: &Options, data: &Path, split: Pictures) -> Result<Report, Failure> {
    let dataset = Dataset::open(data, OnBad::Stop)?.dataset;
    let pictures = split.of(&dataset, None);
    let asked = export::forms(options.form()).len() * pictures.len();
    let progress = Progress::new("comparing", asked as u64, "pictures");
    let name = data.file_name().unwrap_or(data.as_os_str()).to_string_lossy();
    let held_out = HeldOut {
        dataset: &dataset,
        pictures: &pictures,
        about: format!("{} pictures of the folder `{name}` ({})", pictures.len(), split.name()),
        progress: &|| progress.advance(1),
    };
    let report = export::export(options, Some(&held_out))?;
    progress.finish();
    Ok(report)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ExportArgs,
    }

    #[test]
    fn int8_has_no_plain_form() {
        let line = ["export", "gone", "--out", "out", "--weights", "int8", "--plain"];
        let error = run(&Line::try_parse_from(line).unwrap().args).unwrap_err();
        assert_eq!(error.to_string(), "int8 has one form only: leave out --plain");
        assert_eq!(format!("{:?}", error.code()), format!("{:?}", std::process::ExitCode::from(2)));
        let error = run(&Line::try_parse_from(&line[..6]).unwrap().args).unwrap_err();
        assert!(!error.to_string().contains("--plain"), "{error}");
    }

    #[test]
    fn pictures_to_calibrate_with_come_from_the_whole_of_the_training_part() {
        let folder = tempfile::tempdir().unwrap();
        let (images, names) = (folder.path().join("images"), (0..600).map(|at| format!("{at:03}.png")));
        fs::create_dir(&images).unwrap();
        let names: Vec<_> = names.collect();
        for name in &names {
            image::RgbImage::new(2, 2).save(images.join(name)).unwrap();
        }
        let captions = names.iter().map(|name| format!("{{\"image\":\"{name}\",\"caption\":\"a dot\"}}\n"));
        fs::write(folder.path().join("captions.jsonl"), captions.collect::<String>()).unwrap();
        let split = |train: &[String], test: &[String]| {
            let splits = serde_json::json!({ "train": train, "val": [], "test": test });
            fs::write(folder.path().join("splits.json"), splits.to_string()).unwrap();
            calibration(folder.path())
        };
        let pictures = split(&names[..550], &names[550..]).unwrap();
        let wanted: Vec<_> = names[..550].iter().step_by(3).map(|name| images.join(name)).collect();
        assert_eq!(pictures, wanted);
        let error = split(&[], &names).unwrap_err().to_string();
        assert!(error.contains("has no pictures in its part `train` to calibrate with: put some"), "{error}");
    }

    #[test]
    fn a_part_of_nothing_is_wrong_usage() {
        assert!(Line::try_parse_from(["export", "run", "--out", "out", "--split", "all"]).is_err());
        assert!(
            Line::try_parse_from(["export", "run", "--out", "out", "--compare", "x", "--split", "all"])
                .is_ok()
        );
    }
}
