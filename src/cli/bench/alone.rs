//! One picture at a time: what the engine and HTTP add to a single inference. The ways take turns of a tenth of a second, because a machine
//! that others use as well changes its speed by more than what is measured here.

use std::time::{Duration, Instant};

use crate::eval::Upload;
use crate::runtime::{Bare, Engine, Timing};

use super::super::exit::Failure;
use super::super::output::print;
use super::samples::Sample;
use super::served::Served;
use super::wire::Wire;

const SLICE: Duration = Duration::from_millis(100);

/// Prints a line per way: the latency's median, and what it is above the bare loop's of the same turn. Each way takes about `time`.
pub fn run(
    bare: &mut Bare,
    engine: &Engine,
    samples: &[Sample],
    uploads: &[Upload],
    time: Duration,
) -> Result<(), Failure> {
    let served = Served::start(engine.clone())?;
    let mut wire = Wire::open(served.address())?;
    let requests: Vec<_> = uploads.iter().map(|upload| Wire::request(served.address(), upload)).collect();
    let caller = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let timing = Timing::default();
    let mut ways: [(&str, Box<Way<'_>>); 3] = [
        (
            "bare loop",
            Box::new(|sample, _| {
                bare.answer(&[(sample.picture.as_slice(), &sample.query)], &timing)?;
                Ok(())
            }),
        ),
        (
            "engine",
            Box::new(|sample, _| {
                caller.block_on(async {
                    let call = engine.admit(None)?;
                    engine.answer(sample.picture.clone(), &sample.query, &call).await?;
                    Ok(())
                })
            }),
        ),
        ("http", Box::new(|_, request| wire.ask(request))),
    ];
    let mut asked = samples.iter().zip(&requests).cycle();
    let mut latencies = [const { Vec::new() }; 3];
    let begun = Instant::now();
    while latencies[0].is_empty() || begun.elapsed() < 3 * time {
        // A speed that drifts must not meet the same way last each time.
        let first = latencies[0].len();
        for turn in 0..ways.len() {
            let way = (first + turn) % ways.len();
            latencies[way].push(slice(&mut asked, ways[way].1.as_mut())?);
        }
    }
    print(&format!("one picture at a time, {} turns\n", latencies[0].len()))?;
    for ((name, _), turns) in ways.iter().zip(&latencies) {
        print(&line(name, turns, &latencies[0]))?;
    }
    Ok(())
}

/// Asks once.
type Way<'a> = dyn FnMut(&Sample, &[u8]) -> Result<(), Failure> + 'a;

/// Asks one after the other; the median of the latencies in milliseconds.
fn slice<'a>(
    asked: &mut impl Iterator<Item = (&'a Sample, &'a Vec<u8>)>,
    ask: &mut Way<'_>,
) -> Result<f64, Failure> {
    let mut latencies = Vec::new();
    let begun = Instant::now();
    while let Some((sample, request)) =
        asked.next().filter(|_| latencies.is_empty() || begun.elapsed() < SLICE)
    {
        let sent = Instant::now();
        ask(sample, request)?;
        latencies.push(sent.elapsed().as_secs_f64() * 1e3);
    }
    Ok(quantile(&mut latencies, 0.5))
}

fn line(what: &str, turns: &[f64], bare: &[f64]) -> String {
    let mut over: Vec<f64> = turns.iter().zip(bare).map(|(turn, bare)| turn - bare).collect();
    let [lower, middle, upper] = [0.25, 0.5, 0.75].map(|share| quantile(&mut over, share));
    format!(
        "{what:<12} p50 {:.3} ms, {middle:+.3} ms over the bare loop, half of the turns {lower:+.3} to {upper:+.3}\n",
        quantile(&mut turns.to_vec(), 0.5)
    )
}

/// The value that `share` of the others, 0..=1, lie below; 0 if there are none.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_told_by_its_median_and_by_what_it_adds_in_the_same_turn() {
        let bare = [4.0, 2.0, 6.0, 3.0, 5.0];
        let http = [4.5, 2.3, 6.1, 3.2, 5.4];
        assert_eq!(
            line("http", &http, &bare),
            "http         p50 4.500 ms, +0.300 ms over the bare loop, half of the turns +0.200 to +0.400\n"
        );
    }
}
