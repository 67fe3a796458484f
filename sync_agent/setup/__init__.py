"""From nothing to a settings file: what `sync-agent init` and `sync-agent import-ucc` have in common, and their own.

draft holds what is known so far, value checks single answers as the settings would, rendering makes the commented file
of it, placing puts that where it belongs, whole or not at all. ucc_config reads the system before, ucc_accounts takes
its accounts over.
"""
