//! The real router on a free port of this machine, with an engine and metrics of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cmal::bundle::Bundle;
use cmal::http::{self, AppState, Failure};
use cmal::metrics::Metrics;
use cmal::runtime::{self, Engine};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Reply, pictures};

/// More than any test needs, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. Dropping it fails the test if a request or a job was left behind.
pub struct TestServer {
    pub client: Client,
    pub metrics: Arc<Metrics>,
    /// The engine behind the server, for comparing with what it says itself.
    pub engine: Engine,
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: Option<JoinHandle<Result<(), Failure>>>,
}

/// The bundle in the repository.
pub fn bundle() -> Bundle {
    Bundle::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models/shapes")).unwrap()
}

/// Settings with which a server ends as soon as it has nothing to do.
pub fn settings() -> http::Settings {
    http::Settings { grace: Duration::ZERO, ..http::Settings::default() }
}

pub async fn listener() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
}

impl TestServer {
    pub async fn start() -> Self {
        Self::with(settings(), runtime::Settings::default()).await
    }

    pub async fn with(http: http::Settings, runtime: runtime::Settings) -> Self {
        let metrics = Arc::new(Metrics::new());
        let starting = Arc::clone(&metrics);
        let engine = tokio::task::spawn_blocking(move || Engine::start(bundle(), &runtime, starting))
            .await
            .unwrap()
            .unwrap();
        let listener = listener().await;
        let address = listener.local_addr().unwrap();
        let state = AppState::new(http, Arc::clone(&metrics));
        let (stop, stopped) = oneshot::channel();
        let load = std::future::ready(Ok(engine.clone()));
        let shutdown = async {
            // A dropped sender stops the server too.
            let _ = stopped.await;
        };
        let ended = Some(tokio::spawn(http::run(listener, state, load, shutdown)));
        let server = Self { client: Client::new(), metrics, engine, address, stop: Some(stop), ended };
        server.until_ready().await;
        server
    }

    async fn until_ready(&self) {
        while self.get("/health/ready").await.status != 200 {
            tokio::task::yield_now().await;
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> Reply {
        Reply::read(self.client.get(self.url(path)).send().await.unwrap()).await
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(self.url(path))
    }

    pub async fn json(&self, path: &str, body: &Value) -> Reply {
        Reply::read(self.post(path).json(body).send().await.unwrap()).await
    }

    /// Sends `picture` and `fields` as JSON.
    pub async fn ask(&self, path: &str, picture: &[u8], fields: &[(&str, &str)]) -> Reply {
        self.json(path, &json_body(picture, fields)).await
    }

    /// Sends `picture` and `fields` as a form.
    pub async fn ask_by_form(&self, path: &str, picture: &[u8], fields: &[(&str, &str)]) -> Reply {
        let mut form = Form::new().part("image", Part::bytes(picture.to_vec()).file_name("picture"));
        for (name, value) in fields {
            form = form.text((*name).to_owned(), (*value).to_owned());
        }
        Reply::read(self.post(path).multipart(form).send().await.unwrap()).await
    }

    /// Tells the server to stop; [`ended`](Self::ended) waits for it.
    pub fn stop(&mut self) {
        self.stop.take();
    }

    pub async fn ended(&mut self) {
        self.ended.take().unwrap().await.unwrap().unwrap();
    }

    /// The value of a metric, named with its labels.
    pub fn metric(&self, name: &str) -> f64 {
        let metrics = self.metrics.render();
        let line = metrics.lines().find(|line| line.starts_with(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("{name} is missing in\n{metrics}"))
            .rsplit(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap()
    }

    fn jobs_waiting(&self) -> usize {
        let metrics = self.metrics.render();
        metrics.lines().filter(|line| line.starts_with("cmal_queue_depth") && !line.ends_with(" 0")).count()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        assert_eq!(self.metrics.inflight_requests.get(), 0, "a request is still being answered");
        // What a refused request has left in a queue is dropped when an executor comes upon it.
        let started = Instant::now();
        while self.jobs_waiting() > 0 {
            assert!(started.elapsed() < PATIENCE, "a job is still waiting:\n{}", self.metrics.render());
            std::thread::yield_now();
        }
    }
}

pub fn json_body(picture: &[u8], fields: &[(&str, &str)]) -> Value {
    let mut body = json!({"image": pictures::in_json(picture)});
    for (name, value) in fields {
        body[*name] = json!(value);
    }
    body
}
