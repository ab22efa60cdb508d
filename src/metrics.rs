//! Every metric of the server, once: the fields of one struct with its own registry, so that two servers can live in one process.

mod memory;

pub use memory::memory_limit;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// Why work was refused or dropped: the label `reason` of `cmal_rejected_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// Too much work waiting.
    Overloaded,
    /// The deadline passed.
    Expired,
    /// Nobody waits for it any more: the client left, or another part of its request failed.
    Withdrawn,
    /// The server is shutting down.
    Draining,
}

impl Rejection {
    pub const ALL: [Self; 4] = [Self::Overloaded, Self::Expired, Self::Withdrawn, Self::Draining];

    pub fn name(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Draining => "draining",
        }
    }
}

/// What became of a new version: the label `outcome` of `cmal_model_reloads_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// It serves now.
    Switched,
    /// It can't be served; the former one goes on.
    Refused,
}

impl Reload {
    pub const ALL: [Self; 2] = [Self::Switched, Self::Refused];

    pub fn name(self) -> &'static str {
        match self {
            Self::Switched => "switched",
            Self::Refused => "refused",
        }
    }
}

/// The metrics of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// By `route`, `method` and `status`.
    pub http_requests: IntCounterVec,
    /// Seconds, by `route`.
    pub http_request_duration: HistogramVec,
    pub inflight_requests: IntGauge,
    /// 1 while requests should be sent here.
    pub ready: IntGauge,
    rejected: IntCounterVec,
    stage_queue: HistogramVec,
    stage_compute: HistogramVec,
    batch_size: HistogramVec,
    batch_padding: HistogramVec,
    queue_depth: IntGaugeVec,
    cache_hits: IntCounterVec,
    cache_misses: IntCounterVec,
    cache_bytes: IntGaugeVec,
    model_info: IntGaugeVec,
    model_reloads: IntCounterVec,
}

impl Metrics {
    pub fn new() -> Self {
        let metrics = Self {
            registry: Registry::new(),
            http_requests: counters(
                "http_requests_total",
                "Requests answered.",
                &["route", "method", "status"],
            ),
            http_request_duration: histograms(
                "http_request_duration_seconds",
                "From the request's head to the response's head.",
                &["route"],
                seconds(),
            ),
            inflight_requests: gauge("inflight_requests", "Requests being answered."),
            ready: gauge("ready", "1 while requests should be sent here, as /health/ready says."),
            rejected: counters("rejected_total", "Work refused or dropped, by reason.", &["reason"]),
            stage_queue: histograms(
                "stage_queue_seconds",
                "Time a job waited in front of a stage.",
                &["stage"],
                seconds(),
            ),
            stage_compute: histograms(
                "stage_compute_seconds",
                "Time a stage took for one batch.",
                &["stage"],
                seconds(),
            ),
            batch_size: histograms(
                "batch_size",
                "Jobs in one batch.",
                &["stage"],
                vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0],
            ),
            batch_padding: histograms(
                "batch_padding_ratio",
                "Share of a batch's slots that is padding.",
                &["stage"],
                vec![0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
            ),
            queue_depth: gauges("queue_depth", "Jobs waiting in front of a stage.", &["stage"]),
            cache_hits: counters(
                "cache_hits_total",
                "Look-ups that were spared the computation.",
                &["cache"],
            ),
            cache_misses: counters("cache_misses_total", "Look-ups that were not.", &["cache"]),
            cache_bytes: gauges("cache_bytes", "Bytes that a cache holds.", &["cache"]),
            model_info: gauges(
                "model_info",
                "1 for the model that serves, with what it runs on.",
                &["model", "version", "provider"],
            ),
            model_reloads: counters(
                "model_reloads_total",
                "New versions that were tried, by outcome.",
                &["outcome"],
            ),
        };
        for rejection in Rejection::ALL {
            metrics.rejected.with_label_values(&[rejection.name()]);
        }
        for reload in Reload::ALL {
            metrics.model_reloads.with_label_values(&[reload.name()]);
        }
        metrics.register(ProcessCollector::for_self());
        let build = gauges("build_info", "1, with the version of cmal.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        metrics.register(build);
        if let Some(bytes) = memory_limit() {
            let limit = gauge("memory_limit_bytes", "Memory that the process may take.");
            limit.set(i64::try_from(bytes).unwrap_or(i64::MAX));
            metrics.register(limit);
        }
        metrics.register(metrics.http_requests.clone());
        metrics.register(metrics.http_request_duration.clone());
        metrics.register(metrics.inflight_requests.clone());
        metrics.register(metrics.ready.clone());
        metrics.register(metrics.rejected.clone());
        metrics.register(metrics.stage_queue.clone());
        metrics.register(metrics.stage_compute.clone());
        metrics.register(metrics.batch_size.clone());
        metrics.register(metrics.batch_padding.clone());
        metrics.register(metrics.queue_depth.clone());
        metrics.register(metrics.cache_hits.clone());
        metrics.register(metrics.cache_misses.clone());
        metrics.register(metrics.cache_bytes.clone());
        metrics.register(metrics.model_info.clone());
        metrics.register(metrics.model_reloads.clone());
        metrics
    }

    /// The queue in front of a stage.
    pub fn queue(&self, stage: &str) -> QueueMetrics {
        QueueMetrics {
            wait: self.stage_queue.with_label_values(&[stage]),
            depth: self.queue_depth.with_label_values(&[stage]),
        }
    }

    /// The batches of a stage.
    pub fn batch(&self, stage: &str) -> BatchMetrics {
        BatchMetrics {
            size: self.batch_size.with_label_values(&[stage]),
            padding: self.batch_padding.with_label_values(&[stage]),
        }
    }

    /// Seconds that a stage takes for a batch.
    pub fn compute(&self, stage: &str) -> Histogram {
        self.stage_compute.with_label_values(&[stage])
    }

    /// A cache, or another store that gives way to newer things.
    pub fn cache(&self, cache: &str) -> CacheMetrics {
        CacheMetrics {
            hits: self.cache_hits.with_label_values(&[cache]),
            misses: self.cache_misses.with_label_values(&[cache]),
            bytes: self.cache_bytes.with_label_values(&[cache]),
        }
    }

    pub fn reject(&self, reason: Rejection) {
        self.rejected.with_label_values(&[reason.name()]).inc();
    }

    /// How often work was refused or dropped for `reason`.
    pub fn rejections(&self, reason: Rejection) -> u64 {
        self.rejected.with_label_values(&[reason.name()]).get()
    }

    /// Shows a model as the one that serves, and no other.
    pub fn model_serves(&self, model: &str, version: &str, provider: &str) {
        self.model_info.reset();
        self.model_info.with_label_values(&[model, version, provider]).set(1);
    }

    /// Counts a new version that was tried.
    pub fn reloaded(&self, outcome: Reload) {
        self.model_reloads.with_label_values(&[outcome.name()]).inc();
    }

    /// All metrics in Prometheus' text format.
    pub fn render(&self) -> String {
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .expect("gathered families have names and metrics, and a String takes every byte")
    }

    fn register(&self, collector: impl Collector + 'static) {
        self.registry.register(Box::new(collector)).expect("every metric has a name of its own")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// What is measured of a queue.
#[derive(Clone, Debug)]
pub struct QueueMetrics {
    /// Seconds a job waited.
    pub wait: Histogram,
    /// Jobs that wait.
    pub depth: IntGauge,
}

/// What is measured of the batches of a stage.
#[derive(Clone, Debug)]
pub struct BatchMetrics {
    /// Jobs.
    pub size: Histogram,
    /// Padded slots ÷ all slots.
    pub padding: Histogram,
}

/// What is measured of a cache.
#[derive(Clone, Debug)]
pub struct CacheMetrics {
    pub hits: IntCounter,
    pub misses: IntCounter,
    pub bytes: IntGauge,
}

/// Counts one in a gauge until it is dropped.
#[derive(Debug)]
pub struct Held(IntGauge);

impl Held {
    pub fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Buckets from 0.1 ms to 13 s, each twice the one before.
fn seconds() -> Vec<f64> {
    (0..18).map(|power| 1e-4 * f64::from(1_u32 << power)).collect()
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("cmal")
}

fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(opts(name, help), labels).expect("a constant counter is well formed")
}

fn gauge(name: &str, help: &str) -> IntGauge {
    IntGauge::with_opts(opts(name, help)).expect("a constant gauge is well formed")
}

fn gauges(name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    IntGaugeVec::new(opts(name, help), labels).expect("a constant gauge is well formed")
}

fn histograms(name: &str, help: &str, labels: &[&str], buckets: Vec<f64>) -> HistogramVec {
    HistogramVec::new(HistogramOpts::new(name, help).namespace("cmal").buckets(buckets), labels)
        .expect("a constant histogram is well formed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_measured_is_rendered_under_its_name() {
        let metrics = Metrics::new();
        metrics.http_requests.with_label_values(&["/v1/vqa", "POST", "200"]).inc();
        metrics.http_request_duration.with_label_values(&["/v1/vqa"]).observe(0.01);
        metrics.queue("fusion").wait.observe(0.001);
        metrics.queue("fusion").depth.set(3);
        metrics.compute("vision").observe(0.002);
        metrics.reject(Rejection::Withdrawn);
        metrics.cache("texts").bytes.set(7);
        let text = metrics.render();
        for line in [
            "cmal_http_requests_total{method=\"POST\",route=\"/v1/vqa\",status=\"200\"} 1",
            "cmal_http_request_duration_seconds_count{route=\"/v1/vqa\"} 1",
            "cmal_stage_queue_seconds_count{stage=\"fusion\"} 1",
            "cmal_queue_depth{stage=\"fusion\"} 3",
            "cmal_stage_compute_seconds_count{stage=\"vision\"} 1",
            "cmal_rejected_total{reason=\"withdrawn\"} 1",
            "cmal_rejected_total{reason=\"overloaded\"} 0",
            "cmal_inflight_requests 0",
            "cmal_ready 0",
            concat!("cmal_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "cmal_memory_limit_bytes ",
            "cmal_cache_hits_total{cache=\"texts\"} 0",
            "cmal_cache_bytes{cache=\"texts\"} 7",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        assert!(text.contains("process_resident_memory_bytes"), "process metrics are missing in\n{text}");
    }

    #[test]
    fn a_gauge_falls_when_its_guard_is_dropped() {
        let metrics = Metrics::new();
        let first = Held::new(&metrics.inflight_requests);
        let second = Held::new(&metrics.inflight_requests);
        assert_eq!(metrics.inflight_requests.get(), 2);
        drop(first);
        assert_eq!(metrics.inflight_requests.get(), 1);
        drop(second);
        assert_eq!(metrics.inflight_requests.get(), 0);
    }

    #[test]
    fn one_model_is_shown_and_the_one_before_is_not() {
        let metrics = Metrics::new();
        metrics.model_serves("shapes", "5", "cpu");
        metrics.model_serves("shapes", "6", "cpu");
        let text = metrics.render();
        let shown: Vec<_> = text.lines().filter(|line| line.starts_with("cmal_model_info{")).collect();
        assert_eq!(shown, [r#"cmal_model_info{model="shapes",provider="cpu",version="6"} 1"#]);
    }

    #[test]
    fn two_servers_count_apart() {
        let (one, other) = (Metrics::new(), Metrics::new());
        one.reject(Rejection::Expired);
        assert_eq!((one.rejections(Rejection::Expired), other.rejections(Rejection::Expired)), (1, 0));
    }
}
