//! What an import wrote and what it left out, as it is told at the end.

use std::collections::BTreeMap;
use std::fmt;

/// What an import wrote and what it left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Each file with what it holds, in words.
    pub written: Vec<(&'static str, String)>,
    pub skipped: Skipped,
}

/// How much was left out, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped(BTreeMap<String, usize>);

impl Skipped {
    /// One more was left out; the reason says what it was, in the plural where it can.
    pub(super) fn count(&mut self, reason: &str) {
        self.add(reason, 1);
    }

    pub(super) fn add(&mut self, reason: &str, count: usize) {
        if count > 0 {
            *self.0.entry(reason.to_owned()).or_default() += count;
        }
    }

    /// How often something was left out for a reason.
    pub fn of(&self, reason: &str) -> usize {
        self.0.get(reason).copied().unwrap_or_default()
    }
}

/// A number with what it counts.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

impl fmt::Display for Skipped {
    /// A line for each reason, without an end of line after the last.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(|(reason, count)| format!("  {reason}: {count}")).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("written\n")?;
        self.written.iter().try_for_each(|(file, what)| writeln!(f, "  {file}: {what}"))?;
        if self.skipped != Skipped::default() {
            writeln!(f, "skipped\n{}", self.skipped)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_lists_files_and_reasons() {
        let mut summary =
            Summary { written: vec![("vqa.jsonl", "3 lines".to_owned())], ..Summary::default() };
        assert_eq!(summary.to_string(), "written\n  vqa.jsonl: 3 lines\n");
        summary.skipped.count("no picture");
        summary.skipped.count("no picture");
        summary.skipped.add("crowd annotations", 0);
        assert_eq!(summary.to_string(), "written\n  vqa.jsonl: 3 lines\nskipped\n  no picture: 2\n");
    }
}
