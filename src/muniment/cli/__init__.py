"""The command line: one verb for each verb of the SDK."""
