//! Region features that a dataset folder brings along, in place of a detector's.

use std::path::Path;

use super::error::Error;
use crate::data::{Dataset, FEATURES, ObjectStore};
use crate::model::Dims;

/// The folder's regions, as many of a picture as the model takes; none if it has no file of them.
///
/// Their classes and attributes are left aside: the file holds numbers of a vocabulary that it does not name.
pub fn open(dataset: &Dataset, dims: &Dims) -> Result<Option<ObjectStore>, Error> {
    let path = dataset.root.join(FEATURES);
    if !path.is_file() {
        return Ok(None);
    }
    let store = ObjectStore::open(&path)?;
    if store.width() != dims.features {
        return Err(Error::FeatureWidth { path, found: store.width(), wanted: dims.features });
    }
    if missing(&store, dataset) == dataset.pictures.len() {
        return Err(Error::NoFeatures { path });
    }
    Ok(Some(store.untagged(dims.objects)))
}

/// Pictures of the dataset that the store has not.
pub fn missing(store: &ObjectStore, dataset: &Dataset) -> usize {
    let known = store.by_name();
    dataset.pictures.iter().filter(|entry| !known.contains_key(entry.name.as_str())).count()
}

/// Which regions they are: other ones are another dataset.
pub fn statement(store: &ObjectStore) -> String {
    let regions: usize = (0..store.len()).map(|picture| store.count(picture)).sum();
    let digest = store.digest();
    format!("{}: {regions} regions of {} pictures, {digest}", store.origin(), store.len())
}

/// Whether a dataset folder brings region features along.
pub fn is_there(folder: &Path) -> bool {
    folder.join(FEATURES).is_file()
}
