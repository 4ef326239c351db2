"""Does the ring or line have the optics it must have?"""
