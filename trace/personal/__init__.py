"""Personal data: kept apart from the record, which holds commitments, and so can be erased."""
