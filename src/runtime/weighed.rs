//! How much memory things take, for stores that are bounded by bytes.

use std::sync::Arc;

/// Something that knows how much memory it takes.
pub(super) trait Weighed {
    /// Bytes, those on the heap counted.
    fn bytes(&self) -> usize;
}

impl Weighed for blake3::Hash {
    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

impl Weighed for Arc<str> {
    /// The text behind its two counters.
    fn bytes(&self) -> usize {
        size_of::<Self>() + 2 * size_of::<usize>() + self.len()
    }
}

/// What a vector takes on the heap, its elements' own pieces not counted.
pub(super) fn heap<T>(vector: &Vec<T>) -> usize {
    vector.capacity() * size_of::<T>()
}
