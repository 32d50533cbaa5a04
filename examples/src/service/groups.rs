use groupcache::{Error, GroupBuilder, Json, Key, Node, NotFound, Protobuf, TypedGroup};

use super::database::Database;
use super::model::{Product, Setting, User};
use super::options::CacheOptions;

/// What the nodes cache together: a name, a codec and a getter each.
pub(super) struct Groups {
    pub(super) users: TypedGroup<User>,
    pub(super) products: TypedGroup<Product, Protobuf>,
    pub(super) config: TypedGroup<Setting>,
}

impl Groups {
    /// Makes the groups of a node. A getter takes a clone of the database along, and says `NotFound` where there
    /// is no row.
    pub(super) fn build(
        node: &Node,
        database: &Database,
        options: &CacheOptions,
    ) -> Result<Self, Error> {
        let budget = options.cache_bytes;
        let (users, products, config) = (database.clone(), database.clone(), database.clone());
        Ok(Self {
            users: with(
                options,
                node.typed_group("users", budget, Json, move |key: Key| {
                    let database = users.clone();
                    async move { found(database.user(key.parse()?).await) }
                }),
            )
            .build()?,
            products: with(
                options,
                node.typed_group("products", budget, Protobuf, move |key: Key| {
                    let database = products.clone();
                    async move { found(database.product(key.parse()?).await) }
                }),
            )
            .build()?,
            config: with(
                options,
                node.typed_group("config", budget, Json, move |key: Key| {
                    let database = config.clone();
                    async move { found(database.setting(key.parse()?).await) }
                }),
            )
            .build()?,
        })
    }
}

/// The settings of all groups. A value past its freshness stays as a fallback: it is answered while it is read
/// again, and for as long as that fails.
fn with<G>(options: &CacheOptions, group: GroupBuilder<G>) -> GroupBuilder<G> {
    group
        .ttl(options.ttl)
        .stale_while_revalidate(options.stale)
        .load_timeout(options.load)
}

/// A row, or the error that says there is none.
fn found<T>(row: anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    Ok(row?.ok_or(NotFound)?)
}
