//! From the outputs of a run to the body of the answer.

use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::bundle::{GoldenTensor, TensorEntry, Values};
use crate::http::Problem;

use super::encoding::Encoding;
use super::frame::TEXT_LENGTH;
use super::read::Wanted;
use super::{data, datatype};

/// The outputs of a graph.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InferenceResponse)]
pub struct InferResponse<'a> {
    pub model_name: &'a str,
    pub model_version: &'a str,
    /// The request's own, if it had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub id: Option<&'a str>,
    /// In the order in which the request names them, else in that of the model.
    #[schema(value_type = Vec<OutputView>)]
    pub outputs: Vec<OutputView<'a>>,
}

/// A tensor: its values in `data`, or behind the JSON if `binary_data_size` says how many bytes they are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InferenceOutput)]
pub struct OutputView<'a> {
    name: &'a str,
    datatype: &'static str,
    shape: &'a [usize],
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parameters: Option<DataSize>,
    /// The values in one row-major list; what is no number, such as an infinity, is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<serde_json::Value>, required = false)]
    data: Option<Data<'a>>,
}

/// The size of an output's binary data.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InferenceDataSize)]
pub struct DataSize {
    /// Bytes, little-endian.
    binary_data_size: usize,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Data<'a> {
    F32(&'a [f32]),
    I64(&'a [i64]),
    U8(&'a [u8]),
    Bool(&'a [bool]),
}

impl<'a> OutputView<'a> {
    pub fn new(entry: &'a TensorEntry, tensor: &'a GoldenTensor, binary: bool) -> Self {
        let values = tensor.values();
        let size = values.len() * data::width(values.dtype());
        let view = Self {
            name: &entry.name,
            datatype: datatype(values.dtype()),
            shape: tensor.shape(),
            parameters: None,
            data: None,
        };
        if binary {
            Self { parameters: Some(DataSize { binary_data_size: size }), ..view }
        } else {
            Self { data: Some(values.into()), ..view }
        }
    }
}

impl<'a> From<&'a Values> for Data<'a> {
    fn from(values: &'a Values) -> Self {
        match values {
            Values::F32(values) => Self::F32(values),
            Values::I64(values) => Self::I64(values),
            Values::U8(values) => Self::U8(values),
            Values::Bool(values) => Self::Bool(values),
        }
    }
}

/// Writes the answer, compressed if `encoding` says how.
pub fn write(
    (model, version): (&str, &str),
    outputs: &[(TensorEntry, GoldenTensor)],
    wanted: &Wanted,
    encoding: Option<Encoding>,
) -> Result<Response<Body>, Problem> {
    let all = || outputs.iter().zip(wanted.binary.iter().copied());
    let view = InferResponse {
        model_name: model,
        model_version: version,
        id: wanted.id.as_deref(),
        outputs: all().map(|((entry, tensor), binary)| OutputView::new(entry, tensor, binary)).collect(),
    };
    let text = serde_json::to_vec(&view).map_err(|error| Problem::Panic { message: error.to_string() })?;
    let (text_length, mut body) = (text.len(), text);
    all()
        .filter(|(_, binary)| *binary)
        .for_each(|((_, tensor), _)| data::to_bytes(tensor.values(), &mut body));

    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    if wanted.binary.contains(&true) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(TEXT_LENGTH, HeaderValue::from(text_length));
    } else {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some((encoding, compressed)) =
        encoding.and_then(|encoding| Some((encoding, encoding.compress(&body)?)))
    {
        headers.insert(CONTENT_ENCODING, encoding.name());
        body = compressed;
    }
    *response.body_mut() = Body::from(body);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::{Value, json};

    use super::*;
    use crate::bundle::DType;

    #[tokio::test]
    async fn binary_data_follows_the_text_in_the_order_of_the_outputs() {
        let output = |name: &str, values: Values| {
            let entry = TensorEntry { name: name.to_owned(), dtype: DType::F32, axes: Vec::new() };
            (entry, GoldenTensor::new(vec![values.len()], values).unwrap())
        };
        let outputs = [
            output("a", Values::F32(vec![1.0, f32::NAN])),
            output("b", Values::Bool(vec![true, false])),
            output("c", Values::F32(vec![0.5, f32::INFINITY])),
        ];
        let wanted = Wanted { id: Some("7".to_owned()), binary: vec![true, true, false] };
        let response = write(("m.g", "3"), &outputs, &wanted, None).unwrap();
        let length: usize = response.headers()[TEXT_LENGTH].to_str().unwrap().parse().unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let (text, data) = body.split_at(length);
        assert_eq!(
            serde_json::from_slice::<Value>(text).unwrap(),
            json!({"model_name": "m.g", "model_version": "3", "id": "7", "outputs": [
                {"name": "a", "datatype": "FP32", "shape": [2], "parameters": {"binary_data_size": 8}},
                {"name": "b", "datatype": "BOOL", "shape": [2], "parameters": {"binary_data_size": 2}},
                {"name": "c", "datatype": "FP32", "shape": [2], "data": [0.5, null]},
            ]})
        );
        assert_eq!(data[..4], 1_f32.to_le_bytes());
        assert_eq!(data[8..], [1, 0]);
    }
}
