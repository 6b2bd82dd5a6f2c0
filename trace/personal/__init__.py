"""Personal data: kept apart from the record, behind salted commitments, so that it can be erased."""
