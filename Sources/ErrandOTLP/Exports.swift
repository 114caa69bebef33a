// Who imports this room has the library as well.

#if Web
@_exported public import Errand
#endif
