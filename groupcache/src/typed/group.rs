use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

use peers::Member;

use super::codec::Codec;
use super::getter::{Encoded, TypedGetter};
#[cfg(feature = "json")]
use super::json::Json;
use super::value::ToTypedValue;
use crate::{
    Entry, Error, GetOptions, GetterError, Group, GroupBuilder, Key, Mode, Node, NotFound, Source,
    Stats, Usage,
};

/// A [`Group`] whose values are of type `T`, in bytes by the codec `C`. Clones are the same group.
///
#[cfg_attr(feature = "json", doc = "```")]
#[cfg_attr(not(feature = "json"), doc = "```ignore")]
/// use groupcache::{Json, Key, Node, NotFound, TypedGroup};
///
/// #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
/// struct User {
///     name: String,
/// }
///
/// async fn load_user(key: Key) -> Result<User, NotFound> {
///     match key.parse() {
///         Ok(17) => Ok(User { name: "Ada Lovelace".to_owned() }),
///         _ => Err(NotFound),
///     }
/// }
///
/// struct App {
///     users: TypedGroup<User>, // JSON, unless another codec is named
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
/// let node = Node::builder("http://10.0.0.1:8080").start().await?;
/// let app = App {
///     users: node.typed_group("users", 1 << 20, Json, load_user).build()?,
/// };
///
/// let ada = app.users.get(Key::from(17)).await?;
/// assert_eq!(ada.name, "Ada Lovelace");
/// # Ok(()) }
/// ```
///
/// Caches and peers see bytes, so every get decodes them, a hit as well. A hit that only passes the
/// bytes on gets them from [`group`](Self::group) without decoding.
///
/// # Bytes that do not decode
///
/// While a new version of a program is rolled out, its nodes may meet bytes that only the old version
/// can decode. Such bytes are a miss: the node forgets them, calls its own getter, and keeps the
/// result. [`Stats::undecodable`] counts them, and the node logs a warning.
pub struct TypedGroup<T, #[cfg(feature = "json")] C = Json, #[cfg(not(feature = "json"))] C> {
    group: Group,
    codec: Arc<C>,
    value: PhantomData<fn() -> T>,
}

impl Node {
    /// The settings of a new group, as [`group`](Self::group), whose values are of type `T`. The
    /// getter returns them, and `codec` makes bytes of them for the cache and for the peers.
    ///
    /// If a value does not encode, the getter has failed.
    pub fn typed_group<T: 'static, C: Codec<T>>(
        &self,
        name: impl Into<String>,
        budget: usize,
        codec: C,
        getter: impl TypedGetter<T>,
    ) -> GroupBuilder<TypedGroup<T, C>> {
        let codec = Arc::new(codec);
        let getter = Encoded {
            getter,
            codec: Arc::clone(&codec),
            value: PhantomData,
        };
        let host = Arc::clone(&self.0.host);
        GroupBuilder::new(host, name.into(), budget, getter, |group| TypedGroup {
            group,
            codec,
            value: PhantomData,
        })
    }
}

/// # Values
impl<T, C: Codec<T>> TypedGroup<T, C> {
    /// The value of `key`, as [`Group::get`], decoded.
    ///
    /// # Errors
    ///
    /// As [`Group::get`], and [`is_decode`](Error::is_decode) if the codec cannot decode what it has
    /// just encoded.
    ///
    /// # Cancel safety
    ///
    /// As [`Group::get`].
    pub async fn get(&self, key: impl AsRef<[u8]>) -> Result<T, Error> {
        self.entry(key).await.map(Entry::into_value)
    }

    /// Like [`get`](Self::get), with the source of the value.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// As [`get`](Self::get).
    pub async fn entry(&self, key: impl AsRef<[u8]>) -> Result<Entry<T>, Error> {
        let key = key.as_ref();
        let entry = self.group.entry(key).await?;
        match self.decode(&entry) {
            Ok(value) => Ok(entry.with_value(value)),
            Err(error) => Box::pin(self.load_in_place_of(entry, Key::from(key), error)).await,
        }
    }

    /// Like [`entry`](Self::entry), with a time limit, or only from where the value is cached.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`Group::get_with_options`]. Bytes that do not decode are "not found" for a
    /// [`Mode::Peek`].
    ///
    /// # Cancel safety
    ///
    /// As [`get`](Self::get).
    pub async fn get_with_options(
        &self,
        key: impl AsRef<[u8]>,
        options: GetOptions,
    ) -> Result<Entry<T>, Error> {
        let (key, start) = (key.as_ref(), Instant::now());
        let entry = self.group.get_with_options(key, options).await?;
        match self.try_decode(entry) {
            Ok(decoded) => Ok(decoded),
            Err(undecodable) => {
                let key = Key::from(key);
                self.replaced(undecodable, key, options, start).await
            }
        }
    }

    /// The entry with its value, or with bytes that do not decode and the reason.
    pub(super) fn try_decode(&self, entry: Entry) -> Result<Entry<T>, Undecodable> {
        match self.decode(&entry) {
            Ok(value) => Ok(entry.with_value(value)),
            Err(error) => Err(Undecodable { entry, error }),
        }
    }

    /// Replaces bytes that do not decode, as far as the options allow. The time limit runs from the start.
    pub(super) async fn replaced(
        &self,
        undecodable: Undecodable,
        key: Key,
        options: GetOptions,
        start: Instant,
    ) -> Result<Entry<T>, Error> {
        let Undecodable { entry, error } = undecodable;
        if options.mode == Mode::Peek {
            let inner = &self.group.0;
            inner.forget_undecodable(&key, entry.value(), &error);
            return Err(Error::from_getter(NotFound.into()));
        }
        let load = Box::pin(self.load_in_place_of(entry, key, error));
        match options.timeout {
            None => load.await,
            Some(limit) => {
                let rest = limit.saturating_sub(start.elapsed());
                self.group.0.within(rest, load).await
            }
        }
    }

    /// Gives `key` a value, as [`Group::set`]: a `T` or a `&T`, or a [`TypedValue`](crate::TypedValue)
    /// of either, which has an expiry of its own.
    ///
    /// # Errors
    ///
    /// As [`Group::set`], and [`is_encode`](Error::is_encode) for a value that has no encoding,
    /// after which nothing has changed.
    ///
    /// # Cancel safety
    ///
    /// As [`Group::set`].
    pub async fn set(
        &self,
        key: impl AsRef<[u8]>,
        value: impl ToTypedValue<T>,
    ) -> Result<(), Error> {
        let value = value.to_typed_value().encode(&*self.codec)?;
        self.group.set(key, value).await
    }

    fn decode(&self, entry: &Entry) -> Result<T, GetterError> {
        let decoded = self.codec.decode(entry.value().clone());
        decoded.map_err(C::DecodeError::into)
    }

    /// Loads the value here, in place of one that does not decode.
    async fn load_in_place_of(
        &self,
        mut entry: Entry,
        key: Key,
        mut error: GetterError,
    ) -> Result<Entry<T>, Error> {
        // The load of another caller may come first and bring the same bytes from another node, but
        // hardly twice.
        for _ in 0..3 {
            if entry.source() == Source::Origin {
                break;
            }
            let inner = &self.group.0;
            entry = inner
                .load_in_place_of(entry.value(), key.clone(), &error)
                .await?;
            match self.decode(&entry) {
                Ok(value) => return Ok(entry.with_value(value)),
                Err(again) => error = again,
            }
        }
        Err(Error::decode::<T, C>(error))
    }
}

/// # As [`Group`]
impl<T, C> TypedGroup<T, C> {
    /// A view of a group whose bytes are those of `codec`, such as one that was looked up by name.
    pub fn new(group: Group, codec: C) -> Self {
        Self {
            group,
            codec: Arc::new(codec),
            value: PhantomData,
        }
    }

    /// The group of bytes behind this one.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// As [`Group::name`].
    pub fn name(&self) -> &str {
        self.group.name()
    }

    /// As [`Group::peers`].
    pub fn peers(&self) -> Vec<Member> {
        self.group.peers()
    }

    /// As [`Group::warm_up`].
    ///
    /// # Errors
    ///
    /// As [`Group::warm_up`].
    ///
    /// # Cancel safety
    ///
    /// As [`Group::warm_up`].
    pub async fn warm_up(&self, key: impl AsRef<[u8]>) -> Result<(), Error> {
        self.group.warm_up(key).await
    }

    /// Removes the value of `key` on every node, as [`Group::remove`].
    ///
    /// # Errors
    ///
    /// As [`Group::remove`].
    ///
    /// # Cancel safety
    ///
    /// As [`Group::remove`].
    pub async fn remove(&self, key: impl AsRef<[u8]>) -> Result<(), Error> {
        self.group.remove(key).await
    }

    /// Removes the values of many keys on every node, as [`Group::remove_many`].
    ///
    /// # Errors
    ///
    /// As [`Group::remove`].
    ///
    /// # Cancel safety
    ///
    /// As [`Group::remove`].
    pub async fn remove_many<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<(), Error> {
        self.group.remove_many(keys).await
    }

    /// Removes all values of the group on every node, as [`Group::clear`].
    ///
    /// # Errors
    ///
    /// As [`Group::remove`].
    ///
    /// # Cancel safety
    ///
    /// As [`Group::remove`].
    pub async fn clear(&self) -> Result<(), Error> {
        self.group.clear().await
    }

    /// As [`Group::contains`]. [`group`](Self::group) has the other looks at what is in memory, as bytes.
    pub fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        self.group.contains(key)
    }

    /// As [`Group::stats`].
    pub fn stats(&self) -> Stats {
        self.group.stats()
    }

    /// As [`Group::usage`].
    pub fn usage(&self) -> Usage {
        self.group.usage()
    }

    /// As [`Group::set_budget`].
    pub fn set_budget(&self, bytes: usize) {
        self.group.set_budget(bytes);
    }
}

impl<T, C> Clone for TypedGroup<T, C> {
    fn clone(&self) -> Self {
        Self {
            group: self.group.clone(),
            codec: Arc::clone(&self.codec),
            value: PhantomData,
        }
    }
}

/// An entry whose bytes do not decode, and why.
pub(super) struct Undecodable {
    entry: Entry,
    error: GetterError,
}

impl<T, C> fmt::Debug for TypedGroup<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedGroup")
            .field("name", &self.group.name())
            .field("value", &type_name::<T>())
            .field("codec", &type_name::<C>())
            .finish()
    }
}
