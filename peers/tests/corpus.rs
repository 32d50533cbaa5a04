//! The seeds of the fuzz targets, and a bounded replay where no fuzzer runs. The replay runs every
//! seed unchanged, and some changed versions of each, the same versions every time.
//!
//! The recordings in `testdata` make the seeds. If `GROUPCACHE_CORPUS` names a folder, the test
//! writes the seeds there, into one folder for each target.

#[allow(dead_code, unreachable_pub, reason = "it is a crate of its own")]
#[path = "../fuzz/src/lib.rs"]
mod fuzz;
mod support;

use std::path::Path;

use serde_json::Value;
use support::stream::{
    CANCEL, CANCELLED, DONE, FAILURE, Frame, GET, GOAWAY, GRANT, PING, PONG, SET, VALUE,
};
use support::{base64, hex, rows};

/// How often a seed is changed, unless `GROUPCACHE_CHANGES` says otherwise.
const CHANGES: usize = 4;
/// The longest seed. Longer seeds would only slow the fuzzer down.
const MAX_SEED_BYTES: usize = 4 << 10;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut seeds = match target {
        "golang" => [
            requests("probes.json"),
            answers("faults.json"),
            messages(),
            lies(),
        ]
        .concat(),
        "mailgun" => [member("mailgun"), messages()].concat(),
        "groupcache_go" => member("groupcache-go"),
        "ipronko" => member("ipronko"),
        "galaxycache" => member("galaxycache"),
        "galaxycache_grpc" => calls(),
        "native" => [member("groupcache-go"), messages(), ours()].concat(),
        "native_stream" => streams(),
        "path" => paths(),
        "member" => MEMBERS.map(|text| text.as_bytes().to_vec()).into(),
        _ => panic!("no seeds for {target}"),
    };
    seeds.sort();
    seeds.dedup();
    seeds
}

fn member(name: &str) -> Vec<Vec<u8>> {
    let requests = requests(&format!("{name}-probes.json"));
    let answers = answers(&format!("{name}-faults.json"));
    [requests, answers, lies()].concat()
}

/// Messages that announce more bytes than are allowed, or than follow.
fn lies() -> Vec<Vec<u8>> {
    let key = "k".repeat(300);
    let body = "b".repeat(20_000);
    [
        "HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n\x0a\x01v".into(),
        "HTTP/1.1 200 OK\r\nContent-Length: 16000\r\n\r\n\x0a\x7fv".into(),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffe\r\n\x0a\x01v".into(),
        "HTTP/1.1 500 No\r\nContent-Length: 1099511627776\r\n\r\nno".into(),
        format!("HTTP/1.1 200 OK\r\n\r\n{body}"),
        format!("HTTP/1.1 500 No\r\n\r\n{body}"),
        format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(200)),
        format!("GET /_groupcache/g/{key} HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!(
            "GET /_groupcache/g/k HTTP/1.1\r\n{}\r\n",
            "a: b\r\n".repeat(200)
        ),
    ]
    .map(String::into_bytes)
    .into_iter()
    .chain(["PUT", "POST"].into_iter().flat_map(|method| {
        let line = format!("{method} /_groupcache/g/_remove-keys/ HTTP/1.1\r\nHost: a\r\n");
        [
            format!("{line}Content-Length: 16000\r\n\r\n\x0a\x7f").into_bytes(),
            format!("{line}Content-Length: 1099511627776\r\n\r\n\x0a\x7f").into_bytes(),
            format!("{line}Transfer-Encoding: chunked\r\n\r\nfffffffe\r\n{body}").into_bytes(),
        ]
    }))
    .collect()
}

fn requests(file: &str) -> Vec<Vec<u8>> {
    let rows = rows(file).into_iter();
    rows.map(|row| hex(&row["request_hex"])).collect()
}

fn answers(file: &str) -> Vec<Vec<u8>> {
    let rows = rows(file).into_iter();
    rows.map(|row| match &row["scripted_response_hex"] {
        Value::Null => Vec::new(),
        Value::Array(steps) => {
            let texts = steps.iter().filter(|step| step.is_string());
            texts.flat_map(hex).collect()
        }
        text => hex(text),
    })
    .collect()
}

/// Messages marshalled by Go, each in the request or answer that carries it.
fn messages() -> Vec<Vec<u8>> {
    let responses = rows("get-response.json").into_iter().step_by(4);
    let responses = responses.map(|row| {
        // The answer states no length, so a changed message cannot contradict it.
        [
            b"HTTP/1.1 200 OK\r\n\r\n".as_slice(),
            &hex(&row["encoded_hex"]),
        ]
        .concat()
    });
    let sets = rows("set-request.json").into_iter().step_by(8);
    let sets = sets.map(|row| carrying("PUT /_groupcache/g/k", &hex(&row["encoded_hex"])));
    responses.chain(sets).collect()
}

/// What each side of a stream says: every call, every answer, and messages in pieces.
fn streams() -> Vec<Vec<u8>> {
    let stamp: &[u8] = &[&b"\x01"[..], &[7; 24]].concat();
    let known: &[u8] = &[&b"\x01\0"[..], &[7; 16], b"\x01"].concat();
    let group: &[u8] = b"\x01\0g";
    let expires: &[u8] = b"\x01\0\0\0\0\0\0\0\x7f";
    let calls = [
        (GET, [b"\0", group, b"key"].concat()),
        (GET, [b"\x01", group, b"key"].concat()),
        (GET, [b"\x80", known, group, b"key"].concat()),
        (
            SET,
            [stamp, known, expires, group, b"\x03\0\0\0keyvalue"].concat(),
        ),
        (SET, [b"\0\0\0", expires, group, b"\0\0\0\0"].concat()),
        (18, [stamp, group, b"\x03\0\0\0key\0\0\0\0"].concat()),
        (19, [stamp, b"g"].concat()),
        (20, knowledge()),
        (21, [group, b"\x08\x01\x12\x01k\x12\0", KNOWN].concat()),
        (22, b"\x05\0pod-1\0\0".to_vec()),
    ];
    let calls = calls.map(|(kind, payload)| Frame::new(kind, 0, payload).bytes());
    let answers = [
        (
            VALUE,
            [b"\x07".as_slice(), &expires[1..], &[0; 16], b"value"].concat(),
        ),
        (DONE, Vec::new()),
        (34, knowledge()),
        (FAILURE, b"\x02\xf4\x01no luck".to_vec()),
        (36, b"\x1a\x03\x0a\x01v\x1a\0".to_vec()),
        (CANCELLED, Vec::new()),
        (GRANT, vec![0xff; 4]),
        (GOAWAY, Vec::new()),
        (PONG, Vec::new()),
    ];
    let answers = answers.map(|(kind, payload)| Frame::new(kind, 0, payload).bytes());
    let pieces = |kind, length: u64| {
        let first = Frame::first(kind, 0, length, &[1; 30]).bytes();
        let second = Frame::new(kind, 0, [2; 30]).more().bytes();
        let last = Frame::new(kind, 0, [3; 40]).bytes();
        [first, second, last].concat()
    };
    let said_by_server = answers
        .into_iter()
        .chain([
            pieces(VALUE, 100),
            pieces(VALUE, 1 << 40),
            pieces(VALUE, 20_000),
        ])
        .map(|answer| [b"S", &*answer].concat());
    let all_calls = calls.concat();
    let cancelled = [&*pieces(SET, 200), &*Frame::new(CANCEL, 0, []).bytes()].concat();
    let said_by_client = calls
        .into_iter()
        .chain([all_calls, cancelled, Frame::new(PING, 9, []).bytes()])
        .chain([pieces(SET, 100), pieces(SET, 1 << 40), pieces(SET, 40_000)])
        .chain([pieces(SET, 0x12_0000)]);
    said_by_server
        .chain(said_by_client)
        .chain([announced_and_not_sent()])
        .collect()
}

/// What a node knows of changes.
fn knowledge() -> Vec<u8> {
    let made = b"\x01\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\
        \x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0";
    let changes = [
        &b"\x02\0\0\0"[..],
        &[1; 16],
        b"\x01\0g\x01\x03\0\0\0key",
        &[1; 16],
        b"\x01\0g\0",
    ]
    .concat();
    let unnamed = [&b"\x01\0\0\0\x01\0g\x01\0\0\0"[..], &[1; 16]].concat();
    [&b"\x05\0pod-1"[..], &[1; 24], made, &changes, &unnamed].concat()
}

/// A known change in a get of several keys.
const KNOWN: &[u8] = b"\x1a\x0d\x11\x01\x02\x03\x04\x05\x06\x07\x08\x18\x01\x20\x01";

/// What the fuzzer found: long pieces that are announced again and again, and do not come.
fn announced_and_not_sent() -> Vec<u8> {
    let first = b"\x26\0\x01\0\x11\x01\0\0\0\0\0\x75\0\0\0\x30\0\0\x12\0\0\0\0\0";
    let rest = b"\x1e\0\0\0\x11\x01\0\0\0\0\0\0\x30\x75\0\0";
    let (ones, twos): (&[u8], &[u8]) = (&[1; 30], &[2; 12]);
    [b"S", &first[..], ones, rest, twos, b"\0\x07\0"].concat()
}

fn carrying(line: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("{line} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Messages that only our own nodes send.
fn ours() -> Vec<Vec<u8>> {
    let get = |mode| {
        let line = "GET /_groupcache/g/k HTTP/1.1\r\nhost: a\r\nx-groupcache-mode: ";
        format!("{line}{mode}\r\n\r\n").into_bytes()
    };
    let with = |method, header| {
        let line = format!("{method} /_groupcache/g/k HTTP/1.1\r\nhost: a\r\n");
        format!("{line}{header}\r\n\r\n").into_bytes()
    };
    let bytes = |body: &[u8]| {
        let length = body.len();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\n";
        let head = format!("{head}content-length: {length}\r\n\r\n");
        [head.as_bytes(), body].concat()
    };
    let error = |name| {
        let line = "HTTP/1.1 500 Internal Server Error\r\nx-groupcache-error: ";
        format!("{line}{name}\r\n\r\nwhat happened\n").into_bytes()
    };
    vec![
        get("peek"),
        get("warm-up"),
        carrying(
            "POST /_groupcache/g/_remove-keys/",
            b"\x0a\x01g\x12\x01k\x12\x00\x12\x02\xff/",
        ),
        carrying(
            "POST /_groupcache/g/_get-many/",
            &[&b"\x08\x01\x12\x01k\x12\x00\x12\x02\xff/"[..], KNOWN].concat(),
        ),
        [
            b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 19\r\n\r\n".as_slice(),
            b"\x1a\x03\x0a\x01v\x1a\x0a\x22\x06getter\x2a\x00\x10\x01",
        ]
        .concat(),
        carrying("POST /_groupcache/g/_clear/", b""),
        carrying("POST /_groupcache/_sync", &knowledge()),
        carrying("POST /_groupcache/_behind", b"\x05\0pod-1\0\0"),
        with("DELETE", "x-groupcache-change: 1-2-ffffffffffffffff"),
        with("GET", "x-groupcache-known: 1-2,ffffffffffffffff-3-all"),
        bytes(&knowledge()),
        // What the fuzzer found: a long answer that does not come. It may be one to an exchange of changes.
        b"HTTP/1.1 200 OK\r\ncontent-length: 1595999\r\n\r\n99".to_vec(),
        b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 6\r\n\r\n\x0a\x01v\x78\x80\x01".to_vec(),
        error("not-found"),
        error("getter"),
        error("overloaded"),
        error("no-such-group"),
        error("too-large"),
        error("timed-out"),
        error("unsupported"),
    ]
}

fn calls() -> Vec<Vec<u8>> {
    let headers = |pairs: &Value| -> String {
        let pairs = pairs.as_array().into_iter().flatten();
        pairs
            .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
            .filter(|(name, _)| !name.starts_with(':'))
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect()
    };
    let pseudo = |pairs: &Value, name: &str| -> String {
        let mut pairs = pairs.as_array().unwrap().iter();
        let pair = pairs.find(|pair| pair[0] == name).unwrap();
        pair[1].as_str().unwrap().to_owned()
    };
    let body = |message: &Value| match message {
        Value::Null => Vec::new(),
        message => hex(message),
    };
    let message = |head: String, message: &Value| [head.into_bytes(), body(message)].concat();
    // A status in the head, followed by a message that claims a length of 4 MiB.
    let head = "HTTP/2 200\r\ncontent-type: application/grpc\r\ngrpc-status: 0\r\n\r\n\r\n";
    let lie = [head.as_bytes(), b"\0\0\x3f\xff\xff"].concat();
    rows("galaxycache-grpc.json")
        .iter()
        .flat_map(|row| {
            let request = &row["request_headers"];
            let path = pseudo(request, ":path");
            let request = format!("POST {path} HTTP/2\r\n{}\r\n", headers(request));
            let response = &row["response_headers"];
            let status = pseudo(response, ":status");
            let trailers = headers(&row["trailers"]);
            let response = format!("HTTP/2 {status}\r\n{}\r\n{trailers}\r\n", headers(response));
            [
                message(request, &row["request"]),
                message(response, &row["response"]),
            ]
        })
        .chain([lie])
        .collect()
}

fn paths() -> Vec<Vec<u8>> {
    let rows = rows("escape.json").into_iter();
    rows.flat_map(|row| {
        let target = row[1].as_str().unwrap();
        let path = target.strip_prefix("/_groupcache/").unwrap();
        [path.as_bytes().to_vec(), base64(&row[0])]
    })
    .filter(|seed| seed.len() <= 64)
    .collect()
}

const MEMBERS: [&str; 12] = [
    "http://10.0.0.1:8080",
    "https://cache.example:443/prefix",
    "pod-1=http://10.0.0.1:8080",
    "a=b=http://[::1]:80",
    "http://[fe80::1%25eth0]:8080",
    "http://user@host",
    "http://host/a?b=c#d",
    "http://host:99999",
    "http://",
    "=",
    "ключ=http://пример:80",
    "http://a%2fb",
];

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }
}

/// Bytes that often have a meaning.
const TELLING: &[u8] = b"\0\x01\x7f\x80\xff%+/:=\r\n 0";

/// Changes a seed: cuts, repeats, replaces or inserts bytes, or continues with another seed's end.
fn change(seed: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let start = random.below(seed.len() + 1);
    let end = start + random.below(seed.len() - start + 1);
    let telling = TELLING[random.below(TELLING.len())];
    match random.below(6) {
        0 => seed.truncate(start),
        1 => drop(seed.drain(start..end)),
        2 => seed.extend_from_within(start..end),
        3 => seed.insert(start, telling),
        4 if start < seed.len() => seed[start] = telling,
        _ => {
            seed.truncate(start);
            seed.extend(&other[random.below(other.len() + 1)..]);
        }
    }
}

fn replay(name: &str) {
    let (_, target) = fuzz::TARGETS
        .into_iter()
        .find(|(target, _)| *target == name)
        .unwrap();
    let seeds = seeds(name);
    if let Some(corpus) = std::env::var_os("GROUPCACHE_CORPUS") {
        write(&Path::new(&corpus).join(name), &seeds);
    }
    let changes = std::env::var("GROUPCACHE_CHANGES");
    let changes = changes.map_or(CHANGES, |number| number.parse().unwrap());
    let mut random = Random(0);
    for (number, seed) in seeds.iter().enumerate() {
        let mut changed = seed.clone();
        for change_number in 0..=changes {
            // The panic's own message does not say which input it was.
            let input = Printed(&changed);
            target(&changed);
            std::mem::forget(input);
            if change_number % 4 == 0 {
                changed.clone_from(seed);
            }
            let other = &seeds[random.below(number + 1)];
            change(&mut changed, other, &mut random);
        }
    }
}

/// Prints an input if it is still there when a panic unwinds.
struct Printed<'a>(&'a [u8]);

impl Drop for Printed<'_> {
    fn drop(&mut self) {
        eprintln!("the input was \"{}\"", self.0.escape_ascii());
    }
}

fn write(folder: &Path, seeds: &[Vec<u8>]) {
    std::fs::create_dir_all(folder).unwrap();
    let short = seeds.iter().filter(|seed| seed.len() <= MAX_SEED_BYTES);
    for (number, seed) in short.enumerate() {
        std::fs::write(folder.join(format!("seed-{number:03}")), seed).unwrap();
    }
}

#[test]
fn golang() {
    replay("golang");
}

#[test]
fn mailgun() {
    replay("mailgun");
}

#[test]
fn groupcache_go() {
    replay("groupcache_go");
}

#[test]
fn ipronko() {
    replay("ipronko");
}

#[test]
fn galaxycache() {
    replay("galaxycache");
}

#[test]
fn galaxycache_grpc() {
    replay("galaxycache_grpc");
}

#[test]
fn native() {
    replay("native");
}

#[test]
fn native_stream() {
    replay("native_stream");
}

#[test]
fn path() {
    replay("path");
}

#[test]
fn member_texts() {
    replay("member");
}

#[test]
fn what_is_allocated_is_counted() {
    let peak = fuzz::peak(|| drop(vec![0_u8; 100_000]));
    assert!((100_000..101_000).contains(&peak), "{peak}");
}
