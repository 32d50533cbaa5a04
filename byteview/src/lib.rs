//! An immutable, cheaply cloned view of bytes.
