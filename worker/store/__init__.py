"""Remembering: tables, the unique indexes that forbid, and the statements of each table family."""
