"""A report as text, HTML and a figure: pure functions of plain data."""
