//! One graph as a session: checked against the manifest when it is loaded, fed with flat arrays, read as flat arrays.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::path::Path;

use ort::environment::Environment;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session, SessionInputValue, SessionOutputs};
use ort::value::{DynValue, Outlet, PrimitiveTensorElementType, TensorElementType, TensorRef, ValueType};

use crate::bundle::{self, Axis, DType, GoldenTensor, TensorEntry};

use super::error::StartError;
use super::provider::Attempt;

/// A loaded graph. Its session belongs to one thread: ONNX Runtime's runs are not safe to share.
#[derive(Debug)]
pub(super) struct Graph {
    name: &'static str,
    session: Session,
}

/// What sessions are made with.
#[derive(Clone, Debug)]
pub(super) struct Maker {
    pub environment: Environment,
    pub provider: Attempt,
    pub intra_threads: NonZeroUsize,
}

/// An input: its name, its sizes, its values row-major.
pub(super) type Input<'a> = (&'a str, &'a [usize], Values<'a>);

/// Values of an input.
#[derive(Clone, Copy, Debug)]
pub(super) enum Values<'a> {
    F32(&'a [f32]),
    I64(&'a [i64]),
    U8(&'a [u8]),
    Bool(&'a [bool]),
}

impl<'a> From<&'a bundle::Values> for Values<'a> {
    fn from(values: &'a bundle::Values) -> Self {
        match values {
            bundle::Values::F32(values) => Self::F32(values),
            bundle::Values::I64(values) => Self::I64(values),
            bundle::Values::U8(values) => Self::U8(values),
            bundle::Values::Bool(values) => Self::Bool(values),
        }
    }
}

/// What a run gave; borrowed from the runtime.
pub(super) struct Outputs<'a>(SessionOutputs<'a>);

impl Graph {
    /// Loads a graph and holds the inputs and outputs of the file against those of the manifest.
    pub fn load(
        name: &'static str,
        path: &Path,
        entry: &bundle::Graph,
        maker: &Maker,
    ) -> Result<Self, StartError> {
        let session = build(path, maker).map_err(|source| StartError::Load {
            graph: name,
            path: path.to_owned(),
            source,
        })?;
        let refuse = |reason| StartError::Signature { graph: name, reason };
        check("input", session.inputs(), &entry.inputs).map_err(refuse)?;
        check("output", session.outputs(), &entry.outputs).map_err(refuse)?;
        Ok(Self { name, session })
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs the graph once; `read` copies what it needs out of the outputs.
    pub fn run<T>(
        &mut self,
        inputs: &[Input<'_>],
        read: impl FnOnce(&Outputs<'_>) -> Result<T, ort::Error>,
    ) -> Result<T, Failed> {
        let graph = self.name;
        self.run_session(inputs, read).map_err(|source| Failed { graph, source })
    }

    fn run_session<T>(
        &mut self,
        inputs: &[Input<'_>],
        read: impl FnOnce(&Outputs<'_>) -> Result<T, ort::Error>,
    ) -> Result<T, ort::Error> {
        let values = inputs
            .iter()
            .map(|(name, sizes, values)| Ok((Cow::Borrowed(*name), values.tensor(sizes)?)))
            .collect::<Result<Vec<(Cow<'_, str>, SessionInputValue<'_>)>, ort::Error>>()?;
        read(&Outputs(self.session.run(values)?))
    }
}

/// A run that failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub graph: &'static str,
    pub source: ort::Error,
}

impl<'a> Values<'a> {
    fn tensor(self, sizes: &[usize]) -> Result<SessionInputValue<'a>, ort::Error> {
        Ok(match self {
            Self::F32(values) => TensorRef::from_array_view((sizes.to_vec(), values))?.into(),
            Self::I64(values) => TensorRef::from_array_view((sizes.to_vec(), values))?.into(),
            Self::U8(values) => TensorRef::from_array_view((sizes.to_vec(), values))?.into(),
            Self::Bool(values) => TensorRef::from_array_view((sizes.to_vec(), values))?.into(),
        })
    }
}

impl Outputs<'_> {
    /// An f32 output of `rows` equal rows.
    pub fn rows(&self, name: &str, rows: usize) -> Result<Rows<'_, f32>, ort::Error> {
        let (_, values) = self.get(name)?.try_extract_tensor::<f32>()?;
        Rows::new(name, values, rows)
    }

    /// A bool output of `rows` equal rows.
    pub fn masks(&self, name: &str, rows: usize) -> Result<Rows<'_, bool>, ort::Error> {
        let (_, values) = self.get(name)?.try_extract_tensor::<bool>()?;
        Rows::new(name, values, rows)
    }

    /// All values of an output, as numbers, whatever its type.
    pub fn numbers(&self, name: &str) -> Result<Vec<f32>, ort::Error> {
        let output = self.get(name)?;
        match output.try_extract_tensor::<bool>() {
            Ok((_, values)) => Ok(values.iter().map(|value| f32::from(u8::from(*value))).collect()),
            Err(_) => Ok(output.try_extract_tensor::<f32>()?.1.to_vec()),
        }
    }

    /// A whole output, copied.
    pub fn tensor(&self, entry: &TensorEntry) -> Result<GoldenTensor, ort::Error> {
        let output = self.get(&entry.name)?;
        let (shape, values) = match entry.dtype {
            DType::F32 => whole(output, bundle::Values::F32)?,
            DType::I64 => whole(output, bundle::Values::I64)?,
            DType::U8 => whole(output, bundle::Values::U8)?,
            DType::Bool => whole(output, bundle::Values::Bool)?,
        };
        GoldenTensor::new(shape, values).ok_or_else(|| {
            ort::Error::new(format!("output `{}` has not as many values as its sizes say", entry.name))
        })
    }

    fn get(&self, name: &str) -> Result<&DynValue, ort::Error> {
        self.0.get(name).ok_or_else(|| ort::Error::new(format!("the graph gave no output `{name}`")))
    }
}

/// Sizes and values of an output.
fn whole<T: PrimitiveTensorElementType + Clone>(
    output: &DynValue,
    values: fn(Vec<T>) -> bundle::Values,
) -> Result<(Vec<usize>, bundle::Values), ort::Error> {
    let (sizes, found) = output.try_extract_tensor::<T>()?;
    // A size that is no size fits no number of values, which is an error where the two meet.
    let sizes = sizes.iter().map(|&size| usize::try_from(size).unwrap_or(usize::MAX)).collect();
    Ok((sizes, values(found.to_vec())))
}

/// An output cut into the rows of its batch.
pub(super) struct Rows<'a, T> {
    values: &'a [T],
    width: usize,
}

impl<'a, T> Rows<'a, T> {
    fn new(name: &str, values: &'a [T], rows: usize) -> Result<Self, ort::Error> {
        if rows == 0 || !values.len().is_multiple_of(rows) {
            return Err(ort::Error::new(format!(
                "output `{name}` has {} values, which are not {rows} equal rows",
                values.len()
            )));
        }
        Ok(Self { values, width: values.len() / rows })
    }

    pub fn row(&self, row: usize) -> &'a [T] {
        &self.values[row * self.width..(row + 1) * self.width]
    }
}

fn build(path: &Path, maker: &Maker) -> Result<Session, ort::Error> {
    let mut builder = SessionBuilder::new(&maker.environment)?;
    if maker.provider == Attempt::Cpu {
        // On a CPU this operator is slower than the two that it replaces: without it `vision` takes 0.88 of the time.
        builder = builder.with_disabled_optimizers("SkipLayerNormFusion")?;
    }
    builder
        .with_execution_providers(maker.provider.register())?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(maker.intra_threads.get())?
        .with_inter_threads(1)?
        // A thread that spins while it waits for the next batch takes its processor from decoding and from the other executors.
        .with_intra_op_spinning(false)?
        // Patterns are planned for one set of sizes; here nearly every batch has others.
        .with_memory_pattern(false)?
        .commit_from_file(path)
}

/// Holds the tensors of a session against those that the manifest lists.
fn check(kind: &str, found: &[Outlet], listed: &[TensorEntry]) -> Result<(), String> {
    for entry in listed {
        let Some(outlet) = found.iter().find(|outlet| outlet.name() == entry.name) else {
            return Err(format!("it has no {kind} `{}`", entry.name));
        };
        let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else {
            return Err(format!("{kind} `{}` is not a tensor", entry.name));
        };
        if *ty != element_type(entry.dtype) {
            return Err(format!("{kind} `{}` is {ty}, the manifest says {:?}", entry.name, entry.dtype));
        }
        // The runtime leaves out sizes that it can't infer; an output may have none at all.
        let fits = shape.len() == entry.axes.len()
            && shape.iter().zip(&entry.axes).all(|(&size, axis)| match axis {
                Axis::Fixed(fixed) => size < 0 || usize::try_from(size) == Ok(*fixed),
                Axis::Dynamic(_) => size < 0,
            });
        if !(fits || kind == "output" && shape.is_empty()) {
            return Err(format!(
                "{kind} `{}` has the sizes {shape}, the manifest says {:?}",
                entry.name, entry.axes
            ));
        }
    }
    match found.iter().find(|outlet| listed.iter().all(|entry| entry.name != outlet.name())) {
        Some(other) => Err(format!("it has the {kind} `{}`, which the manifest doesn't list", other.name())),
        None => Ok(()),
    }
}

fn element_type(dtype: DType) -> TensorElementType {
    match dtype {
        DType::F32 => TensorElementType::Float32,
        DType::I64 => TensorElementType::Int64,
        DType::U8 => TensorElementType::Uint8,
        DType::Bool => TensorElementType::Bool,
    }
}

#[cfg(test)]
mod tests {
    use ort::value::{Shape, SymbolicDimensions};

    use super::super::library;
    use super::*;

    fn outlet(name: &str, ty: TensorElementType, sizes: &[i64]) -> Outlet {
        let shape = Shape::new(sizes.iter().copied());
        Outlet::new(
            name,
            ValueType::Tensor { ty, dimension_symbols: SymbolicDimensions::empty(sizes.len()), shape },
        )
    }

    fn entry(name: &str, axes: Vec<Axis>) -> TensorEntry {
        TensorEntry { name: name.to_owned(), dtype: DType::F32, axes }
    }

    #[test]
    fn a_tensor_that_differs_from_the_manifest_is_named() {
        let listed = [entry("boxes", vec![Axis::Dynamic("batch".to_owned()), Axis::Fixed(4)])];
        let float = TensorElementType::Float32;
        assert_eq!(check("output", &[outlet("boxes", float, &[-1, 4])], &listed), Ok(()));
        for (found, part) in [
            (outlet("box", float, &[-1, 4]), "no output `boxes`"),
            (outlet("boxes", TensorElementType::Int64, &[-1, 4]), "the manifest says F32"),
            (outlet("boxes", float, &[-1, 5]), "has the sizes"),
            (outlet("boxes", float, &[-1]), "has the sizes"),
            (outlet("boxes", float, &[2, 4]), "has the sizes"),
        ] {
            let error = check("output", &[found], &listed).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        let more = [outlet("boxes", float, &[-1, 4]), outlet("extra", float, &[-1])];
        assert!(check("output", &more, &listed).unwrap_err().contains("`extra`"));
    }

    #[test]
    fn an_output_that_is_no_whole_number_of_rows_is_refused() {
        let rows = Rows::new("x", &[1, 2, 3, 4, 5, 6], 2);
        assert_eq!(rows.map(|rows| rows.row(1).to_vec()).unwrap_or_default(), [4, 5, 6]);
        // An error keeps its text in the loaded library.
        library::load(None).unwrap();
        assert!(Rows::new("x", &[1, 2, 3], 2).is_err());
    }
}
