//! Snapshots as HTML. maud escapes whatever is put in.

mod document;
mod fragments;
mod glance;
mod group;
mod key_box;
mod members;
mod plot;
mod ring;
mod selection;
#[cfg(test)]
mod tests;

pub(super) use document::{document, policy};
pub(super) use fragments::{Fragments, Part};
pub(super) use glance::announcement;
