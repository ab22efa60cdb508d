//! What the stages made of pictures and texts, kept for the calls that need it again: bounded by bytes, the least recently used goes
//! first, and what several calls need at the same time is computed once.
//!
//! A cache belongs to one engine, and an engine to one bundle; so the bundle's fingerprint is part of every key without standing in it.
//!
//! The order of use is kept by `lru`, which is that and nothing more. Caches that also compute were looked at and not taken: `moka`
//! hands an error of the one that computes to all who wait, and here that error may be no more than that one's deadline; `quick_cache`
//! lets the next one compute instead, as is done here, but gives up the order of use for an approximation.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use lru::LruCache;
use tokio::sync::OnceCell;

use crate::metrics::{CacheMetrics, Metrics};

use super::call::{Call, Phase};
use super::error::Error;
use super::weighed::Weighed;

/// Bytes that an entry takes beside its key and its value: the links of the list, the slot in the table at its mean load, the counters
/// in front of a shared value, and what the allocator adds to the two pieces.
const ENTRY: usize = 96;

/// Values by their keys.
pub(super) struct Cache<K: Hash + Eq, V: Weighed> {
    /// Held for look-ups and changes only, never while anything is computed.
    state: Mutex<State<K, V>>,
    /// Bytes; 0 keeps nothing and lets every call compute for itself.
    capacity: usize,
    measured: CacheMetrics,
    metrics: Arc<Metrics>,
}

struct State<K: Hash + Eq, V> {
    held: LruCache<K, Arc<V>, RandomState>,
    bytes: usize,
    flights: HashMap<K, Flight<V>>,
}

/// A value that calls are waiting for. One of them computes it; if that one fails or departs, the cell has the next one try.
struct Flight<V> {
    cell: Arc<OnceCell<Arc<V>>>,
    /// Calls that wait, the one that computes counted.
    aboard: usize,
}

/// What a call finds.
enum Found<'a, K: Weighed + Hash + Eq + Clone, V: Weighed> {
    Held(Arc<V>),
    Awaited(Seat<'a, K, V>),
}

/// A call's place in a flight; the flight ends when the last one leaves.
struct Seat<'a, K: Weighed + Hash + Eq + Clone, V: Weighed> {
    cache: &'a Cache<K, V>,
    key: K,
    cell: Arc<OnceCell<Arc<V>>>,
}

impl<K: Weighed + Hash + Eq + Clone, V: Weighed> Cache<K, V> {
    /// `name` is the label of its metrics.
    pub fn new(name: &str, capacity: usize, metrics: &Arc<Metrics>) -> Self {
        let held = LruCache::unbounded_with_hasher(RandomState::new());
        Self {
            state: Mutex::new(State { held, bytes: 0, flights: HashMap::new() }),
            capacity,
            measured: metrics.cache(name),
            metrics: Arc::clone(metrics),
        }
    }

    /// The value of `key` if it is held.
    pub fn find<Q>(&self, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let found = self.lock().held.get(key).cloned();
        if found.is_some() {
            self.measured.hits.inc();
        }
        found
    }

    /// The value of `key`: held, or computed by another call at this moment, or by `compute`.
    ///
    /// Errors are not kept. A call waits until its own deadline, and no call fails because the one that computes does: the next one
    /// that waits computes anew.
    pub async fn get<F, W>(&self, key: &K, call: &Call, compute: F) -> Result<Arc<V>, Error>
    where
        F: FnOnce() -> W,
        W: Future<Output = Result<Arc<V>, Error>>,
    {
        if self.capacity == 0 {
            return compute().await;
        }
        let seat = match self.look_up(key) {
            Found::Held(value) => {
                self.measured.hits.inc();
                return Ok(value);
            }
            Found::Awaited(seat) => seat,
        };
        let begun = Instant::now();
        let mut computes = false;
        let own = &mut computes;
        let value = seat.cell.get_or_try_init(move || async move {
            *own = true;
            self.measured.misses.inc();
            let value = compute().await?;
            self.keep(key.clone(), Arc::clone(&value));
            Ok(value)
        });
        let value = Arc::clone(call.in_time(value, &self.metrics).await?);
        if !computes {
            self.measured.hits.inc();
            call.timing.add(Phase::Queue, begun.elapsed());
        }
        Ok(value)
    }

    /// Keeps a value that was computed without asking here.
    pub fn add(&self, key: K, value: Arc<V>) {
        if self.capacity > 0 {
            self.measured.misses.inc();
            self.keep(key, value);
        }
    }

    fn look_up(&self, key: &K) -> Found<'_, K, V> {
        let mut state = self.lock();
        if let Some(value) = state.held.get(key) {
            return Found::Held(Arc::clone(value));
        }
        let flight = state
            .flights
            .entry(key.clone())
            .or_insert_with(|| Flight { cell: Arc::new(OnceCell::new()), aboard: 0 });
        flight.aboard += 1;
        Found::Awaited(Seat { cache: self, key: key.clone(), cell: Arc::clone(&flight.cell) })
    }

    /// A value that takes more than all there is is not kept, and nothing gives way to it.
    fn keep(&self, key: K, value: Arc<V>) {
        let bytes = weight(&key, &*value);
        if bytes > self.capacity {
            return;
        }
        let mut state = self.lock();
        let before = state.bytes;
        if let Some((key, former)) = state.held.push(key, value) {
            state.bytes -= weight(&key, &*former);
        }
        state.bytes += bytes;
        while state.bytes > self.capacity
            && let Some((key, oldest)) = state.held.pop_lru()
        {
            state.bytes -= weight(&key, &*oldest);
        }
        // Other engines of the process have their part in the gauge.
        self.measured.bytes.add(state.bytes as i64 - before as i64);
    }
}

impl<K: Hash + Eq, V: Weighed> Cache<K, V> {
    /// The state is whole even if a thread panicked while it held the lock: sums are changed together with what they count.
    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq, V: Weighed> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Cache").field("held", &state.held.len()).field("bytes", &state.bytes).finish()
    }
}

impl<K: Hash + Eq, V: Weighed> Drop for Cache<K, V> {
    fn drop(&mut self) {
        let bytes = self.lock().bytes;
        self.measured.bytes.sub(bytes as i64);
    }
}

impl<K: Weighed + Hash + Eq + Clone, V: Weighed> Drop for Seat<'_, K, V> {
    fn drop(&mut self) {
        let mut state = self.cache.lock();
        if let Some(flight) = state.flights.get_mut(&self.key) {
            flight.aboard -= 1;
            if flight.aboard == 0 {
                state.flights.remove(&self.key);
            }
        }
    }
}

fn weight<K: Weighed, V: Weighed>(key: &K, value: &V) -> usize {
    key.bytes() + value.bytes() + ENTRY
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::sync::Notify;

    use super::super::call::tests::call;
    use super::*;
    use crate::metrics::Rejection;

    /// A value of so many bytes.
    #[derive(Debug, PartialEq)]
    struct Value(usize);

    impl Weighed for Value {
        fn bytes(&self) -> usize {
            self.0
        }
    }

    type Texts = Cache<Arc<str>, Value>;

    fn key(text: &str) -> Arc<str> {
        Arc::from(text)
    }

    /// A cache that has room for so many values of a hundred bytes under keys of one letter.
    fn with_room_for(values: usize) -> (Arc<Texts>, Arc<Metrics>) {
        let metrics = Arc::new(Metrics::new());
        let each = weight(&key("a"), &Value(100));
        (Arc::new(Cache::new("texts", values * each, &metrics)), metrics)
    }

    fn measured(metrics: &Metrics) -> (u64, u64) {
        let cache = metrics.cache("texts");
        (cache.hits.get(), cache.misses.get())
    }

    fn holds(cache: &Texts, keys: &str) -> Vec<bool> {
        keys.chars().map(|key| cache.find(key.to_string().as_str()).is_some()).collect()
    }

    /// A computation that has begun when `begun` says so, and ends when `go` does.
    #[derive(Clone, Default)]
    struct Gate {
        begun: Arc<Notify>,
        go: Arc<Notify>,
        count: Arc<AtomicUsize>,
    }

    impl Gate {
        async fn compute(self) -> Result<Arc<Value>, Error> {
            self.count.fetch_add(1, Ordering::Relaxed);
            self.begun.notify_one();
            self.go.notified().await;
            Ok(Arc::new(Value(100)))
        }

        /// A call for the letter `a` in a task of its own.
        fn ask(
            &self,
            cache: &Arc<Texts>,
            deadline: Option<Instant>,
        ) -> tokio::task::JoinHandle<Result<Arc<Value>, Error>> {
            let (cache, gate) = (Arc::clone(cache), self.clone());
            tokio::spawn(async move { cache.get(&key("a"), &call(deadline), || gate.compute()).await })
        }
    }

    /// Waits until so many calls wait for the letter `a`.
    async fn until_aboard(cache: &Texts, calls: usize) {
        while cache.lock().flights.get("a").map_or(0, |flight| flight.aboard) != calls {
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn the_least_recently_used_gives_way_when_the_bytes_are_used_up() {
        let (cache, metrics) = with_room_for(3);
        for letter in ["a", "b", "c"] {
            cache.add(key(letter), Arc::new(Value(100)));
        }
        assert!(cache.find("a").is_some());
        cache.add(key("d"), Arc::new(Value(100)));
        assert_eq!(holds(&cache, "abcd"), [true, false, true, true]);
        let full = metrics.cache("texts").bytes.get();
        assert_eq!(full as usize, cache.capacity);
        cache.add(key("e"), Arc::new(Value(101)));
        assert_eq!(holds(&cache, "acde"), [false, false, true, true], "a byte more takes the room of two");
        assert!(metrics.cache("texts").bytes.get() < full);
        drop(cache);
        assert_eq!(metrics.cache("texts").bytes.get(), 0);
    }

    #[test]
    fn what_is_larger_than_everything_is_not_kept_and_what_is_kept_again_counts_once() {
        let (cache, metrics) = with_room_for(2);
        cache.add(key("a"), Arc::new(Value(100)));
        let one = metrics.cache("texts").bytes.get();
        cache.add(key("b"), Arc::new(Value(10_000)));
        cache.add(key("a"), Arc::new(Value(100)));
        assert_eq!((holds(&cache, "ab"), metrics.cache("texts").bytes.get()), (vec![true, false], one));
    }

    #[tokio::test]
    async fn a_cache_of_no_bytes_lets_everyone_compute_and_counts_nothing() {
        let (cache, metrics) = with_room_for(0);
        for _ in 0..2 {
            assert_eq!(
                *cache.get(&key("a"), &call(None), || async { Ok(Arc::new(Value(7))) }).await.unwrap(),
                Value(7)
            );
        }
        cache.add(key("a"), Arc::new(Value(7)));
        assert_eq!((cache.find("a"), measured(&metrics)), (None, (0, 0)));
    }

    #[tokio::test]
    async fn calls_at_the_same_time_compute_once_and_later_ones_not_at_all() {
        let (cache, metrics) = with_room_for(3);
        let gate = Gate::default();
        let asked: Vec<_> = (0..5).map(|_| gate.ask(&cache, None)).collect();
        until_aboard(&cache, 5).await;
        gate.go.notify_one();
        for task in asked {
            assert_eq!(*task.await.unwrap().unwrap(), Value(100));
        }
        gate.ask(&cache, None).await.unwrap().unwrap();
        assert_eq!((gate.count.load(Ordering::Relaxed), measured(&metrics)), (1, (5, 1)));
        assert!(cache.lock().flights.is_empty());
    }

    #[tokio::test]
    async fn when_the_one_that_computes_departs_another_takes_over() {
        let (cache, _) = with_room_for(3);
        let gate = Gate::default();
        let departs = gate.ask(&cache, None);
        gate.begun.notified().await;
        let waits = [gate.ask(&cache, None), gate.ask(&cache, None)];
        until_aboard(&cache, 3).await;
        departs.abort();
        gate.begun.notified().await;
        gate.go.notify_one();
        for task in waits {
            assert_eq!(*task.await.unwrap().unwrap(), Value(100));
        }
        assert_eq!(gate.count.load(Ordering::Relaxed), 2);
        assert!(departs.await.unwrap_err().is_cancelled() && cache.lock().flights.is_empty());
    }

    #[tokio::test]
    async fn a_deadline_ends_only_its_own_call_whether_that_computes_or_waits() {
        let (cache, metrics) = with_room_for(3);
        let gate = Gate::default();
        let soon = || Some(Instant::now() + Duration::from_millis(5));
        let computes = gate.ask(&cache, soon());
        gate.begun.notified().await;
        let takes_over = gate.ask(&cache, None);
        assert!(matches!(computes.await.unwrap(), Err(Error::Expired)));
        gate.begun.notified().await;
        let waits = gate.ask(&cache, soon());
        assert!(matches!(waits.await.unwrap(), Err(Error::Expired)));
        gate.go.notify_one();
        assert_eq!(*takes_over.await.unwrap().unwrap(), Value(100));
        assert_eq!((gate.count.load(Ordering::Relaxed), metrics.rejections(Rejection::Expired)), (2, 2));
    }

    #[tokio::test]
    async fn an_error_is_told_to_its_own_call_and_not_kept() {
        let (cache, metrics) = with_room_for(3);
        let failed = cache.get(&key("a"), &call(None), || async { Err(Error::Draining) }).await;
        assert!(matches!(failed, Err(Error::Draining)) && cache.lock().flights.is_empty());
        let anew = cache.get(&key("a"), &call(None), || async { Ok(Arc::new(Value(1))) }).await;
        assert_eq!((*anew.unwrap() == Value(1), measured(&metrics)), (true, (0, 2)));
    }
}
