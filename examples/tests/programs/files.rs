//! Files of a folder, in ranges, over three nodes.

use std::fs;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::{Answer, FILES, Server};

/// Not a multiple of a piece.
const LEN: usize = 100_123;

fn film(seed: usize) -> Vec<u8> {
    (0..LEN)
        .map(|at| (at * 31 + at / 251 + seed) as u8)
        .collect()
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("trip")).unwrap();
    fs::write(folder.path().join("trip/to the top.mp4"), film(0)).unwrap();
    fs::write(folder.path().join("notes.txt"), "some notes").unwrap();
    fs::write(folder.path().join(".hidden"), "not for you").unwrap();
    fs::write(folder.path().join("<b>&\"'.txt"), "odd").unwrap();
    folder
}

fn start(folder: &TempDir, args: &[&str]) -> Server {
    let mut command = Command::new(FILES);
    command
        .arg("--files")
        .arg(folder.path())
        .stderr(Stdio::null());
    let args = [&["--piece-bytes", "10000"], args].concat();
    Server::start_with(&mut command, &args)
}

const FILM: &str = "/files/trip/to%20the%20top.mp4";

fn range(server: &Server, range: &str) -> Answer {
    server.send_with("GET", FILM, &format!("range: bytes={range}"), "")
}

#[test]
fn any_node_serves_ranges_and_each_piece_is_read_once() {
    let folder = folder();
    let mut server = start(&folder, &["--info-ttl", "600000"]);
    let film = film(0);
    let mut loads = 0;
    for node in 0..3 {
        if node > 0 {
            server.turn_to_next_node();
        }
        let whole = server.get(FILM);
        assert_eq!(
            (whole.status, whole.header("content-type")),
            (200, Some("video/mp4"))
        );
        assert_eq!(whole.header("content-security-policy"), Some("sandbox"));
        assert_eq!(whole.header("x-content-type-options"), Some("nosniff"));
        assert!(whole.bytes == film);
        for (wanted, expected) in [
            ("0-99", 0..100),
            ("9990-30010", 9990..30_011),
            ("100000-", 100_000..LEN),
            ("-50", LEN - 50..LEN),
        ] {
            let answer = range(&server, wanted);
            assert_eq!(answer.status, 206, "{wanted}: {}", answer.head);
            let named = format!("bytes {}-{}/{LEN}", expected.start, expected.end - 1);
            assert_eq!(answer.header("content-range"), Some(&*named));
            assert!(answer.bytes == film[expected], "{wanted}");
        }
        assert_eq!(range(&server, "200000-").status, 416);
        let several = range(&server, "0-1,5-6");
        assert_eq!(several.status, 206);
        let kind = several.header("content-type").unwrap();
        assert!(
            kind.starts_with("multipart/byteranges; boundary="),
            "{kind}"
        );
        let tag = whole.header("etag").unwrap();
        let known = server.send_with("GET", FILM, &format!("if-none-match: {tag}"), "");
        assert_eq!((known.status, known.bytes.len()), (304, 0));
        loads += server.json("/api/stats")["getter_calls"].as_u64().unwrap();
    }
    assert_eq!(loads, 1 + LEN.div_ceil(10_000) as u64);
}

#[test]
fn a_file_that_changes_is_served_anew_and_never_mixed() {
    let folder = folder();
    let mut server = start(&folder, &["--info-ttl", "20"]);
    let old = server.get(FILM);
    let old_tag = format!(
        "if-range: {}\r\nrange: bytes=50000-",
        old.header("etag").unwrap()
    );
    assert_eq!(server.send_with("GET", FILM, &old_tag, "").status, 206);
    let path = folder.path().join("trip/to the top.mp4");
    // Another file in its place, as whoever writes files with care does it.
    let new = folder.path().join("new");
    fs::write(&new, film(1)).unwrap();
    fs::rename(new, path).unwrap();
    for node in 0..3 {
        if node > 0 {
            server.turn_to_next_node();
        }
        let mut answers = std::iter::repeat_with(|| server.get(FILM).bytes);
        let answer = answers.find(|bytes| *bytes != old.bytes).unwrap();
        assert!(answer == film(1), "neither the old file nor the new one");
        let rest = server.send_with("GET", FILM, &old_tag, "");
        assert_eq!(rest.status, 200);
        assert!(rest.bytes == film(1));
    }
}

#[test]
fn what_is_not_in_the_folder_is_not_found() {
    let folder = folder();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.txt"), "secret").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).unwrap();
    let server = start(&folder, &[]);
    let path = outside.path().join("secret.txt");
    let path = path.to_str().unwrap();
    for target in [
        "/files/none.mp4",
        "/files/trip",
        "/files/.hidden",
        "/files/../notes.txt",
        "/files/%2e%2e/notes.txt",
        "/files/trip/%2e%2e/notes.txt",
        "/files/trip%2f..%2fnotes.txt",
        "/files/link/secret.txt",
        "/files/notes.txt/x",
        "/files/notes.txt%00",
        "/files/%ff",
        "/files//etc/passwd",
        &format!("/files/{path}"),
    ] {
        let answer = server.get(target);
        assert_eq!(answer.status, 404, "{target}: {}", answer.body);
    }
    assert_eq!(server.get("/files/notes.txt").body, "some notes");
    assert_eq!(
        server
            .send_with("POST", "/files/notes.txt", "x: y", "")
            .status,
        405
    );
}

#[test]
fn the_page_lists_the_files_and_plays_those_that_play() {
    let folder = folder();
    let server = start(&folder, &[]);
    let page = server.get("/?play=trip/to+the+top.mp4");
    assert_eq!(page.status, 200);
    for text in [
        "<video src=\"/files/trip/to%20the%20top.mp4\" controls",
        "href=\"/files/notes.txt\"",
        "href=\"/?play=trip%2Fto%20the%20top.mp4\"",
        "&lt;b&gt;&amp;&quot;'.txt",
        "Node 3",
    ] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert!(
        !page.body.contains(".hidden") && !page.body.contains("?play=notes"),
        "{}",
        page.body
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert_eq!(
        server.get("/files.css").header("content-type"),
        Some("text/css")
    );
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn without_a_folder_it_makes_files_and_removes_them_at_the_end() {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = Command::new(FILES);
    command
        .stderr(Stdio::null())
        .env("TMPDIR", temporary.path());
    let mut server = Server::start_with(&mut command, &[]);
    let sound = server.send_with("GET", "/files/scale.wav", "range: bytes=0-3", "");
    assert_eq!((sound.status, &*sound.body), (206, "RIFF"));
    assert!(server.get("/").body.contains("/?play=scale.wav"));
    server.close_stdin();
    assert!(server.wait().success());
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
}
