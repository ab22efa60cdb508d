//! What is counted and timed while requests are answered.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::answer::{self, Said};
use crate::client::{Lost, Reply};
use crate::request::Template;
use crate::timing;

/// Three significant digits, up to an hour.
const DIGITS: u8 = 3;
const LONGEST: Duration = Duration::from_secs(3600);

/// Durations, at the resolution of a nanosecond and within 0.1 %.
#[derive(Clone, Debug)]
pub struct Times(Histogram<u64>);

/// What durations are told as, in milliseconds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Percentiles {
    pub count: u64,
    pub mean: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p99_9: f64,
    pub max: f64,
}

impl Times {
    pub fn new() -> Self {
        let longest = u64::try_from(LONGEST.as_nanos()).unwrap_or(u64::MAX);
        Self(Histogram::new_with_max(longest, DIGITS).expect("the bounds are those of a histogram"))
    }

    /// Longer ones than an hour count as an hour.
    pub fn record(&mut self, duration: Duration) {
        self.0.saturating_record(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    pub fn percentiles(&self) -> Percentiles {
        let at = |quantile| milliseconds(self.0.value_at_quantile(quantile));
        Percentiles {
            count: self.0.len(),
            mean: self.0.mean() / 1e6,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            max: milliseconds(self.0.max()),
        }
    }

    /// Milliseconds at evenly spread shares of what was recorded, from 0 to almost 1, for a plot: (share, milliseconds).
    pub fn curve(&self) -> Vec<(f64, f64)> {
        let last = 1.0 - 1.0 / (self.0.len().max(1) as f64);
        // As many steps for each further nine.
        let share = |step: i32| 1.0 - 10_f64.powf(f64::from(-step) / 10.0);
        (0..)
            .map(share)
            .take_while(|share| *share <= last)
            .map(|share| (share, milliseconds(self.0.value_at_quantile(share))))
            .collect()
    }
}

fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

/// One request that has come to its end.
#[derive(Debug)]
pub struct Done<'a> {
    pub template: &'a Template,
    /// Of the picture and the query, for telling wrong answers.
    pub key: (usize, usize),
    pub sent_bytes: u64,
    /// When it was to be sent, when it was, and when its answer was there.
    pub intended: Instant,
    pub started: Instant,
    pub ended: Instant,
    pub outcome: Result<Reply, Lost>,
}

/// What answers are held against.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub slo: Duration,
    /// A request that is sent later than this after its time is a late one.
    pub late: Duration,
    pub verify: bool,
}

/// Everything that was counted.
#[derive(Debug)]
pub struct Figures {
    pub bounds: Bounds,
    /// From the intended send time to the answer, of those answered with 200.
    pub latency: Times,
    /// As latency, from the actual send time.
    pub service: Times,
    /// Time to a 429, from the intended send time.
    pub refusal: Times,
    /// How long after the intended time requests were sent.
    pub lateness: Times,
    pub late: u64,
    pub requests: u64,
    /// Answered with 200, and the queries in them.
    pub answered: u64,
    pub items: u64,
    /// Those answered correctly within the objective.
    pub good: u64,
    pub unreadable: u64,
    pub wrong: u64,
    pub statuses: BTreeMap<u16, u64>,
    pub lost: BTreeMap<Lost, u64>,
    pub sent_bytes: u64,
    pub received_bytes: u64,
    /// By the name that the server gives them, in the order of their first appearance.
    pub stages: Vec<(String, Times)>,
    /// The start of the first answer that can't be read or that refuses for another reason than load.
    pub complaint: Option<String>,
    said: HashMap<(usize, usize), Said>,
}

impl Figures {
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            latency: Times::new(),
            service: Times::new(),
            refusal: Times::new(),
            lateness: Times::new(),
            late: 0,
            requests: 0,
            answered: 0,
            items: 0,
            good: 0,
            unreadable: 0,
            wrong: 0,
            statuses: BTreeMap::new(),
            lost: BTreeMap::new(),
            sent_bytes: 0,
            received_bytes: 0,
            stages: Vec::new(),
            complaint: None,
            said: HashMap::new(),
        }
    }

    /// Counts a request.
    pub fn record(&mut self, done: Done<'_>) {
        self.requests += 1;
        self.sent_bytes += done.sent_bytes;
        let lateness = done.started.saturating_duration_since(done.intended);
        self.lateness.record(lateness);
        self.late += u64::from(lateness > self.bounds.late);
        match &done.outcome {
            Err(lost) => *self.lost.entry(*lost).or_default() += 1,
            Ok(reply) => self.record_reply(&done, reply),
        }
    }

    fn record_reply(&mut self, done: &Done<'_>, reply: &Reply) {
        *self.statuses.entry(reply.status).or_default() += 1;
        self.received_bytes += reply.body.len() as u64;
        let latency = done.ended.saturating_duration_since(done.intended);
        match reply.status {
            200 => {
                self.answered += 1;
                self.items += done.template.items();
                self.latency.record(latency);
                self.service.record(done.ended.saturating_duration_since(done.started));
                for (name, milliseconds) in reply.timing.iter().flat_map(|header| timing::parse(header)) {
                    let duration = Duration::try_from_secs_f64(milliseconds / 1e3).unwrap_or(LONGEST);
                    self.stage(name).record(duration);
                }
                let correct = self.check(done, reply);
                self.good += u64::from(correct && latency <= self.bounds.slo);
            }
            429 => self.refusal.record(latency),
            _ => self.complain(reply),
        }
    }

    /// Whether an answer can be read and says what was said before.
    fn check(&mut self, done: &Done<'_>, reply: &Reply) -> bool {
        let Some(said) = answer::read(done.template.asked, &reply.body) else {
            self.unreadable += 1;
            self.complain(reply);
            return false;
        };
        let agrees =
            !self.bounds.verify || self.said.entry(done.key).or_insert_with(|| said.clone()).agrees(&said);
        self.wrong += u64::from(!agrees);
        agrees
    }

    fn complain(&mut self, reply: &Reply) {
        self.complaint.get_or_insert_with(|| {
            let start: String = String::from_utf8_lossy(&reply.body).chars().take(200).collect();
            format!("{}: {start}", reply.status)
        });
    }

    fn stage(&mut self, name: &str) -> &mut Times {
        let at = self.stages.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.stages.push((name.to_owned(), Times::new()));
            self.stages.len() - 1
        });
        &mut self.stages[at].1
    }
}

#[cfg(test)]
mod tests {
    use cmal::types::Query;

    use crate::mark::Marked;
    use crate::request::Form;

    use super::*;

    fn figures(verify: bool) -> Figures {
        let bounds = Bounds { slo: Duration::from_millis(50), late: Duration::from_millis(5), verify };
        Figures::new(bounds)
    }

    fn template() -> Template {
        let query = Query::Vqa { question: "Is it red?".into(), top_k: 1 };
        Template::one(&Marked::new(b"\xff\xd8...").unwrap(), &query, Form::Json)
    }

    fn done(template: &Template, took: [u64; 2], outcome: Result<Reply, Lost>) -> Done<'_> {
        let intended = Instant::now();
        let [wait, answer] = took.map(Duration::from_millis);
        let started = intended + wait;
        Done { template, key: (0, 0), sent_bytes: 10, intended, started, ended: started + answer, outcome }
    }

    fn reply(status: u16, body: &'static str) -> Result<Reply, Lost> {
        Ok(Reply { status, timing: Some("queue;dur=2, odd;dur=1e9".into()), body: body.into() })
    }

    const RED: &str = r#"{"answer":"red","answers":[{"answer":"red","score":0.9}]}"#;

    #[test]
    fn latency_counts_from_the_intended_time_and_late_requests_are_told() {
        let (mut figures, template) = (figures(false), template());
        figures.record(done(&template, [40, 20], reply(200, RED)));
        figures.record(done(&template, [1, 20], reply(200, RED)));
        let (latency, service) = (figures.latency.percentiles(), figures.service.percentiles());
        assert!((latency.max - 60.0).abs() < 0.1 && (service.max - 20.0).abs() < 0.1);
        assert_eq!((figures.late, figures.good, figures.answered), (1, 1, 2));
    }

    #[test]
    fn refusals_losses_and_answers_are_kept_apart() {
        let (mut figures, template) = (figures(false), template());
        figures.record(done(&template, [0, 3], reply(429, "{}")));
        figures.record(done(&template, [0, 3], reply(503, "draining")));
        figures.record(done(&template, [0, 3], Err(Lost::Broken)));
        figures.record(done(&template, [0, 3], reply(200, "no json")));
        assert_eq!((figures.latency.percentiles().count, figures.refusal.percentiles().count), (1, 1));
        assert_eq!(figures.statuses, BTreeMap::from([(200, 1), (429, 1), (503, 1)]));
        assert_eq!(figures.lost, BTreeMap::from([(Lost::Broken, 1)]));
        assert_eq!((figures.requests, figures.good, figures.unreadable), (4, 0, 1));
        assert_eq!(figures.complaint.as_deref(), Some("503: draining"));
    }

    #[test]
    fn another_answer_to_the_same_is_wrong_if_that_is_looked_at() {
        const BLUE: &str = r#"{"answer":"blue","answers":[{"answer":"blue","score":0.9}]}"#;
        let template = template();
        for (verify, wrong) in [(false, 0), (true, 1)] {
            let mut figures = figures(verify);
            figures.record(done(&template, [0, 3], reply(200, RED)));
            figures.record(done(&template, [0, 3], reply(200, BLUE)));
            let other = Done { key: (0, 1), ..done(&template, [0, 3], reply(200, BLUE)) };
            figures.record(other);
            assert_eq!((figures.wrong, figures.good), (wrong, 3 - wrong));
        }
    }

    #[test]
    fn stages_are_timed_by_name() {
        let (mut figures, template) = (figures(false), template());
        figures.record(done(&template, [0, 3], reply(200, RED)));
        let (name, times) = &figures.stages[0];
        assert!(name == "queue" && (times.percentiles().mean - 2.0).abs() < 0.01);
        let longest = figures.stages[1].1.percentiles().max;
        assert!((longest / 3.6e6 - 1.0).abs() < 0.01, "{longest} ms, bounded by an hour");
    }

    #[test]
    fn a_curve_ends_where_there_is_nothing_more_to_tell_apart() {
        let mut times = Times::new();
        (1..=1000).for_each(|n| times.record(Duration::from_millis(n)));
        let curve = times.curve();
        let (share, last) = curve[curve.len() - 1];
        assert!(share > 0.998 && share <= 0.999 && (last - 999.0).abs() < 2.0, "{share} {last}");
        assert!(curve.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1));
        assert!(Times::new().curve().len() <= 1);
    }
}
