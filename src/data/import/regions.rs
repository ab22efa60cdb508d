//! Rows of region features, as bottom-up attention and LXMERT write them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::data::{Found, NO_CLASS};
use crate::types::{Frame, PixelBox, Size};

/// Classes and attributes of the vocabularies that LXMERT's ids index.
const CLASSES: i64 = 1600;
const ATTRIBUTES: usize = 400;

/// How the columns lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `image_id, image_w, image_h, num_boxes, boxes, features`
    Butd,
    /// `img_id, img_h, img_w, objects_id, objects_conf, attrs_id, attrs_conf, num_boxes, boxes, features`
    Lxmert,
}

impl Layout {
    pub const ALL: [Self; 2] = [Self::Butd, Self::Lxmert];

    pub fn name(self) -> &'static str {
        match self {
            Self::Butd => "butd",
            Self::Lxmert => "lxmert",
        }
    }

    /// The layout of a row, by its number of columns.
    pub(super) fn of(row: &[u8]) -> Option<Self> {
        let columns = row.split(|&byte| byte == b'\t').count();
        Self::ALL.into_iter().find(|layout| layout.columns() == columns)
    }

    /// How many attributes an object of this layout may have.
    pub(super) fn attributes(self) -> usize {
        match self {
            Self::Butd => 0,
            Self::Lxmert => ATTRIBUTES,
        }
    }

    fn columns(self) -> usize {
        match self {
            Self::Butd => 6,
            Self::Lxmert => 10,
        }
    }
}

/// The regions of one picture.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    /// COCO's or Visual Genome's number, or the stem of the picture's name.
    pub(super) id: String,
    pub(super) regions: Vec<Found>,
    /// Regions whose boxes have no extent or lie outside the picture.
    pub(super) misplaced: usize,
}

impl Row {
    /// None for a row that does not decode, such as those that were cut when they were written.
    pub(super) fn read(row: &[u8], layout: Layout) -> Option<Self> {
        let text = str::from_utf8(row).ok()?;
        let columns: Vec<&str> = text.split('\t').map(str::trim).collect();
        let (id, size, tags, rest) = match (layout, &columns[..]) {
            (Layout::Butd, [id, width, height, rest @ ..]) => (id, [width, height], None, rest),
            (Layout::Lxmert, [id, height, width, classes, _, attributes, _, rest @ ..]) => {
                (id, [width, height], Some([classes, attributes]), rest)
            }
            _ => return None,
        };
        let [count, boxes, features] = rest else { return None };
        let [size_x, size_y] = size.map(|text| text.parse::<u32>().ok());
        let size = Size { width: size_x?, height: size_y? };
        let count: usize = count.parse().ok()?;
        let boxes = floats(boxes)?;
        let features = floats(features)?;
        let width = features.len().checked_div(count).unwrap_or_default();
        let whole = boxes.len() == count.checked_mul(4)? && features.len() == width * count;
        if !whole || (width == 0) != (count == 0) || id.is_empty() {
            return None;
        }
        let tags = match tags {
            Some([classes, attributes]) => Some((numbers(classes, count)?, numbers(attributes, count)?)),
            None => None,
        };
        let mut found = Self { id: (*id).to_owned(), regions: Vec::with_capacity(count), misplaced: 0 };
        for region in 0..count {
            let (class, attributes) = match &tags {
                Some((classes, attributes)) => tagged(classes[region], attributes[region])?,
                None => (NO_CLASS, Vec::new()),
            };
            let [x1, y1, x2, y2] = [0, 1, 2, 3].map(|corner| boxes[region * 4 + corner]);
            let bbox = PixelBox { x: x1, y: y1, width: x2 - x1, height: y2 - y1 };
            if !bbox.fits(size) {
                found.misplaced += 1;
                continue;
            }
            let feature = features[region * width..(region + 1) * width].to_vec();
            found.regions.push(Found { bbox: Frame::new(size).to_unit(&bbox), class, attributes, feature });
        }
        Some(found)
    }

    /// Width of the row's features, if it has any.
    pub(super) fn width(&self) -> Option<usize> {
        self.regions.first().map(|region| region.feature.len())
    }
}

/// A class and an attribute as a store holds them; none outside the vocabularies.
fn tagged(class: i64, attribute: i64) -> Option<(u16, Vec<bool>)> {
    let class = (0..CLASSES).contains(&class).then_some(class)?;
    let attribute = usize::try_from(attribute).ok().filter(|&attribute| attribute < ATTRIBUTES)?;
    Some((u16::try_from(class).ok()?, (0..ATTRIBUTES).map(|of| of == attribute).collect()))
}

fn floats(text: &str) -> Option<Vec<f32>> {
    let bytes = STANDARD.decode(text).ok()?;
    let (values, rest) = bytes.as_chunks::<4>();
    let values: Vec<f32> = values.iter().map(|&value| f32::from_le_bytes(value)).collect();
    (rest.is_empty() && values.iter().all(|value| value.is_finite())).then_some(values)
}

fn numbers(text: &str, count: usize) -> Option<Vec<i64>> {
    let bytes = STANDARD.decode(text).ok()?;
    let (values, rest) = bytes.as_chunks::<8>();
    (rest.is_empty() && values.len() == count)
        .then(|| values.iter().map(|&value| i64::from_le_bytes(value)).collect())
}

#[cfg(test)]
pub(super) mod samples {
    //! Rows as the two programs write them.

    use super::*;

    fn packed<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> String {
        STANDARD.encode(values.iter().flat_map(|&value| bytes(value)).collect::<Vec<_>>())
    }

    /// A row of a picture of 40×20 pixels, whose features have two values.
    pub(in super::super) fn butd(id: &str, boxes: &[[f32; 4]], features: &[f32]) -> String {
        let [boxes, count] = [packed(&boxes.concat(), f32::to_le_bytes), boxes.len().to_string()];
        format!("{id}\t40\t20\t{count}\t{boxes}\t{}\r\n", packed(features, f32::to_le_bytes))
    }

    /// A row of a picture of 40×20 pixels with one region.
    pub(in super::super) fn lxmert(id: &str, class: i64, attribute: i64) -> String {
        let [class, attribute] = [class, attribute].map(|id| packed(&[id], i64::to_le_bytes));
        let [sure, bbox, features] = [&[0.5][..], &[10.0, 5.0, 30.0, 15.0], &[1.0, 2.0]]
            .map(|values| packed(values, f32::to_le_bytes));
        format!("{id}\t20\t40\t{class}\t{sure}\t{attribute}\t{sure}\t1\t{bbox}\t{features}\r\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::UnitBox;

    #[test]
    fn boxes_become_parts_of_the_square() {
        let line = samples::butd("42", &[[10.0, 5.0, 30.0, 15.0]], &[1.0, 2.0]);
        let row = Row::read(line.as_bytes(), Layout::Butd).unwrap();
        assert_eq!(row.id, "42");
        let [region] = &row.regions[..] else { panic!("{row:?}") };
        assert_eq!(region.bbox, UnitBox { x1: 0.25, y1: 0.125, x2: 0.75, y2: 0.375 });
        assert_eq!((region.class, region.feature.as_slice()), (NO_CLASS, [1.0, 2.0].as_slice()));
    }

    #[test]
    fn tags_are_those_of_the_vocabularies() {
        let read = |class, attribute| {
            Row::read(
                samples::lxmert("COCO_val2014_000000000042", class, attribute).as_bytes(),
                Layout::Lxmert,
            )
        };
        let row = read(1599, 3).unwrap();
        let region = &row.regions[0];
        assert_eq!((region.class, region.bbox.y1), (1599, 0.125));
        assert_eq!(region.attributes.iter().position(|&has| has), Some(3));
        assert_eq!((read(1600, 3), read(0, 400), read(-1, 0)), (None, None, None));
    }

    #[test]
    fn a_row_that_was_cut_does_not_decode() {
        let line = samples::butd("42", &[[10.0, 5.0, 30.0, 15.0]], &[1.0, 2.0]);
        let row = line.trim_end();
        assert!((0..row.len()).all(|end| Row::read(&row.as_bytes()[..end], Layout::Butd).is_none()));
        assert_eq!(Row::read(row.replace("\t1\t", "\t2\t").as_bytes(), Layout::Butd), None);
        assert_eq!(
            Row::read(row.replace("\t1\t", "\t18446744073709551615\t").as_bytes(), Layout::Butd),
            None
        );
        assert_eq!(Row::read(b"\xff\t1\t1\t0\t\t", Layout::Butd), None);
    }

    #[test]
    fn regions_outside_the_picture_are_counted() {
        let boxes = [[10.0, 5.0, 41.0, 15.0], [1.0, 2.0, 1.0, 4.0], [0.0, 0.0, 39.0, 19.0]];
        let line = samples::butd("42", &boxes, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let row = Row::read(line.as_bytes(), Layout::Butd).unwrap();
        assert_eq!((row.misplaced, row.regions.len(), row.width()), (2, 1, Some(2)));
        assert_eq!(row.regions[0].feature, [5.0, 6.0]);
    }

    #[test]
    fn layouts_are_told_apart_by_their_columns() {
        assert_eq!(Layout::of(samples::butd("1", &[], &[]).as_bytes()), Some(Layout::Butd));
        assert_eq!(Layout::of(samples::lxmert("1", 0, 0).as_bytes()), Some(Layout::Lxmert));
        assert_eq!(Layout::of(b"a\tb"), None);
    }
}
