"""The match that a study asks for: from its tables to a matched design, and what is told of it."""
