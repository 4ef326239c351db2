"""What share of built linacs keeps each requirement, which errors matter, and how large each may be."""
