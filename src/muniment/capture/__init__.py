"""Looks at the world (files, git, environment) and returns frozen descriptors. Never writes a ledger."""
