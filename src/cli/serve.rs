//! `cmal serve`: flags, variables and a file become settings once; then the server runs until it is told to stop.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::bundle::{Bundle, names};
use crate::http::{self, AppState};
use crate::input::Limits;
use crate::metrics::Metrics;
use crate::runtime::{self, Budget, Cuda, Engine, Provider, StartError};

use super::exit::Failure;
use super::output::print;

/// Serve a model over HTTP
///
/// Every option can also be given as a variable of the environment or, but for those of the log, in a TOML file under the name of its
/// flag. A flag goes before a variable, a variable before the file.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct ServeArgs {
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
    /// Address to listen at; port 0 takes a free one, which is then printed [default: 127.0.0.1:8080]
    #[arg(long, env = "CMAL_BIND", value_name = "ADDRESS:PORT")]
    bind: Option<SocketAddr>,

    /// Largest request body [default: 20971520]
    #[arg(long, env = "CMAL_MAX_BODY_BYTES", value_name = "BYTES")]
    max_body_bytes: Option<NonZeroUsize>,
    /// Largest picture, width × height; the header is looked at before anything is decoded [default: 40000000]
    #[arg(long, env = "CMAL_MAX_PIXELS", value_name = "PIXELS")]
    max_pixels: Option<NonZeroU64>,
    /// Most pairs of a picture and a text in one match request [default: 256]
    #[arg(long, env = "CMAL_MAX_PAIRS", value_name = "COUNT")]
    max_pairs: Option<NonZeroUsize>,
    /// Longest time a request may take; a client can ask for less by `X-Request-Timeout-Ms` [default: 30000]
    #[arg(long, env = "CMAL_MAX_REQUEST_MS", value_name = "MS")]
    max_request_ms: Option<NonZeroU64>,
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
struct ServeSettings {
    models: PathBuf,
    model: Option<String>,
    bind: SocketAddr,
    http: http::Settings,
    runtime: runtime::Settings,
}

/// Runs the server until SIGTERM or SIGINT.
pub(super) fn run(args: ServeArgs) -> Result<(), Failure> {
    let settings = args.into_settings()?;
    let bundle = choose(&settings.models, settings.model.as_deref())?;
    let threads = tokio::runtime::Runtime::new()
        .map_err(|error| Failure::run(format!("the server's threads can't be started: {error}")))?;
    let served = threads.block_on(serve(settings, bundle));
    // What is still running had its time: a request past the drain limit, or a load that is no longer wanted.
    threads.shutdown_background();
    served?;
    // ONNX Runtime may be at work for it: what the library frees when a process ends must not go while it is.
    signal_hook::low_level::exit(0)
}

async fn serve(settings: ServeSettings, bundle: PathBuf) -> Result<(), Failure> {
    let shutdown =
        Shutdown::listen().map_err(|error| Failure::run(format!("signals can't be received: {error}")))?;
    let listener = TcpListener::bind(settings.bind)
        .await
        .map_err(|error| Failure::run(format!("can't listen at {}: {error}", settings.bind)))?;
    // The one line on the standard output: where the server is reached.
    print(&format!("http://{}\n", listener.local_addr()?))?;
    let metrics = Arc::new(Metrics::new());
    let state = AppState::new(settings.http, Arc::clone(&metrics));
    let loading = tokio::task::spawn_blocking(move || {
        Engine::start(Bundle::open(&bundle)?, &settings.runtime, metrics)
    });
    let load = async { loading.await.unwrap_or(Err(StartError::Interrupted)) };
    Ok(http::run(listener, state, load, shutdown.requested()).await?)
}

/// The signals that end the server; both are received from the start, so that none ends it half-way.
struct Shutdown {
    terminate: Signal,
    interrupt: Signal,
}

impl Shutdown {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn requested(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

impl ServeArgs {
    fn into_settings(self) -> Result<ServeSettings, Failure> {
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
        };
        let default = http::Settings::default();
        let http = http::Settings {
            max_body: given.max_body_bytes.unwrap_or(default.max_body),
            max_pairs: given.max_pairs.unwrap_or(default.max_pairs),
            max_time: given.max_request_ms.map_or(default.max_time, |time| Duration::from_millis(time.get())),
            grace: given.grace_ms.map_or(default.grace, Duration::from_millis),
            drain: given.drain_ms.map_or(default.drain, Duration::from_millis),
        };
        Ok(ServeSettings {
            models: given.models.unwrap_or_else(|| PathBuf::from("models")),
            model: given.model,
            bind: given.bind.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
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
            bind: self.bind.or(other.bind),
            max_body_bytes: self.max_body_bytes.or(other.max_body_bytes),
            max_pixels: self.max_pixels.or(other.max_pixels),
            max_pairs: self.max_pairs.or(other.max_pairs),
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
        }
    }
}

/// The bundle to serve: `models` itself, the one called `name` in it, or the only one in it.
fn choose(models: &Path, name: Option<&str>) -> Result<PathBuf, Failure> {
    let is_bundle = |path: &Path| path.join(names::MANIFEST).is_file();
    if let Some(name) = name {
        let path = models.join(name);
        return if is_bundle(&path) {
            Ok(path)
        } else {
            Err(Failure::usage(format!("there is no bundle `{name}` in {}", models.display())))
        };
    }
    if is_bundle(models) {
        return Ok(models.to_owned());
    }
    let entries = fs::read_dir(models).map_err(|error| {
        Failure::usage(format!("can't read the folder of bundles {}: {error}", models.display()))
    })?;
    // A name with a dot in front is an export that is not finished, or never was.
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_bundle(path) && !hidden(path))
        .collect();
    found.sort();
    match (found.pop(), found.as_slice()) {
        (Some(only), []) => Ok(only),
        (Some(last), others) => {
            let known: Vec<_> =
                others.iter().chain([&last]).filter_map(|path| path.file_name()?.to_str()).collect();
            let folder = models.display();
            Err(Failure::usage(format!(
                "{folder} has several bundles, name one with --model: {}",
                known.join(", ")
            )))
        }
        (None, _) => Err(Failure::usage(format!(
            "there is no bundle in {}: make one with `cmal train` and `cmal export`",
            models.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: ServeArgs,
    }

    fn parse(words: &[&str]) -> ServeArgs {
        Command::try_parse_from([&["serve"], words].concat()).unwrap().args
    }

    #[test]
    fn the_defaults_that_help_shows_are_the_defaults() {
        let mut words = Vec::new();
        for option in Command::command().get_arguments() {
            let help = option.get_help().map(ToString::to_string).unwrap_or_default();
            if let Some((_, default)) = help.rsplit_once("[default: ") {
                words.push(format!("--{}={}", option.get_long().unwrap(), default.trim_end_matches(']')));
            }
        }
        assert!(words.len() > 10, "{words:?}");
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let shown = parse(&words).into_settings().unwrap();
        let actual = ServeArgs::default().into_settings().unwrap();
        assert_eq!(format!("{shown:?}"), format!("{actual:?}"));
    }

    #[test]
    fn every_option_has_a_variable_and_a_key_of_its_own_name() {
        for option in Command::command().get_arguments().filter(|option| option.get_id() != "help") {
            let flag = option.get_long().unwrap();
            let variable = format!("CMAL_{}", flag.to_uppercase().replace('-', "_"));
            assert_eq!(option.get_env().and_then(|name| name.to_str()), Some(variable.as_str()));
            let known = toml::from_str::<ServeArgs>(&format!("{flag} = []")).unwrap_err().to_string();
            assert_eq!(known.contains("unknown field"), flag == "config", "{flag}: {known}");
        }
    }

    #[test]
    fn flags_go_before_the_file_and_the_file_before_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cmal.toml");
        fs::write(&path, "bind = \"0.0.0.0:1\"\ngrace-ms = 7\nprovider = \"auto\"\n").unwrap();
        let settings =
            parse(&["--config", path.to_str().unwrap(), "--grace-ms", "9"]).into_settings().unwrap();
        assert_eq!(settings.http.grace, Duration::from_millis(9));
        assert_eq!(settings.bind, "0.0.0.0:1".parse().unwrap());
        assert_eq!(settings.runtime.provider, Provider::Auto(Cuda::default()));
        assert_eq!(settings.http.drain, http::Settings::default().drain);
    }

    #[test]
    fn a_wrong_file_stops_with_the_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cmal.toml");
        for (text, expected) in
            [("bnid = 1", "unknown field `bnid`"), ("queue = 0", "nonzero"), ("queue", "line 1")]
        {
            fs::write(&path, text).unwrap();
            let error = parse(&["--config", path.to_str().unwrap()]).into_settings().unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("cmal.toml"), "{error}");
        }
        let missing = folder.path().join("none.toml");
        assert!(parse(&["--config", missing.to_str().unwrap()]).into_settings().is_err());
    }

    #[test]
    fn the_only_bundle_of_a_folder_is_served_and_one_of_several_must_be_named() {
        let folder = tempfile::tempdir().unwrap();
        let models = folder.path();
        assert!(choose(models, None).unwrap_err().to_string().contains("no bundle"));
        let add = |name: &str| {
            fs::create_dir(models.join(name)).unwrap();
            fs::write(models.join(name).join(names::MANIFEST), "{}").unwrap();
        };
        add("shapes");
        add(".birds.new-17");
        fs::create_dir(models.join("not-a-bundle")).unwrap();
        assert_eq!(choose(models, None).unwrap(), models.join("shapes"));
        assert_eq!(choose(&models.join("shapes"), None).unwrap(), models.join("shapes"));
        add("birds");
        let error = choose(models, None).unwrap_err().to_string();
        assert!(error.contains("birds, shapes"), "{error}");
        assert_eq!(choose(models, Some("birds")).unwrap(), models.join("birds"));
        assert!(choose(models, Some("fish")).unwrap_err().to_string().contains("`fish`"));
    }
}
