"""Who may call, and what they called: tokens, OIDC, sessions, scopes, limits, the access log."""
