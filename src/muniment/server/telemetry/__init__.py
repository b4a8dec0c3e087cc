"""What the server says about itself: log lines, metrics, health. Never a query string, a token or a body."""
