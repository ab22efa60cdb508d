//! What the tests share: a server to talk to, pictures to send, answers to read.

pub mod bad;
pub mod close;
pub mod contract;
pub mod pictures;
pub mod reply;
pub mod server;
pub mod tensors;

pub use reply::Reply;
pub use server::TestServer;

/// Every endpoint that asks the model, with the fields it takes beside `image`.
pub const ENDPOINTS: [(&str, &[(&str, &str)]); 6] = [
    ("/v1/vqa", &[("question", "What colour is the circle?")]),
    ("/v1/entailment", &[("hypothesis", "There is a red circle.")]),
    ("/v1/grounding", &[("expression", "the red circle")]),
    ("/v1/match", &[("text", "a red circle")]),
    ("/v1/objects", &[]),
    ("/v1/associations", &[("text", "a red circle")]),
];
