"""The outside auditor: recomputes a public log, and finds what its operator has changed.

It knows nothing of foodtrace's database and settings: regulators and others run it elsewhere.
"""
