"""How does the linac go from energy to energy?"""
