"""Drawings: pure functions from values to SVG text, without colours of their own (a page's style sheet gives them).

Every drawing has a title and a description for those who do not see it, and whatever it says stands in a table beside it.
"""
