"""Formats, rules and proofs: bytes and values in, values out; no input or output, no clock, no chance."""
