"""Keys of those who state things: enrolled, replaced, revoked, and what they have signed."""
