//! Puts a server under load: in open loop at the times of a schedule, or in closed loop over a number of connections.

use std::future::pending;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Body;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use crate::args::{TargetArgs, WorkArgs};
use crate::arrivals::{Arrivals, Schedule};
use crate::client::{Client, Lost};
use crate::failure::Failure;
use crate::figures::{Bounds, Done, Figures};
use crate::observe::Observer;
use crate::pace::{self, Course};
use crate::probe::Probe;
use crate::process;
use crate::scenario::Work;
use crate::stop::Stop;
use crate::summary::{Driven, Measured, Summary};

/// Between the decision to start and the first request, so that the first is not late.
const LEAD: Duration = Duration::from_millis(20);
/// A connection that can't be opened is tried again after this.
const RETRY: Duration = Duration::from_millis(50);
/// How long answers are waited for after a wish to stop.
const IMPATIENCE: Duration = Duration::from_secs(2);

/// What drives a load.
#[derive(Clone, Copy, Debug)]
pub enum Drive {
    Open { rate: f64, arrivals: Arrivals, seed: u64 },
    Closed { connections: NonZeroUsize },
}

/// One load.
#[derive(Clone, Debug)]
pub struct Plan {
    pub drive: Drive,
    pub warmup: Duration,
    pub duration: Option<Duration>,
    pub requests: Option<u64>,
    pub probes: Vec<String>,
}

/// A server, what is asked of it, and a client for it.
#[derive(Clone, Debug)]
pub struct Load {
    client: Client,
    work: Arc<Work>,
    bounds: Bounds,
    max_in_flight: usize,
    pid: Option<u32>,
    remote: bool,
    /// Of the next request; runs share it, so that a picture is new in each.
    next: Arc<AtomicU64>,
    pub stop: Stop,
}

impl Load {
    pub fn prepare(target: &TargetArgs, work: &WorkArgs, slo: Duration, stop: Stop) -> Result<Self, Failure> {
        let client = Client::new(&target.url, &target.header, target.timeout_ms, target.allow_remote)?;
        Ok(Self {
            pid: target.pid.or_else(|| client.address().and_then(process::listener)),
            client,
            work: Arc::new(Work::prepare(work)?),
            bounds: Bounds { slo, late: target.late_ms, verify: work.verify },
            remote: target.allow_remote,
            max_in_flight: target.max_in_flight.get(),
            next: Arc::default(),
            stop,
        })
    }

    /// Runs a load to its end, or until a stop is asked for.
    pub async fn run(&self, plan: &Plan) -> Result<Summary, Failure> {
        let probes =
            plan.probes.iter().map(|url| Probe::start(url, self.remote)).collect::<Result<Vec<_>, _>>()?;
        let opened = self.client.opened();
        let running = Arc::new(Running {
            load: self.clone(),
            figures: Mutex::new(Figures::new(self.bounds)),
            finished: AtomicU64::new(0),
            counting: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            counted: AtomicU64::new(0),
            most: plan.requests,
            enough: Notify::new(),
        });
        let measured = match plan.drive {
            Drive::Open { rate, arrivals, seed } => {
                open(&running, plan, Schedule::new(arrivals, rate, seed)).await
            }
            Drive::Closed { connections } => closed(&running, plan, connections.get()).await,
        };
        let mut probed = Vec::new();
        for probe in probes {
            probed.push(probe.finish().await?);
        }
        let driven = match plan.drive {
            Drive::Open { rate, arrivals, .. } => Driven::Open { rate, arrivals },
            Drive::Closed { connections } => Driven::Closed { connections: connections.get() },
        };
        let mut summary = Summary::new(
            self.client.root(),
            driven,
            &running.figures.lock().unwrap_or_else(PoisonError::into_inner),
            measured,
        );
        summary.probes = probed;
        summary.connections_opened = self.client.opened() - opened;
        summary.interrupted = self.stop.is_asked();
        Ok(summary)
    }
}

/// A load under way.
struct Running {
    load: Load,
    figures: Mutex<Figures>,
    /// Requests answered with 200, the warm-up included.
    finished: AtomicU64,
    /// Closed loop: what comes to its end now belongs in the figures.
    counting: AtomicBool,
    /// Closed loop: nothing more is to be sent.
    ended: AtomicBool,
    counted: AtomicU64,
    most: Option<u64>,
    enough: Notify,
}

impl Running {
    /// Sends one request; `intended` is when it was to be sent, or none in closed loop. What became of it is counted if `counted` says so
    /// at its end.
    async fn one(&self, intended: Option<Instant>, counted: impl FnOnce() -> bool) -> Option<Lost> {
        let request = self.load.work.request(self.load.next.fetch_add(1, Ordering::Relaxed));
        let sent_bytes = request.template.body(request.number).size_hint().lower();
        let started = Instant::now();
        let outcome = self.load.client.send(request.template, request.number).await;
        let ended = Instant::now();
        let lost = outcome.as_ref().err().copied();
        if outcome.as_ref().is_ok_and(|reply| reply.status == 200) {
            self.finished.fetch_add(1, Ordering::Relaxed);
        }
        if counted() {
            let intended = intended.unwrap_or(started);
            let (template, key) = (request.template, request.key);
            self.record(Done { template, key, sent_bytes, intended, started, ended, outcome });
        }
        lost
    }

    fn record(&self, done: Done<'_>) {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner).record(done);
    }

    /// Counts a request that was due but could not be sent.
    fn unsent(&self, intended: Instant) {
        let request = self.load.work.request(self.load.next.fetch_add(1, Ordering::Relaxed));
        let (started, outcome) = (Instant::now(), Err(Lost::Unsent));
        let (template, key) = (request.template, request.key);
        self.record(Done { template, key, sent_bytes: 0, intended, started, ended: started, outcome });
    }

    /// Closed loop: whether a request that has just ended belongs in the figures; the last one that does ends the load.
    fn counts(&self) -> bool {
        if !self.counting.load(Ordering::Relaxed) {
            return false;
        }
        let counted = self.counted.fetch_add(1, Ordering::Relaxed) + 1;
        if self.most.is_some_and(|most| counted >= most) {
            self.end();
            self.enough.notify_one();
        }
        true
    }

    async fn connection(&self) {
        while !self.load.stop.is_asked() && !self.ended.load(Ordering::Relaxed) {
            if self.one(None, || self.counts()).await == Some(Lost::NotConnected) {
                sleep(RETRY).await;
            }
        }
    }

    fn end(&self) {
        self.counting.store(false, Ordering::Relaxed);
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// What is measured from the end of the warm-up on.
struct Window {
    begun: Instant,
    observer: Option<Observer>,
    own_cpu: f64,
    finished: u64,
}

impl Window {
    fn open(running: &Running) -> Self {
        Self {
            begun: Instant::now(),
            observer: running.load.pid.map(Observer::start),
            own_cpu: process::own_cpu(),
            finished: running.finished.load(Ordering::Relaxed),
        }
    }

    fn close(self, running: &Running) -> Measured {
        Measured {
            seconds: self.begun.elapsed().as_secs_f64(),
            finished: running.finished.load(Ordering::Relaxed) - self.finished,
            own_cpu: process::own_cpu() - self.own_cpu,
            observed: self.observer.and_then(Observer::finish),
        }
    }
}

async fn open(running: &Arc<Running>, plan: &Plan, schedule: Schedule) -> Measured {
    let begin = Instant::now() + LEAD;
    let course = Course { begin, warmup: plan.warmup, duration: plan.duration, requests: plan.requests };
    let mut pace = pace::start(schedule, course, running.load.stop.clone());
    let mut tasks = JoinSet::new();
    let mut window = None;
    loop {
        tokio::select! {
            biased;
            () = sleep_until(course.counting().into()), if window.is_none() => window = Some(Window::open(running)),
            due = pace.recv() => match due {
                None => break,
                Some(due) => {
                    while tasks.try_join_next().is_some() {}
                    if tasks.len() < running.load.max_in_flight {
                        let running = Arc::clone(running);
                        tasks.spawn(async move { running.one(Some(due.intended), || due.counted).await });
                    } else if due.counted {
                        running.unsent(due.intended);
                    }
                }
            },
            Some(_) = tasks.join_next() => {}
        }
    }
    let measured = window.unwrap_or_else(|| Window::open(running)).close(running);
    finish(tasks, &running.load.stop).await;
    measured
}

async fn closed(running: &Arc<Running>, plan: &Plan, connections: usize) -> Measured {
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let running = Arc::clone(running);
        tasks.spawn(async move { running.connection().await });
    }
    let stop = &running.load.stop;
    tokio::select! {
        () = sleep(plan.warmup) => {}
        () = stop.asked() => {}
    }
    let window = Window::open(running);
    running.counting.store(true, Ordering::Relaxed);
    tokio::select! {
        () = async { match plan.duration { Some(duration) => sleep(duration).await, None => pending().await } } => {}
        () = running.enough.notified() => {}
        () = stop.asked() => {}
    }
    running.end();
    let measured = window.close(running);
    finish(tasks, stop).await;
    measured
}

/// Waits for the requests that are on their way.
async fn finish<T: 'static>(mut tasks: JoinSet<T>, stop: &Stop) {
    let all = async { while tasks.join_next().await.is_some() {} };
    let hurried = async {
        stop.asked().await;
        sleep(IMPATIENCE).await;
    };
    tokio::select! {
        () = all => {}
        () = hurried => {}
    }
}
