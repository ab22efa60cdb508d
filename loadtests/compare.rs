//! Whether two servers answer the same: a fair comparison of their speed begins with that.

use std::time::Duration;

use crate::answer::{self, Said};
use crate::args::CompareArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::print;
use crate::request::Template;
use crate::scenario::Work;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Asks both servers one question after the other; a difference is a failure.
pub async fn run(args: &CompareArgs) -> Result<(), Failure> {
    let work = Work::prepare(&args.work)?;
    let one = Client::new(&args.one, &[], TIMEOUT, args.allow_remote)?;
    let other = Client::new(&args.other, &[], TIMEOUT, args.allow_remote)?;
    let (mut different, mut furthest) = (0, 0_f64);
    for index in 0..args.requests {
        let request = work.request(index);
        let (a, b) = tokio::join!(
            ask(&one, request.template, request.number),
            ask(&other, request.template, request.number)
        );
        let (a, b) = (a?, b?);
        for (a, b) in a.items.iter().zip(&b.items) {
            furthest = furthest.max((a.score - b.score).abs());
            if !a.agrees(b, args.tolerance) {
                different += 1;
                print(&format!(
                    "{index}: {} {:.4} {:?}, {} {:.4} {:?}\n",
                    a.label, a.score, a.place, b.label, b.score, b.place
                ))?;
            }
        }
    }
    print(&format!(
        "{} requests to each, {different} different answers, scores at most {furthest:.5} apart\n",
        args.requests
    ))?;
    if different == 0 { Ok(()) } else { Err(Failure::run("the servers don't answer the same")) }
}

async fn ask(client: &Client, template: &Template, number: u64) -> Result<Said, Failure> {
    let root = client.root();
    let reply = client
        .send(template, number)
        .await
        .map_err(|lost| Failure::run(format!("{root} gave no answer: {lost:?}")))?;
    let body = || String::from_utf8_lossy(&reply.body).into_owned();
    if reply.status != 200 {
        return Err(Failure::run(format!("{root} answered with {}: {}", reply.status, body())));
    }
    answer::read(template.asked, &reply.body)
        .ok_or_else(|| Failure::run(format!("{root} gave no answer that can be read: {}", body())))
}
