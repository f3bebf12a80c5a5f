"""The organism service of a JupyterHub: one host for many people, each behind a ticket of their own."""
