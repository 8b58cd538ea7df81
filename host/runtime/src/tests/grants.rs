//! What guests reach of the world: what their settings name, and nothing beside it.

use std::{collections::BTreeMap, fs, path::Path};

use tidemill_engine::{
    handler::{Disposition, Handler},
    task::{self, Task},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

use crate::{Allow, ComponentHandler, Folder, HandlerSettings, Sandbox};

use super::support::{ENGINE, Logged, batch, built, load_with};

async fn load_allowed(name: &str, allow: Allow, config: &[(&str, &str)]) -> ComponentHandler {
    let config: BTreeMap<_, _> =
        config.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    load_with(name, HandlerSettings::within(name, Sandbox { allow, config, ..Sandbox::default() })).await
}

async fn run(handler: &ComponentHandler, errands: &[&str]) -> Vec<String> {
    let outcome = handler.handle(&batch(errands)).await.unwrap();
    outcome.emits.iter().map(|emit| String::from_utf8_lossy(&emit.data).into_owned()).collect()
}

fn folder(path: &Path, seen_as: &str, write: bool) -> Folder {
    Folder { path: path.to_owned(), seen_as: seen_as.to_owned(), write }
}

/// Answers every connection's first line with the same bytes, and closes it.
async fn server(answer: &'static str) -> (String, Task<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = task::spawn("test-server", async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            // A request over HTTP ends with an empty line, a greeting is one line.
            while let Ok(Some(line)) = lines.next_line().await {
                if line.is_empty() || line == "hello" {
                    break;
                }
            }
            let _ = write.write_all(answer.as_bytes()).await;
        }
    });
    (address, serving)
}

#[tokio::test]
async fn a_folder_can_be_read_and_is_changed_only_where_that_is_granted() {
    let (data, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(data.path().join("rates.csv"), "CHF,1").unwrap();
    let folders = vec![folder(data.path(), "/data", false), folder(scratch.path(), "/scratch", true)];
    let handler = load_allowed("errand", Allow { folders, ..Allow::default() }, &[]).await;
    let said = run(
        &handler,
        &[
            "read /data/rates.csv",
            "list /data",
            "write /data/new",
            "write /data/rates.csv",
            "write /scratch/new",
        ],
    )
    .await;
    assert_eq!([&said[0], &said[1], &said[4]], ["CHF,1", "rates.csv", "written"]);
    assert!(said[2].starts_with("error: ") && said[3].starts_with("error: "), "{said:?}");
    assert_eq!(fs::read_to_string(data.path().join("rates.csv")).unwrap(), "CHF,1");
    assert_eq!(fs::read_to_string(scratch.path().join("new")).unwrap(), "written");
    for way_out in ["read /etc/hostname", "read /data/../../etc/hostname", "list /"] {
        let said = run(&handler, &[way_out]).await;
        assert!(said[0].starts_with("error: "), "{way_out}: {said:?}");
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_told_when_the_component_is_loaded() {
    let folders = vec![folder(Path::new("/no/such/folder"), "/data", false)];
    let sandbox = Sandbox { allow: Allow { folders, ..Allow::default() }, ..Sandbox::default() };
    let loaded =
        ComponentHandler::load(&ENGINE, &built("errand"), HandlerSettings::within("errand", sandbox)).await;
    let error = loaded.unwrap_err().to_string();
    assert!(error.contains("cannot open the folder /no/such/folder"), "{error}");
}

#[tokio::test]
async fn the_environment_is_what_the_settings_say() {
    let environment = [("REGION".to_owned(), "eu-west-1".to_owned())].into();
    let handler = load_allowed("errand", Allow { environment, ..Allow::default() }, &[]).await;
    let said = run(&handler, &["env REGION", "env PATH"]).await;
    assert_eq!(said[0], "eu-west-1");
    assert!(said[1].starts_with("error: "), "{said:?}");
}

#[tokio::test]
async fn a_connection_is_opened_where_it_is_allowed_and_refused_beside_it() {
    let (greeter, _serving) = server("welcome").await;
    let (other, _listening) = server("not for you").await;
    let (_, port) = greeter.split_once(':').unwrap();
    for granted in [greeter.clone(), format!("localhost:{port}")] {
        let connect = vec![granted.parse().unwrap()];
        let handler = load_allowed("errand", Allow { connect, ..Allow::default() }, &[]).await;
        let logged = Logged::begin();
        let elsewhere = format!("connect {other}");
        let said = run(&handler, &[&format!("connect {greeter}"), &elsewhere, &elsewhere]).await;
        assert_eq!(said[0], "welcome", "{granted}");
        assert!(said[1].starts_with("error: ") && said[2].starts_with("error: "), "{said:?}");
        let told = logged.of_guests();
        assert!(told.len() == 1 && told[0].contains(&format!("address={other}")), "once: {told:?}");
    }
}

#[tokio::test]
async fn a_request_reaches_the_server_that_is_allowed_and_no_other() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
    let (address, _serving) = server(answer).await;
    let url = format!("http://{address}/orders/");
    let allow = Allow { http: vec![address.parse().unwrap()], ..Allow::default() };
    let handler = load_allowed("fetch", allow, &[("url", &url)]).await;
    assert_eq!(run(&handler, &["1", "2"]).await, ["hello", "hello"]);

    let elsewhere = Allow { http: vec!["127.0.0.1:1".parse().unwrap()], ..Allow::default() };
    for allow in [Allow::default(), elsewhere] {
        let handler = load_allowed("fetch", allow, &[("url", &url)]).await;
        let logged = Logged::begin();
        let outcome = handler.handle(&batch(&["1", "2"])).await.unwrap();
        let reasons: Vec<_> = outcome.failures.iter().map(|failure| &failure.disposition).collect();
        let [Disposition::DeadLetter(first), Disposition::DeadLetter(second)] = &reasons[..] else {
            panic!("{reasons:?}")
        };
        assert!(first.contains("HttpRequestDenied") && second == first, "{first}");
        let told = logged.of_guests();
        assert!(told.len() == 1 && told[0].contains(&format!("address={address}")), "once: {told:?}");
    }
}

/// There is no server with a certificate here, so what can be seen is that TLS is ready and the place is tried.
#[tokio::test]
async fn a_request_over_tls_is_tried_where_it_is_allowed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap().to_string();
    drop(listener);
    let allow = Allow { http: vec![closed.parse().unwrap()], ..Allow::default() };
    let handler = load_allowed("fetch", allow, &[("url", &format!("https://{closed}/"))]).await;
    let outcome = handler.handle(&batch(&["1"])).await.unwrap();
    let Disposition::DeadLetter(reason) = &outcome.failures[0].disposition else { panic!("{outcome:?}") };
    // A machine without certificates says so.
    assert!(reason.contains("ConnectionRefused") || reason.contains("no TLS on this machine"), "{reason}");
}

#[tokio::test]
async fn a_redirect_is_the_guests_own_to_follow() {
    let answer = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (address, _serving) = server(answer).await;
    let allow = Allow { http: vec![address.parse().unwrap()], ..Allow::default() };
    let handler = load_allowed("fetch", allow, &[("url", &format!("http://{address}/"))]).await;
    let outcome = handler.handle(&batch(&["1"])).await.unwrap();
    assert_eq!(outcome.failures[0].disposition, Disposition::DeadLetter("status 302".to_owned()));
}
