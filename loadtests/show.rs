//! A load's figures as text for people.

use std::fmt::Write;

use crate::client::Lost;
use crate::figures::Percentiles;
use crate::summary::{Driven, LATE, Summary};

/// The figures of one load, over several lines.
pub fn summary(summary: &Summary) -> String {
    let mut text = String::new();
    let mut line = |name: &str, told: String| {
        // Writing to a String can't fail.
        let _ = writeln!(text, "{name:<14}{told}");
    };
    line("", heading());
    line("latency", percentiles(&summary.latency_ms));
    if let Driven::Open { .. } = summary.driven {
        line("  from sending", percentiles(&summary.service_ms));
        line("  sent late by", percentiles(&summary.late.lateness_ms));
    }
    if summary.refusal_ms.count > 0 {
        line("until a 429", percentiles(&summary.refusal_ms));
    }
    for stage in &summary.stages {
        line(&format!("  {}", stage.name), percentiles(&stage.times_ms));
    }
    for probe in &summary.probes {
        let path = probe.url.splitn(4, '/').last().unwrap_or_default();
        let failed = if probe.failed == 0 { String::new() } else { format!("  {} failed", probe.failed) };
        line(&format!("/{path}"), percentiles(&probe.latency_ms) + &failed);
    }
    line("offered", offered(summary));
    line("answered", answered(summary));
    line("", outcomes(summary));
    let (sent, received) = (summary.sent_bytes as f64 / 1e6, summary.received_bytes as f64 / 1e6);
    line(
        "bytes",
        format!(
            "{sent:.1} MB sent, {received:.1} MB received, {} connections opened",
            summary.connections_opened
        ),
    );
    line("client", format!("{:.3} ms of processor time per answer", summary.client.cpu_ms_per_answer));
    line("server", server(summary));
    for warning in warnings(summary) {
        let _ = writeln!(text, "WARNING: {warning}");
    }
    text
}

fn heading() -> String {
    let names = ["count", "mean ms", "p50", "p90", "p99", "p99.9", "max"];
    names.iter().map(|name| format!("{name:>10}")).collect()
}

fn percentiles(times: &Percentiles) -> String {
    let mut text = format!("{:>10}", times.count);
    for value in [times.mean, times.p50, times.p90, times.p99, times.p99_9, times.max] {
        let _ = write!(text, "{value:>10.3}");
    }
    text
}

fn offered(summary: &Summary) -> String {
    match summary.driven {
        Driven::Open { rate, arrivals } => {
            let arrivals = format!("{arrivals:?}").to_lowercase();
            let due = summary.offered();
            format!("{rate:.1} a second, {arrivals}; {due:.1} were due, over {:.1} s", summary.seconds)
        }
        Driven::Closed { connections } => {
            format!("{connections} connections that were always busy, over {:.1} s", summary.seconds)
        }
    }
}

fn answered(summary: &Summary) -> String {
    let mut text = format!("{:.1} a second", summary.throughput);
    if summary.items_per_second > summary.throughput {
        let _ = write!(text, " with {:.1} answers", summary.items_per_second);
    }
    let _ = write!(text, "; {:.1} of them within {} ms", summary.goodput, summary.slo_ms);
    text
}

fn outcomes(summary: &Summary) -> String {
    let statuses = summary.statuses.iter().map(|(status, count)| format!("{count} × {status}"));
    let lost = summary.lost.iter().map(|(lost, count)| format!("{count} {}", words(*lost)));
    let counts = [(summary.unreadable, "unreadable"), (summary.wrong, "wrong")];
    let odd = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let all: Vec<_> = statuses.chain(lost).chain(odd).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}

fn words(lost: Lost) -> &'static str {
    match lost {
        Lost::NotConnected => "not connected",
        Lost::Broken => "broken off",
        Lost::TimedOut => "timed out",
        Lost::Unsent => "not sent",
    }
}

fn server(summary: &Summary) -> String {
    let Some(server) = &summary.server else {
        return "its process is not known: give its --pid for its processor time and memory".to_owned();
    };
    let observed = &server.observed;
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let mut text = format!(
        "{:.3} ms of processor time per answer, {:.2} processors; memory {:.1} MB, then {:.1}, at most {:.1}",
        server.cpu_ms_per_answer,
        observed.cores,
        megabytes(observed.memory_before),
        megabytes(observed.memory_after),
        megabytes(observed.memory_most),
    );
    if let Some(growth) = observed.growth_after_10_s {
        let _ = write!(text, "; {:+.1} % after 10 s", growth * 100.0);
    }
    if let Some(growth) = observed.growth_by_tenth {
        let _ = write!(text, "; {:+.1} % from the second tenth to the last", growth * 100.0);
    }
    text
}

fn warnings(summary: &Summary) -> Vec<String> {
    let mut all = Vec::new();
    if summary.is_late() {
        let (count, share) = (summary.late.count, summary.late.share * 100.0);
        all.push(format!(
            "{count} requests ({share:.1} %, more than {} %) were sent over {} ms late or not at all: the figures are the client's",
            LATE * 100.0,
            summary.late.bound_ms,
        ));
    }
    if let Some(complaint) = &summary.complaint {
        all.push(format!("there were answers other than expected, the first of them {complaint}"));
    }
    if summary.interrupted {
        all.push("the load was stopped before its end".to_owned());
    }
    all
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::arrivals::Arrivals;
    use crate::figures::{Bounds, Figures};
    use crate::summary::Measured;

    use super::*;

    fn figures() -> Figures {
        let bounds = Bounds { slo: Duration::from_millis(50), late: Duration::from_millis(5), verify: false };
        let mut figures = Figures::new(bounds);
        figures.latency.record(Duration::from_millis(20));
        figures.requests = 200;
        figures.answered = 190;
        figures.good = 180;
        figures.statuses.extend([(200, 190), (429, 7)]);
        figures.lost.insert(Lost::TimedOut, 3);
        figures
    }

    fn told(figures: &Figures) -> String {
        let driven = Driven::Open { rate: 100.0, arrivals: Arrivals::Poisson };
        let measured = Measured { seconds: 2.0, finished: 190, own_cpu: 0.19, observed: None };
        super::summary(&Summary::new("http://127.0.0.1:1", driven, figures, measured))
    }

    #[test]
    fn rates_outcomes_and_costs_are_told() {
        let told = told(&figures());
        for part in [
            "100.0 a second, poisson; 100.0 were due, over 2.0 s",
            "95.0 a second; 90.0 of them within 50 ms",
            "190 × 200, 7 × 429, 3 timed out",
            "1.000 ms of processor time per answer",
            "give its --pid",
        ] {
            assert!(told.contains(part), "{part} in:\n{told}");
        }
        assert!(!told.contains("WARNING"), "{told}");
    }

    #[test]
    fn a_client_that_was_late_and_odd_answers_are_warned_of() {
        let mut figures = figures();
        figures.late = 3;
        figures.complaint = Some("500: broken".to_owned());
        let told = told(&figures);
        assert!(
            told.contains("WARNING: 3 requests (1.5 %, more than 1 %) were sent over 5 ms late"),
            "{told}"
        );
        assert!(told.contains("the first of them 500: broken"), "{told}");
    }
}
