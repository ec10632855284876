"""Numbers of rows in addresses, for things whose names may hold any character."""

#: Part of a route. A larger number names no row, and a database would refuse to look for it.
ROW_NUMBER = "<int(max=2147483647):number>"
