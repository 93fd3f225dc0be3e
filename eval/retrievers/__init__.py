"""The systems that can be evaluated, behind one small interface; see ``ranking``."""
