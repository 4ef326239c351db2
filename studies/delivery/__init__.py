"""Does the beam that a machine gives come to the isocentre as a spot of the chosen size?"""
