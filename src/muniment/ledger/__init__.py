"""What orders blocks and what keeps things: engines, the store, keys, evidence."""
