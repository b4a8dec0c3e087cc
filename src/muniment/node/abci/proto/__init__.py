"""The messages of ABCI, from five files of CometBFT (NOTICE). `python tools/abci_messages.py` writes this folder."""
