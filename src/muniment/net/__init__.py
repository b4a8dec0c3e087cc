"""The only room with HTTP clients: a ledger that is elsewhere, and its tiles."""
