use super::*;

fn engine(error: impl Into<runtime::Error>) -> Problem {
    Problem::Engine(error.into())
}

/// An error of ONNX Runtime, which keeps its text in the loaded library.
fn odd() -> Arc<ort::Error> {
    runtime::library::load(None).unwrap();
    Arc::new(ort::Error::new("odd"))
}

/// Every problem with its status; a variant that is missing here is missing on purpose only in review.
fn table() -> Vec<(Problem, u16)> {
    let waiting = Duration::from_millis(2_100);
    vec![
        (Problem::Malformed { field: None, reason: "the body is no JSON".into() }, 400),
        (Problem::Header { name: "X-Request-Timeout-Ms", found: "soon".into(), expected: "a number" }, 400),
        (Problem::NoKey, 401),
        (Problem::WrongKey, 401),
        (Problem::UnknownRoute, 404),
        (Problem::UnknownModel { name: "circles".into() }, 404),
        (Problem::UnknownPicture { id: "x".into() }, 404),
        (Problem::Method, 405),
        (Problem::BodyTooLarge { limit: 7 }, 413),
        (Problem::TooLargeToKeep { limit: 7 }, 413),
        (engine(PictureError::TooLarge { width: 9, height: 9, limit: 80 }), 413),
        (Problem::BodyType, 415),
        (engine(PictureError::Unsupported), 415),
        (Problem::Unusable { field: "top_k", reason: "is 0".into() }, 422),
        (engine(PictureError::Empty), 422),
        (engine(PictureError::Damaged("cut".into())), 422),
        (engine(TextError::Empty), 422),
        (engine(TextError::TooLong { tokens: 9, limit: 8 }), 422),
        (engine(TextError::TooLarge { bytes: 9, limit: 8 }), 422),
        (engine(TextError::Failed("odd".into())), 422),
        (engine(runtime::Error::Overloaded { retry_after: waiting }), 429),
        (engine(PictureError::Read(std::io::Error::other("odd"))), 500),
        (engine(runtime::Error::Graph { graph: "text", source: odd() }), 500),
        (engine(runtime::Error::Interrupted { stage: "text" }), 500),
        (Problem::Panic { message: "secret".into() }, 500),
        (Problem::Loading, 503),
        (Problem::Draining, 503),
        (engine(runtime::Error::Draining), 503),
        (Problem::Expired, 504),
        (engine(runtime::Error::Expired), 504),
    ]
}

#[test]
fn every_problem_has_its_status_in_response_and_document() {
    for (problem, status) in table() {
        let document = serde_json::to_value(problem.document("id-1")).unwrap();
        assert_eq!(document["status"], status, "{problem}");
        assert_eq!(document["request_id"], "id-1");
        for member in ["type", "title", "detail"] {
            assert!(document[member].as_str().is_some_and(|text| !text.is_empty()), "{problem}: {member}");
        }
        assert_eq!(problem.into_response().status(), status);
    }
}

#[test]
fn what_went_wrong_inside_is_for_the_log_only() {
    for (problem, status) in table() {
        let document = problem.document("id-1");
        if status == 500 {
            assert!(!document.detail.contains("odd") && !document.detail.contains("secret"), "{problem}");
        }
    }
    let graph = engine(runtime::Error::Graph { graph: "text", source: odd() });
    assert!(graph.cause().contains("odd"));
}

#[test]
fn a_client_is_told_when_to_come_back() {
    for (problem, status) in table() {
        let overloaded = status == 429;
        let response = problem.into_response();
        let wait = response.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap());
        let expected = if overloaded { Some("3") } else { (status == 503).then_some("1") };
        assert_eq!(wait, expected, "{status}");
    }
}

#[test]
fn a_client_without_a_key_is_told_how_to_send_one() {
    for (problem, status) in table() {
        let challenge = problem.into_response().headers().get(header::WWW_AUTHENTICATE).cloned();
        assert_eq!(challenge.is_some(), status == 401, "{challenge:?}");
    }
}

#[test]
fn long_quotes_of_the_request_are_cut() {
    let reason = "é".repeat(10_000);
    let problem = Problem::Malformed { field: Some(reason.clone()), reason };
    let document = problem.document("id-1");
    assert!(document.detail.chars().count() <= 401 && document.field.unwrap().chars().count() <= 61);
    assert!(problem.cause().chars().count() <= 401);
}

#[test]
fn what_stands_behind_a_long_quote_is_still_told() {
    let sent = r#"iVBOR\"w0K`"#.repeat(100_000);
    let reason = format!("invalid type: string \"{sent}\", expected an object at `image`");
    let cut = with_short_quotes(&reason);
    assert!(cut.ends_with("…\", expected an object at `image`") && cut.chars().count() < 150, "{cut}");
    assert_eq!(with_short_quotes(&cut), cut);
    let mark = format!("unknown field `a`{}`, expected `base64` or `id`", "b".repeat(10_000));
    let cut = with_short_quotes(&mark);
    assert!(cut.ends_with("expected `base64` or `id`") && cut.chars().count() <= 401, "{cut}");
    let unknown = Problem::UnknownPicture { id: "9".repeat(10_000) };
    for told in [unknown.document("id-1").detail, unknown.cause()] {
        assert!(told.ends_with("…` here, or none any more: send it again"), "{told}");
    }
    for short in ["there is no `a` here", "an \"open quote of `more than one mark", ""] {
        assert_eq!(with_short_quotes(short), short);
    }
    let fault = Problem::Panic { message: format!("\"{}\"", "a/".repeat(50)) };
    assert!(!fault.cause().contains('…'), "the log tells of the server's own troubles at length");
}

#[test]
fn limits_and_fields_are_told_apart_from_the_sentence() {
    let large = serde_json::to_value(Problem::BodyTooLarge { limit: 7 }.document("id-1")).unwrap();
    assert_eq!((&large["limit"], large.get("field")), (&7.into(), None));
    let pixels = engine(PictureError::TooLarge { width: 9, height: 9, limit: 80 }).document("id-1");
    assert_eq!(pixels.limit, Some(80));
    let tokens = engine(TextError::TooLong { tokens: 9, limit: 8 }).document("id-1");
    assert_eq!(tokens.limit, Some(8));
}
