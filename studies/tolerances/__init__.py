"""What share of built machines keeps each requirement, which errors matter, and how large each may be."""
