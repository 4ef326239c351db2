"""How does the ring go from energy to energy?"""
