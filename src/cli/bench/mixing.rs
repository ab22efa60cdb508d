//! Whether queries of all tasks should share batches or wait in a queue per task: the same stream, cut both ways.

use std::fmt::Write;
use std::mem::discriminant;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::runtime::{Bare, Seen, Timing};
use crate::types::Query;

use super::super::exit::Failure;
use super::super::output::print;
use super::TURNS;
use super::samples;

/// Queries that wait when a batch is cut.
const BACKLOGS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

type Waiting<'a> = (Arc<Seen>, &'a Query);

/// Prints a line per backlog. Pictures are seen before, because they wait in one queue either way.
pub fn run(bare: &mut Bare, time: Duration) -> Result<(), Failure> {
    let mut seen = Vec::new();
    for sample in samples::draw()? {
        seen.extend(bare.see(&[&sample.picture], &Timing::default())?);
    }
    let queries: Vec<Query> = samples::mixed_queries().take(4 * seen.len()).collect();
    let stream: Vec<Waiting> = seen.into_iter().cycle().zip(&queries).collect();
    print(&heading())?;
    for backlog in BACKLOGS {
        let (mut mixed, mut apart) = (Drained::default(), Drained::default());
        for _ in 0..TURNS {
            mixed.absorb(&drain(bare, &stream, backlog, time / TURNS, |waiting| vec![waiting.to_vec()])?);
            apart.absorb(&drain(bare, &stream, backlog, time / TURNS, by_task)?);
        }
        print(&line(backlog, &mixed, &apart))?;
    }
    Ok(())
}

/// What a way of cutting gave.
#[derive(Debug, Default)]
struct Drained {
    queries: usize,
    batches: usize,
    seconds: f64,
}

impl Drained {
    fn absorb(&mut self, other: &Self) {
        self.queries += other.queries;
        self.batches += other.batches;
        self.seconds += other.seconds;
    }

    fn per_second(&self) -> f64 {
        self.queries as f64 / self.seconds
    }

    fn per_batch(&self) -> f64 {
        self.queries as f64 / self.batches.max(1) as f64
    }
}

/// Takes `backlog` queries after `backlog` queries from the stream, each time all that wait in the queues that `queues` makes of them.
fn drain<'a>(
    bare: &mut Bare,
    stream: &[Waiting<'a>],
    backlog: usize,
    time: Duration,
    queues: impl Fn(&[Waiting<'a>]) -> Vec<Vec<Waiting<'a>>>,
) -> Result<Drained, Failure> {
    let timing = Timing::default();
    let mut drained = Drained::default();
    let begun = Instant::now();
    for waiting in stream.chunks(backlog).cycle().take_while(|_| begun.elapsed() < time) {
        for queue in queues(waiting) {
            drained.batches += bare.drain(&queue, &timing)?;
        }
        drained.queries += waiting.len();
    }
    drained.seconds = begun.elapsed().as_secs_f64();
    Ok(drained)
}

fn by_task<'a>(waiting: &[Waiting<'a>]) -> Vec<Vec<Waiting<'a>>> {
    let mut queues: Vec<Vec<Waiting>> = Vec::new();
    for (picture, query) in waiting {
        let same_task = |queue: &&mut Vec<Waiting>| discriminant(queue[0].1) == discriminant(*query);
        match queues.iter_mut().find(same_task) {
            Some(queue) => queue.push((Arc::clone(picture), *query)),
            None => queues.push(vec![(Arc::clone(picture), *query)]),
        }
    }
    queues
}

fn heading() -> String {
    format!(
        "{:>8}{:>14}{:>12}{:>18}{:>12}{:>10}\n",
        "waiting", "one queue /s", "per batch", "queue per task /s", "per batch", "ratio"
    )
}

fn line(backlog: usize, mixed: &Drained, apart: &Drained) -> String {
    let mut text = format!("{backlog:>8}");
    for (drained, width) in [(mixed, 14), (apart, 18)] {
        // Writing to a String can't fail.
        let _ = write!(text, "{:>width$.1}{:>12.1}", drained.per_second(), drained.per_batch());
    }
    let _ = writeln!(text, "{:>10.2}", mixed.per_second() / apart.per_second());
    text
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::bundle::Bundle;
    use crate::runtime::Settings;

    #[test]
    fn both_ways_answer_the_whole_stream_and_a_queue_per_task_holds_one_task() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models/shapes");
        let mut bare = Bare::load(&Bundle::open(&folder).unwrap(), &Settings::default()).unwrap();
        let mut picture = Cursor::new(Vec::new());
        image::RgbImage::new(32, 32).write_to(&mut picture, image::ImageFormat::Png).unwrap();
        let seen = bare.see(&[picture.get_ref()], &Timing::default()).unwrap().remove(0);
        let queries: Vec<Query> = samples::mixed_queries().take(40).collect();
        let waiting: Vec<Waiting> = queries.iter().map(|query| (Arc::clone(&seen), query)).collect();
        let queues = by_task(&waiting);
        assert_eq!(queues.len(), 4);
        assert_eq!(queues.iter().map(Vec::len).sum::<usize>(), 40);
        assert!(queues.iter().all(|queue| {
            queue.iter().all(|(_, query)| discriminant(*query) == discriminant(queue[0].1))
        }));
        let timing = Timing::default();
        let together = bare.drain(&waiting, &timing).unwrap();
        let apart: usize = queues.iter().map(|queue| bare.drain(queue, &timing).unwrap()).sum();
        assert_eq!((together, apart), (4, 8), "batches of sixteen at most, of about one length");
    }
}
