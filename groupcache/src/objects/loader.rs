use std::time::Duration;

use super::info_codec::InfoCodec;
use super::piece::{Piece, Wanted};
use super::source::ObjectSource;
use super::whole::Whole;
use crate::{Codec, Getter, GetterError, Key, Value};

/// The getter of a group of objects.
pub(super) struct Loader<S> {
    pub(super) source: S,
    pub(super) info_ttl: Duration,
}

impl<S: ObjectSource> Getter for Loader<S> {
    async fn get(&self, key: Key) -> Result<Value, GetterError> {
        match Wanted::try_from(&key)? {
            Wanted::Info(name) => {
                let info = self.source.stat(name).await?;
                let bytes = InfoCodec.encode(&info)?;
                Ok(Value::from(bytes).expires_in(self.info_ttl))
            }
            Wanted::Piece(piece) => {
                let range = piece.range();
                let whole = Whole {
                    bytes: range.end - range.start,
                };
                let Piece { name, version, .. } = piece;
                let bytes = self.source.read(name, version, range).await?;
                Ok(whole.encode(&bytes)?.into())
            }
        }
    }
}
