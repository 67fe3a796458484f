"""`make bench`: everything that is measured in minutes, one after the other. `python -m bench soak [minutes]`: whether
anything grows. `python -m bench day [agents]`: how right the list is in the course of a day.
"""

import sys

from bench import cold_sync, confusion, day, follow, follow_users, soak, state, sweep

if sys.argv[1:2] == ["soak"]:
    soak.main(*(float(argument) for argument in sys.argv[2:3]))
    sys.exit()
if sys.argv[1:2] == ["day"]:
    day.main(*(int(argument) for argument in sys.argv[2:3]))
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
print()
day.main()
