"""The key gateway of a JupyterHub: people's servers use the Messages API without holding the provider's key."""
