//! Whole models: dynamic axes, names, refusals, and both runtimes on the shapes of model that the exporter is for.

use burn::Tensor;
use burn::module::{Module, Param};
use burn::nn::attention::{MhaInput, MultiHeadAttention, MultiHeadAttentionConfig};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::transformer::{TransformerEncoder, TransformerEncoderConfig, TransformerEncoderInput};
use burn::nn::{
    Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig, PaddingConfig2d,
};
use burn::tensor::activation::{log_softmax, relu, sigmoid};
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Bool, Device, Distribution, Int, TensorData};

use super::convert::{Options, convert};
use super::error::Error;
use super::signature::{Axis, Kind, Signature};
use super::testing::{Bare, check, check_module, check_narrow, inputs, run, session};
use super::values::Values;

fn one<const D: usize>(name: &str, tensor: Tensor<D>) -> Result<Values, Error> {
    let mut values = Values::new();
    values.insert_float(name, tensor);
    Ok(values)
}

fn batch_of(axes: &[Axis]) -> Vec<Axis> {
    [&[Axis::named("batch")], axes].concat()
}

#[derive(Module, Debug)]
struct Stack {
    layers: Vec<Linear>,
    norm: LayerNorm,
}

impl Stack {
    fn new(device: &Device) -> Self {
        let layers = (0..2).map(|_| LinearConfig::new(11, 11).init(device)).collect();
        Self { layers, norm: LayerNormConfig::new(11).init(device) }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let x = self.layers.iter().fold(x, |x, layer| relu(layer.forward(x)));
        self.norm.forward(x)
    }
}

fn sequence(width: usize) -> Signature {
    Signature::new("sequence").input("x", Kind::F32, batch_of(&[Axis::named("tokens"), Axis::fixed(width)]))
}

#[test]
fn parameters_are_named_by_their_module_path() {
    let module = Stack::new(&Device::default());
    let model = check_module(sequence(11), &module, |m: &Stack, v| one("y", m.forward(v.float("x")?)));
    let names: Vec<&str> = model.initializers().collect();
    for name in ["layers.0.weight", "layers.0.bias", "layers.1.weight", "norm.gamma", "norm.beta"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    let operators: Vec<&str> = model.operators().collect();
    let expected = ["MatMul", "Add", "Relu", "MatMul", "Add", "Relu", "LayerNormalization"];
    assert_eq!(operators, expected, "a stack of layers needs no other operators");
}

#[test]
fn named_axes_stay_named_in_the_graph() {
    let module = Stack::new(&Device::default());
    let axes = batch_of(&[Axis::named("tokens"), Axis::fixed(11)]);
    let signature = sequence(11).output("y", axes.clone());
    let model = check_module(signature, &module, |m: &Stack, v| one("y", m.forward(v.float("x")?)));
    assert_eq!(model.inputs()[0].axes, axes);
    assert_eq!((model.outputs()[0].name.as_str(), model.outputs()[0].kind()), ("y", Some(Kind::F32)));
    assert_eq!(model.outputs()[0].axes, axes);
    let session = session(&model);
    let text = format!("{:?}", session.outputs());
    assert!(text.contains("batch") && text.contains("tokens"), "{text}");
}

#[test]
fn an_output_with_other_axes_than_declared_is_refused() {
    let module = Stack::new(&Device::default());
    let signature = sequence(11).output("y", batch_of(&[Axis::named("batch"), Axis::fixed(11)]));
    let error =
        convert(&signature, &module, Options::default(), |m: &Stack, v| one("y", m.forward(v.float("x")?)));
    assert!(matches!(error, Err(Error::OutputAxes { output, .. }) if output == "y"));
}

#[test]
fn an_operation_without_translation_names_itself_and_its_module() {
    let module = Stack::new(&Device::default());
    let signature = sequence(11).output("y", batch_of(&[Axis::named("tokens"), Axis::fixed(11)]));
    let error = convert(&signature, &module, Options::default(), |m: &Stack, v| {
        let x = m.layers[1].forward(v.float::<3>("x")?);
        one("y", x.cumprod(1))
    });
    match error {
        Err(Error::UnknownOperation { op, module }) => {
            assert_eq!((op.as_str(), module.as_str()), ("NumericFloat.CumProd", "layers.1"));
        }
        other => panic!("expected an unknown operation, got {:?}", other.map(|model| model.to_bytes().len())),
    }
}

#[test]
fn a_structure_that_depends_on_a_size_is_refused_where_it_parts() {
    let module = Stack::new(&Device::default());
    let signature = sequence(11).output("y", batch_of(&[Axis::named("tokens"), Axis::fixed(11)]));
    let error = convert(&signature, &module, Options::default(), |m: &Stack, v| {
        let x: Tensor<3> = m.layers[1].forward(v.float("x")?);
        one("y", if x.dims()[1] > 40 { x.exp() } else { x.sqrt() })
    });
    match error {
        Err(Error::Diverged { node, module, first, second, .. }) => {
            assert_eq!((node, module.as_str()), (1, "layers.1"));
            assert!(first.contains("Sqrt") || first.contains("Exp"), "{first} against {second}");
        }
        other => panic!("expected a divergence, got {:?}", other.map(|model| model.to_bytes().len())),
    }
}

#[test]
fn a_number_that_depends_on_a_size_is_refused() {
    let signature = sequence(3).output("y", batch_of(&[Axis::named("tokens"), Axis::fixed(3)]));
    let error = convert(&signature, &Bare {}, Options::default(), |_, v| {
        let x = v.float::<3>("x")?;
        let tokens = x.dims()[1];
        one("y", x.div_scalar(tokens as f32))
    });
    assert!(matches!(error, Err(Error::Diverged { node: 0, .. })), "{:?}", error.err());
}

#[test]
fn values_made_inside_that_depend_on_a_size_are_refused() {
    let signature = sequence(3).output("y", batch_of(&[Axis::named("tokens"), Axis::fixed(3)]));
    let error = convert(&signature, &Bare {}, Options::default(), |_, v| {
        let x = v.float::<3>("x")?;
        let tokens = x.dims()[1];
        let wave: Vec<f32> = (0..tokens).map(|i| (i as f32).sin()).collect();
        let wave = Tensor::<1>::from_data(TensorData::new(wave, [tokens]), &x.device());
        one("y", x + wave.reshape([1, tokens, 1]))
    });
    assert!(matches!(error, Err(Error::DynamicConstant { .. })), "{:?}", error.err());
}

#[test]
fn a_forward_pass_that_reads_a_computed_value_is_an_error() {
    let signature = sequence(3).output("y", batch_of(&[Axis::named("tokens"), Axis::fixed(3)]));
    let error = convert(&signature, &Bare {}, Options::default(), |_, v| {
        let x = v.float::<3>("x")?.exp();
        let largest = x.clone().max().into_scalar::<f32>();
        one("y", x.div_scalar(largest))
    });
    assert!(matches!(error, Err(Error::Forward { .. })), "{:?}", error.err());
}

#[test]
fn missing_and_unnamed_outputs_are_errors_that_name_them() {
    let signature = sequence(3).output("y", batch_of(&[Axis::named("tokens"), Axis::fixed(3)]));
    let missing = convert(&signature, &Bare {}, Options::default(), |_, _| Ok(Values::new()));
    assert!(matches!(missing, Err(Error::MissingValue { name, .. }) if name == "y"));
    let unnamed = convert(&signature, &Bare {}, Options::default(), |_, v| one("z", v.float::<3>("x")?));
    assert!(matches!(unnamed, Err(Error::UnnamedOutput { name, .. }) if name == "z"));
}

#[test]
fn an_output_may_be_an_input_a_parameter_or_given_twice() {
    let module = Stack::new(&Device::default());
    let model = check_module(sequence(11), &module, |m: &Stack, v| {
        let x = v.float::<3>("x")?;
        let mut values = one("same", x.clone())?;
        values.insert_float("twice", x.clone().exp());
        values.insert_float("again", values.float::<3>("twice")?);
        values.insert_float("weight", m.layers[0].weight.val());
        Ok(values)
    });
    assert_eq!(model.outputs().len(), 4);
}

#[test]
fn narrow_weights_halve_the_file_and_stay_close() {
    let module = LinearConfig::new(60, 50).init(&Device::default());
    let forward = |m: &Linear, v: &Values| one("y", m.forward(v.float::<3>("x")?));
    let wide = check_module(sequence(60), &module, forward).to_bytes().len();
    let narrow = check_narrow(sequence(60), &module, forward).to_bytes().len();
    assert!(narrow < wide * 6 / 10, "{narrow} bytes against {wide}");
}

#[test]
fn a_transformer_encoder_runs_at_any_batch_and_length() {
    let device = Device::default();
    let module = TransformerEncoderConfig::new(12, 20, 3, 2).with_norm_first(true).init(&device);
    let signature = sequence(12).input("padding", Kind::Bool, batch_of(&[Axis::named("tokens")]));
    let model = check_module(signature, &module, |m: &TransformerEncoder, v| {
        let input = TransformerEncoderInput::new(v.float("x")?).mask_pad(v.bool("padding")?);
        one("y", m.forward(input))
    });
    let names: Vec<&str> = model.initializers().collect();
    for name in [
        "layers.0.mha.query.weight+key+value",
        "layers.1.mha.query.bias+key+value",
        "layers.1.mha.output.weight",
    ] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
}

#[test]
fn a_fully_masked_row_stays_finite_in_both_runtimes() {
    let module = MultiHeadAttentionConfig::new(8, 2).init(&Device::default());
    let signature = sequence(8).output("y", batch_of(&[Axis::named("tokens"), Axis::fixed(8)]));
    let forward = |m: &MultiHeadAttention, v: &Values| {
        let x = v.float::<3>("x")?;
        let [batch, tokens, _] = x.dims();
        let all = Tensor::<2>::ones([batch, tokens], &x.device()).greater_elem(0.5);
        one("y", m.forward(MhaInput::self_attn(x).mask_pad(all)).context)
    };
    let model = convert(&signature, &module, Options::default(), forward).unwrap();
    let values = inputs(&signature, &[("batch".into(), 3), ("tokens".into(), 4)].into(), 1);
    let burn: Vec<f64> = forward(&module, &values).unwrap().data("y").unwrap().iter::<f64>().collect();
    let onnx = run(&mut session(&model), &signature, &values);
    assert!(burn.iter().chain(&onnx["y"].values).all(|value| value.is_finite()));
    assert!(burn.iter().zip(&onnx["y"].values).all(|(a, b)| (a - b).abs() < 1e-5));
}

#[test]
fn sizes_computed_inside_follow_the_inputs() {
    let signature = Signature::new("sizes")
        .input("x", Kind::F32, batch_of(&[Axis::named("objects"), Axis::fixed(6)]))
        .input("t", Kind::F32, batch_of(&[Axis::up_to("tokens", 24), Axis::fixed(6)]));
    check(signature, |v| {
        let (x, t) = (v.float::<3>("x")?, v.float::<3>("t")?);
        let ([batch, objects, width], [_, tokens, _]) = (x.dims(), t.dims());
        let device = x.device();
        let both = Tensor::cat(vec![t.clone(), x.clone()], 1);
        let slots = tokens + objects;
        let mut out = one("flat", both.clone().reshape([batch * slots, width]))?;
        out.insert_float("heads", both.clone().reshape([batch, slots, 2, 3]).swap_dims(1, 2));
        out.insert_float("matrix", x.clone().reshape([batch * 2, objects * 3]));
        out.insert_float("back", both.clone().slice([0..batch, tokens..slots]));
        out.insert_float("front", both.slice([0..batch, 0..tokens, 1..4]));
        out.insert_float("zeros", Tensor::<3>::zeros([batch, slots + 1, 2], &device));
        let positions = Tensor::<1, Int>::arange(0..slots as i64, &device);
        out.insert_int("positions", positions.clone().reshape([1, slots]).expand([batch, slots]));
        out.insert_int("odd", Tensor::<1, Int>::arange_step(1..2 * tokens as i64, 2, &device));
        out.insert_float("repeated", x.clone().repeat_dim(1, tokens));
        out.insert_float(
            "wide",
            t.reshape([batch, tokens, 1, width]).expand([batch, tokens, objects, width]),
        );
        out.insert_float("mean", x.mean_dim(1).squeeze_dim::<2>(1));
        Ok(out)
    });
}

/// A detector in miniature: bytes in; peaks of a heat-map out, with the features found there.
#[derive(Module, Debug)]
struct Detector {
    stem: Conv2d,
    block: Conv2d,
    heat: Conv2d,
    size: Conv2d,
}

impl Detector {
    fn new(device: &Device) -> Self {
        let conv = |from, to, stride| {
            Conv2dConfig::new([from, to], [3, 3])
                .with_stride([stride, stride])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(device)
        };
        let head = |to| Conv2dConfig::new([7, to], [1, 1]).init(device);
        Self { stem: conv(3, 7, 2), block: conv(7, 7, 1), heat: head(2), size: head(2) }
    }

    fn forward(&self, values: &Values) -> Result<Values, Error> {
        const TOP: usize = 5;
        let pixels = values.int::<4>("pixels")?.float().div_scalar(255.0).permute([0, 3, 1, 2]);
        let x = relu(self.stem.forward(pixels));
        let x = x.clone() + relu(self.block.forward(x));
        let heat = sigmoid(self.heat.forward(x.clone()));
        let [batch, classes, height, width] = heat.dims();
        let pooled =
            max_pool2d(heat.clone(), MaxPoolOptions::new([3, 3]).with_stride([1, 1]).with_padding([1, 1]));
        let peaks = pooled.equal(heat.clone());
        let heat = heat.mask_fill(peaks.bool_not(), 0.0).reshape([batch, classes * height * width]);
        let (scores, found) = heat.topk_with_indices(TOP, 1);
        let place = found.clone().remainder_scalar((height * width) as i64);
        let class = found.div_scalar((height * width) as i64);
        let (row, column) =
            (place.clone().div_scalar(width as i64), place.clone().remainder_scalar(width as i64));
        let at = |map: Tensor<4>| {
            let channels = map.dims()[1];
            let flat = map.reshape([batch, channels, height * width]).swap_dims(1, 2);
            let index = place.clone().reshape([batch, TOP, 1]).expand([batch, TOP, channels]);
            flat.gather(1, index)
        };
        let (size, features) = (at(self.size.forward(x.clone())), at(x));
        let centre =
            Tensor::stack::<3>(vec![column.float(), row.float()], 2).add_scalar(0.5).div_scalar(width as f32);
        let half = size.exp().div_scalar(16.0);
        let boxes = Tensor::cat(vec![centre.clone() - half.clone(), centre + half], 2).clamp(0.0, 1.0);
        let mut out = Values::new();
        out.insert_float("boxes", boxes);
        out.insert_float("features", features);
        out.insert_bool("mask", scores.clone().greater_elem(0.1));
        out.insert_float("scores", scores);
        out.insert_int("classes", class);
        Ok(out)
    }
}

#[test]
fn a_detector_with_peaks_and_gathered_features_exports() {
    let axes = batch_of(&[Axis::fixed(16), Axis::fixed(16), Axis::fixed(3)]);
    let signature = Signature::new("objects").input("pixels", Kind::U8, axes);
    let detector = Detector::new(&Device::default());
    check_module(signature, &detector, |m: &Detector, v| m.forward(v));
}

/// Both encoders and the fusion of a vision-language model in miniature. Masks are true at real positions.
#[derive(Module, Debug)]
struct Reader {
    words: Embedding,
    positions: Param<Tensor<2>>,
    radius: Param<Tensor<1>>,
    norm: LayerNorm,
    features: Linear,
    geometry: Linear,
    layers: Vec<Layer>,
    kinds: Param<Tensor<2>>,
    answer: Linear,
    place: Linear,
}

#[derive(Module, Debug)]
struct Layer {
    before: LayerNorm,
    query_key_value: Linear,
    out: Linear,
    between: LayerNorm,
    widen: Linear,
    narrow: Linear,
}

const WIDTH: usize = 12;
const HEADS: usize = 3;

impl Layer {
    fn new(device: &Device) -> Self {
        let linear = |from, to| LinearConfig::new(from, to).init(device);
        let norm = || LayerNormConfig::new(WIDTH).init(device);
        Self {
            before: norm(),
            query_key_value: linear(WIDTH, 3 * WIDTH),
            out: linear(WIDTH, WIDTH),
            between: norm(),
            widen: linear(WIDTH, 2 * WIDTH),
            narrow: linear(2 * WIDTH, WIDTH),
        }
    }

    fn forward(&self, x: Tensor<3>, mask: &Tensor<2, Bool>) -> Tensor<3> {
        let [batch, slots, _] = x.dims();
        let parts = self.query_key_value.forward(self.before.forward(x.clone())).chunk(3, 2);
        let [query, key, value]: [Tensor<4>; 3] = std::array::from_fn(|i| {
            parts[i].clone().reshape([batch, slots, HEADS, WIDTH / HEADS]).swap_dims(1, 2)
        });
        let scores = query.matmul(key.transpose()).div_scalar(((WIDTH / HEADS) as f32).sqrt());
        let hidden = mask.clone().bool_not().reshape([batch, 1, 1, slots]);
        let weights = burn::tensor::activation::softmax(scores.mask_fill(hidden, -1e9), 3);
        let mixed = weights.matmul(value).swap_dims(1, 2).reshape([batch, slots, WIDTH]);
        let x = x + self.out.forward(mixed);
        x.clone() + self.narrow.forward(relu(self.widen.forward(self.between.forward(x))))
    }
}

impl Reader {
    fn new(device: &Device) -> Self {
        let table = |rows| Param::from_tensor(Tensor::random([rows, WIDTH], Distribution::Default, device));
        Self {
            words: EmbeddingConfig::new(9, WIDTH).init(device),
            positions: table(24),
            radius: Param::from_tensor(Tensor::ones([1], device)),
            norm: LayerNormConfig::new(WIDTH).init(device),
            features: LinearConfig::new(7, WIDTH).init(device),
            geometry: LinearConfig::new(7, WIDTH).init(device),
            layers: (0..2).map(|_| Layer::new(device)).collect(),
            kinds: table(2),
            answer: LinearConfig::new(WIDTH, 10).init(device),
            place: LinearConfig::new(WIDTH, 1).init(device),
        }
    }

    fn on_sphere(&self, x: Tensor<3>) -> Tensor<3> {
        let length = x.clone().powf_scalar(2.0).sum_dim(2).add_scalar(1e-6).sqrt();
        x / length * self.radius.val().reshape([1, 1, 1])
    }

    fn forward(&self, values: &Values) -> Result<Values, Error> {
        let ids = values.int::<2>("ids")?;
        let [batch, tokens] = ids.dims();
        let position = self.positions.val().narrow(0, 0, tokens).unsqueeze::<3>();
        let text = self.on_sphere(self.norm.forward(self.words.forward(ids) + position));
        let text_mask = values.bool::<2>("text_mask")?;

        let boxes = values.float::<3>("boxes")?;
        let objects = boxes.dims()[1];
        let (low, high) = (boxes.clone().slice([0..batch, 0..objects, 0..2]), boxes.clone().narrow(2, 2, 2));
        let size = high - low;
        let area = size.clone().narrow(2, 0, 1) * size.clone().narrow(2, 1, 1);
        let geometry = Tensor::cat(vec![boxes, size, area], 2);
        let seen = self.features.forward(values.float("features")?) + self.geometry.forward(geometry);
        let seen = self.on_sphere(self.norm.forward(seen));
        let seen_mask = values.bool::<2>("mask")?;

        let kind = |row: usize| self.kinds.val().narrow(0, row, 1).unsqueeze::<3>();
        let slots = Tensor::cat(vec![text + kind(0), seen + kind(1)], 1);
        let mask = Tensor::cat(vec![text_mask.clone(), seen_mask.clone()], 1);
        let slots = self.layers.iter().fold(slots, |x, layer| layer.forward(x, &mask));

        let text = slots.clone().slice([0..batch, 0..tokens]);
        let weight = text_mask.float().unsqueeze_dim::<3>(2);
        let count = weight.clone().sum_dim(1).clamp_min(1.0);
        let pooled = ((text * weight).sum_dim(1) / count).squeeze_dim::<2>(1);
        let scores =
            self.place.forward(slots.slice([0..batch, tokens..tokens + objects])).squeeze_dim::<2>(2);
        let mut out = Values::new();
        out.insert_float("answers", log_softmax(self.answer.forward(pooled), 1));
        out.insert_float("scores", scores.mask_fill(seen_mask.bool_not(), -1e4));
        Ok(out)
    }
}

#[test]
fn a_vision_language_model_exports_with_dynamic_batch_objects_and_tokens() {
    let (objects, tokens) = (Axis::up_to("objects", 16), Axis::up_to("tokens", 24));
    let signature = Signature::new("fusion")
        .input("ids", Kind::I64, batch_of(std::slice::from_ref(&tokens)))
        .input("text_mask", Kind::Bool, batch_of(&[tokens]))
        .input("features", Kind::F32, batch_of(&[objects.clone(), Axis::fixed(7)]))
        .input("boxes", Kind::F32, batch_of(&[objects.clone(), Axis::fixed(4)]))
        .input("mask", Kind::Bool, batch_of(std::slice::from_ref(&objects)))
        .output("answers", batch_of(&[Axis::fixed(10)]))
        .output("scores", batch_of(&[objects]));
    let reader = Reader::new(&Device::default());
    let model = check_module(signature.clone(), &reader, |m: &Reader, v| m.forward(v));
    let names: Vec<&str> = model.initializers().collect();
    assert!(names.contains(&"layers.1.query_key_value.weight") && names.contains(&"positions"), "{names:?}");
    check_narrow(signature, &reader, |m: &Reader, v| m.forward(v));
}
