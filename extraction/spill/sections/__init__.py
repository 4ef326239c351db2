"""One turn as linear sections with kicks between them, what of it is fitted to exact turns, and how well."""
