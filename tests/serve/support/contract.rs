//! The contract as tests read it: references are followed, values are held against their schemas.

use jsonschema::draft202012;
use serde_json::{Map, Value};

use super::{Reply, TestServer};

/// The contract that a server gives.
pub struct Contract(Value);

/// One method of one path.
#[derive(Clone, Copy)]
pub struct Operation<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub item: &'a Value,
}

impl Contract {
    pub async fn of(server: &TestServer) -> Self {
        Self(server.get("/openapi.json").await.answer())
    }

    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        members(&self.0["paths"]).flat_map(|(path, methods)| {
            members(methods).map(move |(method, item)| Operation { method, path, item })
        })
    }

    pub fn parameters<'a>(&'a self, operation: Operation<'a>) -> impl Iterator<Item = &'a Value> {
        let parameters = operation.item["parameters"].as_array().into_iter().flatten();
        parameters.map(|parameter| self.resolve(parameter))
    }

    pub fn responses<'a>(
        &'a self,
        operation: Operation<'a>,
    ) -> impl Iterator<Item = (&'a String, &'a Value)> {
        members(&operation.item["responses"]).map(|(status, response)| (status, self.resolve(response)))
    }

    /// The component that a reference leads to, or the value itself.
    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.trim_start_matches('#')).unwrap(),
            None => value,
        }
    }

    /// Holds that a value is what its schema says.
    pub fn check(&self, schema: &Value, value: &Value, place: &str) {
        let mut schema = schema.clone();
        // Its references lead there.
        schema["components"] = self.0["components"].clone();
        let validator = draft202012::options().should_validate_formats(true).build(&schema).unwrap();
        let faults: Vec<String> =
            validator.iter_errors(value).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        assert!(faults.is_empty(), "{place}: {faults:#?} in {value}");
    }

    /// Holds that a reply is one of those that the operation has; returns its body as the contract has it, and as it came.
    pub fn check_reply<'a>(
        &'a self,
        operation: Operation<'a>,
        reply: &Reply,
        place: &str,
    ) -> Option<(&'a Value, Value)> {
        let status = reply.status.to_string();
        let documented = self.responses(operation).find(|(documented, _)| **documented == status);
        let (_, response) = documented.unwrap_or_else(|| panic!("{place}: {status} is not in the contract"));
        for (name, _) in members(&response["headers"]) {
            // These two depend on what was to be done.
            let optional = ["Server-Timing", "Inference-Header-Content-Length"].contains(&name.as_str());
            assert!(optional || reply.header(name).is_some(), "{place}: {status} came without {name}");
        }
        let Some(content) = response.get("content") else {
            assert!(reply.body.is_empty(), "{place}: {status} has no body in the contract");
            return None;
        };
        let media_type = reply.header("content-type").unwrap().split(';').next().unwrap();
        let body = content.get(media_type);
        let body = body.unwrap_or_else(|| panic!("{place}: {status} as {media_type} is not in the contract"));
        let answer = if media_type.ends_with("json") {
            serde_json::from_str(&reply.body).unwrap()
        } else {
            Value::String(reply.body.clone())
        };
        self.check(&body["schema"], &answer, place);
        Some((body, answer))
    }
}

/// The members of an object, none if it is no object.
pub fn members(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flat_map(Map::iter)
}

/// What stands as an example with a parameter or a body.
pub fn examples(described: &Value) -> impl Iterator<Item = &Value> {
    let named = members(&described["examples"]).map(|(_, example)| &example["value"]);
    described.get("example").into_iter().chain(named)
}
