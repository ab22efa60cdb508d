//! Pictures per second, from JPEG bytes to an answer: in a bare loop, through the engine, over HTTP.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::bundle::Bundle;
use crate::eval::{Server, Upload};
use crate::runtime::{Bare, Engine, Phase, Settings, Timing, processors};

use super::super::exit::Failure;
use super::cpu;
use super::samples::Sample;

/// What a measurement gave.
#[derive(Debug, Default)]
pub struct Measured {
    pub pictures: usize,
    pub seconds: f64,
    /// Processor time of the whole process.
    pub cpu: f64,
    /// Time by phase, of all pictures together; not known over HTTP.
    pub timing: Timing,
}

impl Measured {
    pub fn per_second(&self) -> f64 {
        self.pictures as f64 / self.seconds
    }

    /// Milliseconds of processor time per picture.
    pub fn cpu_ms(&self) -> f64 {
        self.cpu * 1e3 / self.pictures.max(1) as f64
    }

    /// Milliseconds of one thread per picture; a batch's whole time counts for each picture in it.
    pub fn phase_ms(&self, phase: Phase) -> f64 {
        self.timing.get(phase).as_secs_f64() * 1e3 / self.pictures.max(1) as f64
    }

    /// Adds a measurement of the same thing.
    pub fn absorb(&mut self, other: &Self) {
        self.pictures += other.pictures;
        self.seconds += other.seconds;
        self.cpu += other.cpu;
        self.timing.absorb(&other.timing);
    }
}

/// Plain loops over the stages, on as many threads as the engine has executors.
pub struct BareLoops(Vec<Bare>);

impl BareLoops {
    pub fn load(bundle: &Bundle, settings: &Settings) -> Result<Self, Failure> {
        let count = settings.executors.unwrap_or_else(processors).get();
        let loops: Result<Vec<Bare>, _> = (0..count).map(|_| Bare::load(bundle, settings)).collect();
        Ok(Self(loops?))
    }

    /// Every thread answers batches of `rows` pictures, one after the other.
    pub fn run(&mut self, rows: usize, samples: &[Sample], time: Duration) -> Result<Measured, Failure> {
        let timing = Timing::default();
        let loops = self.0.len();
        let begun = Begun::now();
        let pictures = thread::scope(|scope| {
            let threads: Vec<_> = self
                .0
                .iter_mut()
                .enumerate()
                .map(|(index, bare)| {
                    let timing = &timing;
                    scope.spawn(move || -> Result<usize, Failure> {
                        let mut own = samples.iter().cycle().skip(index * samples.len() / loops);
                        let mut done = 0;
                        while begun.elapsed() < time {
                            let batch: Vec<_> = own
                                .by_ref()
                                .take(rows)
                                .map(|sample| (sample.picture.as_slice(), &sample.query))
                                .collect();
                            bare.answer(&batch, timing)?;
                            done += rows;
                        }
                        Ok(done)
                    })
                })
                .collect();
            threads.into_iter().map(joined).sum::<Result<usize, Failure>>()
        })?;
        Ok(begun.end(pictures, timing))
    }
}

/// The engine, asked by so many callers at once, each with its next question as soon as it has an answer.
pub fn engine(
    engine: &Engine,
    callers: usize,
    samples: &Arc<Vec<Sample>>,
    time: Duration,
) -> Result<Measured, Failure> {
    let threads = tokio::runtime::Builder::new_multi_thread().enable_time().build()?;
    let begun = Begun::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (engine, samples) = (engine.clone(), Arc::clone(samples));
            threads.spawn(async move {
                let (mut done, timing) = (0, Timing::default());
                let mut own = samples.iter().cycle().skip(caller * samples.len() / callers);
                while let Some(sample) = own.next().filter(|_| begun.elapsed() < time) {
                    let call = engine.admit(None)?;
                    engine.answer(sample.picture.clone(), &sample.query, &call).await?;
                    timing.absorb(call.timing());
                    done += 1;
                }
                Ok::<_, crate::runtime::Error>((done, timing))
            })
        })
        .collect();
    let (mut pictures, timing) = (0, Timing::default());
    for task in tasks {
        let (done, spent) = threads.block_on(task)??;
        timing.absorb(&spent);
        pictures += done;
    }
    Ok(begun.end(pictures, timing))
}

/// A server, asked over so many connections at once.
pub fn http(
    server: &Server,
    connections: usize,
    uploads: &[Upload],
    time: Duration,
) -> Result<Measured, Failure> {
    let begun = Begun::now();
    let pictures = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|connection| {
                scope.spawn(move || -> Result<usize, Failure> {
                    let mut own = uploads.iter().cycle().skip(connection * uploads.len() / connections);
                    let mut done = 0;
                    while let Some(upload) = own.next().filter(|_| begun.elapsed() < time) {
                        server.send(upload)?;
                        done += 1;
                    }
                    Ok(done)
                })
            })
            .collect();
        threads.into_iter().map(joined).sum::<Result<usize, Failure>>()
    })?;
    Ok(begun.end(pictures, Timing::default()))
}

/// When a measurement began, by the clock and by the processor.
#[derive(Clone, Copy)]
struct Begun {
    at: Instant,
    cpu: f64,
}

impl Begun {
    fn now() -> Self {
        Self { at: Instant::now(), cpu: cpu::seconds() }
    }

    fn elapsed(&self) -> Duration {
        self.at.elapsed()
    }

    fn end(self, pictures: usize, timing: Timing) -> Measured {
        Measured { pictures, seconds: self.elapsed().as_secs_f64(), cpu: cpu::seconds() - self.cpu, timing }
    }
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, Result<T, Failure>>) -> Result<T, Failure> {
    thread.join().unwrap_or_else(|_| Err(Failure::run("a thread of the benchmark panicked")))
}
