"""Study files: what may stand in them, how they are read, and what they mean."""
