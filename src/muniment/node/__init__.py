"""The ledger behind CometBFT: the application that it asks, its processes, the exchange of cosignatures (extra `consortium`)."""
