//! Hot swap: a new version of the bundle takes the old one's place while requests are answered.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use reqwest::blocking::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Process, serve};
use crate::support::ENDPOINTS;
use crate::support::pictures::{png, scene};
use crate::support::server::{bundle, json_body};

/// A folder for bundles, with versions of `models/shapes` beside the one that is served.
struct Home(TempDir);

impl Home {
    /// A home where `first` is served.
    fn with(first: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        home.write(first);
        home.place(first);
        home
    }

    fn served(&self) -> PathBuf {
        self.0.path().join("shapes")
    }

    fn version(&self, version: &str) -> PathBuf {
        self.0.path().join(format!(".{version}"))
    }

    /// Writes a version beside the one that is served. Every version is surer or less sure than the others, so its scores are its own.
    fn write(&self, version: &str) -> PathBuf {
        let folder = self.version(version);
        copy(bundle().folder(), &folder);
        let path = folder.join("manifest.json");
        let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let temperature = 2.0 * version.parse::<f64>().unwrap();
        manifest["version"] = json!(version);
        manifest["temperatures"] = json!({"vqa": temperature, "entailment": temperature});
        fs::write(path, serde_json::to_vec(&manifest).unwrap()).unwrap();
        folder
    }

    /// Serves a version that was written: in one step, the name leads to another folder.
    fn place(&self, version: &str) {
        let link = self.0.path().join(".link");
        symlink(self.version(version), &link).unwrap();
        fs::rename(link, self.served()).unwrap();
    }

    fn serve(&self, watch_seconds: &str) -> Process {
        Process::start(
            serve()
                .args(["--grace-ms", "0", "--watch-seconds", watch_seconds, "--models"])
                .arg(self.0.path()),
        )
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

fn flip_a_byte(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// What `/v1/models` says of the one model.
fn model(process: &Process) -> Value {
    let mut models: Value = process.get("/v1/models").json().unwrap();
    models["models"][0].take()
}

fn until_served(process: &Process, version: &str) {
    while model(process)["version"] != version {
        thread::yield_now();
    }
}

fn metric(process: &Process, line: &str) -> bool {
    process.get("/metrics").text().unwrap().lines().any(|found| found == line)
}

/// Threads of engines: those that run graphs and those that decode.
fn engine_threads(process: &Process) -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", process.id())).unwrap();
    // A thread may end between the listing and the look at its name.
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.starts_with("executor-") || name.starts_with("worker-")).count()
}

/// Asks a question and gives the name of the model that answered and the best answer's score.
fn ask(client: &Client, url: &str, body: &Value) -> (String, f64) {
    let response = client.post(format!("{url}/v1/vqa")).json(body).send().unwrap();
    let status = response.status();
    let answer: Value = response.json().unwrap();
    assert!(status.is_success(), "{answer}");
    (answer["model"].as_str().unwrap().to_owned(), answer["answers"][0]["score"].as_f64().unwrap())
}

#[test]
fn five_swaps_under_load_lose_no_answer_mix_none_and_leave_no_thread_behind() {
    let home = Home::with("1");
    home.write("2");
    let process = home.serve("0");
    let body = json_body(&png(&scene(128, 96, 0)), ENDPOINTS[0].1);
    let client = Client::new();
    let threads = engine_threads(&process);
    let mut own = HashMap::from([ask(&client, &process.url, &body)]);
    let swap = |version| {
        home.place(version);
        process.signal("-HUP");
        until_served(&process, version);
    };
    swap("2");
    own.extend([ask(&client, &process.url, &body)]);
    let apart = (own["shapes@1"] - own["shapes@2"]).abs();
    assert!(apart > 0.01, "the versions can't be told apart by their scores: {own:?}");

    let stop = AtomicBool::new(false);
    let answered = thread::scope(|scope| {
        let askers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut answered: HashMap<String, usize> = HashMap::new();
                    while !stop.load(Ordering::Relaxed) {
                        let (model, score) = ask(&client, &process.url, &body);
                        let difference = (score - own[&model]).abs();
                        assert!(
                            difference <= 1e-4,
                            "{model} answers with {score}, by itself with {}",
                            own[&model]
                        );
                        *answered.entry(model).or_default() += 1;
                    }
                    answered
                })
            })
            .collect();
        for version in ["1", "2", "1", "2", "1"] {
            swap(version);
        }
        stop.store(true, Ordering::Relaxed);
        askers.into_iter().flat_map(|asker| asker.join().unwrap()).fold(
            HashMap::new(),
            |mut all, (model, count)| {
                *all.entry(model).or_insert(0) += count;
                all
            },
        )
    });
    assert!(["shapes@1", "shapes@2"].iter().all(|model| answered.get(*model) > Some(&0)), "{answered:?}");
    // An engine ends with the last request that it answers.
    while engine_threads(&process) > threads {
        thread::yield_now();
    }
    assert_eq!(engine_threads(&process), threads);
    assert!(metric(&process, r#"cmal_model_reloads_total{outcome="switched"} 6"#));
    assert!(metric(&process, r#"cmal_model_reloads_total{outcome="refused"} 0"#));
    process.terminate();
    let (status, log) = process.ended();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn a_new_version_is_noticed_by_itself_and_the_former_is_shown_no_more() {
    let home = Home::with("1");
    let process = home.serve("1");
    home.write("2");
    home.place("2");
    until_served(&process, "2");
    let metrics = process.get("/metrics").text().unwrap();
    let shown: Vec<_> = metrics.lines().filter(|line| line.starts_with("cmal_model_info{")).collect();
    assert_eq!(shown, [r#"cmal_model_info{model="shapes",provider="cpu",version="2"} 1"#]);
    assert_eq!(process.get("/v1/models/shapes@2").status(), 200);
    assert_eq!(process.get("/v1/models/shapes@1").status(), 404);
    process.terminate();
    let (_, log) = process.ended();
    assert!(log.contains("shapes@1") && log.contains("shapes@2"), "{log}");
}

#[test]
fn what_a_version_kept_goes_with_it_and_pictures_that_clients_left_stay() {
    let home = Home::with("1");
    let process = home.serve("0");
    let client = Client::new();
    let picture = json_body(&png(&scene(128, 96, 0)), &[]);
    let left = client.post(format!("{}/v1/images", process.url)).json(&picture).send().unwrap();
    let left: Value = left.json().unwrap();
    let body = json!({"image": {"id": left["id"]}, "question": "What colour is the circle?"});
    assert_eq!(ask(&client, &process.url, &body).0, "shapes@1");
    let empty = ["pictures", "texts"].map(|cache| format!(r#"cmal_cache_bytes{{cache="{cache}"}} 0"#));
    assert!(empty.iter().all(|line| !metric(&process, line)));
    home.write("2");
    home.place("2");
    process.signal("-HUP");
    until_served(&process, "2");
    // The former engine ends after the last request that it answers.
    while !empty.iter().all(|line| metric(&process, line)) {
        thread::yield_now();
    }
    assert_eq!(ask(&client, &process.url, &body).0, "shapes@2");
    process.terminate();
    assert_eq!(process.ended().0.code(), Some(0));
}

#[test]
fn a_broken_version_is_refused_with_its_reason_until_it_is_mended() {
    let home = Home::with("1");
    let process = home.serve("1");
    let broken = home.write("2");
    flip_a_byte(&broken.join("fusion.onnx"));
    home.place("2");
    while model(&process)["refused"].is_null() {
        thread::yield_now();
    }
    let told = model(&process);
    assert_eq!((told["version"].as_str(), told["refused"]["version"].as_str()), (Some("1"), Some("2")));
    assert!(told["refused"]["reason"].as_str().unwrap().contains("fusion.onnx"), "{told}");
    let body = json_body(&png(&scene(128, 96, 0)), ENDPOINTS[0].1);
    assert_eq!(ask(&Client::new(), &process.url, &body).0, "shapes@1");
    assert!(metric(&process, r#"cmal_model_reloads_total{outcome="refused"} 1"#));
    // The manifest stays as it is: what was missing arrives.
    fs::copy(bundle().folder().join("fusion.onnx"), broken.join("fusion.onnx")).unwrap();
    until_served(&process, "2");
    assert!(model(&process)["refused"].is_null());
    assert!(metric(&process, r#"cmal_model_reloads_total{outcome="refused"} 1"#));
    process.terminate();
    let (_, log) = process.ended();
    assert_eq!(log.lines().filter(|line| line.contains("is refused")).count(), 1, "{log}");
}

#[test]
fn a_hangup_with_nothing_new_changes_nothing_and_one_without_a_bundle_is_refused() {
    let home = Home::with("1");
    let process = home.serve("0");
    process.signal("-HUP");
    fs::remove_file(home.served()).unwrap();
    process.signal("-HUP");
    while model(&process)["refused"].is_null() {
        thread::yield_now();
    }
    let told = model(&process);
    assert!(told["refused"]["reason"].as_str().unwrap().contains("manifest.json"), "{told}");
    assert!(metric(&process, r#"cmal_model_reloads_total{outcome="switched"} 0"#));
    home.place("1");
    process.signal("-HUP");
    while !model(&process)["refused"].is_null() {
        thread::yield_now();
    }
    process.terminate();
    assert_eq!(process.ended().0.code(), Some(0));
}
