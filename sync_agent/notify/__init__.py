"""Telling people by e-mail, Teams and the like: digest (pure) → message (pure) → target, one child process each.

digest puts together what each target is to be told, message puts it into words, target hands it to Apprise in a
process of its own, whose program is apprise_sender: the only module that imports Apprise.
"""
