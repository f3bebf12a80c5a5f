"""How the shipped organisms are made."""
