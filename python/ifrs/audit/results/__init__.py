"""What was found, as tables, plots, a page and a document."""
