"""`make bench`: everything that is measured in minutes, one after the other. `python -m bench soak [minutes]`: whether
anything grows.
"""

import sys

from bench import cold_sync, confusion, follow, follow_users, soak, state, sweep

if sys.argv[1:2] == ["soak"]:
    soak.main(*(float(argument) for argument in sys.argv[2:3]))
    sys.exit()
cold_sync.main()
print()
sweep.main()
print()
follow.main()
print()
follow_users.main()
print()
state.main()
print()
confusion.main()
