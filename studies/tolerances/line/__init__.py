"""What share of transfer lines as built keeps each requirement, which errors matter, and how large each may be."""
