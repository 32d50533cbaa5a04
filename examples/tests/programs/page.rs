//! The live page, in a browser that looks at nodes under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::browser::{Browser, ENTER, TAB};
use crate::support::{OWNER, Server, frontends, pipe};

/// Callers of all nodes, until it is dropped.
struct Load {
    is_over: Arc<AtomicBool>,
    callers: Vec<JoinHandle<()>>,
}

impl Load {
    /// Each node has a caller, which asks for what `targets` makes of the number of the call.
    fn start(nodes: &[Server], targets: fn(u64) -> String) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let calls = Arc::new(AtomicU64::new(0));
        let callers = nodes.iter().map(|node| {
            let (is_over, calls, url) = (Arc::clone(&is_over), Arc::clone(&calls), node.url());
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let call = calls.fetch_add(1, Ordering::Relaxed);
                    // A node that is killed on the way answers nobody.
                    let _ = call_once(&url, &targets(call));
                    thread::sleep(Duration::from_millis(2));
                }
            })
        });
        Self {
            callers: callers.collect(),
            is_over,
        }
    }

    fn end(self) {
        self.is_over.store(true, Ordering::Relaxed);
        for caller in self.callers {
            caller.join().unwrap();
        }
    }
}

fn call_once(url: &str, target: &str) -> std::io::Result<()> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(url.trim_start_matches("http://"))?;
    write!(
        stream,
        "GET {target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
    )?;
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Some keys far more often than others.
fn skewed(call: u64) -> String {
    let key = (call * 7919) % 997 % (1 + call % 97);
    match call % 50 {
        0 => format!("/api/get?key=missing%3A{key}"),
        1 => format!("/api/get?key=err%3A{}", key % 3),
        2 => format!("/api/get?key=slow%3A30%3A{key}"),
        n if n < 15 => format!("/api/get?key=size%3A3000%3A{key}"),
        _ => format!("/api/get?key=cat-{key}.png"),
    }
}

fn page(node: &Server) -> String {
    format!("{}/groupcachez", node.url())
}

#[test]
fn figures_move_by_themselves_and_agree_with_the_counters() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let nodes = frontends(3, &[]);
    let load = Load::start(&nodes, skewed);
    browser.open(&page(&nodes[0]));
    let gets =
        |browser: &Browser| -> u64 { browser.text("#gets").replace(',', "").parse().unwrap() };
    browser.run("window.isTheSame = true");
    let before = gets(&browser);
    browser.wait_until("the gets grow", |browser| gets(browser) > before + 100);
    browser.wait_until("the plot grows", |browser| {
        let steps = browser.run(
            "return document.querySelector('.area')?.getAttribute('d').split('H').length ?? 0",
        );
        steps.as_u64().unwrap() > 3
    });
    load.end();
    let stats = nodes[0].json("/api/stats");
    browser.wait_until("the page has all gets", |browser| {
        gets(browser) == stats["gets"].as_u64().unwrap()
    });
    assert_eq!(
        browser.run("return window.isTheSame"),
        json!(true),
        "it was loaded again"
    );

    // And the twin: each of its counters is that of the API.
    let twin = nodes[0].json("/groupcachez.json");
    let group = &twin["report"]["groups"][0]["stats"];
    for (name, count) in stats.as_object().unwrap() {
        assert_eq!(&group[name], count, "{name}");
    }
    let memory = browser.text("#g0-memory strong");
    assert!(!memory.is_empty());
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn a_killed_node_is_shown_as_down_within_three_seconds_although_nobody_asks_it() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let mut nodes = frontends(3, &[]);
    browser.open(&page(&nodes[0]));
    let health = |browser: &Browser| browser.text("#rows");
    browser.wait_until("both others answer", |browser| {
        health(browser).matches("answers").count() == 2
    });
    let begin = Instant::now();
    nodes[2].kill();
    browser.wait_until("one is down", |browser| health(browser).contains("down"));
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(
        browser
            .text("#announcement")
            .contains("1 of 3 members is down")
    );
    assert!(browser.text("#glance").contains(&nodes[2].url()));

    // The node that shows the page: its page says so.
    nodes[0].kill();
    browser.wait_until("it has lost the node", |browser| {
        browser.text("#state").contains("No connection")
    });
}

#[test]
fn a_keyboard_alone_finds_a_key() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let nodes = frontends(2, &[]);
    nodes[0].get("/api/get?key=cat-1.png");
    browser.open(&page(&nodes[0]));
    let focused = |browser: &Browser| browser.run("return document.activeElement.id");
    browser.press(&[TAB]);
    assert_eq!(
        browser.run("return document.activeElement.hash"),
        json!("#main"),
        "the way past the head"
    );
    for _ in 0..10 {
        if focused(&browser) == json!("find-key") {
            break;
        }
        browser.press(&[TAB]);
    }
    assert_eq!(focused(&browser), json!("find-key"));
    let outline = "return getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(
        browser.run(outline),
        json!("solid"),
        "the focus is to be seen"
    );
    // The updates take neither the focus nor what is typed.
    browser.press(&["c", "a", "t"]);
    let news = browser.text("#glance");
    browser.wait_until("an update", |browser| browser.text("#glance") != news);
    assert_eq!(focused(&browser), json!("find-key"));
    browser.press(&["-", "1", ".", "p", "n", "g", ENTER]);
    browser.wait_until("an answer", |browser| !browser.text(".answer").is_empty());
    let answer = browser.text(".answer");
    let urls: Vec<String> = nodes.iter().map(Server::url).collect();
    let owner = pipe(OWNER, &["--members", &urls.join(",")], "cat-1.png\n");
    assert!(
        answer.contains(&format!("{}.", owner.trim())),
        "{answer} names {owner}"
    );
    assert!(answer.contains("Cached here\nyes"), "{answer}");
    assert!(
        answer.contains("18 B") && answer.contains("Age") && answer.contains("never"),
        "{answer}"
    );
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn the_key_box_works_without_a_script() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let nodes = frontends(2, &[]);
    browser.devtools(
        "Emulation.setScriptExecutionDisabled",
        &json!({ "value": true }),
    );
    browser.open(&format!("{}?in=demo&key=k", page(&nodes[0])));
    let answer = browser.text(".answer");
    assert!(
        answer.contains("owned by") && answer.contains("Cached here\nno"),
        "{answer}"
    );
}

#[test]
fn a_key_of_script_tags_is_text() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let nodes = frontends(2, &[]);
    let key = "%3Cscript%3Ewindow.isTaken%3D1%3C%2Fscript%3E%3Cimg%20src%3Dx%20onerror%3D%22window.isTaken%3D1%22%3E";
    for _ in 0..50 {
        nodes[0].get(&format!("/api/get?key={key}"));
    }
    nodes[0].get(&format!("/api/get?key=err%3A{key}"));
    browser.open(&format!(
        "{}?in=demo&key={key}&members={key}&group=demo",
        page(&nodes[0])
    ));
    browser.wait_until("it is a hot key", |browser| {
        browser
            .text("#g0-keys")
            .contains("<script>window.isTaken=1")
    });
    assert!(
        browser
            .text(".answer")
            .contains("<script>window.isTaken=1</script><img")
    );
    assert!(browser.text("#g0-failures").contains("err:<script>"));
    assert_eq!(browser.run("return window.isTaken ?? null"), json!(null));
    assert_eq!(
        browser.run("return document.querySelectorAll('img').length"),
        json!(0)
    );
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn a_phone_shows_all_without_scrolling_sideways() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let nodes = frontends(3, &[]);
    let load = Load::start(&nodes, skewed);
    browser.resize(360, 800);
    browser.open(&format!(
        "{}?in=demo&key=a-rather-long-key-that-has-no-place-to-break-{}",
        page(&nodes[0]),
        "x".repeat(200)
    ));
    browser.wait_until("hot keys", |browser| {
        browser.text("#g0-keys").contains("cat-")
    });
    load.end();
    let width = browser.run("return document.documentElement.scrollWidth");
    assert_eq!(width, json!(360));
    let beyond = browser.run(
        "return [...document.querySelectorAll('main *')]
            .filter((element) => element.getBoundingClientRect().right > 360.5 && !element.closest('svg, select'))
            .map((element) => element.outerHTML.slice(0, 200))",
    );
    assert_eq!(beyond, json!([]));
    let small = browser.run(
        "return [...document.querySelectorAll('button, input:not([type=hidden]), select')]
            .filter((element) => element.getBoundingClientRect().height < 40).length",
    );
    assert_eq!(small, json!(0), "controls that a finger misses");
}

#[test]
fn a_screen_reader_finds_landmarks_headings_and_names() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let nodes = frontends(2, &[]);
    let load = Load::start(&nodes, skewed);
    browser.open(&page(&nodes[0]));
    browser.wait_until("hot keys", |browser| {
        browser.text("#g0-keys").contains("cat-")
    });
    load.end();
    for width in [1280, 360] {
        browser.resize(width, 900);
        let tree = browser.devtools("Accessibility.getFullAXTree", &json!({}));
        let nodes = tree["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|node| node["ignored"] != true);
        let named: Vec<(String, String)> = nodes
            .map(|node| {
                let text =
                    |field: &str| node[field]["value"].as_str().unwrap_or_default().to_owned();
                (text("role"), text("name"))
            })
            .collect();
        let of = |role: &str| -> Vec<&str> {
            let all = named.iter().filter(|(found, _)| found == role);
            all.map(|(_, name)| &**name).collect()
        };
        for landmark in ["banner", "main", "contentinfo"] {
            assert_eq!(of(landmark).len(), 1, "{landmark}: {named:?}");
        }
        assert_eq!(of("search"), ["Find a key"]);
        for heading in [
            "At a glance",
            "Find a key",
            "Who owns what",
            "Groups",
            "demo",
            "Memory",
            "Hot keys",
            "What failed last",
        ] {
            assert!(
                of("heading").contains(&heading),
                "{heading}: {:?}",
                of("heading")
            );
        }
        assert_eq!(of("textbox"), ["Key"]);
        assert_eq!(of("combobox"), ["Group"]);
        assert_eq!(of("button"), ["Pause", "Find"]);
        let tables = of("table");
        assert!(
            tables.contains(&"Members of the ring") && tables.iter().all(|name| !name.is_empty()),
            "{tables:?}"
        );
        for header in ["Member", "Health", "Share"] {
            assert!(
                of("columnheader").contains(&header),
                "at {width}: {:?}",
                of("columnheader")
            );
        }
        let pictures = [of("image"), of("img")].concat();
        assert!(
            pictures.iter().any(|name| name.starts_with("The ring")),
            "{pictures:?}"
        );
        assert!(pictures.iter().all(|name| !name.is_empty()), "{pictures:?}");
        assert!(of("link").iter().all(|name| !name.is_empty()));
    }
}

#[test]
fn updates_end_with_the_node_and_are_bounded() {
    let mut nodes = frontends(1, &[]);
    let events = || {
        use std::io::{Read, Write};
        let mut stream =
            std::net::TcpStream::connect(nodes[0].url().trim_start_matches("http://")).unwrap();
        write!(
            stream,
            "GET /groupcachez/events HTTP/1.1\r\nhost: test\r\n\r\n"
        )
        .unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        (stream, String::from_utf8_lossy(&status[9..]).into_owned())
    };
    let viewers: Vec<_> = (0..33).map(|_| events()).collect();
    let ok = viewers.iter().filter(|(_, status)| status == "200").count();
    assert_eq!((ok, &*viewers[32].1), (32, "503"));

    let begin = Instant::now();
    nodes[0].close_stdin();
    assert!(nodes[0].wait().success());
    assert!(
        begin.elapsed() < Duration::from_secs(4),
        "it waited for the viewers: {:?}",
        begin.elapsed()
    );
}

/// Takes the pictures of the guides, once the plots are full:
/// `cargo test --release -p groupcache-examples --test programs pictures_for_the_guides -- --ignored`.
#[test]
#[ignore = "it writes into groupcache/docs/images, and takes five minutes"]
fn pictures_for_the_guides() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let nodes = frontends(
        3,
        &["--cache-bytes=300000", "--ttl=30000", "--group=thumbnails"],
    );
    let load = Load::start(&nodes, skewed);
    thread::sleep(Duration::from_secs(310));
    let images = concat!(env!("CARGO_MANIFEST_DIR"), "/../groupcache/docs/images");
    std::fs::create_dir_all(images).unwrap();
    for (name, width, height, scheme) in [
        ("page-light", 1200, 1500, "light"),
        ("page-dark", 1200, 1500, "dark"),
        ("page-phone", 360, 1500, "light"),
    ] {
        browser.resize(width, height);
        browser.prefer("prefers-color-scheme", scheme);
        browser.open(&format!("{}?in=thumbnails&key=cat-1.png", page(&nodes[0])));
        browser.wait_until("it is live", |browser| browser.text("#state") == "Live");
        let picture = browser.devtools(
            "Page.captureScreenshot",
            &json!({ "format": "webp", "quality": 80 }),
        );
        let data = picture["data"].as_str().unwrap();
        let bytes =
            base64::Engine::decode(&base64::engine::general_purpose::STANDARD, data).unwrap();
        std::fs::write(format!("{images}/{name}.webp"), bytes).unwrap();
    }
    load.end();
}
