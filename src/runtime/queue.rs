//! A bounded queue between async callers and OS threads: it refuses with a reason, and its closing is an answer too.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Shared lanes of work. What a lane is and which goes first is the business of the closures passed in; they run under the lock and
/// must be short.
#[derive(Debug)]
pub(super) struct Queue<L> {
    state: Mutex<State<L>>,
    arrived: Condvar,
}

#[derive(Debug)]
struct State<L> {
    lanes: L,
    closed: bool,
    /// Threads that wait for work.
    idle: usize,
}

/// Why the queue didn't take an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Full,
    Closed,
}

/// What a thread finds when it looks for work.
pub(super) enum Next<W> {
    Work(W),
    /// Nothing yet; look again after this time at the latest.
    Wait(Option<Duration>),
}

/// What a thread that looks for work should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outlook {
    /// Other threads that are free.
    pub idle: usize,
    /// Nothing more will arrive.
    pub closed: bool,
}

impl<L> Queue<L> {
    pub fn new(lanes: L) -> Self {
        Self { state: Mutex::new(State { lanes, closed: false, idle: 0 }), arrived: Condvar::new() }
    }

    /// Puts one item in with `put`, which says whether there was room.
    pub fn push(&self, put: impl FnOnce(&mut L) -> bool) -> Result<(), Refused> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        if !put(&mut state.lanes) {
            return Err(Refused::Full);
        }
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Puts in the items that work which was taken out has led to; the thread that brings them looks for work next. A closed queue takes
    /// them, too: they belong to what was accepted.
    pub fn pass_on<T>(&self, items: Vec<T>, mut put: impl FnMut(&mut L, T)) {
        if items.is_empty() {
            return;
        }
        let mut state = self.lock();
        // One of them is for the thread that brings them.
        let helpers = (items.len() - 1).min(state.idle);
        items.into_iter().for_each(|item| put(&mut state.lanes, item));
        drop(state);
        (0..helpers).for_each(|_| self.arrived.notify_one());
    }

    /// Waits for work and takes it; `None` when the queue is closed and `next` finds nothing more.
    pub fn take<W>(&self, mut next: impl FnMut(&mut L, Outlook) -> Next<W>) -> Option<W> {
        let mut state = self.lock();
        loop {
            let outlook = Outlook { idle: state.idle, closed: state.closed };
            match next(&mut state.lanes, outlook) {
                Next::Work(work) => return Some(work),
                Next::Wait(_) if state.closed => return None,
                Next::Wait(time) => {
                    state.idle += 1;
                    state = match time {
                        None => self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner),
                        Some(time) => {
                            self.arrived.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
                        }
                    };
                    state.idle -= 1;
                }
            }
        }
    }

    /// Threads that wait for work.
    pub fn idle(&self) -> usize {
        self.lock().idle
    }

    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Takes no more items; those inside are still handed out.
    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// The lanes are whole even if a thread panicked while it held the lock: every closure changes them in single steps.
    fn lock(&self) -> MutexGuard<'_, State<L>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;
    use std::thread;

    use super::*;

    type Numbers = Queue<VecDeque<u32>>;

    fn put(queue: &Numbers, number: u32, bound: usize) -> Result<(), Refused> {
        queue.push(|lane| {
            let room = lane.len() < bound;
            if room {
                lane.push_back(number);
            }
            room
        })
    }

    fn take(queue: &Numbers) -> Option<u32> {
        queue.take(|lane, _| lane.pop_front().map_or(Next::Wait(None), Next::Work))
    }

    #[test]
    fn what_work_has_led_to_is_handed_out_by_a_closed_queue_too() {
        let queue = Queue::new(VecDeque::new());
        put(&queue, 1, 9).unwrap();
        assert_eq!(take(&queue), Some(1));
        queue.close();
        queue.pass_on(vec![2, 3], |lane: &mut VecDeque<u32>, number| lane.push_back(number));
        assert_eq!([take(&queue), take(&queue), take(&queue)], [Some(2), Some(3), None]);
    }

    #[test]
    fn threads_that_wait_help_with_what_work_has_led_to() {
        let queue = Arc::new(Queue::new(VecDeque::new()));
        let waiting = thread::spawn({
            let queue = Arc::clone(&queue);
            move || take(&queue)
        });
        while queue.idle() == 0 {
            thread::yield_now();
        }
        queue.pass_on(vec![1, 2], |lane: &mut VecDeque<u32>, number| lane.push_back(number));
        assert!(waiting.join().unwrap().is_some());
        assert!(take(&queue).is_some());
    }

    #[test]
    fn a_full_queue_and_a_closed_one_say_which_they_are() {
        let queue = Queue::new(VecDeque::new());
        assert_eq!(put(&queue, 1, 1), Ok(()));
        assert_eq!(put(&queue, 2, 1), Err(Refused::Full));
        queue.close();
        assert_eq!(put(&queue, 3, 9), Err(Refused::Closed));
    }

    #[test]
    fn what_was_accepted_is_handed_out_after_closing() {
        let queue = Queue::new(VecDeque::new());
        put(&queue, 1, 9).unwrap();
        put(&queue, 2, 9).unwrap();
        queue.close();
        assert_eq!([take(&queue), take(&queue), take(&queue)], [Some(1), Some(2), None]);
    }

    #[test]
    fn closing_wakes_every_waiting_thread() {
        let queue = Arc::new(Numbers::new(VecDeque::new()));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || take(&queue))
            })
            .collect();
        queue.close();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), None);
        }
    }

    #[test]
    fn many_threads_take_every_item_once() {
        let queue = Arc::new(Numbers::new(VecDeque::new()));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let queue = Arc::clone(&queue);
                thread::spawn(move || std::iter::from_fn(|| take(&queue)).collect::<Vec<_>>())
            })
            .collect();
        (0..1000).for_each(|number| put(&queue, number, usize::MAX).unwrap());
        queue.close();
        let mut taken: Vec<u32> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        taken.sort_unstable();
        assert_eq!(taken, (0..1000).collect::<Vec<_>>());
    }

    #[test]
    fn a_wait_with_a_time_ends_by_itself() {
        let queue = Queue::new(VecDeque::<u32>::new());
        let mut looks = 0;
        let found = queue.take(|_, _| {
            looks += 1;
            if looks == 3 { Next::Work(looks) } else { Next::Wait(Some(Duration::from_micros(1))) }
        });
        assert_eq!(found, Some(3));
    }
}
