// The library speaks of execution contexts in its own API, so whoever imports it gets their room as well.

@_exported public import ErrandContext
