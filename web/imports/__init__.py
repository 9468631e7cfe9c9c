"""Sheets: uploaded, previewed, decided on, applied and taken back."""

# Each of these adds its pages to the blueprint.
from web.imports import columns, decisions, show, undo, uploads  # noqa: F401
