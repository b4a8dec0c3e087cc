"""Webhooks: what is recorded, told to other services, signed (Standard Webhooks), in order, at least once."""
