use crate::Protocol;
use crate::http::client::HttpClient;
use crate::protobuf::ProtobufClient;

/// A client for one peer.
pub(crate) fn client(http: HttpClient) -> ProtobufClient {
    ProtobufClient::new(http, Protocol::Mailgun)
}
