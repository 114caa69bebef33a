// An app speaks of jobs and handlers, so whoever imports this room gets the library as well.

@_exported public import Errand
