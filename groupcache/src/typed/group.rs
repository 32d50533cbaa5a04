use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::getter::Encoded;
use crate::{Codec, Entry, Error, GetOptions, Group, GroupBuilder, Node, TypedGetter, TypedValue};

/// A [`Group`] whose values are of type `T`, in bytes by the codec `C`. Clones are the same group.
///
/// ```
/// use groupcache::{Key, Node, Text, TypedGroup};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), groupcache::Error> {
/// let node = Node::builder("http://10.0.0.1:8080").start().await?;
/// let greetings: TypedGroup<String, Text> = node
///     .typed_group("greetings", 1 << 20, Text, |key: Key| async move {
///         Ok::<_, std::convert::Infallible>(format!("hello {key}"))
///     })
///     .build()?;
///
/// let greeting: String = greetings.get("world").await?;
/// assert_eq!(greeting, "hello world");
/// # Ok(()) }
/// ```
///
/// Bytes are what is cached and sent, so every get decodes them, a hit as well. A hit that need not,
/// because it only passes the bytes on, gets them from [`group`](Self::group).
pub struct TypedGroup<T, C> {
    group: Group,
    codec: Arc<C>,
    value: PhantomData<fn() -> T>,
}

impl Node {
    /// The settings of a new group, as [`group`](Self::group), whose values are of type `T`. The
    /// getter returns them, and `codec` makes bytes of them for the cache and for the peers.
    ///
    /// A value that does not encode makes the getter fail.
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

impl<T, C: Codec<T>> TypedGroup<T, C> {
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

    /// The value of `key`, as [`Group::get`], decoded.
    ///
    /// # Errors
    ///
    /// As [`Group::get`], and [`is_decode`](Error::is_decode) for bytes that are not those of a
    /// `T`: a peer's, or what was set as bytes. This node then forgets them, so that the next get
    /// asks the key's owner, or its getter, again. Other nodes keep theirs.
    ///
    /// # Cancel safety
    ///
    /// As [`Group::get`].
    pub async fn get(&self, key: impl AsRef<[u8]>) -> Result<T, Error> {
        self.entry(key).await.map(Entry::into_value)
    }

    /// Like [`get`](Self::get), and tells where the value came from.
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
        self.decode(key, self.group.entry(key).await?)
    }

    /// Like [`entry`](Self::entry), but with a time limit, or only from where it is cached already.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`Group::get_with`].
    ///
    /// # Cancel safety
    ///
    /// As [`get`](Self::get).
    pub async fn get_with(
        &self,
        key: impl AsRef<[u8]>,
        options: GetOptions,
    ) -> Result<Entry<T>, Error> {
        let key = key.as_ref();
        self.decode(key, self.group.get_with(key, options).await?)
    }

    /// Gives `key` a value, as [`Group::set`]: a `&T`, or a [`TypedValue`] of one.
    ///
    /// # Errors
    ///
    /// As [`Group::set`], and [`is_encode`](Error::is_encode) for a value that has no encoding,
    /// after which nothing has changed.
    ///
    /// # Cancel safety
    ///
    /// As [`Group::set`].
    pub async fn set<'a>(
        &self,
        key: impl AsRef<[u8]>,
        value: impl Into<TypedValue<&'a T>>,
    ) -> Result<(), Error>
    where
        T: 'a,
    {
        let value = value.into().encode(&*self.codec)?;
        self.group.set(key, value).await
    }

    /// Takes the value of `key` out, on every node, as [`Group::remove`].
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

    fn decode(&self, key: &[u8], entry: Entry) -> Result<Entry<T>, Error> {
        let Entry {
            value: bytes,
            source,
            fresh_until,
        } = entry;
        match self.codec.decode(bytes.clone()) {
            Ok(value) => Ok(Entry {
                value,
                source,
                fresh_until,
            }),
            Err(error) => {
                self.group.0.forget_if(key, &bytes);
                Err(Error::decode::<T, C>(error))
            }
        }
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

impl<T, C> fmt::Debug for TypedGroup<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedGroup")
            .field("name", &self.group.name())
            .field("value", &type_name::<T>())
            .field("codec", &type_name::<C>())
            .finish()
    }
}
