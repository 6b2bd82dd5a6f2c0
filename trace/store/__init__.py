"""Storage: engines, sessions, tables and migrations."""
