"""Does the ring extract as it must?"""
