//! The client of the well-known demo: `-set`, `-get` and `-del` go to the slow database itself, and
//! `-cset`, `-cget` and `-cdel` to the cache of a frontend.

use std::ffi::OsString;
use std::io::{self, Write};
use std::time::Instant;

use clap::{ArgGroup, CommandFactory, Parser};
use http::Method;

use crate::client::Client;
use crate::escape::escape;
use crate::{BoxError, program};

/// Flags that a value follows.
const WITH_VALUE: [&str; 4] = ["host", "key", "port", "value"];
/// Flags that stand alone.
const ALONE: [&str; 8] = [
    "cdel", "cget", "cset", "del", "get", "help", "set", "version",
];

/// Reads and writes the slow database, or the cache in front of it. Flags may begin with one dash or
/// two.
#[derive(Debug, Parser)]
#[command(name = "cli", version, group = ArgGroup::new("operation").required(true))]
pub struct Options {
    /// Write the value to the database.
    #[arg(long, group = "operation")]
    set: bool,
    /// Read the value from the database: slow, every time.
    #[arg(long, group = "operation")]
    get: bool,
    /// Delete the key from the database.
    #[arg(long, group = "operation")]
    del: bool,
    /// Set the value in the cache of all nodes; the database keeps its own.
    #[arg(long, group = "operation")]
    cset: bool,
    /// Read the value through the cache of a frontend.
    #[arg(long, group = "operation")]
    cget: bool,
    /// Remove the value from the cache of all nodes, so that the next -cget reads the database.
    #[arg(long, group = "operation")]
    cdel: bool,
    /// Key.
    #[arg(long, default_value = "foo", allow_hyphen_values = true)]
    key: String,
    /// Value for -set and -cset.
    #[arg(long, default_value = "bar", allow_hyphen_values = true)]
    value: String,
    /// Port of the server [default: 8080, the database; for -cset, -cget and -cdel 9001, a frontend].
    #[arg(long)]
    port: Option<u16>,
    /// Host of the server.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
}

/// Runs the program with the flags of this process, which may begin with a single dash.
pub fn main() -> std::process::ExitCode {
    if std::env::args_os().len() == 1 {
        // As the demo's own client does.
        eprintln!("{}", Options::command().render_help());
        return std::process::ExitCode::from(2);
    }
    program::main_with(with_two_dashes(std::env::args_os()), run)
}

/// Turns `-key` into `--key`. The value after a flag stays as it is.
fn with_two_dashes(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut is_value = true; // The first is the program's name.
    args.into_iter()
        .map(|arg| {
            if std::mem::take(&mut is_value) {
                return arg;
            }
            let Some(text) = arg.to_str() else { return arg };
            let bare = text.trim_start_matches('-');
            let name = bare.split('=').next().unwrap_or(bare);
            is_value = WITH_VALUE.contains(&bare);
            let known = WITH_VALUE.contains(&name) || ALONE.contains(&name);
            if known && text.len() == bare.len() + 1 {
                format!("-{text}").into()
            } else {
                arg
            }
        })
        .collect()
}

/// Runs the one operation. The value goes to stdout; the time that it took and its source go to
/// stderr.
///
/// # Errors
///
/// When the server cannot be reached or refuses.
pub async fn run(options: Options) -> Result<(), BoxError> {
    let (path, default_port) = if options.cget {
        ("api/get?key=", 9001)
    } else if options.cset {
        ("api/set?key=", 9001)
    } else if options.cdel {
        ("api/remove?key=", 9001)
    } else {
        ("kv/", 8080)
    };
    let server = format!(
        "http://{}:{}",
        options.host,
        options.port.unwrap_or(default_port)
    );
    let url = format!("{server}/{path}{}", escape(options.key.as_bytes()));
    let (method, body) = if options.set || options.cset {
        (Method::PUT, options.value)
    } else if options.del || options.cdel {
        (Method::DELETE, String::new())
    } else {
        (Method::GET, String::new())
    };

    let start = Instant::now();
    let (head, body) = Client::new()
        .send(method, &url, body)
        .await
        .map_err(|error| format!("no answer from {server}: {}", program::with_causes(&*error)))?
        .into_parts();
    let took = start.elapsed();

    if !head.status.is_success() {
        let reason = String::from_utf8_lossy(&body);
        return Err(format!("{:?}: {}", options.key, reason.trim_end()).into());
    }
    if options.get || options.cget {
        let mut stdout = io::stdout();
        stdout.write_all(&body)?;
        stdout.write_all(b"\n")?;
    }
    let from = match head
        .headers
        .get("x-groupcache-source")
        .and_then(|it| it.to_str().ok())
    {
        Some(source) => format!(" ({source})"),
        None => String::new(),
    };
    eprintln!("{:.1} ms{from}", took.as_secs_f64() * 1e3);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, clap::Error> {
        Options::try_parse_from(with_two_dashes(args.iter().map(OsString::from)))
    }

    #[test]
    fn flags_begin_with_one_dash_or_two() {
        for args in [
            ["cli", "-set", "-key", "k", "-value=v", "-port", "1"],
            ["cli", "--set", "--key", "k", "--value=v", "--port", "1"],
        ] {
            let options = parse(&args).unwrap();
            assert!(options.set);
            assert_eq!((&*options.key, &*options.value), ("k", "v"));
            assert_eq!(options.port, Some(1));
        }
    }

    #[test]
    fn a_value_may_look_like_a_flag() {
        let options = parse(&["cli", "-get", "-key", "-set"]).unwrap();
        assert_eq!(options.key, "-set");
        assert!(!options.set);
    }

    #[test]
    fn exactly_one_operation_is_asked_for() {
        assert!(parse(&["cli", "-key", "k"]).is_err());
        assert!(parse(&["cli", "-get", "-set"]).is_err());
    }
}
