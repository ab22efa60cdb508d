//! The page from its head to its foot.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::data::{Dataset, Entry, NewFile};
use crate::eval::error::Error;
use crate::eval::part::Part;
use crate::eval::report::Row;
use crate::eval::run::Evaluation;
use crate::types::Entailment;

use super::chart;
use super::example::{Boxes, Example, Shown};
use super::examples::{Group, examples};
use super::markup::Escaped;
use super::picture;

const FILE: &str = "report.html";
const STYLE: &str = include_str!("style.css");
const BY_KIND: &str = "Accuracy by kind";
const RELIABILITY: &str = "Reliability: accuracy of answers by their confidence. On the diagonal they are as sure as they are right.";
/// Nothing runs and nothing is loaded, whatever a dataset holds.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// `report.html` of an evaluation.
pub struct Page {
    file: NewFile,
}

impl Page {
    /// Begins the page in a folder, which is made if it is not there, before anything is asked.
    pub fn begin(folder: &Path) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(Error::write(folder))?;
        let path = folder.join(FILE);
        Ok(Self { file: NewFile::begin(&path).map_err(Error::write(path))? })
    }

    /// Writes the page. `about` tells what was evaluated, by name.
    pub fn finish(
        mut self,
        about: &[(&str, String)],
        evaluation: &Evaluation<'_>,
        dataset: &Dataset,
    ) -> Result<(), Error> {
        let mut page = head(about);
        for part in Part::ALL {
            section(&mut page, part, evaluation, dataset)?;
        }
        page.push_str("</main>\n</body>\n</html>\n");
        let failed = Error::write(self.file.path().to_owned());
        self.file.write_all(page.as_bytes()).and_then(|()| self.file.finish()).map_err(failed)
    }
}

/// Adds formatted text, which a string always takes.
macro_rules! add {
    ($page:expr, $($text:tt)*) => {
        let _ = writeln!($page, $($text)*);
    };
}

fn head(about: &[(&str, String)]) -> String {
    let mut page = String::new();
    add!(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">");
    add!(page, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    add!(page, "<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">");
    add!(page, "<title>cmal eval</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>");
    add!(page, "<h1>Evaluation</h1>\n<dl>");
    for (name, value) in about {
        add!(page, "<dt>{}</dt><dd>{}</dd>", Escaped(name), Escaped(value));
    }
    add!(page, "</dl>");
    page
}

/// What there is of one part; nothing if it was not asked for.
fn section(
    page: &mut String,
    part: Part,
    evaluation: &Evaluation<'_>,
    dataset: &Dataset,
) -> Result<(), Error> {
    let report = &evaluation.report;
    let rows = report.rows(part);
    if rows.is_empty() {
        return Ok(());
    }
    add!(page, "<section>\n<h2>{}</h2>", title(part));
    figures(page, &rows);
    match part {
        Part::Vqa => {
            if let Some(vqa) = &report.vqa {
                let groups = [(BY_KIND, &vqa.by_kind), ("Accuracy by type", &vqa.by_question_type)];
                let named = groups.into_iter().filter(|(_, figures)| !figures.is_empty());
                let rankings = named.map(|(caption, figures)| (caption, chart::ranking(figures)));
                charts(page, rankings.chain([(RELIABILITY, chart::reliability(&vqa.calibration))]))?;
            }
        }
        Part::Entailment => {
            if let Some(score) = &report.entailment {
                confusion(page, &score.confusion);
                charts(page, [(RELIABILITY, chart::reliability(&score.calibration))])?;
            }
        }
        Part::Grounding => {
            let by_kind = report.grounding.as_ref().map(|score| &score.by_kind);
            if let Some(figures) = by_kind.filter(|figures| !figures.is_empty()) {
                charts(page, [(BY_KIND, chart::ranking(figures))])?;
            }
        }
        Part::Detection | Part::Retrieval | Part::Association => {}
    }
    for Group { title, class, examples } in examples(evaluation, part) {
        if examples.is_empty() {
            continue;
        }
        let shown = Shown::of(examples);
        if matches!(part, Part::Grounding | Part::Detection) {
            add!(
                page,
                "<p><span class=\"key truth\">true box</span> <span class=\"key found\">found box</span></p>"
            );
        }
        for (name, examples) in [("best", shown.best), ("worst", shown.worst), ("random", shown.random)] {
            add!(page, "<h3>{title}: {name}</h3>");
            add!(page, "<div class=\"{class}\">");
            gallery(page, &examples, dataset)?;
            add!(page, "</div>");
        }
    }
    add!(page, "</section>");
    Ok(())
}

fn title(part: Part) -> &'static str {
    match part {
        Part::Vqa => "Visual question answering",
        Part::Entailment => "Visual entailment",
        Part::Grounding => "Grounding",
        Part::Detection => "Detection",
        Part::Retrieval => "Retrieval",
        Part::Association => "Association",
    }
}

fn figures(page: &mut String, rows: &[Row]) {
    add!(
        page,
        "<div class=\"wide\"><table>\n<thead><tr><th>figure</th><th>value</th><th>95 % interval</th><th>items</th></tr></thead>\n<tbody>"
    );
    for row in rows {
        let class = if row.within { " class=\"within\"" } else { "" };
        let (name, interval) = (Escaped(&row.name), row.between());
        let (value, count) = (row.figure.value, row.figure.count);
        add!(page, "<tr{class}><th>{name}</th><td>{value:.4}</td><td>{interval}</td><td>{count}</td></tr>");
    }
    add!(page, "</tbody>\n</table></div>");
}

fn charts<'a>(
    page: &mut String,
    charts: impl IntoIterator<Item = (&'a str, Result<String, crate::chart::Error>)>,
) -> Result<(), Error> {
    add!(page, "<div class=\"charts\">");
    for (caption, chart) in charts {
        add!(page, "<figure>\n{}<figcaption>{}</figcaption>\n</figure>", chart?, Escaped(caption));
    }
    add!(page, "</div>");
    Ok(())
}

/// Darker where a row's hypotheses went: green on the diagonal, red beside it.
fn confusion(page: &mut String, confusion: &[[usize; 3]; 3]) {
    add!(
        page,
        "<h3>Labels given, by true label</h3>\n<div class=\"wide\"><table class=\"confusion\">\n<thead><tr><th>truth</th>"
    );
    for label in Entailment::ALL {
        add!(page, "<th>{label}</th>");
    }
    add!(page, "</tr></thead>\n<tbody>");
    for (truth, row) in Entailment::ALL.into_iter().zip(confusion) {
        let all = row.iter().sum::<usize>().max(1) as f64;
        add!(page, "<tr><th>{truth}</th>");
        for (given, &count) in Entailment::ALL.into_iter().zip(row) {
            let colour = if given == truth { "right" } else { "wrong" };
            let share = count as f64 / all;
            add!(page, "<td style=\"background:rgb(var(--{colour}) / {:.2})\">{count}</td>", 0.6 * share);
        }
        add!(page, "</tr>");
    }
    add!(page, "</tbody>\n</table></div>");
}

fn gallery(page: &mut String, examples: &[Example<'_>], dataset: &Dataset) -> Result<(), Error> {
    for example in examples {
        let picture = picture::drawing(&dataset.path(example.entry), &example.entry.name, &example.boxes)?;
        add!(page, "<figure class=\"example\">\n{picture}\n<figcaption>");
        if let Some(text) = example.text {
            add!(page, "<p>{}</p>", Escaped(text));
        }
        retrieved(page, &example.pictures, dataset)?;
        add!(page, "<dl>");
        lines(page, "truth", &example.truth);
        lines(page, "answer", &example.given);
        add!(page, "<dt>picture</dt><dd>{}</dd>", Escaped(&example.entry.name));
        add!(page, "</dl>\n</figcaption>\n</figure>");
    }
    Ok(())
}

/// Pictures in a row, smaller than the one they were given for.
fn retrieved(page: &mut String, pictures: &[(&Entry, String)], dataset: &Dataset) -> Result<(), Error> {
    if pictures.is_empty() {
        return Ok(());
    }
    add!(page, "<div class=\"retrieved\">");
    for (entry, told) in pictures {
        let picture = picture::drawing(&dataset.path(entry), &entry.name, &Boxes::default())?;
        add!(page, "<figure>{picture}<figcaption>{}</figcaption></figure>", Escaped(told));
    }
    add!(page, "</div>");
    Ok(())
}

fn lines(page: &mut String, name: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    add!(page, "<dt>{name}</dt>");
    for line in lines {
        add!(page, "<dd>{}</dd>", Escaped(line));
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;
    use tempfile::TempDir;

    use super::*;
    use crate::data::{Expression, Hypothesis, LabelledObject, Question};
    use crate::eval::answers::Answers;
    use crate::score::Shortlist;
    use crate::types::{
        Candidate, EntailmentScores, GroundingAnswer, PixelBox, ScoredAnswer, Size, Split, Tags,
    };

    const HOSTILE: &str = "</p><script>alert(\"x\")</script><img src=x onerror='y'>&";

    /// A dataset of one picture about which everything says the same.
    fn dataset(folder: &TempDir, text: &str) -> Dataset {
        let text = text.to_owned();
        fs::create_dir(folder.path().join("images")).unwrap();
        RgbImage::new(40, 20).save(folder.path().join("images/a.png")).unwrap();
        let bbox = PixelBox { x: 2.0, y: 3.0, width: 10.0, height: 8.0 };
        let tags = Tags { class: text.clone(), attributes: vec![text.clone()] };
        let entry = Entry {
            name: "a.png".to_owned(),
            size: Size { width: 40, height: 20 },
            split: Split::Test,
            objects: Some(vec![LabelledObject { bbox, tags }]),
            captions: vec![text.clone()],
            vqa: vec![Question {
                question: text.clone(),
                answers: vec![text.clone()],
                kind: Some(text.clone()),
                question_type: Some(text.clone()),
                id: None,
            }],
            entailment: vec![Hypothesis { hypothesis: text.clone(), label: Entailment::Neutral }],
            referring: vec![Expression { expression: text.clone(), bbox: Some(bbox), kind: Some(text) }],
        };
        Dataset { root: folder.path().to_owned(), pictures: vec![entry] }
    }

    /// The page of an evaluation in which every answer is the text as well.
    fn page(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let dataset = dataset(&folder, text);
        let entry = &dataset.pictures[0];
        let tags = Tags { class: text.to_owned(), attributes: Vec::new() };
        let bbox = PixelBox { x: 4.0, y: 3.0, width: 10.0, height: 8.0 };
        let best = Candidate { bbox, score: 0.9, tags: tags.clone() };
        let answers = Answers {
            vqa: vec![ScoredAnswer { answer: text.to_owned(), score: 0.7 }],
            entailment: vec![EntailmentScores::new([0.1, 0.2, 0.7])],
            grounding: vec![GroundingAnswer { present: 0.8, candidates: vec![best] }],
            objects: vec![(bbox, tags)],
            associated: vec![(0.9, true), (0.2, false)],
        };
        let shortlist = Shortlist::new(&[vec![1.0]], &[vec![vec![1.0]]]);
        let pictures = [entry];
        let retrieved = Some(shortlist.rank(&[vec![0.9]]));
        let evaluation = Evaluation::of(&pictures, vec![answers], &Part::ALL, retrieved);
        let out = folder.path().join("new/report");
        Page::begin(&out).unwrap().finish(&[("model", text.to_owned())], &evaluation, &dataset).unwrap();
        fs::read_to_string(out.join(FILE)).unwrap()
    }

    /// Names of the elements, each of which must be closed in order.
    fn elements(page: &str) -> Vec<&str> {
        let (mut open, mut all) = (Vec::new(), Vec::new());
        for tag in page.split('<').skip(1) {
            let name = tag.split(|c: char| c.is_whitespace() || c == '>').next().unwrap();
            if let Some(closed) = name.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed), "before `<{tag}`");
            } else {
                let inside = tag.split('>').next().unwrap();
                let name = name.trim_end_matches('/');
                if !inside.ends_with('/') && !matches!(name, "!DOCTYPE" | "meta") {
                    open.push(name);
                }
                all.push(name);
            }
        }
        assert!(open.is_empty(), "left open: {open:?}");
        all
    }

    #[test]
    fn text_of_a_dataset_is_shown_and_never_obeyed() {
        let page = page(HOSTILE);
        let names = elements(&page);
        assert!(!names.contains(&"script") && !names.contains(&"img"), "{names:?}");
        let shown = Escaped(HOSTILE).to_string();
        // In the heading, in names of figures and in the examples.
        assert!(page.matches(shown.as_str()).count() >= 24, "{page}");
        assert_eq!(elements(&self::page("plain")), names, "the text changes nothing of the page");
    }

    #[test]
    fn each_task_has_its_figures_charts_and_examples() {
        let page = page("plain");
        let names = elements(&page);
        let count = |name| names.iter().filter(|found| **found == name).count();
        assert_eq!(count("section"), Part::ALL.len());
        // Four tasks, and retrieval in two directions, of which one shows the retrieved picture as well.
        assert_eq!(page.matches("class=\"example\"").count(), 6 * 3);
        assert_eq!(page.matches("class=\"picture\"").count(), 7 * 3);
        assert_eq!(page.matches("✓ 90 %").count(), 2 * 3);
        // Answers by kind and by type, expressions by kind, and two of reliability.
        assert_eq!(count("svg") - 7 * 3, 5);
        assert_eq!(page.matches("class=\"truth\"").count(), 2 * 3, "grounding and detection");
        assert_eq!(page.matches("class=\"found\"").count(), 2 * 3);
        assert!(page.contains("prefers-color-scheme: dark") && page.contains("width=device-width"));
        for outside in ["http://", "https://", "@import", "url("] {
            let found = page.replace("http://www.w3.org/2000/svg", "").contains(outside);
            assert!(!found, "{outside} loads something");
        }
    }
}
