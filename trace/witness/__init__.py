"""A witness of logs (c2sp.org/tlog-witness): it cosigns heads that keep all that it saw before.

It knows nothing of foodtrace's database and settings: regulators and others run it elsewhere.
"""
