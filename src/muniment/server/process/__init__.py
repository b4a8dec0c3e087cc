"""The process around the application: settings from options and a file, sockets, TLS, workers, start and stop."""
