//! Thumbnails of pictures that the tests draw.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use crate::support::{Answer, Server, THUMBNAILS};

const PATIENT: [&str; 2] = ["--patience", "600000"];

/// A folder with a picture of each kind, and files that are none.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let draw = |width, height, name: &str| {
        let colour = |x: u32, y: u32| Rgb([(x % 256) as u8, (y % 256) as u8, 90]);
        let picture = RgbImage::from_fn(width, height, colour);
        picture.save(folder.path().join(name)).unwrap();
    };
    fs::create_dir(folder.path().join("trip")).unwrap();
    draw(640, 400, "sea.png");
    draw(300, 600, "trip/to the top.jpg");
    draw(20, 10, "tiny.png");
    fs::write(folder.path().join("notes.txt"), "no picture").unwrap();
    fs::write(folder.path().join("notes.png"), "no picture either").unwrap();
    let whole = fs::read(folder.path().join("sea.png")).unwrap();
    fs::write(folder.path().join("torn.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(
        folder.path().join("huge.png"),
        declared_size(&whole, 100_000, 100_000),
    )
    .unwrap();
    fs::write(folder.path().join("<b>&\"'.png"), whole).unwrap();
    folder
}

/// The beginning of a PNG that claims to be of another size.
fn declared_size(png: &[u8], width: u32, height: u32) -> Vec<u8> {
    // The signature, and the chunk IHDR with its length, name, content and checksum.
    let mut bytes = png.to_vec();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 * (crc & 1))
        })
    })
}

fn start(folder: &Path, args: &[&str]) -> Server {
    let mut command = Command::new(THUMBNAILS);
    command.arg("--images").arg(folder).stderr(Stdio::null());
    Server::start_with(&mut command, args)
}

fn thumbnail(server: &Server, path: &str, width: u32) -> Answer {
    server.get(&format!("/api/thumbnail?path={path}&w={width}"))
}

fn size(answer: &Answer, format: ImageFormat) -> (u32, u32) {
    let picture = image::load_from_memory_with_format(&answer.bytes, format);
    let picture: DynamicImage = picture.unwrap();
    (picture.width(), picture.height())
}

#[test]
fn three_nodes_make_a_thumbnail_once() {
    let folder = folder();
    let mut server = start(folder.path(), &PATIENT);
    let mut answers = vec![thumbnail(&server, "sea.png", 160)];
    let mut loads = server.json("/api/stats")["getter_calls"].as_u64().unwrap();
    for _ in 1..3 {
        server.turn_to_next_node();
        answers.push(thumbnail(&server, "sea.png", 160));
        loads += server.json("/api/stats")["getter_calls"].as_u64().unwrap();
    }
    assert_eq!(loads, 1);
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.head);
        assert_eq!(answer.bytes, answers[0].bytes);
        assert!(
            ["origin", "main", "peer"].contains(&answer.source()),
            "{}",
            answer.head
        );
    }
}

#[test]
fn a_thumbnail_keeps_the_shape_and_the_format_of_its_picture() {
    let folder = folder();
    let server = start(folder.path(), &PATIENT);
    for (path, width, kind, format, expected) in [
        ("sea.png", 160, "image/png", ImageFormat::Png, (160, 100)),
        (
            "trip/to%20the+top.jpg",
            150,
            "image/jpeg",
            ImageFormat::Jpeg,
            (150, 300),
        ),
        ("tiny.png", 160, "image/png", ImageFormat::Png, (20, 10)),
    ] {
        let answer = thumbnail(&server, path, width);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert_eq!(answer.header("content-type"), Some(kind), "{path}");
        assert_eq!(size(&answer, format), expected, "{path}");
    }
}

#[test]
fn a_browser_that_has_the_thumbnail_is_not_sent_it_again() {
    let folder = folder();
    let server = start(folder.path(), &PATIENT);
    let first = thumbnail(&server, "sea.png", 160);
    assert_eq!(first.header("cache-control"), Some("public, max-age=300"));
    let tag = first.header("etag").unwrap();
    let target = "/api/thumbnail?path=sea.png&w=160";
    for (known, status) in [
        (tag.to_owned(), 304),
        (format!("\"other\", W/{tag}"), 304),
        ("*".to_owned(), 304),
        ("\"other\"".to_owned(), 200),
    ] {
        let header = format!("if-none-match: {known}");
        let answer = server.send_with("GET", target, &header, "");
        assert_eq!(
            (answer.status, answer.header("etag")),
            (status, Some(tag)),
            "{known}"
        );
        assert_eq!(answer.bytes.is_empty(), status == 304, "{known}");
    }
    assert_ne!(thumbnail(&server, "sea.png", 161).header("etag"), Some(tag));
}

#[test]
fn what_has_no_thumbnail_is_refused_with_the_reason() {
    let folder = folder();
    let outside = tempfile::tempdir().unwrap();
    fs::copy(
        folder.path().join("sea.png"),
        outside.path().join("secret.png"),
    )
    .unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).unwrap();
    let server = start(folder.path(), &PATIENT);
    for (query, status, reason) in [
        ("path=../secret.png&w=160", 400, "not of the form"),
        ("path=%2e%2e%2fsecret.png&w=160", 400, "not of the form"),
        ("path=trip/../../secret.png&w=160", 400, "not of the form"),
        ("path=/etc/passwd&w=160", 400, "not of the form"),
        ("path=&w=160", 400, "not of the form"),
        ("path=a%00.png&w=160", 400, "a character"),
        ("path=sea.png&w=0", 400, "not from 16 to 1024"),
        ("path=sea.png&w=5000", 400, "not from 16 to 1024"),
        ("path=sea.png&w=-1", 400, "w: "),
        ("path=sea.png&w=wide", 400, "w: "),
        ("path=sea.png", 400, "missing field `w`"),
        ("w=160", 400, "missing field `path`"),
        ("", 400, "missing field"),
        ("path=none.png&w=160", 404, "there is no none.png"),
        ("path=trip&w=160", 404, "there is no trip"),
        ("path=sea.png/x&w=160", 404, "there is no sea.png/x"),
        (
            "path=link/secret.png&w=160",
            404,
            "there is no link/secret.png",
        ),
        (
            "path=notes.txt&w=160",
            404,
            "notes.txt is not a PNG or JPEG picture",
        ),
        (
            "path=notes.png&w=160",
            404,
            "notes.png is not a PNG or JPEG picture",
        ),
        ("path=torn.png&w=160", 404, "torn.png cannot be decoded"),
        ("path=huge.png&w=160", 404, "100000 x 100000 pixels"),
    ] {
        let answer = server.get(&format!("/api/thumbnail?{query}"));
        assert_eq!(answer.status, status, "{query}: {}", answer.body);
        assert!(answer.body.contains(reason), "{query}: {}", answer.body);
        let kind = answer.header("content-type");
        assert_eq!(kind, Some("text/plain; charset=utf-8"), "{query}");
    }
}

#[test]
fn a_slow_load_is_answered_with_a_placeholder_and_then_with_the_thumbnail() {
    let folder = folder();
    let args = ["--patience", "1", "--delay", "300", "--nodes", "1"];
    let server = start(folder.path(), &args);
    let first = thumbnail(&server, "sea.png", 160);
    assert_eq!((first.status, first.source()), (200, "placeholder"));
    assert_eq!(first.header("content-type"), Some("image/svg+xml"));
    assert_eq!(first.header("cache-control"), Some("no-store"));
    assert_eq!(first.header("etag"), None);
    let mut later = std::iter::repeat_with(|| thumbnail(&server, "sea.png", 160));
    let later = later
        .find(|answer| answer.source() != "placeholder")
        .unwrap();
    assert_eq!(
        (later.status, size(&later, ImageFormat::Png)),
        (200, (160, 100))
    );
    assert_eq!(server.json("/api/stats")["getter_calls"], 1);
}

#[test]
fn the_page_lists_the_pictures_and_loads_nothing_from_elsewhere() {
    let folder = folder();
    let server = start(folder.path(), &[]);
    let page = server.get("/");
    assert_eq!(page.status, 200);
    for text in [
        "path=sea.png&amp;w=480",
        "path=trip%2Fto%20the%20top.jpg&amp;w=480",
        "alt=\"&lt;b&gt;&amp;&quot;'.png\"",
        "Node 3",
    ] {
        assert!(page.body.contains(text), "{text}: {}", page.body);
    }
    assert!(!page.body.contains("notes.txt"), "{}", page.body);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert_eq!(
        server.get("/gallery.css").header("content-type"),
        Some("text/css")
    );
    assert_eq!(
        server.get("/gallery.js").header("content-type"),
        Some("text/javascript")
    );
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn without_a_folder_it_draws_pictures_and_removes_them_at_the_end() {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = Command::new(THUMBNAILS);
    command
        .stderr(Stdio::null())
        .env("TMPDIR", temporary.path());
    let mut server = Server::start_with(&mut command, &PATIENT);
    let page = server.get("/").body;
    assert_eq!(page.matches("<figure").count(), 12);
    let answer = thumbnail(&server, "10+sunset.jpg", 480);
    assert_eq!(size(&answer, ImageFormat::Jpeg), (480, 320));
    server.close_stdin();
    assert!(server.wait().success());
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
}
