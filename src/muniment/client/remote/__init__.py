"""A ledger at a node: what is verified of it here, and what of it lies on this machine."""
