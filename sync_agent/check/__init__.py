"""What can be wrong, told: from what was observed to findings, with a remedy each. Pure: asking is others' business.

faults (the table) ← hosts, sign_in, permissions, agent_list, domains, limits, machine (each: seen → findings) ← judge.
"""
