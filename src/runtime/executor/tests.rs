use super::super::call::Reply;
use super::super::call::tests::call;
use super::super::features::{ReadText, Seen};
use super::super::graphs::tests::shapes;
use super::super::raw::tests::golden_run;
use super::super::stage::{Pair, Reading, Sight, Swap, VisualStates};
use super::*;
use crate::input::Pixels;
use crate::types::{Frame, Object, Size, Tags, UnitBox};

fn put<S: Stage>(lane: &mut Lane<S>, input: S::Input) -> Reply<S::Output> {
    let (caller, reply) = Caller::new(&call(None));
    lane.push(Job::new(input, caller));
    reply
}

fn executors() -> Executors {
    let settings = Settings { executors: Some(NonZeroUsize::MIN), ..Settings::default() };
    Executors::start(&shapes(), 0, &settings, &Arc::new(Metrics::new())).unwrap()
}

#[tokio::test]
async fn a_batch_that_fails_is_told_with_its_graph_and_costs_nothing_else() {
    let executors = executors();
    let failed = executors.submit::<Texts>(vec![i64::MAX; 3], &call(None)).await;
    assert!(matches!(failed, Err(Error::Graph { graph: "text", .. })));
    assert_eq!(executors.submit::<Texts>(vec![2, 3], &call(None)).await.unwrap().tokens(), 2);
}

#[test]
fn raw_runs_take_turns_with_other_work_and_share_no_batch() {
    let (executors, run) = (executors(), golden_run(&shapes(), "text"));
    let mut lanes = Lanes::new(&Metrics::new());
    let _raws = [&run; 3].map(|run| put(&mut lanes.raws, run.clone()));
    let _texts = [[2, 3]; 17].map(|text| put(&mut lanes.texts, text.to_vec()));
    let mut turns = Vec::new();
    while let Next::Work(work) = lanes.next(&executors.shared, Outlook { idle: 0, closed: false }) {
        turns.push(match work {
            Work::Raws(batch) => ("raw", batch.jobs.len()),
            Work::Texts(batch) => ("text", batch.jobs.len()),
            Work::Pictures(_) | Work::Questions(_) | Work::Associations(_) => {
                panic!("work of an empty lane")
            }
        });
    }
    assert_eq!(turns, [("raw", 1), ("text", 16), ("raw", 1), ("text", 1), ("raw", 1)]);
}

#[tokio::test]
async fn an_executor_that_panics_answers_its_caller_and_starts_anew() {
    let executors = executors();
    let bbox = UnitBox { x1: 0.0, y1: 0.0, x2: 1.0, y2: 1.0 };
    // More objects than states: what no picture gives.
    let picture = Seen::new(
        Frame::new(Size { width: 9, height: 9 }),
        vec![Object { bbox, tags: Tags::default(), score: 1.0 }; 5],
        VisualStates { visual: Vec::new(), coarse: Vec::new(), regions: 5 },
    );
    let text = Reading::Read(Arc::new(ReadText { textual: Vec::new(), tokens: 0, coarse: Vec::new() }));
    let pair = Pair { picture: Arc::new(picture), text };
    let panicked = executors.submit::<Questions>(pair, &call(None)).await;
    assert!(matches!(panicked, Err(Error::Interrupted { stage: "fusion" })));
    assert_eq!(executors.submit::<Texts>(vec![2, 3], &call(None)).await.unwrap().tokens(), 2);
}

#[test]
fn the_latest_stage_that_has_work_goes_first() {
    let shared = Arc::clone(&executors().shared);
    let mut lanes = Lanes::new(&shared.metrics);
    let frame = Frame::new(Size { width: 1, height: 1 });
    let sight = Sight { frame, pixels: Pixels { side: 1, data: vec![0; 3] }, awaited: None };
    let states = VisualStates { visual: Vec::new(), coarse: Vec::new(), regions: 0 };
    let seen = Arc::new(Seen::new(frame, Vec::new(), states));
    let text = Arc::new(ReadText { textual: Vec::new(), tokens: 2, coarse: Vec::new() });
    let swap = Swap { picture: Arc::clone(&seen), text, object: 0, token: 0 };
    let pair = Pair { picture: seen, text: Reading::Tokens(vec![2, 3]) };
    let _seen = put(&mut lanes.pictures, sight);
    let _read = put(&mut lanes.texts, vec![2, 3]);
    let _answer = put(&mut lanes.questions, pair);
    let _associated = put(&mut lanes.associations, swap);
    let mut next = || lanes.next(&shared, Outlook { idle: 0, closed: false });
    assert!(matches!(next(), Next::Work(Work::Questions(_))));
    assert!(matches!(next(), Next::Work(Work::Associations(_))));
    assert!(matches!(next(), Next::Work(Work::Texts(_))));
    assert!(matches!(next(), Next::Work(Work::Pictures(_))));
    assert!(matches!(next(), Next::Wait(None)));
}
