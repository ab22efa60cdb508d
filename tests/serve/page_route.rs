//! The pages as browsers are given them. What they do in one is checked by `tests/page/check.py`.

use std::io::Read;

use flate2::read::GzDecoder;

use crate::support::TestServer;

const PAGES: [&str; 2] = ["/", "/docs"];
const LOADED: [(&str, &str); 2] = [
    ("/docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    ("/docs/swagger-ui.css", "text/css; charset=utf-8"),
];

#[tokio::test]
async fn pages_come_with_a_policy_that_lets_in_nothing_else() {
    let server = TestServer::start().await;
    for path in PAGES {
        let page = server.get(path).await;
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, Some("text/html; charset=utf-8")),
            "{path}"
        );
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src "), "{policy}");
        for loophole in ["unsafe", "http", "*", "default-src 'self'"] {
            assert!(!policy.contains(loophole), "{loophole} in {policy}");
        }
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        for outside in ["src=\"http", "src=\"//", "href=\"http", "href=\"//", "url(http", "@import"] {
            assert!(!page.body.contains(outside), "{outside} in {path}");
        }
    }
}

#[tokio::test]
async fn what_a_page_loads_is_served_compressed() {
    let server = TestServer::start().await;
    let page = server.get("/docs").await.body;
    for (path, media_type) in LOADED {
        assert!(page.contains(&format!("\"{}\"", path.trim_start_matches('/'))), "{path}");
        let response = server.client.get(server.url(path)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], media_type);
        assert_eq!(response.headers()["content-encoding"], "gzip");
        let mut text = String::new();
        GzDecoder::new(&*response.bytes().await.unwrap()).read_to_string(&mut text).unwrap();
        assert!(text.contains("swagger-ui"), "{path}");
    }
    server.get("/docs/swagger-ui.js").await.problem(404);
}

#[tokio::test]
async fn a_browser_that_has_a_page_is_not_sent_it_again() {
    let server = TestServer::start().await;
    for path in PAGES.into_iter().chain(LOADED.map(|(path, _)| path)) {
        let first = server.client.get(server.url(path)).send().await.unwrap();
        assert_eq!(first.headers()["cache-control"], "no-cache", "{path}");
        let tag = first.headers()["etag"].clone();
        let again = server.client.get(server.url(path)).header("if-none-match", &tag).send().await.unwrap();
        assert_eq!((again.status().as_u16(), &again.headers()["etag"]), (304, &tag), "{path}");
        assert!(again.bytes().await.unwrap().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn pages_answer_head_requests_and_refuse_others() {
    let server = TestServer::start().await;
    for path in PAGES {
        let length = server.get(path).await.body.len();
        let head = server.client.head(server.url(path)).send().await.unwrap();
        assert_eq!(head.status(), 200, "{path}");
        assert_eq!(head.headers()["content-length"], length.to_string(), "{path}");
        let post = server.post(path).send().await.unwrap();
        assert_eq!(
            (post.status().as_u16(), &post.headers()["allow"]),
            (405, &"GET,HEAD".parse().unwrap()),
            "{path}"
        );
    }
}
