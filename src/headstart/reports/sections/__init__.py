"""Sections: one file per part of the report."""
