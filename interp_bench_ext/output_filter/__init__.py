"""The one filter that everything which a run's kernel emits goes through before anybody sees it."""
