use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};

use super::limited::Limited;
use crate::http::path::{self, Malformed, Plus};
use crate::http::{Body, HttpOptions, failure};
use crate::{
    Error, GetManyReply, GetManyRequest, GetMode, GetRequest, KnownChange, PeerService,
    RemoveRequest, Reply, SetRequest, Stamp,
};

/// A request as the server side of a protocol sees it, and the service that answers it.
pub(crate) struct InboundRequest<'a> {
    pub(crate) service: &'a dyn PeerService,
    pub(crate) options: &'a HttpOptions,
    pub(crate) method: &'a Method,
    /// The path after the protocol's base path, still escaped.
    pub(crate) target: &'a str,
    pub(crate) headers: &'a HeaderMap,
    /// The whole body of a PUT or a POST; otherwise empty.
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

impl<'a> InboundRequest<'a> {
    /// Reads the target as the groupcaches do: unescaped as a whole, then split at the first slash.
    /// `status` is the protocol's for an error.
    pub(crate) fn address(
        &self,
        plus: Plus,
        status: fn(&Error) -> StatusCode,
    ) -> Result<Address<'a>, Refusal> {
        self.with_checked_key(self.operation(plus, status)?)
    }

    /// The same where the name of an operation stands in place of a key: its length is not checked.
    pub(crate) fn operation(
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
        named(address, status)
    }

    /// Reads the target as galaxycache does: split at the first slash, then each part unescaped.
    pub(crate) fn address_in_parts(
        &self,
        status: fn(&Error) -> StatusCode,
    ) -> Result<Address<'a>, Refusal> {
        let Some((group, key)) = self.target.split_once('/') else {
            return named(None, status);
        };
        let unescape = |text| path::unescape(text, Plus::Plus).map_err(|Malformed| malformed());
        self.with_checked_key(named(Some((unescape(group)?, unescape(key)?)), status)?)
    }

    fn with_checked_key(&self, address: Address<'a>) -> Result<Address<'a>, Refusal> {
        match self.limited().check_key(&address.key) {
            Ok(()) => Ok(address),
            Err(error) => Err(failure::answer(StatusCode::URI_TOO_LONG, &error).into()),
        }
    }

    /// The node, within the limits.
    pub(crate) fn limited(&self) -> Limited<'_> {
        Limited {
            service: self.service,
            options: self.options,
        }
    }

    /// Has the node look a value up, as far as the mode goes.
    pub(crate) async fn get(&self, address: &Address<'_>, mode: GetMode) -> Result<Reply, Error> {
        self.get_knowing(address, mode, &[]).await
    }

    /// The same for somebody who knows these changes of the key.
    pub(crate) async fn get_knowing(
        &self,
        address: &Address<'_>,
        mode: GetMode,
        known: &[KnownChange],
    ) -> Result<Reply, Error> {
        let request = GetRequest {
            group: &address.group,
            key: &address.key,
            mode,
            known,
        };
        self.limited().get(request).await
    }

    /// The same for several keys.
    pub(crate) async fn get_many(
        &self,
        request: GetManyRequest<'_>,
    ) -> Result<GetManyReply, Error> {
        self.limited().get_many(request).await
    }

    /// Has the node take a value.
    pub(crate) async fn set(&self, request: SetRequest<'_>) -> Result<(), Error> {
        self.limited().set(request).await
    }

    /// Has the node forget some keys.
    pub(crate) async fn remove(
        &self,
        group: &str,
        keys: &[&[u8]],
        stamp: Option<Stamp>,
    ) -> Result<(), Error> {
        let request = RemoveRequest { group, keys, stamp };
        self.limited().remove(request).await
    }
}

/// The address with these parts, if the group's name is text.
fn named(
    address: Option<GroupAndKey<'_>>,
    status: fn(&Error) -> StatusCode,
) -> Result<Address<'_>, Refusal> {
    let Some((group, key)) = address else {
        return Err(failure::text(StatusCode::BAD_REQUEST, "bad request").into());
    };
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

fn malformed() -> Refusal {
    failure::text(
        StatusCode::BAD_REQUEST,
        "bad request: malformed escape in the path",
    )
    .into()
}
