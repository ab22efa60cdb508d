//! Linear layers as one operation.
//!
//! burn records a linear layer as reshapes around a matrix product, and decides by the sizes at hand whether it flattens
//! the input or widens the weight. The two recordings would part there, so both forms are put back together first.

use std::collections::HashMap;

use burn_ir::{
    BaseOperationIr, FloatOperationIr, LinearOpIr, MatmulOpIr, ModuleOperationIr, NumericOperationIr,
    OperationIr, ShapeOpIr, TensorId, TensorIr,
};

/// The operations with every linear layer as one [`ModuleOperationIr::Linear`].
pub(super) fn restore(operations: &[OperationIr], outputs: &[TensorId]) -> Vec<OperationIr> {
    let uses = Uses::count(operations, outputs);
    let mut restored = Vec::with_capacity(operations.len());
    let mut rest = operations;
    while let [first, behind @ ..] = rest {
        let found = flattened(rest, &uses).or_else(|| widened(rest, &uses)).or_else(|| plain(rest, &uses));
        match found {
            Some((linear, behind)) => {
                restored.push(OperationIr::Module(ModuleOperationIr::Linear(linear)));
                rest = behind;
            }
            None => {
                restored.push(first.clone());
                rest = behind;
            }
        }
    }
    restored
}

/// How often each tensor is read.
struct Uses(HashMap<TensorId, usize>);

impl Uses {
    fn count(operations: &[OperationIr], outputs: &[TensorId]) -> Self {
        let mut uses = HashMap::new();
        let read = operations.iter().flat_map(|op| op.inputs().map(|tensor| tensor.id));
        for id in read.chain(outputs.iter().copied()) {
            *uses.entry(id).or_default() += 1;
        }
        Self(uses)
    }

    /// Whether nothing but the next step reads a tensor.
    fn once(&self, tensor: &TensorIr) -> bool {
        self.0.get(&tensor.id) == Some(&1)
    }
}

type Found<'a> = Option<(LinearOpIr, &'a [OperationIr])>;

/// reshape(x, [rows, d]) · weight [+ bias], reshaped back.
fn flattened<'a>(operations: &'a [OperationIr], uses: &Uses) -> Found<'a> {
    let [first, second, behind @ ..] = operations else { return None };
    let (flat, product) = (reshape(first)?, matmul(second)?);
    let x = &flat.input;
    let rows_only =
        x.shape.num_dims() > 2 && flat.out.shape.num_dims() == 2 && x.shape.last() == flat.out.shape.last();
    let fits = product.lhs.id == flat.out.id && product.rhs.shape.num_dims() == 2;
    if !(rows_only && fits && uses.once(&flat.out)) {
        return None;
    }
    let (sum, bias, behind) = add_bias(&product.out, behind, uses);
    let [last, behind @ ..] = behind else { return None };
    let back = reshape(last)?;
    let leading = x.shape.num_dims() - 1;
    let restored =
        back.out.shape.num_dims() == leading + 1 && back.out.shape[..leading] == x.shape[..leading];
    if !(back.input.id == sum.id && restored && uses.once(sum)) {
        return None;
    }
    Some((linear(x, &product.rhs, bias, &back.out), behind))
}

/// x · reshape(weight, [1, …, d, n]) [+ bias].
fn widened<'a>(operations: &'a [OperationIr], uses: &Uses) -> Found<'a> {
    let [first, second, behind @ ..] = operations else { return None };
    let (wide, product) = (reshape(first)?, matmul(second)?);
    let rank = wide.out.shape.num_dims();
    let ones_before = rank > 2
        && wide.input.shape.num_dims() == 2
        && wide.out.shape[rank - 2..] == wide.input.shape[..]
        && wide.out.shape[..rank - 2].iter().all(|size| *size == 1);
    let fits = product.rhs.id == wide.out.id && product.lhs.shape.num_dims() == rank;
    if !(ones_before && fits && uses.once(&wide.out)) {
        return None;
    }
    let (sum, bias, behind) = add_bias(&product.out, behind, uses);
    Some((linear(&product.lhs, &wide.input, bias, sum), behind))
}

/// x · weight + bias of a matrix.
fn plain<'a>(operations: &'a [OperationIr], uses: &Uses) -> Found<'a> {
    let [first, behind @ ..] = operations else { return None };
    let product = matmul(first)?;
    if product.lhs.shape.num_dims() != 2 || product.rhs.shape.num_dims() != 2 {
        return None;
    }
    let (sum, bias, behind) = add_bias(&product.out, behind, uses);
    bias.map(|bias| (linear(&product.lhs, &product.rhs, Some(bias), sum), behind))
}

/// The sum with a bias vector if one follows, else the product itself.
fn add_bias<'a>(
    product: &'a TensorIr,
    operations: &'a [OperationIr],
    uses: &Uses,
) -> (&'a TensorIr, Option<&'a TensorIr>, &'a [OperationIr]) {
    if let [first, OperationIr::NumericFloat(_, NumericOperationIr::Add(sum)), behind @ ..] = operations
        && let Some(wide) = reshape(first)
        && wide.input.shape.num_dims() == 1
        && wide.out.shape.last() == wide.input.shape.last()
        && wide.out.shape.last() == product.shape.last()
        && sum.lhs.id == product.id
        && sum.rhs.id == wide.out.id
        && uses.once(product)
        && uses.once(&wide.out)
    {
        return (&sum.out, Some(&wide.input), behind);
    }
    (product, None, operations)
}

fn linear(x: &TensorIr, weight: &TensorIr, bias: Option<&TensorIr>, out: &TensorIr) -> LinearOpIr {
    LinearOpIr { x: x.clone(), weight: weight.clone(), bias: bias.cloned(), out: out.clone() }
}

fn reshape(op: &OperationIr) -> Option<&ShapeOpIr> {
    match op {
        OperationIr::BaseFloat(BaseOperationIr::Reshape(reshape)) => Some(reshape),
        _ => None,
    }
}

fn matmul(op: &OperationIr) -> Option<&MatmulOpIr> {
    match op {
        OperationIr::Float(_, FloatOperationIr::Matmul(matmul)) => Some(matmul),
        _ => None,
    }
}

#[cfg(all(test, feature = "serve"))]
mod tests {
    use burn::Tensor;
    use burn::module::Module;
    use burn::nn::{Linear, LinearConfig};
    use burn::tensor::Device;

    use super::super::signature::{Axis, Kind, Signature};
    use super::super::testing::{check_module, floats};

    #[derive(Module, Debug)]
    struct Widths {
        layers: Vec<Linear>,
    }

    /// burn flattens the input for some of these widths and lengths and not for others.
    #[test]
    fn a_linear_layer_is_one_product_whatever_its_width() {
        let device = Device::default();
        let widths = [1, 2, 5, 10, 16, 37, 64, 100, 256, 1000];
        let layers =
            widths.map(|width| LinearConfig::new(9, width).with_bias(width != 37).init(&device)).to_vec();
        let axes = [Axis::named("batch"), Axis::up_to("tokens", 24), Axis::fixed(9)];
        let signature = Signature::new("widths").input("x", Kind::F32, axes);
        let model = check_module(signature, &Widths { layers }, |m: &Widths, v| {
            let x = v.float::<3>("x")?;
            let total = m.layers.iter().map(|layer| layer.forward(x.clone()).mean_dim(2)).reduce(Tensor::add);
            floats([("y", total.unwrap())])
        });
        let products = model.operators().filter(|op| *op == "MatMul").count();
        assert_eq!((products, model.operators().any(|op| op == "Reshape")), (widths.len(), false));
    }

    #[test]
    fn a_product_that_is_also_read_elsewhere_stays_apart() {
        let module = LinearConfig::new(9, 7).init(&Device::default());
        let axes = [Axis::named("rows"), Axis::fixed(9)];
        let signature = Signature::new("shared").input("x", Kind::F32, axes);
        check_module(signature, &module, |m: &Linear, v| {
            let x = v.float::<2>("x")?;
            let product = x.matmul(m.weight.val());
            let sum = product.clone() + m.bias.as_ref().unwrap().val().reshape([1, 7]);
            floats([("product", product), ("sum", sum)])
        });
    }
}
