//! A model's weights as a safetensors file (a state dict), and a model that starts from another's.
//!
//! The model that starts may know other words: wherever a weight has a row for every entry of a word list, its rows are taken over by
//! word, and rows of new words keep the values they were created with.

use std::collections::{BTreeMap, HashMap};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use half::{bf16, f16};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

/// Entries of the word lists that the sizes of a model follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WordList {
    Tokens,
    Answers,
    Classes,
    Attributes,
}

/// A weight with a row for every entry of a list: the end of its path, the list, and the axis of the rows.
pub type Worded = (&'static str, WordList, usize);

/// For each entry of a list, the entries of the former one whose mean it starts from; none for an entry that starts afresh.
pub type Sources = Vec<Vec<usize>>;

/// Weights by their paths in the module.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateDict {
    tensors: BTreeMap<String, Weight>,
}

#[derive(Clone, Debug, PartialEq)]
struct Weight {
    shape: Vec<usize>,
    values: Vec<f32>,
}

/// Why weights cannot be read or taken over.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("they are no safetensors file")]
    Format(#[source] safetensors::SafeTensorError),
    #[error("`{path}` is {found}, and f32, f16 and bf16 are read")]
    Element { path: String, found: Dtype },
    #[error("`{path}` is missing")]
    Missing { path: String },
    #[error("`{path}` is {found:?}, and the model needs {wanted:?}")]
    Shape { path: String, found: Vec<usize>, wanted: Vec<usize> },
}

/// Element type that weights are stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    F32,
    /// Half the bytes; values beyond its range become infinite.
    F16,
}

impl StateDict {
    /// Adds a weight.
    pub(super) fn insert(&mut self, path: &str, shape: Vec<usize>, values: Vec<f32>) {
        self.tensors.insert(path.to_owned(), Weight { shape, values });
    }

    /// Adds the weights of a module under `prefix`.
    pub fn collect(&mut self, prefix: &str, module: &impl Module) {
        module.visit(&mut Collector { path: vec![prefix.to_owned()], weights: self });
    }

    /// The content of a safetensors file. A prefix that `precisions` does not list is stored as f32.
    pub fn to_bytes(&self, precisions: &[(&str, Precision)]) -> Vec<u8> {
        let precision = |path: &str| {
            let listed = precisions.iter().find(|(prefix, _)| path.starts_with(prefix));
            listed.map_or(Precision::F32, |(_, precision)| *precision)
        };
        let packed: Vec<(&str, Dtype, &[usize], Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(path, weight)| {
                let (dtype, bytes) = match precision(path) {
                    Precision::F32 => (Dtype::F32, bytes(&weight.values, f32::to_le_bytes)),
                    Precision::F16 => {
                        (Dtype::F16, bytes(&weight.values, |value| f16::from_f32(value).to_le_bytes()))
                    }
                };
                (path.as_str(), dtype, weight.shape.as_slice(), bytes)
            })
            .collect();
        let views = packed.iter().map(|(path, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.to_vec(), bytes);
            (*path, view.expect("a tensor has as many values as its shape says"))
        });
        safetensors::serialize(views, None).expect("tensors in memory can always be put one after the other")
    }

    /// Reads what [`to_bytes`](Self::to_bytes) gave.
    pub fn from_bytes(packed: &[u8]) -> Result<Self, StateError> {
        let read = SafeTensors::deserialize(packed).map_err(StateError::Format)?;
        let mut tensors = BTreeMap::new();
        for (path, view) in read.iter() {
            let unread = || StateError::Element { path: path.to_owned(), found: view.dtype() };
            let values = values(&view).ok_or_else(unread)?;
            tensors.insert(path.to_owned(), Weight { shape: view.shape().to_vec(), values });
        }
        Ok(Self { tensors })
    }

    /// Weights on the straight way from these to those of `other`, which has the same ones: 0 is here, 1 is there.
    ///
    /// # Panics
    /// If a weight of these is missing in `other`, or is of another shape there.
    pub fn toward(&self, other: &Self, way: f32) -> Self {
        let between = |(path, here): (&String, &Weight)| {
            let there = &other.tensors[path];
            assert_eq!(here.shape, there.shape, "{path}");
            let values =
                here.values.iter().zip(&there.values).map(|(here, there)| here + (there - here) * way);
            (path.clone(), Weight { shape: here.shape.clone(), values: values.collect() })
        };
        Self { tensors: self.tensors.iter().map(between).collect() }
    }

    /// The module with the weights stored under `prefix`; those with rows of `words` are taken over by `sources`.
    pub fn give<M: Module>(
        &self,
        prefix: &str,
        module: M,
        words: &[Worded],
        sources: &HashMap<WordList, Sources>,
    ) -> Result<M, StateError> {
        let mut giver = Giver { path: vec![prefix.to_owned()], weights: self, words, sources, error: None };
        let module = module.map(&mut giver);
        giver.error.map_or(Ok(module), Err)
    }
}

/// The values of a stored tensor; none if it is of a type that weights are not stored as.
pub(super) fn values(tensor: &TensorView) -> Option<Vec<f32>> {
    let (wide, narrow) = (tensor.data().as_chunks::<4>().0, tensor.data().as_chunks::<2>().0);
    match tensor.dtype() {
        Dtype::F32 => Some(wide.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()),
        Dtype::F16 => Some(narrow.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect()),
        Dtype::BF16 => Some(narrow.iter().map(|bytes| bf16::from_le_bytes(*bytes).to_f32()).collect()),
        _ => None,
    }
}

fn bytes<const N: usize>(values: &[f32], bytes: impl Fn(f32) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&value| bytes(value)).collect()
}

struct Collector<'a> {
    path: Vec<String>,
    weights: &'a mut StateDict,
}

impl ModuleVisitor for Collector<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.weights.tensors.insert(self.path.join("."), Weight::of(param));
    }
}

impl Weight {
    fn of<const D: usize>(param: &Param<Tensor<D>>) -> Self {
        let data = param.transform_for_save().val().into_data();
        Self { shape: data.shape().to_vec(), values: data.iter::<f32>().collect() }
    }

    /// This weight with `former`'s rows along `axis` where `sources` names some.
    fn with_rows(mut self, former: &Self, axis: usize, sources: &Sources) -> Self {
        let inner: usize = self.shape[axis + 1..].iter().product();
        let outer: usize = self.shape[..axis].iter().product();
        let (rows, former_rows) = (self.shape[axis], former.shape[axis]);
        for block in 0..outer {
            for (row, sources) in sources.iter().enumerate().take(rows).filter(|(_, from)| !from.is_empty()) {
                let at = (block * rows + row) * inner;
                for (offset, value) in self.values[at..at + inner].iter_mut().enumerate() {
                    let of = |source: &usize| former.values[(block * former_rows + source) * inner + offset];
                    *value = sources.iter().map(of).sum::<f32>() / sources.len() as f32;
                }
            }
        }
        self
    }
}

struct Giver<'a> {
    path: Vec<String>,
    weights: &'a StateDict,
    words: &'a [Worded],
    sources: &'a HashMap<WordList, Sources>,
    error: Option<StateError>,
}

impl Giver<'_> {
    fn given<const D: usize>(&self, param: &Param<Tensor<D>>) -> Result<Weight, StateError> {
        let path = self.path.join(".");
        let Some(former) = self.weights.tensors.get(&path) else {
            return Err(StateError::Missing { path });
        };
        let wanted = param.lazy_shape().to_vec();
        let worded = self.words.iter().find(|(end, ..)| path.ends_with(end));
        let (mut fits, mut given) = (wanted.clone(), former.clone());
        if let Some((_, list, axis)) = worded
            && let Some(sources) = self.sources.get(list)
        {
            let last = sources.iter().flatten().max();
            if former.shape.len() == D && last.is_none_or(|&last| last < former.shape[*axis]) {
                fits[*axis] = former.shape[*axis];
                if former.shape == fits {
                    given = Weight::of(param).with_rows(former, *axis, sources);
                }
            }
        }
        if former.shape == fits {
            return Ok(given);
        }
        Err(StateError::Shape { path, found: former.shape.clone(), wanted })
    }
}

impl ModuleMapper for Giver<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.given(&param) {
            Ok(Weight { shape, values }) => {
                let device = param.lazy_device();
                let id = param.id;
                param.transform_for_load(Tensor::from_data(TensorData::new(values, shape), &device), id)
            }
            Err(error) => {
                self.error.get_or_insert(error);
                param
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Int};

    use super::*;
    use crate::model::{Cmal, Dims, Vocabulary};

    const DIMS: Dims = Dims {
        grid_below: 0,
        side: 32,
        channels: 4,
        features: 6,
        objects: 5,
        object_threshold: 0.3,
        width: 8,
        heads: 2,
        expansion: 2,
        visual_layers: 1,
        textual_layers: 1,
        unified_layers: 1,
        coarse: 4,
        max_tokens: 9,
        hypersphere: true,
        bert: None,
    };
    const FORMER: Vocabulary = Vocabulary { tokens: 11, answers: 3, classes: 4, attributes: 6 };

    fn states(cmal: &Cmal, tokens: [[i64; 3]; 1]) -> TensorData {
        let device = Device::flex();
        let real = Tensor::<2>::ones([1, 3], &device).greater_elem(0.0);
        cmal.read(Tensor::<2, Int>::from_data(tokens, &device), real).states.into_data()
    }

    fn stored(cmal: &Cmal, precision: Precision) -> StateDict {
        let mut state = StateDict::default();
        state.collect("cmal", cmal);
        StateDict::from_bytes(&state.to_bytes(&[("cmal", precision)])).unwrap()
    }

    #[test]
    fn a_model_given_anothers_weights_computes_the_same() {
        let device = Device::flex();
        let former = Cmal::new(&DIMS, &FORMER, &device);
        let fresh = Cmal::new(&DIMS, &FORMER, &device);
        assert_ne!(states(&fresh, [[1, 2, 3]]), states(&former, [[1, 2, 3]]));
        let given = stored(&former, Precision::F32).give("cmal", fresh, &Cmal::WORDED, &HashMap::new());
        assert_eq!(states(&given.unwrap(), [[1, 2, 3]]), states(&former, [[1, 2, 3]]));
    }

    #[test]
    fn half_precision_takes_half_the_bytes_and_keeps_three_digits() {
        let mut state = StateDict::default();
        state.collect("cmal", &Cmal::new(&DIMS, &FORMER, &Device::flex()));
        let (wide, narrow) = (state.to_bytes(&[]), state.to_bytes(&[("cmal", Precision::F16)]));
        let values: usize = state.tensors.values().map(|weight| weight.values.len()).sum();
        assert!(wide.len() - narrow.len() > values * 19 / 10, "{} against {}", narrow.len(), wide.len());
        let read = StateDict::from_bytes(&narrow).unwrap();
        for (path, weight) in &state.tensors {
            for (value, kept) in weight.values.iter().zip(&read.tensors[path].values) {
                assert!((value - kept).abs() < 1e-3 * value.abs().max(1.0), "{path}");
            }
        }
    }

    #[test]
    fn rows_follow_their_words_and_new_words_start_from_the_mean_of_their_sources() {
        let device = Device::flex();
        let former = Cmal::new(&DIMS, &FORMER, &device);
        let vocabulary = Vocabulary { tokens: 12, answers: 2, ..FORMER };
        let mut tokens: Sources = (0..11).map(|token| vec![token]).collect();
        tokens.push(vec![4, 6]);
        let sources = HashMap::from([(WordList::Tokens, tokens), (WordList::Answers, vec![vec![2], vec![]])]);
        let fresh = Cmal::new(&DIMS, &vocabulary, &device);
        let untouched = stored(&fresh, Precision::F32);
        let given = stored(&former, Precision::F32).give("cmal", fresh, &Cmal::WORDED, &sources).unwrap();
        let (given, former) = (stored(&given, Precision::F32), stored(&former, Precision::F32));
        let row = |state: &StateDict, row: usize| {
            let weight = &state.tensors["cmal.tokens.token.weight"];
            weight.values[row * 8..(row + 1) * 8].to_vec()
        };
        assert_eq!(row(&given, 3), row(&former, 3));
        let mean: Vec<f32> =
            row(&former, 4).iter().zip(row(&former, 6)).map(|(a, b)| (a + b) / 2.0).collect();
        assert_eq!(row(&given, 11), mean);
        let answers = |state: &StateDict| state.tensors["cmal.tasks.vqa.logits.bias"].values.clone();
        assert_eq!(answers(&given), [answers(&former)[2], answers(&untouched)[1]]);
        let columns = |state: &StateDict| state.tensors["cmal.tasks.vqa.logits.weight"].values.clone();
        assert_eq!(columns(&given)[0], columns(&former)[2], "the first row's first column is the answer's");
    }

    #[test]
    fn on_the_way_from_one_state_to_another_every_value_is_between_the_two() {
        let state = |values: [f32; 2]| {
            let mut state = StateDict::default();
            state.insert("a", vec![2], values.to_vec());
            state
        };
        let (here, there) = (state([1.0, -2.0]), state([3.0, 2.0]));
        assert_eq!(here.toward(&there, 0.25), state([1.5, -1.0]));
        assert_eq!((here.toward(&there, 0.0), here.toward(&there, 1.0)), (here, there));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let device = Device::flex();
        let former = stored(&Cmal::new(&DIMS, &FORMER, &device), Precision::F32);
        let wider = Cmal::new(&Dims { width: 12, ..DIMS }, &FORMER, &device);
        let error = former.give("cmal", wider, &Cmal::WORDED, &HashMap::new()).unwrap_err().to_string();
        assert!(error.contains("objects.feature.weight") && error.contains("[6, 12]"), "{error}");
        let other = Cmal::new(&DIMS, &FORMER, &device);
        let error = former.give("else", other, &Cmal::WORDED, &HashMap::new()).unwrap_err().to_string();
        assert!(error.contains("missing"), "{error}");
        assert!(matches!(StateDict::from_bytes(b"no safetensors"), Err(StateError::Format(_))));
    }
}
