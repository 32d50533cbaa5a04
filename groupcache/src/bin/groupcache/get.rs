use std::io::{self, Write};
use std::time::Instant;

use clap::Args;
use groupcache::{GetOptions, Mode};
use serde_json::{Map, Value};

use super::failure::Failure;
use super::group_options::GroupOptions;
use super::keys::{KeyOption, add_bytes};
use super::output::Output;
use super::plain::plain_lines;

/// Reads a value through the cache: the key's owner answers, and loads the value if it has to.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    key: KeyOption,
    /// Have nobody load the value: it is read where it is cached, or not found.
    #[arg(long)]
    peek: bool,
    /// Ask this member, by id or URL, and not the owner.
    #[arg(long, value_name = "MEMBER", requires = "peek")]
    at: Option<String>,
    /// Write the bytes as they are, also to a terminal.
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    group: GroupOptions,
}

pub(super) async fn run(options: Options, output: Output) -> Result<(), Failure> {
    let key = options.key.key()?;
    let mut plan = options.group.plan().await?;
    if let Some(at) = &options.at {
        plan.members
            .retain(|member| member.id() == at || member.url() == at);
        if plan.members.is_empty() {
            return Err(Failure::Start(format!("{at} is no member")));
        }
    }
    let client = options.group.client(&plan).await?;
    let mode = if options.peek {
        Mode::Peek
    } else {
        Mode::Normal
    };
    let begun = Instant::now();
    let entry = client
        .group
        .get_with_options(&key, GetOptions::default().mode(mode))
        .await;
    let took = begun.elapsed();
    let value = entry.map_err(|error| client.explain(&error))?.into_value();
    if output.json {
        let mut fields = Map::new();
        add_bytes(&mut fields, "key", &key);
        fields.insert("group".to_owned(), client.group.name().into());
        add_bytes(&mut fields, "value", &value);
        fields.insert("bytes".to_owned(), value.len().into());
        fields.insert("ms".to_owned(), (took.as_secs_f64() * 1e3).into());
        return output.value(&Value::Object(fields));
    }
    let mut stdout = io::stdout().lock();
    if console::Term::stdout().is_term() && !options.raw {
        writeln!(stdout, "{}", plain_lines(&String::from_utf8_lossy(&value)))?;
    } else {
        stdout.write_all(&value)?;
        stdout.flush()?;
    }
    Ok(())
}
