// The library speaks of execution contexts and loggers in its own API, so whoever imports it gets their rooms as well.

@_exported public import ErrandContext
@_exported public import ErrandSchedules
@_exported public import Logging
