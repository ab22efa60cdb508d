//! One run of a forward pass on burn's capture device, which records operations instead of computing them.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::Tensor;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Bool, DType, Device, DispatchTensor, Float, Int, TensorData};
use burn_capture::CaptureBackend;
use burn_ir::{OperationIr, TensorId};

use super::error::Error;
use super::signature::{Axis, AxisSizes, Signature};
use super::values::Values;

/// What one run recorded.
pub(super) struct Capture {
    /// Operations in the order in which they ran.
    pub operations: Vec<OperationIr>,
    /// Graph inputs, in the order of the signature.
    pub inputs: Vec<TensorId>,
    /// Parameters with their module paths, in the order in which the module is walked.
    pub parameters: Vec<(TensorId, String)>,
    /// Graph outputs, in the order of the signature.
    pub outputs: Vec<TensorId>,
    /// Content of parameters and of tensors made from values inside the forward pass.
    pub constants: BTreeMap<TensorId, TensorData>,
}

struct Boundary {
    inputs: Vec<TensorId>,
    parameters: Vec<(TensorId, String)>,
    outputs: Vec<TensorId>,
}

/// Runs `forward` with inputs of the given sizes and records it.
pub(super) fn capture<M: Module>(
    signature: &Signature,
    module: &M,
    sizes: &AxisSizes,
    forward: impl Fn(&M, &Values) -> Result<Values, Error>,
) -> Result<Capture, Error> {
    // A parameter that nobody read yet would be initialised on the capture device, as an operation on random numbers.
    module.visit(&mut Initialise);
    let device = Device::capture();
    let mut boundary = None;
    let run = AssertUnwindSafe(|| {
        device.capture_scope(|scope| {
            boundary = Some(record(signature, module, sizes, &device, forward));
            // The boundary is kept here: ONNX allows an output that is an input, a parameter or given twice, which the
            // check of the scope refuses.
            scope.complete([], [])
        })
    });
    // burn answers misuse by panicking, for instance when a forward pass reads a computed value.
    let captured = catch_unwind(run).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("burn panicked");
        failed(signature, text)
    })?;
    let captured = captured.map_err(|error| failed(signature, &error.to_string()))?;
    let Boundary { inputs, parameters, outputs } =
        boundary.unwrap_or_else(|| Err(failed(signature, "the capture scope did not run")))?;
    Ok(Capture {
        operations: captured.graph.operations,
        inputs,
        parameters,
        outputs,
        constants: captured.values,
    })
}

fn record<M: Module>(
    signature: &Signature,
    module: &M,
    sizes: &AxisSizes,
    device: &Device,
    forward: impl Fn(&M, &Values) -> Result<Values, Error>,
) -> Result<Boundary, Error> {
    let module = module.valid().to_device(device);
    let mut names = ParameterNames::default();
    module.visit(&mut names);
    let mut values = Values::new();
    for input in &signature.inputs {
        let shape: Vec<usize> = input.axes.iter().map(|axis| size_of(axis, sizes)).collect();
        values.insert_data(&input.name, TensorData::full_dtype(shape, 0, input.kind.dtype()), device)?;
    }
    let inputs = signature.inputs.iter().map(|input| id(signature, &values, &input.name));
    let inputs = inputs.collect::<Result<_, _>>()?;
    let results = forward(&module, &values)?;
    if let Some(name) = results.names().find(|name| signature.outputs.iter().all(|out| out.name != *name)) {
        return Err(Error::UnnamedOutput { graph: signature.name.clone(), name: name.into() });
    }
    let outputs = signature.outputs.iter().map(|output| id(signature, &results, &output.name));
    Ok(Boundary { inputs, parameters: names.found, outputs: outputs.collect::<Result<_, _>>()? })
}

fn size_of(axis: &Axis, sizes: &AxisSizes) -> usize {
    match axis {
        Axis::Fixed(size) => *size,
        Axis::Named { name, .. } => sizes[name],
    }
}

fn id(signature: &Signature, values: &Values, name: &str) -> Result<TensorId, Error> {
    let (tensor, dtype) = values.untyped(name)?;
    tensor_id(tensor, dtype)
        .ok_or_else(|| failed(signature, &format!("value `{name}` is not on the device of the inputs")))
}

/// The id under which a tensor was recorded; `None` if it lives on another device. The rank is of no consequence here.
fn tensor_id(tensor: DispatchTensor, dtype: DType) -> Option<TensorId> {
    if dtype.is_float() {
        Tensor::<1, Float>::from_dispatch(tensor).try_into_primitive::<CaptureBackend>().ok().map(|t| t.id())
    } else if dtype.is_bool() {
        Tensor::<1, Bool>::from_dispatch(tensor).try_into_primitive::<CaptureBackend>().ok().map(|t| t.id())
    } else {
        Tensor::<1, Int>::from_dispatch(tensor).try_into_primitive::<CaptureBackend>().ok().map(|t| t.id())
    }
}

fn failed(signature: &Signature, message: &str) -> Error {
    Error::Forward { graph: signature.name.clone(), message: message.into() }
}

/// Reads every parameter once, which initialises the lazy ones on their own device.
struct Initialise;

impl ModuleVisitor for Initialise {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        param.val();
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        param.val();
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        param.val();
    }
}

/// Collects the id of every parameter with its module path, such as `encoder.layers.0.linear.weight`.
#[derive(Default)]
struct ParameterNames {
    path: Vec<String>,
    found: Vec<(TensorId, String)>,
}

impl ParameterNames {
    fn add(&mut self, tensor: DispatchTensor, dtype: DType) {
        if let Some(id) = tensor_id(tensor, dtype) {
            self.found.push((id, self.path.join(".")));
        }
    }
}

impl ModuleVisitor for ParameterNames {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        self.add(tensor.clone().into_dispatch(), tensor.dtype());
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<D, Int>>) {
        let tensor = param.val();
        self.add(tensor.clone().into_dispatch(), tensor.dtype());
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<D, Bool>>) {
        let tensor = param.val();
        self.add(tensor.clone().into_dispatch(), tensor.dtype());
    }

    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }
}
