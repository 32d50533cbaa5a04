use std::time::Duration;

use groupcache::{Getter, GetterError, Key, NotFound, Value};
use http::{Method, StatusCode};
use tracing::{Instrument as _, info_span};

use crate::client::Client;
use crate::escape::escape;

/// The largest value that `size:N:*` makes.
const MAX_SIZE: usize = 128 << 20;

/// Where values come from when no node has them: this frontend's getter.
pub(super) enum Origin {
    /// A database server, as [`dbserver`](crate::dbserver) is one.
    Database { url: String, client: Box<Client> },
    /// They are made up from their keys.
    Imagination,
}

impl Origin {
    pub(super) fn new(database: Option<String>) -> Self {
        match database {
            Some(url) => Self::Database {
                url: url.trim_end_matches('/').to_owned(),
                client: Box::new(Client::new()),
            },
            None => Self::Imagination,
        }
    }
}

impl Getter for Origin {
    async fn get(&self, key: Key) -> Result<Value, GetterError> {
        let get = async {
            match self {
                Self::Database { url, client } => read(client, url, &key).await,
                Self::Imagination => imagine(&key).await,
            }
        };
        get.instrument(info_span!("origin")).await
    }
}

async fn read(client: &Client, database: &str, key: &Key) -> Result<Value, GetterError> {
    let url = format!("{database}/kv/{}", escape(key.as_bytes()));
    let (head, value) = client.send(Method::GET, &url, "").await?.into_parts();
    match head.status {
        StatusCode::OK => Ok(value.into()),
        StatusCode::NOT_FOUND => Err(NotFound.into()),
        status => Err(format!("{url} answered {status}").into()),
    }
}

/// `value-of-K` for every key K, except for keys with a prefix: `err:*` fails,
/// `slow:MS:*` takes its time, `size:N:*` has that many bytes, `empty:*` has none, `missing:*` does
/// not exist, `panic:*` panics, `ttl:MS:*` expires.
async fn imagine(key: &Key) -> Result<Value, GetterError> {
    let text = key.to_str_lossy();
    let (kind, rest) = text.split_once(':').unwrap_or_default();
    let plain = || Value::from([b"value-of-", key.as_bytes()].concat());
    match kind {
        "err" => Err(format!("the getter was told to fail by the key {text:?}").into()),
        "slow" => {
            tokio::time::sleep(Duration::from_millis(number(rest)?)).await;
            Ok(plain())
        }
        "size" => match usize::try_from(number(rest)?) {
            Ok(size) if size <= MAX_SIZE => Ok(vec![b'x'; size].into()),
            _ => Err(format!("a value is made of at most {MAX_SIZE} bytes").into()),
        },
        "empty" => Ok("".into()),
        "missing" => Err(NotFound.into()),
        "panic" => panic!("the getter was told to panic by the key {text:?}"),
        "ttl" => Ok(plain().expires_in(Duration::from_millis(number(rest)?))),
        _ => Ok(plain()),
    }
}

/// The number before the next colon.
fn number(rest: &str) -> Result<u64, GetterError> {
    let digits = rest.split(':').next().unwrap_or(rest);
    digits
        .parse()
        .map_err(|_| format!("{digits:?} in the key is not a number").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(key: &str) -> Result<Value, String> {
        Origin::new(None)
            .get(Key::from(key))
            .await
            .map_err(|error| error.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_says_how_its_value_behaves() {
        assert_eq!(ask("k").await.unwrap().view(), "value-of-k");
        assert_eq!(ask("a:b").await.unwrap().view(), "value-of-a:b");
        assert_eq!(ask("empty:x").await.unwrap().view(), "");
        assert_eq!(ask("size:12345:x").await.unwrap().view().len(), 12345);
        assert_eq!(ask("missing:x").await.unwrap_err(), NotFound.to_string());
        assert!(ask("err:x").await.unwrap_err().contains("err:x"));
        assert!(
            ask("size:99999999999:x")
                .await
                .unwrap_err()
                .contains("at most")
        );
        assert!(ask("ttl:soon:x").await.unwrap_err().contains("soon"));
        assert_eq!(
            ask("ttl:5:x").await.unwrap(),
            Value::from("value-of-ttl:5:x").expires_in(Duration::from_millis(5)),
        );
        let before = tokio::time::Instant::now();
        assert_eq!(
            ask("slow:700:x").await.unwrap().view(),
            "value-of-slow:700:x"
        );
        assert_eq!(before.elapsed(), Duration::from_millis(700));
    }

    #[tokio::test]
    async fn a_key_of_any_bytes_has_a_value() {
        let value = Origin::new(None)
            .get(Key::from(&b"\xff:\x00"[..]))
            .await
            .unwrap();
        assert_eq!(value.view(), &b"value-of-\xff:\x00"[..]);
    }
}
