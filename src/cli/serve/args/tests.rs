//! What holds for every option of `cmal serve`.

use clap::{CommandFactory, Parser};

use super::*;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: ServeArgs,
}

fn parse(words: &[&str]) -> ServeArgs {
    Command::try_parse_from([&["serve"], words].concat()).unwrap().args
}

#[test]
fn the_defaults_that_help_shows_are_the_defaults() {
    let mut words = Vec::new();
    for option in Command::command().get_arguments() {
        let help = option.get_help().map(ToString::to_string).unwrap_or_default();
        if let Some((_, default)) = help.rsplit_once("[default: ") {
            words.push(format!("--{}={}", option.get_long().unwrap(), default.trim_end_matches(']')));
        }
    }
    assert!(words.len() > 10, "{words:?}");
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let shown = parse(&words).into_settings().unwrap();
    let actual = ServeArgs::default().into_settings().unwrap();
    assert_eq!(format!("{shown:?}"), format!("{actual:?}"));
}

#[test]
fn every_option_has_a_variable_and_a_key_of_its_own_name() {
    for option in Command::command().get_arguments().filter(|option| option.get_id() != "help") {
        let flag = option.get_long().unwrap();
        let variable = format!("CMAL_{}", flag.to_uppercase().replace('-', "_"));
        assert_eq!(option.get_env().and_then(|name| name.to_str()), Some(variable.as_str()));
        let known = toml::from_str::<ServeArgs>(&format!("{flag} = []")).unwrap_err().to_string();
        assert_eq!(known.contains("unknown field"), flag == "config", "{flag}: {known}");
    }
}

#[test]
fn flags_go_before_the_file_and_the_file_before_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cmal.toml");
    fs::write(&path, "bind = \"0.0.0.0:1\"\ngrace-ms = 7\nprovider = \"auto\"\n").unwrap();
    let settings = parse(&["--config", path.to_str().unwrap(), "--grace-ms", "9"]).into_settings().unwrap();
    assert_eq!(settings.http.grace, Duration::from_millis(9));
    assert_eq!(settings.bind, "0.0.0.0:1".parse().unwrap());
    assert_eq!(settings.runtime.provider, Provider::Auto(Cuda::default()));
    assert_eq!(settings.http.drain, http::Settings::default().drain);
}

#[test]
fn a_wrong_file_stops_with_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cmal.toml");
    for (text, expected) in
        [("bnid = 1", "unknown field `bnid`"), ("queue = 0", "nonzero"), ("queue", "line 1")]
    {
        fs::write(&path, text).unwrap();
        let error = parse(&["--config", path.to_str().unwrap()]).into_settings().unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("cmal.toml"), "{error}");
    }
    let missing = folder.path().join("none.toml");
    assert!(parse(&["--config", missing.to_str().unwrap()]).into_settings().is_err());
}
