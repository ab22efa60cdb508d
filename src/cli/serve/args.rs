//! Options of `cmal serve`: flags, variables and a file become settings once.

use std::fs;
use std::net::SocketAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::cli::exit::Failure;
use crate::http::{self, Endpoint, Origins};
use crate::input::Limits;
use crate::runtime::{self, Budget, Cuda, Provider};

use super::edge::{EdgeSettings, Ratio};
use super::ops::OpsBind;

/// Serve a model over HTTP
///
/// Every option can also be given as a variable of the environment or, but for those of the log, in a TOML file under the name of its
/// flag. A flag goes before a variable, a variable before the file.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ServeArgs {
    /// TOML file with any of these options, such as `bind = "0.0.0.0:8080"`
    #[arg(long, env = "CMAL_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,

    /// A bundle, or a folder of bundles [default: models]
    #[arg(long, env = "CMAL_MODELS", value_name = "DIR")]
    models: Option<PathBuf>,
    /// The bundle to serve, if there are several
    #[arg(long, env = "CMAL_MODEL", value_name = "NAME")]
    model: Option<String>,
    /// How often the bundle's folder is looked at for a new version, which is then served; with 0 only at SIGHUP [default: 5]
    #[arg(long, env = "CMAL_WATCH_SECONDS", value_name = "SECONDS")]
    watch_seconds: Option<u64>,
    /// Address to listen at; port 0 takes a free one, which is then printed [default: 127.0.0.1:8080]
    #[arg(long, env = "CMAL_BIND", value_name = "ADDRESS:PORT")]
    bind: Option<SocketAddr>,
    /// Address of a listener for probes and metrics alone, or `off`; else 127.0.0.1:8081 if that is free
    #[arg(long, env = "CMAL_OPS_BIND", value_name = "ADDRESS:PORT")]
    ops_bind: Option<OpsBind>,
    /// File with the digests of the keys that clients need; read again on SIGHUP, see `cmal key`; else no key is needed
    #[arg(long, env = "CMAL_API_KEYS", value_name = "FILE")]
    api_keys: Option<PathBuf>,
    /// Other origins whose pages may ask, with commas between them, or `*`; else none
    #[arg(long, env = "CMAL_CORS_ORIGINS", value_name = "ORIGINS")]
    cors_origins: Option<Origins>,
    /// OpenTelemetry collector that traces are sent to by OTLP over HTTP, such as http://127.0.0.1:4318; else none are sent
    #[arg(long, env = "CMAL_OTLP_ENDPOINT", value_name = "URL")]
    otlp_endpoint: Option<Endpoint>,
    /// Share of the traces beginning here that is sent, 0 to 1; one that a client began is sent if the client says so [default: 1]
    #[arg(long, env = "CMAL_OTLP_RATIO", value_name = "SHARE")]
    otlp_ratio: Option<Ratio>,

    /// Largest request body [default: 20971520]
    #[arg(long, env = "CMAL_MAX_BODY_BYTES", value_name = "BYTES")]
    max_body_bytes: Option<NonZeroUsize>,
    /// Largest picture, width × height; the header is looked at before anything is decoded [default: 40000000]
    #[arg(long, env = "CMAL_MAX_PIXELS", value_name = "PIXELS")]
    max_pixels: Option<NonZeroU64>,
    /// Most pairs of a picture and a text in one match request [default: 256]
    #[arg(long, env = "CMAL_MAX_PAIRS", value_name = "COUNT")]
    max_pairs: Option<NonZeroUsize>,
    /// Most queries in one query request [default: 64]
    #[arg(long, env = "CMAL_MAX_QUERIES", value_name = "COUNT")]
    max_queries: Option<NonZeroUsize>,
    /// Longest time a request may take; a client can ask for less by `X-Request-Timeout-Ms` [default: 30000]
    #[arg(long, env = "CMAL_MAX_REQUEST_MS", value_name = "MS")]
    max_request_ms: Option<NonZeroU64>,
    /// Memory for pictures that clients leave here by `POST /v1/images`; those used least recently make room [default: 268435456]
    #[arg(long, env = "CMAL_IMAGES_BYTES", value_name = "BYTES")]
    images_bytes: Option<usize>,
    /// How long such a picture stays after it was last asked about [default: 600000]
    #[arg(long, env = "CMAL_IMAGE_LIFETIME_MS", value_name = "MS")]
    image_lifetime_ms: Option<NonZeroU64>,
    /// Requests accepted at the same time; more are answered with 429 [default: 256]
    #[arg(long, env = "CMAL_MAX_IN_FLIGHT", value_name = "COUNT")]
    max_in_flight: Option<NonZeroUsize>,
    /// How long requests are still accepted after SIGTERM, while `/health/ready` says no [default: 1000]
    #[arg(long, env = "CMAL_GRACE_MS", value_name = "MS")]
    grace_ms: Option<u64>,
    /// How long accepted requests may take to finish after that [default: 20000]
    #[arg(long, env = "CMAL_DRAIN_MS", value_name = "MS")]
    drain_ms: Option<u64>,

    /// The ONNX Runtime library; else it is looked for beside `cmal` and in `.onnxruntime`
    #[arg(long, env = "CMAL_ONNXRUNTIME", value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
    /// What the model runs on; `auto` is CUDA if it loads, else the CPU [default: cpu]
    #[arg(long, env = "CMAL_PROVIDER", value_enum)]
    provider: Option<ProviderName>,
    /// Index of the CUDA device [default: 0]
    #[arg(long, env = "CMAL_CUDA_DEVICE", value_name = "INDEX")]
    cuda_device: Option<u16>,
    /// Most memory that ONNX Runtime's arena takes on the CUDA device; else no limit
    #[arg(long, env = "CMAL_CUDA_MEMORY_BYTES", value_name = "BYTES")]
    cuda_memory_bytes: Option<NonZeroUsize>,
    /// Matrix products in TensorFloat-32 on CUDA: faster, less precise [default: false]
    #[arg(long, env = "CMAL_CUDA_TF32", value_name = "BOOL")]
    cuda_tf32: Option<bool>,
    /// Threads that run the model; else one per processor of the quota, one on CUDA
    #[arg(long, env = "CMAL_EXECUTORS", value_name = "COUNT")]
    executors: Option<NonZeroUsize>,
    /// Threads inside one run of the model [default: 1]
    #[arg(long, env = "CMAL_INTRA_THREADS", value_name = "COUNT")]
    intra_threads: Option<NonZeroUsize>,
    /// Threads that decode pictures and split texts; else one per processor of the quota
    #[arg(long, env = "CMAL_WORKERS", value_name = "COUNT")]
    workers: Option<NonZeroUsize>,
    /// Most jobs in one batch, and most rows of a run at `/v2` [default: 16]
    #[arg(long, env = "CMAL_BATCH_ROWS", value_name = "COUNT")]
    batch_rows: Option<NonZeroUsize>,
    /// Most object and token slots in one batch or run, padding counted [default: 2048]
    #[arg(long, env = "CMAL_BATCH_SLOTS", value_name = "COUNT")]
    batch_slots: Option<NonZeroUsize>,
    /// How long a batch that is not full waits for more [default: 0]
    #[arg(long, env = "CMAL_LINGER_MS", value_name = "MS")]
    linger_ms: Option<u64>,
    /// Jobs that may wait in front of each stage of the model [default: 1024]
    #[arg(long, env = "CMAL_QUEUE", value_name = "COUNT")]
    queue: Option<NonZeroUsize>,
    /// Memory for what the model made of pictures, so that more is asked about them for less; 0 keeps nothing [default: 268435456]
    #[arg(long, env = "CMAL_CACHE_PICTURES_BYTES", value_name = "BYTES")]
    cache_pictures_bytes: Option<usize>,
    /// The same for texts [default: 33554432]
    #[arg(long, env = "CMAL_CACHE_TEXTS_BYTES", value_name = "BYTES")]
    cache_texts_bytes: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ProviderName {
    #[default]
    Cpu,
    Cuda,
    Auto,
}

/// Everything `cmal serve` needs to know, checked.
#[derive(Debug)]
pub struct ServeSettings {
    pub models: PathBuf,
    pub model: Option<String>,
    /// Time between looks at the bundle's folder; none looks only when told to.
    pub watch: Option<Duration>,
    pub bind: SocketAddr,
    pub ops: Option<OpsBind>,
    pub edge: EdgeSettings,
    pub http: http::Settings,
    pub runtime: runtime::Settings,
}

impl ServeSettings {
    /// Bytes that stores of pictures and features may come to hold.
    pub fn stores(&self) -> u64 {
        let runtime::Settings { cache_pictures, cache_texts, .. } = self.runtime;
        [self.http.images, cache_pictures, cache_texts]
            .into_iter()
            .fold(0, |sum, bytes| sum.saturating_add(bytes as u64))
    }
}

impl ServeArgs {
    /// Only what says where a server listens, for those who ask it.
    pub fn listening(config: Option<PathBuf>, bind: Option<SocketAddr>, ops_bind: Option<OpsBind>) -> Self {
        Self { config, bind, ops_bind, ..Self::default() }
    }

    pub fn into_settings(self) -> Result<ServeSettings, Failure> {
        let file = self.config.as_deref().map_or_else(|| Ok(Self::default()), Self::read)?;
        let given = self.or(file);
        let cuda = Cuda {
            device: given.cuda_device.unwrap_or_default(),
            memory: given.cuda_memory_bytes,
            tf32: given.cuda_tf32.unwrap_or_default(),
        };
        let default = runtime::Settings::default();
        let runtime = runtime::Settings {
            library: given.onnxruntime,
            provider: match given.provider.unwrap_or_default() {
                ProviderName::Cpu => Provider::Cpu,
                ProviderName::Cuda => Provider::Cuda(cuda),
                ProviderName::Auto => Provider::Auto(cuda),
            },
            executors: given.executors,
            intra_threads: given.intra_threads.unwrap_or(default.intra_threads),
            workers: given.workers,
            batch: Budget {
                rows: given.batch_rows.unwrap_or(default.batch.rows),
                slots: given.batch_slots.unwrap_or(default.batch.slots),
            },
            linger: given.linger_ms.map_or(default.linger, Duration::from_millis),
            queue: given.queue.unwrap_or(default.queue),
            in_flight: given.max_in_flight.unwrap_or(default.in_flight),
            pictures: Limits { pixels: given.max_pixels.map_or(default.pictures.pixels, NonZeroU64::get) },
            cache_pictures: given.cache_pictures_bytes.unwrap_or(default.cache_pictures),
            cache_texts: given.cache_texts_bytes.unwrap_or(default.cache_texts),
        };
        let default = http::Settings::default();
        let http = http::Settings {
            max_body: given.max_body_bytes.unwrap_or(default.max_body),
            max_pairs: given.max_pairs.unwrap_or(default.max_pairs),
            max_queries: given.max_queries.unwrap_or(default.max_queries),
            images: given.images_bytes.unwrap_or(default.images),
            image_lifetime: given
                .image_lifetime_ms
                .map_or(default.image_lifetime, |time| Duration::from_millis(time.get())),
            max_time: given.max_request_ms.map_or(default.max_time, |time| Duration::from_millis(time.get())),
            grace: given.grace_ms.map_or(default.grace, Duration::from_millis),
            drain: given.drain_ms.map_or(default.drain, Duration::from_millis),
        };
        let edge = EdgeSettings {
            api_keys: given.api_keys,
            origins: given.cors_origins,
            otlp_endpoint: given.otlp_endpoint,
            otlp_ratio: given.otlp_ratio.unwrap_or_default(),
        };
        Ok(ServeSettings {
            models: given.models.unwrap_or_else(|| PathBuf::from("models")),
            model: given.model,
            watch: Some(given.watch_seconds.unwrap_or(5))
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
            bind: given.bind.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            ops: given.ops_bind,
            edge,
            http,
            runtime,
        })
    }

    fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("can't read {}: {error}", path.display())))?;
        toml::from_str(&text).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
    }

    /// What is given here, and from `other` what is not.
    fn or(self, other: Self) -> Self {
        Self {
            config: self.config,
            models: self.models.or(other.models),
            model: self.model.or(other.model),
            watch_seconds: self.watch_seconds.or(other.watch_seconds),
            bind: self.bind.or(other.bind),
            ops_bind: self.ops_bind.or(other.ops_bind),
            api_keys: self.api_keys.or(other.api_keys),
            cors_origins: self.cors_origins.or(other.cors_origins),
            otlp_endpoint: self.otlp_endpoint.or(other.otlp_endpoint),
            otlp_ratio: self.otlp_ratio.or(other.otlp_ratio),
            max_body_bytes: self.max_body_bytes.or(other.max_body_bytes),
            max_pixels: self.max_pixels.or(other.max_pixels),
            max_pairs: self.max_pairs.or(other.max_pairs),
            max_queries: self.max_queries.or(other.max_queries),
            images_bytes: self.images_bytes.or(other.images_bytes),
            image_lifetime_ms: self.image_lifetime_ms.or(other.image_lifetime_ms),
            max_request_ms: self.max_request_ms.or(other.max_request_ms),
            max_in_flight: self.max_in_flight.or(other.max_in_flight),
            grace_ms: self.grace_ms.or(other.grace_ms),
            drain_ms: self.drain_ms.or(other.drain_ms),
            onnxruntime: self.onnxruntime.or(other.onnxruntime),
            provider: self.provider.or(other.provider),
            cuda_device: self.cuda_device.or(other.cuda_device),
            cuda_memory_bytes: self.cuda_memory_bytes.or(other.cuda_memory_bytes),
            cuda_tf32: self.cuda_tf32.or(other.cuda_tf32),
            executors: self.executors.or(other.executors),
            intra_threads: self.intra_threads.or(other.intra_threads),
            workers: self.workers.or(other.workers),
            batch_rows: self.batch_rows.or(other.batch_rows),
            batch_slots: self.batch_slots.or(other.batch_slots),
            linger_ms: self.linger_ms.or(other.linger_ms),
            queue: self.queue.or(other.queue),
            cache_pictures_bytes: self.cache_pictures_bytes.or(other.cache_pictures_bytes),
            cache_texts_bytes: self.cache_texts_bytes.or(other.cache_texts_bytes),
        }
    }
}

#[cfg(test)]
mod tests;
