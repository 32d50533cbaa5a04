use byteview::ByteView;

use super::info::ObjectInfo;
use super::info_codec::InfoCodec;
use super::object::Object;
use super::piece::info_key;
use super::whole::Whole;
use crate::{Error, GetOptions, Group, Key, Mode, TypedGroup};

/// A group of objects as their readers need it. Clones are the same group.
#[derive(Clone, Debug)]
pub(super) struct Pieces {
    infos: TypedGroup<ObjectInfo, InfoCodec>,
    pub(super) piece_bytes: u64,
    /// How many pieces a reader fetches before it needs them.
    pub(super) read_ahead: usize,
}

impl Pieces {
    pub(super) fn new(group: Group, piece_bytes: u64, read_ahead: usize) -> Self {
        Self {
            infos: TypedGroup::new(group, InfoCodec),
            piece_bytes,
            read_ahead,
        }
    }

    pub(super) fn group(&self) -> &Group {
        self.infos.group()
    }

    /// The object in the version that it has now.
    pub(super) async fn object(&self, name: &Key) -> Result<Object, Error> {
        let info = self.infos.get(info_key(name)).await?;
        let object = Object {
            name: name.clone(),
            info,
            piece_bytes: self.piece_bytes,
        };
        // No reader begins what its last piece could not end.
        let last = object.pieces().saturating_sub(1);
        self.group().0.check_key(&object.piece(last).key())?;
        Ok(object)
    }

    /// A piece from this node's memory.
    pub(super) fn cached(&self, object: &Object, index: u64) -> Option<ByteView> {
        let piece = object.piece(index);
        let (key, range) = (piece.key(), piece.range());
        let entry = self.group().0.lookup_entry(&key)?;
        let is_whole = entry.value().len() as u64 == range.end - range.start;
        is_whole.then(|| entry.into_value())
    }

    /// A piece, from wherever it is.
    pub(super) async fn get(&self, object: &Object, index: u64) -> Result<ByteView, Error> {
        let piece = object.piece(index);
        let range = piece.range();
        let whole = Whole {
            bytes: range.end - range.start,
        };
        // A piece that is not whole is a miss, and this node loads it, wherever it came from.
        let pieces = TypedGroup::new(self.group().clone(), whole);
        match pieces.get(piece.key()).await {
            Err(error) if error.is_not_found() => {
                self.forget(object).await;
                Err(Error::object_changed())
            }
            outcome => outcome,
        }
    }

    /// Removes the info of a version that is gone, unless others have done so: of many readers that notice it, few
    /// send messages.
    async fn forget(&self, object: &Object) {
        let key = info_key(&object.name);
        let peek = GetOptions::default().mode(Mode::Peek);
        let known = self.infos.get_with_options(&key, peek).await;
        // A peek fails at once where peers' protocol has none.
        let is_gone = match known {
            Ok(known) => known.value().version() != object.info.version(),
            Err(error) => error.is_not_found(),
        };
        if !is_gone {
            // A node that could not be told asks the source again when the info's time is over.
            if let Err(error) = self.group().remove(&key).await {
                tracing::debug!(%error, "the info of a changed object was not removed everywhere");
            }
        }
    }
}
