"""The blueprint that all pages of an import belong to."""

from flask import Blueprint

imports = Blueprint("imports", __name__, url_prefix="/imports")
