use clap::Args;
use groupcache::Member;
use groupcache::peers::consistenthash::Ring;
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::group_options::GroupOptions;
use super::keys::{KeysOptions, add_bytes};
use super::output::Output;
use super::plain::plain;
use super::report::Place;

/// Names the members that own keys, and those that stand in for them; a line for each key.
///
/// --group counts where a group has members of its own.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    keys: KeysOptions,
    /// The owner, and as many members as make up this number that stand in for it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    owners: usize,
    #[command(flatten)]
    group: GroupOptions,
}

/// The keys that are read at a time.
const BATCH: usize = 1000;

pub(super) async fn run(options: Options, output: Output) -> Result<(), Failure> {
    let batches = options.keys.batches(BATCH)?;
    let plan = options.group.plan().await?;
    let ids: Vec<&str> = plan.members.iter().map(Member::id).collect();
    let ring = Ring::new(plan.scheme, ids).map_err(|error| Failure::start(&error))?;
    let member = |id: &&str| plan.members.iter().find(|member| member.id() == *id);
    for batch in batches {
        for key in batch? {
            let owners = ring
                .owners(&key)
                .take(options.owners.max(1))
                .filter_map(member);
            if output.json {
                let owners: Vec<Place> = owners.map(Place::from).collect();
                let mut fields = Map::new();
                add_bytes(&mut fields, "key", &key);
                fields.insert("owners".to_owned(), json!(owners));
                output.value_line(&Value::Object(fields))?;
            } else {
                let owners: Vec<String> = owners.map(|owner| plain(&owner.to_string())).collect();
                output.line(&owners.join(" "))?;
            }
        }
    }
    Ok(())
}
