"""How the field draws: finished numbers go in, figures come out; nothing here computes optics."""
