//! What Prometheus and Grafana are configured to ask for exists: every metric and every label in the rules, their tests and the dashboard
//! is one that a server tells, or that Prometheus adds.
//!
//! Whether the queries are sound is for Prometheus itself, see `tests/prometheus/run.sh`; here it is about names, which Prometheus takes
//! as they come: a name that nothing has is an alert that never fires.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::pictures::{png, scene};
use crate::support::{ENDPOINTS, TestServer};

/// Labels that Prometheus gives to everything that it scrapes.
const TARGET: [&str; 2] = ["job", "instance"];
/// Labels of alerts.
const ALERT: [&str; 3] = ["alertname", "alertstate", "severity"];
/// Words behind which labels are listed in parentheses.
const GROUPING: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
/// Other words that are no metrics.
const KEYWORDS: [&str; 5] = ["and", "or", "unless", "offset", "bool"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Name(&'a str),
    Text(&'a str),
    /// A sign, or the first of a number, a duration or a variable of Grafana.
    Sign(char),
}

fn tokens(query: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '"' | '\'' => {
                let length = quoted(rest, first);
                (Token::Text(&rest[1..length - 1]), length)
            }
            _ if first.is_ascii_alphabetic() || "_:".contains(first) => {
                let length = rest.find(|c: char| !in_name(c)).unwrap_or(rest.len());
                (Token::Name(&rest[..length]), length)
            }
            _ if first.is_ascii_digit() || first == '$' => {
                let inside = &rest[1..];
                let length = inside.find(|c: char| !in_name(c) && c != '.').unwrap_or(inside.len());
                (Token::Sign(first), 1 + length)
            }
            _ => (Token::Sign(first), first.len_utf8()),
        };
        if token != Token::Sign(' ') && token != Token::Sign('\n') {
            found.push(token);
        }
        rest = &rest[length..];
    }
    found
}

fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_:".contains(c)
}

/// Length of the text in quotes that `rest` begins with.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    panic!("a text is not closed in {rest}");
}

/// The names in a query.
#[derive(Debug, Default)]
struct Uses<'a> {
    /// Metrics with the labels that they are selected by; a selector without a metric has an empty name.
    metrics: Vec<(&'a str, Vec<&'a str>)>,
    /// Labels that series are grouped or matched by.
    labels: Vec<&'a str>,
    /// The label that `label_replace` makes.
    made: Option<&'a str>,
}

/// Where in a query a name stands.
#[derive(Clone, Copy)]
enum Place {
    Expression,
    /// In braces.
    Selector,
    /// In the parentheses behind a word of grouping.
    Labels,
}

fn uses(query: &str) -> Uses<'_> {
    let tokens = tokens(query);
    let (mut uses, mut place) = (Uses::default(), Place::Expression);
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| tokens[before]);
        let after = tokens.get(at + 1);
        match (place, *token) {
            (Place::Expression, Token::Name(name)) => {
                let called = matches!(after, Some(Token::Sign('(') | Token::Name("by" | "without")));
                if !called && !KEYWORDS.contains(&name) {
                    uses.metrics.push((name, Vec::new()));
                }
            }
            (Place::Expression, Token::Sign('{')) => {
                if !matches!(before, Some(Token::Name(_))) {
                    uses.metrics.push(("", Vec::new()));
                }
                place = Place::Selector;
            }
            (Place::Expression, Token::Sign('(')) => {
                if matches!(before, Some(Token::Name(name)) if GROUPING.contains(&name)) {
                    place = Place::Labels;
                }
            }
            (Place::Expression, Token::Text(text)) if before == Some(Token::Sign(',')) => {
                uses.made.get_or_insert(text);
            }
            (Place::Selector, Token::Name(label)) => {
                uses.metrics.last_mut().expect("a selector was opened").1.push(label);
            }
            (Place::Labels, Token::Name(label)) => uses.labels.push(label),
            (Place::Selector, Token::Sign('}')) | (Place::Labels, Token::Sign(')')) => {
                place = Place::Expression;
            }
            _ => {}
        }
    }
    uses
}

/// What there is to ask for.
#[derive(Debug, Default)]
struct Known {
    /// Labels of each metric.
    metrics: BTreeMap<String, BTreeSet<String>>,
    /// Labels of any.
    labels: BTreeSet<String>,
}

impl Known {
    /// What a server tells, what Prometheus adds, and what the rules record.
    fn new(told: &str, recorded: &[String]) -> Self {
        let mut known = Self::default();
        known.add("up", &[]);
        known.add("ALERTS", &ALERT);
        for line in told.lines().filter(|line| !line.starts_with('#')) {
            let (series, _value) = line.rsplit_once(' ').expect("a sample has a value");
            for (metric, labels) in uses(series).metrics {
                known.add(metric, &labels);
            }
        }
        // Alerts keep the labels of what they are about, and rules make of them what they want.
        let every = known.labels.clone();
        for name in recorded.iter().map(String::as_str).chain(["ALERTS", ""]) {
            known.metrics.entry(name.to_owned()).or_default().extend(every.iter().cloned());
        }
        known.add("", &["__name__"]);
        known
    }

    fn add(&mut self, metric: &str, labels: &[&str]) {
        let labels = || labels.iter().chain(&TARGET).map(|label| (*label).to_owned());
        self.metrics.entry(metric.to_owned()).or_default().extend(labels());
        self.labels.extend(labels());
    }

    /// What a query asks for in vain.
    fn lacks(&self, query: &str) -> Vec<String> {
        if let Some(asked) = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')) {
            let (of, label) = asked.rsplit_once(',').expect("label_values takes a metric and a label");
            return [self.lacks(of), self.lacks_label(label.trim(), None)].concat();
        }
        let uses = uses(query);
        let mut lacking = Vec::new();
        for (metric, labels) in uses.metrics {
            match self.metrics.get(metric) {
                Some(own) => {
                    let strange = labels.into_iter().filter(|label| !own.contains(*label));
                    lacking.extend(strange.map(|label| format!("{metric} has no label {label}")));
                }
                None => lacking.push(format!("there is no metric {metric}")),
            }
        }
        lacking.extend(uses.labels.iter().flat_map(|label| self.lacks_label(label, uses.made)));
        lacking
    }

    fn lacks_label(&self, label: &str, made: Option<&str>) -> Vec<String> {
        let known = self.labels.contains(label) || made == Some(label);
        if known { Vec::new() } else { vec![format!("nothing has a label {label}")] }
    }
}

/// Values of `key` in a YAML text: on its line, or in the block below it.
fn values(text: &str, key: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let entry = line.trim_start_matches([' ', '-']);
        let Some(value) = entry.strip_prefix(key).and_then(|rest| rest.strip_prefix(": ")) else { continue };
        if value == "|" {
            let column = line.len() - entry.len();
            let below =
                lines[at + 1..].iter().take_while(|line| line.len() - line.trim_start().len() > column);
            found.push(below.copied().collect::<Vec<_>>().join("\n"));
        } else {
            found.push(value.trim_matches('\'').to_owned());
        }
    }
    found
}

/// Labels in templates: `{{route}}` of Grafana, `{{ $labels.route | … }}` of Prometheus.
fn templated(text: &str) -> Vec<&str> {
    text.split("{{")
        .skip(1)
        .map(|rest| rest.split("}}").next().unwrap_or(rest).trim())
        .filter_map(|inside| match inside.strip_prefix('$') {
            Some(variable) => variable.strip_prefix("labels."),
            None => Some(inside),
        })
        .map(|name| name.split(|c: char| !in_name(c)).next().unwrap_or(name))
        .collect()
}

/// Texts under any of `keys` in a JSON document.
fn texts<'a>(document: &'a Value, keys: &[&str], found: &mut Vec<&'a str>) {
    match document {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if keys.contains(&name.as_str()) => found.push(text),
                    _ => texts(member, keys, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, keys, found)),
        _ => {}
    }
}

/// Files in a folder of the repository, by the end of their names.
fn files(folder: &str, end: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let chosen = paths.filter(|path| path.to_string_lossy().ends_with(end));
    let found: Vec<_> = chosen.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect();
    assert!(!found.is_empty(), "no {end} in {}", folder.display());
    found
}

#[tokio::test]
async fn rules_their_tests_and_the_dashboard_ask_for_what_there_is() {
    let server = TestServer::start().await;
    server.ask(ENDPOINTS[0].0, &png(&scene(64, 64, 0)), ENDPOINTS[0].1).await.answer();
    let told = server.get("/metrics").await.body;
    let rules = [files("docker/prometheus", ".yml"), files("tests/prometheus", "_test.yml")].concat();
    let recorded: Vec<_> = rules.iter().flat_map(|(_, text)| values(text, "record")).collect();
    let known = Known::new(&told, &recorded);

    let (mut queries, mut wrong) = (0, Vec::new());
    let mut check = |file: &Path, lacking: Vec<String>| {
        wrong.extend(lacking.into_iter().map(|lacking| format!("{}: {lacking}", file.display())));
    };
    for (file, text) in &rules {
        for query in [values(text, "expr"), values(text, "series")].concat() {
            check(file, known.lacks(&query));
            queries += 1;
        }
        templated(text).iter().for_each(|label| check(file, known.lacks_label(label, None)));
    }
    for (file, text) in files("docker/grafana/dashboards", ".json") {
        let document: Value = serde_json::from_str(&text).unwrap();
        let (mut asked, mut legends) = (Vec::new(), Vec::new());
        texts(&document["panels"], &["expr"], &mut asked);
        texts(&document["annotations"], &["expr"], &mut asked);
        texts(&document["templating"], &["definition"], &mut asked);
        texts(&document, &["legendFormat", "titleFormat"], &mut legends);
        assert!(asked.len() > 40 && legends.len() > 40, "{} is hardly read", file.display());
        asked.iter().for_each(|query| check(&file, known.lacks(query)));
        let labels = legends.into_iter().flat_map(templated);
        labels.for_each(|label| check(&file, known.lacks_label(label, None)));
    }
    assert!(queries > 60, "only {queries} queries were found in the rules and their tests");
    assert!(wrong.is_empty(), "{}\nof\n{told}", wrong.join("\n"));
}

#[test]
fn a_name_that_nothing_has_is_found_wherever_it_stands() {
    let told = "# HELP cmal_queue_depth Jobs\ncmal_queue_depth{stage=\"text\"} 0\n\
        cmal_wait_bucket{stage=\"text\",le=\"+Inf\"} 3\ncmal_wait_sum{stage=\"text\"} 1\ncmal_info{version=\"6\"} 1\n";
    let known = Known::new(told, &["stage:cmal_wait:p99".to_owned()]);
    for sound in [
        "cmal_queue_depth > scalar(stage:cmal_wait:p99) and up{job=\"cmal\"} == 0",
        "histogram_quantile(0.99, sum by (stage, le) (rate(cmal_wait_bucket{stage=~\"t.+|{x}\"}[$__rate_interval])))",
        "sum without (stage) (cmal_queue_depth * on (job, instance) group_left (version) cmal_info) or vector(0)",
        "max(ALERTS{alertstate=\"firing\"}) - time() / avg_over_time(stage:cmal_wait:p99{stage=\"text\"}[6h] offset 30m)",
        "cmal_queue_depth * on (job) group_left (build) label_replace(cmal_info{job=\"a\"}, \"build\", \"$1\", \"version\", \"(.+)\")",
        "label_values(cmal_queue_depth{job=\"cmal\"}, stage)",
        "{__name__=~\"cmal.+\",stage=\"text\"}",
    ] {
        assert!(known.lacks(sound).is_empty(), "{sound}: {:?}", known.lacks(sound));
    }
    for (query, lacking) in [
        ("rate(cmal_queue_depht[5m])", "there is no metric cmal_queue_depht"),
        ("rate(cmal_wait[5m])", "there is no metric cmal_wait"),
        ("sum(up) + count(stage:cmal_wait:p98)", "there is no metric stage:cmal_wait:p98"),
        ("cmal_queue_depth{lane=\"text\"}", "cmal_queue_depth has no label lane"),
        ("cmal_wait_sum{stage=\"text\",le=\"1\"}", "cmal_wait_sum has no label le"),
        ("sum by (stage, lane) (cmal_queue_depth)", "nothing has a label lane"),
        ("cmal_queue_depth * on (lane) group_left () cmal_info", "nothing has a label lane"),
        ("label_values(cmal_queue_depth, lane)", "nothing has a label lane"),
        ("label_values(cmal_queue, stage)", "there is no metric cmal_queue"),
    ] {
        assert_eq!(known.lacks(query), [lacking]);
    }
    assert_eq!(
        templated("{{stage}} of {{ $labels.route | title }} is {{ $value | humanize }}"),
        ["stage", "route"]
    );
    let yaml = "- record: a:b\n  expr: |\n    sum(\n      up)\n  labels: {}\n- alert: X\n  expr: up == 0\n- series: 'up{job=\"a\"}'\n";
    assert_eq!(values(yaml, "expr"), ["    sum(\n      up)", "up == 0"]);
    assert_eq!(values(yaml, "series"), ["up{job=\"a\"}"]);
    assert_eq!(values(yaml, "record"), ["a:b"]);
}
