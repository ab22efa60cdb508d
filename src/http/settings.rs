//! What an operator can set about the HTTP side.

use std::num::NonZeroUsize;
use std::time::Duration;

/// Limits and life cycle of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Largest request body in bytes, JSON or form. Default: 20 MiB.
    pub max_body: NonZeroUsize,
    /// Most pairs of a picture and a text in one match request. Default: 256.
    pub max_pairs: NonZeroUsize,
    /// Most queries in one query request. Default: 64.
    pub max_queries: NonZeroUsize,
    /// Bytes of the pictures that clients may leave here to be asked about by id. Default: 256 MiB.
    pub images: usize,
    /// How long such a picture stays after it was last asked about. Default: 10 minutes.
    pub image_lifetime: Duration,
    /// Longest time a request may take, from its head to its answer; a client may ask for less. Default: 30 s.
    pub max_time: Duration,
    /// How long requests are still accepted after the signal to stop, so that balancers see `not ready` first. Default: 1 s.
    pub grace: Duration,
    /// How long accepted requests may take to finish once nothing is accepted any more. Default: 20 s.
    pub drain: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        const ONE: NonZeroUsize = NonZeroUsize::MIN;
        Self {
            max_body: ONE.saturating_add((20 << 20) - 1),
            max_pairs: ONE.saturating_add(255),
            max_queries: ONE.saturating_add(63),
            images: 256 << 20,
            image_lifetime: Duration::from_secs(600),
            max_time: Duration::from_secs(30),
            grace: Duration::from_secs(1),
            drain: Duration::from_secs(20),
        }
    }
}
