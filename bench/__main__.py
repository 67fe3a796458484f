"""`make bench`: everything that is measured in minutes, one after the other. `python -m bench soak [minutes]`: whether
anything grows. `python -m bench day [agents]`: how right the list is in the course of a day.
`python -m bench growth`: what a row costs, whatever the size of the list. `python -m bench stalls`: what holds the
event loop up while the service runs. `python -m bench hold [seconds]`: whether everybody's presence is asked for every
half second, and at what cost. `python -m bench.attention`: what `schedule.presence: auto` is worth.
`python -m bench storms`: a service that throttles, is slow, and cuts answers off.
"""

import sys

from bench import cold_sync, confusion, day, follow, follow_users, growth, hold, soak, stalls, state, storms, sweep

if sys.argv[1:2] == ["soak"]:
    soak.main(*(float(argument) for argument in sys.argv[2:3]))
    sys.exit()
if sys.argv[1:2] == ["hold"]:
    hold.main(*(float(argument) for argument in sys.argv[2:3]))
    sys.exit()
if sys.argv[1:2] == ["day"]:
    day.main(*(int(argument) for argument in sys.argv[2:3]))
    sys.exit()
if sys.argv[1:2] == ["growth"]:
    growth.main(*(int(argument) for argument in sys.argv[2:]))
    sys.exit()
if sys.argv[1:2] == ["storms"]:
    storms.main()
    sys.exit()
if sys.argv[1:2] == ["stalls"]:
    stalls.main(*(int(argument) for argument in sys.argv[2:3]))
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
print()
growth.main()
print()
stalls.main()
