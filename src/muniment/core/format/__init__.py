"""How things are written. Knows no model and no rule."""
