"""What was used, summed by hour and by day: what pages and charts read, so that they never scan events.

An account's events are numbered without gaps and in the order of their commits, so one number says how far its sums
go; each step adds the next events and moves the number on, in one transaction.  Running a step twice, or in two
processes at once, adds nothing twice.  What is not summed yet, a second's worth, statements and `/v1/usage` add up
themselves: they are exact at every instant.

Failure mode: open.  While the sums cannot be brought up to date they are some seconds old and say as of when; money is
never decided here, and `audit` derives them again from the events.
"""
