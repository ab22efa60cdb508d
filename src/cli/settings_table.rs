//! The table of settings in a guide, made from the command line and held against it. `make settings` writes it anew.

use std::env;
use std::fs;
use std::path::Path;

use clap::{Arg, CommandFactory};

use super::Cli;

const GUIDE: &str = "docker/guides/configure.md";
/// What the table stands between.
const BEGIN: &str = "<!-- `make settings` writes this table -->\n\n";
const END: &str = "\n<!-- end of the table -->\n";
/// Has the table written where it would be compared.
const WRITE: &str = "WRITE_SETTINGS";

const HEAD: &str = "| flag | variable | value | default | meaning |\n|---|---|---|---|---|\n";

/// The options of `cmal serve`, then those of every command.
fn table() -> String {
    let cli = Cli::command();
    let serve = cli.find_subcommand("serve").expect("there is `serve`");
    let rows: String = serve.get_arguments().chain(cli.get_arguments()).map(row).collect();
    format!("{HEAD}{rows}")
}

fn row(option: &Arg) -> String {
    let shown = option.get_help().map(ToString::to_string).unwrap_or_default();
    // A default that can be typed stands in brackets, another is told in words.
    let (meaning, default) = shown
        .strip_suffix(']')
        .and_then(|text| text.rsplit_once(" [default: "))
        .or_else(|| shown.rsplit_once("; else "))
        .unwrap_or((shown.as_str(), ""));
    let choices = option.get_possible_values();
    let values: Vec<String> = if choices.is_empty() {
        option.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect()
    } else {
        choices.iter().map(|choice| format!("`{}`", choice.get_name())).collect()
    };
    let cells = [
        format!("`--{}`", option.get_long().unwrap_or_default()),
        format!("`{}`", option.get_env().unwrap_or_default().display()),
        values.join(", "),
        default.to_owned(),
        meaning.to_owned(),
    ];
    // A bar would end the cell, inside of backticks too.
    format!("| {} |\n", cells.map(|cell| cell.replace('|', r"\|")).join(" | "))
}

#[test]
fn the_guide_has_every_setting_as_the_code_has_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(GUIDE);
    let guide = fs::read_to_string(&path).unwrap();
    let (before, rest) = guide.split_once(BEGIN).expect("the guide has the mark where the table begins");
    let (_, after) = rest.split_once(END).expect("the guide has the mark where the table ends");
    let renewed = format!("{before}{BEGIN}{}{END}{after}", table());
    if env::var_os(WRITE).is_some() {
        fs::write(path, renewed).unwrap();
    } else {
        assert!(guide == renewed, "{GUIDE} is not what the code says: run `make settings`");
    }
}

#[test]
fn a_row_tells_a_default_in_words_and_lets_no_bar_end_a_cell() {
    let option = Arg::new("x").long("x").env("CMAL_X").value_name("A|B").help("One of two; else neither");
    assert_eq!(row(&option), "| `--x` | `CMAL_X` | A\\|B | neither | One of two |\n");
}
