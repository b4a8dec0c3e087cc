"""What may happen, and what the ledger then knows. Knows no proof."""
