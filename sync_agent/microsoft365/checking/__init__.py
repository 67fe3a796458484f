"""Asking for `sync-agent check`: each module asks a little and says what it saw, as sync_agent.check has it.

trouble (errors in its words) ← hosts, signing_in, access, columns, graph_list, rest_list, own_lists, domains.
"""
