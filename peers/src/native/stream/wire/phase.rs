//! The phase of a change, within other messages:
//!
//! | field | type | |
//! |---|---|---|
//! | phase | u8 | 0 only, 1 first, 2 last |
//! | id | u64 | the change's id; zero where there is none |

use bytes::{Buf, BufMut};

use crate::stream::fields::Fields;
use crate::{Error, Phase};

pub(super) const LENGTH: usize = 9;

pub(super) fn write(phase: Phase, buffer: &mut impl BufMut) {
    let (name, id) = match phase {
        Phase::Only => (0, 0),
        Phase::First(id) => (1, id),
        Phase::Last(id) => (2, id),
    };
    buffer.put_u8(name);
    buffer.put_u64_le(id);
}

pub(super) fn read(fields: &mut Fields<impl Buf>) -> Result<Phase, Error> {
    Ok(match (fields.u8()?, fields.u64()?) {
        (0, 0) => Phase::Only,
        (1, id) => Phase::First(id),
        (2, id) => Phase::Last(id),
        _ => return Err(fields.wrong("has an unknown phase")),
    })
}
