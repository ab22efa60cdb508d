//! How far a command is: a bar on a terminal, a plain line every few seconds elsewhere. Both on the standard error.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::output::complain;

/// Time between plain lines.
const EVERY: Duration = Duration::from_secs(5);

/// Progress through a known number of things; shared between threads by reference.
#[derive(Debug)]
pub struct Progress(Shown);

#[derive(Debug)]
enum Shown {
    Bar { bar: ProgressBar, from: u64 },
    Lines(Mutex<Lines>),
}

impl Progress {
    /// `label` says what is done, `unit` to what, in the plural, as in `Progress::new("reading", 500, "pictures")`.
    pub fn new(label: &str, total: u64, unit: &str) -> Self {
        Self::resumed(label, 0, total, unit)
    }

    /// As [`new`](Self::new), where the first `from` were done before; they count for nothing in the rate.
    pub fn resumed(label: &str, from: u64, total: u64, unit: &str) -> Self {
        if !io::stderr().is_terminal() {
            let lines = Lines { from, done: from, ..Lines::new(label, total, unit, Instant::now()) };
            return Self(Shown::Lines(Mutex::new(lines)));
        }
        let template = "{prefix} {wide_bar} {pos}/{len} {msg}, {per_sec}, {eta} left";
        let style = ProgressStyle::with_template(template).expect("the template is well-formed");
        let bar = ProgressBar::new(total).with_style(style).with_position(from);
        Self(Shown::Bar { bar: bar.with_prefix(label.to_owned()).with_message(unit.to_owned()), from })
    }

    /// `count` more are done.
    pub fn advance(&self, count: u64) {
        match &self.0 {
            Shown::Bar { bar, .. } => bar.inc(count),
            Shown::Lines(lines) => tell(lock(lines).advance(count, Instant::now())),
        }
    }

    /// Prints a line without disturbing the bar.
    pub fn note(&self, text: &str) {
        match &self.0 {
            Shown::Bar { bar, .. } => bar.suspend(|| complain(text)),
            Shown::Lines(_) => complain(text),
        }
    }

    /// Ends with a line that says how many were done in what time.
    pub fn finish(&self) {
        match &self.0 {
            Shown::Bar { bar, from } => {
                bar.finish_and_clear();
                let done = bar.position().saturating_sub(*from);
                complain(&summary(&bar.prefix(), done, &bar.message(), bar.elapsed()));
            }
            Shown::Lines(lines) => complain(&lock(lines).finish(Instant::now())),
        }
    }
}

fn tell(line: Option<String>) {
    if let Some(line) = line {
        complain(&line);
    }
}

/// A thread that panicked while it counted leaves a count that is still good enough to show.
fn lock(lines: &Mutex<Lines>) -> std::sync::MutexGuard<'_, Lines> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The plain lines; the time is given from outside.
#[derive(Debug)]
struct Lines {
    label: String,
    unit: String,
    total: u64,
    /// Done before, and done in all.
    from: u64,
    done: u64,
    started: Instant,
    told: Instant,
}

impl Lines {
    fn new(label: &str, total: u64, unit: &str, now: Instant) -> Self {
        Self {
            label: label.to_owned(),
            unit: unit.to_owned(),
            total,
            from: 0,
            done: 0,
            started: now,
            told: now,
        }
    }

    /// Counts, and gives a line if one is due.
    fn advance(&mut self, count: u64, now: Instant) -> Option<String> {
        self.done += count;
        if now.duration_since(self.told) < EVERY {
            return None;
        }
        self.told = now;
        let elapsed = now.duration_since(self.started).as_secs_f64();
        let rate = (self.done - self.from) as f64 / elapsed;
        let percent = 100.0 * self.done as f64 / self.total.max(1) as f64;
        let left = self.total.saturating_sub(self.done) as f64 / rate;
        let left = Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX);
        let Self { label, done, total, unit, .. } = self;
        Some(format!(
            "{label}: {done}/{total} {unit} ({percent:.0} %), {rate:.1}/s, {:#} left",
            HumanDuration(left)
        ))
    }

    fn finish(&self, now: Instant) -> String {
        summary(&self.label, self.done - self.from, &self.unit, now.duration_since(self.started))
    }
}

fn summary(label: &str, done: u64, unit: &str, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    // Below a microsecond the rate would say nothing.
    let rate = done as f64 / seconds.max(1e-6);
    format!("{label}: {done} {unit} in {seconds:.1} s ({rate:.1}/s)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_told_every_few_seconds_with_rate_and_time_left() {
        let start = Instant::now();
        let mut lines = Lines::new("reading", 1_000, "pictures", start);
        assert_eq!(lines.advance(50, start + Duration::from_secs(4)), None);
        let line = lines.advance(50, start + Duration::from_secs(5)).unwrap();
        assert_eq!(line, "reading: 100/1000 pictures (10 %), 20.0/s, 45s left");
        assert_eq!(lines.advance(1, start + Duration::from_secs(9)), None);
        assert!(lines.advance(1, start + Duration::from_secs(10)).is_some());
        assert_eq!(lines.finish(start + Duration::from_secs(10)), "reading: 102 pictures in 10.0 s (10.2/s)");
    }

    #[test]
    fn what_was_done_before_counts_for_nothing_in_the_rate() {
        let start = Instant::now();
        let mut lines = Lines { from: 400, done: 400, ..Lines::new("x", 1_000, "steps", start) };
        let line = lines.advance(100, start + Duration::from_secs(5)).unwrap();
        assert_eq!(line, "x: 500/1000 steps (50 %), 20.0/s, 25s left");
        assert_eq!(lines.finish(start + Duration::from_secs(10)), "x: 100 steps in 10.0 s (10.0/s)");
    }

    #[test]
    fn nothing_done_yet_has_no_end_in_sight_and_no_panic() {
        let start = Instant::now();
        let mut lines = Lines::new("x", 0, "things", start);
        assert!(lines.advance(0, start + EVERY).is_some());
        let mut lines = Lines::new("x", 9, "things", start);
        assert!(lines.advance(0, start + EVERY).is_some());
    }

    #[test]
    fn threads_share_one_count() {
        let progress = Progress(Shown::Lines(Mutex::new(Lines::new("x", 400, "things", Instant::now()))));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| progress.advance(1)));
            }
        });
        let Shown::Lines(lines) = &progress.0 else { unreachable!("plain lines were made above") };
        assert_eq!(lock(lines).done, 400);
    }
}
