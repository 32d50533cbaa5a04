use crate::Removed;

/// What is told of every entry that has left.
pub(crate) type Listener<K, V> = Box<dyn Fn(&Removed<K, V>) + Send + Sync>;
