//! What is asked, of which pictures, in which order.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::ValueEnum;
use cmal::types::{Query, Task};
use serde::Serialize;

use crate::args::WorkArgs;
use crate::failure::Failure;
use crate::mark::Marked;
use crate::pictures::{self, Shown};
use crate::request::{Form, Template};
use crate::texts;

/// Most queries of one task that are prepared about one picture.
const QUERIES: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// A question about a new picture each
    OneTask,
    /// All four tasks in turn, a new picture each
    Mixed,
    /// Questions about few pictures that come again and again, so that a cache can help
    Repeated,
    /// A question about a new JPEG of 4000 × 3000 pixels each
    LargeJpeg,
    /// Sixteen questions about a new picture in each request to /v1/query
    Query,
}

impl Scenario {
    fn pictures(self) -> usize {
        match self {
            Self::OneTask | Self::Mixed | Self::Query => 64,
            Self::Repeated => 8,
            Self::LargeJpeg => 4,
        }
    }

    fn tasks(self) -> &'static [Task] {
        if self == Self::Mixed { &Task::ALL } else { &[Task::Vqa] }
    }
}

/// Requests without end.
#[derive(Debug)]
pub struct Work {
    /// Of each picture.
    templates: Vec<Vec<Template>>,
    /// Every picture is sent as a new one.
    new: bool,
    per_picture: u64,
    /// Unlike that of any other run, so that a server's cache never knows the pictures.
    number: u64,
}

/// A request of the work.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub template: &'a Template,
    pub number: u64,
    /// The picture, and which of the queries about it: the same pair has the same answer.
    pub key: (usize, usize),
}

impl Work {
    pub fn prepare(args: &WorkArgs) -> Result<Self, Failure> {
        let scenario = args.scenario;
        let count = args.distinct.map_or(scenario.pictures(), |count| usize::from(count.get()));
        let shown = match (&args.pictures, scenario) {
            (Some(_), Scenario::LargeJpeg) => {
                return Err(Failure::usage(
                    "the scenario large-jpeg draws its pictures: leave --pictures out",
                ));
            }
            (Some(folder), _) => pictures::folder(folder, count)?,
            (None, Scenario::LargeJpeg) => pictures::large(count)?,
            (None, _) => pictures::drawn(count)?,
        };
        let form = if args.json_body { Form::Json } else { Form::Multipart };
        let templates = (0..).zip(&shown).map(|(turn, shown)| {
            let marked = Marked::new(&shown.file)
                .ok_or_else(|| Failure::usage("a picture is neither a JPEG nor a PNG, whatever its name"))?;
            Ok(match scenario {
                Scenario::Query => vec![Template::many(&marked, &texts::questions(QUERIES))],
                _ if args.per_picture.get() > 1 && scenario.tasks().len() == 1 => texts::questions(QUERIES)
                    .iter()
                    .map(|query| Template::one(&marked, query, form))
                    .collect(),
                _ => queries(scenario, shown, turn)
                    .iter()
                    .map(|query| Template::one(&marked, query, form))
                    .collect(),
            })
        });
        let templates = templates.collect::<Result<_, Failure>>()?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            templates,
            new: scenario != Scenario::Repeated,
            per_picture: args.per_picture.get(),
            number: u64::try_from(since.as_nanos()).unwrap_or_default(),
        })
    }

    /// The request of that index: pictures take turns, and so do the queries about each.
    pub fn request(&self, index: u64) -> Request<'_> {
        let shown = index / self.per_picture;
        let (round, picture) = (shown / self.templates.len() as u64, shown % self.templates.len() as u64);
        let picture = picture as usize;
        let queries = &self.templates[picture];
        let query = ((index + round) % queries.len() as u64) as usize;
        let number = if self.new { self.number.wrapping_add(shown) } else { 0 };
        Request { template: &queries[query], number, key: (picture, query) }
    }
}

/// What is asked about one picture: by its dataset, or else by this tool. Of several tasks one after the other.
fn queries(scenario: Scenario, shown: &Shown, turn: usize) -> Vec<Query> {
    let mut by_task: BTreeMap<&str, Vec<Query>> = BTreeMap::new();
    for query in &shown.queries {
        by_task.entry(query.task().name()).or_default().push(query.clone());
    }
    let of = |task: &Task| by_task.remove(task.name()).unwrap_or_else(|| texts::of(*task, turn));
    let tasks: Vec<Vec<Query>> = scenario.tasks().iter().map(of).collect();
    // As many of each, so that no task is asked more often than another.
    let count = tasks.iter().map(Vec::len).min().unwrap_or_default().min(QUERIES);
    (0..count).flat_map(|at| tasks.iter().map(move |queries| queries[at].clone())).collect()
}
