"""The core: how a record or a sheet becomes changes. Every write to students goes through here; nothing here knows the web."""
