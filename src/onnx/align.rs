//! Two recordings of one forward pass → one graph whose sizes are known at both.

use std::collections::{BTreeMap, HashMap};

use burn::tensor::{DType, Shape, Slice, TensorData};
use burn_ir::{
    BaseOperationIr, InterpolateOpIr, IrVisitorMut, ModuleOperationIr, NumericOperationIr, OperationIr,
    ScalarIr, TensorId, TensorIr, TensorStatus,
};

use super::capture::Capture;
use super::error::Error;
use super::linear;
use super::size::Seen;

/// One recorded graph with its sizes from both recordings. Tensors are numbered by first use; the ids inside the
/// operations are these numbers.
pub(super) struct Aligned {
    pub operations: Vec<Operation>,
    pub tensors: Vec<Traced>,
    pub inputs: Vec<usize>,
    pub outputs: Vec<usize>,
}

/// A recorded operation.
pub(super) struct Operation {
    pub ir: OperationIr,
    /// Ranges of a slicing operation, from both recordings.
    pub ranges: Vec<(Slice, Slice)>,
    /// Name such as `NumericFloat.Add`.
    pub name: String,
    /// Path of the module that owns the nearest parameter; empty if there is none.
    pub module: String,
}

/// A tensor of the graph.
pub(super) struct Traced {
    pub shape: Vec<Seen>,
    pub dtype: DType,
    pub constant: Option<Constant>,
}

/// A tensor whose content is known: a parameter, or values made inside the forward pass.
pub(super) struct Constant {
    /// Content in both recordings.
    pub values: [TensorData; 2],
    /// Module path of a parameter.
    pub path: Option<String>,
}

/// Lays two recordings over each other, or tells where they part.
pub(super) fn align(graph: &str, first: Capture, second: Capture) -> Result<Aligned, Error> {
    let paths: HashMap<TensorId, String> = first.parameters.iter().cloned().collect();
    let mut sides = [Side::new(first), Side::new(second)];
    let [left, right] = &mut sides;
    let modules = modules(&left.operations, &paths);
    let (all, others) = (left.take(), right.take());
    let (count, other_count) = (all.len(), others.len());
    let mut operations = Vec::with_capacity(count);
    for (node, (module, (a, b))) in modules.into_iter().zip(all.into_iter().zip(others)).enumerate() {
        let (a, b) = (left.number(a), right.number(b));
        let names = [name(&a.ir), name(&b.ir)];
        if a.structure != b.structure {
            let [first, second] =
                if names[0] != names[1] { names } else { [detail(&a.structure), detail(&b.structure)] };
            return Err(Error::Diverged { graph: graph.into(), node, module, first, second });
        }
        let [name, _] = names;
        operations.push(Operation {
            ir: a.ir,
            ranges: a.ranges.into_iter().zip(b.ranges).collect(),
            name,
            module,
        });
    }
    if count != other_count {
        let [first, second] = [count, other_count].map(|count| format!("{count} operations"));
        let module = operations.last().map(|op| op.module.clone()).unwrap_or_default();
        return Err(Error::Diverged { graph: graph.into(), node: operations.len(), module, first, second });
    }
    let inputs = left.inputs.clone();
    let outputs: Vec<usize> = left.output_ids.clone().into_iter().map(|id| left.index(id)).collect();
    let others: Vec<usize> = right.output_ids.clone().into_iter().map(|id| right.index(id)).collect();
    if let Some(which) = outputs.iter().zip(&others).position(|(a, b)| a != b) {
        return Err(Error::Diverged {
            graph: graph.into(),
            node: operations.len(),
            module: String::new(),
            first: format!("output {which} is tensor {}", outputs[which]),
            second: format!("output {which} is tensor {}", others[which]),
        });
    }
    let [left, right] = sides;
    Ok(Aligned { operations, tensors: left.merge(right, &paths), inputs, outputs })
}

/// One recording, with its tensors numbered by first use.
struct Side {
    operations: Vec<OperationIr>,
    numbers: HashMap<TensorId, usize>,
    known: Vec<(TensorId, Shape, DType)>,
    constants: BTreeMap<TensorId, TensorData>,
    inputs: Vec<usize>,
    output_ids: Vec<TensorId>,
}

struct Numbered {
    ir: OperationIr,
    structure: OperationIr,
    ranges: Vec<Slice>,
}

impl Side {
    fn new(capture: Capture) -> Self {
        let Capture { operations, inputs, parameters, outputs, mut constants } = capture;
        // An initialisation only says that a tensor has a value, which is known from `constants`.
        let computed: Vec<OperationIr> =
            operations.into_iter().filter(|op| !matches!(op, OperationIr::Init(_))).collect();
        let mut side = Self {
            operations: linear::restore(&computed, &outputs),
            numbers: HashMap::new(),
            known: Vec::new(),
            constants: BTreeMap::new(),
            inputs: Vec::new(),
            output_ids: outputs,
        };
        for id in inputs.iter().chain(parameters.iter().map(|(id, _)| id)) {
            if let Some(data) = constants.get(id) {
                side.number_of(*id, data.shape().clone(), data.dtype());
            }
        }
        side.inputs = inputs.iter().map(|id| side.index(*id)).collect();
        constants.retain(|id, _| !inputs.contains(id));
        side.constants = constants;
        side
    }

    fn take(&mut self) -> Vec<OperationIr> {
        std::mem::take(&mut self.operations)
    }

    fn number_of(&mut self, id: TensorId, shape: Shape, dtype: DType) -> usize {
        *self.numbers.entry(id).or_insert_with(|| {
            self.known.push((id, shape, dtype));
            self.known.len() - 1
        })
    }

    /// The number of a tensor that was seen before or has a value.
    fn index(&mut self, id: TensorId) -> usize {
        if let Some(data) = self.constants.get(&id) {
            let (shape, dtype) = (data.shape().clone(), data.dtype());
            return self.number_of(id, shape, dtype);
        }
        self.number_of(id, Shape::new([0; 0]), DType::F32)
    }

    fn number(&mut self, mut ir: OperationIr) -> Numbered {
        ir.visit_mut(&mut Renumber { side: self });
        let mut structure = ir.clone();
        let mut ranges = Vec::new();
        structure.visit_mut(&mut Strip { ranges: &mut ranges });
        strip_sizes(&mut structure);
        Numbered { ir, structure, ranges }
    }

    fn merge(mut self, mut other: Self, paths: &HashMap<TensorId, String>) -> Vec<Traced> {
        let known = std::mem::take(&mut self.known).into_iter().zip(std::mem::take(&mut other.known));
        known
            .map(|((id, a, dtype), (other_id, b, _))| {
                let shape = a.iter().zip(b.iter()).map(|(a, b)| Seen::new(*a, *b)).collect();
                let values = self.constants.remove(&id).zip(other.constants.remove(&other_id));
                let constant =
                    values.map(|(a, b)| Constant { values: [a, b], path: paths.get(&id).cloned() });
                Traced { shape, dtype, constant }
            })
            .collect()
    }
}

struct Renumber<'a> {
    side: &'a mut Side,
}

impl IrVisitorMut for Renumber<'_> {
    fn visit_tensor_mut(&mut self, tensor: &mut TensorIr) {
        let number = self.side.number_of(tensor.id, tensor.shape.clone(), tensor.dtype);
        tensor.id = TensorId::new(number as u64);
        // Whether a tensor may be overwritten depends on handles still alive, which is no part of the computation.
        tensor.status = TensorStatus::ReadOnly;
    }
}

/// Removes shapes and ranges, which may differ between recordings.
struct Strip<'a> {
    ranges: &'a mut Vec<Slice>,
}

impl IrVisitorMut for Strip<'_> {
    fn visit_tensor_mut(&mut self, tensor: &mut TensorIr) {
        tensor.shape = Shape::new([tensor.shape.num_dims()]);
    }

    fn visit_range_mut(&mut self, range: &mut Slice) {
        self.ranges.push(*range);
        *range = Slice::new(0, None, range.step);
    }
}

/// Removes the counts that follow from the shapes and are computed from them.
fn strip_sizes(op: &mut OperationIr) {
    match op {
        OperationIr::BaseFloat(base) | OperationIr::BaseInt(base) | OperationIr::BaseBool(base) => {
            if let BaseOperationIr::RepeatDim(repeat) = base {
                repeat.times = 0;
            }
        }
        OperationIr::NumericFloat(_, numeric) | OperationIr::NumericInt(_, numeric) => match numeric {
            NumericOperationIr::TopK(op) | NumericOperationIr::ArgTopK(op) => op.accumulator_len = 0,
            NumericOperationIr::TopKWithIndices(op) => op.k = 0,
            _ => {}
        },
        OperationIr::Module(ModuleOperationIr::Interpolate(InterpolateOpIr { output_size, .. })) => {
            *output_size = [0, 0];
        }
        _ => {}
    }
}

/// For each operation the module that owns its parameter, else that of the last operation with one, else of the next.
fn modules(operations: &[OperationIr], paths: &HashMap<TensorId, String>) -> Vec<String> {
    let owner = |op: &OperationIr| {
        let path = op.inputs().find_map(|tensor| paths.get(&tensor.id))?;
        Some(path.rsplit_once('.').map_or("", |(module, _)| module).to_owned())
    };
    let owners: Vec<Option<String>> = operations.iter().map(owner).collect();
    let mut last = owners.iter().flatten().next().cloned().unwrap_or_default();
    let mut found = Vec::with_capacity(owners.len());
    for owner in owners {
        last = owner.unwrap_or(last);
        found.push(last.clone());
    }
    found
}

/// The name of an operation, such as `NumericFloat.Add`.
fn name(op: &OperationIr) -> String {
    if let OperationIr::Custom(custom) = op {
        return format!("Custom.{}", custom.id);
    }
    // The variants are told apart by their debug form only: `NumericFloat(F32, Add(BinaryOpIr { … }))`.
    let text = format!("{op:?}");
    let head = text.split('{').next().unwrap_or(&text);
    let words: Vec<&str> =
        head.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        [family, .., variant, _] => format!("{family}.{variant}"),
        _ => head.trim().to_owned(),
    }
}

/// What can differ between two operations of one name: their arguments and the numbers of their tensors.
fn detail(structure: &OperationIr) -> String {
    let tensors = |list: Vec<&TensorIr>| {
        list.iter().map(|tensor| format!("{}", tensor.id.value())).collect::<Vec<_>>().join(", ")
    };
    let mut scalars = Scalars(Vec::new());
    structure.clone().visit_mut(&mut scalars);
    let (inputs, outputs) = (structure.inputs().collect(), structure.outputs().collect());
    let scalars: Vec<String> = scalars.0.iter().map(|scalar| format!(", {scalar:?}")).collect();
    format!("{} of tensors {} to {}{}", name(structure), tensors(inputs), tensors(outputs), scalars.concat())
}

struct Scalars(Vec<ScalarIr>);

impl IrVisitorMut for Scalars {
    fn visit_scalar_mut(&mut self, scalar: &mut ScalarIr) {
        self.0.push(*scalar);
    }
}
