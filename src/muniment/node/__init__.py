"""The ledger behind CometBFT: the application that it asks, the processes, the exchange of cosignatures. Needs the extra `consortium`."""
