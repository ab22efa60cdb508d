//! Names, kinds and axes of a graph's inputs and outputs.

use std::collections::BTreeMap;
use std::fmt;

use burn::tensor::{BoolStore, DType};

use super::error::Error;

/// What a graph takes and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Name of the graph, for messages and for the model itself.
    pub name: String,
    /// Inputs, in the order of the ONNX graph.
    pub inputs: Vec<Input>,
    /// Outputs, in the order of the ONNX graph.
    pub outputs: Vec<Output>,
}

/// One input of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Name, by which the forward pass asks for it.
    pub name: String,
    /// Element type.
    pub kind: Kind,
    /// One axis per dimension.
    pub axes: Vec<Axis>,
}

/// One output of a graph. Its element type is the one that the forward pass computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Name, by which the forward pass gives it.
    pub name: String,
    /// One axis per dimension. A name that no input has labels a size that the graph computes.
    pub axes: Vec<Axis>,
}

/// Element type of an input or output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 32-bit float.
    F32,
    /// 64-bit integer.
    I64,
    /// 32-bit integer.
    I32,
    /// Unsigned byte, an integer tensor in burn.
    U8,
    /// Truth value.
    Bool,
}

/// One dimension of an input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Always this size.
    Fixed(usize),
    /// Any size, the same wherever the name stands.
    Named {
        /// Name of the axis.
        name: String,
        /// The largest size that the forward pass accepts, if it has one.
        at_most: Option<usize>,
    },
}

/// Sizes of the named axes in one run of a forward pass.
pub(super) type AxisSizes = BTreeMap<String, usize>;

impl Signature {
    /// A graph named `name`, without inputs and outputs yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), inputs: Vec::new(), outputs: Vec::new() }
    }

    /// Adds an input.
    pub fn input(mut self, name: impl Into<String>, kind: Kind, axes: impl Into<Vec<Axis>>) -> Self {
        self.inputs.push(Input { name: name.into(), kind, axes: axes.into() });
        self
    }

    /// Adds an output.
    pub fn output(mut self, name: impl Into<String>, axes: impl Into<Vec<Axis>>) -> Self {
        self.outputs.push(Output { name: name.into(), axes: axes.into() });
        self
    }

    /// Two sets of sizes for the named axes of the inputs. All sizes are different primes, so that a product tells its
    /// factors, and no two axes grow by the same amount, so that a sum tells its terms.
    pub(super) fn capture_sizes(&self) -> Result<[AxisSizes; 2], Error> {
        let mut limits = self.limits();
        limits.sort_by_key(|(_, at_most)| at_most.unwrap_or(usize::MAX));
        let (mut first, mut second) = (AxisSizes::new(), AxisSizes::new());
        let (mut used, mut steps) = (Vec::new(), Vec::new());
        for (name, at_most) in limits {
            // Small primes are left to the axes that need them; larger ones meet fewer accidental sums.
            let smallest = if at_most.is_some() { 5 } else { 29 };
            let largest = at_most.unwrap_or(usize::MAX);
            let pair = primes(smallest, largest).filter(|p| !used.contains(p)).find_map(|low| {
                primes(low + 1, largest.min(low + 100))
                    .find(|high| !used.contains(high) && !steps.contains(&(high - low)))
                    .map(|high| (low, high))
            });
            let Some((low, high)) = pair else {
                let reason = format!("axis `{name}` is too short to be captured at two sizes, make it fixed");
                return Err(Error::Signature { graph: self.name.clone(), reason });
            };
            used.extend([low, high]);
            steps.push(high - low);
            first.insert(name.clone(), low);
            second.insert(name, high);
        }
        Ok([first, second])
    }

    /// Named axes of the inputs in order of appearance, with the tightest limit that any place gives.
    fn limits(&self) -> Vec<(String, Option<usize>)> {
        let mut limits: Vec<(String, Option<usize>)> = Vec::new();
        for axis in self.inputs.iter().flat_map(|input| &input.axes) {
            if let Axis::Named { name, at_most } = axis {
                match limits.iter_mut().find(|(known, _)| known == name) {
                    Some((_, limit)) => *limit = [*limit, *at_most].into_iter().flatten().min(),
                    None => limits.push((name.clone(), *at_most)),
                }
            }
        }
        limits
    }
}

impl Kind {
    /// burn's element type of an input of this kind.
    pub(super) fn dtype(self) -> DType {
        match self {
            Kind::F32 => DType::F32,
            Kind::I64 => DType::I64,
            Kind::I32 => DType::I32,
            Kind::U8 => DType::U8,
            Kind::Bool => DType::Bool(BoolStore::Native),
        }
    }
}

impl Axis {
    /// A dimension that is always `size`.
    pub fn fixed(size: usize) -> Self {
        Axis::Fixed(size)
    }

    /// A dimension of any size.
    pub fn named(name: impl Into<String>) -> Self {
        Axis::Named { name: name.into(), at_most: None }
    }

    /// A dimension of any size up to `at_most`, for instance the length of a position table.
    pub fn up_to(name: impl Into<String>, at_most: usize) -> Self {
        Axis::Named { name: name.into(), at_most: Some(at_most) }
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Axis::Fixed(size) => write!(f, "{size}"),
            Axis::Named { name, .. } => f.write_str(name),
        }
    }
}

/// Primes from `smallest` to `largest`, ascending.
fn primes(smallest: usize, largest: usize) -> impl Iterator<Item = usize> {
    (smallest.max(2)..=largest).filter(|n| (2..).take_while(|d| d * d <= *n).all(|d| n % d != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capture_sizes_are_distinct_primes_within_their_limits() {
        let signature = Signature::new("g")
            .input("x", Kind::F32, [Axis::named("batch"), Axis::up_to("tokens", 24), Axis::fixed(7)])
            .input("y", Kind::F32, [Axis::named("batch"), Axis::up_to("objects", 16)]);
        let [first, second] = signature.capture_sizes().unwrap();
        let mut all: Vec<usize> = first.values().chain(second.values()).copied().collect();
        assert_eq!(all.len(), 6);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 6, "sizes repeat: {first:?} {second:?}");
        assert!(first["tokens"] <= 24 && second["tokens"] <= 24 && second["objects"] <= 16);
        let step = |axis| second[axis] - first[axis];
        assert!(step("batch") != step("tokens") && step("tokens") != step("objects"));
    }

    #[test]
    fn an_axis_too_short_for_two_sizes_is_refused_by_name() {
        let signature = Signature::new("g").input("x", Kind::F32, [Axis::up_to("pair", 2)]);
        let error = signature.capture_sizes().unwrap_err().to_string();
        assert!(error.contains("`pair`") && error.contains("`g`"), "{error}");
    }
}
