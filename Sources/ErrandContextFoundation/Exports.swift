// Who imports this room has the context as well.

@_exported public import ErrandContext
