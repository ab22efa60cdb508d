//! Published corpora into a dataset folder, one file per corpus; each reads its annotation files as streams.
//!
//! A folder is written aside and put in place when it is complete, so a failed import leaves nothing behind.

mod aside;
mod attributes;
mod bottom_up;
mod coco;
mod draft;
mod error;
mod flickr30k;
mod json;
mod karpathy;
mod mdetr;
mod pickle;
mod pictures;
mod refcoco;
mod refs;
mod regions;
mod snli_ve;
mod source;
mod splits;
mod summary;
#[cfg(test)]
mod testing;
mod text;
mod visual_genome;
mod vqa_v2;

pub use bottom_up::BottomUp;
pub use coco::Coco;
pub use draft::Target;
pub use error::Error;
pub use flickr30k::Flickr30k;
pub use refcoco::RefCoco;
pub use regions::Layout;
pub use snli_ve::SnliVe;
pub use source::Meter;
pub use summary::Summary;
pub use visual_genome::VisualGenome;
pub use vqa_v2::VqaV2;
