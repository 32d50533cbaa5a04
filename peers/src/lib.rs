//! Find peers and talk to them: routing, transports and wire formats of the groupcache family.
