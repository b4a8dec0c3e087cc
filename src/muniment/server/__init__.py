"""The node: one process that serves ledgers over HTTP, to programs and to people. Routes call the client."""
