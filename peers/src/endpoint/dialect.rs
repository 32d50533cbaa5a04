use http::{Method, Response, StatusCode};

use crate::access::Effect;
#[cfg(feature = "groupcache-go")]
use crate::groupcache_go;
use crate::http::path::Plus;
use crate::http::server::InboundRequest;
use crate::http::{Body, MAX_KEYS_BYTES, failure};
#[cfg(feature = "ipronko")]
use crate::ipronko;
#[cfg(feature = "mailgun")]
use crate::mailgun;
use crate::native::NodeOperation;
#[cfg(any(feature = "groupcache-go", feature = "mailgun"))]
use crate::protobuf;
use crate::{Error, GetMode, Protocol};
use crate::{galaxycache, golang, native};

/// How a request is read and answered: the server side of a protocol over HTTP.
///
/// The path of a request decides. Under [`base_path`](crate::HttpOptions::base_path), which most
/// protocols share, the dialect is that of the node's own [`Protocol`], whose docs list the differences.
/// The paths of galaxycache belong to no other protocol and are always served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Native,
    Golang,
    #[cfg(feature = "mailgun")]
    Mailgun,
    #[cfg(feature = "groupcache-go")]
    GroupcacheGo,
    #[cfg(feature = "ipronko")]
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
            #[cfg(feature = "mailgun")]
            Protocol::Mailgun => Self::Mailgun,
            #[cfg(feature = "groupcache-go")]
            Protocol::GroupcacheGo => Self::GroupcacheGo,
            #[cfg(feature = "ipronko")]
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
            Self::Native => "GET, PUT, DELETE, POST",
            #[cfg(feature = "mailgun")]
            Self::Mailgun => "GET, PUT, DELETE",
            #[cfg(feature = "groupcache-go")]
            Self::GroupcacheGo => "GET, PUT, DELETE, POST",
            #[cfg(feature = "ipronko")]
            Self::Ipronko => "GET, DELETE, POST",
        }
    }

    /// What a request with this method and this target, the path after the base, does.
    pub(super) fn effect(self, method: &Method, target: &str) -> Effect {
        match *method {
            Method::GET | Method::HEAD => Effect::Read,
            Method::POST if self == Self::Native && native::is_get_many(target) => Effect::Read,
            // A warm-up.
            #[cfg(feature = "ipronko")]
            Method::POST if self == Self::Ipronko => Effect::Read,
            _ => Effect::Change,
        }
    }

    /// The longest body of a POST to this target.
    pub(super) fn limit_of_post(self, target: &str) -> usize {
        if self == Self::Native && NodeOperation::at(target).is_some() {
            NodeOperation::MAX_BODY_BYTES
        } else {
            2 * MAX_KEYS_BYTES
        }
    }

    /// Whether a request asks for the node's health, as load balancers in front of Go nodes do.
    pub(super) fn is_health_check(self, method: &Method, target: &str) -> bool {
        match self {
            #[cfg(feature = "ipronko")]
            Self::Ipronko => *method == Method::GET && ipronko::is_health_check(target),
            _ => {
                let _ = (method, target);
                false
            }
        }
    }

    /// Refuses a request by its head, before its body is read: a key that is too long, or a group that
    /// the node lacks.
    pub(super) fn check_head(
        self,
        request: &InboundRequest<'_>,
    ) -> Result<(), Box<Response<Body>>> {
        let is_of_node = *request.method == Method::POST
            && self == Self::Native
            && NodeOperation::at(request.target).is_some();
        if is_of_node {
            return Ok(());
        }
        let status = self.status();
        let address = if self.is_operation(request.method) {
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

    /// What status an error has.
    fn status(self) -> fn(&Error) -> StatusCode {
        match self {
            #[cfg(feature = "mailgun")]
            Self::Mailgun => protobuf::server::status,
            #[cfg(feature = "groupcache-go")]
            Self::GroupcacheGo => protobuf::server::status,
            _ => failure::status,
        }
    }

    /// Whether the path of a request with this method names an operation on a group instead of a key.
    fn is_operation(self, method: &Method) -> bool {
        match self {
            #[cfg(feature = "ipronko")]
            Self::Ipronko => false,
            _ => *method == Method::POST,
        }
    }

    /// Answers a request with one of the [`methods`](Self::methods).
    pub(super) async fn answer(self, request: InboundRequest<'_>) -> Response<Body> {
        // The futures are boxed so that one that is rarely needed does not make all larger.
        match self {
            Self::Native => native::answer(request).await,
            Self::Golang => golang::answer(request).await,
            #[cfg(feature = "mailgun")]
            Self::Mailgun => Box::pin(mailgun::answer(request)).await,
            #[cfg(feature = "groupcache-go")]
            Self::GroupcacheGo => Box::pin(groupcache_go::answer(request)).await,
            #[cfg(feature = "ipronko")]
            Self::Ipronko => Box::pin(ipronko::answer(request)).await,
            Self::Galaxycache(mode) => Box::pin(galaxycache::answer(request, mode)).await,
        }
    }
}
