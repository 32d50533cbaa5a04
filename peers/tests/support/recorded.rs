//! Recorded answers of the Go programs.

use serde_json::Value;

use super::{Message, hex};

/// A recorded answer.
#[derive(Debug)]
pub(crate) struct Recorded {
    head: Vec<u8>,
    body: Vec<u8>,
    chunked: bool,
}

/// The headers of an answer that the tests compare.
const HEADERS: [&str; 4] = [
    "Content-Type",
    "X-Content-Type-Options",
    "Expires",
    "X-Galaxycache-Galaxy-Status",
];

impl Recorded {
    /// The answer in an object of that form. Only the beginning and the end of a long body were
    /// recorded. Between them stand dots, or the `L` of a long key.
    pub(crate) fn read(row: &Value) -> Self {
        let body = match row.get("body_hex") {
            Some(body) => hex(body),
            None => {
                let mut body = hex(&row["body_first64_hex"]);
                let filling = *body.last().unwrap();
                body.resize(row["body_len"].as_u64().unwrap() as usize, filling);
                if let Some(end) = row.get("body_last16_hex").map(hex) {
                    let start = body.len() - end.len();
                    body[start..].copy_from_slice(&end);
                }
                body
            }
        };
        Self {
            head: hex(&row["raw_head_hex"]),
            body,
            chunked: row["framing"] == "chunked",
        }
    }

    /// The bytes that went over the wire, but in chunks of another size.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        if !self.chunked {
            bytes.extend_from_slice(&self.body);
            return bytes;
        }
        for chunk in self.body.chunks(1000) {
            bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        bytes
    }

    pub(crate) fn status(&self) -> u16 {
        let line = self.head_text().lines().next().unwrap();
        line.split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head_text()
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn head_text(&self) -> &str {
        str::from_utf8(&self.head).unwrap()
    }

    /// Whether our answer has the same status, headers and body.
    pub(crate) fn is_like(&self, ours: &Message) -> bool {
        self.is_like_but_for(ours, "")
    }

    /// Whether our answer is the same, apart from one header.
    pub(crate) fn is_like_but_for(&self, ours: &Message, but: &str) -> bool {
        let mut headers = HEADERS.iter().filter(|&&name| name != but);
        self.status() == ours.status()
            && headers.all(|name| self.header(name) == ours.header(&name.to_lowercase()))
            && self.body == ours.body
    }
}

/// The URL of the recorded server, with which its values begin. It is the first `http://127.0.0.1:`
/// with a port in an answer in this field of the rows.
pub(crate) fn self_url(rows: &[Value], field: &str) -> Option<String> {
    const LENGTH: usize = "http://127.0.0.1:28029".len();
    let answers = rows.iter().flat_map(|row| match &row[field] {
        Value::Array(answers) => answers.as_slice(),
        answer => std::slice::from_ref(answer),
    });
    let bodies = answers
        .filter_map(|answer| answer.get("body_hex"))
        .map(|body| String::from_utf8_lossy(&hex(body)).into_owned());
    bodies.into_iter().find_map(|body| {
        let start = body.find("http://127.0.0.1:")?;
        Some(body[start..][..LENGTH].to_owned())
    })
}
