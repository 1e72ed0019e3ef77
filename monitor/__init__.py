"""The facilities console: what the fleet does, what is wrong, what to do about it."""
