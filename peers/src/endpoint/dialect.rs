use http::{Method, Response};

use crate::http::path::Plus;
use crate::http::server::InboundRequest;
use crate::http::{Body, failure};
use crate::{Error, GetMode, Protocol};
use crate::{galaxycache, golang, groupcache_go, ipronko, mailgun, native, protobuf};

/// How a request is read and answered: the server side of a protocol over HTTP.
///
/// The path of a request decides. Under [`base_path`](crate::HttpOptions::base_path), which most
/// protocols share, the dialect is that of the node's own [`Protocol`], whose docs list the differences.
/// The paths of galaxycache belong to no other protocol and are always served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Native,
    Golang,
    Mailgun,
    GroupcacheGo,
    Ipronko,
    /// The path says how far a get may go.
    Galaxycache(GetMode),
}

impl Dialect {
    /// The dialect of a node of this protocol under the base path. Galaxycache has paths of its own, so
    /// its nodes speak native there.
    pub(super) fn of(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Golang => Self::Golang,
            Protocol::Mailgun => Self::Mailgun,
            Protocol::GroupcacheGo => Self::GroupcacheGo,
            Protocol::Ipronko => Self::Ipronko,
            _ => Self::Native,
        }
    }

    /// The dialect of a path that no other protocol uses, and the length of its base.
    pub(super) fn by_path(path: &str) -> Option<(Self, usize)> {
        [
            (galaxycache::FETCH, GetMode::Load),
            (galaxycache::PEEK, GetMode::Peek),
        ]
        .into_iter()
        .find(|(base, _)| path.starts_with(base))
        .map(|(base, mode)| (Self::Galaxycache(mode), base.len()))
    }

    /// The methods of the dialect, as the header `Allow` lists them.
    pub(super) fn methods(self) -> &'static str {
        match self {
            Self::Golang | Self::Galaxycache(_) => "GET",
            Self::Mailgun => "GET, PUT, DELETE",
            Self::Native | Self::GroupcacheGo => "GET, PUT, DELETE, POST",
            Self::Ipronko => "GET, DELETE, POST",
        }
    }

    /// Refuses a request by its head, before its body is read: a key that is too long, or a group that
    /// the node lacks.
    pub(super) fn check_head(
        self,
        request: &InboundRequest<'_>,
    ) -> Result<(), Box<Response<Body>>> {
        let status = match self {
            Self::Mailgun | Self::GroupcacheGo => protobuf::server::status,
            _ => failure::status,
        };
        let is_operation = *request.method == Method::POST && self != Self::Ipronko;
        let address = if is_operation {
            request.operation(Plus::Plus, status)?
        } else {
            request.address(Plus::Plus, status)?
        };
        if !request.service.has_group(&address.group) {
            let error = Error::no_such_group(&*address.group);
            return Err(failure::answer(status(&error), &error).into());
        }
        Ok(())
    }

    /// Answers a request with one of the [`methods`](Self::methods).
    pub(super) async fn answer(self, request: InboundRequest<'_>) -> Response<Body> {
        // The futures are boxed so that one that is rarely needed does not make all larger.
        match self {
            Self::Native => native::answer(request).await,
            Self::Golang => golang::answer(request).await,
            Self::Mailgun => Box::pin(mailgun::answer(request)).await,
            Self::GroupcacheGo => Box::pin(groupcache_go::answer(request)).await,
            Self::Ipronko => Box::pin(ipronko::answer(request)).await,
            Self::Galaxycache(mode) => Box::pin(galaxycache::answer(request, mode)).await,
        }
    }
}
