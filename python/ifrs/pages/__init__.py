"""The report as a page: one self-contained HTML file, for people to read and to file."""

from ifrs.pages.verification import render_page

__all__ = ["render_page"]
