"""The published vectors of protocol 1, a module for each group of files; `tools/vectors.py` writes them to docs/spec/vectors."""
