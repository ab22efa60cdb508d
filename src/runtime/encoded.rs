//! An encoded picture with the key that its features are kept under.

use bytes::Bytes;

/// The bytes of a picture file, not yet looked at. Clones share them.
///
/// The key is computed when this is made, so that it is done where the bytes have just been read or decoded and are still at hand, and once
/// for a picture that is asked about many times. It takes about a millisecond for several megabytes: make those away from the threads
/// that serve connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    bytes: Bytes,
    key: blake3::Hash,
}

impl Encoded {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same picture in memory of its own; else it may keep alive what it is a part of, such as a whole request.
    pub(super) fn detached(&self) -> Self {
        Self { bytes: Bytes::copy_from_slice(&self.bytes), key: self.key }
    }

    /// The same for the same bytes. With 256 bits nobody can make a second picture of one key.
    pub(super) fn key(&self) -> &blake3::Hash {
        &self.key
    }
}

impl From<Bytes> for Encoded {
    fn from(bytes: Bytes) -> Self {
        Self { key: blake3::hash(&bytes), bytes }
    }
}

impl From<Vec<u8>> for Encoded {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(Bytes::from(bytes))
    }
}
