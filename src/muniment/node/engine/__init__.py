"""CometBFT, the engine that orders blocks between organisations: how it is obtained, found, checked and configured."""
