"""What the API and the forms of the producers take and give."""
