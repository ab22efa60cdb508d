//! The pictures that clients have left here, to ask about them by id.
//!
//! An id lives on as long as it is used: each use starts its time anew. So the picture that expires first is always the one that was used
//! least recently, which is also the one that gives way when a new one needs the room. Nobody can tell from an id what the picture
//! is or whether someone else has sent the same: ids are drawn by chance, one for each upload.

use std::hash::RandomState;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use lru::LruCache;
use rand::TryRng;
use rand::rngs::SysRng;

use crate::metrics::{CacheMetrics, Metrics};
use crate::runtime::Encoded;
use crate::types::{Size, hex};

use super::Problem;
use super::extract::{Picture, PictureFile};
use super::problem::quote;

/// Bytes of chance in an id.
const ID: usize = 16;
/// Bytes that a picture takes beside its file: its id in hexadecimal, its size, its key, the links and the slot that it is found by.
const ENTRY: usize = 2 * ID + 200;

/// A store of encoded pictures, bounded by bytes and time. Clones share it.
#[derive(Clone)]
pub struct Images(Arc<Shared>);

struct Shared {
    kept: Mutex<Kept>,
    capacity: usize,
    lifetime: Duration,
    measured: CacheMetrics,
}

struct Kept {
    images: LruCache<String, Image, RandomState>,
    bytes: usize,
    /// Whether a task waits for the first one to expire.
    watched: bool,
}

struct Image {
    picture: Encoded,
    size: Size,
    used: Instant,
}

impl Images {
    /// A store of `capacity` bytes, whose pictures stay for `lifetime` after their last use.
    pub(super) fn new(capacity: usize, lifetime: Duration, metrics: &Metrics) -> Self {
        let images = LruCache::unbounded_with_hasher(RandomState::new());
        Self(Arc::new(Shared {
            kept: Mutex::new(Kept { images, bytes: 0, watched: false }),
            capacity,
            lifetime,
            measured: metrics.cache("images"),
        }))
    }

    /// Keeps a picture; returns its id. Call this in an async runtime, which sees to its expiry.
    pub(super) fn add(&self, picture: Encoded, size: Size) -> Result<String, Problem> {
        let shared = &self.0;
        if weight(&picture) > shared.capacity {
            return Err(Problem::TooLargeToKeep { limit: shared.capacity });
        }
        let id = new_id()?;
        let mut kept = shared.fresh();
        kept.bytes += weight(&picture);
        kept.images.put(id.clone(), Image { picture, size, used: Instant::now() });
        while kept.bytes > shared.capacity && kept.drop_oldest() {}
        shared.measured.bytes.set(kept.bytes as i64);
        if !std::mem::replace(&mut kept.watched, true) {
            tokio::spawn(watch(Arc::downgrade(shared), shared.lifetime));
        }
        Ok(id)
    }

    /// The picture that a request means.
    pub(super) fn open(&self, picture: Picture) -> Result<Encoded, Problem> {
        match picture {
            Picture::File(PictureFile(picture)) => Ok(picture),
            Picture::Id(id) => self.find(&id).ok_or_else(|| unknown(&id)),
        }
    }

    /// The size of a picture and how long it stays if nobody uses it. Neither its time nor the metrics count this as a use.
    pub(super) fn describe(&self, id: &str) -> Result<(Size, Duration), Problem> {
        let kept = self.0.fresh();
        let image = kept.images.peek(id).ok_or_else(|| unknown(id))?;
        Ok((image.size, self.0.lifetime.saturating_sub(image.used.elapsed())))
    }

    /// Forgets a picture.
    pub(super) fn remove(&self, id: &str) -> Result<(), Problem> {
        let mut kept = self.0.fresh();
        let image = kept.images.pop(id).ok_or_else(|| unknown(id))?;
        kept.bytes -= weight(&image.picture);
        self.0.measured.bytes.set(kept.bytes as i64);
        Ok(())
    }

    /// How long a picture stays after its last use.
    pub(super) fn lifetime(&self) -> Duration {
        self.0.lifetime
    }

    fn find(&self, id: &str) -> Option<Encoded> {
        // What no id looks like may be as long as a body, and must not be hashed while others wait.
        let found = if id.len() == 2 * ID { self.0.fresh().used(id) } else { None };
        let measured = &self.0.measured;
        if found.is_some() { &measured.hits } else { &measured.misses }.inc();
        found
    }
}

impl Shared {
    /// What is kept, without that whose time is over.
    fn fresh(&self) -> MutexGuard<'_, Kept> {
        let mut kept = self.lock();
        while kept.oldest().is_some_and(|used| used.elapsed() >= self.lifetime) && kept.drop_oldest() {}
        self.measured.bytes.set(kept.bytes as i64);
        kept
    }

    /// The store is whole even if a thread panicked while it held the lock: sums are changed together with what they count.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// When the one that was used least recently was used.
    fn oldest(&self) -> Option<Instant> {
        self.images.peek_lru().map(|(_, image)| image.used)
    }

    fn used(&mut self, id: &str) -> Option<Encoded> {
        let image = self.images.get_mut(id)?;
        image.used = Instant::now();
        Some(image.picture.clone())
    }

    /// Whether there was one to drop.
    fn drop_oldest(&mut self) -> bool {
        let oldest = self.images.pop_lru();
        self.bytes -= oldest.as_ref().map_or(0, |(_, image)| weight(&image.picture));
        oldest.is_some()
    }
}

/// Drops pictures when their time is over, also if nobody comes any more; ends when none is left.
async fn watch(shared: Weak<Shared>, lifetime: Duration) {
    let mut wait = lifetime;
    loop {
        tokio::time::sleep(wait).await;
        let Some(shared) = shared.upgrade() else { return };
        let mut kept = shared.fresh();
        match kept.oldest() {
            Some(used) => wait = lifetime.saturating_sub(used.elapsed()),
            None => {
                kept.watched = false;
                return;
            }
        }
    }
}

fn unknown(id: &str) -> Problem {
    Problem::UnknownPicture { id: quote(id) }
}

fn weight(picture: &Encoded) -> usize {
    picture.bytes().len() + ENTRY
}

fn new_id() -> Result<String, Problem> {
    let mut chance = [0; ID];
    SysRng
        .try_fill_bytes(&mut chance)
        .map_err(|error| Problem::Panic { message: format!("the system gives no random bytes: {error}") })?;
    Ok(hex(&chance))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);
    const SIZE: Size = Size { width: 5, height: 3 };

    fn picture(bytes: usize) -> Encoded {
        Encoded::from(vec![7; bytes])
    }

    fn open(images: &Images, id: &str) -> Result<Encoded, Problem> {
        images.open(Picture::Id(id.to_owned()))
    }

    fn bytes(metrics: &Metrics) -> i64 {
        metrics.cache("images").bytes.get()
    }

    #[tokio::test]
    async fn the_same_picture_gets_another_id_each_time_and_opens_under_each_until_it_is_removed() {
        let metrics = Metrics::new();
        let images = Images::new(10_000, LONG, &metrics);
        let ids = [images.add(picture(99), SIZE).unwrap(), images.add(picture(99), SIZE).unwrap()];
        assert!(ids[0] != ids[1] && ids.iter().all(|id| id.len() == 32));
        assert_eq!(open(&images, &ids[0]).unwrap(), picture(99));
        images.remove(&ids[0]).unwrap();
        for gone in [open(&images, &ids[0]).map(drop), images.remove(&ids[0])] {
            assert!(matches!(gone, Err(Problem::UnknownPicture { id }) if id == ids[0]));
        }
        assert_eq!(open(&images, &ids[1]).unwrap(), picture(99));
        assert_eq!(bytes(&metrics), weight(&picture(99)) as i64);
    }

    #[tokio::test]
    async fn the_one_used_least_recently_gives_way_and_what_never_fits_is_refused() {
        let metrics = Metrics::new();
        let images = Images::new(2 * weight(&picture(100)), LONG, &metrics);
        let [first, second] = [(); 2].map(|()| images.add(picture(100), SIZE).unwrap());
        open(&images, &first).unwrap();
        let third = images.add(picture(100), SIZE).unwrap();
        assert!(open(&images, &first).is_ok() && open(&images, &third).is_ok());
        assert!(open(&images, &second).is_err());
        let limit = 2 * weight(&picture(100));
        let refused = images.add(picture(limit), SIZE);
        assert!(matches!(refused, Err(Problem::TooLargeToKeep { limit: told }) if told == limit));
        assert_eq!(bytes(&metrics), limit as i64);
    }

    #[tokio::test]
    async fn to_describe_a_picture_is_no_use_of_it() {
        let metrics = Metrics::new();
        let images = Images::new(2 * weight(&picture(100)), LONG, &metrics);
        let [first, second] = [(); 2].map(|()| images.add(picture(100), SIZE).unwrap());
        let (size, left) = images.describe(&first).unwrap();
        assert!(size == SIZE && left <= LONG && left > LONG / 2);
        images.add(picture(100), SIZE).unwrap();
        let gone = images.describe(&first).unwrap_err();
        assert!(matches!(gone, Problem::UnknownPicture { id } if id == first));
        assert!(images.describe(&second).is_ok());
        let measured = metrics.cache("images");
        assert_eq!((measured.hits.get(), measured.misses.get()), (0, 0));
        let fleeting = Images::new(10_000, Duration::from_millis(2), &metrics);
        let id = fleeting.add(picture(100), SIZE).unwrap();
        while fleeting.describe(&id).is_ok() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_picture_whose_time_is_over_is_gone_though_nobody_asks() {
        let metrics = Metrics::new();
        let images = Images::new(10_000, Duration::from_millis(2), &metrics);
        let id = images.add(picture(100), SIZE).unwrap();
        while bytes(&metrics) > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(open(&images, &id), Err(Problem::UnknownPicture { .. })));
        let again = images.add(picture(100), SIZE).unwrap();
        assert!(again != id && bytes(&metrics) > 0, "a watch that has ended begins anew");
        while bytes(&metrics) > 0 {
            tokio::task::yield_now().await;
        }
    }
}
