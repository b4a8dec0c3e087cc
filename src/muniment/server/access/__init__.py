"""Who may call, and what they called: API keys, OIDC, sessions, scopes, limits, the access log."""
