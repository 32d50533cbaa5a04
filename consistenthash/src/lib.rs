//! An immutable consistent-hash ring with virtual nodes, compatible with the rings of the groupcache family.
