// Who imports this room has the context as well.

#if Web
@_exported public import ErrandContext
#endif
