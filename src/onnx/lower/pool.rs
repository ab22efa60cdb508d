//! Pooling and resizing.

use burn_ir::{
    AvgPool1dOpIr, AvgPool2dOpIr, InterpolateModeIr, InterpolateOpIr, MaxPool1dOpIr, MaxPool2dOpIr, TensorIr,
};

use super::super::error::Error;
use super::super::graph::{Attribute, Attributes};
use super::super::literal::Literal;
use super::super::size::Seen;
use super::context::Lowering;
use super::layers::{ints, pads};

pub(super) fn max1d(op: &MaxPool1dOpIr, to: &mut Lowering) -> Result<(), Error> {
    let mut attributes = window(&[op.kernel_size], &[op.stride], &[op.padding], op.ceil_mode);
    attributes.push(("dilations", ints([op.dilation].iter())));
    pooled("MaxPool", &op.x, attributes, &op.out, to)
}

pub(super) fn max2d(op: &MaxPool2dOpIr, to: &mut Lowering) -> Result<(), Error> {
    let mut attributes = window(&op.kernel_size, &op.stride, &op.padding, op.ceil_mode);
    attributes.push(("dilations", ints(op.dilation.iter())));
    pooled("MaxPool", &op.x, attributes, &op.out, to)
}

pub(super) fn average1d(op: &AvgPool1dOpIr, to: &mut Lowering) -> Result<(), Error> {
    let mut attributes = window(&[op.kernel_size], &[op.stride], &[op.padding], op.ceil_mode);
    attributes.push(("count_include_pad", Attribute::Int(i64::from(op.count_include_pad))));
    pooled("AveragePool", &op.x, attributes, &op.out, to)
}

pub(super) fn average2d(op: &AvgPool2dOpIr, to: &mut Lowering) -> Result<(), Error> {
    let mut attributes = window(&op.kernel_size, &op.stride, &op.padding, op.ceil_mode);
    attributes.push(("count_include_pad", Attribute::Int(i64::from(op.count_include_pad))));
    pooled("AveragePool", &op.x, attributes, &op.out, to)
}

/// Average pooling to a given size: over everything for a size of one, else in equal windows.
pub(super) fn adaptive(x: &TensorIr, out: &TensorIr, to: &mut Lowering) -> Result<(), Error> {
    let (from, into) = (to.shape(x), to.shape(out));
    if into.iter().skip(2).all(|size| size.fixed() == Some(1)) {
        return pooled("GlobalAveragePool", x, Attributes::new(), out, to);
    }
    let equal = |(from, into): (i64, i64)| (into > 0 && from % into == 0).then(|| (from / into) as usize);
    let sizes =
        from.iter().zip(&into).skip(2).map(|(from, into)| from.fixed().zip(into.fixed()).and_then(equal));
    let Some(windows) = sizes.collect::<Option<Vec<usize>>>() else {
        return Err(to.unsupported("adaptive pooling needs fixed sizes that are multiples of the output's"));
    };
    let attributes = window(&windows, &windows, &vec![0; windows.len()], false);
    pooled("AveragePool", x, attributes, out, to)
}

pub(super) fn interpolate(op: &InterpolateOpIr, to: &mut Lowering) -> Result<(), Error> {
    let x = to.get(&op.x)?;
    let aligned = if op.options.align_corners { "align_corners" } else { "half_pixel" };
    let (mode, coordinates) = match op.options.mode {
        InterpolateModeIr::Nearest => ("nearest", "asymmetric"),
        InterpolateModeIr::Bilinear => ("linear", aligned),
        InterpolateModeIr::Bicubic => ("cubic", aligned),
        InterpolateModeIr::NearestExact | InterpolateModeIr::Lanczos3 => {
            return Err(to.unsupported("this way of resizing"));
        }
    };
    let mut attributes = vec![
        ("mode", Attribute::Text(mode)),
        ("coordinate_transformation_mode", Attribute::Text(coordinates)),
        ("nearest_mode", Attribute::Text("floor")),
    ];
    let (from, into) = (to.shape(&op.x), to.shape(&op.out));
    let factor = |axis: usize| from[axis].factor_to(into[axis]).and_then(Seen::fixed);
    let operands = match (factor(2), factor(3)) {
        // ONNX Runtime resizes in the layout that its convolutions work in only where it knows the factors.
        (Some(rows), Some(columns)) => {
            let scales = Literal::floats(&[1.0, 1.0, rows as f32, columns as f32], vec![4]);
            vec![Some(x), None, Some(to.exact(scales))]
        }
        _ => {
            attributes.push(("axes", Attribute::Ints(vec![2, 3])));
            vec![Some(x), None, None, Some(to.sizes(&into[2..])?)]
        }
    };
    let out = to.node_of("Resize", operands, attributes);
    to.bind(&op.out, out)
}

fn window(kernel: &[usize], stride: &[usize], padding: &[usize], ceil: bool) -> Attributes {
    let padding: Vec<(usize, usize)> = padding.iter().map(|size| (*size, *size)).collect();
    vec![
        ("kernel_shape", ints(kernel.iter())),
        ("strides", ints(stride.iter())),
        ("pads", pads(&padding)),
        ("ceil_mode", Attribute::Int(i64::from(ceil))),
    ]
}

fn pooled(
    op_type: &'static str,
    x: &TensorIr,
    attributes: Attributes,
    out: &TensorIr,
    to: &mut Lowering,
) -> Result<(), Error> {
    let x = to.get(x)?;
    let value = to.node_with(op_type, [x], attributes);
    to.bind(out, value)
}

#[cfg(all(test, feature = "serve"))]
mod tests {
    use super::super::super::signature::Kind;
    use super::super::super::testing::{check, floats, image, pair};
    use burn::tensor::module::{
        adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d, avg_pool1d, avg_pool2d, interpolate,
        max_pool1d, max_pool2d,
    };
    use burn::tensor::ops::{AvgPoolOptions, InterpolateMode, InterpolateOptions, MaxPoolOptions};

    #[test]
    fn pooling_agrees() {
        check(image(), |v| {
            let x = v.float::<4>("x")?;
            let peaks = MaxPoolOptions::new([3, 3]).with_stride([1, 1]).with_padding([1, 1]);
            let uneven = MaxPoolOptions::new([3, 2]).with_stride([2, 2]).with_ceil_mode(true);
            let mut padded = AvgPoolOptions::new([3, 3]);
            padded.stride = [2, 2];
            padded.padding = [(1, 1), (1, 1)];
            padded.count_include_pad = false;
            floats([
                ("peaks", max_pool2d(x.clone(), peaks)),
                ("uneven", max_pool2d(x.clone(), uneven)),
                ("mean", avg_pool2d(x.clone(), AvgPoolOptions::new([2, 2]))),
                ("padded", avg_pool2d(x.clone(), padded)),
                ("global", adaptive_avg_pool2d(x.clone(), [1, 1])),
                ("adaptive", adaptive_avg_pool2d(x, [4, 2])),
            ])
        });
    }

    #[test]
    fn pooling_along_an_axis_of_any_length_agrees() {
        check(pair(Kind::F32), |v| {
            let x = v.float::<3>("x")?.swap_dims(1, 2);
            floats([
                ("max", max_pool1d(x.clone(), MaxPoolOptions::new([2]).with_stride([1]))),
                ("mean", avg_pool1d(x.clone(), AvgPoolOptions::new([2]))),
                ("global", adaptive_avg_pool1d(x, 1)),
            ])
        });
    }

    #[test]
    fn pooling_in_three_dimensions_agrees() {
        check(image(), |v| {
            let x = v.float::<4>("x")?.unsqueeze_dim::<5>(1);
            floats([
                ("global", adaptive_avg_pool3d(x.clone(), [1, 1, 1])),
                ("adaptive", adaptive_avg_pool3d(x, [2, 4, 2])),
            ])
        });
    }

    #[test]
    fn resizing_agrees_in_every_mode() {
        check(image(), |v| {
            let x = v.float::<4>("x")?;
            let resized = |mode, corners| {
                let options =
                    InterpolateOptions::new(mode).with_align_corners(corners).with_output_size([9, 20]);
                interpolate(x.clone(), options)
            };
            floats([
                ("nearest", resized(InterpolateMode::Nearest, false)),
                ("bilinear", resized(InterpolateMode::Bilinear, false)),
                ("bilinear_corners", resized(InterpolateMode::Bilinear, true)),
                ("bicubic", resized(InterpolateMode::Bicubic, false)),
            ])
        });
    }

    #[test]
    fn a_whole_multiple_is_resized_by_its_factors() {
        let model = check(image(), |v| {
            let x = v.float::<4>("x")?;
            let [_, _, rows, columns] = x.dims();
            let resized = |mode| {
                let options = InterpolateOptions::new(mode).with_output_size([3 * rows, 2 * columns]);
                interpolate(x.clone(), options)
            };
            floats([
                ("nearest", resized(InterpolateMode::Nearest)),
                ("bilinear", resized(InterpolateMode::Bilinear)),
            ])
        });
        assert_eq!(model.operators().collect::<Vec<_>>(), ["Resize", "Resize"]);
    }
}
