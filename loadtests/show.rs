//! A load's figures as text for people.

use std::fmt::Write;

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
            let sent = summary.offered();
            format!("{rate:.1} a second, {arrivals}; {sent:.1} were sent, over {:.1} s", summary.seconds)
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
    let lost = summary.lost.iter().map(|(lost, count)| format!("{count} × {lost:?}").to_lowercase());
    let counts = [(summary.unreadable, "unreadable"), (summary.wrong, "wrong")];
    let odd = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    let all: Vec<_> = statuses.chain(lost).chain(odd).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
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
