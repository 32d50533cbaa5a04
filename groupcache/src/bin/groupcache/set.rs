use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use groupcache::Value;
use serde_json::Map;

use super::failure::Failure;
use super::group_options::GroupOptions;
use super::input::{open, unreadable};
use super::keys::{KeyOption, add_bytes};
use super::output::Output;

/// Gives a key a value: its owner keeps the value, and all other nodes forget theirs.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    key: KeyOption,
    /// Value.
    #[arg(value_name = "VALUE", required_unless_present = "value_from")]
    value: Option<OsString>,
    /// File with the value; - is stdin.
    #[arg(long, value_name = "FILE", conflicts_with = "value")]
    value_from: Option<PathBuf>,
    /// Time after which the value expires, as in 5m [default: as the group has it].
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    ttl: Option<Duration>,
    #[command(flatten)]
    group: GroupOptions,
}

/// The largest value that is read from a file: what the peer protocols carry.
const LARGEST: u64 = 64 << 20;

pub(super) async fn run(options: Options, output: Output) -> Result<(), Failure> {
    let key = options.key.key()?;
    let bytes = match (&options.value_from, options.value) {
        (Some(file), _) => read(file)?,
        (None, value) => value.unwrap_or_default().into_encoded_bytes(),
    };
    let size = bytes.len();
    let mut value = Value::from(bytes);
    if let Some(ttl) = options.ttl {
        value = value.expires_in(ttl);
    }
    let plan = options.group.plan().await?;
    let client = options.group.client(&plan).await?;
    let set = client.group.set(&key, value).await;
    set.map_err(|error| client.explain(&error))?;
    if output.json {
        let mut fields = Map::new();
        add_bytes(&mut fields, "set", &key);
        fields.insert("group".to_owned(), client.group.name().into());
        fields.insert("bytes".to_owned(), size.into());
        output.value(&fields)?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut value = Vec::new();
    let mut file = open(path)?.take(LARGEST + 1);
    file.read_to_end(&mut value)
        .map_err(|error| unreadable(path, &error))?;
    if value.len() as u64 > LARGEST {
        return Err(Failure::Start(format!(
            "the value is larger than {LARGEST} bytes"
        )));
    }
    Ok(value)
}
