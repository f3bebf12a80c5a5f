"""Organisms that a JupyterHub's service holds for everybody."""
