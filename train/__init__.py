"""How the shipped model is made: ``python -m train`` writes ``model/``."""
