//! Names and raw texts of annotators, as the corpora hold them.

use std::path::Path;

use crate::types::Split;

/// Trimmed, and every run of white space one blank.
pub(super) fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The last part of a path of either kind, by which pictures go in a dataset folder.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// What a file is called, for its hints about what it holds.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The part that COCO's names of files, folders and subsets tell, such as `COCO_val2014_000000000042.jpg` or
/// `test-dev2015`.
pub(super) fn split_in(name: &str) -> Option<Split> {
    [("train20", Split::Train), ("val20", Split::Val), ("test20", Split::Test), ("test-dev20", Split::Test)]
        .into_iter()
        .find_map(|(word, split)| name.contains(word).then_some(split))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lose_their_blanks_and_paths_their_folders() {
        assert_eq!(tidy("  a man\n on\ta moped. "), "a man on a moped.");
        assert_eq!(file_name("train2014/a.jpg"), "a.jpg");
        assert_eq!(file_name("a.jpg"), "a.jpg");
        assert_eq!(name_of(Path::new("x/y.json")), "y.json");
    }

    #[test]
    fn splits_are_told_by_names_that_hold_one() {
        assert_eq!(split_in("COCO_train2014_000000000009.jpg"), Some(Split::Train));
        assert_eq!(split_in("captions_val2017.json"), Some(Split::Val));
        assert_eq!(split_in("test-dev2015"), Some(Split::Test));
        assert_eq!(split_in("000000000009.jpg"), None);
    }
}
