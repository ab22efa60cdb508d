//! `cmal import`: a published corpus into a dataset folder.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use crate::data::import::{
    BottomUp, Coco, Error, Flickr30k, Layout, Meter, RefCoco, SnliVe, Summary, Target, VisualGenome, VqaV2,
};
use crate::types::Split;

use super::exit::Failure;
use super::output::print;
use super::progress::Progress;

/// Turn a published corpus into a dataset folder, or add it to one.
///
/// The folder is new, empty, or a dataset folder that lacks the files to be written: VQA v2 goes beside
/// captions of COCO. Pictures are linked, or copied where that cannot be. A record that cannot be used is
/// skipped and counted. If more than half of the pictures are missing, or the import fails otherwise, nothing
/// is written.
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    #[command(subcommand)]
    format: Format,
}

#[derive(Clone, Debug, Subcommand)]
enum Format {
    Coco(CocoArgs),
    VisualGenome(VisualGenomeArgs),
    VqaV2(VqaV2Args),
    SnliVe(SnliVeArgs),
    Refcoco(RefCocoArgs),
    #[command(name = "flickr30k")]
    Flickr30k(Flickr30kArgs),
    BottomUp(BottomUpArgs),
}

/// Where the corpus goes.
#[derive(Args, Clone, Debug)]
struct Out {
    /// The folder to write, or the dataset folder to add to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Where the corpus and its pictures go.
#[derive(Args, Clone, Debug)]
struct WithPictures {
    #[command(flatten)]
    into: Out,
    /// Folders with the pictures, or folders that hold `train2014`, `VG_100K` and the like; not needed for
    /// pictures that the dataset folder has already.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    images: Vec<PathBuf>,
}

/// As above, for corpora that have parts.
#[derive(Args, Clone, Debug)]
struct WithParts {
    #[command(flatten)]
    pictures: WithPictures,
    /// Leave pictures in the part that the folder's splits.json gives them, whatever the corpus says.
    #[arg(long)]
    keep_splits: bool,
}

impl WithPictures {
    fn target(&self) -> Target {
        Target { out: self.into.out.clone(), images: self.images.clone(), keep_splits: false }
    }
}

impl WithParts {
    fn target(&self) -> Target {
        Target { keep_splits: self.keep_splits, ..self.pictures.target() }
    }
}

/// Captions and instances of COCO, of 2014 or 2017
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("annotations").required(true).multiple(true))]
struct CocoArgs {
    /// captions_train2014.json, captions_val2017.json, …: to captions.jsonl.
    #[arg(long, value_name = "FILE", num_args = 1.., group = "annotations")]
    captions: Vec<PathBuf>,
    /// instances_train2014.json, instances_val2017.json, …: to objects.jsonl, without crowds.
    #[arg(long, value_name = "FILE", num_args = 1.., group = "annotations")]
    instances: Vec<PathBuf>,
    /// dataset_coco.json, for Karpathy's splits with restval in train; pictures that it leaves out are
    /// skipped. Otherwise the names of pictures or files tell the official part.
    #[arg(long, value_name = "FILE")]
    karpathy: Option<PathBuf>,
    #[command(flatten)]
    to: WithParts,
}

/// Objects, attributes and regions of Visual Genome 1.0, 1.2 or 1.4
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("annotations").required(true).multiple(true))]
struct VisualGenomeArgs {
    /// image_data.json
    #[arg(long, value_name = "FILE")]
    image_data: PathBuf,
    /// objects.json: to objects.jsonl.
    #[arg(long, value_name = "FILE", group = "annotations")]
    objects: Option<PathBuf>,
    /// attributes.json: to objects.jsonl, or the attributes of what --objects lists.
    #[arg(long, value_name = "FILE", group = "annotations")]
    attributes: Option<PathBuf>,
    /// region_descriptions.json: to referring.jsonl.
    #[arg(long, value_name = "FILE", group = "annotations")]
    regions: Option<PathBuf>,
    /// Write the descriptions of regions to captions.jsonl as well.
    #[arg(long, requires = "regions")]
    region_captions: bool,
    #[command(flatten)]
    to: WithPictures,
}

/// Questions and answers of VQA v2
#[derive(Args, Clone, Debug)]
struct VqaV2Args {
    /// v2_OpenEnded_mscoco_train2014_questions.json, …: to vqa.jsonl. Their data_subtype tells the pictures
    /// and the part.
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    questions: Vec<PathBuf>,
    /// v2_mscoco_train2014_annotations.json, …; questions without an annotation are skipped, but for those of
    /// the test set, which has none.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    annotations: Vec<PathBuf>,
    /// Put all pictures in this part: train, val or test.
    #[arg(long, value_name = "SPLIT")]
    split: Option<Split>,
    #[command(flatten)]
    to: WithParts,
}

/// Hypotheses of SNLI-VE about pictures of Flickr30k
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("parts").required(true).multiple(true))]
struct SnliVeArgs {
    /// snli_ve_train.jsonl: to entailment.jsonl, as the others.
    #[arg(long, value_name = "FILE", group = "parts")]
    train: Option<PathBuf>,
    /// snli_ve_dev.jsonl, which becomes val.
    #[arg(long, value_name = "FILE", group = "parts")]
    dev: Option<PathBuf>,
    /// snli_ve_test.jsonl
    #[arg(long, value_name = "FILE", group = "parts")]
    test: Option<PathBuf>,
    #[command(flatten)]
    to: WithParts,
}

/// Referring expressions of RefCOCO, RefCOCO+ or RefCOCOg
#[derive(Args, Clone, Debug)]
struct RefCocoArgs {
    /// refs(unc).p and the like, the same list as JSON, MDETR's finetune_refcoco_train.json and the like, or
    /// a folder with refs(…).p: to referring.jsonl. testA and testB become test, and the kind of their
    /// expressions.
    #[arg(long, value_name = "PATH", num_args = 1.., required = true)]
    refs: Vec<PathBuf>,
    /// instances.json with the boxes; by default the one beside the references. Not needed for MDETR's files.
    #[arg(long, value_name = "FILE")]
    instances: Option<PathBuf>,
    /// Which refs(…).p of a folder: unc or google for RefCOCO, unc for RefCOCO+, umd or google for RefCOCOg.
    #[arg(long, value_name = "NAME")]
    split_by: Option<String>,
    #[command(flatten)]
    to: WithParts,
}

/// Captions of Flickr30k
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("captions").required(true))]
struct Flickr30kArgs {
    /// dataset_flickr30k.json, Karpathy's captions with splits: to captions.jsonl.
    #[arg(long, value_name = "FILE", group = "captions")]
    karpathy: Option<PathBuf>,
    /// results_20130124.token, the captions without splits: to captions.jsonl.
    #[arg(long, value_name = "FILE", group = "captions")]
    token: Option<PathBuf>,
    #[command(flatten)]
    to: WithParts,
}

/// Region features of bottom-up attention or LXMERT, to features.safetensors
///
/// `cmal train` uses them in place of a detector. Needs no pictures, but a training does. Rows that bear a number are named as the picture
/// with that number in the folder, if there is one. LXMERT's classes and attributes are kept as numbers; training reads boxes and features
/// alone.
#[derive(Args, Clone, Debug)]
struct BottomUpArgs {
    /// trainval_resnet101_faster_rcnn_genome_36.tsv, train2014_obj36.tsv, …
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// How the columns lie; by default their number tells.
    #[arg(long, value_enum)]
    layout: Option<Columns>,
    #[command(flatten)]
    into: Out,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Columns {
    /// image_id, image_w, image_h, num_boxes, boxes, features
    Butd,
    /// img_id, img_h, img_w, objects_id, objects_conf, attrs_id, attrs_conf, num_boxes, boxes, features
    Lxmert,
}

/// Imports the corpus and says what was written and what was skipped.
pub fn run(args: &ImportArgs) -> Result<(), Failure> {
    let format = &args.format;
    let bytes = format.files().into_iter().map(size).sum();
    let progress = Progress::new("reading", bytes, "bytes");
    let summary = format.import(&|bytes| progress.advance(bytes))?;
    progress.finish();
    print(&format!("{}: {summary}", format.out().display()))
}

/// A file that is not there is told by who reads it.
fn size(path: &PathBuf) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

impl Format {
    fn files(&self) -> Vec<&PathBuf> {
        match self {
            Self::Coco(args) => args.captions.iter().chain(&args.instances).chain(&args.karpathy).collect(),
            Self::VisualGenome(args) => {
                let listed = [&args.objects, &args.attributes, &args.regions];
                std::iter::once(&args.image_data).chain(listed.into_iter().flatten()).collect()
            }
            Self::VqaV2(args) => args.questions.iter().chain(&args.annotations).collect(),
            Self::SnliVe(args) => [&args.train, &args.dev, &args.test].into_iter().flatten().collect(),
            Self::Refcoco(args) => args.refs.iter().chain(&args.instances).collect(),
            Self::Flickr30k(args) => args.karpathy.iter().chain(&args.token).collect(),
            Self::BottomUp(args) => args.files.iter().collect(),
        }
    }

    fn out(&self) -> &Path {
        let pictures = match self {
            Self::Coco(args) => &args.to.pictures,
            Self::VisualGenome(args) => &args.to,
            Self::VqaV2(args) => &args.to.pictures,
            Self::SnliVe(args) => &args.to.pictures,
            Self::Refcoco(args) => &args.to.pictures,
            Self::Flickr30k(args) => &args.to.pictures,
            Self::BottomUp(args) => return &args.into.out,
        };
        &pictures.into.out
    }

    fn import(&self, meter: Meter) -> Result<Summary, Error> {
        match self.clone() {
            Self::Coco(CocoArgs { captions, instances, karpathy, to }) => {
                Coco { captions, instances, karpathy }.import(&to.target(), meter)
            }
            Self::VisualGenome(args) => {
                let VisualGenomeArgs { image_data, objects, attributes, regions, region_captions, to } = args;
                let files = VisualGenome { image_data, objects, attributes, regions, region_captions };
                files.import(&to.target(), meter)
            }
            Self::VqaV2(VqaV2Args { questions, annotations, split, to }) => {
                VqaV2 { questions, annotations, split }.import(&to.target(), meter)
            }
            Self::SnliVe(SnliVeArgs { train, dev, test, to }) => {
                SnliVe { train, dev, test }.import(&to.target(), meter)
            }
            Self::Refcoco(RefCocoArgs { refs, instances, split_by, to }) => {
                RefCoco { refs, instances, split_by }.import(&to.target(), meter)
            }
            Self::Flickr30k(Flickr30kArgs { karpathy, token, to }) => {
                Flickr30k { karpathy, token }.import(&to.target(), meter)
            }
            Self::BottomUp(args) => {
                let layout = args.layout.map(|columns| match columns {
                    Columns::Butd => Layout::Butd,
                    Columns::Lxmert => Layout::Lxmert,
                });
                BottomUp { files: args.files, layout }.import(&args.into.out, meter)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::process::ExitCode;

    use image::RgbImage;

    use super::*;
    use crate::cli::main;

    fn code(args: &[&OsStr]) -> String {
        let program = ["cmal", "import"].map(OsStr::new);
        format!("{:?}", main(program.iter().chain(args).map(|arg| arg.to_os_string())))
    }

    #[test]
    fn a_corpus_is_imported_once_and_then_refused() {
        let root = tempfile::tempdir().unwrap();
        let [token, images, out] = ["captions.token", "images", "out"].map(|name| root.path().join(name));
        fs::write(&token, "1.png#0\tA picture .\n").unwrap();
        fs::create_dir(&images).unwrap();
        RgbImage::new(4, 3).save(images.join("1.png")).unwrap();
        let [format, token_is, images_are, out_is] =
            ["flickr30k", "--token", "--images", "--out"].map(OsStr::new);
        let args = [format, token_is, token.as_ref(), images_are, images.as_ref(), out_is, out.as_ref()];
        assert_eq!(code(&args), format!("{:?}", ExitCode::SUCCESS));
        assert!(out.join("captions.jsonl").is_file());
        assert_eq!(code(&args), format!("{:?}", ExitCode::from(1)));
    }

    #[test]
    fn a_corpus_without_annotations_is_wrong_usage() {
        for format in ["coco", "visual-genome", "vqa-v2", "snli-ve", "refcoco", "flickr30k", "bottom-up"] {
            let args = [format, "--out", "nowhere"].map(OsStr::new);
            assert_eq!(code(&args), format!("{:?}", ExitCode::from(2)), "{format}");
        }
    }
}
