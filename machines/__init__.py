"""Machine definitions: geometry, ratings, requirements and their sources."""
