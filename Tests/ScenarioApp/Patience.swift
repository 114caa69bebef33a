// A handler in the worker's own process that waits until it is cancelled.

import Errand

/// A job that ends when somebody wants it to.
struct Patience: Job {
    static let kind = "patience"
}
