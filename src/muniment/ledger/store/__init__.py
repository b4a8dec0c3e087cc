"""The one SQLite file, a module for each family of tables."""
