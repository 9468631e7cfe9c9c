"""Sheets: uploaded, previewed, decided on, applied and taken back."""

from web.imports import columns, decisions, show, undo, uploads
from web.imports.blueprint import imports

__all__ = ("columns", "decisions", "imports", "show", "undo", "uploads")
