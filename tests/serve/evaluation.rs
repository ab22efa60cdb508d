//! `cmal eval` over HTTP: the figures of a running server are those of its engine.

use cmal::data::{Dataset, OnBad};
use cmal::eval::{Asked, InProcess, Part, Server, Subject, evaluate};
use cmal::world::{self, Options};

use crate::support::TestServer;
use crate::support::close::assert_close;

#[tokio::test]
async fn a_server_is_measured_as_its_engine_is() {
    let server = TestServer::start().await;
    let (engine, root) = (server.engine.clone(), server.url(""));
    let measured = tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { scenes: 8, seed: 11, held_out: false };
        world::write(folder.path(), &options, &|_| {}).unwrap();
        let dataset = Dataset::open(folder.path(), OnBad::Stop).unwrap().dataset;
        let pictures: Vec<_> = dataset.pictures.iter().collect();
        let (in_process, server) = (InProcess::new(engine).unwrap(), Server::new(&root));
        let subjects: [&dyn Subject; 2] = [&in_process, &server];
        subjects.map(|subject| {
            let asked = Asked {
                dataset: &dataset,
                pictures: &pictures,
                parts: &Part::ALL,
                subject,
                coarse: &in_process,
            };
            serde_json::to_value(evaluate(&asked, &|| {}).unwrap().report).unwrap()
        })
    });
    let [engine, server] = measured.await.unwrap();
    for part in Part::ALL {
        assert!(engine[part.name()].is_object(), "{engine} lacks {}", part.name());
    }
    assert!(engine["association"]["named_auc"]["count"].as_u64().unwrap() > 8, "{engine}");
    assert_close(&engine, &server, "");
}
