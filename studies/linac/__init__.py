"""Does the linac give the beam it must give?"""
