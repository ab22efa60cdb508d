//! Loads against a small server that stalls once: what the two loops tell of it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use clap::Parser;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::args::{Cli, Command, RunArgs};
use crate::arrivals::Arrivals;
use crate::client::Lost;
use crate::load::{Drive, Load, Plan};
use crate::stop::Stop;
use crate::summary::Summary;

const STALL: Duration = Duration::from_millis(300);
const ANSWER: &str = r#"{"answer":"red","answers":[{"answer":"red","score":0.9}],"model":"none"}"#;

/// A server that answers nothing for a while from its `stall`-th request on; its address.
async fn server(stall: u64) -> String {
    let count = Arc::new(Mutex::new(0));
    // The body is taken in, or its connection could not be used again.
    let answer = move |_: Bytes| {
        let count = Arc::clone(&count);
        async move {
            // Those that come during the stall wait for their turn.
            let mut count = count.lock().await;
            *count += 1;
            if *count == stall {
                sleep(STALL).await;
            }
            ([("server-timing", "queue;dur=1.5")], ANSWER)
        }
    };
    serve(Router::new().route("/v1/vqa", post(answer))).await
}

async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    format!("http://{address}")
}

fn args(url: &str, words: &[&str]) -> RunArgs {
    let usual = ["load", "run", "--url", url, "--distinct", "1", "--rate", "1"];
    match Cli::try_parse_from([&usual, words].concat()).unwrap().command {
        Command::Run(args) => args,
        other => panic!("{other:?}"),
    }
}

async fn run(url: &str, words: &[&str], plan: Plan) -> Summary {
    let args = args(url, words);
    let load = Load::prepare(&args.target, &args.work, args.output.slo_ms, Stop::new()).unwrap();
    load.run(&plan).await.unwrap()
}

/// 200 requests at 200 a second.
fn open() -> Plan {
    let drive = Drive::Open { rate: 200.0, arrivals: Arrivals::Constant, seed: 0 };
    Plan { drive, warmup: Duration::ZERO, duration: None, requests: Some(200), probes: Vec::new() }
}

fn closed(connections: usize, requests: u64) -> Plan {
    let drive = Drive::Closed { connections: connections.try_into().unwrap() };
    Plan { drive, requests: Some(requests), ..open() }
}

#[tokio::test]
async fn in_open_loop_a_stall_is_seen_by_all_that_were_due_meanwhile() {
    let summary = run(&server(50).await, &[], open()).await;
    assert_eq!((summary.requests, summary.statuses[&200]), (200, 200));
    // 60 were due during the stall, 30 of them in its first half.
    assert!(summary.latency_ms.p90 >= 150.0, "{:?}", summary.latency_ms);
    assert!(summary.latency_ms.p99 >= 250.0, "{:?}", summary.latency_ms);
}

#[tokio::test]
async fn in_closed_loop_the_same_stall_is_seen_once() {
    let summary = run(&server(50).await, &[], closed(1, 100)).await;
    assert_eq!((summary.requests, summary.connections_opened), (100, 1));
    assert!(summary.latency_ms.max >= 290.0 && summary.latency_ms.p90 < 150.0, "{:?}", summary.latency_ms);
}

#[tokio::test]
async fn requests_that_could_not_be_sent_are_told_and_spoil_the_figures() {
    let summary = run(&server(50).await, &["--max-in-flight", "1"], open()).await;
    let unsent = summary.lost[&Lost::Unsent];
    assert!(unsent >= 30 && summary.is_late(), "{unsent} were not sent");
    assert_eq!(unsent + summary.statuses[&200], 200);
}

#[tokio::test]
async fn connections_are_used_again_and_stages_told() {
    let summary = run(&server(0).await, &[], closed(3, 90)).await;
    assert_eq!((summary.requests, summary.connections_opened, summary.failed()), (90, 3, 0));
    let stage = &summary.stages[0];
    assert!(stage.name == "queue" && stage.times_ms.count == 90 && (stage.times_ms.p99 - 1.5).abs() < 0.01);
    let own = summary.server.unwrap();
    assert_eq!(own.observed.pid, std::process::id(), "the server of this test is found by its port");
}

#[tokio::test]
async fn refusals_and_a_server_that_is_not_there_are_told_apart() {
    let busy = |_: Bytes| async { StatusCode::TOO_MANY_REQUESTS };
    let url = serve(Router::new().route("/v1/vqa", post(busy))).await;
    let summary = run(&url, &[], closed(2, 20)).await;
    assert_eq!((summary.statuses[&429], summary.refusal_ms.count, summary.goodput), (20, 20, 0.0));
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let summary = run(&url, &[], closed(1, 2)).await;
    assert_eq!((summary.lost[&Lost::NotConnected], summary.latency_ms.count), (2, 0));
}

#[tokio::test]
async fn probes_are_asked_meanwhile() {
    let ready = || async { "ready" };
    let url = serve(Router::new().route("/health/ready", axum::routing::get(ready))).await;
    let plan = Plan { probes: vec![format!("{url}/health/ready"), format!("{url}/nothing")], ..open() };
    let summary = run(&server(0).await, &[], plan).await;
    let probed: Vec<_> =
        summary.probes.iter().map(|probe| (probe.latency_ms.count > 2, probe.failed > 2)).collect();
    assert_eq!(probed, [(true, false), (true, true)]);
}

#[tokio::test]
async fn a_stop_ends_a_load_with_the_figures_so_far() {
    let url = server(0).await;
    let args = args(&url, &[]);
    let stop = Stop::new();
    let load = Load::prepare(&args.target, &args.work, args.output.slo_ms, stop.clone()).unwrap();
    let endless = Plan { requests: None, ..open() };
    let (summary, ()) = tokio::join!(load.run(&endless), async {
        sleep(Duration::from_millis(200)).await;
        stop.ask();
    });
    let summary = summary.unwrap();
    assert!(summary.interrupted && summary.requests > 0, "{} requests", summary.requests);
}
