//! The side that answers.

mod calls;
mod patience;
mod session;

pub(crate) use session::{Answerer, Session, Times};
