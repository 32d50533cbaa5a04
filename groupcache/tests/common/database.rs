//! A database whose behaviour tests choose.

use std::sync::Arc;

use groupcache::{Getter, GetterError, Key, NotFound};

use super::Calls;

/// The behaviour of a database.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mood {
    Fails,
    Panics,
    HasNothing,
}

/// A database that has every value until its mood is set.
#[derive(Clone, Default)]
pub struct Database {
    calls: Calls,
    mood: Arc<parking_lot::Mutex<Option<Mood>>>,
}

impl Database {
    pub fn is(&self, mood: impl Into<Option<Mood>>) {
        *self.mood.lock() = mood.into();
    }

    pub fn getter(&self) -> impl Getter + Clone {
        let this = self.clone();
        move |key: Key| {
            let call = this.calls.add_one();
            let mood = *this.mood.lock();
            async move {
                match mood {
                    None => Ok(format!("{key} {call}")),
                    Some(Mood::Fails) => Err(GetterError::from("the database is down")),
                    Some(Mood::Panics) => panic!("the getter is broken"),
                    Some(Mood::HasNothing) => Err(NotFound.into()),
                }
            }
        }
    }

    pub fn count(&self) -> u64 {
        self.calls.count()
    }
}
