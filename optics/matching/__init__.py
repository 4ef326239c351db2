"""Parameters that meet targets within limits: the problem, the search, the polish, honest ends."""
