"""The beam that enters a line: what a ring extracts, what a linac gives, or an ellipse; and what is not known of it."""
