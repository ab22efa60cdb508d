//! Tells when a request is due, from a thread of its own.
//!
//! The timers of an async runtime are true to a millisecond, which would be seen in the latencies; a sleeping thread is true to a
//! tenth of that, and how busy the client is doesn't move it.

use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::stop::Stop;

/// The longest sleep in one piece, so that a wish to stop is heard.
const PATIENCE: Duration = Duration::from_millis(50);

/// A request to send.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    /// When it is to be sent; its latency counts from here.
    pub intended: Instant,
    /// It is sent after the warm-up and belongs in the figures.
    pub counted: bool,
}

/// When the pace starts and how far it goes.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    pub begin: Instant,
    pub warmup: Duration,
    /// After the warm-up.
    pub duration: Option<Duration>,
    /// Counted requests at most.
    pub requests: Option<u64>,
}

impl Course {
    /// When counting starts.
    pub fn counting(&self) -> Instant {
        self.begin + self.warmup
    }

    pub fn end(&self) -> Option<Instant> {
        self.duration.map(|duration| self.counting() + duration)
    }
}

/// Requests at the times of a schedule; the channel closes at the end of the course, or when a stop is asked for.
pub fn start(
    schedule: impl Iterator<Item = Duration> + Send + 'static,
    course: Course,
    stop: Stop,
) -> UnboundedReceiver<Due> {
    let (send, receive) = unbounded_channel();
    thread::spawn(move || {
        let mut counted = 0;
        for offset in schedule {
            let intended = course.begin + offset;
            if course.end().is_some_and(|end| intended >= end) {
                break;
            }
            let due = Due { intended, counted: intended >= course.counting() };
            if !sleep_until(intended, &stop) || send.send(due).is_err() {
                return;
            }
            counted += u64::from(due.counted);
            if course.requests.is_some_and(|requests| counted >= requests) {
                return;
            }
        }
        if let Some(end) = course.end() {
            sleep_until(end, &stop);
        }
    });
    receive
}

/// Whether the time came before a wish to stop.
fn sleep_until(time: Instant, stop: &Stop) -> bool {
    loop {
        if stop.is_asked() {
            return false;
        }
        let left = time.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        thread::sleep(left.min(PATIENCE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(course: Course, stop: &Stop) -> Vec<Due> {
        let mut due = start((0..).map(|n| Duration::from_millis(5 * n)), course, stop.clone());
        std::iter::from_fn(|| due.blocking_recv()).collect()
    }

    fn course(begin: Instant) -> Course {
        Course { begin, warmup: Duration::from_millis(20), duration: None, requests: None }
    }

    #[test]
    fn requests_come_in_time_and_those_of_the_warm_up_do_not_count() {
        let begin = Instant::now();
        let due = all(Course { duration: Some(Duration::from_millis(30)), ..course(begin) }, &Stop::new());
        assert!(begin.elapsed() >= Duration::from_millis(50), "the course lasts to its end");
        let counted: Vec<_> = due.iter().map(|due| due.counted).collect();
        assert_eq!(counted, [[false; 4].as_slice(), &[true; 6]].concat());
        assert_eq!(due[7].intended, begin + Duration::from_millis(35));
    }

    #[test]
    fn a_number_of_requests_ends_it_whatever_the_warm_up_sent() {
        let due = all(Course { requests: Some(3), ..course(Instant::now()) }, &Stop::new());
        assert_eq!(due.len(), 4 + 3);
    }

    #[test]
    fn nothing_is_due_after_a_stop() {
        let stop = Stop::new();
        stop.ask();
        assert!(all(course(Instant::now()), &stop).is_empty());
    }
}
