use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};

use super::tells_lists::TellsLists;
use crate::{Discovery, Error, Member, MemberLists};

/// A source that reads the members from a file, and reads it again whenever it changes.
///
/// The file is text in UTF-8. It has one member a line, as `URL` or `ID=URL`; empty lines do not count, nor does what
/// comes behind a `#` that begins a line or follows a space. Or it is a JSON array of the same texts.
///
/// The whole file is read on every [`interval`](Self::interval), so that every kind of replacement is seen: a rename, a
/// symbolic link that points elsewhere (as of a ConfigMap in Kubernetes), a file on a network that keeps its times. A
/// change counts once the file has read the same for 50 ms, so that a file that is half written is not believed. A file
/// that is missing, or that cannot be read as above, is an error, and the node keeps its members.
#[derive(Debug)]
pub struct MemberFile {
    path: Arc<Path>,
    interval: Duration,
}

/// Reads the file again and again.
struct Reader {
    path: Arc<Path>,
    interval: Duration,
    /// What the file said when its members were last returned. `None` before, and after an error.
    said: Option<Vec<u8>>,
    /// When the file is read next.
    look_at: Instant,
}

/// The longest file. The largest ring fits in.
const MAX_BYTES: u64 = 4 << 20;
/// How long a changed file must stay the same.
const SETTLED: Duration = Duration::from_millis(50);
/// How many changes in a row are waited out.
const MOST_CHANGES: usize = 20;
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

impl MemberFile {
    /// A source that reads the file at `path`, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into().into(),
            interval: Duration::from_millis(500),
        }
    }

    /// The time between two reads; at least 10 ms. Default: 500 ms.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(SHORTEST_INTERVAL);
        self
    }

    fn reader(&self) -> Reader {
        Reader {
            path: Arc::clone(&self.path),
            interval: self.interval,
            said: None,
            look_at: Instant::now(),
        }
    }
}

impl Discovery for MemberFile {
    fn kind(&self) -> &'static str {
        "file"
    }

    fn lists(&mut self) -> MemberLists {
        self.reader().into_lists()
    }
}

impl Reader {
    /// What the file says, once it has stopped to change.
    async fn settled(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = self.read().await?;
        if self.said.as_ref() == Some(&bytes) {
            return Ok(bytes);
        }
        for _ in 0..MOST_CHANGES {
            sleep(SETTLED).await;
            let again = self.read().await?;
            if again == bytes {
                return Ok(bytes);
            }
            bytes = again;
        }
        Err(self.error("it changes all the time"))
    }

    async fn read(&self) -> Result<Vec<u8>, Error> {
        let path = Arc::clone(&self.path);
        match spawn_blocking(move || read(&path)).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) => Err(self.error(error)),
            Err(error) => Err(self.error(error)),
        }
    }

    fn error(&self, reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::discovery(format!("the file {}", self.path.display()), reason)
    }
}

impl TellsLists for Reader {
    async fn next(&mut self) -> Result<Vec<Member>, Error> {
        loop {
            sleep_until(self.look_at).await;
            let look = self.settled().await;
            // An interval that reaches beyond the end of the clock is as long as this process lives.
            self.look_at += self.interval.min(Duration::from_secs(1 << 30));
            self.look_at = self.look_at.max(Instant::now());
            let members = look.and_then(|bytes| {
                if self.said.as_ref() == Some(&bytes) {
                    return Ok(None);
                }
                let members = parse(&bytes).map_err(|reason| self.error(reason))?;
                self.said = Some(bytes);
                Ok(Some(members))
            });
            match members {
                Ok(None) => {}
                Ok(Some(members)) => return Ok(members),
                Err(error) => {
                    self.said = None;
                    return Err(error);
                }
            }
        }
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    // Opening a pipe would wait for somebody who writes.
    if !path.metadata()?.is_file() {
        return Err(std::io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(std::io::Error::other(format!(
            "it is longer than {MAX_BYTES} bytes"
        )));
    }
    Ok(bytes)
}

/// The members in a file, or why it has none that can be read.
fn parse(bytes: &[u8]) -> Result<Vec<Member>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('[') {
        let members: Vec<String> = serde_json::from_str(text)
            .map_err(|error| format!("it is not a JSON array of texts: {error}"))?;
        return members
            .iter()
            .map(|member| member.parse().map_err(|error: Error| error.to_string()))
            .collect();
    }
    text.lines()
        .enumerate()
        .map(|(at, line)| (at + 1, without_comment(line).trim()))
        .filter(|(_, line)| !line.is_empty())
        .map(|(number, line)| {
            line.parse()
                .map_err(|error: Error| format!("line {number}: {error}"))
        })
        .collect()
}

/// An id may have a `#` in it, so that not each begins a comment.
fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    for (at, char) in line.char_indices() {
        if char == '#' && before.is_whitespace() {
            return &line[..at];
        }
        before = char;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<Member> {
        Member::list(text).unwrap()
    }

    #[test]
    fn lines_and_json_are_read_alike() {
        let wanted = list("http://a:1,b#2=http://b:1");
        for text in [
            "http://a:1\nb#2=http://b:1\n",
            "\u{feff}# all\r\n\r\n http://a:1/ # the first\r\n\tb#2=http://b:1",
            r#" ["http://a:1", "b#2=http://b:1"] "#,
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap(), wanted, "{text:?}");
        }
        assert_eq!(parse(b"# nobody\n").unwrap(), []);
        assert_eq!(parse(b"[]").unwrap(), []);
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_place() {
        for (text, reason) in [
            (&b"http://a:1\n\nb:1\n"[..], "line 3"),
            (b"http://a:1,http://b:1", "line 1"),
            (b"[\"http://a:1\", 7]", "JSON"),
            (b"[\"http://a:1\"", "JSON"),
            (b"[\"a:1\"]", "a:1"),
            (b"http://\xff", "utf-8"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    fn source() -> (tempfile::TempDir, PathBuf, Reader) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("members");
        let source = MemberFile::new(&path).interval(Duration::from_millis(10));
        (folder, path, source.reader())
    }

    #[tokio::test]
    async fn each_change_is_one_list() {
        let (_folder, path, mut source) = source();
        std::fs::write(&path, "http://a:1\n").unwrap();
        assert_eq!(source.next().await.unwrap(), list("http://a:1"));
        let other = path.with_extension("new");
        std::fs::write(&other, "http://a:1\nhttp://b:1\n").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_eq!(source.next().await.unwrap(), list("http://a:1,http://b:1"));
    }

    #[tokio::test]
    async fn a_missing_or_broken_file_is_an_error_and_its_return_is_a_list() {
        let (folder, path, mut source) = source();
        let error = source.next().await.unwrap_err();
        assert!(
            error.is_discovery() && error.to_string().contains("members"),
            "{error}"
        );
        std::fs::write(&path, "http://a:1\n").unwrap();
        assert_eq!(source.next().await.unwrap(), list("http://a:1"));
        std::fs::write(&path, "a:1\n").unwrap();
        assert!(source.next().await.unwrap_err().is_discovery());
        std::fs::write(&path, "http://a:1\n").unwrap();
        assert_eq!(source.next().await.unwrap(), list("http://a:1"));
        std::fs::remove_file(&path).unwrap();
        assert!(source.next().await.unwrap_err().is_discovery());
        let no_file = MemberFile::new(folder.path());
        assert!(no_file.reader().next().await.is_err());
    }

    #[tokio::test]
    async fn a_file_that_is_too_long_is_an_error() {
        let (_folder, path, mut source) = source();
        File::create(&path).unwrap().set_len(MAX_BYTES + 1).unwrap();
        let error = source.next().await.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap();
        assert!(cause.to_string().contains("longer"), "{cause}");
    }

    #[tokio::test]
    async fn no_change_is_lost_when_a_wait_is_dropped() {
        let (_folder, path, mut source) = source();
        std::fs::write(&path, "http://a:1\n").unwrap();
        for _ in 0..3 {
            let wait = tokio::time::timeout(Duration::from_millis(1), source.next());
            assert!(wait.await.is_err());
        }
        assert_eq!(source.next().await.unwrap(), list("http://a:1"));
    }
}
