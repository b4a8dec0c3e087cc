"""The pages that people read, rendered here; they work without a script."""
