"""Signed webhooks: what was chosen is sent when it happens, retried, and sent again when somebody asks."""
