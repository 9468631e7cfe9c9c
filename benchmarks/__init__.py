"""Repeatable measurements against the bare database and the seed's way; figures are ratios within one run."""
