"""How long does a treatment take, on which machine?"""
