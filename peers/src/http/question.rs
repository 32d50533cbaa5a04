use std::borrow::Cow;

use bytes::Bytes;
use http::{Method, Response, StatusCode};

use super::path::{self, Malformed, Plus};
use super::{Body, HttpOptions, failure};
use crate::{Error, GetMode, GetRequest, PeerService, Phase, RemoveRequest, Reply, SetRequest};

/// Where a key would stand: a POST there removes the keys in its body.
pub(crate) const REMOVE_KEYS: &str = "_remove-keys/";
/// The same: a POST there clears the group.
pub(crate) const CLEAR: &str = "_clear/";
/// The same: a POST there asks for the group's changes.
pub(crate) const CHANGES: &str = "_changes/";
/// The longest list of keys that is sent at once; twice as much is taken. Decoded, a list of very
/// short keys takes many times the memory of its message.
pub(crate) const MAX_KEYS_BYTES: usize = 1 << 20;

/// A request as the server half of a protocol sees it, and what it answers from.
pub(crate) struct Question<'a> {
    pub(crate) service: &'a dyn PeerService,
    pub(crate) options: &'a HttpOptions,
    pub(crate) method: &'a Method,
    /// What follows the protocol's base path, still escaped.
    pub(crate) target: &'a str,
    /// How far a GET may go.
    pub(crate) mode: GetMode,
    /// How a change goes round.
    pub(crate) phase: Phase,
    /// Of a PUT or a POST, whole; otherwise empty.
    pub(crate) body: Bytes,
}

/// The group and the key that a target names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    pub(crate) group: Cow<'a, str>,
    pub(crate) key: Cow<'a, [u8]>,
}

/// A group's name and a key, unescaped and not looked at yet.
type GroupAndKey<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// The answer to a request whose address cannot be read.
type Refusal = Box<Response<Body>>;

impl<'a> Question<'a> {
    /// Reads the target as the groupcaches do: unescaped as a whole, then split at the first slash.
    /// `status` is the protocol's for an error.
    pub(crate) fn address(
        &self,
        plus: Plus,
        status: fn(&Error) -> StatusCode,
    ) -> Result<Address<'a>, Refusal> {
        let address = match path::unescape(self.target, plus) {
            Ok(Cow::Borrowed(path)) => {
                path::split(path).map(|(group, key)| (Cow::Borrowed(group), Cow::Borrowed(key)))
            }
            Ok(Cow::Owned(path)) => path::split(&path)
                .map(|(group, key)| (Cow::Owned(group.to_vec()), Cow::Owned(key.to_vec()))),
            Err(Malformed) => return Err(malformed()),
        };
        self.checked(address, status)
    }

    /// Reads the target as galaxycache does: split at the first slash, then each part unescaped.
    pub(crate) fn address_in_parts(
        &self,
        status: fn(&Error) -> StatusCode,
    ) -> Result<Address<'a>, Refusal> {
        let Some((group, key)) = self.target.split_once('/') else {
            return self.checked(None, status);
        };
        let unescape = |text| path::unescape(text, Plus::Plus).map_err(|Malformed| malformed());
        self.checked(Some((unescape(group)?, unescape(key)?)), status)
    }

    fn checked(
        &self,
        address: Option<GroupAndKey<'a>>,
        status: fn(&Error) -> StatusCode,
    ) -> Result<Address<'a>, Refusal> {
        let Some((group, key)) = address else {
            return Err(failure::text(StatusCode::BAD_REQUEST, "bad request").into());
        };
        // Not a key, and to be understood however short those are.
        let is_operation = *self.method == Method::POST
            && [REMOVE_KEYS, CLEAR, CHANGES]
                .iter()
                .any(|name| name.as_bytes() == &*key);
        if let Err(error) = self.check_key(&key)
            && !is_operation
        {
            return Err(failure::answer(StatusCode::URI_TOO_LONG, &error).into());
        }
        let group = match group {
            Cow::Borrowed(name) => str::from_utf8(name).map(Cow::Borrowed).ok(),
            Cow::Owned(ref name) => str::from_utf8(name).map(|name| name.to_owned().into()).ok(),
        }
        .ok_or_else(|| {
            let error = Error::no_such_group(String::from_utf8_lossy(&group));
            failure::answer(status(&error), &error)
        })?;
        Ok(Address { group, key })
    }

    pub(crate) fn check_key(&self, key: &[u8]) -> Result<(), Error> {
        within("a key", key.len(), self.options.max_key_bytes)
    }

    /// Has the node look a value up, as far as the mode goes.
    pub(crate) async fn get(&self, address: &Address<'_>, mode: GetMode) -> Result<Reply, Error> {
        let (group, key) = (&*address.group, &*address.key);
        let reply = self.service.get(GetRequest { group, key, mode }).await?;
        if mode == GetMode::WarmUp {
            return Ok(Reply::default()); // whoever warms up does not want the value
        }
        within("a value", reply.value.len(), self.options.max_value_bytes)?;
        Ok(reply)
    }

    /// Has the node take a value.
    pub(crate) async fn set(&self, request: SetRequest<'_>) -> Result<(), Error> {
        self.check_key(request.key)?;
        within("a value", request.value.len(), self.options.max_value_bytes)?;
        self.service.set(request).await
    }

    /// Has the node forget some keys.
    pub(crate) async fn remove(&self, group: &str, keys: &[&[u8]]) -> Result<(), Error> {
        let phase = self.phase;
        let request = RemoveRequest { group, keys, phase };
        self.service.remove(request).await
    }
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<(), Error> {
    match size <= limit {
        true => Ok(()),
        false => Err(Error::too_large(what, size as u64, limit as u64)),
    }
}

fn malformed() -> Refusal {
    failure::text(
        StatusCode::BAD_REQUEST,
        "bad request: malformed escape in the path",
    )
    .into()
}
